import Masix
public import MasixLinux
import MasixProtocols
public import SystemPackage

/// A directory that is served: everything is resolved beneath it, whatever its symbolic links say.
public final class FileTree: Sendable {
    let root: Descriptor
    public let isWritable: Bool
    private let features: Features

    /// Opens the directory `path`. `.notDirectory` for what is none.
    public init(path: String, isWritable: Bool, features: Features = .assumed) throws(Errno) {
        root = try File.open(path, .directory)
        self.isWritable = isWritable
        self.features = features
    }

    func open(_ path: TreePath, _ flags: OpenFlags, mode: UInt32 = 0) throws(Errno) -> Descriptor {
        // Linux refuses any other wish about a place that is not opened for its content.
        let flags = flags.contains(.pathOnly) ? flags : flags.union(.noControllingTerminal)
        return try File.open(path.description, flags, mode: mode, beneath: root.raw, features: features)
    }

    /// The directory in which the last component of the path stands.
    private func openParent(of path: TreePath) throws(Errno) -> Descriptor {
        try open(path.parent, [.directory, .pathOnly])
    }

    func status(_ path: TreePath) throws(Errno) -> FileInfo {
        if path.isRoot { return FileInfo(try File.status(of: root.raw)) }
        let parent = try openParent(of: path)
        return try Self.info(of: path.name, in: parent.raw)
    }

    private static func info(of name: String, in directory: Int32) throws(Errno) -> FileInfo {
        let status = try File.status(name, at: directory, followingLinks: false)
        return FileInfo(status, linkTarget: status.kind == .link ? try Link.target(of: name, at: directory) : "")
    }

    /// One page: as many entries behind `after` as fit into `bytesMax` encoded bytes. A name that is not UTF-8 cannot be said in this
    /// protocol, and one that vanishes meanwhile is not there: neither is listed.
    func list(_ path: TreePath, after: String, bytesMax: Int, entriesMax: Int = FilesProtocol.entriesPerPageMax) throws(Errno) -> (
        entries: [FileEntry], isLast: Bool
    ) {
        let directory = try open(path, .directory)
        let names = try Directory.entries(at: directory.raw).map(\.name)
            .filter { after.isEmpty || after.utf8.lexicographicallyPrecedes($0.utf8) }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        var entries: [FileEntry] = []
        var room = bytesMax
        for name in names {
            guard let checked = FileName(name) else { continue }
            let info: FileInfo
            do {
                info = try Self.info(of: name, in: directory.raw)
            } catch {
                guard error == .noSuchFileOrDirectory else { throw error }
                continue
            }
            let entry = FileEntry(name: checked, info: info)
            room -= entry.encodedCount
            guard room >= 0, entries.count < entriesMax else { return (entries, false) }
            entries.append(entry)
        }
        return (entries, true)
    }

    /// The first pages of as many of these as come together: what is longer than a message comes alone.
    func list(_ paths: [TreePath]) -> [ListedDirectory] {
        var listed: [ListedDirectory] = []
        var room = FilesProtocol.inlineBytesMax
        for path in paths {
            let directory: ListedDirectory
            do throws(Errno) {
                let page = try list(path, after: "", bytesMax: FilesProtocol.listingBytesMax - 64, entriesMax: .max)
                room -= page.entries.reduce(ListedDirectory.encodedCount) { $0 + $1.encodedCount }
                directory = .entries(page.entries, isLast: page.isLast)
            } catch {
                room -= ListedDirectory.encodedCount
                directory = .failed(FileFailure(linux: error))
            }
            // What does not fit is asked for again, and then comes first.
            guard room >= 0 || listed.isEmpty else { break }
            listed.append(directory)
        }
        return listed
    }

    /// Files as they were found: what became of each, the contents, and those that are open.
    struct Batch {
        var files: [FetchedFile] = []
        /// One for each that comes with its content, in their order.
        var open: [OpenFile] = []
        var contents: MemoryObject?
    }

    /// The contents of as many of these files as come together in one batch, at least the first, `filesMax` at most. Until the batch is let
    /// go all are open, for `owner`.
    func fetch(_ wanted: [WantedFiles], filesMax: Int, for owner: TaskID) throws(MasixError) -> Batch {
        var batch = Batch()
        var bytes = 0
        for wanted in wanted {
            let names = wanted.names.prefix(filesMax - batch.files.count)
            if names.isEmpty { continue }
            do throws(Errno) {
                let directory = try open(wanted.directory, .directory)
                for name in names where bytes + FilesProtocol.smallFileBytesMax <= FilesProtocol.batchBytesMax {
                    do throws(Errno) {
                        batch.files.append(try Self.open(name, in: directory.raw, owner, &batch.open))
                    } catch {
                        batch.files.append(.failed(FileFailure(linux: error)))
                    }
                    if case .content(let info)? = batch.files.last { bytes += Int(info.size) }
                }
            } catch {
                batch.files += names.map { _ in .failed(FileFailure(linux: error)) }
            }
            if bytes + FilesProtocol.smallFileBytesMax > FilesProtocol.batchBytesMax { break }
        }
        if bytes > 0 { try read(&batch, count: bytes) }
        return batch
    }

