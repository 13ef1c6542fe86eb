public import MasixWire

/// How a file is to be opened. Layout: flags u8 (1 write, 2 create, 4 truncate, 8 exclusive, 16 content is enough), mode u32, inline u32.
public struct FileOpening: Hashable, Sendable, WireCodable {
    public var isWriting = false
    /// Makes the file if it is not there; needs `isWriting`.
    public var creates = false
    public var truncates = false
    /// With `creates`: it must not be there.
    public var isExclusive = false
    /// If the whole content comes with the answer, no port is wanted.
    public var contentIsEnough = false
    /// Permission bits of a file that is made.
    public var mode: UInt32 = 0o644
    /// If the whole content is at most so many bytes, it is to come with the answer; 0 for never.
    public var inlineMax: UInt32 = 0

    /// Opens to read.
    public init() {}

    public func encode(into writer: inout WireWriter) {
        let flags: [Bool] = [isWriting, creates, truncates, isExclusive, contentIsEnough]
        writer.write(flags.enumerated().reduce(UInt8(0)) { $0 | ($1.element ? 1 << $1.offset : 0) })
        writer.write(mode)
        writer.write(inlineMax)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let flags = try reader.read(UInt8.self)
        guard flags < 32 else { throw .malformed(field: "opening flags") }
        isWriting = flags & 1 != 0
        creates = flags & 2 != 0
        truncates = flags & 4 != 0
        isExclusive = flags & 8 != 0
        contentIsEnough = flags & 16 != 0
        guard isWriting || flags & 0b1110 == 0 else { throw .malformed(field: "opening flags") }
        mode = try reader.read()
        inlineMax = try reader.read()
        guard mode <= 0o7777, inlineMax <= UInt32(FilesProtocol.inlineBytesMax) else { throw .malformed(field: "opening") }
    }
}

/// What is asked on the file server's port. Layout: a byte that says which, then the fields in order.
public enum FilesRequest: Hashable, Sendable, WireCodable {
    /// 1: what is served and how.
    case describe
    /// 2: what is there; a link is not followed.
    case status(TreePath)
    /// 3: one page of a directory, in the order of the names' bytes, from behind `after` (text, "" for the start).
    case list(TreePath, after: String)
    /// 4: a port for a file.
    case open(TreePath, FileOpening)
    /// 5
    case makeDirectory(TreePath, mode: UInt32)
    /// 6: a symbolic link.
    case makeLink(TreePath, target: String)
    /// 7: removes a file, a link or an empty directory.
    case remove(TreePath)
    /// 8: links are not followed.
    case setAttributes(TreePath, FileAttributes)
    /// 9: the whole contents of small files, out of line, all in one memory object; with `opens` a port for each, too. At most
    /// `FilesProtocol.filesPerBatchMax` names, from as many directories.
    case fetch([WantedFiles], opens: Bool)
    /// 10: the first page of each of these directories, one behind the other, as many as come together in one answer. A page here may be
    /// longer than one of `list`.
    case listSeveral([TreePath])

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .describe: writer.write(UInt8(1))
        case .status(let path):
            writer.write(UInt8(2))
            writer.write(path)
        case .list(let path, let after):
            writer.write(UInt8(3))
            writer.write(path)
            writer.write(after)
        case .open(let path, let opening):
            writer.write(UInt8(4))
            writer.write(path)
            writer.write(opening)
        case .makeDirectory(let path, let mode):
            writer.write(UInt8(5))
            writer.write(path)
            writer.write(mode)
        case .makeLink(let path, let target):
            writer.write(UInt8(6))
            writer.write(path)
            writer.write(target)
        case .remove(let path):
            writer.write(UInt8(7))
            writer.write(path)
        case .setAttributes(let path, let attributes):
            writer.write(UInt8(8))
            writer.write(path)
            writer.write(attributes)
        case .fetch(let wanted, let opens):
            writer.write(UInt8(9))
            writer.write(list: wanted)
            writer.write(opens)
        case .listSeveral(let paths):
            writer.write(UInt8(10))
            writer.write(list: paths)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .describe
        case 2: self = .status(try reader.read())
        case 3: self = .list(try reader.read(), after: try reader.readText(limit: FilesProtocol.nameBytesMax, field: "after"))
        case 4: self = .open(try reader.read(), try reader.read())
        case 5:
            let path = try reader.read(TreePath.self)
            let mode = try reader.read(UInt32.self)
            guard mode <= 0o7777 else { throw .malformed(field: "mode") }
            self = .makeDirectory(path, mode: mode)
        case 6:
            let path = try reader.read(TreePath.self)
            let target = try reader.readText(limit: FilesProtocol.pathBytesMax, field: "link target")
            guard !target.isEmpty, !target.utf8.contains(0) else { throw .malformed(field: "link target") }
            self = .makeLink(path, target: target)
        case 7: self = .remove(try reader.read())
        case 8: self = .setAttributes(try reader.read(), try reader.read())
        case 9:
            let wanted: [WantedFiles] = try reader.readList(limit: FilesProtocol.filesPerBatchMax, field: "directories")
            guard wanted.reduce(0, { $0 + $1.names.count }) <= FilesProtocol.filesPerBatchMax else { throw .malformed(field: "names") }
            self = .fetch(wanted, opens: try reader.readBool())
        case 10: self = .listSeveral(try reader.readList(limit: FilesProtocol.directoriesPerListingMax, field: "directories"))
        case let tag: throw .unknownCase(of: "FilesRequest", tag: UInt64(tag))
        }
    }
}

