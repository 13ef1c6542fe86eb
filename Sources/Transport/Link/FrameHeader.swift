public import MasixKernel

/// The first 64 bytes of a slot. Little-endian, as the machine has it: a link never leaves it.
///
/// ```
///  0 number      u64  sent + 1 at the time of writing; the generation for a reply
///  8 epoch       u32  of the lease; unused in a reply
/// 12 length      u32  bytes behind the header
/// 16 code        u32
/// 20 replyIndex  u16  reply word of the call, or 0xFFFF
/// 22 flags       u16  bit 0: dropped (an answer that stands for a send-once notification); bit 1: spoken (a `Speaker` comes before the
///                     body, counted in the length); bits 2 to 4: the format of the body
/// 24 replyGeneration u32
/// 40 given       u32  in a reply: its generation again, written once the callee has used its right (see `LinkNews.isGiven`)
/// ```
public struct FrameHeader: Equatable, Sendable, BitwiseCopyable {
    public var number: UInt64
    public var epoch: UInt32
    public var length: UInt32
    public var code: UInt32
    public var replyIndex: UInt16
    public var flags: UInt16
    public var replyGeneration: UInt32

    @inlinable public static var size: Int { 64 }
    @inlinable public static var noReply: UInt16 { 0xFFFF }
    @inlinable public static var dropped: UInt16 { 1 }
    @inlinable public static var spoken: UInt16 { 2 }
    /// The flags of a body of this format.
    @inlinable public static func flags(_ format: BodyFormat) -> UInt16 { UInt16(format.rawValue) << 2 }
    /// The format of the body; a number that is none means bytes.
    @inlinable public var format: BodyFormat { BodyFormat(rawValue: UInt8(flags >> 2 & 7)) ?? .plain }

    @inlinable public init(
        number: UInt64, epoch: UInt32 = 0, length: UInt32, code: UInt32, replyIndex: UInt16 = Self.noReply, flags: UInt16 = 0,
        replyGeneration: UInt32 = 0
    ) {
        self.number = number
        self.epoch = epoch
        self.length = length
        self.code = code
        self.replyIndex = replyIndex
        self.flags = flags
        self.replyGeneration = replyGeneration
    }
}
