public import Masix
public import MasixWire
import SystemPackage

/// What can go wrong with a file server's client. `description` says it in words, with the place.
public enum FilesError: Error, Hashable, Sendable {
    /// The file server said no.
    case refused(FileFailure, path: String)
    /// It could not be asked: most of all, it has died (`.noReply` in the middle of a call, `.deadName` afterwards).
    case unreachable(MasixError, server: String, path: String)
    /// It lives, and has not answered: it is no file server.
    case unanswered(server: String)
    /// Its answer was not what this protocol says.
    case malformedAnswer(WireError, server: String)
    /// A path that cannot be said in this protocol: it leads upwards, or is too long, or has a zero byte.
    case unusablePath(String)
    /// This side's disk said no; errno.
    case local(Int32, path: String)
    /// What was read back is not what was written.
    case differs(path: String)
    /// The file ended while it was read: it has been cut meanwhile.
    case changed(path: String)
}

extension FilesError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .refused(let failure, let path): "\(path): \(failure)"
        case .unreachable(let error, let server, let path):
            switch error {
            case .noReply, .deadName, .portDied: "\(path): the file server '\(server)' has died (\(error))"
            default: "\(path): the file server '\(server)' could not be asked: \(error)"
            }
        case .unanswered(let server): "the server '\(server)' did not answer what a file server answers"
        case .malformedAnswer(let error, let server): "the server '\(server)' does not speak the file protocol: \(error)"
        case .unusablePath(let path): "\(path): not a path below a served tree"
        case .local(let errno, let path): "\(path): \(Errno(rawValue: errno)) (errno \(errno))"
        case .differs(let path): "\(path): the copy differs from what the server serves"
        case .changed(let path): "\(path): the file has become shorter while it was read"
        }
    }
}

/// A file server, seen from a client.
///
/// ```swift
/// let files = try Files.lookUp("files", in: space)
/// for entry in try files.list(TreePath("share") ?? .root) { print(entry.name, entry.info.size) }
/// let file = try files.open(TreePath("share/words") ?? .root)       // a port; letting it go closes the file
/// let start = try file.read(at: 0, count: 100)
/// ```
/// May be used by several threads at a time.
public final class Files: Sendable {
    /// What the server is called, for messages.
    public let name: String
    private let server: SendRight
    /// How long one answer may take; nil waits for ever. The server's death is told at once whatever this says.
    public let timeout: Duration?

    public init(_ server: consuming SendRight, name: String, timeout: Duration? = nil) {
        self.server = server
        self.name = name
        self.timeout = timeout
    }

    /// Finds a file server by its name.
    public static func lookUp(_ name: String, in space: Space, timeout: Duration? = .seconds(10)) throws(NameError) -> Files {
        try Files(space.names.lookUp(name, timeout: timeout), name: name)
    }

    private func ask(_ request: FilesRequest, _ path: TreePath) throws(FilesError) -> (answer: FilesAnswer, message: ReceivedAnswer) {
        let message: ReceivedMessage
        do throws(MasixError) {
            message = try server.call(Message(code: FilesProtocol.serverCode, bytes: request.wireBytes), timeout: timeout)
        } catch {
            // Marks of death come before anybody is told of it (architecture rule 11).
            if error == .noReply && !server.isDead { throw .unanswered(server: name) }
            throw .unreachable(error, server: name, path: path.description)
        }
        let answer: FilesAnswer
        do throws(WireError) { answer = try FilesAnswer(wireBytes: message.bytes) } catch {
            throw .malformedAnswer(error, server: name)
        }
        if case .failed(let failure) = answer { throw .refused(failure, path: path.description) }
        return (answer, ReceivedAnswer(message))
    }

    private func unexpected() -> FilesError { .malformedAnswer(.malformed(field: "answer"), server: name) }

    /// Whether the tree may be written, and how many files this task may have open.
    public func describe() throws(FilesError) -> (isWritable: Bool, openFilesMax: Int) {
        guard case .described(let isWritable, let openFilesMax) = try ask(.describe, .root).answer else { throw unexpected() }
        return (isWritable, Int(openFilesMax))
    }

    /// What is there; a link is not followed.
    public func status(_ path: TreePath) throws(FilesError) -> FileInfo {
        guard case .info(let info) = try ask(.status(path), path).answer else { throw unexpected() }
        return info
    }

    /// All entries of a directory, in the order of their names' bytes.
    public func list(_ path: TreePath) throws(FilesError) -> [FileEntry] {
        try list([path]).first ?? []
    }

