import Crypto
import Testing

@testable import MasixSecure

/// One of the vectors that the implementations of Noise publish for each other (cacophony, as snow has it).
struct NoiseVector: Sendable, CustomTestStringConvertible {
    let suite: Suite
    /// What both have hashed after the first message: the published value.
    let hashOfFirst: String
    /// And at the end, as the Python package noiseprotocol computes it.
    let hash: String
    let messages: [(payload: String, sealed: String)]

    var testDescription: String { suite.protocolName }

    static let prologue = hex("4a6f686e2047616c74")
    static let secret = SymmetricKey(data: hex("54686973206973206d7920417573747269616e20706572737065637469766521"))
    static let initiator = "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a"
    static let responder = "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b"

    static let all = [
        NoiseVector(
            suite: .aes256gcm, hashOfFirst: "29d92c13649b5d28b41afd8dc5d6ce7f46df2348e4061c09f1c354b593e13add",
            hash: "9f3b1f9afd7767767b5b9d1069844a6154fdbdcc36dfb3e31c0fffc5c973d530",
            messages: [
                (
                    "4c756477696720766f6e204d69736573",
                    "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79447c37a89fc17813788d30df2d59501d6066f5f8aecc3406bbd9829f2d24a531b1"
                ),
                (
                    "4d757272617920526f746862617264",
                    "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088432f29d79368ef9de4e1ae7a362fb05bf0ad668e026bf5714554497b3a720461"
                ),
                ("462e20412e20486179656b", "7c01e898a6201f36aecee532e29cd0b7f8ffa29d3366ad0dce39a6"),
                ("4361726c204d656e676572", "a9ff535aace3db6a1da1a7fb00fe2de2622bb373abad9fb42c00e0"),
                ("4a65616e2d426170746973746520536179", "6cfc49a3e65472edc2d0152abe5ce950170a8a47c959f30bd48b5f0aacf29adbfd"),
                (
                    "457567656e2042f6686d20766f6e2042617765726b",
                    "9bc86e6d974ed21ba04604a94aa68de21677eb409ead070c0cd569b069ee19ba142aa4c1a9"
                ),
            ]),
        NoiseVector(
            suite: .chaCha20Poly1305, hashOfFirst: "054a32eaeedc4061a64cec028e34e5775d4de033e32525a5dfbd719056bae0b6",
            hash: "f4d03dc34495c95729ea6de9e1b59004b59733102488b3e24bc441e0be208eaf",
            messages: [
                (
                    "4c756477696720766f6e204d69736573",
                    "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c794479b962b8aff8485742ac32f905ba45369e2465fb59e138a93d67a0d1266b6a54"
                ),
                (
                    "4d757272617920526f746862617264",
                    "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843d6062704d5a9c422a8e834423f8c1feada7e8d0d910a1a2cd030fb584221e3"
                ),
                ("462e20412e20486179656b", "e632c3763d7669067383433197a3baddf146e9e70ad4b4e9e59e0f"),
                ("4361726c204d656e676572", "64c6bee32ea91c8474bb4c21d7a700109ad45af77b29764ba5eb1e"),
                ("4a65616e2d426170746973746520536179", "e2fa0bed0603b62d3ccac2ecabbf3fe33f3e86514909b323361626266cb2471cc8"),
                (
                    "457567656e2042f6686d20766f6e2042617765726b",
                    "0c01dc9cec1fe4ddd692e8dd32188aa351088dc91183639a53b57aa4692b5ebdef8b8ca111"
                ),
            ]),
    ]
}