/// Files of one directory that are wanted. Layout: path, then the names (a list).
public struct WantedFiles: Hashable, Sendable, WireCodable {
    public let directory: TreePath
    public let names: [FileName]

    public init(directory: TreePath, names: [FileName]) {
        self.directory = directory
        self.names = names
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(directory)
        writer.write(list: names)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        directory = try reader.read()
        names = try reader.readList(limit: FilesProtocol.filesPerBatchMax, field: "names")
    }
}

/// The answer to a `FilesRequest`. Layout: a byte that says which, then the fields in order.
public enum FilesAnswer: Hashable, Sendable, WireCodable {
    /// 0
    case failed(FileFailure)
    /// 1
    case done
    /// 2: whether writing is allowed, and how many files one task may have open.
    case described(isWritable: Bool, openFilesMax: UInt32)
    /// 3
    case info(FileInfo)
    /// 4: a page; with `isLast` there are no more.
    case entries([FileEntry], isLast: Bool)
    /// 5: the file as it was when it was opened, and its content if it was asked for and is small. The send right to the file's port is
    /// the first right of the message, unless the content was enough.
    case opened(FileInfo, content: [UInt8]?)
    /// 6: what became of the first so many names of a batch, in their order; the rest is to be asked for again. The contents lie one
    /// behind the other in the message's memory object; there is none if all are empty. If the files were to be opened, the message has
    /// one send right for each that came with its content, in the same order.
    case fetched([FetchedFile])
    /// 7: what became of the first so many directories, in their order; the rest is to be asked for again.
    case listed([ListedDirectory])
    /// 8: the same where it is too long for a message: the list is in the first so many bytes of the message's memory object.
    case listedInMemory(count: UInt32)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .failed(let failure):
            writer.write(UInt8(0))
            writer.write(failure)
        case .done: writer.write(UInt8(1))
        case .described(let isWritable, let openFilesMax):
            writer.write(UInt8(2))
            writer.write(isWritable)
            writer.write(openFilesMax)
        case .info(let info):
            writer.write(UInt8(3))
            writer.write(info)
        case .entries(let entries, let isLast):
            writer.write(UInt8(4))
            writer.write(list: entries)
            writer.write(isLast)
        case .opened(let info, let content):
            writer.write(UInt8(5))
            writer.write(info)
            writer.write(content != nil)
            if let content { writer.write(counted: content) }
        case .fetched(let files):
            writer.write(UInt8(6))
            writer.write(list: files)
        case .listed(let directories):
            writer.write(UInt8(7))
            writer.write(list: directories)
        case .listedInMemory(let count):
            writer.write(UInt8(8))
            writer.write(count)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .failed(try reader.read())
        case 1: self = .done
        case 2: self = .described(isWritable: try reader.readBool(), openFilesMax: try reader.read())
        case 3: self = .info(try reader.read())
        case 4:
            self = .entries(
                try reader.readList(limit: FilesProtocol.entriesPerPageMax, field: "entries"), isLast: try reader.readBool())
        case 5:
            let info = try reader.read(FileInfo.self)
            let content = try reader.readBool() ? try reader.readBytes(limit: FilesProtocol.inlineBytesMax, field: "content") : nil
            self = .opened(info, content: content)
        case 6: self = .fetched(try reader.readList(limit: FilesProtocol.filesPerBatchMax, field: "files"))
        case 7: self = .listed(try ListedDirectory.readList(from: &reader))
        case 8:
            let count = try reader.read(UInt32.self)
            guard count <= UInt32(FilesProtocol.listingBytesMax) else { throw .malformed(field: "count") }
            self = .listedInMemory(count: count)
        case let tag: throw .unknownCase(of: "FilesAnswer", tag: UInt64(tag))
        }
    }
}

/// One directory of several. Layout: a byte that says which, then the fields.
public enum ListedDirectory: Hashable, Sendable, WireCodable {
    /// 0
    case failed(FileFailure)
    /// 1: its first page; with `isLast` there are no more.
    case entries([FileEntry], isLast: Bool)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .failed(let failure):
            writer.write(UInt8(0))
            writer.write(failure)
        case .entries(let entries, let isLast):
            writer.write(UInt8(1))
            writer.write(list: entries)
            writer.write(isLast)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .failed(try reader.read())
        case 1:
            // As many as there is room for: each has more than one byte.
            self = .entries(
                try reader.readList(limit: FilesProtocol.listingBytesMax, field: "entries"), isLast: try reader.readBool())
        case let tag: throw .unknownCase(of: "ListedDirectory", tag: UInt64(tag))
        }
    }

    public static func readList(from reader: inout WireReader) throws(WireError) -> [ListedDirectory] {
        try reader.readList(limit: FilesProtocol.directoriesPerListingMax, field: "directories")
    }
}