    /// What follows these entries, page after page.
    private func list(_ path: TreePath, behind first: [FileEntry]) throws(FilesError) -> [FileEntry] {
        var all = first
        while true {
            guard case .entries(let page, let isLast) = try ask(.list(path, after: all.last?.name.description ?? ""), path).answer else {
                throw unexpected()
            }
            all += page
            // An empty page that is not the last would never lead on.
            if isLast || page.isEmpty { return all }
        }
    }

    /// Visits everything below a directory, parents before children; links are told, not followed.
    public func walk(_ path: TreePath, _ visit: (TreePath, FileInfo) throws(FilesError) -> Void) throws(FilesError) {
        var directories = [path]
        while let directory = directories.popLast() {
            for entry in try list(directory) {
                let place = directory.appending(entry.name)
                try visit(place, entry.info)
                if entry.info.kind == .directory { directories.append(place) }
            }
        }
    }

    /// Opens a file: what comes back is the port that stands for it.
    public func open(_ path: TreePath, _ opening: FileOpening = FileOpening()) throws(FilesError) -> OpenedFile {
        var opening = opening
        opening.contentIsEnough = false
        let (answer, message) = try ask(.open(path, opening), path)
        guard case .opened(let info, let content) = answer else { throw unexpected() }
        guard let right = try takeFile(message, path) else { throw unexpected() }
        return OpenedFile(right, info: info, content: content, path: path, server: name, timeout: timeout)
    }

    /// The right to an opened file's port, if one came. It may have died on its way.
    private func takeFile(_ message: ReceivedAnswer, _ path: TreePath, at index: Int = 0) throws(FilesError) -> SendRight? {
        if message.isDead(at: index) { throw .unreachable(.deadName, server: name, path: path.description) }
        return message.takeSendRight(at: index)
    }

    /// What opening brings when the content may be all that is wanted.
    public enum Fetched: Sendable {
        case content(FileInfo, [UInt8])
        case file(OpenedFile)
    }

    /// Opens a file; a small one comes whole with the answer, and nothing stays open: one call.
    public func fetch(_ path: TreePath) throws(FilesError) -> Fetched {
        var opening = FileOpening()
        opening.inlineMax = UInt32(FilesProtocol.inlineBytesMax)
        opening.contentIsEnough = true
        let (answer, message) = try ask(.open(path, opening), path)
        guard case .opened(let info, let content) = answer else { throw unexpected() }
        if let right = try takeFile(message, path) {
            return .file(OpenedFile(right, info: info, content: content, path: path, server: name, timeout: timeout))
        }
        guard let content else { throw unexpected() }
        return .content(info, content)
    }

    /// All entries of several directories, in the order of each one's names; with few calls.
    public func list(_ paths: [TreePath]) throws(FilesError) -> [[FileEntry]] {
        var all: [[FileEntry]] = []
        while all.count < paths.count {
            let asked = Self.fitting(paths[all.count...].prefix(FilesProtocol.directoriesPerListingMax)) { $0.description.utf8.count + 4 }
            let (answer, message) = try ask(.listSeveral(Array(asked)), asked[asked.startIndex])
            let directories = try listed(answer, message)
            guard (1...asked.count).contains(directories.count) else { throw unexpected() }
            for (path, directory) in zip(asked, directories) {
                switch directory {
                case .failed(let failure): throw .refused(failure, path: path.description)
                case .entries(let entries, isLast: true): all.append(entries)
                case .entries(let entries, isLast: false): all.append(try list(path, behind: entries))
                }
            }
        }
        return all
    }

    private func listed(_ answer: FilesAnswer, _ message: ReceivedAnswer) throws(FilesError) -> [ListedDirectory] {
        switch answer {
        case .listed(let directories): return directories
        case .listedInMemory(let count):
            guard let memory = message.takeMemory(), memory.count >= Int(count) else { throw unexpected() }
            let bytes: [UInt8]
            do throws(MasixError) { bytes = try memory.bytes(in: 0..<Int(count)) } catch {
                throw .unreachable(error, server: name, path: ".")
            }
            do throws(WireError) {
                var reader = WireReader(bytes)
                let directories = try ListedDirectory.readList(from: &reader)
                try reader.finish()
                return directories
            } catch {
                throw .malformedAnswer(error, server: name)
            }
        default: throw unexpected()
        }
    }

    /// The first of these whose encodings go into one message together, at least one.
    private static func fitting<Element>(_ elements: ArraySlice<Element>, _ bytes: (Element) -> Int) -> ArraySlice<Element> {
        var room = FilesProtocol.inlineBytesMax
        let end = elements.firstIndex { element in
            room -= bytes(element)
            return room < 0
        }
        return elements[..<(end ?? elements.endIndex)]
    }

