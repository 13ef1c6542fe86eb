public import Masix
import Synchronization

/// A server of typed calls: handlers by the type of the call, for as many ports as are put into it.
///
/// ```swift
/// let server = try CallServer(in: space)
/// server.on(LookUp.self) { request throws in
///     guard let number = numbers[request.value.name] else { throw LookUp.Failure.unknown(request.value.name) }
///     return .init(number: number)
/// }
/// server.insert(try space.names.register("phone-book"))
/// try server.run()
/// ```
/// Every call is answered: with its response, or with an error that says why there is none (`CallError`). Nothing that a caller
/// sends ends the server. May be run by several threads or tasks at a time; then handlers are, too.
public final class CallServer: Sendable {
    /// Bytes of the largest request value that is read.
    public let requestBytesMax: Int
    /// So many calls may be at work in `onAsync` handlers at a time; who calls beyond gets `.busy`.
    public let callsAtOnceMax: Int

    private let space: Space
    private let ports: PortSet
    /// A port of its own: it wakes whoever runs, and dead-name notifications come to it.
    private let control: PortID
    private let waker: SendRight
    private let desk = Mutex(Desk())
    private let isStopped = Atomic<Bool>(false)
    private let callsAtOnce = Atomic<Int>(0)

    /// What is done with a message of one code; the server comes as an argument, so that its own handlers do not keep it alive.
    private typealias Handler = @Sendable (CallServer, consuming ReceivedMessage) -> Void

    private struct Desk {
        var handlers: [UInt32: Handler] = [:]
        var notified: (@Sendable (Notification, inout ReceivedMessage) -> Void)?
        var troubled: (@Sendable (Trouble) -> Void)?
    }

    /// Something that a caller must not learn in full, and the server's log should.
    public struct Trouble: Sendable {
        /// The code of the call.
        public let code: UInt32
        /// Who called.
        public let caller: TaskID
        /// What went wrong: what a handler threw, or why its answer could not be sent.
        public let error: any Error
    }

    /// A server without ports and handlers.
    public init(in space: Space, requestBytesMax: Int = CallLimits.valueBytesMax, callsAtOnceMax: Int = 64) throws(MasixError) {
        self.requestBytesMax = requestBytesMax
        self.callsAtOnceMax = callsAtOnceMax
        self.space = space
        ports = space.makePortSet()
        let port = try space.makePort(queueLimit: 1)
        waker = try port.makeSendRight()
        control = ports.insert(port)
    }

    // MARK: ports

    /// Serves this port too; its receive right belongs to the server from now on. May be done while it runs.
    @discardableResult
    public func insert(_ port: consuming ReceiveRight) -> PortID { ports.insert(port) }

    /// Makes a port and serves it: for a session with one client, most of all.
    public func makePort(queueLimit: Int = 64) throws(MasixError) -> PortID { ports.insert(try space.makePort(queueLimit: queueLimit)) }

    /// Serves this port no longer; nil if it is none of the server's.
    public func remove(_ port: PortID) -> ReceiveRight? { port == control ? nil : ports.remove(port) }

    /// A send right to one of the server's ports.
    public func makeSendRight(to port: PortID) throws(MasixError) -> SendRight { try ports.makeSendRight(to: port) }

    /// Asks for a no-senders notification about one of the server's ports; the notification's message names the port (`port`).
    public func requestNoSenders(of port: PortID, sync: UInt32 = 0) throws(MasixError) {
        try ports.requestNoSenders(of: port, sync: sync, to: port)
    }

    /// Asks for a notification when the port behind `right` dies.
    public func requestDeadName(of right: borrowing SendRight) throws(MasixError) { try ports.requestDeadName(of: right, to: control) }

    // MARK: handlers