    private static func open(
        _ name: FileName, in directory: Int32, _ owner: TaskID, _ opened: inout [OpenFile]
    ) throws(Errno) -> FetchedFile {
        // Not followed, so it cannot lead out of the tree; without waiting, since it may be a pipe by now.
        let file = try File.open(name.description, [.read, .noFollow, .nonBlocking, .noControllingTerminal], at: directory)
        let status = try File.status(of: file.raw)
        let info = FileInfo(status)
        guard status.kind == .regular, status.size <= FilesProtocol.smallFileBytesMax else { return .passedOver(info) }
        opened.append(OpenFile(file, isWritable: false, owner: owner))
        return .content(info)
    }

    /// The contents, one behind the other.
    private func read(_ batch: inout Batch, count: Int) throws(MasixError) {
        var (files, open) = (batch.files, [OpenFile]())
        let memory = try MemoryObject(count: count) { (draft) throws(MasixError) in
            var rest = batch.open[...]
            var offset = 0
            for (place, file) in batch.files.enumerated() {
                guard case .content(let info) = file, let opened = rest.popFirst() else { continue }
                let size = Int(info.size)
                let found = size == 0 ? 0 : try draft.read(from: opened.descriptor.raw, at: 0, count: size, to: offset)
                guard found == size else {
                    // It has become shorter between the two calls: whoever opens it sees what it is.
                    files[place] = .passedOver(info)
                    continue
                }
                open.append(opened)
                offset += size
            }
        }
        batch = Batch(files: files, open: open, contents: memory)
    }

    func makeDirectory(_ path: TreePath, mode: UInt32) throws(Errno) {
        guard !path.isRoot else { throw .fileExists }
        let parent = try openParent(of: path)
        try Directory.make(path.name, mode: mode, at: parent.raw)
    }

    func makeLink(_ path: TreePath, target: String) throws(Errno) {
        guard !path.isRoot else { throw .fileExists }
        let parent = try openParent(of: path)
        try Link.make(path.name, to: target, at: parent.raw)
    }

    func remove(_ path: TreePath) throws(Errno) {
        guard !path.isRoot else { throw .notPermitted }
        let parent = try openParent(of: path)
        if try File.status(path.name, at: parent.raw, followingLinks: false).kind == .directory {
            try Directory.remove(path.name, at: parent.raw)
        } else {
            try File.unlink(path.name, at: parent.raw)
        }
    }

    func setAttributes(_ path: TreePath, _ attributes: FileAttributes) throws(Errno) {
        if let mode = attributes.mode {
            // By descriptor: changing by name would follow a link that somebody puts there meanwhile.
            let opened = try open(path, [.noFollow, .nonBlocking])
            try File.changeMode(of: opened.raw, to: mode)
        }
        if let modified = attributes.modified {
            let parent = try openParent(of: path)
            try File.setTimes(
                path.name, accessed: nil, modified: FileTime(seconds: modified.seconds, nanoseconds: modified.nanoseconds), at: parent.raw)
        }
    }
}

extension FileInfo {
    init(_ status: FileStatus, linkTarget: String = "") {
        let kind: Kind =
            switch status.kind {
            case .regular: .regular
            case .directory: .directory
            case .link: .link
            case .pipe: .pipe
            case .socket: .socket
            case .characterDevice: .characterDevice
            case .blockDevice: .blockDevice
            case .unknown: .unknown
            }
        self.init(
            kind: kind, size: UInt64(clamping: status.size), mode: status.mode, modifiedSeconds: status.modified.seconds,
            modifiedNanoseconds: status.modified.nanoseconds, uid: status.uid, gid: status.gid, linkTarget: linkTarget)
    }
}

extension FileEntry {
    /// Bytes of the wire: two counts and 41 bytes besides the texts.
    var encodedCount: Int { name.description.utf8.count + info.linkTarget.utf8.count + 41 }
}

extension ListedDirectory {
    /// Bytes of the wire besides the entries.
    static let encodedCount = 6
}

extension FileFailure {
    /// What Linux's refusal means to a client.
    init(linux error: Errno) {
        switch error {
        case .noSuchFileOrDirectory: self.init(.notFound)
        case .permissionDenied, .notPermitted: self.init(.denied, errno: error.rawValue)
        case .readOnlyFileSystem: self.init(.readOnly, errno: error.rawValue)
        case .improperLink: self.init(.outsideTree)
        case .notDirectory: self.init(.notDirectory)
        case .isDirectory: self.init(.isDirectory)
        case .fileExists: self.init(.exists)
        case .directoryNotEmpty: self.init(.notEmpty)
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem: self.init(.tooManyOpen, errno: error.rawValue)
        case .noSpace: self.init(.noSpace)
        default: self.init(.input, errno: error.rawValue)
        }
    }
}
