import CLinux
public import SystemPackage

/// How to open a file.
public struct OpenFlags: OptionSet, Sendable, Hashable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let read = OpenFlags([])
    public static let write = OpenFlags(rawValue: O_WRONLY)
    public static let readWrite = OpenFlags(rawValue: O_RDWR)
    public static let create = OpenFlags(rawValue: O_CREAT)
    public static let exclusive = OpenFlags(rawValue: O_EXCL)
    public static let truncate = OpenFlags(rawValue: O_TRUNC)
    public static let append = OpenFlags(rawValue: O_APPEND)
    public static let directory = OpenFlags(rawValue: O_DIRECTORY)
    public static let nonBlocking = OpenFlags(rawValue: O_NONBLOCK)
    public static let noFollow = OpenFlags(rawValue: O_NOFOLLOW)
    public static let noControllingTerminal = OpenFlags(rawValue: O_NOCTTY)
    /// Only the place, not its content.
    public static let pathOnly = OpenFlags(rawValue: 0o10000000)
}

/// What a file is.
public struct FileStatus: Sendable, Hashable {
    public enum Kind: Sendable, Hashable { case regular, directory, link, pipe, socket, characterDevice, blockDevice, unknown }

    public let kind: Kind
    /// In bytes.
    public let size: Int
    /// Permission bits, 0o7777 at most.
    public let mode: UInt32
    public let modified: FileTime
    public let accessed: FileTime
    public let uid: UInt32
    public let gid: UInt32
    /// With `inode`, names the file on this machine.
    public let device: UInt64
    public let inode: UInt64

    init(_ status: masix_status) {
        switch status.mode & UInt32(S_IFMT) {
        case UInt32(S_IFREG): kind = .regular
        case UInt32(S_IFDIR): kind = .directory
        case UInt32(S_IFLNK): kind = .link
        case UInt32(S_IFIFO): kind = .pipe
        case UInt32(S_IFSOCK): kind = .socket
        case UInt32(S_IFCHR): kind = .characterDevice
        case UInt32(S_IFBLK): kind = .blockDevice
        default: kind = .unknown
        }
        size = Int(status.size)
        mode = status.mode & 0o7777
        modified = FileTime(seconds: status.modified_seconds, nanoseconds: UInt32(status.modified_nanoseconds))
        accessed = FileTime(seconds: status.accessed_seconds, nanoseconds: UInt32(status.accessed_nanoseconds))
        uid = status.uid
        gid = status.gid
        device = status.device
        inode = status.inode
    }
}

/// Since 1970, UTC.
public struct FileTime: Sendable, Hashable {
    public let seconds: Int64
    /// Below 1,000,000,000.
    public let nanoseconds: UInt32

    public init(seconds: Int64, nanoseconds: UInt32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}

/// Where a path starts.
public enum Origin {
    /// The working directory, for relative paths.
    public static let workingDirectory: Int32 = AT_FDCWD
}

/// Files by path and by lent descriptor. `at` is a lent directory descriptor that relative paths start from.
public enum File {
    public static func open(_ path: String, _ flags: OpenFlags, mode: UInt32 = 0o600, at directory: Int32 = Origin.workingDirectory)
        throws(Errno) -> Descriptor
    {
        let path = try checkedPath(path)
        // The path is a C string that lives over the call.
        return Descriptor(owning: Int32(try systemCall(.open) { unsafe masix_openat(directory, path, flags.rawValue, mode) }))
    }

    /// Opens a path that cannot leave `root`: no absolute path, no `..` above it, no link that leads out (`.improperLink`).
    ///
    /// Where Linux has no openat2 each component is opened by itself, `..` and every link are refused: stricter, never laxer.
    public static func open(
        _ path: String, _ flags: OpenFlags, mode: UInt32 = 0o600, beneath root: Int32, features: Features = .assumed
    ) throws(Errno) -> Descriptor {
        let path = try checkedPath(path)
        if features.openat2 {
            do {
                let createMode = flags.contains(.create) ? UInt64(mode) : 0
                let flagBits = UInt64(UInt32(bitPattern: flags.rawValue))
                let beneath: UInt64 = 0x08 | 0x02  // RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS
                // The path is a C string that lives over the call.
                return Descriptor(owning: Int32(try systemCall(.open) { unsafe masix_openat2(root, path, flagBits, createMode, beneath) }))
            } catch {
                guard error == .noFunction else { throw error }
            }
        }
        return try walk(path, flags, mode: mode, from: root)
    }

