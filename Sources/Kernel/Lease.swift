public import MasixWire

/// Permission for one task to send plain messages to one port through shared memory, without asking.
///
/// The lease is two words that only the nucleus shares with each end: the sender's *commit word* and the receiver's *take word*
/// (Documentation/Decisions/0001). A send happened if and only if the compare-and-swap on the commit word succeeded; a
/// reception, on the take word. Closing both tells the nucleus exactly which frames are its to put into the home queue.
public struct Lease: Hashable, Sendable {
    public let id: LeaseID
    public let link: LinkID
    public let sender: TaskID
    public let receiver: TaskID
    public let port: PortID
    /// The sender's control-memory entry of its send right: it holds the commit word.
    public let sendIndex: UInt32
    /// The sender's place for the link, as in `Link.places`.
    public let linkPlace: UInt32
    /// The receiver's control-memory entry of this incoming lease: it holds the take word.
    public let takeIndex: UInt32
    /// The receiver's control-memory entry of the port.
    public let receiveIndex: UInt32
    /// First of the lease's slots in the link memory of the sender. Message n lies in slot `firstSlot + (n - 1) % slots`.
    public let firstSlot: UInt16
    /// Slots of the lease: the most that its credit can grow to (architecture rule 5).
    public let slots: UInt16
    /// Credit: messages that may be committed and not yet received. It grows up to `slots` as the home queue empties.
    public internal(set) var window: UInt16
    /// Frames of this lease come after the home messages that were there when it was given: the receiver takes none before it has
    /// received so many of the port (architecture rule 7).
    public let after: UInt32
    /// Which half of the link the sender writes.
    public let senderHalf: Int
    /// The only lease of its port, on slots for the whole limit: a sender that finds its credit used up waits on the link, for only
    /// the receiver can give room.
    public internal(set) var isWhole: Bool
    /// What is received by it keeps its room until the receiver gives that back (`Request.keepRoom`).
    public let keepsRoom: Bool
}

/// Shared memory between two tasks, made of two halves that each one of them writes.
public struct Link: Hashable, Sendable {
    public let id: LinkID
    public let node: NodeID
    /// The task with the lower number; it writes half 0.
    public let first: TaskID
    public let second: TaskID
    /// Where each end keeps its reply words of this link: a small number of its own control memory.
    public let places: [UInt32]
    /// Who has mapped its half so far.
    var mapped: [Bool] = [false, false]
    /// Slots lent to leases, per half.
    var lent: [SlotRanges] = [SlotRanges(), SlotRanges()]
    var leases: Set<LeaseID> = []

    var isReady: Bool { mapped[0] && mapped[1] }

    public func half(of task: TaskID) -> Int { task == first ? 0 : 1 }
    public func peer(of task: TaskID) -> TaskID { task == first ? second : first }
    public func place(of task: TaskID) -> UInt32 { places[half(of: task)] }
    func joins(_ task: TaskID) -> Bool { task == first || task == second }

    /// Slots that somebody may still be reading are not lent again.
    mutating func end(_ lease: Lease, slotsInUse: Bool) {
        if !slotsInUse { lent[lease.senderHalf].give(back: Int(lease.firstSlot)) }
        leases.remove(lease.id)
    }
}

/// Which slots of one direction are lent; ranges in order, never touching.
struct SlotRanges: Hashable, Sendable {
    private(set) var lent: [Range<Int>] = []

    init(lent: [Range<Int>] = []) { self.lent = lent }

    /// The first free range of this many slots.
    mutating func take(_ count: Int) -> Int? {
        var start = 0
        for (position, range) in lent.enumerated() {
            if range.lowerBound - start >= count {
                lent.insert(start..<(start + count), at: position)
                return start
            }
            start = range.upperBound
        }
        guard Limits.slotsPerDirection - start >= count else { return nil }
        lent.append(start..<(start + count))
        return start
    }

    mutating func give(back start: Int) {
        lent.removeAll { $0.lowerBound == start }
    }

    /// The longest free range.
    var longestFree: Int {
        var longest = 0
        var start = 0
        for range in lent {
            longest = max(longest, range.lowerBound - start)
            start = range.upperBound
        }
        return max(longest, Limits.slotsPerDirection - start)
    }

