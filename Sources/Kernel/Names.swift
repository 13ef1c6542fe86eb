public import MasixWire

// The identities that the kernel gives out. None is ever reused within a node incarnation, so an old one can only miss,
// never hit something newer. None is a capability: what a task may do depends on what the tables say that it holds.

/// A task of this node.
public struct TaskID: Hashable, Comparable, Sendable, BitwiseCopyable, WireCodable, CustomStringConvertible {
    public let raw: UInt64

    /// The kernel itself, as the sender of notifications.
    public static let kernel = TaskID(raw: 0)

    /// Bits of the number that a node gives its own tasks, more than it has in one life; above them stands the number of another node.
    static let localBits: UInt64 = 32

    /// A task of another node, as its messages name it here. Nil for node 0, and for what is no task of its own node.
    public init?(node: UInt32, task: TaskID) {
        guard node > 0, task.node == 0 else { return nil }
        raw = UInt64(node) << Self.localBits | task.raw
    }

    /// The number by which its own node knows the task.
    public var onItsNode: TaskID { TaskID(raw: raw & (1 << Self.localBits - 1)) }

    /// The number of the node that this is a task of; 0 for this node.
    public var node: UInt32 { UInt32(raw >> Self.localBits) }

    @inlinable public init(raw: UInt64) { self.raw = raw }
    public static func < (left: Self, right: Self) -> Bool { left.raw < right.raw }
    public func encode(into writer: inout WireWriter) { writer.write(raw) }
    public init(from reader: inout WireReader) throws(WireError) { raw = try reader.read() }
    public var description: String { raw == 0 ? "kernel" : node == 0 ? "task \(raw)" : "\(onItsNode) of node \(node)" }
}

/// A node in one of its lives.
public struct NodeID: Hashable, Comparable, Sendable, BitwiseCopyable, WireCodable, CustomStringConvertible {
    /// The number that the administrator gave the node.
    public let number: UInt32
    /// How often the node has been started; a port of an earlier life is dead for ever.
    public let incarnation: UInt32

    @inlinable
    public init(number: UInt32, incarnation: UInt32) {
        self.number = number
        self.incarnation = incarnation
    }

    public static func < (left: Self, right: Self) -> Bool { (left.number, left.incarnation) < (right.number, right.incarnation) }

    public func encode(into writer: inout WireWriter) {
        writer.write(number)
        writer.write(incarnation)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        number = try reader.read()
        incarnation = try reader.read()
    }

    public var description: String { "\(number).\(incarnation)" }
}

/// A port, for its whole life and from every node: the node and life it was born in, and a counter.
public struct PortID: Hashable, Comparable, Sendable, BitwiseCopyable, WireCodable, CustomStringConvertible {
    public let node: NodeID
    public let counter: UInt64

    @inlinable
    public init(node: NodeID, counter: UInt64) {
        self.node = node
        self.counter = counter
    }

    /// The counter says enough: in the tables of one node nearly all ports are of that node.
    public func hash(into hasher: inout Hasher) { hasher.combine(counter) }

    public static func < (left: Self, right: Self) -> Bool { (left.node, left.counter) < (right.node, right.counter) }

    public func encode(into writer: inout WireWriter) {
        writer.write(node)
        writer.write(counter)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        node = try reader.read()
        counter = try reader.read()
    }

    public var description: String { "port \(node):\(counter)" }
}

/// One send-once right. Each is its own capability: two of them for one port are two identities (spec/mach.md N2).
public struct SendOnceID: Hashable, Comparable, Sendable, BitwiseCopyable, WireCodable, CustomStringConvertible {
    public let raw: UInt64
    @inlinable public init(raw: UInt64) { self.raw = raw }
    public static func < (left: Self, right: Self) -> Bool { left.raw < right.raw }
    public func encode(into writer: inout WireWriter) { writer.write(raw) }
    public init(from reader: inout WireReader) throws(WireError) { raw = try reader.read() }
    public var description: String { "send-once \(raw)" }
}

/// A message that has passed the kernel.
public struct MessageID: Hashable, Comparable, Sendable, BitwiseCopyable, WireCodable {
    public let raw: UInt64
    @inlinable public init(raw: UInt64) { self.raw = raw }
    public static func < (left: Self, right: Self) -> Bool { left.raw < right.raw }
    public func encode(into writer: inout WireWriter) { writer.write(raw) }
    public init(from reader: inout WireReader) throws(WireError) { raw = try reader.read() }
}

/// A blocked send: what its task names to learn of it or to take it back.
public struct Ticket: Hashable, Comparable, Sendable, BitwiseCopyable, WireCodable {
    public let raw: UInt64
    @inlinable public init(raw: UInt64) { self.raw = raw }
    public static func < (left: Self, right: Self) -> Bool { left.raw < right.raw }
    public func encode(into writer: inout WireWriter) { writer.write(raw) }
    public init(from reader: inout WireReader) throws(WireError) { raw = try reader.read() }
}

/// Shared memory between two tasks.
public struct LinkID: Hashable, Comparable, Sendable, BitwiseCopyable, WireCodable, CustomStringConvertible {
    public let raw: UInt64
    @inlinable public init(raw: UInt64) { self.raw = raw }
    public static func < (left: Self, right: Self) -> Bool { left.raw < right.raw }
    public func encode(into writer: inout WireWriter) { writer.write(raw) }
    public init(from reader: inout WireReader) throws(WireError) { raw = try reader.read() }
    public var description: String { "link \(raw)" }
}

/// One lease on a link, for one sending task and one port.
public struct LeaseID: Hashable, Comparable, Sendable, BitwiseCopyable, WireCodable, CustomStringConvertible {
    public let raw: UInt64
    @inlinable public init(raw: UInt64) { self.raw = raw }
    public static func < (left: Self, right: Self) -> Bool { left.raw < right.raw }
    public func encode(into writer: inout WireWriter) { writer.write(raw) }
    public init(from reader: inout WireReader) throws(WireError) { raw = try reader.read() }
    public var description: String { "lease \(raw)" }

    /// What the two lease words carry, so that a word of an earlier lease at the same place never matches.
    /// 23 bits, never 0: eight million leases pass before a value returns.
    public var epoch: UInt32 { UInt32(raw % 0x7F_FFFF) + 1 }
}
