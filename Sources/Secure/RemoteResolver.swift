/// The network server of the asking node, R_a of figure 5: it remembers what it asked on which channel, and takes each answer once
/// (spec/security.md 2.5, steps 2, 3, 6 and 7).
public struct RemoteResolver: Sendable {
    private struct Question: Sendable {
        let node: NodeName
        let channel: UInt64
        let server: ServerName
        let interface: Interface
        let asker: Party
        let deadline: BootTime
    }

    public let node: NodeName
    private var questions: [RequestID: Question] = [:]
    let defences: Defences

    public static let questionsMax = 256
    /// An answer that comes later is not expected any more.
    public static let seconds: UInt64 = 10

    public init(node: NodeName) { self.init(node: node, defences: .all) }

    init(node: NodeName, defences: Defences) {
        self.node = node
        self.defences = defences
    }

    public var pendingCount: Int { questions.count }

    /// FORWARD has come from this node's name server. `channel` numbers the channel with the node that it names, in this life of the network
    /// server; gives RREQ for it.
    public mutating func forward(_ message: [UInt8], on channel: UInt64, at now: BootTime) throws(SecurityRefusal) -> [UInt8] {
        let forward = try ForwardMessage(message: message)
        guard forward.asker.node == node else { throw SecurityRefusal(.mismatch, "a question of \(forward.asker) on node \(node)") }
        guard forward.node != node else { throw SecurityRefusal(.mismatch, "a question for this node itself") }
        guard questions[forward.request] == nil else { throw SecurityRefusal(.replayed, "a question that was asked already") }
        guard questions.count < Self.questionsMax else {
            throw SecurityRefusal(.full, "\(Self.questionsMax) questions are without an answer")
        }
        questions[forward.request] = Question(
            node: forward.node, channel: channel, server: forward.server, interface: forward.interface, asker: forward.asker.party,
            deadline: now.later(seconds: Self.seconds))
        return RemoteRequest(
            request: forward.request, from: node, asker: forward.asker, server: forward.server, interface: forward.interface,
            hasAES: forward.hasAES
        ).message
    }

    /// RREP or REFUSED has come on a channel: it is for this node's name server as it is, if it answers what was asked there.
    public mutating func reply(_ message: [UInt8], on channel: UInt64, at now: BootTime) throws(SecurityRefusal) -> [UInt8] {
        if SecureFrame.kind(of: message) == .refused {
            let refused = try RefusedMessage(message: message)
            _ = try take(refused.request, on: channel, at: now)
            return message
        }
        let reply = try RemoteReply(message: message)
        guard defences.contains(.outstanding) else { return message }
        let question = try take(reply.request, on: channel, at: now)
        guard reply.terms.server.server == question.server, reply.terms.server.node == question.node,
            reply.terms.interface == question.interface,
            reply.terms.asker == question.asker
        else {
            throw SecurityRefusal(.mismatch, "an answer for \(reply.terms.server) where \(question.server)@\(question.node) was asked for")
        }
        return message
    }

    private mutating func take(_ request: RequestID, on channel: UInt64, at now: BootTime) throws(SecurityRefusal) -> Question {
        guard let question = questions[request], question.channel == channel else {
            throw SecurityRefusal(.unexpected, "an answer to a question that was not asked on this channel, or was answered")
        }
        questions[request] = nil
        guard now < question.deadline else { throw SecurityRefusal(.tooLate, "an answer after \(Self.seconds) s") }
        return question
    }

    /// A channel has ended: its questions get no answers. They are the name server's to refuse.
    public mutating func ended(_ channel: UInt64) -> [RequestID] { drop { $0.channel == channel } }

    /// Questions that nobody will answer any more.
    public mutating func overdue(at now: BootTime) -> [RequestID] { drop { $0.deadline <= now } }

    private mutating func drop(where isOver: (Question) -> Bool) -> [RequestID] {
        let over = questions.filter { isOver($0.value) }.keys
        for request in over { questions[request] = nil }
        return Array(over)
    }
}