    var isEmpty: Bool { lent.isEmpty }
}

/// The lease and reply words of a node, as the kernel needs them. The shell reads and closes real memory, a replay reads the
/// journal: the kernel cannot tell (Documentation/Decisions/0003).
public protocol LeaseWorld {
    /// Closes both words and copies the frames between them out of the slots. Closing twice gives the same answer.
    mutating func close(_ lease: Lease) -> Closing
    /// Closes every reply word of the link and says what became of each call that was under way.
    mutating func settleReplies(of link: Link) -> [Settlement]
    /// If the callee's call with this number is still unanswered: nobody can answer it by the link any more, and here is its reply port.
    mutating func promoteReply(of link: Link, callee: TaskID, index: UInt16, generation: UInt32) -> PortID?
    /// Settles the caller's calls that are to be answered at this port, over a link that stays open: nobody can answer them by it any more.
    /// The caller's leases on the link have been closed.
    mutating func recallReplies(of link: Link, caller: TaskID, port: PortID) -> [Settlement]
}

/// What closing a lease found.
public struct Closing: Hashable, Sendable, WireCodable {
    /// Committed and not received, oldest first.
    public var frames: [Frame]
    public var fault: LinkFault?
    /// Whether the receiver may still be reading a slot; then the slots are not lent again while the link lives.
    public var slotsInUse: Bool
    /// Received, of a lease that keeps room, and the room not given back.
    public var kept: UInt16
    /// Received by the lease in its whole life.
    public var received: UInt64

    public init(frames: [Frame] = [], fault: LinkFault? = nil, slotsInUse: Bool = false, kept: UInt16 = 0, received: UInt64 = 0) {
        self.frames = frames
        self.fault = fault
        self.slotsInUse = slotsInUse
        self.kept = kept
        self.received = received
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(list: frames)
        writer.write(optional: fault)
        writer.write(slotsInUse)
        writer.write(kept)
        writer.write(received)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        frames = try reader.readList(limit: Limits.slotsPerDirection, field: "frames")
        fault = try reader.readOptional()
        slotsInUse = try reader.readBool()
        kept = try reader.read()
        received = try reader.read()
    }
}

/// A plain message out of a slot.
public struct Frame: Hashable, Sendable, WireCodable {
    public var code: UInt32
    public var payload: Payload
    /// The reply port of a call whose reply word was still armed; the kernel makes the reply right real.
    public var replyPort: PortID?
    /// A send-once notification (71) in the place of an answer: the callee dropped the right.
    public var isDropped: Bool
    /// Whose words they are, as the writer says; believed of the node's chief.
    public var speaker: Speaker?

    public init(
        code: UInt32, payload: Payload, replyPort: PortID? = nil, isDropped: Bool = false, speaker: Speaker? = nil
    ) {
        self.speaker = speaker
        self.code = code
        self.payload = payload
        self.replyPort = replyPort
        self.isDropped = isDropped
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(code)
        writer.write(payload)
        writer.write(optional: replyPort)
        writer.write(isDropped)
        writer.write(optional: speaker)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        code = try reader.read()
        payload = try reader.read()
        replyPort = try reader.readOptional()
        isDropped = try reader.readBool()
        speaker = try reader.readOptional()
    }
}

/// What became of one call whose reply right lived in a link that closes.
public struct Settlement: Hashable, Sendable, WireCodable {
    public enum Outcome: Hashable, Sendable {
        /// The answer was committed; it has been taken out of the link.
        case answered(Frame)
        /// The callee holds the right unused.
        case held
        /// The callee took the call and had not yet taken up the right; it may claim it (architecture rule 10).
        case unclaimed
    }

    public var caller: TaskID
    public var port: PortID
    public var index: UInt16
    public var generation: UInt32
    public var outcome: Outcome

