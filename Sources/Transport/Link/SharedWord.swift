public import MasixLinux
public import Synchronization

/// One atomic 64-bit word inside shared memory.
///
/// Safe to hold because whoever makes one has checked that the place lies inside a mapping which lives longer; what the other
/// side writes there is only ever a number.
@safe
public struct SharedWord64: @unchecked Sendable {
    @usableFromInline let pointer: UnsafeMutablePointer<Atomic<UInt64>>

    /// `address` must be aligned, mapped, and stay so.
    @unsafe @inlinable @inline(__always)
    init(at address: UnsafeMutableRawPointer) {
        unsafe pointer = address.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inlinable @inline(__always) public var relaxed: UInt64 { unsafe pointer.pointee.load(ordering: .relaxed) }
    @inlinable @inline(__always) public var acquired: UInt64 { unsafe pointer.pointee.load(ordering: .acquiring) }
    @inlinable @inline(__always) public func release(_ value: UInt64) { unsafe pointer.pointee.store(value, ordering: .releasing) }
    /// Sets bits whatever else happens to the word, in one step: nobody can keep the caller trying. The value before.
    @inlinable @inline(__always) public func set(_ bits: UInt64) -> UInt64 {
        unsafe pointer.pointee.bitwiseOr(bits, ordering: .acquiringAndReleasing).oldValue
    }
    @inlinable @inline(__always) public func exchange(_ expected: UInt64, for desired: UInt64) -> Bool {
        unsafe pointer.pointee.compareExchange(expected: expected, desired: desired, ordering: .acquiringAndReleasing).exchanged
    }
}

/// One atomic 32-bit word inside shared memory.
@safe
public struct SharedWord32: @unchecked Sendable {
    @usableFromInline let pointer: UnsafeMutablePointer<Atomic<UInt32>>

    /// `address` must be aligned, mapped, and stay so.
    @unsafe @inlinable @inline(__always)
    init(at address: UnsafeMutableRawPointer) {
        unsafe pointer = address.assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    @inlinable @inline(__always) public var relaxed: UInt32 { unsafe pointer.pointee.load(ordering: .relaxed) }
    @inlinable @inline(__always) public var acquired: UInt32 { unsafe pointer.pointee.load(ordering: .acquiring) }
    @inlinable @inline(__always) public func release(_ value: UInt32) { unsafe pointer.pointee.store(value, ordering: .releasing) }
    @inlinable @inline(__always) public func relax(_ value: UInt32) { unsafe pointer.pointee.store(value, ordering: .relaxed) }
}

/// Orders a store before a later load: the fence between "I publish" and "do you sleep?" (pitfalls 9).
@inlinable @inline(__always)
public func fullFence() { Processor.fullFence() }
