/// The network server of the node that is asked, R_b of figure 5: it holds each question against whom the channel is with, and brings each answer back
/// to the channel of its question (spec/security.md 2.5, steps 3 to 6).
public struct RemoteAnswerer: Sendable {
    private struct Key: Hashable { let channel: UInt64, request: RequestID }

    public let node: NodeName
    private var questions: [Key: BootTime] = [:]
    let defences: Defences

    public static let questionsMax = 1_024
    /// Of one channel, so that a node does not use up what is there for all.
    public static let questionsOfChannelMax = 256

    public init(node: NodeName) { self.init(node: node, defences: .all) }

    init(node: NodeName, defences: Defences) {
        self.node = node
        self.defences = defences
    }

    public var pendingCount: Int { questions.count }

    /// RREQ has come on a channel with `peer`, as the channel's key says: it is for this node's name server.
    public mutating func request(
        _ message: [UInt8], from peer: NodeName, on channel: UInt64, at now: BootTime
    ) throws(SecurityRefusal) -> RemoteRequest {
        let request = try RemoteRequest(message: message)
        if defences.contains(.peerNode) {
            guard request.from == peer, request.asker.node == peer else {
                throw SecurityRefusal(.mismatch, "node \(peer) asks for \(request.asker) of node \(request.from)")
            }
        }
        questions = questions.filter { $0.value > now }
        let key = Key(channel: channel, request: request.request)
        guard questions[key] == nil else { throw SecurityRefusal(.replayed, "a question that was asked already") }
        guard questions.count < Self.questionsMax, questions.keys.count(where: { $0.channel == channel }) < Self.questionsOfChannelMax
        else {
            throw SecurityRefusal(.full, "too many questions of node \(peer) are without an answer")
        }
        questions[key] = now.later(seconds: RemoteResolver.seconds)
        return request
    }

    /// The name server has answered, by RREP or REFUSED: what goes back on that channel.
    public mutating func answer(_ message: [UInt8], on channel: UInt64) throws(SecurityRefusal) -> [UInt8] {
        let request =
            SecureFrame.kind(of: message) == .refused
            ? try RefusedMessage(message: message).request : try RemoteReply(message: message).request
        guard questions.removeValue(forKey: Key(channel: channel, request: request)) != nil else {
            throw SecurityRefusal(.unexpected, "an answer to a question that was not asked on this channel, or was answered")
        }
        return message
    }

    /// A channel has ended.
    public mutating func ended(_ channel: UInt64) { questions = questions.filter { $0.key.channel != channel } }
}
