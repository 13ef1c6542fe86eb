import MasixLinux
import MasixReferenceModel
import MasixTestKit
import Testing

/// Random programs on the model and on the real system: they agree in everything that a task can see.
@Suite(.serialized) struct ReferenceTests {
    static let first = CurrentProcess.environment("FIRST").flatMap { UInt64($0) } ?? 1
    static let programs = CurrentProcess.environment("PROGRAMS").flatMap { Int($0) } ?? 24
    static let steps = CurrentProcess.environment("STEPS").flatMap { Int($0) } ?? 1500

    /// So many of the programs that fail are made small.
    static let shrunkMax = 5

    static func form(_ seed: UInt64) -> Form { seed.isMultiple(of: 2) ? .xnu : .mach3 }
    static func leases(_ seed: UInt64) -> TestNode.Leases { TestNode.Leases.allCases[Int(seed / 2 % 3)] }

    @Test func programsAgree() throws {
        var coverage = Coverage()
        var failures = 0
        for seed in Self.first..<(Self.first + UInt64(Self.programs)) {
            let program = ProgramMaker.program(seed: seed, steps: Self.steps, form: Self.form(seed))
            let play = try Play(program, form: Self.form(seed), leases: Self.leases(seed), seed: seed)
            coverage.add(play.coverage)
            guard let failure = play.failure else { continue }
            failures += 1
            let small = failures > Self.shrunkMax ? "" : try Self.shrunk(program, seed)
            Issue.record("seed \(seed) (\(Self.form(seed)), leases \(Self.leases(seed))): \(failure)\n\(small)")
        }
        print(coverage.table)
    }

    private static func shrunk(_ program: [Step], _ seed: UInt64) throws -> String {
        var last = ""
        let small = Shrinking.shrink(program) { candidate in
            guard let play = try? Play(candidate, form: form(seed), leases: leases(seed), seed: seed), let failure = play.failure else {
                return false
            }
            last = failure
            return true
        }
        return "\(last)\n\(Shrinking.source(small))"
    }
}
