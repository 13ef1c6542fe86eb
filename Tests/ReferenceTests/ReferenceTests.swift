import Foundation
import MasixLinux
import MasixReferenceModel
import MasixTestKit
import Testing

/// Random programs on the model and on the real system: they agree in everything that a task can see (decision 0018).
///
/// PROGRAMS says how many, STEPS how long each is, FIRST the first seed, SHRUNK how many of those that fail are made small. A seed replays
/// with FIRST=it PROGRAMS=1. The ordinary run, and every longer one that begins like it, must also meet everything a hundred times.
@Suite(.serialized) struct ReferenceTests {
    static let first = number("FIRST").map { UInt64($0) }
    static let programs = number("PROGRAMS") ?? ordinaryRun
    static let ordinaryRun = 42
    static let steps = number("STEPS") ?? 1500
    /// So many of the programs that fail are made small.
    static let shrunkMax = number("SHRUNK") ?? 3
    static let countMin = 100

    private static func number(_ name: String) -> Int? { CurrentProcess.environment(name).flatMap { Int($0) } }
    private static func form(_ seed: UInt64) -> Form { seed.isMultiple(of: 2) ? .xnu : .mach3 }
    private static func leases(_ seed: UInt64) -> TestNode.Leases { TestNode.Leases.allCases[Int(seed / 2 % 3)] }

    private static func play(_ program: [Step], _ seed: UInt64, defect: KernelDefect? = nil) throws -> Play {
        try Play(program, form: form(seed), leases: leases(seed), seed: seed, defect: defect)
    }

    @Test("random programs: the model and the system agree, and meet every code, disposition, notification and rule")
    func agreement() async throws {
        try await onThread { try Self.agree() }
    }

    private static func agree() throws {
        var coverage = Coverage()
        var failures = 0
        let first = first ?? 1
        for seed in first..<(first + UInt64(programs)) {
            let program = ProgramMaker.program(seed: seed, steps: steps, form: form(seed))
            let play = try play(program, seed)
            coverage.add(play.coverage)
            guard let failure = play.failure else { continue }
            failures += 1
            let small = failures > shrunkMax ? "" : "\n" + shrunk(program, seed, play).text
            Issue.record(
                "seed \(seed), \(form(seed)), leases \(leases(seed)): \(failure)\(small)\nagain: FIRST=\(seed) PROGRAMS=1 STEPS=\(steps)")
        }
        print(coverage.table)
        // Fewer, or others: somebody looks for something.
        guard failures == 0, programs >= ordinaryRun, number("STEPS") == nil, Self.first == nil else { return }
        try judge(coverage)
    }

    private static func judge(_ coverage: Coverage) throws {
        for (code, name) in Code.names where Unreached.codes[name] == nil {
            #expect(coverage.count(of: code) >= countMin, "\(name): \(coverage.count(of: code)) times")
        }
        for move in Move.all { #expect(coverage.moves[move, default: 0] >= countMin, "disposition \(move)") }
        for id: UInt32 in [65, 66, 69, 70, 71, 72] {
            #expect(
                coverage.notifications[id, default: 0] >= countMin, "notification \(id): \(coverage.notifications[id, default: 0]) times")
        }
        for rule in Unreached.allRules where Unreached.rules[rule] == nil {
            #expect(coverage.rules[rule, default: 0] >= countMin, "rule \(rule): \(coverage.rules[rule, default: 0]) times")
        }
    }

    @Test("what random programs cannot reach has a test of its own")
    func unreached() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        for one in Array(Unreached.codes.values) + Array(Unreached.rules.values) {
            let text = try String(contentsOf: root.appendingPathComponent(one.file), encoding: .utf8)
            #expect(text.contains(one.words), "\(one.file) does not show \(one.what)")
        }
        #expect(Set(Unreached.codes.keys).isSubset(of: Set(Code.names.values)))
        #expect(Set(Unreached.rules.keys).isSubset(of: Set(Unreached.allRules)))
    }

    /// Seeds among which each defect is found.
    static let seedsOfDefects: ClosedRange<UInt64> = 1...12

    @Test("a kernel that does one thing wrong is found", arguments: KernelDefect.allCases)
    func defects(defect: KernelDefect) async throws {
        try await onThread {
            for seed in Self.seedsOfDefects {
                let program = ProgramMaker.program(seed: seed, steps: 1000, form: Self.form(seed))
                guard let failure = try Self.play(program, seed, defect: defect).failure else { continue }
                print("\(defect.rawValue): seed \(seed): \(failure)")
                return
            }
            Issue.record("\(defect.rawValue) is not found by \(Self.seedsOfDefects)")
        }
    }

    @Test("a program that fails shrinks to a few lines")
    func shrinking() async throws {
        try await onThread {
            let seed: UInt64 = 1
            let program = ProgramMaker.program(seed: seed, steps: 600, form: Self.form(seed))
            let play = try Self.play(program, seed, defect: .limitIsOneMore)
            #expect(play.failure != nil)
            let small = Self.shrunk(program, seed, play, defect: .limitIsOneMore)
            #expect(small.program.count <= 12, "\(small.text)")
            #expect(small.text.contains("setQueueLimit"), "\(small.text)")
            #expect(try Self.play(small.program, seed).failure == nil)
        }
    }

    private static func shrunk(
        _ program: [Step], _ seed: UInt64, _ failed: Play, defect: KernelDefect? = nil
    ) -> (program: [Step], text: String) {
        var last = ""
        let isSame = { (candidate: [Step]) in
            guard let play = try? play(candidate, seed, defect: defect), let failure = play.failure, play.failedCall == failed.failedCall
            else { return false }
            last = failure
            return true
        }
        // What comes after the step at which they differ is needed rarely.
        let beginning = program.filter { $0.id <= failed.failedStep }
        let small = Shrinking.shrink(isSame(beginning) ? beginning : program, fails: isSame)
        return (small, "\(last)\n\(Shrinking.source(small))")
    }
}
