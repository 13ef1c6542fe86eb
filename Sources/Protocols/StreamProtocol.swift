public import MasixWire

// A byte stream by name between two programs: what `masix serve` and `masix connect` say. Integers little-endian, bytes and texts counted (32 bits).
//
//   call      to the name's port      code 0x6F72_7473  payload  StreamOpening
//                                                       rights   [0] a send right to the client's port
//   answer                            code 0x6F72_7473  payload  StreamOpened
//                                                       rights   [0] a send right to the session's data port, [1] to its control port
//   messages  to any of those ports   code 0x6174_6164  payload  StreamMessage
//
// Back-pressure is the queue limit of the port that the bytes are sent to. What must not wait behind bytes (signals) goes to the control
// port. Either side learns of the other's death by no-senders on its own port.

/// Codes and bounds of the stream protocol.
public enum StreamProtocol {
    public static let openingCode: UInt32 = 0x6F72_7473
    public static let dataCode: UInt32 = 0x6174_6164
    /// Bytes of one message: as many as fit beside the count.
    public static let pieceBytesMax = 65_000
    /// Messages that may be under way to one end; with pieces of this size, what is buffered is at most 1 MB.
    public static let queueLimit = 16
    public static let version: UInt8 = 1
    static let textMax = 1024
}

/// The client's first word. Layout: version u8.
public struct StreamOpening: Hashable, Sendable, WireCodable {
    public let version: UInt8

    public init(version: UInt8 = StreamProtocol.version) { self.version = version }

    public func encode(into writer: inout WireWriter) { writer.write(version) }
    public init(from reader: inout WireReader) throws(WireError) { version = try reader.read() }
}

/// The server's answer to it. Layout: tag u8, then the field.
public enum StreamOpened: Hashable, Sendable, WireCodable {
    /// 0: it will not, and says why.
    case refused(String)
    /// 1: a program has been started for this stream.
    case accepted(pid: Int32)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .refused(let why):
            writer.write(UInt8(0))
            writer.write(why)
        case .accepted(let pid):
            writer.write(UInt8(1))
            writer.write(pid)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .refused(try reader.readText(limit: StreamProtocol.textMax, field: "words"))
        case 1: self = .accepted(pid: try reader.read())
        case let tag: throw .unknownCase(of: "StreamOpened", tag: UInt64(tag))
        }
    }
}

/// What is said while the stream lasts. Layout: tag u8, then the field.
public enum StreamMessage: Hashable, Sendable, WireCodable {
    /// 1: the next bytes, at least one.
    case data([UInt8])
    /// 2: no bytes follow.
    case end
    /// 3: nobody reads what is sent this way any more; what is still sent is dropped.
    case closed
    /// 4, client to server: the program is to get this signal.
    case signal(UInt8)
    /// 5, server to client, the last word: the program has ended.
    case exited(code: UInt8)
    /// 6, server to client, the last word: a signal has ended it.
    case killed(signal: UInt8)
    /// 7, client to server: the client's window has this size now. Of no meaning where the program has no terminal.
    case resized(TerminalSize)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .data(let bytes):
            writer.write(UInt8(1))
            writer.write(counted: bytes)
        case .end: writer.write(UInt8(2))
        case .closed: writer.write(UInt8(3))
        case .signal(let number):
            writer.write(UInt8(4))
            writer.write(number)
        case .exited(let code):
            writer.write(UInt8(5))
            writer.write(code)
        case .killed(let signal):
            writer.write(UInt8(6))
            writer.write(signal)
        case .resized(let size):
            writer.write(UInt8(7))
            writer.write(size)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1:
            let bytes = try reader.readBytes(limit: StreamProtocol.pieceBytesMax, field: "data")
            guard !bytes.isEmpty else { throw .malformed(field: "data") }
            self = .data(bytes)
        case 2: self = .end
        case 3: self = .closed
        case 4:
            let number = try reader.read(UInt8.self)
            guard (1...64).contains(number) else { throw .malformed(field: "signal") }
            self = .signal(number)
        case 5: self = .exited(code: try reader.read())
        case 6: self = .killed(signal: try reader.read())
        case 7: self = .resized(try reader.read())
        case let tag: throw .unknownCase(of: "StreamMessage", tag: UInt64(tag))
        }
    }
}

/// How large a terminal is, in characters. Layout: columns u16, rows u16, each 1 or more.
public struct TerminalSize: Hashable, Sendable, WireCodable {
    public let columns: UInt16
    public let rows: UInt16

    /// What is out of bounds becomes the nearest that is not.
    public init(columns: Int, rows: Int) {
        self.columns = max(1, UInt16(clamping: columns))
        self.rows = max(1, UInt16(clamping: rows))
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(columns)
        writer.write(rows)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        columns = try reader.read()
        rows = try reader.read()
        guard columns > 0, rows > 0 else { throw .malformed(field: "terminal size") }
    }
}
