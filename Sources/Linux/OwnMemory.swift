import CLinux
import Glibc
public import SystemPackage

/// Memory of this process at addresses that somebody names, who may be wrong: Linux copies, and says where nothing is. No pointer is
/// followed, but for those into the stack of the calling thread.
public enum OwnMemory {
    private static let pageBytes = 4096

    private static func pages(_ count: Int) -> Int { (count + pageBytes - 1) & ~(pageBytes - 1) }

    /// A copy of these bytes; nil if they cannot all be read.
    public static func read(_ address: UInt64, _ count: Int) -> [UInt8]? {
        guard count > 0 else { return [] }
        guard count <= Int.max >> 8 else { return nil }
        if masix_is_on_stack(address, count) != 0, let start = unsafe UnsafeRawPointer(bitPattern: UInt(address)) {
            // The caller's frames, over the call.
            return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
        }
        // Looked at before so much is allocated: the number may be nonsense.
        guard count <= 1 << 20 || isReadable(address, count) else { return nil }
        var copied = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            // The buffer is ours, as long as this runs.
            copied = masix_copy_here(address, UInt64(UInt(bitPattern: buffer.baseAddress)), count)
            // What has not been copied is not read: the array is thrown away.
            filled = max(0, copied)
        }
        return copied == count ? bytes : nil
    }

    /// Lends these bytes as they are on the calling thread's stack, and a copy of those that lie elsewhere; nil if they cannot all be read.
    public static func withBytes<Result: ~Copyable, Failure: Error>(
        _ address: UInt64, _ count: Int, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        if count > 0, masix_is_on_stack(address, count) != 0, let start = unsafe UnsafeRawPointer(bitPattern: UInt(address)) {
            // The caller's frames, over the call.
            return try body(unsafe RawSpan(_unsafeStart: start, byteCount: count))
        }
        guard let bytes = read(address, count) else { return nil }
        return try lend(bytes, body)
    }

    /// Lends the bytes of an array.
    public static func lend<Result: ~Copyable, Failure: Error>(
        _ bytes: [UInt8], _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Bytes are whatever their bits are.
        try body(unsafe bytes.span.bytes)
    }

    private static func isReadable(_ address: UInt64, _ count: Int) -> Bool {
        for place in [address, address &+ UInt64(count - 1)] {
            var byte: UInt8 = 0
            let isThere = unsafe withUnsafeMutableBytes(of: &byte) { target in
                // One byte of ours.
                masix_copy_here(place, UInt64(UInt(bitPattern: target.baseAddress)), 1) == 1
            }
            guard isThere else { return false }
        }
        return true
    }

    /// Whether the first and the last byte can be written. They are, with what they are.
    public static func isWritable(_ address: UInt64, _ count: Int) -> Bool {
        guard count > 0, masix_is_on_stack(address, count) == 0 else { return true }
        return [address, address &+ UInt64(count - 1)].allSatisfy { masix_copy_here($0, $0, 1) == 1 }
    }

    /// Writes there. False if it cannot all be written.
    public static func write(_ bytes: [UInt8], to address: UInt64) -> Bool {
        guard !bytes.isEmpty else { return true }
        return unsafe bytes.withUnsafeBytes { source in
            if masix_is_on_stack(address, bytes.count) != 0, let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)),
                let from = source.baseAddress
            {
                // The caller's frames, over the call.
                unsafe start.copyMemory(from: from, byteCount: source.count)
                return true
            }
            // The array lives over the call.
            return masix_copy_here(UInt64(UInt(bitPattern: source.baseAddress)), address, source.count) == source.count
        }
    }

    /// Writes there one after another: so many bytes of `head`, `body` with so many zeros behind it, and so many bytes of `tail`. False if
    /// they cannot all be written.
    public static func write<let headMax: Int, let tailMax: Int>(
        _ headBytes: Int, of head: InlineArray<headMax, UInt32>, _ body: RawSpan, zeros: Int, _ tailBytes: Int,
        of tail: InlineArray<tailMax, UInt32>, to address: UInt64
    ) -> Bool {
        // Numbers are bytes, too.
        unsafe write(
            head.span.bytes.extracting(first: headBytes), body, zeros: zeros, tail.span.bytes.extracting(first: tailBytes), to: address)
    }

    private static func write(_ head: RawSpan, _ body: RawSpan, zeros: Int, _ tail: RawSpan, to address: UInt64) -> Bool {
        let count = head.byteCount + body.byteCount + zeros + tail.byteCount
        func fill(_ target: UnsafeMutableRawPointer) {
            var place = unsafe target
            for span in [0, 1, 2] {
                let part = span == 0 ? head : span == 1 ? body : tail
                // There is room for all of them.
                unsafe part.withUnsafeBytes { bytes in
                    if let from = bytes.baseAddress { unsafe place.copyMemory(from: from, byteCount: bytes.count) }
                }
                unsafe place += part.byteCount
                if span == 1 {
                    unsafe memset(place, 0, zeros)
                    unsafe place += zeros
                }
            }
        }
        if masix_is_on_stack(address, count) != 0, let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)) {
            // The caller's frames, over the call.
            unsafe fill(start)
            return true
        }
        return unsafe withUnsafeTemporaryAllocation(byteCount: max(count, 1), alignment: 8) { buffer in
            guard let start = buffer.baseAddress else { return false }
            unsafe fill(start)
            // Ours, over the call.
            return masix_copy_here(UInt64(UInt(bitPattern: start)), address, count) == count
        }
    }

    /// Writes a range of this memory into an open file, from its start.
    public static func write(_ address: UInt64, _ count: Int, toFile raw: Int32) throws(Errno) {
        guard let start = unsafe UnsafeRawPointer(bitPattern: UInt(address)) else { throw .badAddress }
        var done = 0
        while done < count {
            let (place, rest) = (done, count - done)
            // Linux reads the range, and says where it cannot.
            let written = try systemCall(.writeAt) { unsafe masix_pwrite(raw, start + place, rest, Int64(place)) }
            guard written > 0 else { throw .badAddress }
            done += written
        }
    }

    /// Fresh pages: zeros, or a private view of a file; anywhere, or at a place where nothing is. Nil if there is no room.
    public static func allocate(_ count: Int, at address: UInt64? = nil, of raw: Int32 = -1) -> UInt64? {
        guard count > 0, count <= Int.max >> 8 else { return nil }
        let flags = MAP_PRIVATE | (raw < 0 ? MAP_ANONYMOUS : 0) | (address == nil ? 0 : Int32(MASIX_MAP_FIXED_NOREPLACE))
        // New pages, at a place that is free.
        let mapped = unsafe mmap(
            address.flatMap { unsafe UnsafeMutableRawPointer(bitPattern: UInt($0)) }, pages(count), PROT_READ | PROT_WRITE, flags, raw, 0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else { return nil }
        let place = UInt64(UInt(bitPattern: mapped))
        // An old Linux takes the place for a hint.
        guard address == nil || address == place else {
            deallocate(place, count)
            return nil
        }
        return place
    }

    /// Frees the pages that the range touches. They are the caller's to give up.
    public static func deallocate(_ address: UInt64, _ count: Int) {
        let first = address & ~UInt64(pageBytes - 1)
        guard let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(first)) else { return }
        // Said above.
        _ = unsafe masix_munmap(start, pages(Int(address - first) + count))
    }
}

extension RawSpan {
    /// Four bytes as this machine has a number, wherever they lie.
    public func word(at offset: Int) -> UInt32 {
        precondition(offset >= 0 && offset <= byteCount - 4)
        // Looked at above; every four bytes are a number.
        return unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self)
    }
}
