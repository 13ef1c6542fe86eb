import Masix
import MasixLinux
import MasixSimulator
import MasixStories
import MasixTestKit
import Synchronization
import Testing

/// The roles are programs with the library as it is, on a machine where a seed decides which thread runs when and what befalls the nucleus:
/// its death between any two steps, revocations, links that fail. Time is the machine's own.
enum SimulatedCarrier {
    /// Seeds for each story; `SEEDS` sets how many, `FIRST` where they begin.
    static let seeds = CurrentProcess.environment("SEEDS").flatMap { UInt64($0) } ?? 12
    static let first = CurrentProcess.environment("FIRST").flatMap { UInt64($0) } ?? 1

    static func play(_ story: Story) throws {
        for seed in first..<(first + seeds) {
            guard let failure = try play(story, SimulationPlan(seed: seed)).failure else { continue }
            // The same again, told step by step.
            let log = try play(story, SimulationPlan(seed: seed, keepsLog: true)).log.suffix(100).joined(separator: "\n")
            Issue.record("CARRIER=simulated STORY='\(story.name)' FIRST=\(seed) SEEDS=1: \(failure)\n\(log)")
            return
        }
    }

    /// The library stops where a seed says so for as long as the body runs.
    static func interrupted<Result>(_ body: () throws -> Result) rethrows -> Result {
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
        return try body()
    }

    static func play(_ story: Story, _ plan: SimulationPlan) throws -> Simulation.Verdict {
        let server = SimulatedMachine.Program("exchange") { machine in
            _ = try Exchange(try Space.attach(rawSocket: try machine.connect()))
        }
        // By some seeds all roles are one task, whose ports leave it at any moment.
        let isOneTask = plan.seed % 5 == 0 && story.needsTasks == nil
        let programs = isOneTask ? [together(story, plan.seed)] : apart(story)
        return try interrupted { try SimulatedMachine.run(plan, stages: [[server], programs]) }
    }

    /// Of so many messages elsewhere there is one here: each costs some dozen decisions.
    static let thrift = 50

    private static func apart(_ story: Story) -> [SimulatedMachine.Program] {
        story.roles.map { role in
            SimulatedMachine.Program(role.name) { machine in
                let space = try Space.attach(rawSocket: try machine.connect())
                try role.play(Stage(space: space, roles: story.roles.count, thrift: thrift))
            }
        }
    }

    private static func together(_ story: Story, _ seed: UInt64) -> SimulatedMachine.Program {
        SimulatedMachine.Program("all roles") { machine in
            let space = try Space.attach(rawSocket: try machine.connect())
            // Before some hundred decisions are over.
            let foyer = Foyer(outing: space, seed: seed, within: 100)
            let stage = Stage(space: space, roles: story.roles.count, foyer: foyer, thrift: thrift)
            let (ended, failure) = (FutexWord(), Failure())
            for role in story.roles {
                _ = try Background {
                    do { try role.play(stage) } catch { failure.note(error) }
                    ended.set(ended.value + 1)
                    ended.wake()
                }
            }
            while case let count = ended.value, count < story.roles.count {
                try failure.tell()
                _ = try ended.wait(while: count, timeoutNanoseconds: nil)
            }
            try failure.tell()
        }
    }
}

/// The first thing that went wrong in one of several threads.
private final class Failure: Sendable {
    private let first = Mutex<(any Error)?>(nil)
    func note(_ error: any Error) { first.withLock { $0 = $0 ?? error } }
    func tell() throws { if let error = first.withLock({ $0 }) { throw error } }
}

extension Conformance {
    @Suite(.serialized) struct Simulated {
        @Test("decision 0012: a seed is a whole history, with real programs too", arguments: [2, 5] as [UInt64])
        func repeatsExactly(_ seed: UInt64) async throws {
            try await onThread {
                for story in Story.all {
                    let plan = SimulationPlan(seed: seed, keepsLog: true)
                    let (first, second) = (try SimulatedCarrier.play(story, plan), try SimulatedCarrier.play(story, plan))
                    let difference = zip(first.log, second.log).enumerated().first { $1.0 != $1.1 }
                    #expect(
                        first.failure == nil && first.hash == second.hash && first.log == second.log,
                        """
                        \(story.name): \(first.failure ?? "no failure"); \(first.log.count) and \(second.log.count) lines, \
                        different at \(difference.map { "\($0.offset): \($0.element)" } ?? "the end"), \
                        after \(first.log.prefix(difference?.offset ?? first.log.count).suffix(6))
                        """)
                    #expect(!first.log.isEmpty && first.situations == second.situations)
                }
                let (one, other) = (SimulationPlan(seed: seed), SimulationPlan(seed: seed + 4))
                #expect(try SimulatedCarrier.play(Story.all[0], one).hash != SimulatedCarrier.play(Story.all[0], other).hash)
            }
        }

        /// Those of the nucleus and the kernel's shell: the library is the real one, from which nothing can be taken away.
        @Test(
            "the simulated carrier can fail: a defence of the nucleus that is taken away is missed by some story",
            arguments: [
                Mutation.harvestSkipped, .takeWordOpen, .commitWordOpen, .sendKeepsLease, .wakeBeforeMark, .observationForgotten,
                .actionsNotRepeated,
            ])
        func canFail(_ mutation: Mutation) async throws {
            try await onThread {
                for seed in UInt64(1)...8 {
                    for story in Story.all {
                        let plan = SimulationPlan(seed: seed, mode: .random, mutation: mutation)
                        guard let failure = try SimulatedCarrier.play(story, plan).failure else { continue }
                        return print("\(mutation.rawValue): \(story), seed \(seed): \(failure)")
                    }
                }
                Issue.record("\(mutation.rawValue) survives")
            }
        }
    }
}
