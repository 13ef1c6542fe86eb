import CLinux
public import SystemPackage

/// The file system that a file lies on.
public struct FileSystem: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// tmpfs and memory files of ordinary pages.
        case shared
        case hugePages, proc, fuse, network, overlay
        case other(magic: UInt64)
    }

    public let kind: Kind
    /// For users that are not root, in bytes.
    public let freeBytes: UInt64
    public let totalBytes: UInt64

    public static func of(_ raw: Int32) throws(Errno) -> FileSystem {
        var (magic, free, total): (UInt64, UInt64, UInt64) = (0, 0, 0)
        // The shim stores three numbers.
        _ = try systemCall(.fileSystem) { unsafe masix_fstatfs(raw, &magic, &free, &total) }
        let kind: Kind =
            switch magic {
            case 0x0102_1994: .shared
            case 0x9584_58f6: .hugePages
            case 0x9fa0: .proc
            case 0x6573_5546: .fuse
            case 0x6969, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997: .network
            case 0x794c_7630: .overlay
            default: .other(magic: magic)
            }
        return FileSystem(kind: kind, freeBytes: free, totalBytes: total)
    }
}
