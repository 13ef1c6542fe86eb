import MasixWire
import Testing

/// Bytes that anybody may have written: every value comes back as it went, and nothing else comes in.
@Suite struct WireTests {
    @Test("integers are little-endian, signed ones in two's complement")
    func integers() throws {
        var writer = WireWriter()
        writer.write(UInt16(0x0102))
        writer.write(UInt32(0x0304_0506))
        writer.write(Int32(-2))
        writer.write(UInt64.max)
        writer.write(Int8.min)
        #expect(writer.bytes == [2, 1, 6, 5, 4, 3, 0xFE, 0xFF, 0xFF, 0xFF] + Array(repeating: 0xFF, count: 8) + [0x80])
        var reader = WireReader(writer.bytes)
        #expect(try reader.read(UInt16.self) == 0x0102)
        #expect(try reader.read(UInt32.self) == 0x0304_0506)
        #expect(try reader.read(Int32.self) == -2)
        #expect(try reader.read(UInt64.self) == .max)
        #expect(try reader.read(Int8.self) == .min)
        try reader.finish()
    }

    @Test("bytes, texts, optionals and lists come back")
    func composed() throws {
        var writer = WireWriter()
        writer.write(counted: [1, 2, 3] as [UInt8])
        writer.write("Grüße")
        writer.write(true)
        writer.write(optional: Pair?.none)
        writer.write(optional: Pair(first: 1, second: false))
        writer.write(list: [Pair(first: 2, second: true), Pair(first: 3, second: false)])
        writer.write(raw: [9, 9] as [UInt8])
        var reader = WireReader(writer.bytes)
        #expect(try reader.readBytes(limit: 3, field: "bytes") == [1, 2, 3])
        #expect(try reader.readText(limit: 7, field: "text") == "Grüße")
        #expect(try reader.readBool())
        #expect(try reader.readOptional(Pair.self) == nil)
        #expect(try reader.readOptional(Pair.self) == Pair(first: 1, second: false))
        #expect(try reader.readList(of: Pair.self, limit: 2, field: "list").map(\.first) == [2, 3])
        #expect(reader.remaining == 2)
        #expect(reader.readRest() == [9, 9])
        try reader.finish()
    }

    @Test("the end comes early")
    func truncated() throws {
        let bytes = Pair(first: 7, second: true).wireBytes
        for count in 0..<bytes.count {
            #expect(throws: WireError.truncated) { try Pair(wireBytes: Array(bytes.prefix(count))) }
        }
        var reader = WireReader([5, 0, 0, 0, 1, 2])
        #expect(throws: WireError.truncated) { try reader.readBytes(limit: 10, field: "bytes") }
        #expect(throws: WireError.truncated) { try reader.readRaw(count: -1) }
        #expect(throws: WireError.truncated) { try reader.readRaw(count: .max) }
    }

    @Test("something is left over")
    func trailing() {
        #expect(throws: WireError.trailingBytes(count: 2)) { try Pair(wireBytes: Pair(first: 7, second: true).wireBytes + [0, 0]) }
    }

    @Test("a count is compared with its limit before anything is made of it")
    func limits() {
        let huge: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF]
        let refused = WireError.tooLarge(field: "field", value: UInt64(UInt32.max), limit: 4)
        var reader = WireReader(huge)
        #expect(throws: refused) { try reader.readBytes(limit: 4, field: "field") }
        reader = WireReader(huge)
        #expect(throws: refused) { try reader.readText(limit: 4, field: "field") }
        reader = WireReader(huge)
        #expect(throws: refused) { try reader.readList(of: Pair.self, limit: 4, field: "field") }
        // Under the limit and a lie: it ends with the bytes, and reserves no more than they are.
        reader = WireReader(huge)
        #expect(throws: WireError.truncated) { try reader.readList(of: Pair.self, limit: Int(UInt32.max), field: "field") }
    }

    @Test("a truth value is 0 or 1, and text is UTF-8")
    func strict() {
        var reader = WireReader([2])
        #expect(throws: WireError.unknownCase(of: "Bool", tag: 2)) { try reader.readBool() }
        reader = WireReader([2, 0, 0, 0, 0xC3, 0x28])
        #expect(throws: WireError.notText(field: "text")) { try reader.readText(limit: 9, field: "text") }
    }

    @Test("a reader may begin in the middle, and never outside")
    func middle() throws {
        var reader = WireReader([1, 2, 3], from: 2)
        #expect(try reader.read(UInt8.self) == 3)
        #expect(WireReader([1, 2, 3], from: 7).remaining == 0)
        #expect(WireReader([1, 2, 3], from: -7).remaining == 3)
    }

    @Test("random bytes never do more than throw")
    func noise() {
        var state: UInt64 = 42
        for _ in 0..<2000 {
            var bytes: [UInt8] = []
            for _ in 0..<24 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(UInt8(truncatingIfNeeded: state >> 33))
            }
            var reader = WireReader(bytes)
            do throws(WireError) {
                let list = try reader.readList(of: Pair.self, limit: 1 << 30, field: "noise")
                #expect(list.count <= bytes.count)
            } catch { #expect(reader.remaining <= bytes.count) }
        }
    }
}

private struct Pair: WireCodable, Equatable {
    let first: UInt32
    let second: Bool

    init(first: UInt32, second: Bool) {
        self.first = first
        self.second = second
    }

    func encode(into writer: inout WireWriter) {
        writer.write(first)
        writer.write(second)
    }

    init(from reader: inout WireReader) throws(WireError) {
        first = try reader.read()
        second = try reader.readBool()
    }
}
