// Numbers in the bytes of a message, as this machine has them: little-endian and unaligned (spec/mach.md 4).

package extension [UInt8] {
    func word(at offset: Int) -> UInt32 {
        UInt32(self[offset]) | UInt32(self[offset + 1]) << 8 | UInt32(self[offset + 2]) << 16 | UInt32(self[offset + 3]) << 24
    }

    func long(at offset: Int) -> UInt64 { UInt64(word(at: offset)) | UInt64(word(at: offset + 4)) << 32 }

    mutating func put(_ word: UInt32, at offset: Int) {
        for place in 0..<4 { self[offset + place] = UInt8(truncatingIfNeeded: word >> (8 * UInt32(place))) }
    }

    mutating func put(_ long: UInt64, at offset: Int) {
        put(UInt32(truncatingIfNeeded: long), at: offset)
        put(UInt32(truncatingIfNeeded: long >> 32), at: offset + 4)
    }

    mutating func append(_ word: UInt32) {
        append(contentsOf: [0, 0, 0, 0])
        put(word, at: count - 4)
    }
}

extension Int {
    /// The next multiple of 4.
    var rounded: Int { (self + 3) & ~3 }
}
