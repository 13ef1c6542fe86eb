import Masix
import MasixTestKit
import MasixTyped
import Synchronization
import Testing

/// The server: rights beside values, sessions, handlers that wait, and its end.
@Suite struct CallServerTests {
    /// Opens a session: a port for one client.
    struct Open: Call {
        static let code: UInt32 = 30
        var title: String
        typealias Response = Nothing
        struct Failure: Error, Codable, Equatable {}
    }

    /// Brings a door to be knocked at, and memory; takes memory home.
    struct Deliver: Call {
        static let code: UInt32 = 31
        var label: String
        typealias Response = Int
    }

    struct Wait: Call {
        static let code: UInt32 = 32
        var milliseconds: Int
        typealias Response = Int
        struct Failure: Error, Codable, Equatable { var words: String }
    }

    /// Tasks that suspend share few threads with every other test of the run, which may block them: they get their turn late.
    private static let patience = Duration.seconds(120)

    @Test(arguments: TestNode.Leases.allCases)
    func rightsAndMemoryTravelBesideValues(leases: TestNode.Leases) throws {
        let library = try Library(leases: leases) { server in
            server.on(Deliver.self) { request in
                guard let door = request.message.takeSendRight(at: 1), let memory = request.message.takeMemory() else { return -1 }
                try door.send(Message(text: "delivered"), timeout: .zero)
                request.reply.attach(try MemoryObject(bytes: try memory.bytes().reversed()))
                return request.message.memoryCount
            }
        }
        let own = try library.client.makePort()
        // With a value that fits, and with one that is itself memory: the positions are the same.
        for label in ["small", String(repeating: "l", count: 70_000)] {
            var cargo = Cargo()
            cargo.attachNothing()
            cargo.attach(try own.makeSendRight())
            cargo.attach(try MemoryObject(bytes: [1, 2, 3]))
            var answer = try library.right.call(Deliver(label: label), with: cargo, timeout: .seconds(10))
            #expect(answer.value == 1)
            let memory = answer.message.takeMemory()
            #expect(try memory?.bytes() == [3, 2, 1])
            #expect(answer.message.memoryCount == 1)
            #expect(try own.receive(timeout: .seconds(10)).text == "delivered")
        }
        try library.close()
    }

    /// A server of sessions: each client gets a port of its own, and its end is told.
    @Test func sessionsComeAndGo() throws {
        let ended = Notes<PortID>()
        let library = try Library { server in
            server.on(Open.self) { request in
                guard request.value.title != "" else { throw Open.Failure() }
                let session = try request.server.makePort()
                try request.server.requestNoSenders(of: session, sync: 1)
                request.reply.attach(try request.server.makeSendRight(to: session))
                return Nothing()
            }
            server.onNotification { [unowned server] notification, message in
                guard case .noSenders = notification else { return }
                _ = server.remove(message.port)
                ended.add(message.port)
            }
        }
        let session: PortID
        do {
            var answer = try library.right.call(Open(title: "one"), with: Cargo(), timeout: .seconds(10))
            guard let right = answer.message.takeSendRight() else { throw MasixError.malformedMessage }
            session = right.port
            let echoed: String = try right.call(Echo(text: "by the session"), timeout: .seconds(10))
            #expect(echoed == "by the session")
        }
        // Calls go by in turn, and the notification came before this one, or comes soon.
        for _ in 0..<1_000 where ended.all.isEmpty {
            let _: String = try library.right.call(Echo(text: ""), timeout: .seconds(10))
        }
        #expect(ended.all == [session])
        try library.close()
    }

