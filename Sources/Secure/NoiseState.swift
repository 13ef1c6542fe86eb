import Crypto

/// What both sides of a handshake know so far: Noise's SymmetricState with its CipherState (Noise, revision 34, section 5). 25519 and
/// SHA-256 are fixed; the cipher is the suite's.
struct NoiseState: Sendable {
    private let suite: Suite
    /// Hash of everything that was said.
    private(set) var hash: [UInt8]
    private var chainingKey: SymmetricKey
    private var key: CipherKey?
    private var counter: UInt64 = 0

    init(suite: Suite, prologue: [UInt8]) {
        self.suite = suite
        let name = Array(suite.protocolName.utf8)
        // A name of more than 32 bytes is hashed, a shorter one is filled up with zeros.
        hash = name.count <= 32 ? name + [UInt8](repeating: 0, count: 32 - name.count) : Array(SHA256.hash(data: name))
        chainingKey = SymmetricKey(data: hash)
        mix(hash: prologue)
    }

    mutating func mix(hash bytes: [UInt8]) {
        var function = SHA256()
        function.update(data: hash)
        function.update(data: bytes)
        hash = Array(function.finalize())
    }

    /// Noise's MixKey.
    mutating func mix(key material: SymmetricKey) {
        let outputs = Self.derive(from: chainingKey, material, count: 2)
        chainingKey = outputs[0]
        begin(outputs[1])
    }

    /// Noise's MixKeyAndHash, for the secret that both have already.
    mutating func mix(shared secret: SymmetricKey) {
        let outputs = Self.derive(from: chainingKey, secret, count: 3)
        chainingKey = outputs[0]
        var bytes = Sodium.bytes(of: outputs[1])
        mix(hash: bytes)
        Sodium.wipe(&bytes)
        begin(outputs[2])
    }

    private mutating func begin(_ key: SymmetricKey) {
        self.key = CipherKey(key, suite: suite)
        counter = 0
    }

    /// Noise's EncryptAndHash.
    mutating func seal(_ payload: [UInt8]) -> [UInt8] {
        var sealed = payload
        if let key {
            let isSealed = key.seal(&sealed, from: 0, counter: counter, authenticating: hash)
            precondition(isSealed, "sealing a payload does not fail")
            counter += 1
        }
        mix(hash: sealed)
        return sealed
    }

    /// Noise's DecryptAndHash; nil if it is not what the other side sealed.
    mutating func open(_ sealed: [UInt8]) -> [UInt8]? {
        var payload = sealed
        if let key {
            guard key.open(&payload, from: 0, counter: counter, authenticating: hash) else { return nil }
            counter += 1
        }
        mix(hash: sealed)
        return payload
    }

    /// Noise's Split: the key of what the initiator sends, and that of what the responder sends.
    func split() -> (fromInitiator: CipherKey, fromResponder: CipherKey) {
        let outputs = Self.derive(from: chainingKey, SymmetricKey(data: [UInt8]()), count: 2)
        return (CipherKey(outputs[0], suite: suite), CipherKey(outputs[1], suite: suite))
    }

    /// Noise's HKDF: HMAC-SHA256 with the chaining key, then once for each output.
    private static func derive(from chainingKey: SymmetricKey, _ material: SymmetricKey, count: Int) -> [SymmetricKey] {
        var input = Sodium.bytes(of: material)
        let temporary = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: input, using: chainingKey))
        Sodium.wipe(&input)
        var outputs: [SymmetricKey] = []
        var before: [UInt8] = []
        for number in 1...count {
            let code = HMAC<SHA256>.authenticationCode(for: before + [UInt8(number)], using: temporary)
            Sodium.wipe(&before)
            before = Array(code)
            outputs.append(SymmetricKey(data: before))
        }
        Sodium.wipe(&before)
        return outputs
    }
}