/// One file of a batch. Layout: a byte that says which, then the field.
public enum FetchedFile: Hashable, Sendable, WireCodable {
    /// 0
    case failed(FileFailure)
    /// 1: its content has `info.size` bytes.
    case content(FileInfo)
    /// 2: it is too large for a batch, or no plain file: it must be opened.
    case passedOver(FileInfo)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .failed(let failure):
            writer.write(UInt8(0))
            writer.write(failure)
        case .content(let info):
            writer.write(UInt8(1))
            writer.write(info)
        case .passedOver(let info):
            writer.write(UInt8(2))
            writer.write(info)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .failed(try reader.read())
        case 1:
            let info = try reader.read(FileInfo.self)
            guard info.size <= UInt64(FilesProtocol.smallFileBytesMax) else { throw .malformed(field: "size") }
            self = .content(info)
        case 2: self = .passedOver(try reader.read())
        case let tag: throw .unknownCase(of: "FetchedFile", tag: UInt64(tag))
        }
    }
}

/// What is asked on the port of an open file. Dropping the last send right to the port closes the file.
///
/// Layout: a byte that says which, then the fields in order.
public enum OpenFileRequest: Hashable, Sendable, WireCodable {
    /// 1: at most `count` bytes, fewer only at the end.
    case read(offset: UInt64, count: UInt32)
    /// 2: bytes in the message.
    case write(offset: UInt64, [UInt8])
    /// 3: the content of the message's first memory object.
    case writeMemory(offset: UInt64)
    /// 4
    case status
    /// 5: cuts or extends with zeros.
    case resize(UInt64)
    /// 6
    case setAttributes(FileAttributes)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .read(let offset, let count):
            writer.write(UInt8(1))
            writer.write(offset)
            writer.write(count)
        case .write(let offset, let bytes):
            writer.write(UInt8(2))
            writer.write(offset)
            writer.write(counted: bytes)
        case .writeMemory(let offset):
            writer.write(UInt8(3))
            writer.write(offset)
        case .status: writer.write(UInt8(4))
        case .resize(let size):
            writer.write(UInt8(5))
            writer.write(size)
        case .setAttributes(let attributes):
            writer.write(UInt8(6))
            writer.write(attributes)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1:
            let offset = try Self.readOffset(&reader)
            let count = try reader.read(UInt32.self)
            guard count <= UInt32(FilesProtocol.pieceBytesMax) else {
                throw .tooLarge(field: "count", value: UInt64(count), limit: UInt64(FilesProtocol.pieceBytesMax))
            }
            self = .read(offset: offset, count: count)
        case 2:
            self = .write(
                offset: try Self.readOffset(&reader), try reader.readBytes(limit: FilesProtocol.inlineBytesMax, field: "content"))
        case 3: self = .writeMemory(offset: try Self.readOffset(&reader))
        case 4: self = .status
        case 5: self = .resize(try Self.readOffset(&reader))
        case 6: self = .setAttributes(try reader.read())
        case let tag: throw .unknownCase(of: "OpenFileRequest", tag: UInt64(tag))
        }
    }

    /// Within what Linux can count, with room for one piece behind it.
    private static func readOffset(_ reader: inout WireReader) throws(WireError) -> UInt64 {
        let offset = try reader.read(UInt64.self)
        let limit = UInt64(Int64.max) - UInt64(FilesProtocol.pieceBytesMax)
        guard offset <= limit else { throw .tooLarge(field: "offset", value: offset, limit: limit) }
        return offset
    }
}

/// The answer to an `OpenFileRequest`. Layout: a byte that says which, then the fields in order.
public enum OpenFileAnswer: Hashable, Sendable, WireCodable {
    /// 0
    case failed(FileFailure)
    /// 1
    case done
    /// 2: a small piece.
    case bytes([UInt8])
    /// 3: the first `count` bytes of the message's memory object.
    case memory(count: UInt32)
    /// 4: so many bytes are written.
    case written(UInt32)
    /// 5
    case info(FileInfo)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .failed(let failure):
            writer.write(UInt8(0))
            writer.write(failure)
        case .done: writer.write(UInt8(1))
        case .bytes(let bytes):
            writer.write(UInt8(2))
            writer.write(counted: bytes)
        case .memory(let count):
            writer.write(UInt8(3))
            writer.write(count)
        case .written(let count):
            writer.write(UInt8(4))
            writer.write(count)
        case .info(let info):
            writer.write(UInt8(5))
            writer.write(info)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .failed(try reader.read())
        case 1: self = .done
        case 2: self = .bytes(try reader.readBytes(limit: FilesProtocol.inlineBytesMax, field: "content"))
        case 3:
            let count = try reader.read(UInt32.self)
            guard count <= UInt32(FilesProtocol.pieceBytesMax) else { throw .malformed(field: "count") }
            self = .memory(count: count)
        case 4: self = .written(try reader.read())
        case 5: self = .info(try reader.read())
        case let tag: throw .unknownCase(of: "OpenFileAnswer", tag: UInt64(tag))
        }
    }
}
