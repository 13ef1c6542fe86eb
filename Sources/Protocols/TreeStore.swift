import Masix
import MasixLinux
import Synchronization
import SystemPackage

extension Files {
    /// Copies everything below the local directory `source` to `path`, which is made if it is not there; modes and times too.
    ///
    /// Symbolic links are copied as links. The first failure ends the copy and is thrown; what is there by then stays.
    public func storeTree(
        _ source: String, to path: TreePath, options: CopyOptions = CopyOptions(), progress: CopyProgress = CopyProgress()
    ) throws(FilesError) {
        let store: TreeStore
        do throws(Errno) {
            store = TreeStore(files: self, source: try File.open(source, .directory), options: options, progress: progress)
        } catch {
            throw .local(error.rawValue, path: source)
        }
        if !path.isRoot { try makeDirectoryIfMissing(path) }
        let list = WorkList<TreeStore.Job, FilesError>(.directory(".", path))
        onThreads(options.threads, "copy") { list.work { (job) throws(FilesError) in try store.carryOut(job, list) } }
        if let failure = list.failure { throw failure }
    }

    /// Copies one local file.
    public func storeFile(
        _ source: String, to path: TreePath, options: CopyOptions = CopyOptions(), progress: CopyProgress = CopyProgress()
    ) throws(FilesError) {
        let store: TreeStore
        do throws(Errno) {
            guard try File.status(source).kind != .directory else { throw Errno.isDirectory }
            store = TreeStore(files: self, source: try File.open(".", .directory), options: options, progress: progress)
        } catch {
            throw .local(error.rawValue, path: source)
        }
        progress.foundFilesCount.add(1, ordering: .relaxed)
        try store.store(source, path)
    }

    /// Copies what an open descriptor gives until its end.
    public func storeStream(_ raw: Int32, to path: TreePath, progress: CopyProgress = CopyProgress()) throws(FilesError) {
        var opening = FileOpening()
        opening.isWriting = true
        opening.creates = true
        opening.truncates = true
        let file = try open(path, opening)
        var offset = 0
        progress.foundFilesCount.add(1, ordering: .relaxed)
        while true {
            let bytes: [UInt8]
            do throws(Errno) { bytes = try Descriptor.readBytes(from: raw, max: 1 << 20) } catch {
                throw .local(error.rawValue, path: "standard input")
            }
            if bytes.isEmpty { break }
            try file.write(bytes, at: offset)
            offset += bytes.count
            progress.foundBytesCount.add(bytes.count, ordering: .relaxed)
            progress.bytesCount.add(bytes.count, ordering: .relaxed)
        }
        progress.filesCount.add(1, ordering: .relaxed)
    }

    fileprivate func makeDirectoryIfMissing(_ path: TreePath) throws(FilesError) {
        do throws(FilesError) {
            try makeDirectory(path, mode: 0o700)
        } catch .refused(let failure, _) where failure.reason == .exists {
            guard try status(path).kind == .directory else { throw .refused(FileFailure(.notDirectory), path: path.description) }
        }
    }
}

/// One copy from the local disk to a file server, by several threads with one list of work.
private final class TreeStore: Sendable {
    enum Job: Sendable {
        case directory(String, TreePath)
        case file(String, TreePath)
    }

    let files: Files
    let source: Descriptor
    let options: CopyOptions
    let progress: CopyProgress

    init(files: Files, source: consuming Descriptor, options: CopyOptions, progress: CopyProgress) {
        self.files = files
        self.source = source
        self.options = options
        self.progress = progress
    }

    func carryOut(_ job: Job, _ list: WorkList<Job, FilesError>) throws(FilesError) {
        switch job {
        case .directory(let local, let path): try store(directory: local, path, list)
        case .file(let local, let path): try store(local, path)
        }
    }

    private func onDisk<Result: ~Copyable>(_ local: String, _ body: () throws(Errno) -> Result) throws(FilesError) -> Result {
        do throws(Errno) { return try body() } catch { throw .local(error.rawValue, path: local) }
    }

