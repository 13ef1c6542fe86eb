import MasixKernel

/// The bytes of a simulated message: which one it is, said four times over, so that a torn or overwritten frame shows.
enum Body {
    static func bytes(of id: UInt64, from sender: TaskID, to port: PortID, length: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(max(32, length))
        for word in [id, sender.raw, port.counter, check(id, sender.raw, port.counter)] { append(word, to: &bytes) }
        while bytes.count < length { bytes.append(UInt8(truncatingIfNeeded: id)) }
        return bytes
    }

    /// Nil if the bytes are no message that was ever written whole.
    static func id(in bytes: [UInt8]) -> UInt64? {
        guard bytes.count >= 32 else { return nil }
        let words = (0..<4).map { word(at: $0 * 8, in: bytes) }
        guard words[3] == check(words[0], words[1], words[2]) else { return nil }
        guard bytes[32...].allSatisfy({ $0 == UInt8(truncatingIfNeeded: words[0]) }) else { return nil }
        return words[0]
    }

    private static func check(_ id: UInt64, _ sender: UInt64, _ port: UInt64) -> UInt64 {
        (id &* 0x9E37_79B9_7F4A_7C15) ^ (sender << 48) ^ (port << 17) ^ 0x4D61_7369_7821
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> (UInt64(shift) * 8))) }
    }

    private static func word(at offset: Int, in bytes: [UInt8]) -> UInt64 {
        var word: UInt64 = 0
        for shift in 0..<8 { word |= UInt64(bytes[offset + shift]) << (UInt64(shift) * 8) }
        return word
    }
}
