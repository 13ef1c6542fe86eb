public import MasixKernel

/// What one task and the nucleus share, and nobody else: lease words, reply words, dead marks, counts of the home queues.
///
/// Both sides may write all of it, so it is never evidence against the task for anybody but itself: the kernel's tables rule,
/// and what a task scribbles here misleads only that task. The memory is one sparse file; a page exists once it is used.
///
/// ```
/// 0x000000  header       offers u32 at 0x00, version u32 at 0x08, bell u32 at 0x40, receipts u32 at 0x80
/// 0x000800  links        256 x u64                 by place: the id of the open link there, or 0
/// 0x001000  completions  256 x u64                 ticket of the last accepted send
/// 0x002000  receives     131,072 x 8               home count u32, received u32
/// 0x102000  sends        131,072 x 32              commit word, mark u32, place u16, window u16, firstSlot u16, whole u16, takeIndex u32, link u64
/// 0x502000  takes        4,096 x 64                take word, port counter u64, port node u64, link u64, sender u64, firstSlot u16,
///                                                  window u16, receiveIndex u32, after u32, given word
/// 0x542000  callers      256 x 64 x 32             reply word, port counter u64, number u64, sendIndex u32, epoch u32
/// 0x5C2000  callees      256 x 64 x 16             reply word, unused u64
/// ```
public struct ControlMemory: Sendable {
    @inlinable public static var length: Int { 0x602000 }
    @inlinable static var version: UInt32 { 1 }
    @inlinable static var receivesMax: Int { 131_072 }
    @inlinable static var sendsMax: Int { 131_072 }
    @inlinable static var takesMax: Int { 4_096 }
    @inlinable public static var linksMax: Int { 256 }
    @inlinable static var completionsOffset: Int { 0x1000 }
    @inlinable static var receivesOffset: Int { 0x2000 }
    @inlinable static var sendsOffset: Int { 0x102000 }
    @inlinable static var takesOffset: Int { 0x502000 }
    @inlinable static var callersOffset: Int { 0x542000 }
    @inlinable static var calleesOffset: Int { 0x5C2000 }

    @usableFromInline let region: SharedRegion

    @inlinable public init(_ region: SharedRegion) {
        precondition(region.length >= Self.length)
        self.region = region
    }

    /// Links that wait to be mapped by this task.
    @inlinable public var offers: SharedWord32 { region.word32(0) }

    /// Ports from which messages of this task, the chief, have been received since it asked last.
    @inlinable public var receipts: SharedWord32 { region.word32(0x80) }

    /// Rises with every ring of the nucleus, so that a task that spins sees it without a system call.
    @inlinable public var bell: SharedWord32 { region.word32(0x40) }

    /// The link that is open at a place of this task; 0 if there is none. A task lets go of the ends that it does not find here.
    @inlinable @inline(__always)
    public func link(at place: UInt32) -> SharedWord64 {
        precondition(place < Self.linksMax)
        return region.word64(0x800 + Int(place) * 8)
    }

    @inlinable public func completion(_ index: UInt16) -> SharedWord64 {
        region.word64(Self.completionsOffset + Int(index) % Limits.completionWords * 8)
    }

    /// Messages in the home queue of a receive entry.
    @inlinable @inline(__always)
    public func homeCount(_ index: UInt32) -> SharedWord32 {
        precondition(index < Self.receivesMax)
        return region.word32(Self.receivesOffset + Int(index) * 8)
    }

    /// Messages that the port of a receive entry has had received from its home queue, modulo 2^32.
    @inlinable @inline(__always)
    public func homeReceived(_ index: UInt32) -> SharedWord32 {
        precondition(index < Self.receivesMax)
        return region.word32(Self.receivesOffset + Int(index) * 8 + 4)
    }

    @inlinable @inline(__always)
    public func send(_ index: UInt32) -> SendEntryMemory {
        precondition(index < Self.sendsMax)
        return SendEntryMemory(region: region, offset: Self.sendsOffset + Int(index) * 32)
    }

    @inlinable @inline(__always)
    public func take(_ index: UInt32) -> TakeEntryMemory? {
        guard index < Self.takesMax else { return nil }
        return TakeEntryMemory(region: region, offset: Self.takesOffset + Int(index) * 64)
    }