    private static func walk(_ path: String, _ flags: OpenFlags, mode: UInt32, from root: Int32) throws(Errno) -> Descriptor {
        guard !path.hasPrefix("/") else { throw .improperLink }
        var components = path.split(separator: "/").filter { $0 != "." }.map { String($0) }
        guard !components.contains("..") else { throw .improperLink }
        let last = components.popLast() ?? "."
        var directory = try Descriptor.duplicate(of: root)
        for component in components {
            directory = try open(component, [.directory, .noFollow, .pathOnly], at: directory.raw)
        }
        do {
            return try open(
                last, path.hasSuffix("/") ? flags.union([.noFollow, .directory]) : flags.union(.noFollow), mode: mode, at: directory.raw)
        } catch {
            throw error == .tooManySymbolicLinkLevels ? .improperLink : error
        }
    }

    /// Reads at `offset` without moving; fewer bytes only near the end, 0 at the end.
    public static func read(_ raw: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Errno) -> Int {
        // The shim stores at most `count` bytes in the caller's buffer.
        try systemCall(.readAt) { unsafe masix_pread(raw, buffer.baseAddress, buffer.count, Int64(offset)) }
    }

    /// Reads at `offset` into a part of the array, which ends inside it; fewer bytes only near the end.
    public static func read(_ raw: Int32, count: Int, at offset: Int, into bytes: inout [UInt8], at place: Int) throws(Errno) -> Int {
        precondition(place >= 0 && count >= 0 && count <= bytes.count - place)
        // The array has `count` bytes at `place`.
        return try systemCall(.readAt) {
            unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe masix_pread(raw, buffer.baseAddress?.advanced(by: place), count, Int64(offset))
            }
        }
    }

    public static func readBytes(_ raw: Int32, count: Int, at offset: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        // The array is `count` bytes long.
        let found = try systemCall(.readAt) { unsafe masix_pread(raw, &bytes, count, Int64(offset)) }
        bytes.removeLast(count - found)
        return bytes
    }

    /// Writes at `offset` without moving, perhaps not everything.
    public static func write(_ raw: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int) throws(Errno) -> Int {
        // The shim reads `count` bytes of the caller's buffer.
        try systemCall(.writeAt) { unsafe masix_pwrite(raw, bytes.baseAddress, bytes.count, Int64(offset)) }
    }

    public static func write(_ raw: Int32, _ bytes: ArraySlice<UInt8>, at offset: Int) throws(Errno) -> Int {
        // The slice lives over the call.
        try systemCall(.writeAt) {
            unsafe bytes.withUnsafeBytes { buffer in unsafe masix_pwrite(raw, buffer.baseAddress, buffer.count, Int64(offset)) }
        }
    }

    public static func write(_ raw: Int32, _ bytes: [UInt8], at offset: Int) throws(Errno) -> Int {
        // The array lives over the call.
        try systemCall(.writeAt) { unsafe masix_pwrite(raw, bytes, bytes.count, Int64(offset)) }
    }

    public static func truncate(_ raw: Int32, to size: Int) throws(Errno) {
        _ = try systemCall(.truncate) { masix_ftruncate(raw, Int64(size)) }
    }

    /// Locks the file against whoever else asks for this lock; false if another holds it. Ends with the last descriptor of `raw`'s open file.
    public static func tryLock(_ raw: Int32) throws(Errno) -> Bool {
        do {
            _ = try systemCall(.open) { masix_lock(raw) }
            return true
        } catch {
            if error == .wouldBlock || error == .resourceTemporarilyUnavailable { return false }
            throw error
        }
    }

