public import MasixWire

/// What a node is called in the cluster: 1 to 63 letters, digits, `.`, `-` and `_`.
public struct NodeName: Hashable, Sendable, WireCodable, CustomStringConvertible {
    public let description: String
    public static let bytesMax = 63

    /// Nil if this is no name of a node.
    public init?(_ text: some StringProtocol) {
        guard (1...Self.bytesMax).contains(text.utf8.count), text.utf8.allSatisfy(Self.isByte) else { return nil }
        description = String(text)
    }

    public func encode(into writer: inout WireWriter) { writer.write(description) }

    public init(from reader: inout WireReader) throws(WireError) {
        guard let name = NodeName(try reader.readText(limit: Self.bytesMax, field: "node")) else { throw .malformed(field: "node") }
        self = name
    }

    static func isByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

/// What a server is registered as: what a name server takes, 1 to 255 letters, digits and `. _ - / : @ +`.
public struct ServerName: Hashable, Sendable, WireCodable, CustomStringConvertible {
    public let description: String
    public static let bytesMax = 255

    /// Nil if this is no name of a server.
    public init?(_ text: some StringProtocol) {
        guard (1...Self.bytesMax).contains(text.utf8.count), text.utf8.allSatisfy(Self.isByte) else { return nil }
        description = String(text)
    }

    public func encode(into writer: inout WireWriter) { writer.write(description) }

    public init(from reader: inout WireReader) throws(WireError) {
        guard let name = ServerName(try reader.readText(limit: Self.bytesMax, field: "name")) else { throw .malformed(field: "name") }
        self = name
    }

    static func isByte(_ byte: UInt8) -> Bool {
        NodeName.isByte(byte) || [UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "+")].contains(byte)
    }
}

/// The two interfaces of a server. Clients get only the first, by whatever way they ask (spec/security.md 2.4).
public enum Interface: UInt8, CaseIterable, Hashable, Sendable, WireCodable, CustomStringConvertible {
    case client = 1
    /// Between servers: it demands a session besides possession of the port.
    case server = 2

    public var description: String { self == .client ? "client" : "server" }

    public func encode(into writer: inout WireWriter) { writer.write(rawValue) }

    public init(from reader: inout WireReader) throws(WireError) {
        let tag: UInt8 = try reader.read()
        guard let interface = Interface(rawValue: tag) else { throw .unknownCase(of: "Interface", tag: UInt64(tag)) }
        self = interface
    }
}

/// A registered server in its present life: `name@node#instance`. No instance is numbered as another in one life of its node's Linux, so a name
/// that is taken again after a crash is another instance.
public struct InstanceName: Hashable, Sendable, WireCodable, CustomStringConvertible {
    public let server: ServerName
    public let node: NodeName
    public let instance: UInt64

    public init(server: ServerName, node: NodeName, instance: UInt64) {
        self.server = server
        self.node = node
        self.instance = instance
    }

    public var description: String { "\(server)@\(node)#\(instance)" }

    public func encode(into writer: inout WireWriter) {
        writer.write(server)
        writer.write(node)
        writer.write(instance)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(server: try reader.read(), node: try reader.read(), instance: try reader.read())
    }
}

/// A task that is no server, as its own node's kernel attests it: it has no key, and never gets a server's interface.
public struct ClientIdentity: Hashable, Sendable, WireCodable, CustomStringConvertible {
    public let node: NodeName
    /// The task's number on its node.
    public let task: UInt64
    public let uid: UInt32

    public init(node: NodeName, task: UInt64, uid: UInt32) {
        self.node = node
        self.task = task
        self.uid = uid
    }

    public var description: String { "task \(task)@\(node) (uid \(uid))" }

    public func encode(into writer: inout WireWriter) {
        writer.write(node)
        writer.write(task)
        writer.write(uid)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(node: try reader.read(), task: try reader.read(), uid: try reader.read())
    }
}

/// Who opens a session.
public enum Party: Hashable, Sendable, WireCodable, CustomStringConvertible {
    case server(InstanceName)
    /// In a ticket this is the mark `anonymous-client`.
    case client(ClientIdentity)

    public var node: NodeName {
        switch self {
        case .server(let name): name.node
        case .client(let client): client.node
        }
    }

    public var description: String {
        switch self {
        case .server(let name): name.description
        case .client(let client): client.description
        }
    }

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .server(let name):
            writer.write(UInt8(1))
            writer.write(name)
        case .client(let client):
            writer.write(UInt8(2))
            writer.write(client)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .server(try reader.read())
        case 2: self = .client(try reader.read())
        case let tag: throw .unknownCase(of: "Party", tag: UInt64(tag))
        }
    }
}

/// Whom somebody wants to talk to: a name, on a node that he names or on whichever has it.
public struct Target: Hashable, Sendable, WireCodable, CustomStringConvertible {
    public let server: ServerName
    /// Nil is any node: this one first.
    public let node: NodeName?

    public init(server: ServerName, node: NodeName? = nil) {
        self.server = server
        self.node = node
    }

    public var description: String { node.map { "\(server)@\($0)" } ?? "\(server)" }

    func isMet(by name: InstanceName) -> Bool { name.server == server && (node == nil || node == name.node) }

    public func encode(into writer: inout WireWriter) {
        writer.write(server)
        writer.write(node?.description ?? "")
    }

    public init(from reader: inout WireReader) throws(WireError) {
        server = try reader.read()
        let text = try reader.readText(limit: NodeName.bytesMax, field: "node")
        node = NodeName(text)
        if node == nil, !text.isEmpty { throw .malformed(field: "node") }
    }
}
