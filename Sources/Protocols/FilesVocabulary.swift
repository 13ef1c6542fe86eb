public import MasixWire

// What the file server and its clients say to each other. All integers little-endian; text and lists are counted by 32 bits.

/// Codes and bounds of the file protocol.
public enum FilesProtocol {
    /// `Message.code` of everything that is said on the server's port.
    public static let serverCode: UInt32 = 0x6669_6C65
    /// `Message.code` of everything that is said on the port of one open file.
    public static let fileCode: UInt32 = 0x6F70_656E
    /// Bytes of a path.
    public static let pathBytesMax = 4096
    /// Bytes of one name in a directory.
    public static let nameBytesMax = 255
    /// Bytes of content that travel in the message itself; the rest of its room is for what describes them.
    public static let inlineBytesMax = 64_000
    /// Bytes of one read or write that travels as a memory object.
    public static let pieceBytesMax = 16 << 20
    /// Bytes of a file that may come in a batch; larger ones are opened.
    public static let smallFileBytesMax = 256 << 10
    /// Files of one batch.
    public static let filesPerBatchMax = 256
    /// Directories of one listing of several.
    public static let directoriesPerListingMax = 64
    /// Bytes of such a listing, in a message or in a memory object.
    public static let listingBytesMax = 4 << 20
    /// Bytes of the memory object that the contents of a batch come in.
    public static let batchBytesMax = 2 << 20
    /// Entries of one page of a directory; what does not fit in a message comes with the next page.
    public static let entriesPerPageMax = 4096
}

/// A place in the tree that a file server serves: relative, without `..`; "." is its root.
///
/// Layout: text, at most `pathBytesMax` bytes, no zero byte. Whether it stays inside the tree, with the symbolic links that are in it,
/// is for the server to see when it opens it.
public struct TreePath: Hashable, Sendable, WireCodable, CustomStringConvertible {
    public let description: String

    /// The root of the tree.
    public static let root = TreePath(checked: ".")

    private init(checked: String) { description = checked }

    /// Nil for what leads upwards, or has a zero byte, or is too long. Leading slashes and empty or "." components do not count.
    public init?(_ text: String) {
        guard text.utf8.count <= FilesProtocol.pathBytesMax, !text.utf8.contains(0) else { return nil }
        let components = text.utf8.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual([0x2E]) }
        guard !components.contains(where: { $0.elementsEqual([0x2E, 0x2E]) }) else { return nil }
        description = components.isEmpty ? "." : components.map { String($0) ?? "" }.joined(separator: "/")
    }

    /// The directory that this place is in; the root's is the root.
    public var parent: TreePath {
        guard let slash = description.utf8.lastIndex(of: UInt8(ascii: "/")) else { return .root }
        return TreePath(checked: String(description[..<slash]))
    }

    /// The last component; "." for the root.
    public var name: String {
        guard let slash = description.utf8.lastIndex(of: UInt8(ascii: "/")) else { return description }
        return String(description[description.utf8.index(after: slash)...])
    }

    public var isRoot: Bool { description == "." }

    /// A place in this directory.
    public func appending(_ name: FileName) -> TreePath {
        TreePath(checked: isRoot ? name.description : description + "/" + name.description)
    }

    public func encode(into writer: inout WireWriter) { writer.write(description) }

    public init(from reader: inout WireReader) throws(WireError) {
        let text = try reader.readText(limit: FilesProtocol.pathBytesMax, field: "path")
        guard let path = TreePath(text) else { throw .malformed(field: "path") }
        self = path
    }
}

/// One name in a directory: not empty, neither "." nor "..", no slash, no zero byte. So nobody who believes a listing leaves his own tree.
///
/// Layout: text, at most `nameBytesMax` bytes.
public struct FileName: Hashable, Sendable, WireCodable, CustomStringConvertible {
    public let description: String

    public init?(_ text: String) {
        guard (1...FilesProtocol.nameBytesMax).contains(text.utf8.count), text != ".", text != "..",
            !text.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") })
        else { return nil }
        description = text
    }

    public func encode(into writer: inout WireWriter) { writer.write(description) }

    public init(from reader: inout WireReader) throws(WireError) {
        let text = try reader.readText(limit: FilesProtocol.nameBytesMax, field: "name")
        guard let name = FileName(text) else { throw .malformed(field: "name") }
        self = name
    }
}

/// What is at a place of the tree.
///
/// Layout: kind u8, size u64, mode u32, seconds i64, nanoseconds u32, uid u32, gid u32, link target (text, "" for what is no link).
public struct FileInfo: Hashable, Sendable, WireCodable {
    public enum Kind: UInt8, Sendable, CaseIterable {
        case regular = 1, directory, link, pipe, socket, characterDevice, blockDevice, unknown
    }

    public let kind: Kind
    /// Bytes of content.
    public let size: UInt64
    /// Permission bits, at most 0o7777.
    public let mode: UInt32
    /// When the content was last changed, since 1970.
    public let modifiedSeconds: Int64
    /// Below 1,000,000,000.
    public let modifiedNanoseconds: UInt32
    public let uid: UInt32
    public let gid: UInt32
    /// Where a symbolic link leads, as it is written; else "".
    public let linkTarget: String