    /// Small files, with one call.
    public struct Batch: Sendable {
        /// What became of the first so many names, in their order.
        public let files: [FetchedFile]
        /// The same files, open, if that was asked for. Letting the batch go closes them, unless somebody has kept one.
        public private(set) var open: [OpenedFile]
        /// The same rights again: who lets go of these last says one word to the nucleus, not one for each.
        private var rights: HeldRights?
        /// The contents of those that came with one, one behind the other; nil if all are empty.
        public let contents: MemoryObject?

        init(files: [FetchedFile], contents: MemoryObject?, open: [OpenedFile], rights: HeldRights?) {
            self.files = files
            self.contents = contents
            self.open = open
            self.rights = rights
        }

        /// Closes the files now, but for those that somebody has kept.
        public mutating func close() {
            open = []
            rights = nil
        }
    }

    /// Rights that the copies of a batch share.
    final class HeldRights: Sendable {
        private let rights: SendRights
        init(_ rights: consuming SendRights) { self.rights = rights }
    }

    /// The whole contents of small files of one directory, and with `opens` their ports. As many as come together in one answer, from
    /// the first on; `FilesProtocol.filesPerBatchMax` at most.
    public func fetch(_ names: [FileName], of path: TreePath, opens: Bool = false) throws(FilesError) -> Batch {
        try fetch([WantedFiles(directory: path, names: names)], opens: opens)
    }

    /// The same from several directories. What becomes of the files is told in the order of the directories and their names.
    public func fetch(_ wanted: [WantedFiles], opens: Bool = false) throws(FilesError) -> Batch {
        var room = (files: FilesProtocol.filesPerBatchMax, bytes: FilesProtocol.inlineBytesMax)
        var asked: [WantedFiles] = []
        var places: [(TreePath, FileName)] = []
        for wanted in wanted {
            room.bytes -= wanted.directory.description.utf8.count + 8
            let names = wanted.names.prefix { name in
                room.files -= 1
                room.bytes -= name.description.utf8.count + 4
                return room.files >= 0 && room.bytes >= 0
            }
            guard room.bytes >= 0 || !names.isEmpty else { break }
            asked.append(WantedFiles(directory: wanted.directory, names: Array(names)))
            places += names.map { (wanted.directory, $0) }
            if names.count < wanted.names.count { break }
        }
        let path = asked.first?.directory ?? .root
        let (answer, message) = try ask(.fetch(asked, opens: opens), path)
        guard case .fetched(let files) = answer, files.count <= places.count, !files.isEmpty || places.isEmpty else { throw unexpected() }
        var count = 0
        var open: [OpenedFile] = []
        var rights = SendRights()
        for (file, (directory, name)) in zip(files, places) {
            guard case .content(let info) = file else { continue }
            count += Int(info.size)
            guard opens else { continue }
            let place = directory.appending(name)
            guard let right = try takeFile(message, place, at: open.count) else { throw unexpected() }
            rights.append(right.copy())
            open.append(OpenedFile(right, info: info, content: nil, path: place, server: self.name, timeout: timeout))
        }
        let held = opens ? HeldRights(rights) : nil
        guard count > 0 else { return Batch(files: files, contents: nil, open: open, rights: held) }
        guard let memory = message.takeMemory(), memory.count >= count else { throw unexpected() }
        return Batch(files: files, contents: memory, open: open, rights: held)
    }

    /// Makes a directory. Needs a server that serves read-write, as all that follow do.
    public func makeDirectory(_ path: TreePath, mode: UInt32 = 0o755) throws(FilesError) {
        _ = try ask(.makeDirectory(path, mode: mode), path)
    }

    /// Makes a symbolic link.
    public func makeLink(_ path: TreePath, to target: String) throws(FilesError) { _ = try ask(.makeLink(path, target: target), path) }

    /// Removes a file, a link or an empty directory.
    public func remove(_ path: TreePath) throws(FilesError) { _ = try ask(.remove(path), path) }

    public func setAttributes(_ path: TreePath, _ attributes: FileAttributes) throws(FilesError) {
        _ = try ask(.setAttributes(path, attributes), path)
    }
}

/// A file that is open at a file server: a send right to the port that stands for it. Letting it go closes the file.
public final class OpenedFile: Sendable {
    /// As it was when it was opened.
    public let info: FileInfo
    /// The whole content, if it was asked for and is small.
    public let content: [UInt8]?
    public let path: TreePath
    /// The port's permanent id: for people and tables.
    public var port: PortID { right.port }
    private let right: SendRight
    private let server: String
    private let timeout: Duration?

    init(_ port: consuming SendRight, info: FileInfo, content: [UInt8]?, path: TreePath, server: String, timeout: Duration?) {
        right = port
        self.info = info
        self.content = content
        self.path = path
        self.server = server
        self.timeout = timeout
    }

