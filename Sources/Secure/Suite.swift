/// The algorithms of one session. Nothing is negotiated: whoever issues the ticket says which, and the version of the protocol fixes the rest
/// (spec/security.md 2.2).
public enum Suite: UInt8, CaseIterable, Hashable, Sendable {
    /// AES-256-GCM: where both processors have the instructions for it.
    case aes256gcm = 1
    case chaCha20Poly1305 = 2

    /// The name of the Noise protocol, whose bytes are the first that are hashed.
    public var protocolName: String {
        switch self {
        case .aes256gcm: "Noise_NNpsk0_25519_AESGCM_SHA256"
        case .chaCha20Poly1305: "Noise_NNpsk0_25519_ChaChaPoly_SHA256"
        }
    }
}