    @inlinable @inline(__always)
    public func caller(place: UInt32, index: UInt16) -> CallerEntryMemory? {
        guard place < Self.linksMax, index < LinkHalf.replies else { return nil }
        return CallerEntryMemory(region: region, offset: Self.callersOffset + (Int(place) * LinkHalf.replies + Int(index)) * 32)
    }

    @inlinable @inline(__always)
    public func callee(place: UInt32, index: UInt16) -> CalleeEntryMemory? {
        guard place < Self.linksMax, index < LinkHalf.replies else { return nil }
        return CalleeEntryMemory(region: region, offset: Self.calleesOffset + (Int(place) * LinkHalf.replies + Int(index)) * 16)
    }
}

/// A send right's entry: is its port dead, and which lease does it have.
public struct SendEntryMemory: Sendable {
    @usableFromInline let region: SharedRegion
    @usableFromInline let offset: Int

    @inlinable init(region: SharedRegion, offset: Int) { (self.region, self.offset) = (region, offset) }

    @inlinable @inline(__always) public var commit: SharedWord64 { region.word64(offset) }
    @inlinable @inline(__always) public var mark: SharedWord32 { region.word32(offset + 8) }
    @inlinable @inline(__always) var shape: SharedWord64 { region.word64(offset + 16) }
    @inlinable @inline(__always) var takeIndex: SharedWord32 { region.word32(offset + 12) }
    @inlinable @inline(__always) var link: SharedWord64 { region.word64(offset + 24) }

    @inlinable public static var dead: UInt32 { 1 }
    @inlinable public var isDead: Bool { mark.acquired & Self.dead != 0 }

    /// The fields first, the word last: who sees the word open sees the fields of that lease.
    @inlinable public func open(_ lease: Lease) {
        takeIndex.release(lease.takeIndex)
        form(lease)
        link.release(lease.link.raw)
        let old = LeaseWord(bits: commit.relaxed)
        // Done once: a restarted nucleus that repeats its last action must not forget what was sent meanwhile.
        if old.epoch != lease.id.epoch { commit.release(LeaseWord(epoch: lease.id.epoch).bits) }
    }
}

extension SendEntryMemory {
    /// What may change while a lease is open: its credit, and whether it is the only one.
    ///
    /// A restarted nucleus that repeats an event may speak of a lease which that event has closed: the one that followed it is not
    /// given its credit.
    public func reshape(_ lease: Lease) {
        if LeaseWord(bits: commit.relaxed).epoch == lease.id.epoch { form(lease) }
    }

    @usableFromInline func form(_ lease: Lease) {
        shape.release(
            UInt64(lease.firstSlot) | UInt64(lease.slots) << 16 | UInt64(lease.isWhole ? 1 : 0) << 32 | UInt64(lease.linkPlace) << 40
                | UInt64(lease.window) << 48)
    }
}

/// An incoming lease's entry: everything the receiver believes about it comes from here, nothing from the sender.
public struct TakeEntryMemory: Sendable {
    @usableFromInline let region: SharedRegion
    @usableFromInline let offset: Int

    @inlinable init(region: SharedRegion, offset: Int) { (self.region, self.offset) = (region, offset) }

    @inlinable @inline(__always) public var word: SharedWord64 { region.word64(offset) }
    @inlinable @inline(__always) var portCounter: SharedWord64 { region.word64(offset + 8) }
    @inlinable @inline(__always) var portNode: SharedWord64 { region.word64(offset + 16) }
    @inlinable @inline(__always) var link: SharedWord64 { region.word64(offset + 24) }
    @inlinable @inline(__always) var sender: SharedWord64 { region.word64(offset + 32) }
    @inlinable @inline(__always) var shape: SharedWord64 { region.word64(offset + 40) }
    @inlinable @inline(__always) var after: SharedWord32 { region.word32(offset + 48) }
    /// Of a lease that keeps room: {closed, epoch, received and given back}. Room has been given by the link if and only if the
    /// compare-and-swap on this word succeeded (Documentation/Decisions/0013).
    @inlinable @inline(__always) public var given: SharedWord64 { region.word64(offset + 56) }

