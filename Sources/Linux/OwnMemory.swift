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
