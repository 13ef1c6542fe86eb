import Masix
import MasixLinux
import MasixSimulator
import MasixStories
import MasixTestKit
import Synchronization
import Testing

/// The roles stand on two simulated nodes, and what they say to each other crosses a simulated network, which is late.
enum SimulatedNodesCarrier {
    /// Seeds for each story; `SEEDS` sets how many, `FIRST` where they begin: else each story has its own, for a seed says much that
    /// concerns all stories alike.
    static let seeds = CurrentProcess.environment("SEEDS").flatMap { UInt64($0) } ?? 1
    static func first(_ story: Story) -> UInt64 {
        if let first = CurrentProcess.environment("FIRST").flatMap({ UInt64($0) }) { return first }
        return UInt64(1 + (Story.all.firstIndex { $0.name == story.name } ?? 0))
    }

    static func play(_ story: Story) throws {
        let first = first(story)
        for seed in first..<(first + seeds) {
            guard let failure = try play(story, SimulationPlan(seed: seed)).failure else { continue }
            let log = try play(story, SimulationPlan(seed: seed, keepsLog: true)).log.suffix(100).joined(separator: "\n")
            Issue.record("CARRIER=simulated-two-nodes STORY='\(story.name)' FIRST=\(seed) SEEDS=1: \(failure)\n\(log)")
            return
        }
    }

    static func play(
        _ story: Story, _ plan: SimulationPlan, _ defect: SimulatedNetwork.Defect? = nil
    ) throws -> Simulation.Verdict {
        let sockets = Sockets()
        return try run(plan, defect) { nodes in
            [
                [
                    SimulatedMachine.Program("exchange") { machine in
                        try Exchange.start(named: "exchange", in: try sockets.attach(to: 2, machine))
                    }
                ],
                story.roles.enumerated().map { index, role in
                    SimulatedMachine.Program(role.name) { machine in
                        let space = try sockets.attach(to: index == 0 ? 2 : 1, machine)
                        let meeting = try MeetingPlace(space, exchange: "exchange")
                        try role.play(Stage(space: space, roles: story.roles.count, meeting: meeting, thrift: SimulatedCarrier.thrift))
                    }
                },
                [
                    SimulatedMachine.Program("end") { machine in
                        sockets.killAll(machine)
                        try nodes().settle()
                    }
                ],
            ]
        }
    }

    /// Two nodes, and then these stages of programs.
    static func run(
        _ plan: SimulationPlan, _ defect: SimulatedNetwork.Defect? = nil,
        _ stages: (@escaping @Sendable () throws -> SimulatedNodes) -> [[SimulatedMachine.Program]]
    ) throws -> Simulation.Verdict {
        try SimulatedCarrier.interrupted {
            let made = Place()
            let begin = [UInt32(1), 2].map { number in
                SimulatedMachine.Program("node \(number)") { machine in try made.make(machine, defect).beginNode(number) }
            }
            let start = SimulatedMachine.Program("start") { _ in try made.get().noteStart() }
            let verdict = try SimulatedMachine.run(plan, nodes: 2, stages: [begin, [start]] + stages { try made.get() })
            made.nodes.withLock { $0 = nil }
            return verdict
        }
    }

    private final class Place: Sendable {
        let nodes = Mutex<SimulatedNodes?>(nil)

        struct Missing: Error {}

        func make(_ machine: SimulatedMachine, _ defect: SimulatedNetwork.Defect?) -> SimulatedNodes {
            nodes.withLock { nodes in
                let made = nodes ?? SimulatedNodes(machine, defect)
                nodes = made
                return made
            }
        }

        func get() throws -> SimulatedNodes {
            guard let nodes = nodes.withLock({ $0 }) else { throw Missing() }
            return nodes
        }
    }
}

/// Tasks that end as processes do, with whatever threads they have.
final class Sockets: Sendable {
    private let sockets = Mutex<[Int32]>([])

    func attach(to number: UInt32, _ machine: SimulatedMachine) throws -> Space {
        let socket = try machine.connect(to: number)
        sockets.withLock { $0.append(socket) }
        return try Space.attach(rawSocket: socket)
    }

    func killAll(_ machine: SimulatedMachine) {
        for socket in sockets.withLock({ $0 }) { machine.kill(taskWith: socket) }
    }
}

extension Conformance {
    @Suite(.serialized) struct SimulatedNodesTests {
        @Test("decision 0014: a seed is a whole history, on two nodes too")
        func repeatsExactly() async throws {
            try await onThread {
                for (place, story) in Story.all.enumerated()
                where place % 9 == 4 && !Story.movingReceiveRights.contains(story.name) {
                    let plan = SimulationPlan(seed: UInt64(place + 40), keepsLog: true)
                    let (first, second) = (try SimulatedNodesCarrier.play(story, plan), try SimulatedNodesCarrier.play(story, plan))
                    #expect(first.failure == nil && !first.log.isEmpty, "\(story.name): \(first.failure ?? "")")
                    let differs = zip(first.log, second.log).first { $0 != $1 }
                    #expect(first.hash == second.hash && first.log == second.log, "\(story.name): \(String(describing: differs))")
                }
            }
        }

        @Test(
            "two simulated nodes can fail: what the network promises and does not keep is missed",
            arguments: SimulatedNetwork.Defect.allCases)
        func canFail(_ defect: SimulatedNetwork.Defect) async throws {
            try await onThread {
                for seed in UInt64(1)...3 {
                    let plan = SimulationPlan(seed: seed)
                    // What befalls channels is missed where channels are cut.
                    let stories = defect == .cutIsUntold ? [] : Story.all.filter { !Story.movingReceiveRights.contains($0.name) }
                    for story in stories {
                        guard let failure = try SimulatedNodesCarrier.play(story, plan, defect).failure else { continue }
                        return print("\(defect.rawValue): \(story), seed \(seed): \(failure.prefix(300))")
                    }
                    guard let failure = try SimulatedNodesFaults.play(plan, defect).verdict.failure else { continue }
                    return print("\(defect.rawValue): faults, seed \(seed): \(failure.prefix(300))")
                }
                Issue.record("\(defect.rawValue) survives")
            }
        }
    }
}
