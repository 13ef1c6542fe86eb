public import MasixLinux

/// The memory of a link that one of its two tasks writes and the other only reads.
///
/// ```
/// 0x00040 head       u64   announcements of the *other* half read so far
/// 0x00080 parked     u32   the writer of this half does not scan: it must be rung for everything
/// 0x01000 ring       2048 x u64   announcements
/// 0x05000 consumed   1024 x u64   per lease of the other half, by its first slot: {epoch, received}
/// 0x07000 replies    64 x 512     reply slots
/// 0x0F000 slots      1024 x 512   frames
/// ```
/// Pages are there only once touched, and the writer is who touches them first (architecture rule 22).
public struct LinkHalf: Sendable {
    @inlinable public static var length: Int { 0x8F000 }
    @inlinable public static var slotBytes: Int { 512 }
    /// Inline bytes that fit beside the header; more goes by the nucleus.
    @inlinable public static var bodyMax: Int { slotBytes - FrameHeader.size }
    @inlinable public static var slots: Int { 1024 }
    @inlinable public static var replies: Int { 64 }
    @inlinable static var ringSize: UInt64 { 2048 }
    @inlinable public static var announcementsMax: Int { 2048 }

    @usableFromInline let region: SharedRegion

    @inlinable public init(_ region: SharedRegion) {
        precondition(region.length >= Self.length)
        self.region = region
    }

    @inlinable @inline(__always) var head: SharedWord64 { region.word64(0x40) }
    @inlinable @inline(__always) var parked: SharedWord32 { region.word32(0x80) }
    @inlinable @inline(__always) func announcement(_ number: UInt64) -> SharedWord64 {
        region.word64(0x1000 + Int(number % Self.ringSize) * 8)
    }
    @inlinable @inline(__always) func consumed(_ firstSlot: Int) -> SharedWord64 {
        region.word64(0x5000 + (firstSlot & (Self.slots - 1)) * 8)
    }
    @inlinable @inline(__always) static func replyOffset(_ index: Int) -> Int { 0x7000 + (index & (replies - 1)) * slotBytes }
    @inlinable @inline(__always) static func slotOffset(_ slot: Int) -> Int { 0xF000 + (slot & (slots - 1)) * slotBytes }

    /// Asks the processor to get a line for writing before it is needed.
    @inlinable @inline(__always)
    func prefetchForWriting(_ offset: Int) {
        // Both lines lie inside the region.
        guard let line = unsafe region.bytes(offset, 128).baseAddress else { return }
        unsafe Processor.prefetchForWriting(line)
        unsafe Processor.prefetchForWriting(line + 64)
    }

    /// Asks for the two lines of a short frame at once: one journey between two processors instead of two.
    @inlinable @inline(__always)
    func prefetchForReading(_ offset: Int) {
        // Both lines lie inside the region.
        guard let line = unsafe region.bytes(offset, 128).baseAddress else { return }
        unsafe Processor.prefetchForReading(line)
        unsafe Processor.prefetchForReading(line + 64)
    }

    /// In the line of a reply's header: the generation of the call that it has been given to. Written after the use.
    @inlinable @inline(__always)
    func given(_ index: Int) -> SharedWord32 { region.word32(Self.replyOffset(index) + 40) }

    @inlinable @inline(__always)
    func write(_ header: FrameHeader, _ body: borrowing MessageBytes, at offset: Int) {
        let slot = unsafe region.bytes(offset, Self.slotBytes)
        unsafe slot.storeBytes(of: header, toByteOffset: 0, as: FrameHeader.self)
        unsafe body.write(into: UnsafeMutableRawBufferPointer(rebasing: slot[FrameHeader.size...]))
    }

    /// The header, copied once: whatever the peer writes there later changes nothing.
    @inlinable @inline(__always)
    func header(at offset: Int) -> FrameHeader {
        unsafe region.bytes(offset, FrameHeader.size).loadUnaligned(as: FrameHeader.self)
    }

    /// The body, copied once. `count` has been checked against `bodyMax`.
    @inlinable @inline(__always)
    func copyBody(at offset: Int, into target: UnsafeMutableRawBufferPointer) {
        unsafe target.copyMemory(from: UnsafeRawBufferPointer(region.bytes(offset + FrameHeader.size, target.count)))
    }

    /// The same into a value of the library's own.
    @inlinable @inline(__always)
    func bytes(at offset: Int, count: Int) -> MessageBytes {
        // A slot has room for few behind its header, however many of them count.
        if count <= MessageBytes.fewMax {
            return unsafe MessageBytes(few: UnsafeRawBufferPointer(region.bytes(offset + FrameHeader.size, MessageBytes.fewMax)), count)
        }
        return MessageBytes(body(at: offset, count: count))
    }

    @inlinable
    func body(at offset: Int, count: Int) -> [UInt8] {
        unsafe [UInt8](UnsafeRawBufferPointer(region.bytes(offset + FrameHeader.size, count)))
    }
}

/// What one half says to the reader of its ring: "look at this lease" or "this call is answered". A hint, never a commitment
/// (architecture rule 4).
///
/// The bit `lap` tells an entry of this round through the ring from what the last round left there, so that the reader needs to
/// look at nothing but the entry.
public struct Announcement: Equatable, Sendable, BitwiseCopyable {
    public let bits: UInt64

    @inlinable static var replyBit: UInt64 { 1 << 63 }
    @inlinable static var lapBit: UInt64 { 1 << 62 }
    @inlinable static var generationMask: UInt32 { 0x3FFF_FFFF }

    /// The lap bit that announcement number `number` carries; memory that was never written carries none.
    @inlinable @inline(__always) static func lap(_ number: UInt64) -> UInt64 { (number / LinkHalf.ringSize) & 1 == 0 ? lapBit : 0 }
    @inlinable @inline(__always) func isOfLap(_ number: UInt64) -> Bool { bits & Self.lapBit == Self.lap(number) }

    @inlinable @inline(__always) init(bits: UInt64) { self.bits = bits }
    @inlinable @inline(__always) public static func lease(takeIndex: UInt32, epoch: UInt32) -> Announcement {
        Announcement(bits: UInt64(epoch) << 32 | UInt64(takeIndex))
    }
    @inlinable @inline(__always) public static func reply(index: UInt16, generation: UInt32) -> Announcement {
        Announcement(bits: replyBit | UInt64(generation & generationMask) << 32 | UInt64(index))
    }

    /// Whether both say the same, on whatever lap of the ring.
    @inlinable @inline(__always) public func isSame(as other: Announcement) -> Bool { (bits ^ other.bits) & ~Self.lapBit == 0 }
    @inlinable @inline(__always) public var isReply: Bool { bits & Self.replyBit != 0 }
    /// Whether it announces an answer to this use of its reply word.
    @inlinable @inline(__always) public func isReply(of generation: UInt32) -> Bool { isReply && epoch == generation & Self.generationMask }
    @inlinable @inline(__always) public var index: UInt32 { UInt32(truncatingIfNeeded: bits) }
    @inlinable @inline(__always) public var epoch: UInt32 { UInt32(truncatingIfNeeded: bits >> 32) & Self.generationMask }
}