    public init(caller: TaskID, port: PortID, index: UInt16, generation: UInt32, outcome: Outcome) {
        self.caller = caller
        self.port = port
        self.index = index
        self.generation = generation
        self.outcome = outcome
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(caller)
        writer.write(port)
        writer.write(index)
        writer.write(generation)
        switch outcome {
        case .answered(let frame):
            writer.write(UInt8(1))
            writer.write(frame)
        case .held: writer.write(UInt8(2))
        case .unclaimed: writer.write(UInt8(3))
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        caller = try reader.read()
        port = try reader.read()
        index = try reader.read()
        generation = try reader.read()
        switch try reader.read(UInt8.self) {
        case 1: outcome = .answered(try reader.read())
        case 2: outcome = .held
        case 3: outcome = .unclaimed
        case let tag: throw .unknownCase(of: "Settlement", tag: UInt64(tag))
        }
    }
}

/// One answer of the world, as the journal keeps it.
public enum Observation: Hashable, Sendable, WireCodable {
    case closing(Closing)
    case settlements([Settlement])
    case promotion(PortID?)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .closing(let closing):
            writer.write(UInt8(1))
            writer.write(closing)
        case .settlements(let list):
            writer.write(UInt8(2))
            writer.write(list: list)
        case .promotion(let port):
            writer.write(UInt8(3))
            writer.write(optional: port)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .closing(try reader.read())
        case 2: self = .settlements(try reader.readList(limit: 65_536, field: "settlements"))
        case 3: self = .promotion(try reader.readOptional())
        case let tag: throw .unknownCase(of: "Observation", tag: UInt64(tag))
        }
    }
}

/// A world without links: nothing is ever leased, so nothing is ever closed.
public struct NoLeases: LeaseWorld, Sendable {
    public init() {}
    public mutating func close(_ lease: Lease) -> Closing { Closing() }
    public mutating func settleReplies(of link: Link) -> [Settlement] { [] }
    public mutating func promoteReply(of link: Link, callee: TaskID, index: UInt16, generation: UInt32) -> PortID? { nil }
    public mutating func recallReplies(of link: Link, caller: TaskID, port: PortID) -> [Settlement] { [] }
}

/// Passes on to a real world and keeps what it said.
public struct RecordingWorld<World: LeaseWorld>: LeaseWorld {
    public var world: World
    public private(set) var observations: [Observation] = []

    public init(_ world: World) { self.world = world }

    public mutating func close(_ lease: Lease) -> Closing {
        let closing = world.close(lease)
        observations.append(.closing(closing))
        return closing
    }

    public mutating func settleReplies(of link: Link) -> [Settlement] {
        let list = world.settleReplies(of: link)
        observations.append(.settlements(list))
        return list
    }

    public mutating func promoteReply(of link: Link, callee: TaskID, index: UInt16, generation: UInt32) -> PortID? {
        let port = world.promoteReply(of: link, callee: callee, index: index, generation: generation)
        observations.append(.promotion(port))
        return port
    }

    public mutating func recallReplies(of link: Link, caller: TaskID, port: PortID) -> [Settlement] {
        let list = world.recallReplies(of: link, caller: caller, port: port)
        observations.append(.settlements(list))
        return list
    }
}

/// Says again what was once observed. A replay asks the same questions in the same order; a different one is a broken journal.
public struct ReplayedWorld: LeaseWorld, Sendable {
    private var observations: ArraySlice<Observation>
    /// The replay asked something else than was recorded.
    public private(set) var isBroken = false

    public init(_ observations: [Observation]) { self.observations = observations[...] }

    public var isUsedUp: Bool { observations.isEmpty }
    public var remaining: Int { observations.count }

    public mutating func close(_ lease: Lease) -> Closing {
        if case .closing(let closing) = observations.popFirst() { return closing }
        isBroken = true
        return Closing()
    }

    public mutating func settleReplies(of link: Link) -> [Settlement] {
        if case .settlements(let list) = observations.popFirst() { return list }
        isBroken = true
        return []
    }

    public mutating func promoteReply(of link: Link, callee: TaskID, index: UInt16, generation: UInt32) -> PortID? {
        if case .promotion(let port) = observations.popFirst() { return port }
        isBroken = true
        return nil
    }

    public mutating func recallReplies(of link: Link, caller: TaskID, port: PortID) -> [Settlement] { settleReplies(of: link) }
}
