import Crypto

/// The administrator's key, which signs rosters, manifests and grants: no node has it (spec/security.md 2.2).
public struct AdministratorKey: Sendable {
    private let key: Curve25519.Signing.PrivateKey

    static let seedBytes = 32

    /// By chance.
    public init(random: inout some RandomNumberGenerator) {
        var seed = random.bytes(Self.seedBytes)
        defer { Sodium.wipe(&seed) }
        self.init(seed: seed)
    }

    /// `seed` has 32 bytes.
    init(seed: [UInt8]) {
        guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
            preconditionFailure("32 bytes are always a seed")
        }
        self.key = key
    }

    var seed: [UInt8] { Array(key.rawRepresentation) }

    /// What every node of the cluster knows.
    public var publicKey: VerificationKey { VerificationKey(key.publicKey) }

    func signature(of bytes: [UInt8]) -> [UInt8] {
        guard let signature = try? key.signature(for: bytes) else { preconditionFailure("signing does not fail") }
        return Array(signature)
    }
}

/// The public half of an Ed25519 key.
public struct VerificationKey: Hashable, Sendable {
    public let bytes: [UInt8]

    public static let count = 32
    static let signatureBytes = 64

    init(_ key: Curve25519.Signing.PublicKey) { bytes = Array(key.rawRepresentation) }

    /// Nil for another number of bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.count else { return nil }
        self.bytes = bytes
    }

    /// SHA-256: what a token pins.
    public var digest: [UInt8] { Array(SHA256.hash(data: bytes)) }

    func isSignature(_ signature: [UInt8], of said: [UInt8]) -> Bool {
        // Throws for bytes that are no key: nothing is signed by that.
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return false }
        return key.isValidSignature(signature, for: said)
    }
}
