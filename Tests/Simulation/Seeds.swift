import MasixSimulator
import Testing

/// Whole nodes from one seed each: a few of every mode with every test run; `make simulate` runs many.
@Suite struct Seeds {
    @Test(
        "architecture rules 1 to 14: the same book balances with leases off, on and revoked at random",
        arguments: SimulationPlan.LeaseMode.allCases)
    func balance(_ mode: SimulationPlan.LeaseMode) {
        var tally = Tally()
        for seed in UInt64(1)...30 {
            let verdict = Simulation.run(SimulationPlan(seed: seed, mode: mode))
            tally.add(verdict.tally)
            #expect(verdict.failure == nil, "masix-simulate --seeds 1 --first \(seed) --mode \(mode.rawValue)")
        }
        #expect(tally.messagesByNucleus > 100)
        #expect((tally.messagesByLink > 0) == (mode != .off))
        #expect((tally.revocations > 0) == (mode == .random))
        #expect(tally.kills > 0 && tally.stops > 0 && tally.replays > 0 && tally.sleeps > 0)
    }

    @Test("a seed is a whole history: the same plan twice gives the same steps")
    func repeatExactly() {
        for seed in UInt64(1)...12 {
            let first = Simulation.run(SimulationPlan(seed: seed))
            let second = Simulation.run(SimulationPlan(seed: seed, keepsLog: true))
            #expect(first.hash == second.hash && first.tally.steps == second.tally.steps && first.situations == second.situations)
            #expect(first.log.isEmpty && !second.log.isEmpty)
        }
        #expect(Simulation.run(SimulationPlan(seed: 1)).hash != Simulation.run(SimulationPlan(seed: 5)).hash)
    }
}
