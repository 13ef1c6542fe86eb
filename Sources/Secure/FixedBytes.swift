public import MasixWire

/// What bytes of a fixed number mean, so that one kind is never taken for another.
public protocol FixedBytesKind {
    static var count: Int { get }
}

/// Bytes of a fixed number and one meaning.
public struct FixedBytes<Kind: FixedBytesKind>: Hashable, Sendable, WireCodable {
    public let bytes: [UInt8]

    /// Nil for another number of bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Kind.count else { return nil }
        self.bytes = bytes
    }

    /// By chance.
    public init(random: inout some RandomNumberGenerator) { bytes = random.bytes(Kind.count) }

    public func encode(into writer: inout WireWriter) { writer.write(raw: bytes) }

    public init(from reader: inout WireReader) throws(WireError) { bytes = try reader.readRaw(count: Kind.count) }
}

public enum NonceKind: FixedBytesKind {
    public static var count: Int { 32 }
}

public enum TicketNumberKind: FixedBytesKind {
    public static var count: Int { 24 }
}

public enum RequestIDKind: FixedBytesKind {
    public static var count: Int { 16 }
}

public enum BootIDKind: FixedBytesKind {
    public static var count: Int { 16 }
}

public enum ClusterIDKind: FixedBytesKind {
    public static var count: Int { 16 }
}

public enum DigestKind: FixedBytesKind {
    public static var count: Int { 32 }
}

/// What a question is known by, so that its answer is fresh.
public typealias Nonce = FixedBytes<NonceKind>
/// What a ticket is known by, and the nonce under which it is sealed.
public typealias TicketNumber = FixedBytes<TicketNumberKind>
/// A request between network servers.
public typealias RequestID = FixedBytes<RequestIDKind>
/// The life of a node's Linux, as it is called by chance at each start.
public typealias BootID = FixedBytes<BootIDKind>
/// A cluster, by chance at its making.
public typealias ClusterID = FixedBytes<ClusterIDKind>
/// SHA-256.
public typealias Digest256 = FixedBytes<DigestKind>
