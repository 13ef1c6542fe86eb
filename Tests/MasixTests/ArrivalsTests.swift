import Masix
import MasixTestKit
import Synchronization
import Testing

/// The loop over what arrives: order, back-pressure, and its end.
@Suite struct ArrivalsTests {
    private static let patience = Duration.seconds(120)

    @Test("spec/mach.md O1, S6: a loop takes in order, and only what it has asked for", arguments: TestNode.Leases.allCases)
    func inOrderAndNoneAhead(leases: TestNode.Leases) async throws {
        let node = try TestNode(leases: leases)
        let (server, client) = (try node.attach(), try node.attach())
        let port = try server.makePort(queueLimit: 2)
        let right = try node.pass(try port.makeSendRight(), from: server, to: client)
        for code: UInt32 in [0, 1] { try await right.send(Message(code: code), timeout: Self.patience) }
        await #expect(throws: MasixError.timedOut) { try await right.send(Message(code: 9), timeout: .zero) }
        var next: UInt32 = 0
        for try await arrival in port.arrivals {
            let message = arrival.take()
            #expect(message.code == next)
            next += 1
            if next == 50 { break }
            // One has been taken, so there is room for one.
            try await right.send(Message(code: next + 1), timeout: Self.patience)
            await #expect(throws: MasixError.timedOut) { try await right.send(Message(code: 9), timeout: .zero) }
        }
        #expect(next == 50)
        #expect(try port.receive(timeout: .seconds(10)).code == 50)
        node.stop()
    }

    @Test("spec/mach.md T4: an arrival that is not taken is released, and its caller told", arguments: TestNode.Leases.allCases)
    func leftAlone(leases: TestNode.Leases) async throws {
        let node = try TestNode(leases: leases)
        let (server, client) = (try node.attach(), try node.attach())
        let port = try server.makePort()
        let right = Boxed(try node.pass(try port.makeSendRight(), from: server, to: client))
        let calling = Task {
            guard let right = right.take() else { return }
            await #expect(throws: MasixError.noReply) { _ = try await right.call(Message(code: 1), timeout: Self.patience) }
            let answer = try await right.call(Message(code: 2), timeout: Self.patience)
            #expect(answer.text == "taken")
        }
        var seen = 0
        for try await arrival in port.arrivals {
            seen += 1
            guard seen == 2 else { continue }
            var message = arrival.take()
            let reply = message.takeReply()
            try reply?.send(Message(text: "taken"))
            break
        }
        try await calling.value
        node.stop()
    }

    @Test("spec/mach.md V2: a loop ends with its port, and throws when its task is cancelled")
    func itsEnd() async throws {
        let node = try TestNode()
        let space = try node.attach()
        let port = try space.makePort()
        let arrivals = port.arrivals
        let count = Task {
            var count = 0
            for try await arrival in arrivals { count += arrival.take().code == 7 ? 1 : 0 }
            return count
        }
        try await port.makeSendRight().send(Message(code: 7), timeout: Self.patience)
        // It lies there until the loop has taken it.
        while try port.status().messages > 0 { await Task.yield() }
        port.close()
        #expect(try await count.value == 1)

        let other = try space.makePort()
        let waiting = Task { [arrivals = other.arrivals] in
            for try await _ in arrivals {}
        }
        waiting.cancel()
        await #expect(throws: MasixError.cancelled) { try await waiting.value }
        other.close()
        node.stop()
    }

    @Test("spec/mach.md 1.7: a loop over a set goes on while members come and go")
    func overASet() async throws {
        let node = try TestNode()
        let space = try node.attach()
        let set = space.makePortSet()
        let codes = Task { [arrivals = set.arrivals] in
            var codes: [UInt32] = []
            for try await arrival in arrivals {
                var message = arrival.take()
                codes.append(message.code)
                let reply = message.takeReply()
                try reply?.send(Message())
                if codes.count == 3 { break }
            }
            return codes
        }
        for code: UInt32 in [1, 2, 3] {
            let port = set.insert(try space.makePort())
            let right = try set.makeSendRight(to: port)
            _ = try await right.call(Message(code: code), timeout: Self.patience)
            set.remove(port)?.close()
        }
        #expect(try await codes.value == [1, 2, 3])
        node.stop()
    }
}
