public import MasixWire

/// Why a channel between two nodes is not made, or ends.
public enum ChannelRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The key of whoever called is not in the roster.
    case unknownKey(fingerprint: String)
    /// Where a node should be, somebody with another key answered.
    case wrongKey(expected: UInt32, fingerprint: String)
    /// The key is that of an entry that counts no more.
    case expired(number: UInt32)
    /// Not one certificate, but none or several.
    case certificateCount(Int)
    /// A certificate that cannot be read.
    case unreadableCertificate
    /// TLS came to no agreement.
    case handshake(String)
    /// The other side does not speak "masix/1" at all.
    case applicationProtocol
    /// The node says a number that is not the one of its key.
    case wrongNumber(claimed: UInt32, rosterSays: UInt32)
    /// This node met itself.
    case ownKey
    /// The other side speaks only older versions than we do: it must be upgraded.
    case peerTooOld(ours: ChannelVersions, theirs: ChannelVersions)
    /// The other side speaks only newer versions than we do: we must be upgraded.
    case peerTooNew(ours: ChannelVersions, theirs: ChannelVersions)
    /// A node in a life of which a later one has been heard.
    case staleIncarnation(UInt32, latest: UInt32)
    /// A network server of which a later one of the same node has been heard.
    case staleLife
    /// There is a channel with this node already.
    case duplicate
    /// The session has died on this side, and is refused for ever.
    case deadSession
    /// More frames than were sent, or fewer than were acknowledged, when a session was to go on.
    case impossibleResumption
    /// The same on a connection that carries one.
    case miscountedFrames
    /// A frame longer than the limit.
    case tooLarge(length: UInt32, limit: UInt32)
    /// A frame without a byte in it.
    case emptyFrame
    case malformedHello
    case malformedControl
    case unknownControl(UInt8)
    case frameBeforeHello
    case secondHello
    /// An acceptance from whom does not decide, or a second one.
    case unexpectedAcceptance
    /// No hello in time.
    case timedOut
    case tooManyConnections
    /// One address calls too often.
    case addressTooFast
    /// The node has been taken out of the roster, or its entry has been replaced.
    case notInRoster
    /// More was sent on the channel than it takes, against what it had said.
    case overrun
    /// What travels in the frames is not the protocol of network servers.
    case protocolViolation(StaticName)

    /// What is counted.
    public enum Kind: UInt8, CaseIterable, Hashable, Sendable {
        case unknownKey = 1
        case wrongKey, expired, certificateCount, unreadableCertificate, handshake, applicationProtocol, wrongNumber, ownKey, peerTooOld,
            peerTooNew, staleIncarnation, duplicate, tooLarge, emptyFrame, malformedHello, malformedControl, unknownControl,
            frameBeforeHello, secondHello, unexpectedAcceptance, timedOut, tooManyConnections, addressTooFast, notInRoster, overrun,
            protocolViolation, staleLife, deadSession, impossibleResumption, miscountedFrames

        /// Whether the peer is told the kind; of every other one it learns only that the channel is closed.
        public var isTold: Bool { self == .peerTooOld || self == .peerTooNew || self == .duplicate || self == .deadSession }
    }

    public var kind: Kind {
        switch self {
        case .unknownKey: .unknownKey
        case .wrongKey: .wrongKey
        case .expired: .expired
        case .certificateCount: .certificateCount
        case .unreadableCertificate: .unreadableCertificate
        case .handshake: .handshake
        case .applicationProtocol: .applicationProtocol
        case .wrongNumber: .wrongNumber
        case .ownKey: .ownKey
        case .peerTooOld: .peerTooOld
        case .peerTooNew: .peerTooNew
        case .staleIncarnation: .staleIncarnation
        case .duplicate: .duplicate
        case .tooLarge: .tooLarge
        case .emptyFrame: .emptyFrame
        case .malformedHello: .malformedHello
        case .malformedControl: .malformedControl
        case .unknownControl: .unknownControl
        case .frameBeforeHello: .frameBeforeHello
        case .secondHello: .secondHello
        case .unexpectedAcceptance: .unexpectedAcceptance
        case .timedOut: .timedOut
        case .tooManyConnections: .tooManyConnections
        case .addressTooFast: .addressTooFast
        case .notInRoster: .notInRoster
        case .overrun: .overrun
        case .protocolViolation: .protocolViolation
        case .staleLife: .staleLife
        case .deadSession: .deadSession
        case .impossibleResumption: .impossibleResumption
        case .miscountedFrames: .miscountedFrames
        }
    }

    public var description: String {
        switch self {
        case .unknownKey(let fingerprint): "no node of the roster has the key \(fingerprint)"
        case .wrongKey(let expected, let fingerprint): "the key \(fingerprint) is not that of node \(expected)"
        case .expired(let number): "the roster's entry of node \(number) has expired"
        case .certificateCount(let count): "\(count) certificates instead of one"
        case .unreadableCertificate: "a certificate that cannot be read"
        case .handshake(let words): "no agreement on TLS: \(words)"
        case .applicationProtocol: "the other side does not speak masix/1"
        case .wrongNumber(let claimed, let number): "it says that it is node \(claimed), and its key is that of node \(number)"
        case .ownKey: "it has this node's own key"
        case .peerTooOld(let ours, let theirs): "it speaks versions \(theirs), we speak \(ours): the other side must be upgraded"
        case .peerTooNew(let ours, let theirs): "it speaks versions \(theirs), we speak \(ours): this side must be upgraded"
        case .staleIncarnation(let life, let latest): "it is in its life \(life), and life \(latest) has been heard"
        case .staleLife: "a later life of its network server has been heard"
        case .duplicate: "there is a channel with this node already"
        case .deadSession: "the session is dead on this side"
        case .impossibleResumption: "frames of the session that cannot have come, when it was to go on"
        case .miscountedFrames: "an acknowledgement of frames that cannot have come"
        case .tooLarge(let length, let limit): "a frame of \(length) bytes; at most \(limit)"
        case .emptyFrame: "a frame without a byte"
        case .malformedHello: "a hello that is none"
        case .malformedControl: "a control frame with other bytes than its kind has"
        case .unknownControl(let kind): "a control frame of the unknown kind \(kind)"
        case .frameBeforeHello: "a frame before the hello"
        case .secondHello: "a second hello"
        case .unexpectedAcceptance: "an acceptance that is not its to give"
        case .timedOut: "no hello in time"
        case .tooManyConnections: "too many connections that have not yet said who they are"
        case .addressTooFast: "too many connections from this address"
        case .notInRoster: "its entry in the roster has been removed or replaced"
        case .overrun: "more was to be sent than the channel takes"
        case .protocolViolation(let what): "what its frames say is not the protocol: \(what)"
        }
    }
}
