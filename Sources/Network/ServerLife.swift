public import MasixWire

/// One life of a node's network server: the life of its node, and when in it the server began.
///
/// A node counts its lives (`NodeID.incarnation`). Within one of them its network server may be started again, and has nothing from
/// before: that is a new life too, told from the old one by the machine's clock, which only rises while the node lives.
public struct ServerLife: Hashable, Comparable, Sendable, WireCodable {
    public let incarnation: UInt32
    /// Nanoseconds of the machine's monotonic clock.
    public let start: UInt64

    public init(incarnation: UInt32, start: UInt64) {
        self.incarnation = incarnation
        self.start = start
    }

    public static func < (left: Self, right: Self) -> Bool { (left.incarnation, left.start) < (right.incarnation, right.start) }

    public func encode(into writer: inout WireWriter) {
        writer.write(incarnation)
        writer.write(start)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        incarnation = try reader.read()
        start = try reader.read()
    }
}
