public import MasixKernel

/// A frame that lies ready, looked at and not yet taken.
public struct ReadyFrame: Equatable, Sendable {
    public let lease: IncomingLease
    public let word: LeaseWord
    public let header: FrameHeader
    @usableFromInline let offset: Int

    @inlinable
    init(lease: IncomingLease, word: LeaseWord, header: FrameHeader, offset: Int) {
        (self.lease, self.word, self.header, self.offset) = (lease, word, header, offset)
    }

    @inlinable public var length: Int { Int(header.length) }
    public var reply: ReplyToken? {
        header.replyIndex == FrameHeader.noReply ? nil : ReplyToken(index: header.replyIndex, generation: header.replyGeneration)
    }
}

/// What an announcement led to.
public enum Look: Equatable, Sendable {
    case frame(ReadyFrame)
    /// The lease is over: the nucleus has the frame.
    case stale
    case fault(LinkFault)
}

/// Whether something lies announced on a link: one load of the peer's memory, one of our own.
public struct LinkNews: Sendable {
    @usableFromInline let peer: LinkHalf
    @usableFromInline let head: SharedWord64

    @inlinable init(peer: LinkHalf, head: SharedWord64) { (self.peer, self.head) = (peer, head) }

    @inlinable @inline(__always)
    public var isWaiting: Bool {
        let number = head.relaxed
        return Announcement(bits: peer.announcement(number).acquired).isOfLap(number)
    }

    /// Whether the answer to a call lies in its slot. A hint like an announcement, seen in the line that has to be read anyway; what
    /// it hints at is checked against the words.
    @inlinable @inline(__always)
    public func isGiven(_ token: ReplyToken) -> Bool { peer.given(Int(token.index)).acquired == token.generation }

    /// The header of an answer, if the slot carries the one that is waited for. A reply slot has one reader, the caller; no lock is needed.
    @inlinable @inline(__always)
    public func lookReply(_ token: ReplyToken) -> FrameHeader? {
        let offset = LinkHalf.replyOffset(Int(token.index))
        peer.prefetchForReading(offset)
        let header = peer.header(at: offset)
        guard header.number == UInt64(token.generation), header.length <= LinkHalf.bodyMax else { return nil }
        return header
    }

    @inlinable public func replyBody(_ token: ReplyToken, count: Int) -> [UInt8] {
        peer.body(at: LinkHalf.replyOffset(Int(token.index)), count: min(count, LinkHalf.bodyMax))
    }

    /// The same for the library's own hands.
    @inlinable @inline(__always)
    public func replyBytes(_ token: ReplyToken, count: Int) -> MessageBytes {
        peer.bytes(at: LinkHalf.replyOffset(Int(token.index)), count: min(count, LinkHalf.bodyMax))
    }
}

/// The reading end of a link.
///
/// The steps of a reception, in their order: `nextAnnouncement`, `look`, `take`, `copy`, `publish`, `peerWaits`. Nothing is
/// freed before the user has it, and nothing is drained to private memory (architecture rule 5).
public struct LinkReceiver: Sendable {
    public let link: LinkID
    @usableFromInline let own: LinkHalf
    @usableFromInline let peer: LinkHalf
    @usableFromInline let control: ControlMemory
    @usableFromInline let peerStatus: StatusPage
    @usableFromInline var head: UInt64
    /// The sender's wait for room that we have rung for.
    @usableFromInline var rungWait: UInt32 = 0

    @inlinable public init(link: LinkID, own: LinkHalf, peer: LinkHalf, control: ControlMemory, peerStatus: StatusPage) {
        self.link = link
        self.own = own
        self.peer = peer
        self.control = control
        self.peerStatus = peerStatus
        head = 0
    }

    /// What tells whether there is news, for a look without the receiver's lock.
    @inlinable public var news: LinkNews { LinkNews(peer: peer, head: own.head) }

    /// Something has been announced that has not been looked at.
    @inlinable @inline(__always)
    public var hasNews: Bool { Announcement(bits: peer.announcement(head).acquired).isOfLap(head) }

    /// What step 1 would bring; it stays.
    @inlinable @inline(__always)
    public var next: Announcement? {
        let announcement = Announcement(bits: peer.announcement(head).acquired)
        return announcement.isOfLap(head) ? announcement : nil
    }

    /// Step 1.
    @inlinable @inline(__always)
    public mutating func nextAnnouncement() -> Announcement? {
        let announcement = Announcement(bits: peer.announcement(head).acquired)
        guard announcement.isOfLap(head) else { return nil }
        head &+= 1
        own.head.release(head)
        return announcement
    }

    /// Before step 2: whether home messages come first, of which so many have been received (architecture rule 7). An announcement
    /// of a lease that is over is held back by nobody, whatever lease has its place now.
    @inlinable @inline(__always)
    public func isHeldBack(_ announcement: Announcement, received: UInt32) -> Bool {
        guard let entry = control.take(announcement.index) else { return false }
        let word = LeaseWord(bits: entry.word.acquired)
        guard word.epoch == announcement.epoch, !word.isClosed else { return false }
        return !entry.grant.isDue(received: received)
    }