    @Test func aCargoThatIsTooLargeIsTheServersFailure() throws {
        let library = try Library { server in
            server.on(Deliver.self) { request in
                for _ in 0...16 { request.reply.attach(try MemoryObject(bytes: [1])) }
                return 0
            }
        }
        let right = library.right.copy()
        #expect(throws: CallError<Never>.serverFailed("MasixError")) {
            _ = try right.call(Deliver(label: ""), timeout: .seconds(10)) as Int
        }
        try library.close()
    }

    @Test func bytesAndTypedCallsShareAPort() throws {
        let library = try Library { server in
            server.on(code: 1) { message in
                let reply = message.takeReply()
                try reply?.send(Message(code: 2, bytes: message.bytes.reversed()))
            }
        }
        #expect(try library.right.call(Message(code: 1, bytes: [1, 2]), timeout: .seconds(10)).bytes == [2, 1])
        // As a program in another language would.
        let answer = try library.right.call(Message(code: LookUp.code, text: "{\"name\":\"ada\"}"), timeout: .seconds(10))
        #expect(answer.text?.contains("\"number\":\"ada\"") == true)
        try library.close()
    }

    @Test func aCallForWhichNobodyWaitsIsCarriedOut() throws {
        let heard = Notes<String>()
        struct Note: Call {
            static let code: UInt32 = 33
            var text: String
            typealias Response = Nothing
        }
        let library = try Library { server in
            server.on(Note.self) { request in
                heard.add(request.value.text)
                return Nothing()
            }
        }
        try library.right.send(Note(text: "one"), timeout: .seconds(10))
        try library.right.send(Note(text: "two"), timeout: .seconds(10))
        let _: String = try library.right.call(Echo(text: "after them"), timeout: .seconds(10))
        #expect(heard.all == ["one", "two"])
        try library.close()
    }

    @Test func handlersThatWaitAreManyAtATimeAndNoMore() async throws {
        let gate = Gate()
        let library = try Library(callsAtOnceMax: 2) { server in
            server.onAsync(Wait.self) { request in
                await gate.wait()
                guard request.value.milliseconds >= 0 else { throw Wait.Failure(words: "the past") }
                return request.value.milliseconds
            }
        }
        let (first, second) = (Once(library.right.copy()), Once(library.right.copy()))
        async let one = first.take()?.call(Wait(milliseconds: 1), timeout: Self.patience)
        async let two = error(of: Wait(milliseconds: -1), second)
        await gate.waitForVisitors(2)
        // Both are under way; a third is one too many, and other calls are served meanwhile.
        await #expect(throws: CallError<Wait.Failure>.busy) {
            _ = try await library.right.call(Wait(milliseconds: 3), timeout: Self.patience) as Int
        }
        let echoed: String = try await library.right.call(Echo(text: "x"), timeout: Self.patience)
        #expect(echoed == "x")
        await gate.open()
        let answers = try await (one, two)
        #expect(answers.0 == 1)
        #expect(answers.1 == .failed(.init(words: "the past")))
        // There is room again.
        let again: Int = try await library.right.call(Wait(milliseconds: 4), timeout: Self.patience)
        #expect(again == 4)
        try library.close()
    }

    private func error<C: Call>(of call: C, _ right: Once<SendRight>) async throws -> CallError<C.Failure>? {
        guard let right = right.take() else { return nil }
        do throws(CallError<C.Failure>) {
            let _: C.Response = try await right.call(call, timeout: Self.patience)
            return nil
        } catch {
            return error
        }
    }

    @Test func anAsyncServerEndsWhenItIsCancelledOrStopped() async throws {
        let node = try TestNode()
        let space = try node.attach()
        let server = try CallServer(in: space)
        server.on(Echo.self) { $0.value.text }
        let right = try server.makeSendRight(to: server.insert(try space.makePort()))
        let cancelled = Task { try await server.run() }
        let first: String = try await right.call(Echo(text: "one"), timeout: Self.patience)
        #expect(first == "one")
        cancelled.cancel()
        await #expect(throws: MasixError.cancelled) { try await cancelled.value }
        let stopped = Task { try await server.run() }
        let second: String = try await right.call(Echo(text: "two"), timeout: Self.patience)
        #expect(second == "two")
        server.stop()
        try await stopped.value
        node.stop()
    }

    @Test func stopEndsEveryThreadThatRuns() throws {
        let node = try TestNode()
        let server = try CallServer(in: try node.attach())
        let threads = try (0..<4).map { _ in try Background { try server.run() } }
        server.stop()
        for thread in threads { try thread.wait() }
        // It has been stopped for good.
        try server.run()
        node.stop()
    }

    @Test func whatIsHereIsServedWithoutWaiting() throws {
        let node = try TestNode()
        let space = try node.attach()
        let heard = Notes<String>()
        let server = try CallServer(in: space)
        server.on(Echo.self) { request in
            heard.add(request.value.text)
            return ""
        }
        try server.serveReady()
        let right = try server.makeSendRight(to: server.insert(try space.makePort()))
        for number in 0..<3 { try right.send(Echo(text: "\(number)"), timeout: .zero) }
        try server.serveReady()
        #expect(heard.all == ["0", "1", "2"])
        node.stop()
    }

    @Test func anAsyncSenderWaitsForRoom() async throws {
        let node = try TestNode()
        let space = try node.attach()
        let server = try CallServer(in: space)
        let heard = Notes<String>()
        server.on(Echo.self) { request in
            heard.add(request.value.text)
            return ""
        }
        let right = try server.makeSendRight(to: server.insert(try space.makePort(queueLimit: 1)))
        try await right.send(Echo(text: "one"), timeout: Self.patience)
        await #expect(throws: CallError<Never>.node(.timedOut)) { try await right.send(Echo(text: "two"), timeout: .milliseconds(5)) }
        try server.serveReady()
        try await right.send(Echo(text: "three"), timeout: Self.patience)
        try server.serveReady()
        #expect(heard.all == ["one", "three"])
        node.stop()
    }

    @Test func aServerThatIsLetGoTakesItsPortsAlong() throws {
        let node = try TestNode()
        let space = try node.attach()
        let right = try abandoned(space)
        let isDead = right.isDead
        #expect(isDead)
        node.stop()
    }

    private func abandoned(_ space: Space) throws -> SendRight {
        let server = try CallServer(in: space)
        server.on(Echo.self) { $0.value.text }
        server.onAsync(LookUp.self) { _ in .init(number: "", pages: []) }
        return try server.makeSendRight(to: server.insert(try space.makePort()))
    }
}

/// Holds whoever waits at it until it is opened.
private actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var visitors = 0
    private var watchers: [(Int, CheckedContinuation<Void, Never>)] = []

    func wait() async {
        visitors += 1
        for (count, watcher) in watchers where count <= visitors { watcher.resume() }
        watchers.removeAll { $0.0 <= visitors }
        if !isOpen { await withCheckedContinuation { waiting.append($0) } }
    }

    func waitForVisitors(_ count: Int) async {
        if visitors < count { await withCheckedContinuation { watchers.append((count, $0)) } }
    }

    func open() {
        isOpen = true
        for one in waiting { one.resume() }
        waiting = []
    }
}
