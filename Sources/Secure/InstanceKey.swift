import Crypto

/// The secret between a node's name server and one instance of a server: the paper's "signature". It is never shown to anybody; what is shown is
/// that it is had (spec/security.md 2.2).
public struct InstanceKey: Sendable {
    /// For REGISTERED alone.
    let root: SymmetricKey
    let requests: SymmetricKey
    let replies: SymmetricKey
    let tickets: SymmetricKey

    static let bytes = 32

    /// By chance.
    public init(random: inout some RandomNumberGenerator) {
        var bytes = random.bytes(Self.bytes)
        defer { Sodium.wipe(&bytes) }
        self.init(root: SymmetricKey(data: bytes))
    }

    init(root: SymmetricKey) {
        self.root = root
        requests = Self.subkey(of: root, "masix/1/req")
        replies = Self.subkey(of: root, "masix/1/rep")
        tickets = Self.subkey(of: root, "masix/1/tkt")
    }

    private static func subkey(of root: SymmetricKey, _ label: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(inputKeyMaterial: root, info: Array(label.utf8), outputByteCount: bytes)
    }
}
