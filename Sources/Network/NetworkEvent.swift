public import MasixKernel
public import MasixWire

/// A proxy port of this node, as core and shell call it: the port itself is the shell's.
public struct ProxyID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let raw: UInt64
    public init(raw: UInt64) { self.raw = raw }
    public static func < (left: Self, right: Self) -> Bool { left.raw < right.raw }
    public var description: String { "proxy \(raw)" }
}

/// A right in a message that a local task has sent to a proxy.
public enum LocalRight: Hashable, Sendable {
    case null
    case dead
    /// To a port of this node. The shell keeps the right itself until the event has been handled.
    case send(PortID, limit: UInt32)
    /// To one of our own proxies: it goes home, or on to a third node.
    case proxy(ProxyID)
    /// A send-once right, which the shell keeps under this number until it is told what to do with it.
    case once(UInt64)
    /// The peer's own send-once right: it goes home. The shell has let it go.
    case onceHome(OnceKey)
}

/// A right in a message that is to be sent to a local task.
public enum RightForTask: Hashable, Sendable {
    case null
    case dead
    /// A copy of a right that the shell was told to hold.
    case held(PortID)
    /// A send right to this proxy.
    case proxy(ProxyID)
    /// A send-once right to a port of its own, by which one message goes out to the peer's send-once right.
    case once(OnceKey)
    /// The send-once right that the shell keeps under this number.
    case kept(UInt64)
}

/// A send-once right of another node that a local task holds: the node, and the number there.
public struct OnceKey: Hashable, Comparable, Sendable {
    public let peer: UInt32
    public let number: UInt64

    public init(peer: UInt32, number: UInt64) {
        self.peer = peer
        self.number = number
    }

    public static func < (left: Self, right: Self) -> Bool { (left.peer, left.number) < (right.peer, right.number) }
}

/// A message of a local task, received at a proxy.
public struct LocalMessage: Hashable, Sendable {
    public var sender: Speaker?
    public var code: UInt32
    public var bytes: [UInt8]
    /// How they are laid out.
    public var format: BodyFormat
    public var reply: LocalRight
    public var rights: [LocalRight]
    /// Bytes of each memory object, which the shell keeps under the transfer's number.
    public var memory: [UInt64]

    public init(
        from sender: Speaker?, code: UInt32, bytes: [UInt8] = [], format: BodyFormat = .plain, reply: LocalRight = .null,
        rights: [LocalRight] = [],
        memory: [UInt64] = []
    ) {
        self.sender = sender
        self.code = code
        self.bytes = bytes
        self.format = format
        self.reply = reply
        self.rights = rights
        self.memory = memory
    }
}

/// A message to be sent to a local port.
public struct Delivery: Hashable, Sendable {
    public enum Destination: Hashable, Sendable {
        /// By the right that is held to this port.
        case held(PortID)
        /// By the send-once right that is kept under this number.
        case once(UInt64)
    }

    public var destination: Destination
    /// As the receiver is to see it: a task of another node.
    public var speaker: Speaker?
    public var code: UInt32
    public var bytes: [UInt8]
    /// How they are laid out.
    public var format: BodyFormat
    public var reply: RightForTask
    public var rights: [RightForTask]
    /// The peer and the transfer under which the shell has collected its memory objects.
    public var transfer: TransferKey?
    public var memoryCount: Int
}

/// A message with memory under way from a peer.
public struct TransferKey: Hashable, Comparable, Sendable {
    public let peer: UInt32
    public let number: UInt64

    public init(peer: UInt32, number: UInt64) {
        self.peer = peer
        self.number = number
    }

    public static func < (left: Self, right: Self) -> Bool { (left.peer, left.number) < (right.peer, right.number) }
}

/// What a network server is told.
public enum NetworkEvent: Hashable, Sendable {
    /// A channel with this node, in this life of it.
    case up(NodeID)
    case frame(peer: UInt32, NetworkFrame)
    /// The channel has ended; with it everything that was said over it.
    case down(peer: UInt32)
    /// Nobody answers at the address of this node.
    case unreachable(peer: UInt32)
    /// The channel takes no more for now, and takes more again.
    case congested(peer: UInt32)
    case drained(peer: UInt32)

    /// A local task has sent this to a proxy; `transfer` is where the shell keeps its memory.
    case sent(to: ProxyID, LocalMessage, transfer: UInt64)
    /// A local task has used the send-once right of a peer.
    case answered(OnceKey, LocalMessage, transfer: UInt64)
    /// It has let it go.
    case unused(OnceKey)
    /// No local task has any of the send rights to the proxy that have been made.
    case noSenders(ProxyID)
    /// A port that we hold a right to has died.
    case died(PortID)
    /// The message lies in its port's home queue.
    case delivered(UInt64)
    /// It does not and will not: its port has died (spec/mach.md S4), or it could not be put together.
    case undelivered(UInt64)
    /// So many messages of ours have been received from this port.
    case received(PortID, count: UInt32)
    /// The memory of a transfer of ours cannot be read.
    case unreadable(peer: UInt32, transfer: UInt64)

