public import MasixKernel

/// A lease as its sender finds it in its control memory: one look, taken apart.
public struct OutgoingLease: Equatable, Sendable {
    public let word: LeaseWord
    public let link: LinkID
    public let place: UInt32
    public let takeIndex: UInt32
    public let firstSlot: Int
    public let slots: UInt64
    public let window: UInt64
    public let isWhole: Bool

    @inlinable
    init(
        word: LeaseWord, link: LinkID, place: UInt32, takeIndex: UInt32, firstSlot: Int, slots: UInt64, window: UInt64, isWhole: Bool
    ) {
        (self.word, self.link, self.place, self.takeIndex) = (word, link, place, takeIndex)
        (self.firstSlot, self.slots, self.window, self.isWhole) = (firstSlot, slots, window, isWhole)
    }

    /// The number that the next message will have.
    @inlinable public var number: UInt64 { word.count + 1 }
}

extension SendEntryMemory {
    /// The open lease of this send right, or nil: then the nucleus is the way.
    @inlinable @inline(__always)
    public func lease() -> OutgoingLease? {
        let word = LeaseWord(bits: commit.acquired)
        guard !word.isClosed, word.bits != 0, word.count < LeaseWord.countMax else { return nil }
        let shape = self.shape.relaxed
        return OutgoingLease(
            word: word, link: LinkID(raw: link.relaxed), place: UInt32(truncatingIfNeeded: shape >> 40 & 0xFF),
            takeIndex: takeIndex.relaxed,
            firstSlot: Int(shape & 0xFFFF), slots: max(1, shape >> 16 & 0xFFFF), window: shape >> 48, isWhole: shape >> 32 & 1 != 0)
    }

    /// The commit: the send has happened if and only if this succeeds (architecture rule 4).
    @inlinable @inline(__always)
    public func commit(_ lease: OutgoingLease) -> Bool {
        commit.exchange(lease.word.bits, for: lease.word.next.bits)
    }
}

/// The reply right that a call by a link asks for: which of the caller's reply words, in which use of it.
public struct ReplyToken: Equatable, Sendable, BitwiseCopyable {
    public let index: UInt16
    public let generation: UInt32

    @inlinable public init(index: UInt16, generation: UInt32) {
        self.index = index
        self.generation = generation
    }
}

/// The writing end of a link: frames, replies and announcements into one's own half.
///
/// The steps of a send are functions of their own, called in this order and nowhere else put together: `hasRoom`, `write`,
/// `SendEntryMemory.commit`, `announce`, `peerMustBeRung`. A simulated task stops or dies between any two of them.
/// Whoever calls holds the link's send lock: at most one frame is uncommitted (architecture rule 4).
public struct LinkSender: Sendable {
    public let link: LinkID
    @usableFromInline let own: LinkHalf
    @usableFromInline let peer: LinkHalf
    @usableFromInline let peerStatus: StatusPage
    @usableFromInline var tail: UInt64
    /// What was last read of words that the peer writes with every message: read again only when they seem to leave no room, for
    /// each such read costs a journey of the line between two processors.
    @usableFromInline var seenHead: UInt64
    @usableFromInline var seenConsumed: [UInt64]
    /// The sleep of the receiver that we have rung for.
    @usableFromInline var rungSleep: UInt32 = 0

    @inlinable public init(link: LinkID, own: LinkHalf, peer: LinkHalf, peerStatus: StatusPage) {
        self.link = link
        self.own = own
        self.peer = peer
        self.peerStatus = peerStatus
        tail = 0
        seenHead = 0
        seenConsumed = [UInt64](repeating: 0, count: LinkHalf.slots)
    }

