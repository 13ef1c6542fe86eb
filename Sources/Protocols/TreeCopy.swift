import Masix
import MasixLinux
import Synchronization
import SystemPackage

/// How far a copy has come; read by whoever draws it while others copy.
public final class CopyProgress: Sendable {
    let foundFilesCount = Atomic<Int>(0)
    let foundBytesCount = Atomic<Int>(0)
    let filesCount = Atomic<Int>(0)
    let bytesCount = Atomic<Int>(0)
    let directoriesCount = Atomic<Int>(0)
    let linksCount = Atomic<Int>(0)
    let portsCount = Atomic<Int>(0)
    private let skippedPlaces = Mutex<[String]>([])

    public init() {}

    /// Files known so far: directories are walked first, so this soon is the whole.
    public var foundFiles: Int { foundFilesCount.load(ordering: .relaxed) }
    /// Bytes in them.
    public var foundBytes: Int { foundBytesCount.load(ordering: .relaxed) }
    public var files: Int { filesCount.load(ordering: .relaxed) }
    public var bytes: Int { bytesCount.load(ordering: .relaxed) }
    public var directories: Int { directoriesCount.load(ordering: .relaxed) }
    public var links: Int { linksCount.load(ordering: .relaxed) }
    /// Files that were opened as ports.
    public var ports: Int { portsCount.load(ordering: .relaxed) }
    /// What is neither file, directory nor link, and so was not copied.
    public var skipped: [String] { skippedPlaces.withLock { $0 } }

    func skip(_ place: String) { skippedPlaces.withLock { $0.append(place) } }
}

/// How a tree is copied.
public struct CopyOptions: Hashable, Sendable {
    /// Threads that copy. One more than processors, so that while some wait for the server others write.
    public var threads = Processor.count + 1
    /// Bytes of one piece of a large file.
    public var pieceBytes = 4 << 20
    /// Reads everything back and compares it with what the server serves then.
    public var verifies = false
    /// Every file is opened as a port, small ones too, though their contents still come many at a time.
    public var opensEveryFile = true

    public init() {}
}

extension Files {
    /// Copies everything below `path` into the local directory `target`, which is made if it is not there; modes and times too.
    ///
    /// Symbolic links are copied as links. The first failure ends the copy and is thrown; what is there by then stays.
    public func copyTree(
        _ path: TreePath = .root, to target: String, options: CopyOptions = CopyOptions(), progress: CopyProgress = CopyProgress()
    ) throws(FilesError) {
        let copy: TreeCopy
        do throws(Errno) {
            try Directory.makeAll(target, mode: 0o755)
            copy = TreeCopy(files: self, target: try File.open(target, .directory), options: options, progress: progress)
        } catch {
            throw .local(error.rawValue, path: target)
        }
        try copy.run(from: path)
    }

    /// Copies one file to a local path.
    public func copyFile(
        _ path: TreePath, to target: String, options: CopyOptions = CopyOptions(), progress: CopyProgress = CopyProgress()
    ) throws(FilesError) {
        let slash = target.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { String(target[...$0]) } ?? "."
        guard let name = FileName(slash.map { String(target[target.utf8.index(after: $0)...]) } ?? target) else {
            throw .local(Errno.isDirectory.rawValue, path: target)
        }
        let info = try status(path)
        let copy: TreeCopy
        do throws(Errno) {
            copy = TreeCopy(files: self, target: try File.open(directory, .directory), options: options, progress: progress)
        } catch {
            throw .local(error.rawValue, path: directory)
        }
        try copy.run(file: path, info, named: name)
    }
}

/// One copy from a file server to the local disk, by several threads with one list of work.
private final class TreeCopy: Sendable {
    enum Job: Sendable {
        case directory(TreePath, local: String, mode: UInt32)
        case file(TreePath, local: String, FileInfo)
        case batch(TreePath, local: String, [FileName])
        case piece(CopiedFile, offset: Int)
    }

    let files: Files
    let target: Descriptor
    let options: CopyOptions
    let progress: CopyProgress
    /// Modes and times are set when nothing is written any more: a directory that may not be written could not be filled.
    private let directories = Mutex<[(local: String, info: FileInfo)]>([])
    private let closing = Mutex<Void>(())

