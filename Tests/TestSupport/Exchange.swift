public import Masix
import MasixLinux
import Synchronization

/// The smallest server by which tasks of a bare node meet: it keeps a send right under a name until somebody calls for it, and holds
/// whoever comes to a meeting until all are there.
public final class Exchange: Sendable {
    /// Codes of its messages.
    enum Errand {
        static let leave: UInt32 = 1
        static let fetch: UInt32 = 2
        static let meet: UInt32 = 3
        static let look: UInt32 = 4
    }

    /// The first task of a node is one.
    public init(_ space: Space) throws {
        let port = try space.makePort(queueLimit: 256)
        try space.setBootstrap(port)
        try Self.serve(port)
    }

    /// An exchange that is found by its name, for tasks of several nodes.
    public static func start(named name: String, in space: Space) throws {
        try serve(try space.names.register(name, queueLimit: 256))
    }

    private static func serve(_ port: consuming ReceiveRight) throws {
        let boxed = Mutex<ReceiveRight?>(port)
        try DetachedThread.start("exchange") {
            guard let port = boxed.withLock({ $0.take() }) else { return }
            var counter = Counter()
            // Ends when the node does.
            while var message = try? port.receive() {
                do throws(MasixError) {
                    try counter.serve(&message)
                } catch {
                    // The one who asked has gone.
                }
            }
        }
    }

    /// What is kept, and who waits for it.
    private struct Counter {
        private var kept: [String: [KeptRight]] = [:]
        private var waiting: [String: [KeptReply]] = [:]
        private var met: [String: [KeptReply]] = [:]

        mutating func serve(_ message: inout ReceivedMessage) throws(MasixError) {
            let name = message.text ?? ""
            switch message.code {
            case Errand.leave:
                guard let right = message.takeSendRight() else { return }
                kept[name, default: []].append(KeptRight(right))
                try match(name)
            case Errand.fetch:
                guard let reply = message.takeReply() else { return }
                waiting[name, default: []].append(KeptReply(reply))
                try match(name)
            case Errand.look:
                var answer = Message()
                if kept[name]?.isEmpty == false, let right = kept[name]?.removeFirst().take() { answer.attach(right) }
                let reply = message.takeReply()
                try reply?.send(answer)
            case Errand.meet:
                guard let reply = message.takeReply(), let count = name.split(separator: " ").last.flatMap({ Int($0) }) else { return }
                met[name, default: []].append(KeptReply(reply))
                guard let all = met[name], all.count >= count else { return }
                met[name] = nil
                for one in all { try one.take()?.send(Message()) }
            default: break
            }
        }

        private mutating func match(_ name: String) throws(MasixError) {
            while let right = kept[name]?.first, let reply = waiting[name]?.first {
                kept[name]?.removeFirst()
                waiting[name]?.removeFirst()
                var answer = Message()
                if let right = right.take() { answer.attach(right) }
                try reply.take()?.send(answer)
            }
            if kept[name]?.isEmpty == true { kept[name] = nil }
            if waiting[name]?.isEmpty == true { waiting[name] = nil }
        }
    }
}

/// A task's way to meet the other tasks of its test node: `TestNode` runs what answers.
public struct MeetingPlace: Sendable {
    private let space: Space
    /// Nil for the node's own exchange.
    private let counter: ExchangeRight?

    public init(_ space: Space) {
        self.space = space
        counter = nil
    }

    /// The exchange of this name, wherever it is.
    public init(_ space: Space, exchange name: String) throws {
        self.space = space
        counter = ExchangeRight(try space.names.lookUp(name, wait: true, timeout: .seconds(10)))
    }

    private func exchange() throws(MasixError) -> SendRight {
        if let counter { return counter.right.copy() }
        return try space.bootstrap()
    }

    /// Leaves a right under a name, for one who fetches it.
    public func leave(_ right: consuming SendRight, as name: String) throws(MasixError) {
        var message = Message(code: Exchange.Errand.leave, text: name)
        message.attach(right)
        try exchange().send(message, timeout: .seconds(10))
    }

    /// Fetches what somebody leaves under this name; waits for it.
    public func fetch(_ name: String, timeout: Duration = .seconds(10)) throws(MasixError) -> SendRight {
        var answer = try exchange().call(Message(code: Exchange.Errand.fetch, text: name), timeout: timeout)
        if answer.isDead(at: 0) { throw .deadName }
        guard let right = answer.takeSendRight() else { throw .malformedMessage }
        return right
    }

    /// The same for what is there already; else nil.
    public func fetchIfThere(_ name: String) throws(MasixError) -> SendRight? {
        var answer = try exchange().call(Message(code: Exchange.Errand.look, text: name), timeout: .seconds(10))
        return answer.takeSendRight()
    }

    /// Returns when `count` have come to this meeting.
    public func meet(_ name: String, of count: Int, timeout: Duration = .seconds(20)) throws(MasixError) {
        _ = try exchange().call(Message(code: Exchange.Errand.meet, text: "\(name) \(count)"), timeout: timeout)
    }
}

/// A move-only right inside a dictionary.
private final class KeptRight: Sendable {
    private let right: Mutex<SendRight?>
    init(_ right: consuming SendRight) { self.right = Mutex(right) }
    func take() -> SendRight? { right.withLock { $0.take() } }
}

private final class KeptReply: Sendable {
    private let right: Mutex<SendOnceRight?>
    init(_ right: consuming SendOnceRight) { self.right = Mutex(right) }
    func take() -> SendOnceRight? { right.withLock { $0.take() } }
}

private final class ExchangeRight: Sendable {
    let right: SendRight
    init(_ right: consuming SendRight) { self.right = right }
}
