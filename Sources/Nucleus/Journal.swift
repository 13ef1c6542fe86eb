import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import Synchronization
import SystemPackage

/// What the kernel was told since some state of it, in memory that outlives this process.
///
/// ```
/// 0x00 magic, version u64 each    0x10 tail u64: bytes in use
/// 0x18 what is under way: task u64, number u64
/// 0x28 what was under way at the last crash: task u64, number u64; 0x38 how often in a row u64
/// 0x1000 length u32, state; then length u32, record; and so on up to the tail
/// ```
/// A store into shared memory is all that surviving a kill -9 takes; the tail moves once the record is complete.
final class Journal {
    /// What the nucleus was doing: a request of a task, or, with task 0, anything else.
    struct UnderWay: Equatable {
        let task: UInt64
        let number: UInt64
        static let nothing = UnderWay(task: 0, number: 0)
    }

    enum Failure: Error, Equatable {
        case system(Errno)
        case notAJournal
        case damaged
    }

    private static let magic: UInt64 = 0x004C_4E52_4A58_534D
    private static let version: UInt64 = 1
    private static let headerBytes = 0x1000
    private static let growBytes = 1 << 20

    let file: MemoryFile
    private var mapping: Mapping
    private(set) var tail: Int
    /// Bytes of the state at the beginning.
    private(set) var stateBytes: Int

    /// A new journal that begins in this state.
    init(state: [UInt8], features: Features) throws(Errno) {
        let size = Self.headerBytes + 4 + state.count + Self.growBytes
        file = try MemoryFile.create(name: "masix-journal", size: size, features: features)
        mapping = try Mapping(of: file.raw, length: size, access: .readWrite)
        tail = Self.headerBytes
        stateBytes = state.count
        try append(state)
        store(Self.magic, at: 0)
        store(Self.version, at: 8)
    }

    /// The journal of an earlier life.
    init(adopting file: consuming MemoryFile) throws(Failure) {
        do {
            mapping = try Mapping(of: file.raw, length: try file.size(), access: .readWrite)
        } catch {
            throw .system(error)
        }
        self.file = file
        tail = 0
        stateBytes = 0
        guard mapping.count >= Self.headerBytes, load(at: 0) == Self.magic, load(at: 8) == Self.version else { throw .notAJournal }
        guard let tail = Int(exactly: load(at: 0x10)), tail >= Self.headerBytes, tail <= mapping.count else { throw .damaged }
        self.tail = tail
    }

    /// The state that it begins in, and the records since.
    func contents() throws(Failure) -> (state: [UInt8], records: [[UInt8]]) {
        var parts: [[UInt8]] = []
        var offset = Self.headerBytes
        while offset < tail {
            guard tail - offset >= 4 else { throw .damaged }
            // Inside the mapping: below the tail, which was checked.
            let length = Int(unsafe mapping.buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            guard tail - offset - 4 >= length else { throw .damaged }
            parts.append(unsafe [UInt8](mapping.buffer[(offset + 4)..<(offset + 4 + length)]))
            offset += 4 + length
        }
        guard let state = parts.first else { throw .damaged }
        stateBytes = state.count
        return (state, Array(parts.dropFirst()))
    }

    /// A record, complete before it counts.
    func append(_ record: [UInt8]) throws(Errno) {
        let end = tail + 4 + record.count
        if end > mapping.count { try grow(to: end + Self.growBytes) }
        // Room has been made; nobody else writes here.
        unsafe mapping.buffer.storeBytes(of: UInt32(record.count), toByteOffset: tail, as: UInt32.self)
        unsafe UnsafeMutableRawBufferPointer(rebasing: mapping.buffer[(tail + 4)..<end]).copyBytes(from: record)
        tail = end
        atomicMemoryFence(ordering: .releasing)
        store(UInt64(end), at: 0x10)
    }

    private func grow(to size: Int) throws(Errno) {
        try file.truncate(to: size)
        mapping = try Mapping(of: file.raw, length: size, access: .readWrite)
    }

    // MARK: what is under way

    var underWay: UnderWay {
        get { UnderWay(task: load(at: 0x18), number: load(at: 0x20)) }
        set {
            store(newValue.number, at: 0x20)
            store(newValue.task, at: 0x18)
        }
    }

    /// Counts the crash that ended the life before this one; answers how often the same thing has been under way at a crash.
    func countCrash() -> UInt64 {
        let culprit = underWay
        guard culprit != .nothing else {
            store(0, at: 0x38)
            return 0
        }
        let isSame = UnderWay(task: load(at: 0x28), number: load(at: 0x30)) == culprit
        let count = isSame ? load(at: 0x38) + 1 : 1
        store(culprit.task, at: 0x28)
        store(culprit.number, at: 0x30)
        store(count, at: 0x38)
        return count
    }

    private func load(at offset: Int) -> UInt64 {
        // The header is inside every mapping of a journal.
        unsafe mapping.buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    private func store(_ value: UInt64, at offset: Int) {
        // The header is inside every mapping of a journal; offsets are multiples of 8.
        unsafe mapping.buffer.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
    }
}

/// Where a journal begins: the kernel, and the little that the shell cannot learn from it.
struct NodeState: WireCodable {
    let kernel: Kernel
    let lastObject: UInt64
    let lastStranger: UInt64
    /// Of tasks whose programs have not said hello yet.
    let welcomes: [Welcome]

    init(kernel: Kernel, lastObject: UInt64, lastStranger: UInt64, welcomes: [Welcome]) {
        self.kernel = kernel
        self.lastObject = lastObject
        self.lastStranger = lastStranger
        self.welcomes = welcomes
    }

    func encode(into writer: inout WireWriter) {
        writer.write(kernel)
        writer.write(lastObject)
        writer.write(lastStranger)
        writer.write(list: welcomes)
    }

    init(from reader: inout WireReader) throws(WireError) {
        kernel = try reader.read()
        lastObject = try reader.read()
        lastStranger = try reader.read()
        welcomes = try reader.readList(limit: 1 << 20, field: "welcomes")
    }
}
