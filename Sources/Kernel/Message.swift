public import MasixWire

/// How the inline bytes of a message are laid out (Documentation/Decisions/0016): for its two partners, the kernel only passes it on.
public enum BodyFormat: UInt8, Hashable, Sendable, CaseIterable, WireCodable {
    /// Bytes and nothing else; rights and memory stand beside them.
    case plain = 0
    /// A table of descriptors, which say where each right and memory object belongs, and bytes behind it (spec/mach.md 4).
    case complex = 1
    /// Runs of typed data, each behind the word that says of what type it is (spec/mach.md 4).
    case typed = 2
    /// The same, said to hold rights or memory.
    case typedComplex = 3
    /// Bytes from a machine of the other byte order: what in them is a number, only the program knows.
    case foreignPlain = 4
    /// Descriptors as this machine has them, and behind them bytes from one of the other byte order.
    case foreignComplex = 5

    /// Whether there are bytes in it of the other byte order.
    public var isForeign: Bool { self == .foreignPlain || self == .foreignComplex }

    /// The same bytes, seen from a machine of the other byte order; what is typed is turned by whoever brings it there.
    public var turned: BodyFormat {
        switch self {
        case .plain: .foreignPlain
        case .foreignPlain: .plain
        case .complex: .foreignComplex
        case .foreignComplex: .complex
        case .typed, .typedComplex: self
        }
    }

    public func encode(into writer: inout WireWriter) { writer.write(rawValue) }

    public init(from reader: inout WireReader) throws(WireError) {
        let tag = try reader.read(UInt8.self)
        guard let format = BodyFormat(rawValue: tag) else { throw .unknownCase(of: "BodyFormat", tag: UInt64(tag)) }
        self = format
    }
}

/// The inline bytes of a message. The kernel never looks into them: it passes on where they lie and counts them.
public struct Payload: Hashable, Sendable, WireCodable {
    /// The place, given by the shell; 0 for no bytes at all.
    public let place: UInt64
    /// Bytes, at most `Limits.inlineBytesMax`.
    public let length: UInt32
    public let format: BodyFormat

    public static let empty = Payload(place: 0, length: 0)

    public init(place: UInt64, length: UInt32, format: BodyFormat = .plain) {
        self.place = place
        self.length = length
        self.format = format
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(place)
        writer.write(length)
        writer.write(format)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        place = try reader.read()
        length = try reader.read()
        format = try reader.read()
    }
}

/// A sealed memory object on its way; the shell knows its descriptor.
public struct MemoryToken: Hashable, Sendable, WireCodable {
    public let place: UInt64
    /// Bytes of content.
    public let length: UInt64

    public init(place: UInt64, length: UInt64) {
        self.place = place
        self.length = length
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(place)
        writer.write(length)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        place = try reader.read()
        length = try reader.read()
    }
}

/// What the kernel tells a task through a port (spec/mach.md 1.5). The numbers are Mach's message ids.
public enum Notification: Hashable, Sendable, WireCodable {
    /// 65: a name with a dead-name request was freed while its port lives. `name`: as the request gave it.
    case portDeleted(PortID, name: UInt32)
    /// 66: the port of this name, which was full, has room.
    case sendPossible(PortID, name: UInt32)
    /// 69: the receive right was destroyed and comes here instead of dying.
    case portDestroyed
    /// 70: no send right is left; the make-send count at that moment.
    case noSenders(makeSendCount: UInt32)
    /// 71: a send-once right was destroyed without having been used.
    case sendOnce
    /// 72: the port of this name has died.
    case deadName(PortID, name: UInt32)

    /// Bytes behind its header in XNU's form, the larger one: for a receiver who wants to keep what is too large for him (V4).
    public var size: Int {
        switch self {
        case .sendOnce: 0
        case .portDestroyed: Limits.bodyHeaderBytes + Limits.rightDescriptorBytes
        // A data representation record and a number.
        case .portDeleted, .sendPossible, .noSenders, .deadName: 12
        }
    }

