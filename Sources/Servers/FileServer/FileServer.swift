public import Logging
public import Masix
import MasixLinux
import MasixProtocols
import MasixWire
import Synchronization
import SystemPackage

/// Serves a directory tree: every file that is opened is a port of its own, whose send right is the open file.
///
/// ```swift
/// let server = try FileServer(tree: FileTree(path: "/srv", isWritable: false), in: space)
/// try space.names.checkIn("files", server.makeSendRight())
/// try server.serve(threads: 2)          // returns after `stop`
/// ```
/// Requests are decoded completely before anything is done (`FilesRequest`). One thread receives them and handles all rights; what takes
/// long and needs none, it leaves to the others (`Backlog`).
public final class FileServer: Sendable {
    /// How many files one task may have open; what is over is refused (`tooManyOpen`), and its neighbours feel nothing.
    public static let openFilesPerTaskDefault = 512

    private let space: Space
    private let tree: FileTree
    private let set: PortSet
    private let port: PortID
    private let control: PortID
    private let files: OpenFiles
    /// Members of the set that stand for no file: nobody has a right to them.
    private let spares = Mutex<[PortID]>([])
    private let backlog = Backlog()
    private let isStopping = Atomic<Bool>(false)
    private let log: Logger

    /// A server for `tree` with its port, which nobody has a right to yet.
    public init(
        tree: FileTree, in space: Space, openFilesPerTask: Int = openFilesPerTaskDefault,
        log: Logger = Logger(label: "masix.files")
    ) throws(MasixError) {
        self.space = space
        self.tree = tree
        self.log = log
        files = OpenFiles(perTaskMax: openFilesPerTask)
        set = space.makePortSet()
        port = set.insert(try space.makePort(queueLimit: 256))
        control = set.insert(try space.makePort())
    }

    /// A right for clients, to be checked in under a name or given away.
    public func makeSendRight() throws(MasixError) -> SendRight { try set.makeSendRight(to: port) }

    /// How many files are open at the moment.
    public var openFileCount: Int { files.count }

    /// Serves with so many threads, this one included, until `stop`. Throws what ended it if that was not `stop`.
    public func serve(threads: Int = 2) throws(MasixError) {
        defer { backlog.end() }
        for number in 1..<max(1, threads) {
            do throws(Errno) {
                try DetachedThread.start("files-\(number)") { [backlog] in backlog.work() }
            } catch {
                throw .memory(errno: error.rawValue)
            }
        }
        try receiveUntilStopped()
    }

    /// Ends all threads that serve. Files that are open are closed with the server.
    public func stop() throws(MasixError) {
        isStopping.store(true, ordering: .releasing)
        try set.makeSendRight(to: control).send(Message(), timeout: .zero)
    }

    private func receiveUntilStopped() throws(MasixError) {
        while !isStopping.load(ordering: .acquiring) {
            guard var messages = try receive() else {
                dropSpares()
                continue
            }
            while var message = messages.next() {
                if message.port == control { return }
                do throws(MasixError) {
                    try handle(&message)
                } catch .nodeGone {
                    throw .nodeGone
                } catch {
                    warn(error, message.sender)
                }
            }
        }
    }

    /// Nil if there are spare ports and nobody has wanted anything for a while.
    private func receive() throws(MasixError) -> ReceivedMessages? {
        let hasSpares = spares.withLock { !$0.isEmpty }
        do throws(MasixError) {
            return try set.receive(upTo: Limits.requestsTogetherMax, timeout: hasSpares ? Self.sparesRest : nil)
        } catch .timedOut {
            return nil
        }
    }

    /// That client's affair: it has died meanwhile, or we are over a quota and it gets a `noReply`.
    private func warn(_ error: MasixError, _ client: TaskID) {
        log.warning("a request was not answered", metadata: ["error": "\(error)", "client": "\(client)"])
    }

    /// Has the answer given by another thread, if there is one.
    private func leave(
        _ reply: consuming SendOnceRight, of client: TaskID,
        _ answer: @escaping @Sendable (consuming SendOnceRight) throws(MasixError) -> Void
    ) {
        backlog.leave(reply) { [self] reply in
            do throws(MasixError) { try answer(reply) } catch { warn(error, client) }
        }
    }

    private func handle(_ message: inout ReceivedMessage) throws(MasixError) {
        if let notification = message.notification {
            if case .noSenders = notification { close(message.port) }
            return
        }
        // Nobody to answer: nothing here is worth doing without an answer.
        guard let reply = message.takeReply() else { return }
        if message.port == port {
            try answer(message, with: reply)
        } else if let file = files.file(at: message.port) {
            try answer(&message, about: file, with: reply)
        }
    }

    // MARK: the server's port

