import MasixKernel
import MasixLinux
import MasixWire

/// The node's names: where a program finds the first port of another.
///
/// ```swift
/// let door = try space.names.register("echo", queueLimit: 64)     // the server
/// let echo = try space.names.lookUp("echo")                       // the client
/// ```
/// A name lives as long as the port behind it, or until it is removed; only its owner's user, or root, may replace or remove it.
/// If the name server is restarted meanwhile these calls wait for it: names and callers survive it.
///
/// `timeout` nil waits for ever; when it is over, `.timedOut`.
public struct Names: Sendable {
    let space: Space

    /// Makes a port findable under a name.
    ///
    /// With `replace` the name moves to this port, if it is the same user's. Registering the same port again changes nothing.
    public func register(
        _ name: String, _ right: consuming SendRight, replace: Bool = false, timeout: Duration? = nil
    ) throws(NameError) {
        let answered = try ask(.register(name, replace: replace), about: name, with: right, until: Deadline(timeout))
        guard case .done = answered.answer else { throw Self.error(answered.answer, name) }
    }

    /// Makes a port whose queue holds `queueLimit` messages, and registers it.
    public func register(
        _ name: String, queueLimit: Int = 64, replace: Bool = false, timeout: Duration? = nil
    ) throws(NameError) -> ReceiveRight {
        let port = try onNode { () throws(MasixError) in try space.makePort(queueLimit: queueLimit) }
        let right = try onNode { () throws(MasixError) in try port.makeSendRight() }
        try register(name, right, replace: replace, timeout: timeout)
        return port
    }

    /// A send right to the port of this name; `NAME@NODE` is the one of that node and no other.
    ///
    /// `.unknown` if nobody has registered it; with `wait` it is waited for until somebody does. A right that this program already holds
    /// is found with a plain call to the name server: no right is sent again, and nothing to another node.
    public func lookUp(_ name: String, wait: Bool = false, timeout: Duration? = nil) throws(NameError) -> SendRight {
        let deadline = Deadline(timeout)
        if let right = try confirmed(name, until: deadline) { return right }
        while true {
            // Zero would ask without waiting, and be answered that the name is unknown: the last of a millisecond is one.
            let patience = wait ? max(1, UInt32(clamping: (deadline.remaining ?? .max) / 1_000_000)) : 0
            var answered = try ask(
                .lookUp(name, waitMilliseconds: min(patience, NameRequest.waitMillisecondsMax)), about: name, until: deadline)
            switch answered.answer {
            case .found:
                if let right = answered.message.takeSendRight() {
                    space.foundNames.note(name, right.port)
                    return right
                }
                // It has died on its way: the name is about to be free.
                guard answered.message.isDead(at: 0) else { throw .node(.malformedMessage) }
            case .notYet: break
            default: throw Self.error(answered.answer, name)
            }
            if deadline.isOver { throw .timedOut(name) }
        }
    }

    /// The right that was found under this name before, if this program holds it still and the name server says that it is the name's.
    private func confirmed(_ name: String, until deadline: Deadline) throws(NameError) -> SendRight? {
        guard let port = space.foundNames[name] else { return nil }
        guard let right = try onNode({ () throws(MasixError) in try space.heldRight(to: port) }), !right.isDead else { return nil }
        guard case .done = try ask(.confirm(name, port), about: name, until: deadline).answer else { return nil }
        return right
    }

    /// Frees the name. The port behind it lives on.
    public func remove(_ name: String, timeout: Duration? = nil) throws(NameError) {
        let answered = try ask(.remove(name), about: name, until: Deadline(timeout))
        switch answered.answer {
        case .done: break
        // The first of several attempts did it, and its name server died before it could say so.
        case .unknown where answered.attempts > 1: break
        default: throw Self.error(answered.answer, name)
        }
    }

    /// All names in order, with their owners.
    public func list(timeout: Duration? = nil) throws(NameError) -> [NameRecord] {
        let deadline = Deadline(timeout)
        var all: [NameRecord] = []
        while true {
            let last = all.last?.name ?? ""
            let answered = try ask(.list(after: last), about: "the names", until: deadline)
            guard case .names(let names, let more) = answered.answer else { throw Self.error(answered.answer, last) }
            // In order and new, or a name server could keep us here for ever.
            guard zip([last] + names.map(\.name), names).allSatisfy({ $0 < $1.name }) else { throw .node(.malformedMessage) }
            all += names
            if !more || names.isEmpty { return all }
        }
    }

    private func onNode<Result: ~Copyable>(_ body: () throws(MasixError) -> Result) throws(NameError) -> Result {
        do throws(MasixError) { return try body() } catch { throw .node(error) }
    }

    private struct Answered: ~Copyable {
        let answer: NameAnswer
        var message: ReceivedMessage
        let attempts: Int
    }

    /// Asks until there is an answer: a name server that dies with the question in its hands is asked again when it is back, for its
    /// port, with everything that waits there, outlives it.
    private func ask(
        _ request: NameRequest, about name: String, with right: consuming SendRight? = nil, until deadline: Deadline
    ) throws(NameError) -> Answered {
        let bootstrap: SendRight
        do throws(MasixError) { bootstrap = try space.bootstrap() } catch { throw error == .deadName ? .noNameServer : .node(error) }
        var attempts = 0
        while true {
            attempts += 1
            var question = Message(code: NameRequest.code, bytes: request.wireBytes)
            if let copy = right?.copy() { question.attach(copy) }
            do throws(MasixError) {
                let message = try bootstrap.call(question, timeout: deadline.remaining.map { .nanoseconds($0) })
                guard message.code == NameRequest.code, let answer = try? NameAnswer(wireBytes: message.bytes) else {
                    throw .malformedMessage
                }
                return Answered(answer: answer, message: message, attempts: attempts)
            } catch {
                switch error {
                case .noReply: continue
                case .timedOut: throw .timedOut(name)
                case .deadName: throw .noNameServer
                default: throw .node(error)
                }
            }
        }
    }

    private static func error(_ answer: NameAnswer, _ name: String) -> NameError {
        switch answer {
        case .done, .found, .names, .notYet: .node(.malformedMessage)
        case .unknown(let known, let count): .unknown(name, known: known, count: Int(count))
        case .taken(let owner): .taken(name, by: owner)
        case .notOwner(let owner): .notOwner(name, owner: owner)
        case .invalidName: .invalidName(name)
        case .tooMany(let limit): .tooMany(limit: Int(limit))
        case .noRight: .deadRight(name)
        case .silent(let nodes): .unanswered(name, silent: nodes)
        case .noNode(let node, let known): .unknownNode(name, node: node, known: known)
        }
    }
}

extension Space {
    /// The names of the node.
    public var names: Names { Names(space: self) }
}
