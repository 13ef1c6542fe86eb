import ArgumentParser
import MasixSimulator

/// Runs simulated nodes, one seed each.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "masix-simulate",
        abstract: "Runs whole nodes of the real kernel, with simulated tasks and links, from one seed each.",
        discussion: """
            A seed that fails is told with its last events and with the line that repeats it exactly. With --prove-mutations each
            defence of the protocols is taken away in turn, and the run fails unless the simulation notices.
            """, subcommands: [SimulateResolution.self])

    @Option(help: "How many seeds.") var seeds = 3000
    @Option(help: "The first seed.") var first: UInt64 = 1
    @Option(help: "Steps of each schedule before the node is let run dry.") var steps = 600
    @Option(help: "Leases: off, on, or random (revoked at any step). By default the seed chooses.") var mode: String?
    @Option(help: "Takes one defence away; 'list' names them.") var mutation: String?
    @Option(help: "Writes the situations that the kernels met, one a line, sorted.") var situations: String?
    @Flag(help: "Takes each defence away in turn; fails if one is not missed.") var proveMutations = false
    @Flag(help: "Prints every step of every seed.") var verbose = false

    func validate() throws {
        if let mode, SimulationPlan.LeaseMode(rawValue: mode) == nil { throw ValidationError("--mode is off, on or random, not \(mode)") }
        if let mutation, mutation != "list", Mutation(rawValue: mutation) == nil { throw ValidationError("no mutation \(mutation)") }
        if seeds < 1 || steps < 1 { throw ValidationError("at least one seed and one step") }
    }

    func run() throws {
        if mutation == "list" {
            for mutation in Mutation.allCases { print(mutation.rawValue) }
            return
        }
        if proveMutations {
            try prove()
            return
        }
        try simulate()
    }

    private func plan(_ seed: UInt64, _ mutation: Mutation?, keepsLog: Bool = false) -> SimulationPlan {
        SimulationPlan(
            seed: seed, steps: steps, mode: mode.flatMap { SimulationPlan.LeaseMode(rawValue: $0) }, mutation: mutation, keepsLog: keepsLog)
    }

    private func simulate() throws {
        let clock = ContinuousClock()
        let start = clock.now
        let mutation = mutation.flatMap { Mutation(rawValue: $0) }
        var tally = Tally()
        var met: Set<String> = []
        for seed in first..<(first + UInt64(seeds)) {
            let verdict = Simulation.run(plan(seed, mutation, keepsLog: verbose))
            tally.add(verdict.tally)
            met.formUnion(verdict.situations)
            if verbose { for line in verdict.log { print(line) } }
            if let failure = verdict.failure {
                tell(failure, seed, mutation)
                throw ExitCode.failure
            }
        }
        let elapsed = start.duration(to: clock.now)
        print(Report(tally, first: first, elapsed: elapsed).text)
        if let situations { try write(met, to: situations) }
        // One mode, or few seeds, need not meet everything.
        guard seeds >= 2000, mode == nil || mode == "random", !tally.stepsNeverHit.isEmpty else { return }
        print("no lease was ever revoked at: " + tally.stepsNeverHit.map(\.rawValue).joined(separator: ", "))
        throw ExitCode.failure
    }

    /// The same seed once more, with every step written down.
    private func tell(_ failure: String, _ seed: UInt64, _ mutation: Mutation?) {
        for line in Simulation.run(plan(seed, mutation, keepsLog: true)).log.suffix(80) { print(line) }
        print("seed \(seed): \(failure)")
        var line = "make simulate SEEDS=1 FIRST=\(seed)"
        if steps != 600 || mode != nil || mutation != nil {
            line = "swift run -c release masix-simulate --seeds 1 --first \(seed) --steps \(steps)"
            if let mode { line += " --mode \(mode)" }
            if let mutation { line += " --mutation \(mutation.rawValue)" }
        }
        print("again: \(line)")
    }

    private func prove() throws {
        var survivors: [String] = []
        for mutation in Mutation.allCases {
            if let (seed, failure) = mutation.caught(within: first..<(first + Mutation.seedsMax), steps: steps) {
                print("\(mutation.rawValue): caught by seed \(seed): \(failure)")
            } else {
                print("\(mutation.rawValue): SURVIVED")
                survivors.append(mutation.rawValue)
            }
        }
        guard survivors.isEmpty else {
            print("not missed: \(survivors.joined(separator: ", "))")
            throw ExitCode.failure
        }
        print("\(Mutation.allCases.count) defences, each missed when it is taken away")
    }
}