    init(files: Files, target: consuming Descriptor, options: CopyOptions, progress: CopyProgress) {
        self.files = files
        self.target = target
        self.options = options
        self.progress = progress
    }

    func run(from path: TreePath) throws(FilesError) {
        try run(WorkList(.directory(path, local: ".", mode: 0o755)))
        let made = directories.withLock { $0 }
        // Children before parents: making an entry changes its parent's time.
        for (local, info) in made.reversed() {
            try onDisk(local) { () throws(Errno) in
                try File.changeMode(local, to: info.mode, at: target.raw)
                try File.setTimes(local, accessed: nil, modified: info.modified, at: target.raw)
            }
        }
    }

    func run(file path: TreePath, _ info: FileInfo, named name: FileName) throws(FilesError) {
        guard info.kind != .directory else { throw .refused(FileFailure(.isDirectory), path: path.description) }
        progress.foundFilesCount.add(1, ordering: .relaxed)
        progress.foundBytesCount.add(Int(info.size), ordering: .relaxed)
        // A link is followed by the server: what is wanted is the content.
        try run(WorkList(.file(path, local: name.description, info)))
    }

    private func run(_ list: WorkList<Job, FilesError>) throws(FilesError) {
        onThreads(options.threads, "copy") {
            list.work { (job) throws(FilesError) in
                switch job {
                case .directory(let path, let local, _): try self.copyDirectory(path, local, list)
                case .file(let path, let local, let info): try self.copyFile(path, local, info, list)
                case .batch(let path, let local, let names): try self.copyBatch(path, local, names, list)
                case .piece(let file, let offset): try self.copyPiece(file, offset)
                }
            }
        }
        if let failure = list.failure { throw failure }
    }

    private func onDisk<Result: ~Copyable>(_ local: String, _ body: () throws(Errno) -> Result) throws(FilesError) -> Result {
        do throws(Errno) { return try body() } catch { throw .local(error.rawValue, path: local) }
    }

    private func copyDirectory(_ path: TreePath, _ local: String, _ list: WorkList<Job, FilesError>) throws(FilesError) {
        var below: [Job] = []
        var here: [Job] = []
        var batch: [FileName] = []
        var batchBytes = 0
        var bytes = 0
        for entry in try files.list(path) {
            let name = entry.name.description
            let place = local == "." ? name : local + "/" + name
            let remote = path.appending(entry.name)
            switch entry.info.kind {
            case .directory:
                try onDisk(place) { () throws(Errno) in try makeDirectory(place) }
                directories.withLock { $0.append((place, entry.info)) }
                progress.directoriesCount.add(1, ordering: .relaxed)
                below.append(.directory(remote, local: place, mode: entry.info.mode))
            case .regular:
                bytes += Int(entry.info.size)
                progress.foundFilesCount.add(1, ordering: .relaxed)
                guard entry.info.size <= UInt64(FilesProtocol.smallFileBytesMax) else {
                    here.append(.file(remote, local: place, entry.info))
                    continue
                }
                batch.append(entry.name)
                batchBytes += Int(entry.info.size)
                guard batch.count >= Self.batchFilesMax || batchBytes >= Self.batchBytesMax else { continue }
                here.append(.batch(path, local: local, batch))
                (batch, batchBytes) = ([], 0)
            case .link:
                try onDisk(place) { () throws(Errno) in try makeLink(place, to: entry.info) }
                progress.linksCount.add(1, ordering: .relaxed)
            default:
                progress.skip(remote.description)
            }
        }
        if !batch.isEmpty { here.append(.batch(path, local: local, batch)) }
        progress.foundBytesCount.add(bytes, ordering: .relaxed)
        list.add(early: below, late: here.reversed())
    }

    private func makeDirectory(_ local: String) throws(Errno) {
        do throws(Errno) {
            try Directory.make(local, mode: 0o700, at: target.raw)
        } catch {
            guard error == .fileExists, try File.status(local, at: target.raw, followingLinks: false).kind == .directory else {
                throw error
            }
        }
    }

