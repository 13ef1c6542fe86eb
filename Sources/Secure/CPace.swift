import Crypto

/// CPace over ristretto255 with SHA-512, initiator and responder (draft-irtf-cfrg-cpace): two sides that know one password agree on a key, and whoever
/// does not know it learns one guess at a time (spec/security.md 3.2).
enum CPace {
    private static let tag = Array("CPaceRistretto255".utf8)
    private static let keyTag = Array("CPaceRistretto255_ISK".utf8)
    /// The input block of SHA-512.
    private static let blockBytes = 128

    /// A length in front of bytes, in groups of seven bits.
    static func prefixed(_ bytes: [UInt8]) -> [UInt8] {
        var length = bytes.count
        var prefix: [UInt8] = []
        while true {
            let group = UInt8(length & 0x7F)
            length >>= 7
            prefix.append(length > 0 ? group | 0x80 : group)
            if length == 0 { return prefix + bytes }
        }
    }

    /// What the generator is made from: the password fills a block of the hash by itself.
    static func generatorString(password: [UInt8], channel: [UInt8], session: [UInt8]) -> [UInt8] {
        let padding = max(0, blockBytes - 1 - prefixed(password).count - prefixed(tag).count)
        return prefixed(tag) + prefixed(password) + prefixed([UInt8](repeating: 0, count: padding)) + prefixed(channel) + prefixed(session)
    }

    static func generator(password: [UInt8], channel: [UInt8], session: [UInt8]) -> [UInt8]? {
        Sodium.element(
            fromHash: Array(SHA512.hash(data: generatorString(password: password, channel: channel, session: session))))
    }

    /// What both sides said, in order.
    static func transcript(_ initiator: (element: [UInt8], data: [UInt8]), _ responder: (element: [UInt8], data: [UInt8])) -> [UInt8] {
        prefixed(initiator.element) + prefixed(initiator.data) + prefixed(responder.element) + prefixed(responder.data)
    }

    /// ISK: 64 bytes.
    static func key(session: [UInt8], secret: [UInt8], transcript: [UInt8]) -> SymmetricKey {
        SymmetricKey(data: SHA512.hash(data: prefixed(keyTag) + prefixed(session) + prefixed(secret) + transcript))
    }
}
