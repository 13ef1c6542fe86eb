public import ArgumentParser
import Floors
import Foundation
public import Measure

@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measures Masix beside what the machine itself can do, in turns, and prints the ratios.")

    @Option(name: .customLong("case"), help: "Only this case; may be given more than once.")
    var cases: [CaseName] = []

    @Option(name: .customLong("mode"), help: "Only this mode; may be given more than once.")
    var modes: [Mode] = []

    @Option(name: .customLong("where"), help: "Only this way; may be given more than once.")
    var places: [Place] = []

    @Flag(help: "Few and short rounds: to see that it runs, not to compare.")
    var quick = false

    @Option(help: "How many rounds each side has; 20, or 5 with --quick, if not given.")
    var rounds: Int?

    @Option(help: "Where to write the rows, one JSON object a line.")
    var output = "bench.jsonl"

    @Flag(help: "Measure only what the machine itself can do.")
    var floorsOnly = false

    @Option(help: "A file of thresholds (JSON); fail if a ratio is above its own, or was not measured.")
    var check: String?

    @Option(help: "Measure nothing but the memory that so many ports of another node take.")
    var proxies: Int?

    @Option(help: "Send nothing but one message of so many MiB to another node, and small calls beside it.")
    var large: Int?

    func validate() throws {
        if let large, !(1...3_000).contains(large) { throw ValidationError("--large takes 1 to 3000.") }
        if let proxies, !(1...65_000).contains(proxies) { throw ValidationError("--proxies takes 1 to 65000.") }
        if let rounds, !(1...1000).contains(rounds) { throw ValidationError("--rounds takes 1 to 1000.") }
        if floorsOnly, check != nil { throw ValidationError("--check needs ratios, and --floors-only has none.") }
    }

    func run() throws {
        // The other side of a comparison is this program again, in a process of its own.
        if let directory = ProcessInfo.processInfo.environment[Peer.variable] { return try Peer(directory).serve() }
        if let large { return try LargeMessage(mebibytes: large).measure(to: output) }
        if let proxies { return try ProxyMemory(proxies).measure(to: output) }
        let thresholds = try check.map { try JSONDecoder().decode([Threshold].self, from: Data(contentsOf: URL(filePath: $0))) }
        let processors = try Processors()
        let rows = try measure(on: processors)
        if let thresholds { try judge(rows, by: thresholds) }
    }

    private func measure(on processors: Processors) throws -> [Row] {
        let base = quick ? Effort.quick : .full
        let effort = Effort(rounds: rounds ?? base.rounds, roundMilliseconds: base.roundMilliseconds, trialSamples: base.trialSamples)
        guard FileManager.default.createFile(atPath: output, contents: nil), let file = FileHandle(forWritingAtPath: output) else {
            throw ValidationError("cannot write \(output)")
        }
        let table = Table()
        say("\(processors.allowed.count) processors, \(effort.rounds) rounds in turns, reading the clock takes \(clockReading()) ns")
        say(table.head)
        var rows: [Row] = []
        func measure(_ setting: Setting, _ floor: any Contender, _ masix: (any Contender)?) throws {
            let row = try Comparison(setting, floor: floor, masix: masix).measure(with: effort, on: processors)
            try file.write(contentsOf: row.line() + Data("\n".utf8))
            say(table.text(row))
            rows.append(row)
        }
        for (setting, kind) in (floorsOnly ? Catalogue.local : Catalogue.local + Catalogue.inC + Catalogue.localNucleus)
        where isAsked(setting) {
            if setting.mode == .spin, processors.allowed.count < 2 {
                say("\(setting.name.rawValue), spin: left out, it takes two processors")
                continue
            }
            let masix: any Contender = setting.interface == .c ? MachContender(setting, processors) : MasixContender(setting, processors)
            try measure(setting, Floor(kind, for: setting, on: processors), floorsOnly ? nil : masix)
        }
        for setting in Catalogue.besideCall where !floorsOnly && isAsked(setting) {
            let call = Setting(.nullCall, size: setting.size, mode: setting.mode)
            try measure(setting, MasixContender(call, processors, as: "null-call"), MasixContender(setting, processors))
        }
        for setting in Catalogue.sets where !floorsOnly && isAsked(setting) && processors.allowed.count >= 2 {
            var few = setting
            few.members = 10
            try measure(setting, MasixContender(few, processors, as: "10-members"), MasixContender(setting, processors))
        }
        for setting in Catalogue.allocate where !floorsOnly && isAsked(setting) {
            try measure(setting, ObjectContender(setting), PortContender(setting))
        }
        let (remote, cached) = (Catalogue.remote.filter { isAsked($0.setting) }, Catalogue.remoteCached.filter { isAsked($0) })
        if floorsOnly {
            for (setting, kind) in remote { try measure(setting, Floor(kind, for: setting, on: processors), nil) }
        } else if !remote.isEmpty || !cached.isEmpty {
            let pair = try NodePair()
            defer { pair.end() }
            for (setting, kind) in remote {
                try measure(setting, Floor(kind, for: setting, on: processors), RemoteContender(setting, processors, pair))
            }
            for setting in cached {
                let call = Setting(.nullCall, size: setting.size, mode: setting.mode)
                try measure(setting, MasixContender(call, processors, as: "local-call"), RemoteContender(setting, processors, pair))
            }
        }
        try file.close()
        return rows
    }

    private func judge(_ rows: [Row], by thresholds: [Threshold]) throws {
        var failed = false
        for threshold in thresholds where isAsked(threshold) {
            switch threshold.verdict(on: rows) {
            case .kept(let worst): say("kept      \(threshold), is \(worst)")
            case .broken(let worst):
                say("BROKEN    \(threshold), is \(worst)")
                failed = true
            case .unmeasured:
                say("UNMEASURED \(threshold)")
                failed = true
            }
        }
        if failed { throw ExitCode.failure }
    }

    private func isAsked(_ setting: Setting) -> Bool { isAsked(setting.name, setting.mode, setting.place) }

    private func isAsked(_ threshold: Threshold) -> Bool { isAsked(threshold.name, threshold.mode, threshold.place) }

    private func isAsked(_ name: CaseName, _ mode: Mode, _ place: Place?) -> Bool {
        (cases.isEmpty || cases.contains(name)) && (modes.isEmpty || modes.contains(mode))
            && (places.isEmpty || place == nil || places.contains { $0 == place })
    }

    /// What one reading adds to every call timed alone, in nanoseconds.
    private func clockReading() -> UInt64 {
        let readings: UInt64 = 100_000
        let start = now()
        for _ in 1..<readings { _ = now() }
        return (now() - start) / readings
    }

}

extension CaseName: ExpressibleByArgument {}
extension Mode: ExpressibleByArgument {}
extension Place: ExpressibleByArgument {}

/// A line at once, so that the table grows while the reader looks on.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}