    /// Step 1: a slot of the lease is free, and an announcement can be written.
    ///
    /// With `count` so many of them.
    @inlinable @inline(__always)
    public mutating func hasRoom(_ lease: OutgoingLease, for count: UInt64 = 1) -> Bool {
        if !isFree(lease, count, consumed: seenConsumed[lease.firstSlot & (LinkHalf.slots - 1)]) {
            let consumed = peer.consumed(lease.firstSlot).acquired
            seenConsumed[lease.firstSlot & (LinkHalf.slots - 1)] = consumed
            // A lying receiver can only make us overwrite what it said it had read.
            guard isFree(lease, count, consumed: consumed) else { return false }
        }
        return canAnnounce()
    }

    @inlinable @inline(__always)
    func isFree(_ lease: OutgoingLease, _ count: UInt64, consumed bits: UInt64) -> Bool {
        let received = LeaseWord(bits: bits)
        return lease.word.count &- (received.epoch == lease.word.epoch ? received.count : 0) &+ count <= lease.window
    }

    /// How many messages of the lease have been received, as its receiver says; nil if that is about another lease.
    public func received(firstSlot: Int, epoch: UInt32) -> UInt64? {
        let word = LeaseWord(bits: peer.consumed(firstSlot).acquired)
        return word.epoch == epoch ? word.count : nil
    }

    /// Step 2: the frame, complete before it is committed.
    @inlinable @inline(__always)
    public func write(
        _ lease: OutgoingLease, code: UInt32, body: borrowing MessageBytes, flags: UInt16 = 0, reply: ReplyToken?
    ) {
        let header = FrameHeader(
            number: lease.number, epoch: lease.word.epoch, length: UInt32(body.count), code: code,
            replyIndex: reply?.index ?? FrameHeader.noReply, flags: flags, replyGeneration: reply?.generation ?? 0)
        own.write(header, body, at: LinkHalf.slotOffset(lease.firstSlot + Int(lease.word.count % lease.slots)))
    }

    /// Step 4, after the commit: a hint to the receiver where to look.
    @inlinable @inline(__always)
    public mutating func announce(_ announcement: Announcement) {
        own.announcement(tail).release(announcement.bits | Announcement.lap(tail))
        tail &+= 1
    }

    /// After a send: gets the lines of the next frame, while there is nothing else to do.
    @inlinable @inline(__always)
    public func prepareNext(_ lease: OutgoingLease) {
        own.prefetchForWriting(LinkHalf.slotOffset(lease.firstSlot + Int((lease.word.count + 1) % lease.slots)))
    }

    /// Step 5: whether the receiver sleeps. The fence orders our tail before our look at its flag; the receiver sets the flag
    /// before it looks at tails a last time. One of the two sees the other.
    ///
    /// The flag is the number of the sleep: who has rung for this sleep need not ring for it again, for the ring waits in the pipe.
    @inlinable @inline(__always)
    public mutating func peerMustBeRung() -> Bool {
        fullFence()
        let sleep = peerStatus.asleep.relaxed
        if sleep != 0, sleep != rungSleep {
            rungSleep = sleep
            return true
        }
        return peer.parked.relaxed != 0
    }

    /// Whether an answer can be announced at all.
    @inlinable @inline(__always)
    public mutating func canAnnounce() -> Bool {
        if tail &- seenHead < LinkHalf.ringSize { return true }
        seenHead = peer.head.acquired
        return tail &- seenHead < LinkHalf.ringSize
    }

    /// Once the right is used: the caller, if it is awake, looks here first. Then announce.
    @inlinable @inline(__always)
    public func give(_ token: ReplyToken) { own.given(Int(token.index)).release(token.generation) }

    /// A reply, into the slot that the caller reserved for it. Commit with `CalleeEntryMemory.use`, then give and announce.
    @inlinable @inline(__always)
    public func writeReply(_ token: ReplyToken, code: UInt32, body: borrowing MessageBytes, flags: UInt16) {
        let header = FrameHeader(number: UInt64(token.generation), length: UInt32(body.count), code: code, flags: flags)
        own.write(header, body, at: LinkHalf.replyOffset(Int(token.index)))
    }
}