    private func answer(_ message: borrowing ReceivedMessage, with reply: consuming SendOnceRight) throws(MasixError) {
        let request: FilesRequest
        do throws(WireError) {
            request = try FilesRequest(wireBytes: message.bytes)
        } catch {
            log.warning("malformed request", metadata: ["client": "\(message.sender)", "why": "\(error)"])
            return try Self.send(.failed(FileFailure(.malformed)), to: reply)
        }
        if case .open(let path, let opening) = request { return try open(path, opening, for: message.sender, reply) }
        let client = message.sender
        if case .fetch(let wanted, let opens) = request {
            return leave(reply, of: client) { [self] (reply) throws(MasixError) in
                try fetch(wanted, for: client, opens: opens, reply)
            }
        }
        if case .listSeveral(let paths) = request {
            return leave(reply, of: client) { [self] (reply) throws(MasixError) in try list(paths, reply) }
        }
        leave(reply, of: client) { [self] (reply) throws(MasixError) in try Self.send(carryOut(request), to: reply) }
    }

    private func list(_ paths: [TreePath], _ reply: consuming SendOnceRight) throws(MasixError) {
        let directories = tree.list(paths)
        let inline = FilesAnswer.listed(directories).wireBytes
        guard inline.count > Limits.inlineBytesMax else { return try reply.send(Message(code: FilesProtocol.serverCode, bytes: inline)) }
        // The same without the byte that says which.
        let memory = try MemoryObject(bytes: Array(inline.dropFirst()))
        var answer = Message(
            code: FilesProtocol.serverCode, bytes: FilesAnswer.listedInMemory(count: UInt32(memory.count)).wireBytes)
        answer.attach(memory)
        try reply.send(answer)
    }

    private static func send(_ answer: FilesAnswer, to reply: consuming SendOnceRight) throws(MasixError) {
        try reply.send(Message(code: FilesProtocol.serverCode, bytes: answer.wireBytes))
    }

    private func carryOut(_ request: FilesRequest) -> FilesAnswer {
        do throws(Errno) {
            switch request {
            case .describe:
                return .described(isWritable: tree.isWritable, openFilesMax: UInt32(clamping: files.perTaskMax))
            case .status(let path):
                return .info(try tree.status(path))
            case .list(let path, let after):
                let page = try tree.list(path, after: after, bytesMax: FilesProtocol.inlineBytesMax)
                return .entries(page.entries, isLast: page.isLast)
            case .open, .fetch, .listSeveral:
                return .failed(FileFailure(.malformed))
            case .makeDirectory, .makeLink, .remove, .setAttributes:
                guard tree.isWritable else { return .failed(FileFailure(.readOnly)) }
                try change(request)
                return .done
            }
        } catch {
            return .failed(FileFailure(linux: error))
        }
    }

    private func change(_ request: FilesRequest) throws(Errno) {
        switch request {
        case .makeDirectory(let path, let mode): try tree.makeDirectory(path, mode: mode)
        case .makeLink(let path, let target): try tree.makeLink(path, target: target)
        case .remove(let path): try tree.remove(path)
        case .setAttributes(let path, let attributes): try tree.setAttributes(path, attributes)
        case .describe, .status, .list, .listSeveral, .open, .fetch: break
        }
    }

    /// Small files whole, out of line, many with one answer; with `opens` they stay open for the client, each behind a port of its own.
    ///
    /// However many they are, the nucleus is asked a fixed number of times: the answer makes the rights that it carries, and all ports are
    /// watched with one request.
    private func fetch(
        _ wanted: [WantedFiles], for client: TaskID, opens: Bool, _ reply: consuming SendOnceRight
    ) throws(MasixError) {
        var filesMax = wanted.reduce(0) { $0 + $1.names.count }
        if opens, filesMax > 0 {
            filesMax = files.reserve(upTo: filesMax, for: client)
            guard filesMax > 0 else { return try Self.send(.failed(FileFailure(.tooManyOpen)), to: reply) }
        }
        let batch: FileTree.Batch
        do throws(MasixError) {
            batch = try tree.fetch(wanted, filesMax: filesMax, for: client)
        } catch {
            if opens { files.release(filesMax, for: client) }
            throw error
        }
        // Before the answer: who has it may ask for as many again.
        if opens { files.release(filesMax - batch.open.count, for: client) }
        var answer = Message(code: FilesProtocol.serverCode, bytes: FilesAnswer.fetched(batch.files).wireBytes)
        if let contents = batch.contents { answer.attach(contents) }
        guard opens else { return try reply.send(answer) }
        let ports: [PortID]
        do throws(MasixError) {
            ports = try takePorts(batch.open.count)
        } catch {
            files.release(batch.open.count, for: client)
            log.warning("no ports for files", metadata: ["error": "\(error)"])
            return try Self.send(.failed(FileFailure(.tooManyOpen)), to: reply)
        }
        try send(answer, giving: ports, for: batch.open, to: reply)
    }

