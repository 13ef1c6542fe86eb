public import Foundation

/// One line of `bench.jsonl`: one case. Times are in microseconds for one call or message.
public struct Row: Codable, Equatable, Sendable {
    public let name: CaseName
    public let size: Int
    public let place: Place
    public let mode: Mode
    public let thinkMicroseconds: Int?
    public let loaded: Bool?
    public let depth: Int?
    /// Of Masix's sides; absent in rows from before there was a choice.
    public let interface: Interface?
    public let members: Int?

    /// Masix; absent where only the floor was measured.
    public let p50: Double?
    public let p99: Double?
    /// The lowest and the highest median of a round.
    public let spread: [Double]?
    /// Processor time of both sides. With think times it contains going to sleep and being woken, on the floor's side too.
    public let processor: Double?
    public let stages: [String: Double]?
    public let counters: [String: UInt64]?
    public let samples: Int?

    public let floor: String
    public let floorP50: Double
    public let floorP99: Double
    public let floorSpread: [Double]
    public let floorProcessor: Double
    public let floorStages: [String: Double]?
    public let floorSamples: Int

    /// `p50 / floorP50`, from rounds in turns.
    public let ratio: Double?
    public let rounds: Int

    enum CodingKeys: String, CodingKey {
        case name = "case", size, place = "where", mode, thinkMicroseconds = "think_us", loaded, depth, members, interface
        case p50 = "p50_us", p99 = "p99_us", spread, processor = "cpu_us", stages = "stages_us", counters, samples
        case floor, floorP50 = "floor_p50_us", floorP99 = "floor_p99_us", floorSpread = "floor_spread", floorProcessor = "floor_cpu_us"
        case floorStages = "floor_stages_us", floorSamples = "floor_samples"
        case ratio, rounds
    }

    init(_ setting: Setting, rounds: Int, floor: String, floorDigest: Digest, digest: Digest?) {
        name = setting.name
        size = setting.size
        place = setting.place
        mode = setting.mode
        thinkMicroseconds = setting.thinkMicroseconds
        loaded = setting.loaded
        depth = setting.depth
        interface = setting.interface
        members = setting.members
        p50 = digest.map { rounded($0.p50) }
        p99 = digest.map { rounded($0.p99) }
        spread = digest.map { $0.spread.map(rounded) }
        processor = digest.map { rounded($0.processor) }
        stages = digest.flatMap { $0.stages.isEmpty ? nil : $0.stages.mapValues(rounded) }
        counters = digest.flatMap { $0.counters.isEmpty ? nil : $0.counters }
        samples = digest?.samples
        self.floor = floor
        floorP50 = rounded(floorDigest.p50)
        floorP99 = rounded(floorDigest.p99)
        floorSpread = floorDigest.spread.map(rounded)
        floorProcessor = rounded(floorDigest.processor)
        floorStages = floorDigest.stages.isEmpty ? nil : floorDigest.stages.mapValues(rounded)
        floorSamples = floorDigest.samples
        ratio = digest.map { rounded($0.p50 / floorDigest.p50) }
        self.rounds = rounds
    }

    /// The line, without its end.
    public func line() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }
}

/// To a tenth of a nanosecond: the clock knows no more.
private func rounded(_ microseconds: Double) -> Double { (microseconds * 10_000).rounded() / 10_000 }