    private func ask(
        _ request: OpenFileRequest, _ memory: MemoryObject? = nil
    ) throws(FilesError) -> (answer: OpenFileAnswer, message: ReceivedAnswer) {
        let message: ReceivedMessage
        do throws(MasixError) {
            var question = Message(code: FilesProtocol.fileCode, bytes: request.wireBytes)
            if let memory { question.attach(memory) }
            message = try right.call(question, timeout: timeout)
        } catch {
            throw .unreachable(error, server: server, path: path.description)
        }
        let answer: OpenFileAnswer
        do throws(WireError) { answer = try OpenFileAnswer(wireBytes: message.bytes) } catch {
            throw .malformedAnswer(error, server: server)
        }
        if case .failed(let failure) = answer { throw .refused(failure, path: path.description) }
        return (answer, ReceivedAnswer(message))
    }

    private func unexpected() -> FilesError { .malformedAnswer(.malformed(field: "answer"), server: server) }

    /// A piece of the content: bytes if it is small, else a memory object of which the first `count` bytes count.
    public enum Piece: Sendable {
        case bytes([UInt8])
        case memory(MemoryObject, count: Int)

        public var count: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .memory(_, let count): count
            }
        }
    }

    /// At most `count` bytes (and at most `FilesProtocol.pieceBytesMax`) from `offset`; fewer only at the end.
    public func readPiece(at offset: Int, count: Int) throws(FilesError) -> Piece {
        guard offset >= 0, count >= 0 else { throw .unreachable(.invalidValue, server: server, path: path.description) }
        let wanted = UInt32(min(count, FilesProtocol.pieceBytesMax))
        let (answer, message) = try ask(.read(offset: UInt64(offset), count: wanted))
        switch answer {
        case .bytes(let bytes): return .bytes(bytes)
        case .memory(let count):
            guard let memory = message.takeMemory(), memory.count >= Int(count) else { throw unexpected() }
            return .memory(memory, count: Int(count))
        default: throw unexpected()
        }
    }

    /// At most `count` bytes from `offset`; fewer only at the end.
    public func read(at offset: Int, count: Int) throws(FilesError) -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let piece = try readPiece(at: offset + all.count, count: count - all.count)
            if piece.count == 0 { break }
            switch piece {
            case .bytes(let bytes): all += bytes
            case .memory(let memory, let count):
                do throws(MasixError) { all += try memory.bytes(in: 0..<count) } catch {
                    throw .unreachable(error, server: server, path: path.description)
                }
            }
        }
        return all
    }

    /// Writes all bytes at `offset`, as memory objects where they are many.
    public func write(_ bytes: [UInt8], at offset: Int) throws(FilesError) {
        var done = 0
        while done < bytes.count {
            let part = Array(bytes[done..<min(bytes.count, done + FilesProtocol.pieceBytesMax)])
            guard part.count > FilesProtocol.inlineBytesMax else {
                guard case .written = try ask(.write(offset: UInt64(offset + done), part)).answer else { throw unexpected() }
                return
            }
            let memory: MemoryObject
            do throws(MasixError) { memory = try MemoryObject(bytes: part) } catch {
                throw .unreachable(error, server: server, path: path.description)
            }
            try write(memory, at: offset + done)
            done += part.count
        }
    }

    /// Writes the content of a memory object of at most `FilesProtocol.pieceBytesMax` bytes.
    public func write(_ memory: MemoryObject, at offset: Int) throws(FilesError) {
        guard case .written(let count) = try ask(.writeMemory(offset: UInt64(offset)), memory).answer else { throw unexpected() }
        guard Int(count) == memory.count else { throw .refused(FileFailure(.noSpace), path: path.description) }
    }

    /// As it is now.
    public func status() throws(FilesError) -> FileInfo {
        guard case .info(let info) = try ask(.status).answer else { throw unexpected() }
        return info
    }

    /// Cuts or extends with zeros.
    public func resize(to size: Int) throws(FilesError) { _ = try ask(.resize(UInt64(clamping: size))) }

    public func setAttributes(_ attributes: FileAttributes) throws(FilesError) { _ = try ask(.setAttributes(attributes)) }
}

/// A received message that can be handed on beside what was decoded from it.
final class ReceivedAnswer {
    private var message: ReceivedMessage

    init(_ message: consuming ReceivedMessage) { self.message = message }

    func isDead(at index: Int) -> Bool { message.isDead(at: index) }
    func takeSendRight(at index: Int) -> SendRight? { message.takeSendRight(at: index) }
    func takeMemory() -> MemoryObject? { message.takeMemory() }
}
