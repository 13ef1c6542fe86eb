public import MasixWire

/// So many messages of the chief to a port have been received.
public struct Receipt: Hashable, Sendable, WireCodable {
    public static let listMax = 1_024

    /// Which messages: those that lay in the port's home queue, or all that were sent by one lease.
    public struct Place: Hashable, Comparable, Sendable, WireCodable {
        public let port: PortID
        /// A lease that has closed: as long as it is open, its sender sees for itself what has been received.
        public let lease: LeaseID?

        public init(_ port: PortID, lease: LeaseID? = nil) {
            self.port = port
            self.lease = lease
        }

        public static func < (left: Self, right: Self) -> Bool {
            (left.port, left.lease?.raw ?? 0) < (right.port, right.lease?.raw ?? 0)
        }

        public func encode(into writer: inout WireWriter) {
            writer.write(port)
            writer.write(optional: lease)
        }

        public init(from reader: inout WireReader) throws(WireError) {
            port = try reader.read()
            lease = try reader.readOptional()
        }
    }

    public let place: Place
    /// Of the home queue: since the chief asked last. Of a lease: in its whole life.
    public let count: UInt64

    public init(_ place: Place, _ count: UInt64) {
        self.place = place
        self.count = count
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(place)
        writer.write(count)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        place = try reader.read()
        count = try reader.read()
    }
}