    /// Answers with a right to each of these ports, which from now on stand for the files.
    private func send(
        _ answer: consuming Message, giving ports: [PortID], for opened: [OpenFile], to reply: consuming SendOnceRight
    ) throws(MasixError) {
        for (port, file) in zip(ports, opened) { files.insert(file, at: port) }
        do throws(MasixError) {
            for port in ports { try answer.attachSendRight(to: port, in: set) }
            try reply.send(answer)
        } catch {
            // Nobody has got a right.
            for port in ports { close(port) }
            throw error
        }
        // Behind the answer: a right that is gone by then, or never was since the client is gone, is told of at once (T2). The notification
        // goes to the port itself, behind all requests.
        try set.requestNoSenders(of: ports)
    }

    // MARK: opening

    private func open(_ path: TreePath, _ opening: FileOpening, for client: TaskID, _ reply: consuming SendOnceRight) throws(MasixError) {
        if opening.isWriting && !tree.isWritable { return try Self.send(.failed(FileFailure(.readOnly)), to: reply) }
        guard files.reserve(for: client) else { return try Self.send(.failed(FileFailure(.tooManyOpen)), to: reply) }
        let file: OpenFile
        let info: FileInfo
        var content: [UInt8]?
        do throws(FileFailure) {
            (file, info, content) = try openNow(path, opening, for: client)
        } catch {
            files.release(for: client)
            return try Self.send(.failed(error), to: reply)
        }
        let answer = Message(code: FilesProtocol.serverCode, bytes: FilesAnswer.opened(info, content: content).wireBytes)
        if content != nil && opening.contentIsEnough {
            files.release(for: client)
            return try reply.send(answer)
        }
        let ports: [PortID]
        do throws(MasixError) {
            ports = try takePorts(1)
        } catch {
            files.release(for: client)
            log.warning("no port for a file", metadata: ["error": "\(error)"])
            return try Self.send(.failed(FileFailure(.tooManyOpen)), to: reply)
        }
        try send(answer, giving: ports, for: [file], to: reply)
    }

    private func openNow(
        _ path: TreePath, _ opening: FileOpening, for client: TaskID
    ) throws(FileFailure) -> (OpenFile, FileInfo, [UInt8]?) {
        do throws(Errno) {
            // Without waiting: opening a pipe would otherwise wait for its other end.
            var flags: OpenFlags = opening.isWriting ? [.readWrite, .nonBlocking] : [.read, .nonBlocking]
            if opening.creates { flags.insert(.create) }
            if opening.isExclusive { flags.insert(.exclusive) }
            let file = OpenFile(try tree.open(path, flags, mode: opening.mode), isWritable: opening.isWriting, owner: client)
            let status = try File.status(of: file.descriptor.raw)
            guard status.kind == .regular else {
                throw status.kind == .directory ? Errno.isDirectory : Errno.notSupported
            }
            if opening.truncates { try File.truncate(file.descriptor.raw, to: 0) }
            let info = FileInfo(opening.truncates ? try File.status(of: file.descriptor.raw) : status)
            guard opening.inlineMax > 0, info.size <= UInt64(opening.inlineMax) else { return (file, info, nil) }
            return (file, info, info.size == 0 ? [] : try file.read(count: Int(info.size), at: 0))
        } catch {
            throw error == .notSupported ? FileFailure(.notSupported) : FileFailure(linux: error)
        }
    }

    /// Ports that nobody has a right to.
    private func takePorts(_ count: Int) throws(MasixError) -> [PortID] {
        var ports = spares.withLock { spares in
            defer { spares.removeLast(min(count, spares.count)) }
            return Array(spares.suffix(count))
        }
        while ports.count < count {
            do throws(MasixError) {
                ports += try set.makePorts(min(count - ports.count, Limits.requestsTogetherMax), queueLimit: Self.fileQueueLimit)
            } catch {
                giveBack(ports)
                throw error
            }
        }
        return ports
    }

    /// Nobody has a right to this port any more, and nobody can get one: its file is closed, and it may stand for another one. So a client
    /// that opens file after file costs no new port each time; ports that nobody needs for a while are destroyed.
    private func close(_ port: PortID) {
        files.remove(port)
        giveBack([port])
    }

    private func giveBack(_ ports: [PortID]) {
        let rest = spares.withLock { spares in
            let kept = ports.prefix(max(0, Self.sparesMax - spares.count))
            spares += kept
            return ports[kept.endIndex...]
        }
        if !rest.isEmpty { set.destroy(Array(rest)) }
    }

    private func dropSpares() {
        let ports = spares.withLock { spares in
            defer { spares = [] }
            return spares
        }
        set.destroy(ports)
    }

