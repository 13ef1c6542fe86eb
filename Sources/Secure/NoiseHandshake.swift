import Crypto

/// What a handshake gives: a key for each direction, and a value that names the session.
struct NoiseResult: Sendable {
    let sending: CipherKey
    let receiving: CipherKey
    /// The same on both sides, and of no other session.
    let hash: [UInt8]
}

/// The side that begins a handshake NNpsk0: `-> psk, e` then `<- e, ee` (spec/security.md 2.4, steps 3 and 4).
struct NoiseInitiator: Sendable {
    private(set) var state: NoiseState
    private let ephemeral: Curve25519.KeyAgreement.PrivateKey
    /// The first message.
    let message: [UInt8]

    static let keyBytes = 32

    /// `shared` is the secret that both sides have already. `ephemeral` is new for each handshake, and used for nothing else.
    init(
        suite: Suite, prologue: [UInt8], shared: SymmetricKey, ephemeral: Curve25519.KeyAgreement.PrivateKey, payload: [UInt8] = []
    ) {
        var state = NoiseState(suite: suite, prologue: prologue)
        state.mix(shared: shared)
        let own = Array(ephemeral.publicKey.rawRepresentation)
        state.mix(hash: own)
        // A handshake with a shared secret mixes each ephemeral key in twice, so that the first message is fresh (Noise, section 9.2).
        state.mix(key: SymmetricKey(data: own))
        message = own + state.seal(payload)
        self.state = state
        self.ephemeral = ephemeral
    }

    /// Reads the answer. Nil if it is not one to this message, by somebody who has the secret.
    consuming func finish(_ answer: [UInt8]) -> (payload: [UInt8], result: NoiseResult)? {
        guard let agreement = NoiseState.agree(ephemeral, with: answer.prefix(Self.keyBytes)) else { return nil }
        state.mix(hash: Array(answer.prefix(Self.keyBytes)))
        state.mix(key: SymmetricKey(data: answer.prefix(Self.keyBytes)))
        state.mix(key: agreement)
        guard let payload = state.open(Array(answer.dropFirst(Self.keyBytes))) else { return nil }
        let keys = state.split()
        return (payload, NoiseResult(sending: keys.fromInitiator, receiving: keys.fromResponder, hash: state.hash))
    }
}

/// The side that answers.
struct NoiseResponder: Sendable {
    private(set) var state: NoiseState
    private let theirs: [UInt8]
    /// What came with the first message.
    let payload: [UInt8]

    /// Nil if the message is not by somebody who has the secret, for this prologue.
    init?(suite: Suite, prologue: [UInt8], shared: SymmetricKey, message: [UInt8]) {
        guard message.count >= NoiseInitiator.keyBytes else { return nil }
        var state = NoiseState(suite: suite, prologue: prologue)
        state.mix(shared: shared)
        theirs = Array(message.prefix(NoiseInitiator.keyBytes))
        state.mix(hash: theirs)
        state.mix(key: SymmetricKey(data: theirs))
        guard let payload = state.open(Array(message.dropFirst(NoiseInitiator.keyBytes))) else { return nil }
        self.payload = payload
        self.state = state
    }

    /// Nil if the other side's key is one with which everybody agrees upon the same.
    consuming func answer(
        ephemeral: Curve25519.KeyAgreement.PrivateKey, payload: [UInt8]
    ) -> (message: [UInt8], result: NoiseResult)? {
        let own = Array(ephemeral.publicKey.rawRepresentation)
        state.mix(hash: own)
        state.mix(key: SymmetricKey(data: own))
        guard let agreement = NoiseState.agree(ephemeral, with: theirs[...]) else { return nil }
        state.mix(key: agreement)
        let message = own + state.seal(payload)
        let keys = state.split()
        return (message, NoiseResult(sending: keys.fromResponder, receiving: keys.fromInitiator, hash: state.hash))
    }
}

extension NoiseState {
    private static let keyBytes = 32

    fileprivate static func agree(_ own: Curve25519.KeyAgreement.PrivateKey, with theirs: ArraySlice<UInt8>) -> SymmetricKey? {
        guard let key = try? Curve25519.KeyAgreement.PublicKey(rawRepresentation: theirs),
            let secret = try? own.sharedSecretFromKeyAgreement(with: key)
        else { return nil }
        let agreed = SymmetricKey(data: secret)
        // The library does not mind an agreement that is zero whatever our key is; we do (RFC 7748, section 6.1).
        return agreed == SymmetricKey(data: [UInt8](repeating: 0, count: keyBytes)) ? nil : agreed
    }
}
