import MasixKernel
import Testing

@testable import MasixNetwork

/// What is turned in a body, and what is not (spec/mach.md 4).
@Suite struct BodyConversionTests {
    private static func little(_ number: some FixedWidthInteger) -> [UInt8] {
        (0..<(number.bitWidth / 8)).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    private static func big(_ number: some FixedWidthInteger) -> [UInt8] { little(number).reversed() }

    private static let isInline: UInt32 = 1 << 28
    private static let isLong: UInt32 = 1 << 29

    private static func word(_ type: UInt32, _ bits: UInt32, _ number: UInt32, _ flags: UInt32) -> UInt32 {
        type | bits << 8 | number << 16 | flags
    }

    /// Both ways: from the first to the second, and back.
    private static func expect(
        _ first: [UInt8], _ second: [UInt8], _ format: BodyFormat, memory: [UInt64] = [], runs: [MemoryRun] = [],
        _ location: SourceLocation = #_sourceLocation
    ) {
        for (from, to, order) in [(first, second, ByteOrder.little), (second, first, .big)] {
            let converted = BodyConversion.convert(from, format, in: order, memory: memory)
            #expect(converted == BodyConversion.Converted(bytes: to, runs: runs), sourceLocation: location)
        }
    }

    @Test func typedNumbersAreTurnedByTheirWidth() {
        let rows: [(type: UInt32, bits: UInt32, [UInt8], [UInt8])] = [
            (1, 16, Self.little(UInt16(0x1234)) + Self.little(UInt16(0x5678)), Self.big(UInt16(0x1234)) + Self.big(UInt16(0x5678))),
            (2, 32, Self.little(UInt32(0x1234_5678)) + Self.little(UInt32(9)), Self.big(UInt32(0x1234_5678)) + Self.big(UInt32(9))),
            (
                11, 64, Self.little(UInt64(0x0102_0304_0506_0708)) + Self.little(UInt64.max - 1),
                Self.big(UInt64(0x0102_0304_0506_0708)) + Self.big(UInt64.max - 1)
            ),
            (
                10, 64, Self.little((1.5).bitPattern) + Self.little((-2.25).bitPattern),
                Self.big((1.5).bitPattern) + Self.big((-2.25).bitPattern)
            ),
            (15, 32, Self.little(UInt32(0x103)) + Self.little(UInt32(0)), Self.big(UInt32(0x103)) + Self.big(UInt32(0))),
        ]
        for (type, bits, little, big) in rows {
            let word = Self.word(type, bits, 2, Self.isInline)
            Self.expect(Self.little(word) + little, Self.big(word) + big, .typed)
            // The same in the long form, whose name and size are numbers of two bytes.
            let long = Self.isLong | Self.isInline
            Self.expect(
                Self.little(long) + Self.little(UInt16(type)) + Self.little(UInt16(bits)) + Self.little(UInt32(2)) + little,
                Self.big(long) + Self.big(UInt16(type)) + Self.big(UInt16(bits)) + Self.big(UInt32(2)) + big, .typedComplex)
        }
    }

    @Test(arguments: [(0, 32), (8, 8), (9, 8), (12, 8), (0, 1), (16, 32), (17, 32), (18, 32), (2, 8)] as [(UInt32, UInt32)])
    func whatIsNoNumberIsNotTurned(_ type: UInt32, _ bits: UInt32) {
        let data: [UInt8] = bits == 1 ? [1, 0, 0, 0] : [1, 2, 3, 4]
        let number: UInt32 = 32 / bits
        let word = Self.word(type, bits, bits == 1 ? 8 : number, Self.isInline)
        Self.expect(Self.little(word) + data, Self.big(word) + data, .typed)
    }

    @Test func itemsFollowEachOtherAtAMultipleOfFour() {
        let (text, number) = (Self.word(12, 8, 5, Self.isInline), Self.word(2, 32, 1, Self.isInline))
        let string = Array("hello\0\0\0".utf8)
        Self.expect(
            Self.little(text) + string + Self.little(number) + Self.little(UInt32(7)),
            Self.big(text) + string + Self.big(number) + Self.big(UInt32(7)), .typed)
    }

    @Test func numbersOutOfLineAreNamed() {
        let word = Self.word(11, 64, 3, 0)
        let place = UInt64(1) << 48 | 16
        Self.expect(
            Self.little(word) + Self.little(place), Self.big(word) + Self.big(place), .typedComplex, memory: [5, 40],
            runs: [MemoryRun(memory: 1, offset: 16, width: 8, count: 3)])
        // Bytes are not, and nothing is of no numbers.
        for word in [Self.word(9, 8, 3, 0), Self.word(2, 32, 0, 0), Self.word(17, 32, 3, 0)] {
            Self.expect(Self.little(word) + Self.little(place), Self.big(word) + Self.big(place), .typedComplex, memory: [5, 40])
        }
    }

    @Test func descriptorsAreTurnedAndTheBytesBehindThemAreNot() {
        let bytes: [UInt8] = [1, 2, 3, 4, 5]
        func body(_ number: (UInt64, Int) -> [UInt8]) -> [UInt8] {
            number(3, 4) + number(0, 4) + number(0, 4) + [0, 0, 17, 0]
                + number(1 << 48 | 0x102, 8) + [1, 1, 0, 1] + number(0x1234, 4)
                + number(0, 8) + [1, 0, 17, 2] + number(2, 4) + bytes
        }
        let little = body { Array(Self.little($0).prefix($1)) }
        let big = body { Array(Self.little($0).prefix($1).reversed()) }
        #expect(little != big)
        Self.expect(little, big, .complex)
        Self.expect(little, big, .foreignComplex)
    }

    @Test func plainBytesAreNotTouched() {
        let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
        Self.expect(bytes, bytes, .plain)
        Self.expect(bytes, bytes, .foreignPlain)
    }

    @Test func whatIsNoneIsRefused() {
        func refused(_ body: [UInt8], _ format: BodyFormat, memory: [UInt64] = [], _ location: SourceLocation = #_sourceLocation) {
            #expect(BodyConversion.convert(body, format, in: .little, memory: memory) == nil, sourceLocation: location)
        }
        // Half a word, an unknown bit, bits that a long word does not have, a long word that ends, numbers beyond the end.
        refused([1, 2, 3], .typed)
        refused(Self.little(Self.word(2, 32, 0, Self.isInline | 1 << 31)), .typed)
        refused(Self.little(Self.isLong | Self.isInline | 1) + Self.little(UInt64(0)), .typed)
        refused(Self.little(Self.isLong | Self.isInline) + [2, 0, 32, 0], .typed)
        refused(Self.little(Self.word(2, 32, 2, Self.isInline)) + Self.little(UInt32(7)), .typed)
        refused(
            Self.little(Self.isLong | Self.isInline) + Self.little(UInt16(2)) + Self.little(UInt16(32)) + Self.little(UInt32.max), .typed)
        // A string without what fills it up.
        refused(Self.little(Self.word(12, 8, 1, Self.isInline)) + [1], .typed)
        // A place without its bytes, in an object that is not there, beyond its end, and the same numbers twice.
        let word = Self.little(Self.word(2, 32, 2, 0))
        refused(word + [0, 0, 0, 0], .typedComplex, memory: [100])
        refused(word + Self.little(UInt64(1) << 48), .typedComplex, memory: [100])
        refused(word + Self.little(UInt64(93)), .typedComplex, memory: [100])
        refused(word + Self.little(UInt64(0)) + word + Self.little(UInt64(4)), .typedComplex, memory: [100])
        #expect(
            BodyConversion.convert(
                word + Self.little(UInt64(0)) + word + Self.little(UInt64(8)), .typedComplex, in: .little, memory: [100])?.runs.count == 2)
        // No count, descriptors beyond the end, one that is none.
        refused([1, 0], .complex)
        refused(Self.little(UInt32(1)) + [0, 0], .complex)
        refused(Self.little(UInt32.max) + [UInt8](repeating: 0, count: 12), .complex)
        refused(Self.little(UInt32(1)) + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4], .complex)
        refused(Self.little(UInt32(1)) + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], .complex)
    }

    @Test func turningTwiceIsNothing() {
        var bytes = (0..<37).map { UInt8($0) }
        for width in [2, 4, 8] {
            BodyConversion.turn(&bytes, in: 3..<35, width: width)
            #expect(bytes[3] == UInt8(3 + width - 1) && bytes[0] == 0 && bytes[36] == 36)
            BodyConversion.turn(&bytes, in: 3..<35, width: width)
        }
        #expect(bytes == (0..<37).map { UInt8($0) })
    }
}
