import Crypto
import Testing

@testable import MasixSecure

/// Vectors of draft-irtf-cfrg-cpace-21, B.3: ristretto255 with SHA-512.
@Suite struct CPaceTests {
    let password = Array("Password".utf8)
    let channel = hex("0b415f696e69746961746f720b425f726573706f6e646572")
    let session = hex("7e4b4791d6a8ef019b936c79fb7f2c57")
    let generator = hex("222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56")
    let scalarA = hex("da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08")
    let elementA = hex("d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157")
    let scalarB = hex("d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d")
    let elementB = hex("3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258")
    let secret = hex("80b69a8a76457ab6a4d7f887a4bf6b55a2f80ac19c333f917a05fc9887c8b40f")

    @Test func lengthsStandInFront() {
        #expect(CPace.prefixed([]) == [0])
        #expect(CPace.prefixed(Array("1234".utf8)) == hex("0431323334"))
        #expect(CPace.prefixed(Array(0..<127)).prefix(2) == [0x7F, 0])
        #expect(CPace.prefixed(Array(0..<128)).prefix(3) == [0x80, 0x01, 0])
    }

    @Test func generatorOfTheDraft() {
        let text = CPace.generatorString(password: password, channel: channel, session: session)
        #expect(text.count == 170)
        #expect(Array(text.prefix(26)) == hex("11435061636552697374726574746f3235350850617373776f72"))
        #expect(CPace.generator(password: password, channel: channel, session: session) == generator)
    }

    @Test func elementsOfTheDraft() {
        #expect(Sodium.multiply(scalarA, generator) == elementA)
        #expect(Sodium.multiply(scalarB, generator) == elementB)
        #expect(Sodium.multiply(scalarA, elementB) == secret)
        #expect(Sodium.multiply(scalarB, elementA) == secret)
    }

    @Test func keyOfTheDraft() {
        let transcript = CPace.transcript((elementA, Array("ADa".utf8)), (elementB, Array("ADb".utf8)))
        #expect(transcript.count == 74)
        let key = CPace.key(session: session, secret: secret, transcript: transcript)
        #expect(
            Sodium.bytes(of: key)
                == hex(
                    """
                    b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447
                    """))
    }

    /// The neutral element, and bytes that are no element, must end the protocol.
    @Test func badElementsAreRefused() {
        #expect(Sodium.multiply(scalarA, [UInt8](repeating: 0, count: 32)) == nil)
        #expect(Sodium.multiply(scalarA, [UInt8](repeating: 0xFF, count: 32)) == nil)
        var negative = generator
        negative[0] ^= 1
        #expect(Sodium.multiply(scalarA, negative) == nil)
        #expect(Sodium.multiply(scalarA, Array(generator.dropLast())) == nil)
    }
}
