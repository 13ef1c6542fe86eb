import Foundation
import Testing

@testable import Measure

/// Writes down who ran when, and always brings the same time.
private final class Scripted: Contender {
    let name: String
    let nanoseconds: UInt64
    let missing: Int
    let diary: Diary

    init(_ name: String, nanoseconds: UInt64, missing: Int = 0, diary: Diary) {
        self.name = name
        self.nanoseconds = nanoseconds
        self.missing = missing
        self.diary = diary
    }

    func begin() { diary.entries.append("begin \(name)") }
    func end() { diary.entries.append("end \(name)") }
    func run(samples: Int) -> Samples {
        diary.entries.append(name)
        return Samples(nanoseconds: .init(repeating: nanoseconds, count: samples - missing), processorNanoseconds: 1)
    }
}

private final class Diary {
    var entries: [String] = []
}

@Suite struct ComparisonTests {
    private let setting = Setting(.nullCall, size: 64, mode: .pinned)
    private let effort = Effort(rounds: 3, roundMilliseconds: 1, trialSamples: 5)

    @Test func roundsAlternateAndSoDoesWhoIsFirst() throws {
        let diary = Diary()
        let comparison = Comparison(
            setting, floor: Scripted("floor", nanoseconds: 1000, diary: diary), masix: Scripted("masix", nanoseconds: 1500, diary: diary))
        let row = try comparison.measure(with: effort, on: Processors())
        #expect(
            diary.entries == [
                "begin floor", "begin masix", "floor", "masix", "floor", "masix", "masix", "floor", "floor", "masix", "end masix",
                "end floor",
            ])
        #expect(row.ratio == 1.5)
        #expect(row.p50 == 1.5)
        #expect(row.floorP50 == 1)
        #expect(row.rounds == 3)
    }

    @Test func aFloorAloneHasNoRatio() throws {
        let row = try Comparison(setting, floor: Scripted("floor", nanoseconds: 1000, diary: Diary()), masix: nil)
            .measure(with: effort, on: Processors())
        #expect(row.ratio == nil)
        #expect(row.p50 == nil)
        #expect(row.floorP50 == 1)
    }

    @Test func tooFewSamplesAreRefusedAndAllIsEnded() throws {
        let diary = Diary()
        let comparison = Comparison(setting, floor: Scripted("floor", nanoseconds: 1000, missing: 1, diary: diary), masix: nil)
        #expect(throws: WrongCount.self) { try comparison.measure(with: effort, on: Processors()) }
        #expect(diary.entries.last == "end floor")
    }

    @Test func aLineHasTheNamesThatReadersKnow() throws {
        let diary = Diary()
        let setting = Setting(.nullCall, size: 64, place: .localNucleus, mode: .untuned, thinkMicroseconds: 50, loaded: true)
        // Two more processes that compute, for a moment.
        let row = try Comparison(
            setting, floor: Scripted("floor", nanoseconds: 1000, diary: diary), masix: Scripted("masix", nanoseconds: 2000, diary: diary)
        ).measure(with: effort, on: Processors())
        let fields = try #require(try JSONSerialization.jsonObject(with: row.line()) as? [String: Any])
        #expect(fields["case"] as? String == "null-call")
        #expect(fields["where"] as? String == "local-nucleus")
        #expect(fields["mode"] as? String == "untuned")
        #expect(fields["think_us"] as? Int == 50)
        #expect(fields["loaded"] as? Bool == true)
        #expect(fields["p50_us"] as? Double == 2)
        #expect(fields["floor_p50_us"] as? Double == 1)
        #expect(fields["ratio"] as? Double == 2)
        for key in ["p99_us", "spread", "cpu_us", "floor", "size"] { #expect(fields[key] != nil, "\(key)") }
        #expect(try JSONDecoder().decode(Row.self, from: row.line()) == row)
    }
}
