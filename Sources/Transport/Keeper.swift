public import MasixLinux
public import MasixWire
import Synchronization
public import SystemPackage

// What a nucleus needs to go on after a kill -9 is held by the supervisor: duplicates of its descriptors, each under a key
// (architecture rule 19, Documentation/Decisions/0004). One message socket per life of the nucleus:
//
//   keeper -> nucleus   kept(key) + descriptor, as often as there is something; then end
//   nucleus -> keeper   keep(key) + descriptor | forget(key)
//
// What the nucleus has sent is safe once it lies in the socket: the keeper reads it to its end before it starts another nucleus.

/// What a kept descriptor is.
public struct KeptKey: Hashable, Sendable, WireCodable {
    public enum Kind: UInt8, Hashable, Sendable {
        case listener = 1
        /// A connection that has not said hello.
        case stranger
        /// The same, and it will be the first task.
        case firstStranger
        case taskSocket
        case taskProcess
        case taskControl
        case taskStatus
        case taskBell
        case linkFirst
        case linkSecond
        /// Home-queue memory.
        case segment
        /// A memory object inside a message.
        case object
        case journal
    }

    public let kind: Kind
    /// Of the task, link, segment, object or stranger; 0 for what there is one of.
    public let id: UInt64

    public init(_ kind: Kind, _ id: UInt64 = 0) {
        self.kind = kind
        self.id = id
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(kind.rawValue)
        writer.write(id)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let tag = try reader.read(UInt8.self)
        guard let kind = Kind(rawValue: tag) else { throw .unknownCase(of: "KeptKey", tag: UInt64(tag)) }
        self.kind = kind
        id = try reader.read()
    }
}

/// One datagram of the keeper's socket.
public enum KeeperMessage: Hashable, Sendable, WireCodable {
    /// Beside it comes the descriptor. Replaces what was kept under this key.
    case keep(KeptKey)
    case forget(KeptKey)
    /// Keeper to nucleus: that was all.
    case end

    public static let bytesMax = 64

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .keep(let key):
            writer.write(UInt8(1))
            writer.write(key)
        case .forget(let key):
            writer.write(UInt8(2))
            writer.write(key)
        case .end: writer.write(UInt8(3))
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .keep(try reader.read())
        case 2: self = .forget(try reader.read())
        case 3: self = .end
        case let tag: throw .unknownCase(of: "KeeperMessage", tag: UInt64(tag))
        }
    }
}

/// Why the keeper's socket cannot be used any more.
public enum KeeperError: Error, Equatable, Sendable {
    case system(Errno)
    /// The other side sent something that is no message of this socket.
    case malformed
    /// The other side is gone.
    case ended
}

/// What the supervisor holds for its nucleus. Any thread may use it.
///
/// `serve` on a thread of its own, for as long as a nucleus lives; then, with a fresh socket, `replay` and `serve` for the next one.
public final class KeptDescriptors: Sendable {
    private final class Held: Sendable {
        let descriptor: Descriptor
        init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }

    private let kept = Mutex<[KeptKey: Held]>([:])

    public init() {}

    public var count: Int { kept.withLock { $0.count } }
    public var keys: Set<KeptKey> { kept.withLock { Set($0.keys) } }

    /// A duplicate of what is kept under this key; nil if nothing is.
    public func descriptor(_ key: KeptKey) throws(Errno) -> Descriptor? {
        guard let held = kept.withLock({ $0[key] }) else { return nil }
        return try held.descriptor.duplicate()
    }

    /// Everything that is kept, then the end marker, to a new nucleus. Waits while its socket is full, so it must be running.
    public func replay(to socket: Int32) throws(Errno) {
        for (key, held) in kept.withLock({ $0 }) {
            try MessageSocket.send(on: socket, KeeperMessage.keep(key).wireBytes, descriptors: [held.descriptor.raw], wait: true)
        }
        try MessageSocket.send(on: socket, KeeperMessage.end.wireBytes, wait: true)
    }

    /// Does what the nucleus says until it is gone. Returns at the end of its socket.
    public func serve(_ socket: Int32) throws(KeeperError) {
        while try handle(socket, wait: true) {}
    }

    /// One message; false at the end, and, without waiting, when nothing is there.
    @discardableResult
    public func handle(_ socket: Int32, wait: Bool) throws(KeeperError) -> Bool {
        guard var received = try KeeperSocket.receive(socket, wait: wait) else { return false }
        switch received.message {
        case .keep(let key):
            guard let descriptor = received.descriptors.take(0) else { throw .malformed }
            let held = Held(descriptor)
            kept.withLock { $0[key] = held }
        case .forget(let key): kept.withLock { $0[key] = nil }
        case .end: throw .malformed
        }
        return true
    }
}

/// Reading either side of the keeper's socket.
public enum KeeperSocket {
    public struct Message: ~Copyable, Sendable {
        public let message: KeeperMessage
        public var descriptors: DescriptorBundle
    }

    /// Nil at the end, and, without waiting, when nothing is there.
    public static func receive(_ socket: Int32, wait: Bool) throws(KeeperError) -> Message? {
        var bytes = [UInt8](repeating: 0, count: KeeperMessage.bytesMax)
        do {
            let received = try KeeperSocket.read(socket, &bytes, wait: wait)
            guard !received.isEnd else { return nil }
            guard !received.isTruncated, !received.isControlTruncated else { throw KeeperError.malformed }
            let message = try KeeperMessage(wireBytes: Array(bytes[..<received.byteCount]))
            return Message(message: message, descriptors: received.descriptors)
        } catch let error as Errno {
            if error == .wouldBlock || error == .resourceTemporarilyUnavailable { return nil }
            throw .system(error)
        } catch {
            throw .malformed
        }
    }

    private static func read(_ socket: Int32, _ bytes: inout [UInt8], wait: Bool) throws(Errno) -> Received {
        var span = bytes.mutableSpan
        // The array's own storage, over the call.
        return try unsafe span.withUnsafeMutableBytes { buffer throws(Errno) in
            try unsafe MessageSocket.receive(on: socket, into: buffer, wait: wait)
        }
    }
}
