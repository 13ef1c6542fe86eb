import Crypto
import Testing

@testable import MasixSecure

@Suite struct RecordTests {
    private static let bytes = (0..<32).map { UInt8($0) }

    private func key(_ suite: Suite) -> CipherKey { CipherKey(SymmetricKey(data: Self.bytes), suite: suite) }

    /// One record's bytes without the length.
    private func sealed(_ payload: [UInt8], by sealer: inout RecordSealer) throws -> [UInt8] {
        var output: [UInt8] = []
        try sealer.seal(payload, into: &output)
        #expect(Int(output[0]) | Int(output[1]) << 8 == output.count - 2)
        return Array(output.dropFirst(2))
    }

    @Test(arguments: Suite.allCases, [0, 1, 63, 64, 2_046, 2_047, 2_048, 4_096, 65_518]) func whatIsSealedIsOpened(suite: Suite, count: Int)
        throws
    {
        var sealer = RecordSealer(key(suite))
        var opener = RecordOpener(key(suite))
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
        for header in [[], [1, 2, 3]] as [[UInt8]] {
            var (record, output): ([UInt8], [UInt8]) = ([], [9])
            try sealer.seal(payload, authenticating: header, into: &record)
            #expect(record.count == count + 2 + RecordLimit.overhead)
            #expect(try opener.open(record[2...], authenticating: header, into: &output) == .data)
            #expect(output == [9] + payload)
        }
    }

    /// The two libraries put the same bytes on the wire: what the one seals the other opens, on both sides of the length where they take turns.
    @Test(arguments: Suite.allCases, [0, 100, 2_031, 2_032, 5_000]) func theBytesAreThoseOfEitherLibrary(suite: Suite, count: Int) throws {
        let payload = [UInt8](repeating: 3, count: count)
        let header: [UInt8] = [4, 5]
        let counter: UInt64 = 0x0102_0304_0506_0708
        let nonce = RecordNonce(counter, of: suite).bytes
        #expect(nonce == (suite == .aes256gcm ? [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8] : [0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1]))
        var ours = payload
        #expect(key(suite).seal(&ours, from: 0, counter: counter, authenticating: header))
        let theirs: [UInt8]
        switch suite {
        case .aes256gcm:
            let box = try AES.GCM.seal(
                payload, using: SymmetricKey(data: Self.bytes), nonce: AES.GCM.Nonce(data: nonce), authenticating: header)
            theirs = Array(box.ciphertext) + Array(box.tag)
        case .chaCha20Poly1305:
            let box = try ChaChaPoly.seal(
                payload, using: SymmetricKey(data: Self.bytes), nonce: ChaChaPoly.Nonce(data: nonce), authenticating: header)
            theirs = Array(box.ciphertext) + Array(box.tag)
        }
        #expect(ours == theirs)
        var opened = theirs
        #expect(key(suite).open(&opened, from: 0, counter: counter, authenticating: header))
        #expect(opened == payload)
    }

    private func expectBroken(
        _ suite: Suite, _ disturb: ([[UInt8]]) -> [[UInt8]], opened: Int
    ) throws {
        var sealer = RecordSealer(key(suite))
        var opener = RecordOpener(key(suite))
        var records: [[UInt8]] = []
        for number in 0..<3 { records.append(try sealed([UInt8(number)], by: &sealer)) }
        var output: [UInt8] = []
        var refusal: SecurityRefusal?
        for record in disturb(records) where refusal == nil {
            do throws(SecurityRefusal) { _ = try opener.open(record[...], into: &output) } catch { refusal = error }
        }
        #expect(refusal?.reason == .record)
        #expect(output == (0..<UInt8(opened)).map { $0 })
        // Nothing is looked at any more, also not what would have been right.
        for record in records {
            var more: [UInt8] = []
            #expect(throws: SecurityRefusal.self) { try opener.open(record[...], into: &more) }
            #expect(more == [])
        }
    }

    @Test(arguments: Suite.allCases) func aReplayedRecordEndsTheSession(suite: Suite) throws {
        try expectBroken(suite, { [$0[0], $0[0]] }, opened: 1)
    }

    @Test(arguments: Suite.allCases) func recordsInAnotherOrderEndTheSession(suite: Suite) throws {
        try expectBroken(suite, { [$0[1], $0[0]] }, opened: 0)
    }

    @Test(arguments: Suite.allCases) func aMissingRecordEndsTheSession(suite: Suite) throws {
        try expectBroken(suite, { [$0[0], $0[2]] }, opened: 1)
    }

    @Test(arguments: Suite.allCases) func everyFlippedBitEndsTheSession(suite: Suite) throws {
        for place in 0..<18 {
            for bit in 0..<8 {
                try expectBroken(
                    suite,
                    { records in
                        var record = records[0]
                        record[place] ^= 1 << UInt8(bit)
                        return [record]
                    }, opened: 0)
            }
        }
    }

    @Test(arguments: Suite.allCases) func aShorterRecordEndsTheSession(suite: Suite) throws {
        try expectBroken(suite, { [Array($0[0].dropLast())] }, opened: 0)
        try expectBroken(suite, { [Array($0[0].prefix(16))] }, opened: 0)
        try expectBroken(suite, { _ in [[]] }, opened: 0)
    }

