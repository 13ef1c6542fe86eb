import CLinux
import Glibc
import Masix
import MasixLinux
import MasixMach

/// This process's own memory, for messages. Addresses are the program's: what they lead to is copied by Linux, which says so where nothing
/// is, and no pointer is followed.
struct OwnMemory: TaskMemory {
    private static let pageBytes = 4096

    private static func pages(_ count: Int) -> Int { (count + pageBytes - 1) & ~(pageBytes - 1) }

    func read(_ address: UInt64, _ count: Int) -> [UInt8]? {
        guard count > 0 else { return [] }
        guard count <= Int.max >> 8 else { return nil }
        if masix_is_on_stack(address, count) != 0, let start = unsafe UnsafeRawPointer(bitPattern: UInt(address)) {
            // The caller's frame, over the call.
            return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
        }
        // Looked at before so much is allocated: the number may be nonsense.
        guard count <= 1 << 20 || isReadable(address, count) else { return nil }
        var copied = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            // The buffer is ours, as long as this runs.
            let target = UInt64(UInt(bitPattern: buffer.baseAddress))
            copied = masix_copy_here(address, target, count)
            // What has not been copied is not read: the array is thrown away.
            filled = max(0, copied)
        }
        return copied == count ? bytes : nil
    }

    private func isReadable(_ address: UInt64, _ count: Int) -> Bool {
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

    /// Writes into the program's memory. False if it cannot be written.
    func write(_ bytes: [UInt8], to address: UInt64) -> Bool {
        guard !bytes.isEmpty else { return true }
        return unsafe bytes.withUnsafeBytes { source in
            if masix_is_on_stack(address, bytes.count) != 0, let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address)) {
                // The caller's frame, over the call.
                unsafe start.copyMemory(from: source.baseAddress!, byteCount: source.count)
                return true
            }
            // The array lives over the call.
            return masix_copy_here(UInt64(UInt(bitPattern: source.baseAddress)), address, source.count) == source.count
        }
    }

    func capture(_ address: UInt64, _ count: Int) -> MemoryObject? {
        guard let start = unsafe UnsafeRawPointer(bitPattern: UInt(address)) else { return nil }
        do throws(MasixError) {
            let draft = try MemoryObject.Draft(count: count)
            var done = 0
            while done < count {
                // Linux reads the range, and says where it cannot.
                let written = unsafe masix_pwrite(draft.rawDescriptor, start + done, count - done, Int64(done))
                guard written > 0 else { return nil }
                done += written
            }
            return try MemoryObject(draft)
        } catch {
            return nil
        }
    }

    func allocate(_ count: Int) -> UInt64? { pagesAt(nil, count, of: -1) }

    func allocate(_ count: Int, at address: UInt64) -> Bool {
        // Nothing that is there is replaced.
        pagesAt(address, count, of: -1) == address
    }

    func place(_ bytes: [UInt8]) -> UInt64? {
        guard let address = allocate(bytes.count) else { return nil }
        return write(bytes, to: address) ? address : nil
    }

    func map(_ object: MemoryObject) -> UInt64? { pagesAt(nil, object.count, of: object.rawDescriptor) }

    private func pagesAt(_ address: UInt64?, _ count: Int, of raw: Int32) -> UInt64? {
        guard count > 0, count <= Int.max >> 8 else { return nil }
        let flags = MAP_PRIVATE | (raw < 0 ? MAP_ANONYMOUS : 0) | (address == nil ? 0 : MAP_FIXED_NOREPLACE)
        // New pages, at a place that is free.
        let mapped = unsafe mmap(
            address.flatMap { unsafe UnsafeMutableRawPointer(bitPattern: UInt($0)) }, Self.pages(count), PROT_READ | PROT_WRITE, flags, raw,
            0)
        guard let mapped = unsafe mapped, unsafe mapped != MAP_FAILED else { return nil }
        return UInt64(UInt(bitPattern: mapped))
    }

    func read(_ object: MemoryObject, at offset: Int, _ count: Int) -> [UInt8]? { try? object.bytes(in: offset..<(offset + count)) }

    func deallocate(_ address: UInt64, _ count: Int) {
        let first = address & ~UInt64(Self.pageBytes - 1)
        let length = Self.pages(Int(address - first) + count)
        guard let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(first)) else { return }
        // The pages are the program's to give up (M1).
        _ = unsafe masix_munmap(start, length)
    }
}