    private func store(directory local: String, _ path: TreePath, _ list: WorkList<Job, FilesError>) throws(FilesError) {
        let entries = try onDisk(local) { () throws(Errno) in try Directory.entries(of: local, at: source.raw) }
        var below: [Job] = []
        var here: [Job] = []
        for entry in entries {
            guard let name = FileName(entry.name) else { throw .unusablePath(entry.name) }
            let place = local == "." ? entry.name : local + "/" + entry.name
            let remote = path.appending(name)
            let status = try onDisk(place) { () throws(Errno) in try File.status(place, at: source.raw, followingLinks: false) }
            switch status.kind {
            case .directory:
                try files.makeDirectoryIfMissing(remote)
                try files.setAttributes(remote, FileAttributes(mode: status.mode | 0o700))
                progress.directoriesCount.add(1, ordering: .relaxed)
                below.append(.directory(place, remote))
            case .regular: here.append(.file(place, remote))
            case .link:
                let target = try onDisk(place) { () throws(Errno) in try Link.target(of: place, at: source.raw) }
                try makeLink(remote, to: target)
                progress.linksCount.add(1, ordering: .relaxed)
            default: progress.skip(place)
            }
        }
        progress.foundFilesCount.add(here.count, ordering: .relaxed)
        list.add(early: below, late: here.reversed())
    }

    private func makeLink(_ remote: TreePath, to target: String) throws(FilesError) {
        do throws(FilesError) {
            try files.makeLink(remote, to: target)
        } catch .refused(let failure, _) where failure.reason == .exists {
            try files.remove(remote)
            try files.makeLink(remote, to: target)
        }
    }

    /// One file: opened, written piece by piece, its mode and time set, and closed by dropping its right.
    func store(_ local: String, _ path: TreePath) throws(FilesError) {
        let file = try onDisk(local) { () throws(Errno) in
            try File.open(local, [.read, .nonBlocking, .noControllingTerminal], at: source.raw)
        }
        let status = try onDisk(local) { () throws(Errno) in try File.status(of: file.raw) }
        guard status.kind == .regular else { throw .local(Errno.notSupported.rawValue, path: local) }
        progress.foundBytesCount.add(status.size, ordering: .relaxed)
        var opening = FileOpening()
        opening.isWriting = true
        opening.creates = true
        opening.truncates = true
        opening.mode = 0o600
        let remote = try files.open(path, opening)
        progress.portsCount.add(1, ordering: .relaxed)
        var offset = 0
        while true {
            let count = try storePiece(file, local, remote, offset, wanted: min(options.pieceBytes, max(0, status.size - offset)))
            if count == 0 { break }
            offset += count
            progress.bytesCount.add(count, ordering: .relaxed)
        }
        try remote.setAttributes(
            FileAttributes(
                mode: status.mode, modified: .init(seconds: status.modified.seconds, nanoseconds: status.modified.nanoseconds)))
        progress.filesCount.add(1, ordering: .relaxed)
    }

    private func storePiece(
        _ file: borrowing Descriptor, _ local: String, _ remote: OpenedFile, _ offset: Int, wanted: Int
    ) throws(FilesError) -> Int {
        guard wanted > FilesProtocol.inlineBytesMax else {
            let raw = file.raw
            let bytes = try onDisk(local) { () throws(Errno) in try File.readBytes(raw, count: wanted, at: offset) }
            if !bytes.isEmpty { try remote.write(bytes, at: offset) }
            try verify(bytes, remote, offset)
            return bytes.count
        }
        let raw = file.raw
        let bytes: [UInt8]
        var copied = 0
        let memory: MemoryObject
        do throws(MasixError) {
            memory = try MemoryObject(count: wanted) { (draft) throws(MasixError) in
                copied = try draft.copy(from: raw, at: offset, count: wanted)
            }
            bytes = options.verifies ? try memory.bytes() : []
        } catch {
            if case .memory(let errno) = error { throw .local(errno, path: local) }
            throw .unreachable(error, server: files.name, path: remote.path.description)
        }
        // It has become shorter since it was looked at: what is missing would be zeros.
        guard copied == wanted else { throw .changed(path: local) }
        try remote.write(memory, at: offset)
        try verify(bytes, remote, offset)
        return copied
    }

    private func verify(_ bytes: [UInt8], _ remote: OpenedFile, _ offset: Int) throws(FilesError) {
        guard options.verifies, !bytes.isEmpty else { return }
        guard try remote.read(at: offset, count: bytes.count) == bytes else { throw .differs(path: remote.path.description) }
    }
}
