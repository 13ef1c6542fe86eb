import Crypto
public import MasixWire

/// The messages of resolution and of the opening of sessions. The names are those of the models in `Formal`.
public enum SecureMessageKind: UInt8, CaseIterable, Hashable, Sendable {
    case register = 1
    case registered = 2
    case resolve = 3
    case plainResolve = 4
    case grant = 5
    case plainGrant = 6
    case ticket = 7
    case opening = 8
    case answer = 9
    case refused = 10
    case forward = 11
    case remoteRequest = 12
    case remoteReply = 13
    case revoke = 14
}

/// `version(1) kind(1) length(4)`, then the body. There are no optional fields, and nothing may be left over (spec/security.md 2.4).
public enum SecureFrame {
    public static let version: UInt8 = 1
    public static let headerBytes = 6
    /// The longest message of all.
    public static let bytesMax = 4_096

    static func header(_ kind: SecureMessageKind, length: Int) -> [UInt8] {
        var writer = WireWriter(capacity: headerBytes)
        writer.write(version)
        writer.write(kind.rawValue)
        writer.write(UInt32(length))
        return writer.bytes
    }

    static func message(_ kind: SecureMessageKind, _ body: [UInt8]) -> [UInt8] { header(kind, length: body.count) + body }

    /// What kind a message claims to be, for whoever hands messages on; nil if it is none of this version.
    public static func kind(of message: [UInt8]) -> SecureMessageKind? {
        guard message.count >= headerBytes, message[0] == version else { return nil }
        return SecureMessageKind(rawValue: message[1])
    }

    /// The body of a message that must be of this kind.
    static func body(of message: [UInt8], _ kind: SecureMessageKind) throws(SecurityRefusal) -> [UInt8] {
        guard message.count >= headerBytes, message.count <= bytesMax else {
            throw SecurityRefusal(.malformed, "a message of \(message.count) bytes where \(kind) should be")
        }
        guard message[0] == version else { throw SecurityRefusal(.version, "version \(message[0]) of \(kind); this is version \(version)") }
        guard message[1] == kind.rawValue else { throw SecurityRefusal(.malformed, "kind \(message[1]) where \(kind) should be") }
        let body = Array(message[headerBytes...])
        guard header(kind, length: body.count) == Array(message[..<headerBytes]) else {
            throw SecurityRefusal(.malformed, "\(kind) has another length than it says")
        }
        return body
    }

    // MARK: - Sealed bodies

    /// A message whose body is the nonce and what is sealed under it, with label and header authenticated.
    static func seal(
        _ kind: SecureMessageKind, _ plain: [UInt8], key: SymmetricKey, nonce: [UInt8], label: String, besides: [UInt8] = []
    ) -> [UInt8] {
        let header = header(kind, length: Sodium.extendedNonceBytes + plain.count + Sodium.tagBytes)
        guard let sealed = Sodium.seal(plain, key: key, nonce: nonce, authenticating: Array(label.utf8) + header + besides) else {
            preconditionFailure("sealing a message does not fail")
        }
        return header + nonce + sealed
    }

    static func open(
        _ message: [UInt8], _ kind: SecureMessageKind, key: SymmetricKey, label: String, besides: [UInt8] = []
    ) throws(SecurityRefusal) -> (plain: [UInt8], nonce: [UInt8]) {
        let body = try body(of: message, kind)
        guard body.count >= Sodium.extendedNonceBytes + Sodium.tagBytes else {
            throw SecurityRefusal(.malformed, "\(kind) of \(body.count) bytes")
        }
        let nonce = Array(body[..<Sodium.extendedNonceBytes])
        let header = Array(message[..<headerBytes])
        guard
            let plain = Sodium.open(
                Array(body[Sodium.extendedNonceBytes...]), key: key, nonce: nonce,
                authenticating: Array(label.utf8) + header + besides)
        else { throw SecurityRefusal(.authentication, "\(kind) does not open") }
        return (plain, nonce)
    }
}

/// A message whose fields are readable.
public protocol SecureMessage: WireCodable {
    static var kind: SecureMessageKind { get }
}

extension SecureMessage {
    /// With its header.
    public var message: [UInt8] { SecureFrame.message(Self.kind, wireBytes) }

    /// Reads exactly one message of this kind.
    public init(message: [UInt8]) throws(SecurityRefusal) {
        self = try decode(Self.self, try SecureFrame.body(of: message, Self.kind), as: "message")
    }
}

extension WireReader {
    mutating func readSecret() throws(WireError) -> SymmetricKey { SymmetricKey(data: try readRaw(count: 32)) }

    mutating func readSuite() throws(WireError) -> Suite {
        let tag: UInt8 = try read()
        guard let suite = Suite(rawValue: tag) else { throw .unknownCase(of: "Suite", tag: UInt64(tag)) }
        return suite
    }
}

extension WireWriter {
    mutating func write(secret key: SymmetricKey) {
        var bytes = Sodium.bytes(of: key)
        write(raw: bytes)
        Sodium.wipe(&bytes)
    }
}
