import Masix
import MasixKernel
import MasixTestKit
import Testing

/// What a program sees of messages, whichever way they go.
@Suite struct MessageTests {
    @Test(arguments: TestNode.Leases.allCases)
    func messagesArriveInOrder(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let sender = try Background {
                for number in 0..<5_000 { try right.send(Message(code: UInt32(number), text: "message \(number)"), timeout: .seconds(10)) }
            }
            for number in 0..<5_000 {
                let message = try port.receive(timeout: .seconds(10))
                #expect(message.code == UInt32(number))
                #expect(message.text == "message \(number)")
                #expect(message.sender == client.task)
            }
            try sender.wait()
        }
    }

    @Test(arguments: TestNode.Leases.allCases)
    func callsAreAnswered(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let serving = try Background {
                for _ in 0..<3_000 {
                    var request = try port.receive(timeout: .seconds(10))
                    let reply = request.takeReply()
                    try reply?.send(Message(code: request.code + 1, bytes: request.bytes.reversed()))
                }
            }
            for number in 0..<3_000 {
                let answer = try right.call(Message(code: UInt32(number), bytes: [1, 2, 3]), timeout: .seconds(10))
                #expect(answer.code == UInt32(number) + 1)
                #expect(answer.bytes == [3, 2, 1])
            }
            try serving.wait()
        }
    }

    /// T4: a reply right that is let go unused tells the caller.
    @Test(arguments: TestNode.Leases.allCases)
    func aDroppedReplyIsToldToTheCaller(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let serving = try Background {
                for _ in 0..<100 { _ = try port.receive(timeout: .seconds(10)) }
            }
            for _ in 0..<100 {
                #expect(throws: MasixError.noReply) { _ = try right.call(Message(), timeout: .seconds(10)) }
            }
            try serving.wait()
        }
    }

    @Test func aCallToATaskThatEndsIsToldAtOnce() throws {
        try TestNode.run { node in
            let client = try node.attach()
            let right = try endedServer(node, client)
            #expect(throws: MasixError.deadName) { try right.send(Message(), timeout: .seconds(5)) }
            #expect(right.isDead == true)
        }
    }

    private func endedServer(_ node: TestNode, _ client: Space) throws -> SendRight {
        let server = try node.attach()
        let port = try server.makePort()
        return try node.pass(try port.makeSendRight(), from: server, to: client)
    }

    @Test(arguments: TestNode.Leases.allCases)
    func rightsAndMemoryTravel(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let own = try client.makePort()
            var message = Message(code: 9, text: "with cargo")
            message.attach(try own.makeSendRight())
            message.attach(try MemoryObject(bytes: [UInt8](repeating: 7, count: 100_000)))
            try right.send(message, timeout: .seconds(5))
            var received = try port.receive(timeout: .seconds(5))
            let taken = received.takeMemory()
            let memory = try #require(taken)
            #expect(memory.count == 100_000)
            #expect(try memory.bytes(in: 99_990..<100_000) == [UInt8](repeating: 7, count: 10))
            let back = received.takeSendRight()
            try back?.send(Message(text: "hello"), timeout: .seconds(5))
            #expect(try own.receive(timeout: .seconds(5)).text == "hello")
            #expect(try received.senderIdentity().pid == client.identity.pid)
        }
    }

    @Test(arguments: TestNode.Leases.allCases)
    func aFullQueueHoldsItsSenderUpToItsTimeout(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort(queueLimit: 3)
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            for number in 0..<3 { try right.send(Message(code: UInt32(number)), timeout: .zero) }
            #expect(throws: MasixError.timedOut) { try right.send(Message(code: 3), timeout: .zero) }
            #expect(throws: MasixError.timedOut) { try right.send(Message(code: 3), timeout: .milliseconds(20)) }
            #expect(try port.receive(timeout: .zero).code == 0)
            try right.send(Message(code: 3), timeout: .seconds(5))
            #expect(throws: MasixError.timedOut) { try right.send(Message(code: 4), timeout: .zero) }
            for number in 1...3 { #expect(try port.receive(timeout: .seconds(1)).code == UInt32(number)) }
            #expect(throws: MasixError.timedOut) { _ = try port.receive(timeout: .milliseconds(5)) }
        }
    }

    @Test func asyncCallersDoNotBlockEachOther() async throws {
        let node = try TestNode()
        let (server, client) = (try node.attach(), try node.attach())
        let port = try server.makePort()
        let right = try node.pass(try port.makeSendRight(), from: server, to: client)
        let serving = Task {
            for _ in 0..<200 {
                var request = try await port.next(timeout: .seconds(120))
                let reply = request.takeReply()
                try reply?.send(Message(code: request.code * 2))
            }
        }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                let own = right.copy()
                let boxed = Boxed(own)
                group.addTask {
                    guard let right = boxed.take() else { return false }
                    return try await right.call(Message(code: UInt32(number)), timeout: .seconds(120)).code == UInt32(number) * 2
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        try await serving.value
        node.stop()
    }
}
