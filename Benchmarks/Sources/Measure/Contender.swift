/// One side of a comparison: a floor, or Masix.
///
/// The rounds of two contenders alternate, so that both meet the same noise. Between its rounds a contender must leave the
/// processors alone: it may keep processes that sleep, none that spin.
public protocol Contender {
    /// Shown in the table and, for a floor, in the row.
    var name: String { get }

    /// Called once before the first round: start what all rounds share.
    func begin() throws

    /// One round: place both sides as the mode says (`Processors.pair(for:)`), warm up, then take `samples` samples, each of
    /// `Setting.operationsPerSample` calls or messages.
    func run(samples: Int) throws -> Samples

    /// Called once after the last round, also after a failed one.
    func end()
}

extension Contender {
    public func begin() throws {}
    public func end() {}
}

/// What one round has brought.
public struct Samples: Sendable {
    /// One number a sample, in the order taken.
    public var nanoseconds: [UInt64]
    /// How many calls or messages one sample stands for; figures are divided by it.
    public var operationsPerSample: Int
    /// Processor time of both sides, user and system, over all samples.
    public var processorNanoseconds: UInt64
    /// Parts of the work that are timed apart from the samples, by name.
    public var stages: [String: [UInt64]]
    /// Counts to be summed over all rounds and printed, by name: messages, messages by link, revocations.
    public var counters: [String: UInt64]

    public init(
        nanoseconds: [UInt64], operationsPerSample: Int = 1, processorNanoseconds: UInt64, stages: [String: [UInt64]] = [:],
        counters: [String: UInt64] = [:]
    ) {
        self.nanoseconds = nanoseconds
        self.operationsPerSample = operationsPerSample
        self.processorNanoseconds = processorNanoseconds
        self.stages = stages
        self.counters = counters
    }
}
