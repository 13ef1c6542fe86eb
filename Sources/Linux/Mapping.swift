import CLinux
public import SystemPackage

/// Memory mapped into this process, owned: unmapped when the value ends.
///
/// Sendable without a check: the value only owns the address range. What is in shared memory may be changed by others at any time, so its
/// users go through atomics, or copy once and check the copy.
@safe
public struct Mapping: ~Copyable, @unchecked Sendable {
    public enum Access: Sendable { case read, readWrite }
    public enum Sharing: Sendable { case shared, `private` }

    /// The first byte; valid as long as this value lives.
    public let base: UnsafeMutableRawPointer
    /// In bytes, as asked for.
    public let count: Int

    /// Maps `length` bytes of a file from `offset`, a multiple of the page size. The descriptor may be closed afterwards.
    public init(of raw: Int32, length: Int, offset: Int = 0, access: Access, sharing: Sharing = .shared) throws(Errno) {
        try self.init(raw, length, offset, access, sharing == .shared ? MAP_SHARED : MAP_PRIVATE)
    }

    /// Maps fresh zeros of this process alone.
    public init(anonymous length: Int) throws(Errno) {
        try self.init(-1, length, 0, .readWrite, MAP_PRIVATE | MAP_ANONYMOUS)
    }

    private init(_ raw: Int32, _ length: Int, _ offset: Int, _ access: Access, _ flags: Int32) throws(Errno) {
        guard length > 0, offset >= 0 else { throw .invalidArgument }
        let protection = access == .readWrite ? PROT_READ | PROT_WRITE : PROT_READ
        var mapped: UnsafeMutableRawPointer?
        // The kernel chooses the place: nothing that exists is replaced.
        _ = try systemCall(.map) { unsafe masix_mmap(&mapped, length, protection, flags, raw, Int64(offset)) }
        guard let mapped = unsafe mapped else { throw .noMemory }
        unsafe base = mapped
        count = length
    }

    deinit {
        // The range is ours since init; nobody may use `base` after this value.
        _ = unsafe masix_munmap(base, count)
    }

    /// All of it; valid as long as this value lives.
    public var buffer: UnsafeMutableRawBufferPointer { unsafe UnsafeMutableRawBufferPointer(start: base, count: count) }

    /// Unmaps in forked children (MADV_DONTFORK): a child that touches it is ended by Linux.
    public borrowing func excludeFromFork() throws(Errno) { try advise(MADV_DONTFORK) }

    /// Touches all pages now, so that later use does not fault. Writable mappings are populated for writing.
    public borrowing func populate(forWriting: Bool = true) throws(Errno) {
        do {
            try advise(Int32(forWriting ? MASIX_MADV_POPULATE_WRITE : MASIX_MADV_POPULATE_READ))
        } catch {
            // Before 5.14 there is no such advice; the pages then come one by one.
            guard error == .invalidArgument else { throw error }
            try advise(MADV_WILLNEED)
        }
    }

    /// Keeps the content out of core dumps.
    public borrowing func excludeFromCoreDump() throws(Errno) { try advise(MADV_DONTDUMP) }

    func advise(_ advice: Int32) throws(Errno) {
        let count = self.count
        let base = unsafe base
        // The range is ours; none of the advices used here changes memory that somebody else relies on.
        _ = try systemCall(.advise) { unsafe masix_madvise(base, count, advice) }
    }

    /// The page size in bytes.
    public static var pageSize: Int { masix_page_size() }
}