    /// Makes what was written survive the machine.
    public static func synchronize(_ raw: Int32) throws(Errno) { _ = try systemCall(.synchronize) { masix_fsync(raw) } }

    public static func status(of raw: Int32) throws(Errno) -> FileStatus {
        var status = masix_status()
        // The shim fills our variable.
        _ = try systemCall(.status) { unsafe masix_fstat(raw, &status) }
        return FileStatus(status)
    }

    public static func status(
        _ path: String, at directory: Int32 = Origin.workingDirectory, followingLinks: Bool = true
    ) throws(Errno) -> FileStatus {
        let path = try checkedPath(path)
        var status = masix_status()
        // The shim fills our variable; the path is a C string that lives over the call.
        _ = try systemCall(.status) { unsafe masix_fstatat(directory, path, &status, followingLinks ? 0 : AT_SYMLINK_NOFOLLOW) }
        return FileStatus(status)
    }

    /// The whole content; `.fileTooLarge` above `max` bytes.
    public static func contents(of path: String, max: Int) throws(Errno) -> [UInt8] { try open(path, .read).readAll(max: max) }

    /// The same; nil if there is no such file.
    public static func contentsIfThere(_ path: String, max: Int) throws(Errno) -> [UInt8]? {
        do throws(Errno) { return try contents(of: path, max: max) } catch {
            guard error == .noSuchFileOrDirectory else { throw error }
            return nil
        }
    }

    public static func changeMode(_ path: String, to mode: UInt32, at directory: Int32 = Origin.workingDirectory) throws(Errno) {
        let path = try checkedPath(path)
        // The path is a C string that lives over the call.
        _ = try systemCall(.changeMode) { unsafe masix_fchmodat(directory, path, mode) }
    }

    public static func changeMode(of raw: Int32, to mode: UInt32) throws(Errno) {
        _ = try systemCall(.changeMode) { masix_fchmod(raw, mode) }
    }

    /// Nil leaves a time alone. Does not follow a link.
    public static func setTimes(
        _ path: String, accessed: FileTime?, modified: FileTime?, at directory: Int32 = Origin.workingDirectory
    ) throws(Errno) {
        let path = try checkedPath(path)
        let omit = Int64((1 << 30) - 2)  // UTIME_OMIT
        // The path is a C string that lives over the call.
        _ = try systemCall(.modify) {
            unsafe masix_utimens(
                directory, path, accessed?.seconds ?? 0, accessed.map { Int64($0.nanoseconds) } ?? omit, modified?.seconds ?? 0,
                modified.map { Int64($0.nanoseconds) } ?? omit, AT_SYMLINK_NOFOLLOW)
        }
    }

    /// Nil leaves a time alone.
    public static func setTimes(of raw: Int32, accessed: FileTime?, modified: FileTime?) throws(Errno) {
        let omit = Int64((1 << 30) - 2)  // UTIME_OMIT
        // Without a path Linux means the descriptor itself.
        _ = try systemCall(.modify) {
            masix_utimens(
                raw, nil, accessed?.seconds ?? 0, accessed.map { Int64($0.nanoseconds) } ?? omit, modified?.seconds ?? 0,
                modified.map { Int64($0.nanoseconds) } ?? omit, 0)
        }
    }

    public static func unlink(_ path: String, at directory: Int32 = Origin.workingDirectory) throws(Errno) {
        let path = try checkedPath(path)
        // The path is a C string that lives over the call.
        _ = try systemCall(.unlink) { unsafe masix_unlinkat(directory, path, 0) }
    }

    /// Replaces what is at `target`.
    public static func rename(
        _ source: String, to target: String, from sourceDirectory: Int32 = Origin.workingDirectory,
        into targetDirectory: Int32 = Origin.workingDirectory
    ) throws(Errno) {
        let (source, target) = (try checkedPath(source), try checkedPath(target))
        // Both paths are C strings that live over the call.
        _ = try systemCall(.rename) { unsafe masix_renameat(sourceDirectory, source, targetDirectory, target) }
    }
}
