import ArgumentParser
import MasixNameSimulator
import MasixNetwork

/// `masix-simulate resolution`
struct SimulateResolution: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolution", abstract: "Measures how names of other nodes are found, on up to 1000 simulated nodes.",
        discussion: """
            The name tables and the network cores are the real ones; the network is a latency, a price for each message, and chance. Each \
            combination of --nodes, --announce, --sharing and --deaths is a run, and prints an object of JSON. Times are microseconds.
            """)

    @Option(help: "How many nodes; several with commas.") var nodes = "3"
    @Option(help: "none, answers, senders or both; several with commas.") var announce = "none"
    @Option(help: "Who uses a name: one, few or all; several with commas.") var sharing = "few"
    @Option(help: "How often a name moves to another port in a run; several with commas.") var deaths = "0"
    @Option(help: "Look-ups, at least.") var lookUps = 400
    @Option(help: "Of 100 calls, after so many the server looks up the caller.") var callBacks = 0
    @Option(help: "Look-ups of the same name by the same node after the first.") var again = 2
    @Option(help: "Over so many microseconds they are spread.") var duration: UInt64 = 10_000_000
    @Option(help: "One way between two nodes.") var latency: UInt64 = 50
    @Option(help: "A node's processor, for a frame that is sent and for one that is taken.") var cost: UInt64 = 10
    @Option(help: "The first seed.") var first: UInt64 = 1
    @Option(help: "Seeds of each run, added up.") var seeds = 1

    func validate() throws {
        for count in try list(nodes, Int.init, "--nodes") where !(2...1_024).contains(count) {
            throw ValidationError("--nodes must be from 2 to 1024")
        }
        _ = try list(announce, NameAnnouncements.init(words:), "--announce")
        _ = try list(sharing, ResolutionPlan.Sharing.init(rawValue:), "--sharing")
        _ = try list(deaths, { Double($0) }, "--deaths")
        guard lookUps > 0, seeds > 0, again >= 0, duration > 0, (0...100).contains(callBacks) else {
            throw ValidationError("counts must be positive, and --call-backs from 0 to 100")
        }
    }

    private func list<Value>(_ text: String, _ read: (String) -> Value?, _ option: String) throws -> [Value] {
        try text.split(separator: ",").map { part in
            guard let value = read(String(part)) else { throw ValidationError("\(option): '\(part)' is none of them") }
            return value
        }
    }

    func run() throws {
        for count in try list(nodes, Int.init, "--nodes") {
            for sharing in try list(sharing, ResolutionPlan.Sharing.init(rawValue:), "--sharing") {
                for deaths in try list(deaths, { Double($0) }, "--deaths") {
                    for announcements in try list(announce, NameAnnouncements.init(words:), "--announce") {
                        try measure(count, sharing, deaths, announcements)
                    }
                }
            }
        }
    }

    private func measure(_ count: Int, _ sharing: ResolutionPlan.Sharing, _ deaths: Double, _ announcements: NameAnnouncements) throws {
        var sum = ResolutionTally()
        for seed in first..<(first + UInt64(seeds)) {
            var plan = ResolutionPlan()
            plan.seed = seed
            plan.nodes = count
            plan.announcements = announcements
            plan.sharing = sharing
            plan.deaths = deaths
            plan.lookUps = lookUps
            plan.callBacks = callBacks
            plan.again = again
            plan.duration = duration
            plan.latency = latency
            plan.cost = cost
            let tally = ResolutionWorld.run(plan)
            for fault in tally.faults { print("seed \(seed): \(fault)") }
            guard tally.faults.isEmpty else { throw ExitCode.failure }
            sum.add(tally)
        }
        print(Self.line(count, sharing, deaths, announcements, sum))
    }

    private static func line(
        _ count: Int, _ sharing: ResolutionPlan.Sharing, _ deaths: Double, _ announcements: NameAnnouncements, _ tally: ResolutionTally
    ) -> String {
        let kinds = tally.kinds.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        return """
            {"nodes":\(count),"announce":"\(announcements)","sharing":"\(sharing.rawValue)","deaths_per_name":\(deaths),\
            "look_ups":\(tally.lookUps),"local":\(tally.local),"not_found":\(tally.notFound),"deaths":\(tally.deaths),\
            "frames":\(tally.frames),"bytes":\(tally.bytes),"broadcast_frames":\(tally.broadcasts),"processor_us":\(tally.processor),\
            "proxies":\(tally.proxies),"mean_us":\(Int(tally.meanLatency)),"median_us":\(tally.latency(percent: 50)),\
            "p99_us":\(tally.latency(percent: 99)),"stale":\(tally.stale),"stalest_us":\(tally.stalest),"kinds":{\(kinds)}}
            """
    }
}
