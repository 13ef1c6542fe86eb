import MasixNameSimulator
import MasixNetwork
import Testing

/// Real name tables and network cores, many of them, over a simulated network (Documentation/Decisions/0022).
@Suite struct NameResolution {
    private static func plan(
        _ announcements: NameAnnouncements, nodes: Int = 8, seed: UInt64 = 1, _ change: (inout ResolutionPlan) -> Void = { _ in }
    ) -> ResolutionPlan {
        var plan = ResolutionPlan()
        plan.announcements = announcements
        plan.nodes = nodes
        plan.seed = seed
        plan.callBacks = 50
        change(&plan)
        return plan
    }

    private static let modes: [NameAnnouncements] = [[], .answers, .senders, .both]

    @Test("every name is found, however they are announced, and no node has anything to refuse", arguments: modes)
    func areFound(announcements: NameAnnouncements) {
        for seed in UInt64(1)...2 {
            for sharing in ResolutionPlan.Sharing.allCases {
                let tally = ResolutionWorld.run(
                    Self.plan(announcements, seed: seed) {
                        $0.sharing = sharing
                        $0.lookUps = 120
                    })
                #expect(tally.faults.isEmpty && tally.notFound == 0 && tally.lookUps >= 120, "\(tally.faults), seed \(seed)")
                #expect(tally.local > 0 && tally.local < tally.lookUps)
            }
        }
    }

    @Test("a look-up that nobody has cached costs one question and one answer for each other node")
    func unicast() {
        for nodes in [2, 5, 9] {
            let tally = ResolutionWorld.run(
                Self.plan([], nodes: nodes) {
                    $0.callBacks = 0
                    $0.again = 0
                    $0.lookUps = 40
                    $0.sharing = .one
                })
            let asked = tally.lookUps - tally.local
            #expect(tally.kinds["lookUp"] == asked * (nodes - 1))
            #expect(tally.kinds["found", default: 0] + tally.kinds["unknown", default: 0] == asked * (nodes - 1))
            #expect(tally.kinds["announced"] == nil)
        }
    }

    @Test("announced answers save questions where all share a name, and are told to everybody where one asks")
    func announcements() {
        func frames(_ announcements: NameAnnouncements, _ sharing: ResolutionPlan.Sharing, _ kind: String) -> Int {
            ResolutionWorld.run(
                Self.plan(announcements) {
                    $0.sharing = sharing
                    $0.callBacks = 0
                }
            ).kinds[kind, default: 0]
        }
        #expect(frames(.answers, .all, "lookUp") * 3 < frames([], .all, "lookUp"))
        #expect(frames(.answers, .one, "announced") > 0 && frames([], .one, "announced") == 0)
    }

    @Test("of two nodes with one name the lowest is found, whoever answers first")
    func lowestWins() {
        for seed in UInt64(1)...3 {
            let tally = ResolutionWorld.run(
                Self.plan([], seed: seed) {
                    $0.lookUps = 150
                    $0.hasDuplicates = true
                    $0.jitter = 400
                })
            #expect(tally.wrong == 0 && tally.faults.isEmpty, "seed \(seed)")
        }
    }

    @Test("no answer is stale for longer than 100 ms after a name has died or moved, cached or announced", arguments: modes)
    func staleness(announcements: NameAnnouncements) {
        var deaths = 0
        for seed in UInt64(1)...3 {
            let tally = ResolutionWorld.run(
                Self.plan(announcements, nodes: 5, seed: seed) {
                    $0.sharing = .all
                    $0.lookUps = 250
                    $0.deaths = 8
                    $0.again = 6
                    $0.duration = 2_000_000
                })
            deaths += tally.deaths
            #expect(tally.stalest < 100_000 && tally.faults.isEmpty, "seed \(seed): \(tally.stale) by \(tally.stalest) us")
        }
        #expect(deaths > 50)
    }

    @Test("the same seed is the same history")
    func repeats() {
        let plans = [Self.plan(.both), Self.plan(.both)]
        let tallies = plans.map(ResolutionWorld.run)
        #expect(tallies[0].latencies == tallies[1].latencies && tallies[0].bytes == tallies[1].bytes)
    }
}
