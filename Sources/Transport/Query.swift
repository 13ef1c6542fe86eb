public import MasixKernel
public import MasixWire

/// What people ask of a node. Numbered 0, not journaled, never changes what tasks see of each other.
public enum Query: Hashable, Sendable, WireCodable {
    /// Closes the open leases of a port, or of all.
    case revoke(PortID?)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .revoke(let port):
            writer.write(UInt8(1))
            writer.write(optional: port)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .revoke(try reader.readOptional())
        case let tag: throw .unknownCase(of: "Query", tag: UInt64(tag))
        }
    }
}

public enum Answer: Hashable, Sendable, WireCodable {
    case done
    case notPermitted

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .done: writer.write(UInt8(1))
        case .notPermitted: writer.write(UInt8(2))
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .done
        case 2: self = .notPermitted
        case let tag: throw .unknownCase(of: "Answer", tag: UInt64(tag))
        }
    }
}
