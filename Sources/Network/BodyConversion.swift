public import MasixKernel

/// Numbers in a memory object of a message, of one width.
public struct MemoryRun: Hashable, Sendable {
    /// Which one of the message's memory objects.
    public let memory: Int
    public let offset: UInt64
    /// Bytes of one number: 2, 4 or 8.
    public let width: Int
    public let count: UInt64

    public var range: Range<UInt64> { offset..<(offset + UInt64(width) * count) }
}

/// What a body says in its structure, turned into the other byte order: type words, descriptors and typed numbers, nothing else
/// (spec/mach.md 4, decision 0021).
///
/// It is its own inverse. A body of which it finds no structure is not touched, in no byte.
public enum BodyConversion {
    public struct Converted: Hashable, Sendable {
        public var bytes: [UInt8]
        /// What is to be turned besides, in what stands beside the bytes.
        public var runs: [MemoryRun] = []
    }

    /// `order` is that of the body as it is; `lengths` are those of the message's memory objects. Nil: it is no body of that format, or
    /// names numbers that lie outside of its memory, or the same ones twice.
    public static func convert(_ body: [UInt8], _ format: BodyFormat, in order: ByteOrder, memory lengths: [UInt64]) -> Converted? {
        var words = Words(bytes: body, order: order)
        switch format {
        case .plain, .foreignPlain: return Converted(bytes: body)
        case .complex, .foreignComplex: return words.turnDescriptors() ? Converted(bytes: words.bytes) : nil
        case .typed, .typedComplex:
            guard let runs = words.turnItems(lengths) else { return nil }
            return Converted(bytes: words.bytes, runs: runs)
        }
    }

    /// Turns every number of so many bytes.
    public static func turn(_ bytes: inout [UInt8], in range: Range<Int>, width: Int) {
        guard width > 1 else { return }
        for start in stride(from: range.lowerBound, through: range.upperBound - width, by: width) {
            for place in 0..<(width / 2) { bytes.swapAt(start + place, start + width - 1 - place) }
        }
    }

    /// A body whose words are read in its order, and left in the other one.
    private struct Words {
        var bytes: [UInt8]
        let order: ByteOrder

        /// The number there, which is in the other order afterwards; nil if it would not lie inside.
        mutating func turn(_ width: Int, at offset: Int) -> UInt64? {
            guard offset >= 0, offset + width <= bytes.count else { return nil }
            let slice = bytes[offset..<(offset + width)]
            let number =
                order == .big
                ? slice.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } : slice.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            BodyConversion.turn(&bytes, in: offset..<(offset + width), width: width)
            return number
        }

        /// The count and the descriptors of XNU; the bytes behind them stay as they are.
        mutating func turnDescriptors() -> Bool {
            guard let count = turn(4, at: 0) else { return false }
            var offset = 4
            for _ in 0..<count {
                guard offset + Limits.rightDescriptorBytes <= bytes.count else { return false }
                switch bytes[offset + 11] {
                case 0:
                    guard turn(4, at: offset) != nil, turn(4, at: offset + 4) != nil else { return false }
                    offset += Limits.rightDescriptorBytes
                case 1, 2, 3:
                    guard turn(8, at: offset) != nil, turn(4, at: offset + 12) != nil else { return false }
                    offset += Limits.memoryDescriptorBytes
                default: return false
                }
            }
            return true
        }

        /// The items of Mach 3.
        mutating func turnItems(_ lengths: [UInt64]) -> [MemoryRun]? {
            var runs: [MemoryRun] = []
            var offset = 0
            while offset < bytes.count {
                guard let word = turn(4, at: offset), word >> 31 == 0 else { return nil }
                var (name, bits, number) = (word & 0xFF, word >> 8 & 0xFF, word >> 16 & 0xFFF)
                let (isInline, isLong) = (word >> 28 & 1 != 0, word >> 29 & 1 != 0)
                var data = offset + 4
                if isLong {
                    guard word & 0x0FFF_FFFF == 0, let longName = turn(2, at: offset + 4), let longBits = turn(2, at: offset + 6),
                        let longNumber = turn(4, at: offset + 8)
                    else { return nil }
                    (name, bits, number) = (longName, longBits, longNumber)
                    data = offset + 12
                }
                let width = BodyConversion.width(ofType: name, bits: bits)
                guard isInline else {
                    guard let place = turn(8, at: data) else { return nil }
                    offset = data + 8
                    guard let width, number > 0 else { continue }
                    let run = MemoryRun(memory: Int(place >> 48), offset: place & 0xFFFF_FFFF_FFFF, width: width, count: number)
                    guard run.memory < lengths.count, run.range.upperBound <= lengths[run.memory] else { return nil }
                    runs.append(run)
                    continue
                }
                let count = Int((number * bits + 7) / 8)
                guard count <= bytes.count - data else { return nil }
                if let width { BodyConversion.turn(&bytes, in: data..<(data + Int(number) * width), width: width) }
                offset = data + (count + 3) & ~3
                guard offset <= bytes.count else { return nil }
            }
            return BodyConversion.overlap(runs) ? nil : runs
        }
    }

    /// Bytes of a number of this type; nil for what is none, or has one byte: characters, strings, untyped bytes, and rights, whose place
    /// is empty on the way. A port's name is a number to whoever gets it.
    private static func width(ofType name: UInt64, bits: UInt64) -> Int? {
        switch (name, bits) {
        // Integers of 16, 32 and 64 bits, reals, names.
        case (1, 16), (2, 32), (11, 64), (10, 32), (10, 64), (15, 32): Int(bits / 8)
        default: nil
        }
    }

    private static func overlap(_ runs: [MemoryRun]) -> Bool {
        let sorted = runs.sorted { ($0.memory, $0.offset) < ($1.memory, $1.offset) }
        return zip(sorted, sorted.dropFirst()).contains { $0.memory == $1.memory && $0.range.upperBound > $1.offset }
    }
}