    /// Answers calls of this type. Calls are handled one after the other, on the thread or task that runs the server.
    ///
    /// If the handler throws a `C.Failure`, that is the answer. Any other error is told to `onTrouble`, and the caller gets
    /// `.serverFailed`. A second handler for one code is a mistake of the program, which ends it.
    public func on<C: Call>(_ call: C.Type, _ body: @escaping @Sendable (inout CallRequest<C>) throws -> C.Response) {
        put(C.code) { server, received in
            guard var open = server.open(C.self, received) else { return }
            let verdict: Verdict
            do {
                verdict = try Verdict(response: try body(&open.request))
            } catch {
                verdict = server.verdict(on: error, of: C.self, from: open.request.message.sender)
            }
            server.close(open, verdict)
        }
    }

    /// Answers calls of this type in tasks of their own, several at a time: for handlers that wait for something else.
    ///
    /// Errors travel as for `on`. A call that is under way when the server stops is still answered.
    public func onAsync<C: Call>(_ call: C.Type, _ body: @escaping @Sendable (inout CallRequest<C>) async throws -> C.Response) {
        put(C.code) { server, received in
            guard let open = server.open(C.self, received) else { return }
            guard server.callsAtOnce.add(1, ordering: .relaxed).newValue <= server.callsAtOnceMax else {
                server.callsAtOnce.subtract(1, ordering: .relaxed)
                return server.close(open, Verdict(.busy))
            }
            let box = Box(open)
            Task {
                guard var open = box.take() else { return }
                let verdict: Verdict
                do {
                    verdict = try Verdict(response: try await body(&open.request))
                } catch {
                    verdict = server.verdict(on: error, of: C.self, from: open.request.message.sender)
                }
                // Before the answer: whoever has it may call again.
                server.callsAtOnce.subtract(1, ordering: .relaxed)
                server.close(open, verdict)
            }
        }
    }

    /// Takes the messages of this code as they are: for bytes that are no typed call. The handler answers, if there is a reply right.
    public func on(code: UInt32, _ body: @escaping @Sendable (inout ReceivedMessage) throws -> Void) {
        put(code) { server, received in
            var message = received
            let sender = message.sender
            do {
                try body(&message)
            } catch {
                server.tell(Trouble(code: code, caller: sender, error: error))
            }
        }
    }

    /// Is told what the kernel tells the server's ports. Without it notifications are let go.
    public func onNotification(_ body: @escaping @Sendable (Notification, inout ReceivedMessage) -> Void) {
        desk.withLock { $0.notified = body }
    }

    /// Is told what goes wrong and is not the caller's to know: the place for a log.
    public func onTrouble(_ body: @escaping @Sendable (Trouble) -> Void) { desk.withLock { $0.troubled = body } }

    private func put(_ code: UInt32, _ handler: @escaping Handler) {
        let previous = desk.withLock { $0.handlers.updateValue(handler, forKey: code) }
        precondition(previous == nil, "two handlers for the code \(code)")
    }

    // MARK: running

    /// Serves until `stop`, blocking this thread. Throws only what concerns the whole server: most of all that the node is gone.
    public func run() throws(MasixError) {
        while !isStopped.load(ordering: .acquiring) { handle(try ports.receive()) }
        wakeNext()
    }

    /// Serves until `stop`, suspending while there is nothing to do. If the task is cancelled, `.cancelled`.
    public func run() async throws(MasixError) {
        while !isStopped.load(ordering: .acquiring) { handle(try await ports.next()) }
        wakeNext()
    }

    /// Serves what is here now: for programs that wait elsewhere (`Space.pollableDescriptor`).
    public func serveReady() throws(MasixError) {
        while let message = try ports.tryReceive() { handle(message) }
    }

    /// Ends every `run`, each after the call that it is at. What is in the queues stays there until the ports are removed, or die
    /// with the server.
    public func stop() {
        isStopped.store(true, ordering: .releasing)
        wakeNext()
    }

    /// Wakes one who runs; he wakes the next. If the message finds no room, one lies there already; if the node is gone, all know.
    private func wakeNext() { try? waker.send(Message(), timeout: .zero) }

