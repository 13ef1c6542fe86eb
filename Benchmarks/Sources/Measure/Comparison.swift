/// One case: a contender of Masix beside a floor, or a floor alone.
public struct Comparison {
    public let setting: Setting
    public let floor: any Contender
    public let masix: (any Contender)?

    public init(_ setting: Setting, floor: any Contender, masix: (any Contender)?) {
        self.setting = setting
        self.floor = floor
        self.masix = masix
    }

    /// Runs the rounds, floor and Masix in turns, and who is first in turns too.
    public func measure(with effort: Effort, on processors: Processors) throws -> Row {
        try floor.begin()
        defer { floor.end() }
        try masix?.begin()
        defer { masix?.end() }
        let load = setting.loaded == true ? try Load(on: processors) : nil
        let digests = try rounds(with: effort)
        _ = consume load  // the load ends here, or where an error leaves
        return Row(
            setting, rounds: effort.rounds, floor: floor.name, floorDigest: digests[0], digest: digests.count == 2 ? digests[1] : nil)
    }

    /// The floor's digest, then Masix's.
    private func rounds(with effort: Effort) throws -> [Digest] {
        var contenders: [(entry: any Contender, samples: Int, rounds: [Samples])] = []
        for entry in [floor, masix].compactMap({ $0 }) {
            let trial = try checked(entry.run(samples: effort.trialSamples), samples: effort.trialSamples, of: entry)
            let think = Double(setting.thinkMicroseconds ?? 0) * 1000
            let stages = trial.stages.values.reduce(0) { $0 + Double(percentile(50, of: $1.sorted())) }
            let mean = Double(trial.nanoseconds.reduce(0, +)) / Double(trial.nanoseconds.count)
            contenders.append((entry, effort.samples(eachTaking: mean + think + stages), []))
        }
        for round in 0..<effort.rounds {
            let order = round.isMultiple(of: 2) ? Array(contenders.indices) : contenders.indices.reversed()
            for index in order {
                let (entry, samples, _) = contenders[index]
                contenders[index].rounds.append(try checked(entry.run(samples: samples), samples: samples, of: entry))
            }
        }
        return contenders.map { Digest($0.rounds) }
    }

    private func checked(_ round: Samples, samples: Int, of contender: any Contender) throws(WrongCount) -> Samples {
        guard round.nanoseconds.count == samples, round.operationsPerSample > 0 else {
            throw WrongCount(contender: contender.name, asked: samples, brought: round.nanoseconds.count)
        }
        return round
    }
}

/// A contender brought another number of samples than it was asked for.
public struct WrongCount: Error, CustomStringConvertible {
    public let contender: String
    public let asked: Int
    public let brought: Int

    public var description: String { "\(contender): asked for \(asked) samples, brought \(brought)" }
}

/// How long to measure.
public struct Effort: Sendable {
    public let rounds: Int
    /// How long one round of one contender should take, roughly.
    public let roundMilliseconds: Int
    /// Taken once before the rounds, to learn how long a sample takes; thrown away.
    public let trialSamples: Int

    public static let full = Effort(rounds: 20, roundMilliseconds: 50, trialSamples: 50)
    public static let quick = Effort(rounds: 5, roundMilliseconds: 10, trialSamples: 20)

    public init(rounds: Int, roundMilliseconds: Int, trialSamples: Int) {
        precondition(rounds > 0 && roundMilliseconds > 0 && trialSamples > 0)
        self.rounds = rounds
        self.roundMilliseconds = roundMilliseconds
        self.trialSamples = trialSamples
    }

    /// At least ten, so that a median means something; at most 20,000, so that sorting stays short.
    func samples(eachTaking nanoseconds: Double) -> Int {
        Int(min(max(Double(roundMilliseconds) * 1_000_000 / max(nanoseconds, 1), 10), 20_000))
    }
}
