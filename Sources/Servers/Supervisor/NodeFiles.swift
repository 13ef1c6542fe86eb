import FoundationEssentials
import Masix
import MasixLinux
import MasixNetwork
import MasixProtocols
import SystemPackage

/// The directory of a running node, and the one, perhaps the same, for what outlives the machine's.
///
/// | file | where | what |
/// |---|---|---|
/// | `node.lock` | directory | held while the node runs |
/// | `node.socket` | directory | where programs attach; there only while the node serves |
/// | `node.json` | state | the node's number and how often it has been started |
/// | `node.log` | state | the log; `.1` to `.3` are older |
/// | `servers.json` | state | the servers to start; written by the administrator |
/// | `network.json`, `node.key`, `nodes.roster` | state | who the node is for others, its key, and who they are |
struct NodeFiles: ~Copyable {
    let directory: String
    let state: String
    private let locks: [Lock]

    /// What a node remembers.
    private struct Record: Codable {
        var number: UInt32
        var incarnation: UInt32
    }

    /// Makes the directories if they are not there, and takes them for this node alone.
    init(directory: String, state: String) throws(SupervisorError) {
        self.directory = directory
        self.state = state
        var locks: [Lock] = []
        for path in state == directory ? [directory] : [directory, state] {
            try Self.prepare(path)
            locks.append(Lock(try Self.take(path)))
        }
        self.locks = locks
    }

    /// Held as long as it lives.
    private final class Lock {
        private let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    private static func take(_ directory: String) throws(SupervisorError) -> Descriptor {
        let path = directory + "/node.lock"
        do throws(Errno) {
            let lock = try File.open(path, [.readWrite, .create, .noFollow], mode: 0o600)
            if try File.tryLock(lock.raw) { return lock }
        } catch {
            throw .file(path: path, error)
        }
        throw .busy(directory: directory)
    }

    private static func prepare(_ directory: String) throws(SupervisorError) {
        let status: FileStatus
        do throws(Errno) {
            try Directory.makeAll(directory, mode: 0o755)
            status = try File.status(directory, followingLinks: false)
        } catch {
            throw .file(path: directory, error)
        }
        guard status.kind == .directory else { throw .unreadable(path: directory, why: "not a directory") }
        guard status.uid == CurrentProcess.uid else { throw .foreign(path: directory, uid: status.uid) }
        // Others may come in to attach, and nothing more.
        guard status.mode != 0o755 else { return }
        do throws(Errno) { try File.changeMode(directory, to: 0o755) } catch { throw .file(path: directory, error) }
    }

    // MARK: the node's number and lives

    /// One more life, of the node with this number, or the one it had; 1 for a new one. Remembered before it begins, so that no port of
    /// it can ever be taken for one of another life.
    borrowing func begin(number: UInt32?) throws(SupervisorError) -> NodeID {
        let path = state + "/node.json"
        var record = Record(number: number ?? 1, incarnation: 0)
        if let bytes = try Self.contents(path) {
            do {
                record = try JSONDecoder().decode(Record.self, from: Data(bytes))
            } catch {
                throw .unreadable(path: path, why: "not the number and incarnation of a node: \(error)")
            }
            if let number { record.number = number }
        }
        guard record.incarnation < .max else { throw .unreadable(path: path, why: "this node has lived too often: give it a new number") }
        record.incarnation += 1
        try write(record, to: path)
        return NodeID(number: record.number, incarnation: record.incarnation)
    }

    private borrowing func write(_ record: Record, to path: String) throws(SupervisorError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let bytes: [UInt8]
        do { bytes = [UInt8](try encoder.encode(record)) + [10] } catch { throw .unreadable(path: path, why: "\(error)") }
        do throws(Errno) {
            let new = try File.open(path + ".new", [.write, .create, .truncate, .noFollow], mode: 0o600)
            try new.writeAll(bytes)
            try File.synchronize(new.raw)
            try File.rename(path + ".new", to: path)
        } catch {
            throw .file(path: path, error)
        }
    }

    /// Nil if there is no such file.
    private static func contents(_ path: String) throws(SupervisorError) -> [UInt8]? {
        do throws(Errno) { return try File.contentsIfThere(path, max: 1 << 20) } catch { throw .file(path: path, error) }
    }

    // MARK: the socket

    private var socketPath: String { directory + "/" + NodeDirectory.socketName }

    /// A listening socket that nobody can find yet. Every user may attach: whom the node serves is decided by port rights.
    borrowing func makeSocket() throws(SupervisorError) -> Descriptor {
        let path = socketPath + ".new"
        do throws(Errno) {
            try Self.unlinkIfThere(path)
            return try MessageSocket.listen(path: path, mode: 0o666)
        } catch {
            throw .file(path: path, error)
        }
    }

    /// The node serves: whoever looks for its socket finds it, in the place of one of an earlier life.
    borrowing func publishSocket() throws(SupervisorError) {
        do throws(Errno) { try File.rename(socketPath + ".new", to: socketPath) } catch { throw .file(path: socketPath, error) }
    }

    /// The node serves no longer.
    borrowing func removeSocket() throws(SupervisorError) {
        do throws(Errno) {
            try Self.unlinkIfThere(socketPath)
            try Self.unlinkIfThere(socketPath + ".new")
        } catch {
            throw .file(path: socketPath, error)
        }
    }

    private static func unlinkIfThere(_ path: String) throws(Errno) {
        do { try File.unlink(path) } catch { if error != .noSuchFileOrDirectory { throw error } }
    }

    // MARK: other nodes

    /// Who the node is for others; nil if it has not been made to speak with any.
    borrowing func network() throws(SupervisorError) -> NodeNetworkFile? {
        try NodeNetworkFile.read(in: state)
    }

    /// The node's key. Nobody but its owner may be able to read it.
    borrowing func openKey() throws(SupervisorError) -> Descriptor {
        let path = state + "/" + NodeNetworkFile.keyFileName
        do throws(Errno) {
            let key = try File.open(path, [.read, .noFollow])
            // Of the file that is open, whatever the path leads to by now.
            if try File.status(of: key.raw).mode & 0o077 == 0 { return key }
        } catch {
            throw .file(path: path, error)
        }
        throw .unreadable(path: path, why: "others than its owner can read it: chmod 600, or make a new key")
    }

    // MARK: the servers

    private struct Servers: Decodable {
        var servers: [ServerSpecification]
    }

    /// The servers that the administrator wants; none if there is no file.
    borrowing func servers() throws(SupervisorError) -> [ServerSpecification] {
        let path = state + "/servers.json"
        guard let bytes = try Self.contents(path) else { return [] }
        let status: FileStatus
        do throws(Errno) { status = try File.status(path) } catch { throw .file(path: path, error) }
        // What is in it is run, as any user.
        guard status.uid == CurrentProcess.uid || status.uid == 0, status.mode & 0o022 == 0 else {
            throw .unreadable(
                path: path, why: "somebody else than user \(CurrentProcess.uid) can write it (mode \(String(status.mode, radix: 8)))")
        }
        do {
            return try JSONDecoder().decode(Servers.self, from: Data(bytes)).servers
        } catch {
            throw .unreadable(path: path, why: "not a list of servers: \(error)")
        }
    }
}
