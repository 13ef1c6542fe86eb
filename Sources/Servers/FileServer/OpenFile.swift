import Masix
import MasixLinux
import MasixProtocols
import Synchronization
import SystemPackage

/// A file that stands behind a port. It is closed when nobody holds a send right to the port any more.
final class OpenFile: Sendable {
    let descriptor: Descriptor
    let isWritable: Bool
    /// Who opened it, and pays for it.
    let owner: TaskID

    init(_ descriptor: consuming Descriptor, isWritable: Bool, owner: TaskID) {
        self.descriptor = descriptor
        self.isWritable = isWritable
        self.owner = owner
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(Errno) {
        var written = 0
        while written < bytes.count {
            written += try File.write(descriptor.raw, written == 0 ? bytes : Array(bytes[written...]), at: offset + written)
        }
    }

    /// At most `count` bytes, fewer only at the end.
    func read(count: Int, at offset: Int) throws(Errno) -> [UInt8] {
        var bytes = try File.readBytes(descriptor.raw, count: count, at: offset)
        while !bytes.isEmpty && bytes.count < count {
            let more = try File.readBytes(descriptor.raw, count: count - bytes.count, at: offset + bytes.count)
            if more.isEmpty { break }
            bytes += more
        }
        return bytes
    }
}

/// Which ports stand for which files, and how many each task has open.
final class OpenFiles: Sendable {
    private struct State {
        var byPort: [PortID: OpenFile] = [:]
        var counts: [TaskID: Int] = [:]
    }

    private let state = Mutex(State())
    let perTaskMax: Int

    init(perTaskMax: Int) { self.perTaskMax = perTaskMax }

    var count: Int { state.withLock { $0.byPort.count } }

    func file(at port: PortID) -> OpenFile? { state.withLock { $0.byPort[port] } }

    /// Counts one more file of this task, if it may have one. Comes before the file is opened, so that the bound holds at every instant.
    func reserve(for owner: TaskID) -> Bool {
        state.withLock { state in
            guard state.counts[owner, default: 0] < perTaskMax else { return false }
            state.counts[owner, default: 0] += 1
            return true
        }
    }

    /// Counts as many more files of this task as it may have, `wanted` at most; returns how many.
    func reserve(upTo wanted: Int, for owner: TaskID) -> Int {
        state.withLock { state in
            let count = min(wanted, perTaskMax - state.counts[owner, default: 0])
            guard count > 0 else { return 0 }
            state.counts[owner, default: 0] += count
            return count
        }
    }

    /// What was reserved is not needed after all.
    func release(_ count: Int = 1, for owner: TaskID) { state.withLock { Self.release(owner, count, &$0) } }

    func insert(_ file: OpenFile, at port: PortID) { state.withLock { $0.byPort[port] = file } }

    func remove(_ port: PortID) {
        // The descriptor is closed outside the lock, with the last reference.
        let removed = state.withLock { state -> OpenFile? in
            guard let file = state.byPort.removeValue(forKey: port) else { return nil }
            Self.release(file.owner, 1, &state)
            return file
        }
        _ = removed
    }

    private static func release(_ owner: TaskID, _ released: Int, _ state: inout State) {
        guard let count = state.counts[owner] else { return }
        state.counts[owner] = count > released ? count - released : nil
    }
}
