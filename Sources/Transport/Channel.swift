public import MasixKernel
public import MasixWire

// What travels on a kernel socket: one datagram each way per request, in lockstep. All integers little-endian.
//
//   task -> nucleus   Hello | Envelope(request) | Envelope(query)
//   nucleus -> task   Welcome | Envelope(response) | Envelope(answer)
//
// Inline bytes of a message follow its envelope; memory objects travel as descriptors beside it.

/// The first datagram of a program that connects to the node's socket.
public struct Hello: Equatable, Sendable, WireCodable {
    public static let magic: UInt32 = 0x4853_584D
    public static let version: UInt16 = 3

    public let version: UInt16

    public init(version: UInt16 = Self.version) { self.version = version }

    public func encode(into writer: inout WireWriter) {
        writer.write(Self.magic)
        writer.write(version)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        guard try reader.read(UInt32.self) == Self.magic else { throw .malformed(field: "hello") }
        version = try reader.read()
    }
}

/// The nucleus's answer. Four descriptors come with it: control memory, status page, the read end of the task's bell, and a write end
/// of it by which the task wakes itself.
public struct Welcome: Equatable, Sendable, WireCodable {
    /// The nucleus's version; if it is not ours, nothing else follows that we would understand.
    public let version: UInt16
    public let task: TaskID
    public let node: NodeID
    public let identity: TaskIdentity
    public let bootstrap: Arrived
    /// Rights that the task was started with.
    public let initial: [Arrived]

    public init(version: UInt16 = Hello.version, task: TaskID, node: NodeID, identity: TaskIdentity, bootstrap: Arrived, initial: [Arrived])
    {
        self.version = version
        self.task = task
        self.node = node
        self.identity = identity
        self.bootstrap = bootstrap
        self.initial = initial
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(Hello.magic)
        writer.write(version)
        writer.write(task)
        writer.write(node)
        writer.write(identity)
        writer.write(bootstrap)
        writer.write(list: initial)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        guard try reader.read(UInt32.self) == Hello.magic else { throw .malformed(field: "welcome") }
        version = try reader.read()
        task = try reader.read()
        node = try reader.read()
        identity = try reader.read()
        bootstrap = try reader.read()
        initial = try reader.readList(limit: Limits.rightsPerMessageMax, field: "initial rights")
    }
}

/// A numbered datagram and what follows it.
public struct Envelope<Content: WireCodable & Sendable>: Sendable {
    public let number: UInt64
    public let content: Content
    /// The inline bytes of a message.
    public let payload: [UInt8]

    public init(number: UInt64, content: Content, payload: [UInt8] = []) {
        self.number = number
        self.content = content
        self.payload = payload
    }

    /// Largest datagram of a kernel socket.
    public static var bytesMax: Int { Limits.inlineBytesMax + 65_536 }
}

extension Envelope: WireCodable {
    public func encode(into writer: inout WireWriter) {
        writer.write(number)
        writer.write(content)
        writer.write(counted: payload)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        number = try reader.read()
        content = try reader.read()
        payload = try reader.readBytes(limit: Limits.inlineBytesMax, field: "payload")
    }
}
