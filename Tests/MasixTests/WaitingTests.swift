import Masix
import MasixTestKit
import Testing

/// Time and cancellation: whoever waits is let go when it is over, and nothing of his comes later.
@Suite struct WaitingTests {
    /// Tasks that suspend share few threads with every other test of the run.
    private static let patience = Duration.seconds(120)

    @Test(arguments: TestNode.Leases.allCases)
    func timesAreKept(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort(queueLimit: 1)
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let own = try client.makePort()
            for milliseconds in [-1, 0, 30] {
                let timeout = Duration.milliseconds(milliseconds)
                let least = max(.zero, timeout)
                let clock = ContinuousClock()
                let received = clock.measure { #expect(throws: MasixError.timedOut) { _ = try own.receive(timeout: timeout) } }
                let called = clock.measure {
                    #expect(throws: MasixError.timedOut) { _ = try right.call(Message(), timeout: timeout) }
                }
                // The call lies in the queue, and leaves no room for a send.
                let sent = clock.measure { #expect(throws: MasixError.timedOut) { try right.send(Message(), timeout: timeout) } }
                for took in [received, called, sent] { #expect(took >= least && took < .seconds(10)) }
                _ = try port.receive(timeout: .seconds(10))
            }
        }
    }

    @Test func aReceiveEndsWithItsPort() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let set = space.makePortSet()
            let port = set.insert(try space.makePort())
            let right = try set.makeSendRight(to: port)
            try right.send(Message(code: 1), timeout: .zero)
            #expect(try set.receive(timeout: .seconds(10)).code == 1)
            set.remove(port)?.close()
            #expect(throws: MasixError.deadName) { _ = try right.call(Message(), timeout: .seconds(10)) }
        }
    }

    @Test(arguments: TestNode.Leases.allCases)
    func aCancelledReceiveTakesNothing(leases: TestNode.Leases) async throws {
        let node = try TestNode(leases: leases)
        let (server, client) = (try node.attach(), try node.attach())
        let set = server.makePortSet()
        let port = set.insert(try server.makePort())
        let right = try node.pass(try set.makeSendRight(to: port), from: server, to: client)
        for number in 0..<20 as Range<UInt32> {
            let waiting = Task { try await set.next(timeout: Self.patience).code }
            if number % 2 == 0 { await Task.yield() }
            waiting.cancel()
            await #expect(throws: MasixError.cancelled) { _ = try await waiting.value }
            try await right.send(Message(code: number), timeout: Self.patience)
            #expect(try await set.next(timeout: Self.patience).code == number)
        }
        node.stop()
    }

    /// The answer to a call that nobody waits for any more must not meet the next call.
    @Test(arguments: TestNode.Leases.allCases)
    func aCancelledCallLeavesNoAnswerBehind(leases: TestNode.Leases) async throws {
        let node = try TestNode(leases: leases)
        let (server, client) = (try node.attach(), try node.attach())
        let port = try server.makePort()
        let right = try node.pass(try port.makeSendRight(), from: server, to: client)
        for number in 0..<20 as Range<UInt32> {
            let boxed = Boxed(right.copy())
            let calling = Task {
                guard let right = boxed.take() else { return }
                _ = try await right.call(Message(code: number), timeout: Self.patience)
            }
            var late = try await port.next(timeout: Self.patience)
            #expect(late.code == number)
            calling.cancel()
            await #expect(throws: MasixError.cancelled) { try await calling.value }
            let reply = late.takeReply()
            try reply?.send(Message(code: number + 1_000))

            let next = Boxed(right.copy())
            let answered = Task { try await next.take()?.call(Message(), timeout: Self.patience).code }
            var request = try await port.next(timeout: Self.patience)
            let answer = request.takeReply()
            try answer?.send(Message(code: number + 2_000))
            #expect(try await answered.value == number + 2_000)
        }
        node.stop()
    }

    @Test func aTimeThatIsOverIsToldToAsyncCodeToo() async throws {
        let node = try TestNode()
        let space = try node.attach()
        let port = try space.makePort(queueLimit: 1)
        let right = try port.makeSendRight()
        await #expect(throws: MasixError.timedOut) { _ = try await port.next(timeout: .milliseconds(5)) }
        try await right.send(Message(), timeout: Self.patience)
        await #expect(throws: MasixError.timedOut) { try await right.send(Message(), timeout: .milliseconds(5)) }
        await #expect(throws: MasixError.timedOut) { _ = try await right.call(Message(), timeout: .milliseconds(5)) }
        _ = try await port.next(timeout: Self.patience)
        port.close()
        await #expect(throws: MasixError.deadName) { try await right.send(Message(), timeout: Self.patience) }
        node.stop()
    }
}
