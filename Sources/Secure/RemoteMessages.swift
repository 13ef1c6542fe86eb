import Crypto
public import MasixWire

/// FORWARD: a name server asks its network server for a session of one of its tasks with a server of another node. No key of the task leaves
/// the name server (spec/security.md 2.5, step 2).
public struct ForwardMessage: SecureMessage, Hashable, Sendable {
    public static let kind = SecureMessageKind.forward
    /// By chance; it comes back in the reply.
    public let request: RequestID
    public let asker: Asker
    public let server: ServerName
    public let node: NodeName
    public let interface: Interface
    /// Whether the asking node's processor has instructions for AES.
    public let hasAES: Bool

    public init(request: RequestID, asker: Asker, server: ServerName, node: NodeName, interface: Interface, hasAES: Bool) {
        self.request = request
        self.asker = asker
        self.server = server
        self.node = node
        self.interface = interface
        self.hasAES = hasAES
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(request)
        writer.write(asker)
        writer.write(server)
        writer.write(node)
        writer.write(interface)
        writer.write(hasAES)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            request: try reader.read(), asker: try reader.read(), server: try reader.read(), node: try reader.read(),
            interface: try reader.read(), hasAES: try reader.readBool())
    }
}

/// RREQ: the same question, from network server to network server inside their channel, and from there to the name server
/// (spec/security.md 2.5, steps 3 and 4).
public struct RemoteRequest: SecureMessage, Hashable, Sendable {
    public static let kind = SecureMessageKind.remoteRequest
    public let request: RequestID
    /// Na
    public let from: NodeName
    public let asker: Asker
    public let server: ServerName
    public let interface: Interface
    public let hasAES: Bool

    public init(request: RequestID, from: NodeName, asker: Asker, server: ServerName, interface: Interface, hasAES: Bool) {
        self.request = request
        self.from = from
        self.asker = asker
        self.server = server
        self.interface = interface
        self.hasAES = hasAES
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(request)
        writer.write(from)
        writer.write(asker)
        writer.write(server)
        writer.write(interface)
        writer.write(hasAES)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            request: try reader.read(), from: try reader.read(), asker: try reader.read(), server: try reader.read(),
            interface: try reader.read(), hasAES: try reader.readBool())
    }
}

/// RREP: what the other node's name server grants. It goes inside the channel alone; the ticket in it stays sealed for the server
/// (spec/security.md 2.5, steps 5 to 7).
public struct RemoteReply: SecureMessage, Sendable {
    public static let kind = SecureMessageKind.remoteReply
    public let request: RequestID
    /// What the ticket says: this node's name server passes it on.
    public let terms: Ticket
    let boot: BootID
    /// T
    let ticket: [UInt8]

    init(request: RequestID, terms: Ticket, sealed: [UInt8], boot: BootID) {
        self.request = request
        self.terms = terms
        self.boot = boot
        ticket = sealed
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(request)
        writer.write(terms)
        writer.write(boot)
        writer.write(counted: ticket)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        request = try reader.read()
        terms = try reader.read()
        boot = try reader.read()
        ticket = try reader.readBytes(limit: OpeningMessage.ticketBytesMax, field: "ticket")
    }
}
