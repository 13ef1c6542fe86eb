import Masix
import MasixLinux
import MasixSimulator
import MasixStories
import MasixTestKit
import Testing

/// The roles are programs with the library as it is, on a machine where a seed decides which thread runs when and what befalls the nucleus:
/// its death between any two steps, revocations, links that fail. Time is the machine's own.
enum SimulatedCarrier {
    /// Seeds for each story; `SEEDS` sets how many, `FIRST` where they begin.
    static let seeds = CurrentProcess.environment("SEEDS").flatMap { UInt64($0) } ?? 24
    static let first = CurrentProcess.environment("FIRST").flatMap { UInt64($0) } ?? 1

    static func play(_ story: Story) throws {
        for seed in first..<(first + seeds) {
            let start = Clock.monotonicNanoseconds() / 1_000_000
            let verdict = try play(story, SimulationPlan(seed: seed))
            if CurrentProcess.environment("SHOW") != nil { print("T \(story.name) seed \(seed): \(Clock.monotonicNanoseconds() / 1_000_000 - start) ms \(verdict.tally)") }
            if let failure = verdict.failure {
                Issue.record("\(story.name), simulated, FIRST=\(seed) SEEDS=1: \(failure)")
                return
            }
        }
    }

    static func play(_ story: Story, _ plan: SimulationPlan) throws -> Simulation.Verdict {
        Interlude.arm { place in
            let isLocked: Bool
            switch place {
            case .leaseSeen, .frameWritten, .committed, .announced, .askedWhetherToRing, .answerWritten, .answerUsed, .answerAnnounced,
                .frameSeen, .frameTaken, .framePublished:
                isLocked = true
            case .spun, .saidAsleep, .lookedAgain, .woken: isLocked = false
            }
            (ScheduledThread.current as? SimulatedMachine)?.reach(place.rawValue, isLocked: isLocked)
        }
        defer { Interlude.arm(nil) }
        let server = SimulatedMachine.Program("exchange") { machine in
            _ = try Exchange(try Space.attach(rawSocket: try machine.connect()))
        }
        return try SimulatedMachine.run(
            plan, server: server,
            story.roles.map { role in
                SimulatedMachine.Program(role.name) { machine in
                    let space = try Space.attach(rawSocket: try machine.connect())
                    let stage = Stage(space: space, roles: story.roles.count, thrift: 20)
                    try role.play(stage)
                }
            })
    }
}

extension Conformance {
    @Suite(.serialized) struct Simulated {
        @Test("decision 0012: a seed is a whole history, with real programs too", arguments: [1, 2, 3, 5] as [UInt64])
        func repeatsExactly(_ seed: UInt64) async throws {
            try await onThread {
                for story in Story.all where story.plainMessages == 0 {
                    let plan = SimulationPlan(seed: seed)
                    let (first, second) = (try SimulatedCarrier.play(story, plan), try SimulatedCarrier.play(story, plan))
                    #expect(first.failure == nil && first.hash == second.hash && first.tally.steps == second.tally.steps, "\(story.name)")
                }
            }
        }

        @Test(
            "the simulated carrier can fail: a defence that is taken away is missed by some story",
            arguments: [Mutation.harvestSkipped, .wakeBeforeMark, .actionsNotRepeated, .sendKeepsLease])
        func canFail(_ mutation: Mutation) async throws {
            try await onThread {
                for seed in 1..<UInt64(20) {
                    for story in Story.all {
                        let plan = SimulationPlan(seed: seed, mode: .random, mutation: mutation)
                        if let failure = try SimulatedCarrier.play(story, plan).failure {
                            return print("\(mutation.rawValue): \(story), seed \(seed): \(failure)")
                        }
                    }
                }
                Issue.record("\(mutation.rawValue) survives")
            }
        }
    }
}
