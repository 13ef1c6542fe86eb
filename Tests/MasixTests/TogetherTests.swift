import Masix
import MasixTestKit
import Testing

/// Many rights and ports with one word to the nucleus each time.
@Suite struct TogetherTests {
    /// What a file server and its client do with a batch: however many files, as many requests.
    @Test(arguments: TestNode.Leases.allCases)
    func aHundredPortsAreGivenAndClosedByAHandfulOfRequests(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let set = server.makePortSet()
            let ports = try set.makePorts(100, queueLimit: 4)
            #expect(Set(ports).count == 100)
            let door = try client.makePort()
            let right = try node.pass(try door.makeSendRight(), from: client, to: server)
            for round in 1...2 {
                var message = Message()
                for port in ports { try message.attachSendRight(to: port, in: set) }
                let before = try node.counters()["requests"] ?? 0
                try right.send(message, timeout: .seconds(10))
                try set.requestNoSenders(of: ports)
                var received = try door.receive(timeout: .seconds(10))
                var rights = SendRights()
                for index in 0..<received.rightCount {
                    guard let right = received.takeSendRight(at: index) else { throw MasixError.malformedMessage }
                    rights.append(right)
                }
                #expect(rights.count == 100)
                let first = rights.copy(at: 0)
                #expect(first.port == ports[0])
                try first.send(Message(text: "hello"), timeout: .seconds(10))
                rights.close()
                // All but the one that has been copied, and its message.
                var closed: Set<PortID> = []
                var texts = 0
                while closed.count < 99 || texts < 1 {
                    var messages = try set.receive(upTo: 256, timeout: .seconds(10))
                    while let message = messages.next() {
                        if message.notification == .noSenders(makeSendCount: UInt32(round)) { closed.insert(message.port) }
                        if message.text == "hello" { texts += 1 }
                    }
                }
                #expect(closed == Set(ports.dropFirst()))
                first.close()
                var last = try set.receive(upTo: 256, timeout: .seconds(10))
                #expect(last.count == 1)
                #expect(last.next()?.port == ports[0])
                #expect(try (node.counters()["requests"] ?? .max) - before < 40)
            }
            set.destroy(ports)
            #expect(set.ports.isEmpty)
        }
    }

    @Test func whatCarriesSomethingIsReceivedByItself() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let set = space.makePortSet()
            let ports = try set.makePorts(3)
            for port in ports { try set.makeSendRight(to: port).send(Message(code: 3, text: "some bytes"), timeout: .zero) }
            var heard: [PortID] = []
            for _ in ports {
                var messages = try set.receive(upTo: 10, timeout: .seconds(10))
                #expect(messages.count == 1)
                while let message = messages.next() {
                    #expect(message.text == "some bytes")
                    heard.append(message.port)
                }
            }
            #expect(Set(heard) == Set(ports))
            let failure = #expect(throws: MasixError.self) { _ = try set.receive(upTo: 10, timeout: .milliseconds(5)) }
            #expect(failure == .timedOut)
            #expect(throws: MasixError.invalidValue) { _ = try set.receive(upTo: 0) }
        }
    }

    /// A right that sending would have made, to a port that is gone: nothing is sent, and the message is whole.
    @Test func aRightIsMadeOnlyToWhatIsThere() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let target = try space.makePort()
            let right = try target.makeSendRight()
            let port = try space.makePort()
            // Known to the nucleus, which makes the right: one that the library alone knows makes it at once.
            _ = try port.status()
            var message = Message(code: 4)
            message.attachSendRight(to: port)
            port.close()
            #expect(throws: MasixError.invalidRight) { try right.trySend(&message, timeout: .zero) }
            #expect(message.rightCount == 1)
            let set = space.makePortSet()
            #expect(throws: MasixError.invalidRight) { try message.attachSendRight(to: target.port, in: set) }
        }
    }

    @Test func requestsBeyondTheBoundAreSplit() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let set = space.makePortSet()
            #expect(throws: MasixError.invalidValue) { _ = try set.makePorts(257) }
            let ports = try set.makePorts(256) + set.makePorts(256)
            try set.requestNoSenders(of: ports)
            // Nobody has ever had a right: all are told at once.
            var closed: Set<PortID> = []
            while closed.count < 512 {
                var messages = try set.receive(upTo: 1_000, timeout: .seconds(10))
                #expect((1...256).contains(messages.count))
                while let message = messages.next() { closed.insert(message.port) }
            }
            #expect(closed == Set(ports))
        }
    }
}
