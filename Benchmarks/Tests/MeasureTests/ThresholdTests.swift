import Foundation
import Testing

@testable import Measure

@Suite struct ThresholdTests {
    private func row(ratio: UInt64, depth: Int? = nil, measured: Bool = true) -> Row {
        let floor = Digest([Samples(nanoseconds: [1000], processorNanoseconds: 1)])
        let masix = Digest([Samples(nanoseconds: [ratio * 1000], processorNanoseconds: 1)])
        let setting = Setting(.oneWay, size: 64, mode: .spin, depth: depth)
        return Row(setting, rounds: 1, floor: "ring", floorDigest: floor, digest: measured ? masix : nil)
    }

    private func threshold(_ text: String) throws -> Threshold { try JSONDecoder().decode(Threshold.self, from: Data(text.utf8)) }

    @Test func theWorstRowDecides() throws {
        let threshold = try threshold(#"{"case": "one-way", "mode": "spin", "floor": "ring", "ratio_max": 4}"#)
        #expect(threshold.verdict(on: [row(ratio: 2, depth: 5), row(ratio: 4, depth: 64)]) == .kept(worst: 4))
        #expect(threshold.verdict(on: [row(ratio: 2, depth: 5), row(ratio: 5, depth: 64)]) == .broken(worst: 5))
    }

    @Test func aFieldThatIsNamedPicks() throws {
        let threshold = try threshold(#"{"case": "one-way", "mode": "spin", "floor": "ring", "depth": 5, "ratio_max": 4}"#)
        #expect(threshold.verdict(on: [row(ratio: 2, depth: 5), row(ratio: 9, depth: 64)]) == .kept(worst: 2))
    }

    @Test func aFloorAloneShowsNothing() throws {
        let threshold = try threshold(#"{"case": "one-way", "mode": "spin", "floor": "ring", "ratio_max": 4}"#)
        #expect(threshold.verdict(on: [row(ratio: 1, measured: false)]) == .unmeasured)
        #expect(threshold.verdict(on: []) == .unmeasured)
    }

    @Test func aTimeCanBeAsked() throws {
        let threshold = try threshold(#"{"case": "one-way", "mode": "spin", "p50_us_max": 2.5}"#)
        #expect(threshold.verdict(on: [row(ratio: 1, depth: 5), row(ratio: 2, depth: 64)]) == .kept(worst: 2))
        #expect(threshold.verdict(on: [row(ratio: 3)]) == .broken(worst: 3))
    }
}
