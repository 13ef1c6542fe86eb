import Masix
import MasixKernel
import MasixLinux
import MasixStories
import MasixTestKit
import MasixTransport
import Testing

/// A way for messages to go. Nobody can tell which it was (architecture rule 1).
enum Carrier: String, CaseIterable, Sendable, CustomStringConvertible {
    /// Without links: the nucleus carries everything.
    case nucleus
    /// By links wherever that is possible; the roles are tasks in threads of this process.
    case link
    /// The same, and leases are closed at any moment.
    case revoked
    /// All roles are one task: what it sends to itself goes by the nucleus, since the rights have been with another.
    case oneTask
    /// All roles are one task, whose ports never leave it unless the story makes them: within the library.
    case inProcess
    /// The same, and at some moment of the story every right has been to another task: ports leave while they are used.
    case leaving
    /// Every role but one is a process of its own.
    case processes
    /// The same, with revocations.
    case processesRevoked
    /// The simulated node, with programs whose threads run when a seed says so.
    case simulated
    /// Two such nodes with their network servers, and the roles on both.
    case simulatedTwoNodes = "simulated-two-nodes"

    var description: String { rawValue }

    private var leases: TestNode.Leases {
        switch self {
        case .nucleus: .off
        case .link, .oneTask, .inProcess, .leaving, .processes, .simulated, .simulatedTwoNodes: .on
        case .revoked, .processesRevoked: .revokedAtRandom
        }
    }

    private var isProcesses: Bool { self == .processes || self == .processesRevoked }
    private var isOneTask: Bool { self == .oneTask || self == .inProcess || self == .leaving }
    /// Those that are tested: all, or the one that `CARRIER` names.
    static let tested = allCases.filter { [$0.rawValue, nil].contains(CurrentProcess.environment("CARRIER")) }

    /// What tells stories that need several tasks from others.
    func reasonToSkip(_ story: Story) -> String? {
        if self == .simulatedTwoNodes, Story.movingReceiveRights.contains(story.name) { return "a receive right stays on its node" }
        return isOneTask ? story.needsTasks : nil
    }

    func play(_ story: Story, seed: UInt64 = 1) throws {
        if self == .simulated { return try SimulatedCarrier.play(story) }
        if self == .simulatedTwoNodes { return try SimulatedNodesCarrier.play(story) }
        try TestNode.run(leases: leases, seed: seed) { node in
            let witness = try node.attach()
            var programs: [Program] = []
            var threads: [(String, Background<Void>)] = []
            let shared = isOneTask ? try node.attach() : nil
            let foyer: Foyer? =
                switch self {
                case .inProcess: Foyer()
                case .leaving: Foyer(outing: shared, seed: seed)
                case .nucleus, .link, .revoked, .oneTask, .processes, .processesRevoked, .simulated, .simulatedTwoNodes: nil
                }
            for (index, role) in story.roles.enumerated() {
                if isProcesses, index > 0 {
                    programs.append(try Program(Programs.player, ["play", story.name, role.name, node.directory]))
                } else {
                    let space = try shared ?? node.attach()
                    let stage = Stage(space: space, roles: story.roles.count, foyer: foyer)
                    threads.append((role.name, try Background { try role.play(stage) }))
                }
            }
            for (name, thread) in threads {
                do { try thread.wait(seconds: 50) } catch { Issue.record("\(story.name), by \(self): \(name): \(error)") }
            }
            for program in programs {
                let end = try program.end()
                if end != .exited(code: 0) { Issue.record("\(story.name), by \(self): \(String(describing: end)) \(try program.text())") }
            }
            try checkTheWay(story, NodeCounts.counters(witness))
        }
    }

    /// That the messages went where this carrier says.
    private func checkTheWay(_ story: Story, _ counters: NodeCounters) throws {
        let received = counters["messages received by the nucleus"]
        switch self {
        case .nucleus: #expect(counters["links opened"] == 0 && received >= UInt64(story.plainMessages))
        case .link, .processes:
            guard story.plainMessages > 0 else { break }
            #expect(counters["links opened"] > 0)
            #expect(
                received < UInt64(story.plainMessages) / 2,
                "\(story.name): \(received) of \(story.plainMessages) messages went by the nucleus")
        // Its only link, if any, is with the exchange.
        case .oneTask: #expect(received >= UInt64(story.plainMessages))
        case .inProcess:
            guard story.plainMessages > 0 else { break }
            #expect(received == 0 && counters["links opened"] == 0, "\(story.name): \(received) messages went by the nucleus")
        case .leaving, .simulated, .simulatedTwoNodes: break
        case .revoked, .processesRevoked:
            guard story.plainMessages > 0 else { break }
            #expect(counters["revocations"] > 0 && counters["leases closed"] > 0)
        }
        #expect(counters.entries.allSatisfy { !$0.name.hasPrefix("link faults") || $0.value == 0 }, "\(counters.entries)")
    }
}

extension Story {
    /// Those that are tested: all, or the one that `STORY` names.
    static let tested = all.filter { [$0.name, nil].contains(CurrentProcess.environment("STORY")) }
}

/// Everything here runs on whole nodes, and in part holds up every thread of the process: one test at a time.
@Suite(.serialized) enum Conformance {
    @Suite(.serialized) struct Semantics {
        @Test("what is observable is the same, whatever carries it", arguments: Carrier.tested, Story.tested)
        func conforms(_ carrier: Carrier, _ story: Story) async throws {
            if let reason = carrier.reasonToSkip(story) { return print("not played by \(carrier): \(story): \(reason)") }
            try await onThread { try carrier.play(story) }
        }

        @Test("every carrier plays every story, but for those that say why not")
        func skipped() {
            let skipped = Carrier.allCases.flatMap { carrier in Story.all.filter { carrier.reasonToSkip($0) != nil } }
            // Between nodes a receive right is refused, and nothing is lost by it.
            #expect(
                skipped.count == Story.movingReceiveRights.count && Story.all.count >= 30,
                "\(Story.all.count) stories, not played: \(skipped)")
        }
    }
}