    private func handle(_ received: consuming ReceivedMessage) {
        var message = received
        if let notification = message.notification {
            desk.withLock { $0.notified }?(notification, &message)
            return
        }
        // Nobody else has a right to send to it.
        if message.port == control { return }
        if let handler = desk.withLock({ $0.handlers[message.code] }) { return handler(self, message) }
        let reply = message.takeReply()
        answer(reply, Verdict(.unknownCall, about: message.code), Cargo(), to: message.sender, code: message.code)
    }

    // MARK: one call

    /// A call that has been read and not been answered.
    private struct OpenCall<C: Call>: ~Copyable, Sendable {
        var request: CallRequest<C>
        let reply: SendOnceRight?
    }

    /// Decodes, and changes nothing; what cannot be read is answered here.
    private func open<C: Call>(_ call: C.Type, _ received: consuming ReceivedMessage) -> OpenCall<C>? {
        var message = received
        let reply = message.takeReply()
        let refusal: Verdict
        do throws(PayloadError) {
            let value = try message.takeValue(C.self, bytesMax: requestBytesMax)
            return OpenCall(request: CallRequest(value, message: message, server: self), reply: reply)
        } catch {
            switch error {
            case .unreadable(let words): refusal = Verdict(.undecodable, about: words)
            case .tooLarge: refusal = Verdict(.tooLarge, about: requestBytesMax)
            }
        }
        answer(reply, refusal, Cargo(), to: message.sender, code: message.code)
        return nil
    }

    /// Answers; the handler's cargo goes with a response only.
    private func close<C: Call>(_ open: consuming OpenCall<C>, _ verdict: Verdict) {
        let caller = open.request.message.sender
        let cargo = verdict.code == .response ? open.request.reply : Cargo()
        answer(open.reply, verdict, cargo, to: caller, code: C.code)
    }

    private func verdict<C: Call>(on error: any Error, of call: C.Type, from caller: TaskID) -> Verdict {
        if let failure = error as? C.Failure, let verdict = try? Verdict(failure: failure) { return verdict }
        tell(Trouble(code: C.code, caller: caller, error: error))
        return Verdict(.serverFailed, about: "\(type(of: error))")
    }

    private func answer(_ reply: consuming SendOnceRight?, _ verdict: Verdict, _ cargo: consuming Cargo, to caller: TaskID, code: UInt32) {
        guard let reply else { return }
        let message = message(verdict, cargo, to: caller, code: code)
        do throws(MasixError) {
            try reply.send(message)
        } catch {
            // The reply right is given up with the message, and tells the caller `.noReply`.
            tell(Trouble(code: code, caller: caller, error: error))
        }
    }

    /// The answer as a message; if it cannot be made, because it brings too much, one that says so.
    private func message(_ verdict: Verdict, _ cargo: consuming Cargo, to caller: TaskID, code: UInt32) -> Message {
        do throws(MasixError) {
            let message = try Message(code: verdict.code.rawValue, json: verdict.json, cargo: cargo)
            try message.check()
            return message
        } catch {
            tell(Trouble(code: code, caller: caller, error: error))
            return Message(code: AnswerCode.serverFailed.rawValue, bytes: Verdict(.serverFailed, about: "\(type(of: error))").json)
        }
    }

    private func tell(_ trouble: Trouble) { desk.withLock { $0.troubled }?(trouble) }
}

/// How a call ends: the code and the value of its answer.
private struct Verdict: Sendable {
    let code: AnswerCode
    let json: [UInt8]

    init(response: some Encodable) throws(Unwritable) { (code, json) = (.response, try Payload.encode(response)) }

    init(failure: some Encodable) throws(Unwritable) { (code, json) = (.failure, try Payload.encode(failure)) }

    /// A refusal in words or numbers of our own, which JSON always has a form for.
    init(_ code: AnswerCode, about subject: some Encodable = Nothing?.none) {
        self.code = code
        json = (try? Payload.encode(subject)) ?? []
    }
}

/// Carries a move-only value into a task.
private final class Box<Value: ~Copyable & Sendable>: Sendable {
    private let value: Mutex<Value?>

    init(_ value: consuming sending Value) { self.value = Mutex(value) }

    func take() -> sending Value? { value.withLock { $0.take() } }
}