    public var code: UInt32 {
        switch self {
        case .portDeleted: 65
        case .sendPossible: 66
        case .portDestroyed: 69
        case .noSenders: 70
        case .sendOnce: 71
        case .deadName: 72
        }
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(UInt8(code))
        switch self {
        case .portDeleted(let port, let name), .sendPossible(let port, let name), .deadName(let port, let name):
            writer.write(port)
            writer.write(name)
        case .noSenders(let count): writer.write(count)
        case .portDestroyed, .sendOnce: break
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 65: self = .portDeleted(try reader.read(), name: try reader.read())
        case 66: self = .sendPossible(try reader.read(), name: try reader.read())
        case 69: self = .portDestroyed
        case 70: self = .noSenders(makeSendCount: try reader.read())
        case 71: self = .sendOnce
        case 72: self = .deadName(try reader.read(), name: try reader.read())
        case let tag: throw .unknownCase(of: "Notification", tag: UInt64(tag))
        }
    }
}

/// A message inside the kernel: in a home queue, or waiting for room in one.
struct Message: Hashable, Sendable {
    let id: MessageID
    let sender: TaskID
    /// Whose message it is for its receiver, if not the sender's.
    var speaker: TaskID? = nil
    /// The port whose queue it is for. The right that it was sent with is part of the message until reception (V5).
    let port: PortID
    let via: Via
    let code: UInt32
    let reply: Right
    let rights: [Right]
    let payload: Payload
    let memory: [MemoryToken]
    let notification: Notification?

    enum Via: Hashable, Sendable {
        case send
        case sendOnce(SendOnceID)
    }

    /// Bytes behind the header of Mach's message that this is (spec/mach.md V4): with a descriptor for each right and memory object, unless
    /// the body has them in it.
    var size: Int {
        if let notification { return notification.size }
        let items = rights.count + memory.count
        guard payload.format == .plain || payload.format == .foreignPlain, items > 0 else { return Int(payload.length) }
        return Int(payload.length) + Limits.bodyHeaderBytes + rights.count * Limits.rightDescriptorBytes
            + memory.count * Limits.memoryDescriptorBytes
    }

    var carriesReceive: Bool { rights.contains(where: \.isReceive) || reply.isReceive }

    /// Every right in it but the one that it was sent with.
    var carried: [Right] { reply == .null ? rights : [reply] + rights }
}

/// A message as it leaves the kernel for its receiver.
public struct Delivered: Hashable, Sendable, WireCodable {
    public let sender: TaskID
    public let port: PortID
    public let code: UInt32
    public let reply: Arrived
    public let rights: [Arrived]
    public let payload: Payload
    public let memory: [MemoryToken]
    public let notification: Notification?
    /// It was sent with a send-once right (V5).
    public let isOnce: Bool

    public init(
        sender: TaskID, port: PortID, code: UInt32, reply: Arrived, rights: [Arrived], payload: Payload, memory: [MemoryToken],
        notification: Notification?, isOnce: Bool = false
    ) {
        self.isOnce = isOnce
        self.sender = sender
        self.port = port
        self.code = code
        self.reply = reply
        self.rights = rights
        self.payload = payload
        self.memory = memory
        self.notification = notification
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(sender)
        writer.write(port)
        writer.write(code)
        writer.write(reply)
        writer.write(list: rights)
        writer.write(payload)
        writer.write(list: memory)
        writer.write(optional: notification)
        writer.write(isOnce)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        sender = try reader.read()
        port = try reader.read()
        code = try reader.read()
        reply = try reader.read()
        // One more than a message carries: a send that is taken back returns its destination right too (S7).
        rights = try reader.readList(limit: Limits.rightsPerMessageMax + 1, field: "rights")
        payload = try reader.read()
        memory = try reader.readList(limit: Limits.memoryPerMessageMax, field: "memory")
        notification = try reader.readOptional()
        isOnce = try reader.readBool()
    }
}
