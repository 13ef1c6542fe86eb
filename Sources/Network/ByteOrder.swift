public import MasixWire

/// The order of the bytes of a number in memory, least or most significant first. Between nodes all but bodies is little-endian.
public enum ByteOrder: UInt8, Hashable, Sendable, CaseIterable, Codable, WireCodable {
    case little = 0
    case big = 1

    /// This machine's.
    public static var host: ByteOrder { UInt16(1).littleEndian == 1 ? .little : .big }

    public var other: ByteOrder { self == .little ? .big : .little }

    public func encode(into writer: inout WireWriter) { writer.write(rawValue) }

    public init(from reader: inout WireReader) throws(WireError) {
        let tag = try reader.read(UInt8.self)
        guard let order = ByteOrder(rawValue: tag) else { throw .unknownCase(of: "ByteOrder", tag: UInt64(tag)) }
        self = order
    }
}
