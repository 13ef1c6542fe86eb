/// The 64 bits that decide a lease: whether it is closed, which lease of this place it is, and how many messages were counted.
///
/// The *commit word* (sender and nucleus) counts sent messages, the *take word* (receiver and nucleus) received ones
/// (architecture rules 3 and 4, Documentation/Decisions/0001).
public struct LeaseWord: Equatable, Sendable, BitwiseCopyable {
    public var bits: UInt64

    @inlinable static var closedBit: UInt64 { 1 << 63 }
    @inlinable static var countMask: UInt64 { (1 << 40) - 1 }
    /// A lease is given up for a fresh one long before the count could reach the epoch.
    @inlinable public static var countMax: UInt64 { 1 << 39 }

    @inlinable public init(bits: UInt64) { self.bits = bits }

    @inlinable public init(epoch: UInt32, count: UInt64 = 0, isClosed: Bool = false) {
        bits = (isClosed ? Self.closedBit : 0) | UInt64(epoch & 0x7F_FFFF) << 40 | (count & Self.countMask)
    }

    @inlinable public var isClosed: Bool { bits & Self.closedBit != 0 }
    @inlinable public var epoch: UInt32 { UInt32(truncatingIfNeeded: bits >> 40) & 0x7F_FFFF }
    @inlinable public var count: UInt64 { bits & Self.countMask }
    @inlinable public var closed: LeaseWord { LeaseWord(bits: bits | Self.closedBit) }
    @inlinable public var next: LeaseWord { LeaseWord(bits: bits + 1) }
    /// A place where no lease has ever been: epoch 0 is never given.
    @inlinable public static var none: LeaseWord { LeaseWord(bits: closedBit) }
}

/// The 64 bits of one link-local reply right: at the caller who awaits the answer, or at the callee who may give it.
///
/// Generation and link tell a use of this place from every other one, so that a late hand never moves a later word.
public struct ReplyWord: Equatable, Sendable, BitwiseCopyable {
    public var bits: UInt64

    public enum State: UInt8, Sendable {
        case free = 0
        /// Caller: a call with this generation is, or is about to be, under way. Callee: it holds the right.
        case armed = 1
        /// Caller: armed, and the nucleus has seen that the call was committed.
        case counted = 2
        /// Caller: the answer was taken out of the reply slot.
        case taken = 3
        /// Callee: the answer is in the reply slot.
        case used = 4
        /// The right has become one of the kernel's.
        case promoted = 5
        /// Caller: the link closed, and the nucleus has taken over.
        case settled = 6
        /// Callee: the link closed before the right was taken up.
        case closed = 7
    }

    @inlinable public init(bits: UInt64) { self.bits = bits }

    @inlinable public init(_ state: State, link: UInt64, generation: UInt32) {
        bits = UInt64(state.rawValue) << 60 | (link & 0x0FFF_FFFF) << 32 | UInt64(generation)
    }

    @inlinable public var state: State? { State(rawValue: UInt8(truncatingIfNeeded: bits >> 60)) }
    @inlinable public var link: UInt64 { (bits >> 32) & 0x0FFF_FFFF }
    @inlinable public var generation: UInt32 { UInt32(truncatingIfNeeded: bits) }

    @inlinable public func with(_ state: State) -> ReplyWord {
        ReplyWord(bits: bits & 0x0FFF_FFFF_FFFF_FFFF | UInt64(state.rawValue) << 60)
    }
    @inlinable public func isOf(link other: UInt64) -> Bool { link == other & 0x0FFF_FFFF }
}
