public import MasixWire

/// A right while it is inside a message, and so in nobody's name space.
public enum Right: Hashable, Sendable, WireCodable {
    case null
    case dead
    case send(PortID)
    case sendOnce(SendOnceID)
    case receive(PortID)

    var isReceive: Bool { if case .receive = self { true } else { false } }

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .null: writer.write(UInt8(0))
        case .dead: writer.write(UInt8(1))
        case .send(let port):
            writer.write(UInt8(2))
            writer.write(port)
        case .sendOnce(let right):
            writer.write(UInt8(3))
            writer.write(right)
        case .receive(let port):
            writer.write(UInt8(4))
            writer.write(port)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .null
        case 1: self = .dead
        case 2: self = .send(try reader.read())
        case 3: self = .sendOnce(try reader.read())
        case 4: self = .receive(try reader.read())
        case let tag: throw .unknownCase(of: "Right", tag: UInt64(tag))
        }
    }
}

/// What a task wants done with a right that it names in a message (spec/mach.md 1.3, D1).
///
/// User references live in the library: it says `moveSend` for its last one and `copySend` for any other.
public enum Transfer: Hashable, Sendable, WireCodable {
    case null
    case dead
    case moveReceive(PortID)
    case moveSend(PortID)
    case copySend(PortID)
    case makeSend(PortID)
    case makeSendOnce(PortID)
    case moveSendOnce(SendOnceID)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .null: writer.write(UInt8(0))
        case .dead: writer.write(UInt8(1))
        case .moveReceive(let port):
            writer.write(UInt8(16))
            writer.write(port)
        case .moveSend(let port):
            writer.write(UInt8(17))
            writer.write(port)
        case .moveSendOnce(let right):
            writer.write(UInt8(18))
            writer.write(right)
        case .copySend(let port):
            writer.write(UInt8(19))
            writer.write(port)
        case .makeSend(let port):
            writer.write(UInt8(20))
            writer.write(port)
        case .makeSendOnce(let port):
            writer.write(UInt8(21))
            writer.write(port)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .null
        case 1: self = .dead
        case 16: self = .moveReceive(try reader.read())
        case 17: self = .moveSend(try reader.read())
        case 18: self = .moveSendOnce(try reader.read())
        case 19: self = .copySend(try reader.read())
        case 20: self = .makeSend(try reader.read())
        case 21: self = .makeSendOnce(try reader.read())
        case let tag: throw .unknownCase(of: "Transfer", tag: UInt64(tag))
        }
    }
}

/// A right as it has come into a task's space.
public enum Arrived: Hashable, Sendable, WireCodable {
    case null
    case dead
    /// `index` is the entry in the task's control memory; a task has one entry per port, however often a right arrives (N2).
    case send(PortID, index: UInt32)
    case sendOnce(SendOnceID, PortID)
    case receive(PortID, index: UInt32)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .null: writer.write(UInt8(0))
        case .dead: writer.write(UInt8(1))
        case .send(let port, let index):
            writer.write(UInt8(2))
            writer.write(port)
            writer.write(index)
        case .sendOnce(let right, let port):
            writer.write(UInt8(3))
            writer.write(right)
            writer.write(port)
        case .receive(let port, let index):
            writer.write(UInt8(4))
            writer.write(port)
            writer.write(index)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .null
        case 1: self = .dead
        case 2: self = .send(try reader.read(), index: try reader.read())
        case 3: self = .sendOnce(try reader.read(), try reader.read())
        case 4: self = .receive(try reader.read(), index: try reader.read())
        case let tag: throw .unknownCase(of: "Arrived", tag: UInt64(tag))
        }
    }
}
