/// The rounds of one contender, summed up. Times are in microseconds for one call or message.
public struct Digest: Sendable, Equatable {
    public let p50: Double
    public let p99: Double
    /// The lowest and the highest median of a round.
    public let spread: [Double]
    /// Processor time of both sides for one call.
    public let processor: Double
    /// Medians of the parts timed apart.
    public let stages: [String: Double]
    public let counters: [String: UInt64]
    public let samples: Int

    /// - Precondition: there is a round, and no round is empty.
    public init(_ rounds: [Samples]) {
        let pooled = rounds.flatMap { round in round.nanoseconds.map { Digest.microseconds($0, of: round) } }.sorted()
        let medians = rounds.map { round in Digest.microseconds(percentile(50, of: round.nanoseconds.sorted()), of: round) }.sorted()
        let operations = rounds.reduce(0) { $0 + $1.nanoseconds.count * $1.operationsPerSample }
        p50 = percentile(50, of: pooled)
        p99 = percentile(99, of: pooled)
        spread = [medians[0], medians[medians.count - 1]]
        processor = Double(rounds.reduce(0) { $0 + $1.processorNanoseconds }) / 1000 / Double(operations)
        var stages: [String: [UInt64]] = [:]
        var counters: [String: UInt64] = [:]
        for round in rounds {
            for (stage, times) in round.stages { stages[stage, default: []] += times }
            for (counter, count) in round.counters { counters[counter, default: 0] += count }
        }
        self.stages = stages.mapValues { Double(percentile(50, of: $0.sorted())) / 1000 }
        self.counters = counters
        samples = pooled.count
    }

    private static func microseconds(_ nanoseconds: UInt64, of round: Samples) -> Double {
        Double(nanoseconds) / 1000 / Double(round.operationsPerSample)
    }
}

/// The smallest number that is not below `percent` of them all (nearest rank).
///
/// - Precondition: `sorted` is in ascending order and not empty, `percent` is in 1...100.
public func percentile<Number>(_ percent: Int, of sorted: [Number]) -> Number {
    precondition((1...100).contains(percent) && !sorted.isEmpty)
    return sorted[(sorted.count * percent + 99) / 100 - 1]
}