    /// The name server asks for a name (figure 2, step 2), and will have to wait until then. With `among` these nodes alone are asked.
    case find(asker: UInt64, name: String, waitMilliseconds: UInt32, until: UInt64, among: Set<UInt32>? = nil)
    /// The name server has answered a question of a peer, or our own (figure 2, step 5): with a right, or without.
    case resolved(peer: UInt32, request: UInt64, LocalRight)
    /// The name server has answered `nameTask`.
    case named(TaskID, [String])
    /// A name that was given to other nodes is its port's no more.
    case withdrawn(String)
    /// It is so late now, in milliseconds.
    case time(UInt64)
}

/// What a network server does about it. In their order.
public enum NetworkAction: Hashable, Sendable {
    case send(peer: UInt32, NetworkFrame)
    /// The peer has said what nobody may say: its channel ends, and this is counted.
    case refuse(peer: UInt32, NetworkFault)

    /// Keep the send right to this port that came with the event, and ask for its death.
    case hold(PortID)
    case release(PortID)
    /// Make a port whose messages are for the peer.
    /// What is taken from it keeps its room in the queue, which holds as many as the port's (architecture rule 17).
    case makeProxy(ProxyID, port: PortUID, limit: UInt32)
    /// Its receive right is to be destroyed: its senders see a dead name.
    case destroyProxy(ProxyID)
    /// Tell us when it has no senders.
    case watch(ProxyID)
    /// So many messages that were taken from the proxy have been received at its port: their room is free.
    case giveRoom(ProxyID, count: UInt32)
    /// The port has this limit, and not the one that was said first.
    case setLimit(ProxyID, UInt32)
    /// Take no message from the proxy until further notice.
    case pause(ProxyID)
    case resume(ProxyID)
    /// The port behind a send-once right for a local task is of no use any more.
    case destroyOnce(OnceKey)
    /// Let go of the send-once right under this number: its owner is told that it was not used.
    case drop(once: UInt64)

    case deliver(UInt64, Delivery)
    /// Collect memory objects of these lengths.
    case collect(TransferKey, lengths: [UInt64])
    case append(TransferKey, memory: Int, ArraySlice<UInt8>)
    case discard(TransferKey)
    /// The memory of this outgoing transfer is not needed any more.
    case forget(transfer: UInt64)

    /// Ask the name server for a peer (figure 2, step 4), or, under the number of this node, for ourselves.
    case resolve(peer: UInt32, request: UInt64, name: String, waitMilliseconds: UInt32)
    /// Answer the name server (figure 2, step 7): with a send right, or with the nodes that did not answer.
    case answer(asker: UInt64, RightForTask?, silent: [UInt32])
    /// Ask the name server what this task's names are (step 10 as section 6.1 changes it).
    case nameTask(TaskID)
    /// Tell the name server that this name is to be found there, without being asked (step 6 as section 6.1 changes it).
    case learn(name: String, ProxyID)
    /// Tell the name server that this is not the port of that name on this node any more.
    case unlearn(name: String, peer: UInt32, RightForTask)
    /// Try to reach this node now.
    case reach(peer: UInt32)
}

/// What a peer may not say. Its channel ends.
public enum NetworkFault: Hashable, Sendable, CaseIterable {
    /// A port that is neither ours nor its own.
    case foreignPort
    /// A port of an earlier life of ours, or of its own.
    case stalePort
    /// A port of ours in whose holder set it is not.
    case notGiven
    /// A send-once right that it was not given, or has used.
    case unknownOnce
    /// A send-once right with a number that is in use.
    case repeatedOnce
    /// A chunk of no message that is under way.
    case unknownTransfer
    /// A message with the number of one that is under way.
    case repeatedTransfer
    /// Too many messages with memory at a time.
    case tooManyTransfers
    /// More memory than it announced, or than may be under way.
    case tooMuchMemory
    /// Too many look-ups at a time.
    case tooManyLookUps
    /// Rights to too many ports.
    case tooManyPorts
    /// Too many send-once rights.
    case tooManyOnces
    /// An answer to no question.
    case unknownRequest
    /// A pin that it was not given, or has settled.
    case unknownPin
    /// Too many questions about nodes that are down.
    case tooManyDrains
    /// A sequence of gifts or a count of acceptances that cannot be.
    case miscounted
    /// More messages to a port than its window.
    case windowExceeded
    /// A sender that is no task of its node.
    case strangeSender
    /// Bytes that are no frame.
    case malformed

    /// For the log and the counters.
    public var words: StaticName {
        switch self {
        case .foreignPort: "a port that is neither ours nor its own"
        case .stalePort: "a port of an earlier life of a node"
        case .notGiven: "a port of ours that it was not given"
        case .unknownOnce: "a send-once right that it was not given, or has used"
        case .repeatedOnce: "a send-once right with a number that is in use"
        case .unknownTransfer: "a chunk of no message that is under way"
        case .repeatedTransfer: "a message with the number of one that is under way"
        case .tooManyTransfers: "too many messages with memory at a time"
        case .tooMuchMemory: "more memory than it announced, or than may be under way"
        case .tooManyLookUps: "too many look-ups at a time"
        case .tooManyPorts: "rights to too many ports"
        case .tooManyOnces: "too many send-once rights"
        case .unknownRequest: "an answer to no question"
        case .unknownPin: "a pin that it was not given, or has settled"
        case .tooManyDrains: "too many questions about nodes that are down"
        case .miscounted: "a sequence of gifts or a count of acceptances that cannot be"
        case .windowExceeded: "more messages to a port than its window"
        case .strangeSender: "a sender that is no task of its node"
        case .malformed: "bytes that are no frame"
        }
    }
}