    private func makeLink(_ local: String, to info: FileInfo) throws(Errno) {
        do throws(Errno) {
            try Link.make(local, to: info.linkTarget, at: target.raw)
        } catch {
            guard error == .fileExists else { throw error }
            try File.unlink(local, at: target.raw)
            try Link.make(local, to: info.linkTarget, at: target.raw)
        }
        try File.setTimes(local, accessed: nil, modified: info.modified, at: target.raw)
    }

    // MARK: files

    /// A batch keeps one core busy on each side for about a millisecond: longer would leave others without work.
    private static let batchFilesMax = 64
    private static let batchBytesMax = 1 << 20

    private func copyBatch(_ path: TreePath, _ local: String, _ names: [FileName], _ list: WorkList<Job, FilesError>) throws(FilesError) {
        let directory = try onDisk(local) { () throws(Errno) in try File.open(local, .directory, beneath: target.raw) }
        var rest = names[...]
        while !rest.isEmpty {
            var batch = try fetch(Array(rest), path)
            progress.portsCount.add(batch.open.count, ordering: .relaxed)
            var offset = 0
            for (name, file) in zip(rest, batch.files) {
                let place = local == "." ? name.description : local + "/" + name.description
                switch file {
                case .failed(let failure): throw .refused(failure, path: path.appending(name).description)
                case .passedOver(let info): list.add(late: [.file(path.appending(name), local: place, info)])
                case .content(let info):
                    let content = Array(batch.contents[offset..<(offset + Int(info.size))])
                    offset += content.count
                    let raw = directory.raw
                    try onDisk(place) { () throws(Errno) in try write(content, info, try create(name.description, in: raw)) }
                    try count(content, path.appending(name), place)
                }
            }
            rest = rest.dropFirst(batch.files.count)
            // One thread at a time: each closing is a word with the nucleus, over the one connection that all threads share.
            closing.withLock { _ in batch.open = [] }
        }
    }

    private func fetch(_ names: [FileName], _ path: TreePath) throws(FilesError) -> Files.Batch {
        try waitingForRoom { () throws(FilesError) in try files.fetch(names, of: path, opens: options.opensEveryFile) }
    }

    /// The server counts a file until it has been told that nobody has its port any more: of what we have closed, too, for a moment.
    private func waitingForRoom<Result>(_ body: () throws(FilesError) -> Result) throws(FilesError) -> Result {
        for _ in 0..<Self.roomAttemptsMax {
            do throws(FilesError) { return try body() } catch {
                guard case .refused(let failure, _) = error, failure.reason == .tooManyOpen else { throw error }
                _ = try? FutexWord().wait(while: 0, timeoutNanoseconds: 2_000_000)
            }
        }
        return try body()
    }

    private static let roomAttemptsMax = 500

    private func copyFile(_ path: TreePath, _ local: String, _ info: FileInfo, _ list: WorkList<Job, FilesError>) throws(FilesError) {
        let fetched: Files.Fetched
        if options.opensEveryFile {
            var opening = FileOpening()
            opening.inlineMax = UInt32(FilesProtocol.inlineBytesMax)
            fetched = .file(try waitingForRoom { () throws(FilesError) in try files.open(path, opening) })
        } else {
            fetched = try waitingForRoom { () throws(FilesError) in try files.fetch(path) }
        }
        switch fetched {
        case .content(let info, let content): try write(content, info, path, local)
        case .file(let file):
            progress.portsCount.add(1, ordering: .relaxed)
            if let content = file.content { return try write(content, file.info, path, local) }
            let size = Int(file.info.size)
            let offsets = Array(stride(from: 0, to: size, by: options.pieceBytes))
            let descriptor = try onDisk(local) { () throws(Errno) in try create(local) }
            let copied = CopiedFile(file, descriptor, local: local, pieces: offsets.count)
            list.add(late: offsets.dropFirst().reversed().map { .piece(copied, offset: $0) })
            try copyPiece(copied, 0)
        }
    }

    /// Made anew or emptied; a link that somebody has put there is not followed.
    private func create(_ local: String) throws(Errno) -> Descriptor {
        try File.open(local, [.readWrite, .create, .truncate, .noFollow], mode: 0o600, beneath: target.raw)
    }