extension CalleeEntryMemory {
    /// The callee takes up the reply right of a call that it has just taken. False: the link has closed; claim it from the kernel.
    ///
    /// Calls to two ports may be taken in another order than they were made. A caller uses its word again only when it has given the
    /// earlier call up, so the later one keeps the word: or the late answer to the earlier would be written over its answer.
    @inlinable @inline(__always)
    public func arm(link: LinkID, generation: UInt32) -> Bool {
        let word = ReplyWord(bits: self.word.acquired)
        let isLate = Int32(bitPattern: generation &- word.generation) < 0
        // The caller has had it recalled: the right was made real before it was taken up.
        let isPromoted = word.state == .promoted && word.generation == generation
        if word.isOf(link: link.raw), word.state == .closed || isLate || isPromoted { return false }
        return self.word.exchange(word.bits, for: ReplyWord(.armed, link: link.raw, generation: generation).bits)
    }

    /// The use: the answer has been given if and only if this succeeds.
    @inlinable @inline(__always)
    public func use(link: LinkID, generation: UInt32) -> Bool {
        let armed = ReplyWord(.armed, link: link.raw, generation: generation)
        return word.exchange(armed.bits, for: armed.with(.used).bits)
    }

    /// What became of a right that could not be used by the link.
    @inlinable public func state(link: LinkID, generation: UInt32) -> ReplyWord.State? {
        let word = ReplyWord(bits: self.word.acquired)
        guard word.isOf(link: link.raw), word.generation == generation else { return nil }
        return word.state
    }
}

extension CallerEntryMemory {
    /// Takes the answer: true for exactly one of the caller, the nucleus that harvests, and a later use of the place.
    @inlinable @inline(__always)
    public func take(link: LinkID, generation: UInt32) -> Bool { move(link: link, generation: generation, to: .taken) }

    /// Whether the answer can still be taken: else the nucleus has taken it over, and brings it by the home queue.
    @inlinable @inline(__always)
    public func isTakeable(link: LinkID, generation: UInt32) -> Bool {
        let word = ReplyWord(bits: self.word.acquired)
        return word.isOf(link: link.raw) && word.generation == generation && (word.state == .armed || word.state == .counted)
    }

    /// The call was made, and whoever was first has decided about its answer.
    public func isOver(link: LinkID, generation: UInt32) -> Bool {
        let word = ReplyWord(bits: self.word.acquired)
        return word.isOf(link: link.raw) && word.generation == generation && word.state != .armed && word.state != .counted
    }

    /// The call was not made, or nobody waits for its answer any more.
    @inlinable public func abandon(link: LinkID, generation: UInt32) -> Bool { move(link: link, generation: generation, to: .free) }

    /// The nucleus has settled this call, once: nothing is left of it here.
    public func retire(link: LinkID, generation: UInt32) {
        let settled = ReplyWord(.settled, link: link.raw, generation: generation)
        _ = word.exchange(settled.bits, for: settled.with(.taken).bits)
    }

    @inlinable @inline(__always)
    func move(link: LinkID, generation: UInt32, to state: ReplyWord.State) -> Bool {
        while true {
            let word = ReplyWord(bits: self.word.acquired)
            guard word.isOf(link: link.raw), word.generation == generation, word.state == .armed || word.state == .counted else {
                return false
            }
            if self.word.exchange(word.bits, for: word.with(state).bits) { return true }
        }
    }
}

extension LinkSender {
    /// Step 2 for bytes in an array.
    @inlinable
    public func write(_ lease: OutgoingLease, code: UInt32, body: [UInt8], flags: UInt16 = 0, reply: ReplyToken?) {
        write(lease, code: code, body: MessageBytes(body), flags: flags, reply: reply)
    }

    @inlinable
    public func writeReply(_ token: ReplyToken, code: UInt32, body: [UInt8], flags: UInt16) {
        writeReply(token, code: code, body: MessageBytes(body), flags: flags)
    }
}
