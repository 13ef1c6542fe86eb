public import MasixKernel
public import MasixNetwork

/// A session of this process with another node, which outlives its connections (decision 0021), or one of these; never used twice.
public struct ChannelID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let raw: UInt64

    public init(raw: UInt64) { self.raw = raw }

    public static func < (left: Self, right: Self) -> Bool { left.raw < right.raw }

    public var description: String { "channel \(raw)" }
}

/// Who is at the other end of a channel. Number and key are proved; the rest is what that node says.
public struct ChannelPeer: Hashable, Sendable {
    public let number: UInt32
    public let incarnation: UInt32
    /// As in the roster.
    public let name: String
    /// The version that both speak.
    public let version: UInt16
    /// For people.
    public let software: String
    /// That of the bodies of its tasks.
    public let order: ByteOrder

    public var node: NodeID { NodeID(number: number, incarnation: incarnation) }
}

/// Why a channel is no more.
public enum ChannelEnd: Hashable, Sendable, CustomStringConvertible {
    /// The peer said that it stops.
    case goodbye
    /// This node stops.
    case stopped
    /// The connection ended without a word: the peer's process has ended, or something between the nodes.
    case lost(String)
    /// No byte has come for too long.
    case silent
    /// We closed it.
    case refused(ChannelRefusal)
    /// The peer closed it and said why.
    case refusedByPeer(ChannelRefusal.Kind)
    /// The peer has made a newer channel, after this one had ended for it or after it had begun a new life.
    case superseded

    public var description: String {
        switch self {
        case .goodbye: "the other node stops"
        case .stopped: "this node stops"
        case .lost(let words): "the connection was lost: \(words)"
        case .silent: "nothing has been heard for too long"
        case .refused(let refusal): refusal.description
        case .refusedByPeer(let kind): "the other side refused: \(kind)"
        case .superseded: "the other side has made a newer channel"
        }
    }
}

/// What `NodeChannels` tells, in order, on its event loop.
public enum NodeChannelsEvent: Hashable, Sendable {
    case up(ChannelID, ChannelPeer)
    /// Frames of one channel in the order in which they were sent.
    case frame(ChannelID, [UInt8])
    /// `send` has asked for patience on this channel, and takes more again.
    case drained(ChannelID)
    /// Nothing more comes of this channel. At most one channel with a peer is up at any time: `.down` comes before the next `.up`.
    case down(ChannelID, peer: UInt32, ChannelEnd)
    /// A dial has failed, and no channel with this peer is up.
    case unreachable(peer: UInt32)
}
