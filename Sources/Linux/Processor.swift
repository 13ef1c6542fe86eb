public import CLinux
public import SystemPackage

/// The machine's processors as this thread sees them.
public enum Processor {
    /// The processor this thread runs on just now.
    @inlinable
    public static var current: Int { Int(masix_current_processor()) }

    /// How many are online.
    public static var count: Int { masix_processor_count() }

    /// Those this thread may run on.
    public static func allowed() throws(Errno) -> [Int] {
        var words = [UInt64](repeating: 0, count: 16)
        // The shim fills 16 words.
        _ = try systemCall(.pin) { unsafe masix_allowed_processors(&words) }
        return (0..<1024).filter { words[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
    }

    /// Keeps this thread on one processor. `.invalidArgument` where it does not exist or is not allowed.
    public static func pin(to processor: Int) throws(Errno) {
        _ = try systemCall(.pin) { masix_pin(Int32(clamping: processor)) }
    }

    /// Tells the processor that this is a spin loop.
    @_transparent
    public static func relax() { masix_relax() }

    /// Asks for the memory line at this address, for writing, before it is needed. Harmless for any address.
    @_transparent
    public static func prefetchForWriting(_ address: UnsafeMutableRawPointer) { unsafe masix_prefetch_for_writing(address) }

    /// No later load is made before every earlier store can be seen.
    @inlinable @inline(__always)
    public static func fullFence() { masix_full_fence() }

    /// Asks for a line that is about to be read, so that several are under way at once.
    @unsafe @inlinable @inline(__always)
    public static func prefetchForReading(_ address: UnsafeMutableRawPointer) { unsafe masix_prefetch_for_reading(address) }
}