    /// Messages that may wait at one open file.
    private static let fileQueueLimit = 16
    private static let sparesMax = 512
    /// How long a spare port is kept without any request.
    private static let sparesRest: Duration = .seconds(1)

    // MARK: the port of a file

    private func answer(
        _ message: inout ReceivedMessage, about file: OpenFile, with reply: consuming SendOnceRight
    ) throws(MasixError) {
        let request: OpenFileRequest
        do throws(WireError) {
            request = try OpenFileRequest(wireBytes: message.bytes)
        } catch {
            log.warning("malformed request", metadata: ["client": "\(message.sender)", "why": "\(error)"])
            return try Self.send(.failed(FileFailure(.malformed)), nil, to: reply)
        }
        if case .read(let offset, let count) = request, count > FilesProtocol.inlineBytesMax {
            return leave(reply, of: message.sender) { [self] (reply) throws(MasixError) in
                try readLarge(file, offset: Int(offset), count: Int(count), reply)
            }
        }
        let memory = message.takeMemory()
        leave(reply, of: message.sender) { [self] (reply) throws(MasixError) in
            let answer: OpenFileAnswer
            do throws(Errno) {
                answer = try carryOut(request, on: file, memory)
            } catch {
                answer = .failed(FileFailure(linux: error))
            }
            try Self.send(answer, nil, to: reply)
        }
    }

    private static func send(_ answer: OpenFileAnswer, _ memory: MemoryObject?, to reply: consuming SendOnceRight) throws(MasixError) {
        var message = Message(code: FilesProtocol.fileCode, bytes: answer.wireBytes)
        if let memory { message.attach(memory) }
        try reply.send(message)
    }

    private func carryOut(_ request: OpenFileRequest, on file: OpenFile, _ memory: MemoryObject?) throws(Errno) -> OpenFileAnswer {
        switch request {
        case .read(let offset, let count):
            return .bytes(count == 0 ? [] : try file.read(count: Int(count), at: Int(offset)))
        case .status:
            return .info(FileInfo(try File.status(of: file.descriptor.raw)))
        case .write, .writeMemory, .resize, .setAttributes:
            guard file.isWritable else { return .failed(FileFailure(.notWritable)) }
            return try change(request, file, memory)
        }
    }

    private func change(_ request: OpenFileRequest, _ file: OpenFile, _ memory: MemoryObject?) throws(Errno) -> OpenFileAnswer {
        switch request {
        case .write(let offset, let bytes):
            try file.write(bytes, at: Int(offset))
            return .written(UInt32(bytes.count))
        case .writeMemory(let offset):
            guard let memory, memory.count <= FilesProtocol.pieceBytesMax else { return .failed(FileFailure(.malformed)) }
            do throws(MasixError) {
                return .written(UInt32(try memory.copy(to: file.descriptor.raw, at: Int(offset))))
            } catch {
                if case .memory(let errno) = error { throw Errno(rawValue: errno) }
                throw .ioError
            }
        case .resize(let size):
            try File.truncate(file.descriptor.raw, to: Int(size))
            return .done
        case .setAttributes(let attributes):
            if let mode = attributes.mode { try File.changeMode(of: file.descriptor.raw, to: mode) }
            if let modified = attributes.modified {
                try File.setTimes(
                    of: file.descriptor.raw, accessed: nil,
                    modified: FileTime(seconds: modified.seconds, nanoseconds: modified.nanoseconds))
            }
            return .done
        case .read, .status: return .done
        }
    }

    /// Contents as out-of-line memory: a sealed copy, never the file's own descriptor, which could be read elsewhere or change meanwhile.
    private func readLarge(_ file: OpenFile, offset: Int, count: Int, _ reply: consuming SendOnceRight) throws(MasixError) {
        var answer = OpenFileAnswer.bytes([])
        var wanted = 0
        do throws(Errno) {
            wanted = min(count, max(0, try File.status(of: file.descriptor.raw).size - offset))
            if (1...FilesProtocol.inlineBytesMax).contains(wanted) { answer = .bytes(try file.read(count: wanted, at: offset)) }
        } catch {
            answer = .failed(FileFailure(linux: error))
        }
        guard wanted > FilesProtocol.inlineBytesMax else { return try Self.send(answer, nil, to: reply) }
        var copied = 0
        let memory: MemoryObject
        do throws(MasixError) {
            memory = try MemoryObject(count: wanted) { (draft) throws(MasixError) in
                copied = try draft.copy(from: file.descriptor.raw, at: offset, count: wanted)
            }
        } catch {
            log.warning("a piece could not be read", metadata: ["error": "\(error)"])
            guard case .memory(let errno) = error else { throw error }
            return try Self.send(.failed(FileFailure(linux: Errno(rawValue: errno))), nil, to: reply)
        }
        try Self.send(.memory(count: UInt32(copied)), memory, to: reply)
    }
}