    private func write(_ content: [UInt8], _ info: FileInfo, _ path: TreePath, _ local: String) throws(FilesError) {
        try onDisk(local) { () throws(Errno) in try write(content, info, try create(local)) }
        try count(content, path, local)
    }

    private func create(_ name: String, in directory: Int32) throws(Errno) -> Descriptor {
        try File.open(name, [.readWrite, .create, .truncate, .noFollow], mode: 0o600, at: directory)
    }

    private func write(_ content: [UInt8], _ info: FileInfo, _ descriptor: consuming Descriptor) throws(Errno) {
        var written = 0
        while written < content.count {
            written += try File.write(descriptor.raw, written == 0 ? content : Array(content[written...]), at: written)
        }
        try finish(descriptor, info)
    }

    /// A small file is there.
    private func count(_ content: [UInt8], _ path: TreePath, _ local: String) throws(FilesError) {
        progress.bytesCount.add(content.count, ordering: .relaxed)
        progress.filesCount.add(1, ordering: .relaxed)
        if options.verifies {
            let there = try onDisk(local) { () throws(Errno) in
                try File.open(local, .read, beneath: target.raw).readAll(max: FilesProtocol.smallFileBytesMax)
            }
            guard try files.open(path).read(at: 0, count: there.count + 1) == there else { throw .differs(path: path.description) }
        }
    }

    private func finish(_ descriptor: borrowing Descriptor, _ info: FileInfo) throws(Errno) {
        try File.changeMode(of: descriptor.raw, to: info.mode)
        try File.setTimes(of: descriptor.raw, accessed: nil, modified: info.modified)
    }

    private func copyPiece(_ copied: CopiedFile, _ offset: Int) throws(FilesError) {
        let wanted = min(options.pieceBytes, Int(copied.file.info.size) - offset)
        var done = 0
        while done < wanted {
            let piece = try copied.file.readPiece(at: offset + done, count: wanted - done)
            guard piece.count > 0 else { throw .changed(path: copied.file.path.description) }
            switch piece {
            case .bytes(let bytes):
                try onDisk(copied.local) { () throws(Errno) in
                    var written = 0
                    while written < bytes.count {
                        written += try File.write(copied.descriptor.raw, Array(bytes[written...]), at: offset + done + written)
                    }
                }
            case .memory(let memory, let count):
                do throws(MasixError) {
                    _ = try memory.copy(to: copied.descriptor.raw, at: offset + done, count: count)
                } catch {
                    if case .memory(let errno) = error { throw .local(errno, path: copied.local) }
                    throw .unreachable(error, server: files.name, path: copied.file.path.description)
                }
            }
            done += piece.count
            progress.bytesCount.add(piece.count, ordering: .relaxed)
        }
        if options.verifies { try verifyPiece(copied, offset, wanted) }
        guard copied.endPiece() else { return }
        progress.filesCount.add(1, ordering: .relaxed)
        try onDisk(copied.local) { () throws(Errno) in try finish(copied.descriptor, copied.file.info) }
    }

    private func verifyPiece(_ copied: CopiedFile, _ offset: Int, _ count: Int) throws(FilesError) {
        let there = try copied.file.read(at: offset, count: count)
        let here = try onDisk(copied.local) { () throws(Errno) in try File.readBytes(copied.descriptor.raw, count: count, at: offset) }
        guard there == here else { throw .differs(path: copied.file.path.description) }
    }
}

/// A large file that is being copied, piece by piece.
private final class CopiedFile: Sendable {
    let file: OpenedFile
    let descriptor: Descriptor
    let local: String
    private let remaining: Atomic<Int>

    init(_ file: OpenedFile, _ descriptor: consuming Descriptor, local: String, pieces: Int) {
        self.file = file
        self.descriptor = descriptor
        self.local = local
        remaining = Atomic(max(1, pieces))
    }

    /// True for the last piece that ends.
    func endPiece() -> Bool { remaining.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 }
}

extension FileInfo {
    var modified: FileTime { FileTime(seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds) }
}
