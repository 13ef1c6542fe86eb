import Crypto
public import MasixWire

/// RESOLVE: a task asks its name server for a session with another. A server shows that it has its key, and does not show the key
/// (spec/security.md 2.4, step 1).
public struct ResolveMessage: Hashable, Sendable, WireCodable {
    public let party: Party
    public let target: Target
    public let interface: Interface
    /// nA: comes back in the grant.
    public let nonce: Nonce

    public init(party: Party, target: Target, interface: Interface, nonce: Nonce) {
        self.party = party
        self.target = target
        self.interface = interface
        self.nonce = nonce
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(party)
        writer.write(target)
        writer.write(interface)
        writer.write(nonce)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(party: try reader.read(), target: try reader.read(), interface: try reader.read(), nonce: try reader.read())
    }

    /// What a refusal of this question is known by.
    public var request: RequestID {
        // The first bytes of a nonce are as much by chance as all of it.
        guard let request = RequestID(Array(nonce.bytes[..<RequestIDKind.count])) else { preconditionFailure("a nonce is longer") }
        return request
    }

    /// As a server says it: with a code over everything.
    func message(key: InstanceKey) -> [UInt8] {
        let fields = wireBytes
        let said = SecureFrame.header(.resolve, length: fields.count + Self.codeBytes) + fields
        return said + Array(HMAC<SHA256>.authenticationCode(for: said, using: key.requests))
    }

    /// As a client says it, which has no key: the nucleus says who it is.
    var plainMessage: [UInt8] { SecureFrame.message(.plainResolve, wireBytes) }

    private static let codeBytes = 32

    /// Reads a question. Nothing in it is believed yet but what `isProved` says.
    static func read(_ message: [UInt8]) throws(SecurityRefusal) -> (question: ResolveMessage, proof: Proof?) {
        guard SecureFrame.kind(of: message) != .plainResolve else {
            return (try decode(ResolveMessage.self, try SecureFrame.body(of: message, .plainResolve), as: "RESOLVE"), nil)
        }
        let body = try SecureFrame.body(of: message, .resolve)
        guard body.count > codeBytes else { throw SecurityRefusal(.malformed, "RESOLVE of \(body.count) bytes") }
        let question = try decode(ResolveMessage.self, Array(body.dropLast(codeBytes)), as: "RESOLVE")
        return (question, Proof(said: Array(message.dropLast(codeBytes)), code: Array(body.suffix(codeBytes))))
    }

    /// That whoever asks has the key of an instance.
    struct Proof: Sendable {
        fileprivate let said: [UInt8]
        fileprivate let code: [UInt8]

        func isMade(with key: InstanceKey) -> Bool {
            HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: said, using: key.requests)
        }
    }
}
