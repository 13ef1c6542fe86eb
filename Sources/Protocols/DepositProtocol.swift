public import Masix
public import MasixWire

// What a name server says to whoever keeps its names for the case of its death: the supervisor, on the keeper port whose send right is
// the name server's second initial right (the first is the receive right of the bootstrap port). Integers little-endian.
//
//   message   code 0x7065_656B  payload  tag UInt8, then the fields of the case in their order
//                               rights   [0] a copy of the send right, for `deposit`
//   answer    code 0x7065_656B  payload  a `DepositedNames`      (to `collect`, which is a call)
//                               rights   by position: the rights of the names

/// What a keeper is told and asked.
public enum DepositRequest: Hashable, Sendable, WireCodable {
    public static let code: UInt32 = 0x7065_656B

    /// 1: this name is registered from now on.
    case deposit(NameRecord)
    /// 2: this name is free from now on.
    case withdraw(String)
    /// 3: what is kept, from the name after this one on; "" for the first.
    case collect(after: String)
    /// 4: the name server has collected, and serves.
    case ready

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .deposit(let record):
            writer.write(UInt8(1))
            writer.write(record)
        case .withdraw(let name):
            writer.write(UInt8(2))
            writer.write(name)
        case .collect(let name):
            writer.write(UInt8(3))
            writer.write(name)
        case .ready: writer.write(UInt8(4))
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .deposit(try reader.read())
        case 2: self = .withdraw(try reader.readText(limit: NameRequest.nameBytesMax, field: "name"))
        case 3: self = .collect(after: try reader.readText(limit: NameRequest.nameBytesMax, field: "name"))
        case 4: self = .ready
        case let tag: throw .unknownCase(of: "DepositRequest", tag: UInt64(tag))
        }
    }
}

/// Some of the names that are kept, in order; their rights are in the message at the same positions.
public struct DepositedNames: Hashable, Sendable, WireCodable {
    public static let namesMax = 64

    public let names: [NameRecord]
    public let more: Bool

    public init(names: [NameRecord], more: Bool) {
        self.names = names
        self.more = more
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(list: names)
        writer.write(more)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        names = try reader.readList(limit: Self.namesMax, field: "names")
        more = try reader.readBool()
    }
}
