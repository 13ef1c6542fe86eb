import Testing

@testable import Measure

@Suite struct DigestTests {
    @Test(arguments: [(1, 1), (50, 50), (99, 99), (100, 100)])
    func percentileOfHundredIsItsRank(percent: Int, expected: Int) {
        #expect(percentile(percent, of: Array(1...100)) == expected)
    }

    @Test func percentileOfOneIsThatOne() {
        #expect(percentile(1, of: [7]) == 7)
        #expect(percentile(99, of: [7]) == 7)
    }

    @Test func roundsArePooledButTheirMediansKeptApart() {
        let first = Samples(
            nanoseconds: [3000, 1000, 2000], processorNanoseconds: 9000, stages: ["fill": [10_000]], counters: ["messages": 3])
        let second = Samples(
            nanoseconds: [5000, 4000, 9000], processorNanoseconds: 3000, stages: ["fill": [20_000]], counters: ["messages": 4])
        let digest = Digest([second, first])
        #expect(digest.p50 == 3)
        #expect(digest.p99 == 9)
        #expect(digest.spread == [2, 5])
        #expect(digest.processor == 2)
        #expect(digest.stages == ["fill": 10])
        #expect(digest.counters == ["messages": 7])
        #expect(digest.samples == 6)
    }

    @Test func aBatchIsDividedByItsMessages() {
        let digest = Digest([Samples(nanoseconds: [256_000], operationsPerSample: 256, processorNanoseconds: 512_000)])
        #expect(digest.p50 == 1)
        #expect(digest.processor == 2)
    }
}
