import CLinux
public import SystemPackage

/// What can no longer be done to a memory file.
public struct Seals: OptionSet, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// No further seals.
    public static let seal = Seals(rawValue: 0x01)
    public static let shrink = Seals(rawValue: 0x02)
    public static let grow = Seals(rawValue: 0x04)
    public static let write = Seals(rawValue: 0x08)
    /// No new writing: mappings that are already writable stay so.
    public static let futureWrite = Seals(rawValue: 0x10)
    public static let execute = Seals(rawValue: 0x20)

    /// Content and size are final.
    public static let frozen: Seals = [.write, .shrink, .grow, .seal]
}

/// Anonymous memory as a file (memfd), with mode 0600 so that other users cannot reopen it for writing.
public struct MemoryFile: ~Copyable, Sendable {
    public var descriptor: Descriptor

    /// Takes over a descriptor that is a memory file; what it is has been checked by the caller, or does not matter.
    public init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    public var raw: Int32 { descriptor.raw }

    /// The descriptor alone.
    public consuming func relinquish() -> Descriptor { descriptor }

    /// Makes a file of zeros.
    ///
    /// `name` only shows in /proc. `noExec` seals against execution where Linux can (6.3); without that the file's mode, which has no
    /// execute bit, is all that says so.
    public static func create(name: String, size: Int, noExec: Bool = true, features: Features = .assumed) throws(Errno) -> MemoryFile {
        let common = UInt32(MASIX_MFD_CLOEXEC | MASIX_MFD_ALLOW_SEALING)
        let file: MemoryFile
        if noExec && features.memfdNoExecSeal {
            do {
                file = try open(name: name, flags: common | UInt32(MASIX_MFD_NOEXEC_SEAL))
            } catch {
                guard error == .invalidArgument else { throw error }
                file = try open(name: name, flags: common)
            }
        } else {
            file = try open(name: name, flags: common)
        }
        let raw = file.raw
        _ = try systemCall(.changeMode) { masix_fchmod(raw, 0o600) }
        try file.truncate(to: size)
        return file
    }

    private static func open(name: String, flags: UInt32) throws(Errno) -> MemoryFile {
        let name = try checkedPath(name)
        // The name is a C string that lives over the call.
        return MemoryFile(Descriptor(owning: Int32(try systemCall(.memfdCreate) { unsafe masix_memfd_create(name, flags) })))
    }

    /// In bytes.
    public borrowing func size() throws(Errno) -> Int { try File.status(of: raw).size }

    public borrowing func truncate(to size: Int) throws(Errno) {
        let raw = self.raw
        guard size >= 0 else { throw .invalidArgument }
        _ = try systemCall(.truncate) { masix_ftruncate(raw, Int64(size)) }
    }

    /// Adds seals for ever. `.write` throws `.resourceBusy` while any mapping that was born writable lives.
    public borrowing func addSeals(_ seals: Seals) throws(Errno) { try Self.addSeals(seals, to: raw) }

    public static func addSeals(_ seals: Seals, to raw: Int32) throws(Errno) {
        _ = try systemCall(.seal) { masix_add_seals(raw, seals.rawValue) }
    }

    public borrowing func seals() throws(Errno) -> Seals { try Self.seals(of: raw) }

    /// `.invalidArgument` for what cannot be sealed at all.
    public static func seals(of raw: Int32) throws(Errno) -> Seals {
        Seals(rawValue: Int32(try systemCall(.seal) { masix_get_seals(raw) }))
    }

    /// Whether `raw` is a memory file of ordinary pages whose content and size are final and at least `length` bytes.
    ///
    /// This is the test for memory from somebody not trusted: a file of hugetlbfs or FUSE, or one that can still shrink, would let its
    /// sender block or kill the reader.
    public static func isSealedMemory(raw: Int32, atLeast length: Int) throws(Errno) -> Bool {
        let found: Seals
        do {
            found = try seals(of: raw)
        } catch {
            guard error == .invalidArgument else { throw error }
            return false
        }
        guard found.isSuperset(of: .frozen), try FileSystem.of(raw).kind == .shared else { return false }
        let status = try File.status(of: raw)
        return status.kind == .regular && status.size >= length
    }
}
