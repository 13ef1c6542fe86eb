import Masix
import MasixStories
import MasixTestKit
import Testing

/// The stories that every carrier must play alike, with the roles on two nodes: nobody can tell (architecture, "A message between two
/// nodes").
@Suite(.serialized) struct StoryTests {
    /// Stories in which a receive right goes to the other node, which it does not do yet: refused, and nothing lost.
    static let moving: Set<String> = ["a receive right moves with its queue", "rights inside messages die and are released"]

    @Test func allButTwoArePlayed() { #expect(Story.all.count { Self.moving.contains($0.name) } == 2) }

    @Test("what is observable is the same between two nodes", arguments: Story.all.filter { !moving.contains($0.name) })
    func conforms(_ story: Story) async throws {
        try await NodePair.play { pair in
            try Exchange.start(named: "exchange", in: try pair.b.attach())
            var threads: [(String, Background<Void>)] = []
            for (index, role) in story.roles.enumerated() {
                let space = try (index == 0 ? pair.b : pair.a).attach()
                let stage = Stage(space: space, roles: story.roles.count, meeting: try MeetingPlace(space, exchange: "exchange"))
                threads.append((role.name, try Background { try role.play(stage) }))
            }
            for (name, thread) in threads {
                do { try thread.wait(seconds: 50) } catch { Issue.record("\(story.name): \(name): \(error)") }
            }
        }
    }
}
