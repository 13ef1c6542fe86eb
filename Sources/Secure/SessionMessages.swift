import Crypto
public import MasixWire

/// OPENING: the ticket, and the first message of the handshake (spec/security.md 2.4, step 3).
public struct OpeningMessage: SecureMessage, Hashable, Sendable {
    public static let kind = SecureMessageKind.opening
    public let ticket: [UInt8]
    public let handshake: [UInt8]

    /// Without payload: a public key and a tag.
    static let handshakeBytes = NoiseInitiator.keyBytes + CipherKey.tagBytes
    static let ticketBytesMax = 2_048

    public init(ticket: [UInt8], handshake: [UInt8]) {
        self.ticket = ticket
        self.handshake = handshake
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(counted: ticket)
        writer.write(raw: handshake)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        ticket = try reader.readBytes(limit: Self.ticketBytesMax, field: "ticket")
        handshake = try reader.readRaw(count: Self.handshakeBytes)
    }
}

/// ANSWER: the second message of the handshake, with the server's parameters sealed in it (step 4).
public struct AnswerMessage: SecureMessage, Hashable, Sendable {
    public static let kind = SecureMessageKind.answer
    public let handshake: [UInt8]

    public static let parameterBytesMax = 256

    public init(handshake: [UInt8]) { self.handshake = handshake }

    public func encode(into writer: inout WireWriter) { writer.write(counted: handshake) }

    public init(from reader: inout WireReader) throws(WireError) {
        handshake = try reader.readBytes(limit: OpeningMessage.handshakeBytes + Self.parameterBytesMax, field: "handshake")
        guard handshake.count >= OpeningMessage.handshakeBytes else { throw .truncated }
    }
}

/// What both sides hash before they begin, so that a handshake for one session is none for another: ticket, names, interface, suite and the life
/// of the server's node (spec/security.md 2.4).
enum SessionPrologue {
    static func bytes(
        ticket: [UInt8], asker: Party, server: InstanceName, interface: Interface, suite: Suite, boot: BootID
    ) -> [UInt8] {
        var writer = WireWriter(capacity: 512)
        writer.write(raw: "masix/1/session".utf8)
        writer.write(SecureFrame.version)
        writer.write(raw: Array(SHA256.hash(data: ticket)))
        writer.write(asker)
        writer.write(server)
        writer.write(interface)
        writer.write(suite.rawValue)
        writer.write(boot)
        return writer.bytes
    }
}