@Suite struct NoiseTests {
    private func key(_ text: String) throws -> Curve25519.KeyAgreement.PrivateKey {
        try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: hex(text))
    }

    @Test(arguments: NoiseVector.all) func publishedVectors(vector: NoiseVector) throws {
        let messages = vector.messages
        let initiator = NoiseInitiator(
            suite: vector.suite, prologue: NoiseVector.prologue, shared: NoiseVector.secret, ephemeral: try key(NoiseVector.initiator),
            payload: hex(messages[0].payload))
        #expect(initiator.message == hex(messages[0].sealed))
        #expect(initiator.state.hash == hex(vector.hashOfFirst))
        let responder = try #require(
            NoiseResponder(
                suite: vector.suite, prologue: NoiseVector.prologue, shared: NoiseVector.secret, message: initiator.message))
        #expect(responder.payload == hex(messages[0].payload))
        let (answer, there) = try #require(
            responder.answer(ephemeral: try key(NoiseVector.responder), payload: hex(messages[1].payload)))
        #expect(answer == hex(messages[1].sealed))
        let (payload, here) = try #require(initiator.finish(answer))
        #expect(payload == hex(messages[1].payload))
        #expect(here.hash == hex(vector.hash))
        #expect(there.hash == hex(vector.hash))
        // What follows is sealed in turns, each direction under its own key and with its own numbers.
        for (place, message) in messages.dropFirst(2).enumerated() {
            let (sending, receiving) = place % 2 == 0 ? (here.sending, there.receiving) : (there.sending, here.receiving)
            var bytes = hex(message.payload)
            #expect(sending.seal(&bytes, from: 0, counter: UInt64(place / 2), authenticating: []))
            #expect(bytes == hex(message.sealed))
            #expect(receiving.open(&bytes, from: 0, counter: UInt64(place / 2), authenticating: []))
            #expect(bytes == hex(message.payload))
        }
    }

    private func begin(_ suite: Suite, prologue: [UInt8] = [7], secret: SymmetricKey = NoiseVector.secret) throws -> NoiseInitiator {
        NoiseInitiator(suite: suite, prologue: prologue, shared: secret, ephemeral: try key(NoiseVector.initiator))
    }

    @Test(arguments: Suite.allCases) func whoeverLacksTheSecretIsNotHeard(suite: Suite) throws {
        let first = try begin(suite, secret: SymmetricKey(data: [UInt8](repeating: 1, count: 32)))
        #expect(NoiseResponder(suite: suite, prologue: [7], shared: NoiseVector.secret, message: first.message) == nil)
    }

    @Test(arguments: Suite.allCases) func anotherPrologueIsAnotherSession(suite: Suite) throws {
        let first = try begin(suite, prologue: [7])
        #expect(NoiseResponder(suite: suite, prologue: [8], shared: NoiseVector.secret, message: first.message) == nil)
    }

    @Test func theSuiteIsPartOfWhatIsHashed() throws {
        let first = try begin(.aes256gcm)
        #expect(NoiseResponder(suite: .chaCha20Poly1305, prologue: [7], shared: NoiseVector.secret, message: first.message) == nil)
    }

    @Test(arguments: Suite.allCases) func everyFlippedBitIsNoticed(suite: Suite) throws {
        let first = try begin(suite)
        for place in first.message.indices {
            var wrong = first.message
            wrong[place] ^= 1
            #expect(NoiseResponder(suite: suite, prologue: [7], shared: NoiseVector.secret, message: wrong) == nil)
        }
        let responder = try #require(NoiseResponder(suite: suite, prologue: [7], shared: NoiseVector.secret, message: first.message))
        let answer = try #require(responder.answer(ephemeral: try key(NoiseVector.responder), payload: [1, 2, 3])).message
        for place in answer.indices {
            var wrong = answer
            wrong[place] ^= 1
            #expect(first.finish(wrong) == nil)
        }
        #expect(first.finish(Array(answer.dropLast())) == nil)
        #expect(first.finish([]) == nil)
        #expect(first.finish(answer) != nil)
    }

    /// A reflected first message is no answer: who said what is part of what is hashed.
    @Test(arguments: Suite.allCases) func aReflectedMessageIsNoAnswer(suite: Suite) throws {
        let first = try begin(suite)
        #expect(first.finish(first.message) == nil)
    }

    /// A key with which every agreement is the same, zero, is no key.
    @Test func weakKeysAreRefused() throws {
        let first = try begin(.aes256gcm)
        #expect(first.finish([UInt8](repeating: 0, count: 64)) == nil)
        var state = NoiseState(suite: .aes256gcm, prologue: [7])
        state.mix(shared: NoiseVector.secret)
        let zero = [UInt8](repeating: 0, count: 32)
        state.mix(hash: zero)
        state.mix(key: SymmetricKey(data: zero))
        let message = zero + state.seal([])
        let responder = try #require(NoiseResponder(suite: .aes256gcm, prologue: [7], shared: NoiseVector.secret, message: message))
        #expect(responder.answer(ephemeral: try key(NoiseVector.responder), payload: []) == nil)
    }

    /// Noise's REKEY, computed by hand with the other library.
    @Test func theNextKeyIsSealedZeros() throws {
        let key = CipherKey(SymmetricKey(data: [UInt8](repeating: 5, count: 32)), suite: .aes256gcm)
        let nonce = try AES.GCM.Nonce(data: [0, 0, 0, 0] + [UInt8](repeating: 255, count: 8))
        let sealed = try AES.GCM.seal(
            [UInt8](repeating: 0, count: 32), using: SymmetricKey(data: [UInt8](repeating: 5, count: 32)), nonce: nonce)
        let expected = CipherKey(SymmetricKey(data: Array(sealed.ciphertext)), suite: .aes256gcm)
        var (here, there): ([UInt8], [UInt8]) = ([1, 2, 3], [1, 2, 3])
        #expect(key.rekeyed().seal(&here, from: 0, counter: 0, authenticating: []))
        #expect(expected.seal(&there, from: 0, counter: 0, authenticating: []))
        #expect(here == there)
    }
}
