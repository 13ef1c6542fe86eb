import Crypto

/// What an administrator hands to whoever sets up a new node: `msx1.PIN.SEED`. The pin is the beginning of the digest of the administrator's key, so that
/// the node knows its cluster before it says anything; the seed makes a key that serves once (spec/security.md 3.1).
public struct JoinToken: Sendable {
    let pin: [UInt8]
    /// J
    let key: AdministratorKey

    private static let prefix = "msx1"
    static let pinBytes = 16
    /// `msx1.`, 26 letters, `.`, 52 letters.
    public static let textBytes = 84

    /// By chance.
    public init(for administrator: VerificationKey, random: inout some RandomNumberGenerator) {
        pin = Array(administrator.digest[..<Self.pinBytes])
        key = AdministratorKey(random: &random)
    }

    /// Reads what was printed. Throws without saying what a secret looked like.
    public init(text: String) throws(SecurityRefusal) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard text.utf8.count == Self.textBytes, parts.count == 3, parts[0].elementsEqual(Self.prefix.utf8),
            let pin = Base32.decode(parts[1]),
            pin.count == Self.pinBytes, let seed = Base32.decode(parts[2]), seed.count == AdministratorKey.seedBytes
        else { throw SecurityRefusal(.malformed, "this is no token: 'msx1.', 26 letters, '.' and 52 letters") }
        self.pin = pin
        key = AdministratorKey(seed: seed)
    }

    /// What is printed once, and stored nowhere.
    public var text: String { "\(Self.prefix).\(Base32.encode(pin)).\(Base32.encode(key.seed))" }

    /// By which members know the grant that belongs to this.
    public var publicKey: VerificationKey { key.publicKey }

    /// Whether this is the cluster that the token is for.
    public func pins(_ administrator: VerificationKey) -> Bool { administrator.digest.starts(with: pin) }
}