    @inlinable public func open(_ lease: Lease) {
        portCounter.release(lease.port.counter)
        portNode.release(UInt64(lease.port.node.number) | UInt64(lease.port.node.incarnation) << 32)
        link.release(lease.link.raw)
        sender.release(lease.sender.raw)
        after.release(lease.after)
        shape.release(UInt64(lease.firstSlot) | UInt64(lease.slots) << 16 | UInt64(lease.receiveIndex) << 32)
        let old = LeaseWord(bits: word.relaxed)
        if old.epoch != lease.id.epoch {
            given.release(LeaseWord(epoch: lease.id.epoch).bits)
            word.release(LeaseWord(epoch: lease.id.epoch).bits)
        }
    }

    /// Gives room back by the link, for so many more that were received by the lease with this epoch; what has been given then. Nil if
    /// it has closed: then the nucleus has counted them as kept, and is to be told.
    @inlinable
    public func give(_ count: UInt64, epoch: UInt32) -> LeaseWord? {
        let old = LeaseWord(bits: given.acquired)
        guard old.epoch == epoch, !old.isClosed else { return nil }
        let new = LeaseWord(bits: old.bits &+ count)
        return given.exchange(old.bits, for: new.bits) ? new : nil
    }

    /// The receive entry of the lease's port.
    @inlinable @inline(__always) public var receiveIndex: UInt32 { UInt32(truncatingIfNeeded: shape.relaxed >> 32) }

    /// The lease as the nucleus described it here.
    @inlinable @inline(__always)
    public var grant: IncomingLease {
        let shape = self.shape.relaxed
        let node = portNode.relaxed
        return IncomingLease(
            port: PortID(
                node: NodeID(number: UInt32(truncatingIfNeeded: node), incarnation: UInt32(truncatingIfNeeded: node >> 32)),
                counter: portCounter.relaxed), link: LinkID(raw: link.relaxed), sender: TaskID(raw: sender.relaxed),
            firstSlot: Int(shape & 0xFFFF), slots: Int(shape >> 16 & 0xFFFF), receiveIndex: UInt32(truncatingIfNeeded: shape >> 32),
            after: after.relaxed)
    }
}

public struct IncomingLease: Equatable, Sendable {
    public let port: PortID
    public let link: LinkID
    public let sender: TaskID
    public let firstSlot: Int
    public let slots: Int
    public let receiveIndex: UInt32
    /// No frame is taken before so many messages of the port have been received from its home queue.
    public let after: UInt32

    @inlinable
    init(port: PortID, link: LinkID, sender: TaskID, firstSlot: Int, slots: Int, receiveIndex: UInt32, after: UInt32) {
        (self.port, self.link, self.sender) = (port, link, sender)
        (self.firstSlot, self.slots, self.receiveIndex, self.after) = (firstSlot, slots, receiveIndex, after)
    }

    /// Whether that is so.
    @inlinable public func isDue(received: UInt32) -> Bool { Int32(bitPattern: received &- after) >= 0 }
}

/// The caller's record of one link-local reply right.
public struct CallerEntryMemory: Sendable {
    @usableFromInline let region: SharedRegion
    @usableFromInline let offset: Int

    @inlinable init(region: SharedRegion, offset: Int) { (self.region, self.offset) = (region, offset) }

    @inlinable @inline(__always) public var word: SharedWord64 { region.word64(offset) }
    @inlinable @inline(__always) var port: SharedWord64 { region.word64(offset + 8) }
    @inlinable @inline(__always) var number: SharedWord64 { region.word64(offset + 16) }
    @inlinable @inline(__always) var lease: SharedWord64 { region.word64(offset + 24) }

    /// Armed before the call is committed, with the number that the commit will give it: so the nucleus can tell afterwards
    /// whether the call was made (Documentation/Decisions/0001).
    @inlinable @inline(__always)
    public func arm(link: LinkID, generation: UInt32, port: UInt64, number: UInt64, epoch: UInt32) {
        self.port.release(port)
        self.number.release(number)
        lease.release(UInt64(epoch))
        word.release(ReplyWord(.armed, link: link.raw, generation: generation).bits)
    }
}

/// The callee's record of one link-local reply right.
public struct CalleeEntryMemory: Sendable {
    @usableFromInline let region: SharedRegion
    @usableFromInline let offset: Int

    @inlinable init(region: SharedRegion, offset: Int) { (self.region, self.offset) = (region, offset) }

    @inlinable @inline(__always) public var word: SharedWord64 { region.word64(offset) }
}
