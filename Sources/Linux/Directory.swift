import CLinux
public import SystemPackage

/// Directories: making, removing, listing.
public enum Directory {
    public struct Entry: Sendable, Hashable {
        public let name: String
        /// `.unknown` where the file system does not tell in its listing.
        public let kind: FileStatus.Kind
        public let inode: UInt64
    }

    /// All entries but `.` and `..`, sorted by name. `raw` is a lent descriptor of a directory opened for reading; its position is reset.
    public static func entries(at raw: Int32) throws(Errno) -> [Entry] {
        _ = try systemCall(.directory) { masix_rewind(raw) }
        var entries: [Entry] = []
        var buffer = [UInt8](repeating: 0, count: 32_768)
        while true {
            // The array has room for the count given.
            let count = try systemCall(.directory) { unsafe masix_getdents(raw, &buffer, 32_768) }
            if count == 0 { break }
            // struct linux_dirent64: inode 8, offset 8, length 2, kind 1, then the name, ended by zero.
            var at = 0
            while at + 19 <= count {
                let length = Int(buffer[at + 16]) | Int(buffer[at + 17]) << 8
                guard length >= 19, at + length <= count else { throw .ioError }
                let name = buffer[(at + 19)..<(at + length)].prefix { $0 != 0 }
                if !name.elementsEqual([46]) && !name.elementsEqual([46, 46]) {
                    let inode = buffer[at..<(at + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                    entries.append(Entry(name: String(decoding: name, as: UTF8.self), kind: kind(buffer[at + 18]), inode: inode))
                }
                at += length
            }
        }
        return entries.sorted { $0.name < $1.name }
    }

    public static func entries(of path: String, at directory: Int32 = Origin.workingDirectory) throws(Errno) -> [Entry] {
        let opened = try File.open(path, .directory, at: directory)
        return try entries(at: opened.raw)
    }

    private static func kind(_ code: UInt8) -> FileStatus.Kind {
        switch code {
        case 1: .pipe
        case 2: .characterDevice
        case 4: .directory
        case 6: .blockDevice
        case 8: .regular
        case 10: .link
        case 12: .socket
        default: .unknown
        }
    }

    public static func make(_ path: String, mode: UInt32 = 0o700, at directory: Int32 = Origin.workingDirectory) throws(Errno) {
        let path = try checkedPath(path)
        // The path is a C string that lives over the call.
        _ = try systemCall(.directory) { unsafe masix_mkdirat(directory, path, mode) }
    }

    /// Makes the directory and those above it that do not exist.
    public static func makeAll(_ path: String, mode: UInt32 = 0o700) throws(Errno) {
        var made = path.hasPrefix("/") ? "/" : ""
        for component in path.split(separator: "/") {
            made += component + "/"
            do {
                try make(made, mode: mode)
            } catch {
                guard error == .fileExists else { throw error }
            }
        }
    }

    /// `.directoryNotEmpty` when something is in it.
    public static func remove(_ path: String, at directory: Int32 = Origin.workingDirectory) throws(Errno) {
        let path = try checkedPath(path)
        // The path is a C string that lives over the call.
        _ = try systemCall(.unlink) { unsafe masix_unlinkat(directory, path, AT_REMOVEDIR) }
    }

    /// Removes a directory with all that is in it; links are removed, not followed.
    public static func removeAll(_ path: String, at directory: Int32 = Origin.workingDirectory) throws(Errno) {
        let opened = try File.open(path, [.directory, .noFollow], at: directory)
        for entry in try entries(at: opened.raw) {
            if try File.status(entry.name, at: opened.raw, followingLinks: false).kind == .directory {
                try removeAll(entry.name, at: opened.raw)
            } else {
                try File.unlink(entry.name, at: opened.raw)
            }
        }
        try remove(path, at: directory)
    }
}
