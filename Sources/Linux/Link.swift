import CLinux
public import SystemPackage

/// Symbolic and hard links.
public enum Link {
    public static func make(_ path: String, to target: String, at directory: Int32 = Origin.workingDirectory) throws(Errno) {
        let (path, target) = (try checkedPath(path), try checkedPath(target))
        // Both paths are C strings that live over the call.
        _ = try systemCall(.link) { unsafe masix_symlinkat(target, directory, path) }
    }

    /// Where a symbolic link leads, as it is written. `.invalidArgument` for what is no link.
    public static func target(of path: String, at directory: Int32 = Origin.workingDirectory) throws(Errno) -> String {
        let path = try checkedPath(path)
        // PATH_MAX is the longest that Linux stores.
        var bytes = [CChar](repeating: 0, count: 4096)
        // The array has room for the count given; the path is a C string.
        let count = try systemCall(.link) { unsafe masix_readlinkat(directory, path, &bytes, 4096) }
        return String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// A second name of a file.
    public static func makeHard(
        _ path: String, to existing: String, at directory: Int32 = Origin.workingDirectory, existingAt: Int32 = Origin.workingDirectory
    ) throws(Errno) {
        let (path, existing) = (try checkedPath(path), try checkedPath(existing))
        // Both paths are C strings that live over the call.
        _ = try systemCall(.link) { unsafe masix_linkat(existingAt, existing, directory, path) }
    }
}
