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
        case directories([Place])
        case file(TreePath, local: String, FileInfo)
        case batch([Part])
        case piece(CopiedFile, offset: Int)
    }

    /// A directory, there and here.
    struct Place: Sendable {
        let remote: TreePath
        let local: String

        func appending(_ name: FileName) -> Place {
            Place(remote: remote.appending(name), local: local == "." ? name.description : local + "/" + name.description)
        }
    }

    /// Small files of one directory.
    struct Part: Sendable {
        let place: Place
        var names: [FileName]
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
        try run(WorkList(.directories([Place(remote: path, local: ".")])))
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
                case .directories(let places): try self.copyDirectories(places, list)
                case .file(let path, let local, let info): try self.copyFile(path, local, info, list)
                case .batch(let parts): try self.copyBatch(parts, list)
                case .piece(let file, let offset): try self.copyPiece(file, offset)
                }
            }
        }
        if let failure = list.failure { throw failure }
    }

    private func onDisk<Result: ~Copyable>(_ local: String, _ body: () throws(Errno) -> Result) throws(FilesError) -> Result {
        do throws(Errno) { return try body() } catch { throw .local(error.rawValue, path: local) }
    }

    /// Directories of one go; more would leave the other threads without work in the beginning.
    private static let directoriesMax = 16

    private func copyDirectories(_ places: [Place], _ list: WorkList<Job, FilesError>) throws(FilesError) {
        var below: [Place] = []
        var here: [Job] = []
        var batch = GrowingBatch()
        var bytes = 0
        for (directory, entries) in zip(places, try files.list(places.map(\.remote))) {
            for entry in entries {
                let place = directory.appending(entry.name)
                switch entry.info.kind {
                case .directory:
                    try onDisk(place.local) { () throws(Errno) in try makeDirectory(place.local) }
                    directories.withLock { $0.append((place.local, entry.info)) }
                    progress.directoriesCount.add(1, ordering: .relaxed)
                    below.append(place)
                case .regular:
                    bytes += Int(entry.info.size)
                    progress.foundFilesCount.add(1, ordering: .relaxed)
                    guard entry.info.size <= UInt64(FilesProtocol.smallFileBytesMax) else {
                        here.append(.file(place.remote, local: place.local, entry.info))
                        continue
                    }
                    batch.add(entry, in: directory)
                    if batch.isFull { here.append(.batch(batch.take())) }
                case .link:
                    try onDisk(place.local) { () throws(Errno) in try makeLink(place.local, to: entry.info) }
                    progress.linksCount.add(1, ordering: .relaxed)
                default:
                    progress.skip(place.remote.description)
                }
            }
        }
        if !batch.isEmpty { here.append(.batch(batch.take())) }
        progress.foundBytesCount.add(bytes, ordering: .relaxed)
        let groups = stride(from: 0, to: below.count, by: Self.directoriesMax).map {
            below[$0..<min($0 + Self.directoriesMax, below.count)]
        }
        list.add(early: groups.map { .directories(Array($0)) }, late: here.reversed())
    }

    /// Small files that are to be asked for together, whatever directories they are in.
    private struct GrowingBatch {
        private var parts: [Part] = []
        private var files = 0
        private var bytes = 0

        var isEmpty: Bool { files == 0 }
        var isFull: Bool { files >= TreeCopy.batchFilesMax || bytes >= TreeCopy.batchBytesMax }

        mutating func add(_ entry: FileEntry, in place: Place) {
            if parts.last?.place.local != place.local { parts.append(Part(place: place, names: [])) }
            parts[parts.count - 1].names.append(entry.name)
            files += 1
            bytes += Int(entry.info.size)
        }

        mutating func take() -> [Part] {
            defer { self = GrowingBatch() }
            return parts
        }
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

    /// A batch keeps one core busy on each side for about two milliseconds: longer would leave others without work.
    private static let batchFilesMax = 128
    private static let batchBytesMax = 3 << 19

    private func copyBatch(_ parts: [Part], _ list: WorkList<Job, FilesError>) throws(FilesError) {
        var rest = parts[...]
        while !rest.isEmpty {
            var batch = try fetch(rest)
            progress.portsCount.add(batch.open.count, ordering: .relaxed)
            var offset = 0
            var left = batch.files[...]
            while !left.isEmpty, let part = rest.popFirst() {
                let found = left.prefix(part.names.count)
                left = left.dropFirst(found.count)
                try write(zip(part.names, found), of: part.place, batch.contents, &offset, list)
                guard found.count < part.names.count else { continue }
                rest = [Part(place: part.place, names: Array(part.names.dropFirst(found.count)))] + rest
            }
            // One thread at a time: closing is a word with the nucleus, over the one connection that all threads share.
            closing.withLock { _ in batch.close() }
        }
    }

    /// Files of one directory, whose contents begin at `offset`.
    private func write(
        _ found: some Sequence<(FileName, FetchedFile)>, of place: Place, _ contents: MemoryObject?, _ offset: inout Int,
        _ list: WorkList<Job, FilesError>
    ) throws(FilesError) {
        let directory = try onDisk(place.local) { () throws(Errno) in try File.open(place.local, .directory, beneath: target.raw) }
        let raw = directory.raw
        for (name, file) in found {
            let here = place.appending(name)
            switch file {
            case .failed(let failure): throw .refused(failure, path: here.remote.description)
            case .passedOver(let info): list.add(late: [.file(here.remote, local: here.local, info)])
            case .content(let info):
                let size = Int(info.size)
                let descriptor = try onDisk(here.local) { () throws(Errno) in try create(name.description, in: raw) }
                if size > 0 { try write(contents, from: offset, count: size, to: descriptor.raw, at: 0, here.remote, here.local) }
                try onDisk(here.local) { () throws(Errno) in try finish(descriptor, info) }
                offset += size
                try count(size, here.remote, here.local)
            }
        }
    }

    private func write(
        _ memory: MemoryObject?, from source: Int, count: Int, to raw: Int32, at offset: Int, _ path: TreePath, _ local: String
    ) throws(FilesError) {
        do throws(MasixError) {
            guard try memory?.copy(to: raw, at: offset, from: source, count: count) == count else { throw .malformedMessage }
        } catch {
            if case .memory(let errno) = error { throw .local(errno, path: local) }
            throw .unreachable(error, server: files.name, path: path.description)
        }
    }

    private func fetch(_ parts: ArraySlice<Part>) throws(FilesError) -> Files.Batch {
        let wanted = parts.map { WantedFiles(directory: $0.place.remote, names: $0.names) }
        return try waitingForRoom { () throws(FilesError) in try files.fetch(wanted, opens: options.opensEveryFile) }
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
        try count(content.count, path, local)
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
    private func count(_ bytes: Int, _ path: TreePath, _ local: String) throws(FilesError) {
        progress.bytesCount.add(bytes, ordering: .relaxed)
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
                try write(memory, from: 0, count: count, to: copied.descriptor.raw, at: offset + done, copied.file.path, copied.local)
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
