import Foundation
import Testing

@testable import MasixKernel

/// Random programs over everything that the kernel takes. After every event the kernel is recounted and compared with simple books;
/// at the end nothing is left, and a replay of the journal gives the same kernel.
@Suite struct RandomPrograms {
    /// Seeds in a batch; `SEEDS` sets how many run, `FIRST` where they begin.
    static let batch = 50
    static let count = Int(ProcessInfo.processInfo.environment["SEEDS"] ?? "") ?? 200
    static let first = Int(ProcessInfo.processInfo.environment["FIRST"] ?? "") ?? 1
    static let steps = Int(ProcessInfo.processInfo.environment["STEPS"] ?? "") ?? 300

    @Test(
        "architecture rules 1, 3, 7, 10; spec/mach.md O1, O3, S6, T4: random programs",
        arguments: Array(stride(from: first, to: first + count, by: batch)))
    func holdEverything(from start: Int) {
        for seed in start..<min(start + Self.batch, Self.first + Self.count) {
            let run = RandomRun(seed: UInt64(seed))
            run.run(steps: Self.steps)
            if ProcessInfo.processInfo.environment["SITUATIONS"] != nil { for situation in run.situations { print("S:", situation) } }
            guard let failure = run.failure else { continue }
            Issue.record("FIRST=\(seed) SEEDS=1 swift test --filter RandomPrograms: \(failure)")
            return
        }
    }
}
