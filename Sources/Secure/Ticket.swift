import Crypto
public import MasixWire

/// What a name server says to a server about who will open a session with it, sealed for that server alone. It serves once
/// (spec/security.md 2.4, step 2).
public struct Ticket: Sendable, WireCodable {
    /// sn: also the nonce that it is sealed under.
    public let number: TicketNumber
    public let asker: Party
    public let server: InstanceName
    public let interface: Interface
    public let suite: Suite
    /// exp, by the boot clock of the server's own node.
    public let expires: BootTime
    /// sec_ab
    let secret: SymmetricKey

    /// A ticket lives no longer than this.
    public static let secondsMax: UInt64 = 30

    init(
        number: TicketNumber, asker: Party, server: InstanceName, interface: Interface, suite: Suite, expires: BootTime,
        secret: SymmetricKey
    ) {
        self.number = number
        self.asker = asker
        self.server = server
        self.interface = interface
        self.suite = suite
        self.expires = expires
        self.secret = secret
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(number)
        writer.write(asker)
        writer.write(server)
        writer.write(interface)
        writer.write(suite.rawValue)
        writer.write(expires.nanoseconds)
        writer.write(secret: secret)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        number = try reader.read()
        asker = try reader.read()
        server = try reader.read()
        interface = try reader.read()
        suite = try reader.readSuite()
        expires = BootTime(nanoseconds: try reader.read())
        secret = try reader.readSecret()
    }

    private static let label = "masix/1/ticket"

    /// T: bytes that only the server can read, for whoever carries them.
    func sealed(for key: InstanceKey) -> [UInt8] {
        SecureFrame.seal(.ticket, wireBytes, key: key.tickets, nonce: number.bytes, label: Self.label)
    }

    /// Opens what somebody brought.
    init(sealed message: [UInt8], key: InstanceKey) throws(SecurityRefusal) {
        let (plain, nonce) = try SecureFrame.open(message, .ticket, key: key.tickets, label: Self.label)
        self = try decode(Ticket.self, plain, as: "TICKET")
        guard number.bytes == nonce else { throw SecurityRefusal(.malformed, "a ticket under another number than its own") }
    }
}

/// GRANT: what the name server says to whoever asked. T goes along, and belongs to what is authenticated.
struct Grant: Sendable, WireCodable {
    /// nA
    let nonce: Nonce
    /// What the ticket says, for whoever will open the session with it.
    let terms: Ticket
    /// The life of the server's node, which the prologue holds.
    let boot: BootID

    init(nonce: Nonce, terms: Ticket, boot: BootID) {
        self.nonce = nonce
        self.terms = terms
        self.boot = boot
    }

    func encode(into writer: inout WireWriter) {
        writer.write(nonce)
        writer.write(terms)
        writer.write(boot)
    }

    init(from reader: inout WireReader) throws(WireError) {
        nonce = try reader.read()
        terms = try reader.read()
        boot = try reader.read()
    }

    private static let label = "masix/1/grant"
    private static let partMax = 2_048

    /// For a server, sealed under its key; for a client, which has none, readable: it goes over the kernel socket and nowhere else.
    func message(ticket: [UInt8], for key: InstanceKey?, nonce: [UInt8]) -> [UInt8] {
        var writer = WireWriter(capacity: 1_024)
        let inner: [UInt8]
        if let key {
            inner = SecureFrame.seal(.grant, wireBytes, key: key.replies, nonce: nonce, label: Self.label, besides: ticket)
        } else {
            inner = SecureFrame.message(.plainGrant, wireBytes)
        }
        writer.write(counted: inner)
        writer.write(counted: ticket)
        return SecureFrame.message(key == nil ? .plainGrant : .grant, writer.bytes)
    }

    /// Whoever has a key takes only what is sealed under it.
    static func open(_ message: [UInt8], key: InstanceKey?) throws(SecurityRefusal) -> (grant: Grant, ticket: [UInt8]) {
        let body = try SecureFrame.body(of: message, key == nil ? .plainGrant : .grant)
        let (inner, ticket): ([UInt8], [UInt8])
        do throws(WireError) {
            var reader = WireReader(body)
            inner = try reader.readBytes(limit: partMax, field: "grant")
            ticket = try reader.readBytes(limit: partMax, field: "ticket")
            try reader.finish()
        } catch {
            throw SecurityRefusal(error, in: "GRANT")
        }
        let plain: [UInt8]
        if let key {
            plain = try SecureFrame.open(inner, .grant, key: key.replies, label: label, besides: ticket).plain
        } else {
            plain = try SecureFrame.body(of: inner, .plainGrant)
        }
        return (try decode(Grant.self, plain, as: "GRANT"), ticket)
    }
}
