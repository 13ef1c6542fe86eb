import Masix
import MasixNetwork
import MasixStories
import MasixTestKit
import MasixTransport
import Testing

/// The stories that every carrier must play alike, with the roles on two nodes: nobody can tell (architecture, "A message between two
/// nodes").
@Suite(.serialized) struct StoryTests {
    /// The others are refused, and nothing is lost.
    @Test func allButTwoArePlayed() { #expect(Story.all.count { Story.movingReceiveRights.contains($0.name) } == 2) }

    @Test(
        "what is observable is the same between two nodes", arguments: TestNode.Leases.allCases,
        Story.all.filter { !Story.movingReceiveRights.contains($0.name) })
    func conforms(_ leases: TestNode.Leases, _ story: Story) async throws {
        try await NodePair.play(leases: leases) { pair in
            try Self.play(story, on: pair, leases)
            for node in [pair.a, pair.b] { try Self.checkTheWay(story, try Self.counters(node), leases) }
        }
    }

    @Test(
        "and with a node that uses the other byte order for what its tasks say",
        arguments: Story.all.filter { !Story.movingReceiveRights.contains($0.name) })
    func conformsInTheOtherOrder(_ story: Story) async throws {
        try await NodePair.play(orders: (.host, ByteOrder.host.other)) { pair in try Self.play(story, on: pair, .on) }
    }

    private static func play(_ story: Story, on pair: NodePair, _ leases: TestNode.Leases) throws {
        try Exchange.start(named: "exchange", in: try pair.b.attach())
        var threads: [(String, Background<Void>)] = []
        for (index, role) in story.roles.enumerated() {
            let space = try (index == 0 ? pair.b : pair.a).attach()
            let stage = Stage(space: space, roles: story.roles.count, meeting: try MeetingPlace(space, exchange: "exchange"))
            threads.append((role.name, try Background { try role.play(stage) }))
        }
        for (name, thread) in threads {
            do { try thread.wait(seconds: 50) } catch { Issue.record("\(story.name), leases \(leases): \(name): \(error)") }
        }
    }

    private static func counters(_ node: TestNode) throws -> NodeCounters {
        guard case .counters(let counters) = try node.attach().query(.counters) else { throw MasixError.notPermitted }
        return counters
    }

    /// Plain messages go by links on both nodes, where there are links.
    private static func checkTheWay(_ story: Story, _ counters: NodeCounters, _ leases: TestNode.Leases) throws {
        #expect(counters.entries.allSatisfy { !$0.name.hasPrefix("link faults") || $0.value == 0 }, "\(counters.entries)")
        guard story.plainMessages > 0 else { return }
        let received = counters["messages received by the nucleus"]
        switch leases {
        case .off: #expect(counters["links opened"] == 0)
        case .on:
            #expect(
                received < UInt64(story.plainMessages) / 2,
                "\(story.name): \(received) of \(story.plainMessages) messages went by the nucleus")
        case .revokedAtRandom: #expect(counters["revocations"] > 0 && counters["leases closed"] > 0)
        }
    }
}
