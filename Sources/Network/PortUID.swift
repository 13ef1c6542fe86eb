public import MasixKernel
public import MasixWire

/// The identity of a port among all nodes, for its whole life: the node on which it was born, the life of that node, and its number there.
///
/// It is the one that its own kernel gave it at birth and never gives again, so it is the same for every node that is told of the port,
/// after a reconnection, and after a new start of either network server. To know it is worth nothing: whoever names a port has to be in the
/// holder set of it (spec/network.md 1(a)).
public struct PortUID: Hashable, Comparable, Sendable, BitwiseCopyable, WireCodable, CustomStringConvertible {
    /// Number and incarnation of the node.
    public let birth: NodeID
    public let counter: UInt64

    public init(birth: NodeID, counter: UInt64) {
        self.birth = birth
        self.counter = counter
    }

    /// Of a port of this node.
    public init(_ port: PortID) { self.init(birth: port.node, counter: port.counter) }

    /// What the port is called on the node on which it was born.
    public var port: PortID { PortID(node: birth, counter: counter) }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(counter)
        hasher.combine(birth.number)
    }

    public static func < (left: Self, right: Self) -> Bool { (left.birth, left.counter) < (right.birth, right.counter) }

    /// 16 bytes.
    public func encode(into writer: inout WireWriter) {
        writer.write(birth)
        writer.write(counter)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        birth = try reader.read()
        counter = try reader.read()
    }

    /// As `masix ports` writes ports: `2.1:17` is the seventeenth of node 2 in its first life.
    public var description: String { "\(birth):\(counter)" }
}
