import Testing

@testable import MasixKernel

/// What a message costs does not depend on what else is in the kernel: no event may copy a table.
///
/// The comparison is with an almost empty kernel in the same process, the best of several batches each, so that a busy machine
/// does not decide it. A copied table of this size costs hundreds of times a pair, the bound is far below.
@Suite(.serialized) struct SizeTests {
    static let many = 20_000
    static let slowerMax = 5.0

    var scene = Scene.withoutLinks
    let server: TaskID
    let client: TaskID
    let port: PortID

    init() {
        scene.recounts = false
        server = scene.attach()
        client = scene.attach()
        port = scene.port(of: server)
        scene.give(.makeSend(port), of: server, to: client)
    }

    /// Seconds of the best of several batches of pairs.
    private static func time(_ kernel: inout Kernel, _ pair: (inout Kernel) -> Void) -> Double {
        let clock = ContinuousClock()
        var best = Duration.seconds(1000)
        for _ in 0..<12 {
            best = min(best, clock.measure { for _ in 0..<50 { pair(&kernel) } })
        }
        return best / .seconds(1)
    }

    /// One message and its reception; both must be done.
    private static func pair(_ kernel: inout Kernel, from client: TaskID, _ destination: Transfer, to server: TaskID, _ port: PortID) {
        let sent = ask(&kernel, client, .send(Outgoing(to: destination, payload: Payload(place: 1, length: 8))))
        let received = ask(&kernel, server, .receive(port))
        guard sent == .sent, case .message = received else { return _ = Issue.record("\(sent), \(received)") }
    }

    private static func ask(_ kernel: inout Kernel, _ task: TaskID, _ request: Request) -> Response {
        let number = (kernel.tasks[task]?.lastRequest ?? 0) + 1
        for case .reply(task, _, let response) in kernel.handle(.request(task, number: number, request)) { return response }
        return .empty
    }

    private func compare(_ grown: Scene, _ destination: Transfer, to port: PortID) {
        var small = scene.kernel
        var large = grown.kernel
        // The copies of this very function are made unique first.
        Self.pair(&small, from: client, destination, to: server, port)
        Self.pair(&large, from: client, destination, to: server, port)
        let base = Self.time(&small) { Self.pair(&$0, from: client, destination, to: server, port) }
        let full = Self.time(&large) { Self.pair(&$0, from: client, destination, to: server, port) }
        #expect(full < base * Self.slowerMax, "\(full / base) times as slow")
    }

    @Test("20,000 messages in the queue do not slow a message through it")
    func longQueue() {
        var grown = scene
        for _ in 0..<Self.many { grown.send(to: .makeSendOnce(port), from: server) }
        // To a send-once right, for the limit is far exceeded.
        var small = scene.kernel
        var large = grown.kernel
        func pair(_ kernel: inout Kernel) { Self.pair(&kernel, from: server, .makeSendOnce(port), to: server, port) }
        pair(&small)
        pair(&large)
        let base = Self.time(&small, pair)
        let full = Self.time(&large, pair)
        #expect(full < base * Self.slowerMax, "\(full / base) times as slow")
    }

    @Test("20,000 ports and send rights of the two tasks do not slow a message between them")
    func manyPorts() {
        var grown = scene
        for _ in 0..<Self.many / 2 {
            for task in [server, client] {
                let port = grown.port(of: task)
                grown.ask(task, .make(.makeSend(port)))
            }
        }
        compare(grown, .copySend(port), to: port)
    }

    @Test("20,000 send-once rights of the two tasks do not slow a message between them")
    func manyOnces() {
        var grown = scene
        for _ in 0..<Self.many { grown.ask(server, .make(.makeSendOnce(port))) }
        compare(grown, .copySend(port), to: port)
    }

    @Test("with links on, a thousand clients without a lease do not slow a message of one of them")
    func manySenders() {
        var links = Scene()
        links.recounts = false
        let server = links.attach()
        let client = links.attach()
        let port = links.port(of: server, limit: 1024)
        links.give(.makeSend(port), of: server, to: client)
        var small = links.kernel
        for _ in 0..<1000 {
            let other = links.attach()
            links.give(.makeSend(port), of: server, to: other)
            links.send(to: .copySend(port), from: other)
        }
        _ = links.drain(port, by: server)
        var large = links.kernel
        func pair(_ kernel: inout Kernel) { Self.pair(&kernel, from: client, .copySend(port), to: server, port) }
        pair(&small)
        pair(&large)
        let base = Self.time(&small, pair)
        let full = Self.time(&large, pair)
        #expect(full < base * 2 * Self.slowerMax, "\(full / base) times as slow")
    }

    @Test("the end of a task with 20,000 ports takes time in proportion to them")
    func endOfMany() {
        func grown(_ count: Int) -> Kernel {
            var scene = scene
            for _ in 0..<count { _ = scene.port(of: client) }
            return scene.kernel
        }
        func time(_ count: Int) -> Double {
            let kernel = grown(count)
            var best = Duration.seconds(1000)
            for _ in 0..<3 {
                var copy = kernel
                best = min(best, ContinuousClock().measure { _ = copy.handle(.end(client)) })
            }
            return best / .seconds(1)
        }
        let base = time(Self.many / 10)
        let full = time(Self.many)
        #expect(full < base * 10 * Self.slowerMax, "\(full / base) times as slow for ten times as many")
    }
}
