public import MasixKernel

/// What can go wrong with a call of this library. Each says what the caller can do about it; `description` says it in words.
public enum MasixError: Error, Hashable, Sendable {
    /// No node answers at this path.
    case noNode(path: String)
    /// The node's protocol is another version than ours.
    case versionMismatch(node: UInt16, library: UInt16)
    /// The node has stopped, or has ended this task.
    case nodeGone
    /// This process is a forked child: the rights are its parent's (architecture rule 20).
    case forked
    /// The port behind the right has died.
    case deadName
    /// The receive right is gone: destroyed or moved away while somebody waited (spec/mach.md V2).
    case portDied
    /// The time was over. A send has not happened; a call may have been carried out.
    case timedOut
    /// The partner died or dropped the reply right without an answer (a send-once notification came in its place).
    case noReply
    /// The message has more inline bytes than `Limits.inlineBytesMax`: send a memory object.
    case tooLarge(bytes: Int)
    /// The message carries more rights or memory objects than one message may.
    case tooManyRights
    /// This task is over its quota of ports or rights.
    case noSpace
    /// This task is over its quota of queued messages, bytes or memory.
    case resourceShortage
    /// The right named in the message is not held in that form, or was already given away in it.
    case invalidRight
    /// A chief stands between this task and the destination and takes no messages for it.
    case noRoute
    /// A receive right does not go to another node yet; nothing has been sent, and the message has what it had.
    case staysOnNode
    /// Only the node's first task may do this.
    case notPermitted
    /// The received message is not what the protocol of this port says.
    case malformedMessage
    /// The server's answer to a typed call: it has refused, in its own words.
    case refusedByServer(String)
    /// Memory could not be made, sealed or mapped.
    case memory(errno: Int32)
    /// The waiting task was cancelled.
    case cancelled
    /// The value is outside its range.
    case invalidValue
    /// The kernel refused for a reason that this call does not know.
    case refused(Refusal)

    init(_ refusal: Refusal) {
        switch refusal {
        case .invalidDestination: self = .deadName
        case .invalidReply, .invalidRight, .invalidName, .invalidCapability, .nameExists: self = .invalidRight
        case .full: self = .timedOut
        case .invalidValue: self = .invalidValue
        case .noSpace: self = .noSpace
        case .resourceShortage: self = .resourceShortage
        case .notPermitted: self = .notPermitted
        case .tooLarge: self = .tooLarge(bytes: Limits.inlineBytesMax + 1)
        case .noRoute: self = .noRoute
        case .staysOnNode: self = .staysOnNode
        case .invalidMemory: self = .memory(errno: 22)
        case .linkGone, .malformed, .notBare: self = .refused(refusal)
        }
    }
}

extension MasixError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noNode(let path): "no node answers at \(path): start one with `masix node run`, or set MASIX_NODE to the node's directory"
        case .versionMismatch(let node, let library):
            "the node speaks protocol version \(node), this program version \(library): upgrade the \(node < library ? "node" : "program")"
        case .nodeGone: "the node has stopped or has ended this task: see `masix node status` and the node's log"
        case .forked: "this process was forked from the one that holds the rights: attach again in the child"
        case .deadName: "the port has died: look the name up again"
        case .portDied: "the receive right was destroyed or moved away while this call waited"
        case .timedOut: "the time was over"
        case .noReply: "the partner died or dropped the reply right without an answer"
        case .tooLarge(let bytes):
            "\(bytes) inline bytes are more than \(Limits.inlineBytesMax): send them as a memory object"
        case .tooManyRights:
            "a message carries at most \(Limits.rightsPerMessageMax) rights and \(Limits.memoryPerMessageMax) memory objects"
        case .noSpace: "this task is over its quota of ports or rights: give some up"
        case .resourceShortage: "this task has too much under way that nobody has received yet"
        case .invalidRight: "the right is not held in that form"
        case .noRoute: "a chief stands between this task and the destination and takes no messages for it"
        case .staysOnNode: "a receive right cannot be sent to another node: send a send right, and receive here"
        case .notPermitted: "only the node's first task may do this"
        case .malformedMessage: "the message is not what the protocol of this port says"
        case .refusedByServer(let words): words
        case .memory(let errno): "the memory object could not be made, sealed or mapped (errno \(errno))"
        case .cancelled: "the waiting was cancelled"
        case .invalidValue: "the value is outside its range"
        case .refused(let refusal): "the kernel refused: \(refusal)"
        }
    }
}