    @Test(arguments: Suite.allCases) func anotherHeaderEndsTheSession(suite: Suite) throws {
        var sealer = RecordSealer(key(suite))
        var opener = RecordOpener(key(suite))
        var (record, output): ([UInt8], [UInt8]) = ([], [])
        try sealer.seal([1], authenticating: [1], into: &record)
        #expect(throws: SecurityRefusal.self) { try opener.open(record[2...], authenticating: [2], into: &output) }
        #expect(output == [])
    }

    @Test func theEndOfTheStreamMustHaveBeenSaid() throws {
        var sealer = RecordSealer(key(.aes256gcm))
        var opener = RecordOpener(key(.aes256gcm))
        var output: [UInt8] = []
        let record = try sealed([1], by: &sealer)
        _ = try opener.open(record[...], into: &output)
        var cut = RecordOpener(key(.aes256gcm))
        #expect(throws: SecurityRefusal(.truncated, "the stream ended after 0 records without a close record")) { try cut.finish() }
        var close: [UInt8] = []
        try sealer.close(into: &close)
        let isClosed = sealer.isClosed
        #expect(isClosed)
        #expect(try opener.open(close[2...], into: &output) == .close)
        #expect(output == [1])
        try opener.finish()
        #expect(throws: SecurityRefusal.self) { try sealer.seal([2], into: &close) }
        #expect(throws: SecurityRefusal.self) { try opener.open(record[...], into: &output) }
    }

    @Test func aPayloadHasALimit() throws {
        var sealer = RecordSealer(key(.aes256gcm))
        var output: [UInt8] = []
        #expect(throws: SecurityRefusal.self) {
            try sealer.seal([UInt8](repeating: 0, count: RecordLimit.payloadBytesMax + 1), into: &output)
        }
        let count = sealer.count
        #expect(output == [] && count == 0)
    }

    /// Both sides change the key in front of the same record, by number and by length, and nothing is said about it.
    @Test(arguments: [(records: UInt64(3), bytes: UInt64(1 << 30)), (records: 1 << 20, bytes: 200)]) func keysChangeUnsaid(
        limit: (records: UInt64, bytes: UInt64)
    ) throws {
        var sealer = RecordSealer(RecordCounter(key(.aes256gcm), recordsMax: limit.records, bytesMax: limit.bytes))
        var opener = RecordOpener(RecordCounter(key(.aes256gcm), recordsMax: limit.records, bytesMax: limit.bytes))
        var old = RecordOpener(key(.aes256gcm))
        var openedByOld = 0
        for number in 0..<20 {
            let payload = [UInt8](repeating: UInt8(number), count: 50)
            let record = try sealed(payload, by: &sealer)
            var (output, other): ([UInt8], [UInt8]) = ([], [])
            #expect(try opener.open(record[...], into: &output) == .data)
            #expect(output == payload)
            do throws(SecurityRefusal) {
                _ = try old.open(record[...], into: &other)
                openedByOld += 1
            } catch { #expect(error.reason == .record) }
        }
        // 200 bytes are two records of 67 and a part.
        #expect(openedByOld == (limit.records == 3 ? 3 : 2))
    }

    @Test func theLimitsOfAKeyAreThoseOfTheSpecification() {
        #expect(RecordLimit.recordsOfKey == 1_048_576)
        #expect(RecordLimit.bytesOfKey == 1_073_741_824)
    }

    @Test func streamsAreCutIntoRecords() throws {
        var sealer = RecordSealer(key(.aes256gcm))
        var opener = RecordOpener(key(.aes256gcm))
        var stream: [UInt8] = []
        for number in 0..<10 { try sealer.seal([UInt8](repeating: UInt8(number), count: number * 300), into: &stream) }
        try sealer.close(into: &stream)
        var chance = SeededChance(7)
        var buffer = RecordBuffer()
        var rest = stream[...]
        var kinds: [RecordKind] = []
        var output: [UInt8] = []
        while !rest.isEmpty {
            let count = Int.random(in: 1...700, using: &chance)
            buffer.append(rest.prefix(count))
            rest = rest.dropFirst(count)
            while let record = try buffer.next() { kinds.append(try opener.open(record, into: &output)) }
        }
        #expect(kinds == [RecordKind](repeating: .data, count: 10) + [.close])
        #expect(output == (0..<10).flatMap { [UInt8](repeating: UInt8($0), count: $0 * 300) })
        #expect(buffer.count == 0)
        try opener.finish()
    }

    @Test func aLengthThatNoRecordHasIsRefused() throws {
        var buffer = RecordBuffer()
        buffer.append([16, 0])
        #expect(throws: SecurityRefusal.self) { try buffer.next() }
    }

    @Test func directionsHaveTheirOwnKeys() throws {
        var chance = SeededChance(3)
        let secret = InstanceKey.secret(random: &chance)
        let first = NoiseInitiator(suite: .aes256gcm, prologue: [], shared: secret, ephemeral: .init(random: &chance))
        let responder = try #require(NoiseResponder(suite: .aes256gcm, prologue: [], shared: secret, message: first.message))
        let (answer, there) = try #require(responder.answer(ephemeral: .init(random: &chance), payload: []))
        let here = try #require(first.finish(answer)).result
        var sealer = RecordSealer(here.sending)
        var reflected = RecordOpener(here.receiving)
        var right = RecordOpener(there.receiving)
        let record = try sealed([1], by: &sealer)
        var output: [UInt8] = []
        #expect(throws: SecurityRefusal.self) { try reflected.open(record[...], into: &output) }
        #expect(try right.open(record[...], into: &output) == .data)
    }
}
