import Foundation
import Testing

@testable import MasixNetwork

/// Random programs on two nodes and more, over channels that end when they like. `NETWORK_SEEDS` sets how many, `FIRST` where they
/// begin, `NODES` on how many others.
@Suite struct NetworkSeeds {
    static let count = Int(ProcessInfo.processInfo.environment["NETWORK_SEEDS"] ?? "") ?? 7
    static let first = Int(ProcessInfo.processInfo.environment["FIRST"] ?? "") ?? 1

    static let sizes = [UInt32(2), 3, 5] + (UInt32(ProcessInfo.processInfo.environment["NODES"] ?? "").map { [$0] } ?? [])

    @Test("spec/mach.md O1, O3, D3, T2, T4, V5: on so many nodes, every message and every right", arguments: sizes)
    func balance(_ nodes: UInt32) {
        var remote = 0
        var situations: Set<String> = []
        // For the stage that compares what nodes of tests have met with what simulated ones have.
        let place = ProcessInfo.processInfo.environment["MASIX_SITUATIONS"].map { "\($0)/../simulated-nodes-\(nodes)" }
        for seed in Self.first..<(Self.first + Self.count) {
            let world = NetworkWorld(WorldPlan(seed: UInt64(seed), nodes: nodes))
            world.keepsSituations = place != nil
            let failure = world.run()
            situations.formUnion(world.situations)
            remote += world.tally.remote
            if ProcessInfo.processInfo.environment["TALLY"] != nil { print(seed, world.tally) }
            if let failure { Issue.record("FIRST=\(seed) NETWORK_SEEDS=1 swift test --filter NetworkSeeds: \(failure)") }
        }
        #expect(remote > Self.count)
        if let place {
            #expect(throws: Never.self) {
                try Data(situations.sorted().joined(separator: "\n").utf8 + Array("\n".utf8)).write(to: URL(filePath: place))
            }
        }
    }
}

/// As many nodes as there may be.
@Suite struct NetworkOfFifty {
    /// An ordinary run has crashes alone; more seeds have cuts too.
    static let seeds = NetworkSeeds.count > 20 ? [UInt64(2), 5, 8, 11] : [2]

    @Test("fifty nodes, with crashes alone and with cuts", arguments: seeds)
    func balance(_ seed: UInt64) {
        var plan = WorldPlan(seed: seed, nodes: 50)
        plan.steps = 25_000
        let world = NetworkWorld(plan)
        let failure = world.run()
        #expect(failure == nil)
        #expect(world.tally.thirds > 0 && world.tally.grants > 0 && world.tally.crashes > 0, "\(world.tally)")
    }
}

/// A core that is wrong in one thing is found out.
@Suite struct NetworkDefects {
    @Test("each defect is found within so many seeds", arguments: CoreDefect.allCases)
    func areFound(_ defect: CoreDefect) {
        let seeds = defect.seeds
        var seed = seeds.lowerBound
        while seed <= seeds.upperBound, NetworkWorld(WorldPlan(seed: seed, nodes: defect.nodes, defect: defect)).run() == nil { seed += 1 }
        #expect(seed <= seeds.upperBound)
        if ProcessInfo.processInfo.environment["TALLY"] != nil {
            print("Tally", defect, seed, NetworkWorld(WorldPlan(seed: seed, nodes: defect.nodes, defect: defect)).run() ?? "")
        }
    }
}
