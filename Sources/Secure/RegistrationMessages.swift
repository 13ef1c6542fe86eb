import Crypto
public import MasixWire

/// REGISTER, on the socket of a server that was launched for it: what it wants to be called, and which interfaces it has.
public struct RegisterMessage: SecureMessage, Hashable, Sendable {
    public static let kind = SecureMessageKind.register
    public let server: ServerName
    /// In the order of their numbers, each once; at least one.
    public let interfaces: [Interface]

    public init(server: ServerName, interfaces: Set<Interface>) {
        self.server = server
        self.interfaces = interfaces.sorted { $0.rawValue < $1.rawValue }
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(server)
        writer.write(list: interfaces)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        server = try reader.read()
        interfaces = try reader.readList(limit: Interface.allCases.count, field: "interfaces")
        guard !interfaces.isEmpty, zip(interfaces, interfaces.dropFirst()).allSatisfy({ $0.rawValue < $1.rawValue }) else {
            throw .malformed(field: "interfaces")
        }
    }
}

/// REGISTERED, the answer: the instance and its key. It goes over the same socket and nowhere else.
public struct RegisteredMessage: SecureMessage, Sendable {
    public static let kind = SecureMessageKind.registered
    public let name: InstanceName
    public let boot: BootID
    public let key: InstanceKey

    public init(name: InstanceName, boot: BootID, key: InstanceKey) {
        self.name = name
        self.boot = boot
        self.key = key
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(name)
        writer.write(boot)
        writer.write(secret: key.root)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        name = try reader.read()
        boot = try reader.read()
        key = InstanceKey(root: try reader.readSecret())
    }
}

/// REVOKE: an instance has died, or may not be what it was any more. Sessions with it end within a second.
public struct RevokeMessage: SecureMessage, Hashable, Sendable {
    public static let kind = SecureMessageKind.revoke
    public let name: InstanceName
    public let boot: BootID

    public init(name: InstanceName, boot: BootID) {
        self.name = name
        self.boot = boot
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(name)
        writer.write(boot)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        name = try reader.read()
        boot = try reader.read()
    }
}

/// REFUSED: which question, and the one byte that everybody is told.
public struct RefusedMessage: SecureMessage, Hashable, Sendable {
    public static let kind = SecureMessageKind.refused
    public let request: RequestID

    public init(request: RequestID) { self.request = request }

    public func encode(into writer: inout WireWriter) {
        writer.write(request)
        writer.write(SecurityRefusal.outward)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        request = try reader.read()
        guard try reader.read(UInt8.self) == SecurityRefusal.outward else { throw .malformed(field: "refusal") }
    }
}
