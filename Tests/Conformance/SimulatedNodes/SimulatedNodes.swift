import Masix
import MasixKernel
import MasixLinux
import MasixNetworkServer
import MasixSimulator
import MasixStories
import MasixTestKit
import Synchronization
import Testing

/// Two simulated nodes on one simulated machine, each with its name server and its network server, and a simulated network between them.
final class SimulatedNodes: Sendable {
    let machine: SimulatedMachine
    let network: SimulatedNetwork
    private let lives = Mutex<[UInt32: NetworkLife]>([:])
    private let start = Mutex<[[Int]]>([])

    init(_ machine: SimulatedMachine, _ defect: SimulatedNetwork.Defect?) {
        self.machine = machine
        network = SimulatedNetwork(machine, defect)
    }

    static func name(_ number: UInt32) -> String { number == 1 ? "a" : "b" }

    func life(_ number: UInt32) -> NetworkLife? { lives.withLock { $0[number] } }

    // MARK: a node

    /// What the supervisor does: starts the name server, and a network server as often as it takes.
    func beginNode(_ number: UInt32) throws {
        let first = try Space.attach(rawSocket: try machine.connect(to: number))
        try TestNode.startNameServer(first)
        let serves = FutexWord()
        try DetachedThread.start("supervisor") { [self] in
            do {
                while !machine.isEnding {
                    try serve(number, first, serves)
                    Self.pause(microseconds: UInt64(100 + machine.chance(below: 100_000)))
                }
            } catch {
                // The node has ended.
            }
        }
        while serves.value == 0 { _ = try serves.wait(while: 0, timeoutNanoseconds: nil) }
    }

    private func serve(_ number: UInt32, _ first: Space, _ serves: FutexWord) throws {
        let life = NetworkLife(number, network)
        lives.withLock { $0[number] = life }
        try machine.begin(SimulatedMachine.Program("network \(number)") { life.run($0) })
        guard try life.wait(for: .attached), let task = life.task else { return }
        do throws(MasixError) {
            try first.setChief(task)
        } catch {
            // It has died meanwhile; if the node has, the next one is not begun.
            if error == .nodeGone { throw error }
            life.reach(.over)
            return
        }
        life.reach(.chief)
        if try life.wait(for: .serving) {
            serves.set(1)
            serves.wake(count: .max)
        }
        try life.wait(for: .over)
    }

    // MARK: what is there

    static func pause(microseconds: UInt64) {
        let word = FutexWord()
        let end = Clock.monotonicNanoseconds() + microseconds * 1_000
        while case let now = Clock.monotonicNanoseconds(), now < end { _ = try? word.wait(while: 0, timeoutNanoseconds: end - now) }
    }

    struct Unclean: Error, CustomStringConvertible { let description: String }

    private func tables() -> [[Int]] { [1, 2].map { machine.tables(of: $0) } }

    private func isConnected() throws -> Bool {
        guard let a = try life(1)?.summary(), let b = try life(2)?.summary() else { return false }
        return a.peers == ["b"] && b.peers == ["a"]
    }

    private func crossed() throws -> [NetworkSummary] { try [1, 2].compactMap { try life($0)?.summary() } }

    /// Both know each other, and neither has to be told of anything that is over.
    func awaitCalm() throws {
        while try !network.isCalm || !isConnected() { Self.pause(microseconds: 5_000) }
    }

    /// Nothing has crossed yet.
    func noteStart() throws {
        try awaitCalm()
        Self.pause(microseconds: 100_000)
        start.withLock { $0 = tables() }
    }

    /// All that had crossed is let go of, soon: the tables are as they were.
    func settle() throws {
        let before = start.withLock { $0 }
        let end = Clock.monotonicNanoseconds() + 20_000_000_000
        while true {
            let summaries = try crossed()
            if summaries.count == 2, summaries.allSatisfy({ $0.isEmpty && $0.proxies + $0.exports == 0 }), tables() == before { return }
            guard Clock.monotonicNanoseconds() < end else {
                throw Unclean(description: "everybody has gone, and of \(before) there are \(tables()), \(summaries)")
            }
            Self.pause(microseconds: 20_000)
        }
    }
}