    /// Step 2: the next frame of the announced lease. What the lease is, only the nucleus says; what the slot says is checked
    /// against it.
    @inlinable @inline(__always)
    public func look(_ announcement: Announcement) -> Look {
        guard let entry = control.take(announcement.index) else { return .fault(.unknownAnnouncement) }
        let word = LeaseWord(bits: entry.word.acquired)
        guard word.epoch == announcement.epoch, !word.isClosed else { return .stale }
        let lease = entry.grant
        guard lease.link == link, lease.slots > 0 else {
            // Closed under our eyes, and the place given to a lease of another link?
            return entry.word.acquired == word.bits ? .fault(.unknownAnnouncement) : .stale
        }
        let offset = LinkHalf.slotOffset(lease.firstSlot + Int(word.count % UInt64(lease.slots)))
        peer.prefetchForReading(offset)
        let header = peer.header(at: offset)
        guard header.number == word.count + 1, header.epoch == word.epoch, header.length <= LinkHalf.bodyMax else {
            // Closed under our eyes, and the slot used again?
            return entry.word.acquired == word.bits ? .fault(.malformedFrame) : .stale
        }
        guard header.replyIndex == FrameHeader.noReply || header.replyIndex < LinkHalf.replies else { return .fault(.malformedFrame) }
        return .frame(ReadyFrame(lease: lease, word: word, header: header, offset: offset))
    }

    /// Asks for the frame that an announcement speaks of, while there is something else to do. Whether there is one, `look` says.
    @inlinable @inline(__always)
    public func prepare(_ announcement: Announcement) {
        guard let entry = control.take(announcement.index) else { return }
        let shape = entry.shape.relaxed
        let count = LeaseWord(bits: entry.word.relaxed).count
        peer.prefetchForReading(LinkHalf.slotOffset(Int(shape & 0xFFFF) + Int(count % max(1, shape >> 16 & 0xFFFF))))
    }

    /// Asks for the frame after this one, which has been announced too.
    @inlinable @inline(__always)
    public func prepareNext(_ frame: ReadyFrame) {
        peer.prefetchForReading(
            LinkHalf.slotOffset(frame.lease.firstSlot + Int((frame.word.count + 1) % UInt64(max(1, frame.lease.slots)))))
    }

    /// Asks for the place of the answer, which will be written soon.
    @inlinable @inline(__always)
    public func prepareReply(_ token: ReplyToken) { own.prefetchForWriting(LinkHalf.replyOffset(Int(token.index))) }

    /// Step 3, the reception: it has happened if and only if this succeeds; else the nucleus has the frame.
    @inlinable @inline(__always)
    public func take(_ frame: ReadyFrame, takeIndex: UInt32) -> Bool {
        guard let entry = control.take(takeIndex) else { return false }
        return entry.word.exchange(frame.word.bits, for: frame.word.next.bits)
    }

    /// Step 4: the body, copied once into memory of one's own.
    @inlinable @inline(__always)
    public func copy(_ frame: ReadyFrame, into target: UnsafeMutableRawBufferPointer) {
        precondition(target.count == frame.length)
        unsafe peer.copyBody(at: frame.offset, into: target)
    }

    @inlinable public func body(_ frame: ReadyFrame) -> [UInt8] { peer.body(at: frame.offset, count: frame.length) }

    /// The same for the library's own hands.
    @inlinable @inline(__always)
    public func bytes(_ frame: ReadyFrame) -> MessageBytes { peer.bytes(at: frame.offset, count: frame.length) }

    /// Step 5 of a lease that keeps room, later: this many more of its slots are free, if it is still open and so they can be given here.
    public func give(_ count: UInt64, of lease: IncomingLease, takeIndex: UInt32, epoch: UInt32) -> Bool {
        guard let given = control.take(takeIndex)?.give(count, epoch: epoch) else { return false }
        own.consumed(lease.firstSlot).release(given.bits)
        return true
    }

    /// Step 5: the slot is free. Not before the copy is complete.
    @inlinable @inline(__always)
    public func publish(_ frame: ReadyFrame) {
        own.consumed(frame.lease.firstSlot).release(frame.word.next.bits)
    }

    /// Step 6: whether the sender sleeps for want of room, in a sleep that we have not rung for.
    @inlinable @inline(__always)
    public mutating func peerWaits() -> Bool {
        fullFence()
        let sleep = peerStatus.waiting.relaxed
        defer { rungWait = sleep }
        return sleep != 0 && sleep != rungWait
    }

    /// As `LinkNews` has it.
    @inlinable public func lookReply(_ token: ReplyToken) -> FrameHeader? { news.lookReply(token) }
    @inlinable public func replyBody(_ token: ReplyToken, count: Int) -> [UInt8] { news.replyBody(token, count: count) }

    /// Parks or unparks the link: a parked one is not scanned, and its sender rings for everything. After parking, look once
    /// more: an announcement may have come before its sender saw the flag.
    @inlinable public func setParked(_ parked: Bool) -> Bool {
        own.parked.release(parked ? 1 : 0)
        fullFence()
        return hasNews
    }

    @inlinable public var isParked: Bool { own.parked.relaxed != 0 }
    @inlinable public var peerProcessor: UInt32 { peerStatus.processor.relaxed }
}