    public init(
        kind: Kind, size: UInt64, mode: UInt32, modifiedSeconds: Int64, modifiedNanoseconds: UInt32, uid: UInt32, gid: UInt32,
        linkTarget: String = ""
    ) {
        self.kind = kind
        self.size = size
        self.mode = mode & 0o7777
        self.modifiedSeconds = modifiedSeconds
        self.modifiedNanoseconds = modifiedNanoseconds
        self.uid = uid
        self.gid = gid
        self.linkTarget = linkTarget
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(kind.rawValue)
        writer.write(size)
        writer.write(mode)
        writer.write(modifiedSeconds)
        writer.write(modifiedNanoseconds)
        writer.write(uid)
        writer.write(gid)
        writer.write(linkTarget)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let code = try reader.read(UInt8.self)
        guard let kind = Kind(rawValue: code) else { throw .unknownCase(of: "FileInfo.Kind", tag: UInt64(code)) }
        self.kind = kind
        size = try reader.read()
        guard size <= UInt64(Int64.max) else { throw .malformed(field: "size") }
        mode = try reader.read()
        guard mode <= 0o7777 else { throw .malformed(field: "mode") }
        modifiedSeconds = try reader.read()
        modifiedNanoseconds = try reader.read()
        guard modifiedNanoseconds < 1_000_000_000 else { throw .malformed(field: "nanoseconds") }
        uid = try reader.read()
        gid = try reader.read()
        linkTarget = try reader.readText(limit: FilesProtocol.pathBytesMax, field: "link target")
        guard !linkTarget.utf8.contains(0) else { throw .malformed(field: "link target") }
    }
}

/// One line of a listing. Layout: name, then info.
public struct FileEntry: Hashable, Sendable, WireCodable {
    public let name: FileName
    public let info: FileInfo

    public init(name: FileName, info: FileInfo) {
        self.name = name
        self.info = info
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(name)
        writer.write(info)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        name = try reader.read()
        info = try reader.read()
    }
}

/// Mode and time to be set; nil leaves one as it is.
///
/// Layout: flags u8 (1 mode, 2 time), mode u32, seconds i64, nanoseconds u32; what is not set is 0.
public struct FileAttributes: Hashable, Sendable, WireCodable {
    public let mode: UInt32?
    public let modified: Modified?

    public struct Modified: Hashable, Sendable {
        public let seconds: Int64
        public let nanoseconds: UInt32

        public init(seconds: Int64, nanoseconds: UInt32) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }
    }

    public init(mode: UInt32? = nil, modified: Modified? = nil) {
        self.mode = mode.map { $0 & 0o7777 }
        self.modified = modified
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(UInt8((mode == nil ? 0 : 1) | (modified == nil ? 0 : 2)))
        writer.write(mode ?? 0)
        writer.write(modified?.seconds ?? 0)
        writer.write(modified?.nanoseconds ?? 0)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let flags = try reader.read(UInt8.self)
        guard flags <= 3 else { throw .malformed(field: "attribute flags") }
        let mode = try reader.read(UInt32.self)
        let seconds = try reader.read(Int64.self)
        let nanoseconds = try reader.read(UInt32.self)
        guard mode <= 0o7777, nanoseconds < 1_000_000_000 else { throw .malformed(field: "attributes") }
        guard flags & 1 != 0 || mode == 0, flags & 2 != 0 || (seconds == 0 && nanoseconds == 0) else {
            throw .malformed(field: "attributes")
        }
        self.mode = flags & 1 != 0 ? mode : nil
        modified = flags & 2 != 0 ? Modified(seconds: seconds, nanoseconds: nanoseconds) : nil
    }
}

/// Why the file server did not do it. Layout: reason u8, errno i32 (Linux's, 0 if it was not Linux that said no).
public struct FileFailure: Error, Hashable, Sendable, WireCodable, CustomStringConvertible {
    public enum Reason: UInt8, Sendable, CaseIterable {
        case notFound = 1, denied, readOnly, outsideTree, notDirectory, isDirectory, exists, notEmpty
        case tooManyOpen, malformed, noSpace, notSupported, notWritable, input
    }

    public let reason: Reason
    public let errno: Int32

    public init(_ reason: Reason, errno: Int32 = 0) {
        self.reason = reason
        self.errno = errno
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(reason.rawValue)
        writer.write(errno)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let code = try reader.read(UInt8.self)
        guard let reason = Reason(rawValue: code) else { throw .unknownCase(of: "FileFailure.Reason", tag: UInt64(code)) }
        self.reason = reason
        errno = try reader.read()
    }

    public var description: String {
        let words =
            switch reason {
            case .notFound: "no such file or directory"
            case .denied: "the file server may not do this"
            case .readOnly: "the file server serves its tree read-only: start it with --read-write"
            case .outsideTree: "this leads out of the tree that is served"
            case .notDirectory: "not a directory"
            case .isDirectory: "a directory"
            case .exists: "exists already"
            case .notEmpty: "the directory is not empty"
            case .tooManyOpen: "this task has too many files open: close some"
            case .malformed: "the file server could not read the request"
            case .noSpace: "no space left"
            case .notSupported: "neither a file nor a directory"
            case .notWritable: "the file was opened for reading only"
            case .input: "input or output failed"
            }
        return errno == 0 ? words : "\(words) (errno \(errno))"
    }
}
