import Masix
import MasixKernel
import MasixLinux
import MasixSimulator
import MasixStories
import MasixTestKit
import Synchronization
import Testing

/// Programs on two simulated nodes while channels are cut, the nodes are parted, and network servers are killed: whoever waits is told in
/// time, in the words that the library has for it; and when it is over, all goes on and nothing is left.
final class SimulatedNodesFaults: Sendable {
    /// `SEEDS` sets how many, `FIRST` where they begin.
    static let seeds = CurrentProcess.environment("SEEDS").flatMap { UInt64($0) } ?? 2
    static let first = CurrentProcess.environment("FIRST").flatMap { UInt64($0) } ?? 1

    /// What has come about, for the test that wants to know that something has.
    struct Tally: Sendable {
        var answered = 0
        var streamed = 0
        var told: [String: Int] = [:]
        var faults: [String: Int] = [:]
    }

    struct Wrong: Error, CustomStringConvertible { let description: String }

    /// In simulated time, and far more than anything takes: of these the most is a look-up that waits for a node that is silent.
    private static let limit = Duration.seconds(5)
    private static let callers = 2

    private let isOver = FutexWord()
    private let sockets = Sockets()
    private let tally = Mutex(Tally())

    static func play(
        _ plan: SimulationPlan, _ defect: SimulatedNetwork.Defect? = nil
    ) throws -> (verdict: Simulation.Verdict, tally: Tally) {
        let faults = SimulatedNodesFaults()
        let verdict = try SimulatedNodesCarrier.run(plan, defect) { nodes in
            var programs: [SimulatedMachine.Program] = []
            for (name, home) in [("far", UInt32(2)), ("near", 1)] {
                programs.append(SimulatedMachine.Program("\(name) door") { try faults.serve(name, on: home, $0) })
                for caller in 0..<callers {
                    programs.append(SimulatedMachine.Program("caller \(caller) of \(name)") { try faults.call(name, on: 3 - home, $0) })
                }
            }
            programs.append(SimulatedMachine.Program("sink") { try faults.drink($0) })
            programs.append(SimulatedMachine.Program("source") { try faults.pour($0) })
            programs.append(SimulatedMachine.Program("fate") { try faults.befall(try nodes(), $0) })
            return [programs, [SimulatedMachine.Program("end") { try faults.end(try nodes(), $0) }]]
        }
        return (verdict, faults.tally.withLock { $0 })
    }

    // MARK: fate

    private func befall(_ nodes: SimulatedNodes, _ machine: SimulatedMachine) throws {
        for _ in 0...(1 + machine.chance(below: 4)) {
            SimulatedNodes.pause(microseconds: UInt64(100 + machine.chance(below: machine.chance(below: 2) == 0 ? 3_000 : 60_000)))
            let number = UInt32(1 + machine.chance(below: 2))
            switch machine.chance(below: 4) {
            case 0:
                note(fault: "part")
                nodes.network.part()
                SimulatedNodes.pause(microseconds: UInt64(machine.chance(below: 400_000)))
                nodes.network.heal()
            case 1:
                note(fault: "kill")
                nodes.life(number)?.kill(machine)
            default:
                note(fault: "cut")
                nodes.network.cut()
            }
        }
        try nodes.awaitCalm()
        isOver.set(1)
        isOver.wake(count: .max)
    }

    private func end(_ nodes: SimulatedNodes, _ machine: SimulatedMachine) throws {
        sockets.killAll(machine)
        try nodes.settle()
    }

    private func note(fault: String) { tally.withLock { $0.faults[fault, default: 0] += 1 } }
    private func note(_ error: String) { tally.withLock { $0.told[error, default: 0] += 1 } }

    private var isCalm: Bool { isOver.value != 0 }

    // MARK: calls

    /// Answers, but for every seventh caller; keeps the right that comes with a question, until it is told that its port has died.
    private func serve(_ name: String, on number: UInt32, _ machine: SimulatedMachine) throws {
        let space = try sockets.attach(to: number, machine)
        let door = try space.names.register(name)
        let deaths = try space.makePort()
        var kept: [PortID: Boxed] = [:]
        var left = Self.callers
        while left > 0 {
            do throws(MasixError) {
                while let notice = try deaths.tryReceive() {
                    if case .deadName(let port, _)? = notice.notification { kept[port] = nil }
                }
                var message = try door.receive(timeout: .milliseconds(50))
                if let memory = message.takeMemory(at: 0) {
                    // All of it, or the message would not have come.
                    let bytes = try memory.bytes(in: 0..<memory.count)
                    guard bytes.allSatisfy({ $0 == UInt8(truncatingIfNeeded: message.code) }) else { throw .malformedMessage }
                }
                if let right = message.takeSendRight() {
                    let port = right.port
                    if kept[port] == nil { try right.requestDeadName(to: deaths) }
                    kept[port] = Boxed(right)
                }
                guard let reply = message.takeReply() else { continue }
                guard message.code % 7 != 6 || message.text == "goodbye" else { continue }
                if message.text == "goodbye" { left -= 1 }
                try reply.send(Message(code: message.code + 1, text: message.text ?? ""))
            } catch {
                switch error {
                // Nothing has come; who has asked is gone; the right that came has died, and nobody can be told of it any more.
                case .timedOut, .deadName, .invalidValue: continue
                default: throw error
                }
            }
        }
        // The callers have gone, or their nodes cannot be told from gone: everything of theirs dies.
        let end = Clock.monotonicNanoseconds() + 5_000_000_000
        while !kept.isEmpty {
            guard Clock.monotonicNanoseconds() < end else { throw Wrong(description: "\(name): the rights to \(kept.keys) never died") }
            guard let notice = try? deaths.receive(timeout: .milliseconds(100)), case .deadName(let port, _)? = notice.notification else {
                continue
            }
            kept[port] = nil
        }
    }

    private func call(_ name: String, on number: UInt32, _ machine: SimulatedMachine) throws {
        let space = try sockets.attach(to: number, machine)
        var code: UInt32 = 0
        while !isCalm {
            let own = try space.makePort()
            guard let door = try lookUp(name, space) else { continue }
            for _ in 0..<5 where !isCalm {
                code += 1
                var question = Message(code: code, text: "\(code) times")
                question.attach(try own.makeSendRight())
                if machine.chance(below: 4) == 0 {
                    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: code), count: 1 + machine.chance(below: 300_000))
                    question.attach(try MemoryObject(bytes: bytes))
                }
                let asked = Clock.monotonicNanoseconds()
                do throws(MasixError) {
                    let answer = try door.call(question, timeout: Self.limit)
                    guard answer.code == code + 1, answer.text == "\(code) times" else {
                        throw MasixError.malformedMessage
                    }
                    tally.withLock { $0.answered += 1 }
                } catch {
                    note("\(error)")
                    // Half of the limit is what nobody should have to wait.
                    guard Clock.monotonicNanoseconds() - asked < 2_500_000_000 else {
                        throw Wrong(description: "\(name): a call fails late: \(error)")
                    }
                    switch error {
                    case .noReply: continue
                    case .deadName: break
                    default: throw Wrong(description: "\(name): a call fails with: \(error)")
                    }
                    break
                }
                SimulatedNodes.pause(microseconds: UInt64(machine.chance(below: 2_000)))
            }
        }
        try insist("\(name): a call") {
            guard let door = try self.lookUp(name, space) else { return false }
            do throws(MasixError) {
                return try door.call(Message(code: 1, text: "goodbye"), timeout: Self.limit).code == 2
            } catch {
                self.note("when it is over: \(error)")
                return false
            }
        }
    }

    /// Nil: it was not to be found, which can be while nodes are parted.
    private func lookUp(_ name: String, _ space: Space) throws -> SendRight? {
        let asked = Clock.monotonicNanoseconds()
        do throws(NameError) {
            return try space.names.lookUp(name, wait: true, timeout: Self.limit)
        } catch {
            switch error {
            case .unknown: note("unknown name")
            case .unanswered: note("unanswered name")
            default: throw Wrong(description: "the look-up of \(name) fails after \(Clock.monotonicNanoseconds() - asked) ns: \(error)")
            }
            return nil
        }
    }

    /// Nothing is in the way any more: soon, and then at once.
    private func insist(_ what: String, _ body: () throws -> Bool) throws {
        let end = Clock.monotonicNanoseconds() + 3_000_000_000
        while try !body() {
            guard Clock.monotonicNanoseconds() < end else { throw Wrong(description: "\(what) is not possible when all is over") }
            SimulatedNodes.pause(microseconds: 10_000)
        }
    }

    // MARK: a stream

    private static let lastWords = "last"

    /// Of each life of the source the numbers come without a gap, up to some.
    private func drink(_ machine: SimulatedMachine) throws {
        let space = try sockets.attach(to: 2, machine)
        let port = try space.names.register("sink", queueLimit: 3)
        var next: [String: UInt32] = [:]
        while true {
            let message: ReceivedMessage
            do throws(MasixError) {
                message = try port.receive(timeout: .seconds(7))
            } catch {
                throw Wrong(description: "the sink: \(error)")
            }
            let life = message.text ?? ""
            if life == Self.lastWords { return }
            guard message.code == next[life, default: 0] else {
                throw Wrong(description: "\(message.code) of life \(life) comes in the place of \(next[life, default: 0])")
            }
            next[life] = message.code + 1
            tally.withLock { $0.streamed += 1 }
            if machine.chance(below: 3) == 0 { SimulatedNodes.pause(microseconds: UInt64(machine.chance(below: 3_000))) }
        }
    }

    private func pour(_ machine: SimulatedMachine) throws {
        let space = try sockets.attach(to: 1, machine)
        var life = 0
        while !isCalm {
            guard let sink = try lookUp("sink", space) else { continue }
            life += 1
            var number: UInt32 = 0
            while !isCalm {
                do throws(MasixError) {
                    try sink.send(Message(code: number, text: "\(life)"), timeout: Self.limit)
                    number += 1
                    if number % 8 == 0 { SimulatedNodes.pause(microseconds: UInt64(machine.chance(below: 4_000))) }
                } catch {
                    guard error == .deadName else { throw Wrong(description: "the source: \(error)") }
                    note("the stream: \(error)")
                    break
                }
            }
        }
        try insist("a last word") {
            guard let sink = try self.lookUp("sink", space) else { return false }
            do throws(MasixError) { try sink.send(Message(text: Self.lastWords), timeout: Self.limit) } catch { return false }
            return true
        }
    }

    private final class Boxed: Sendable {
        private let right: SendRight
        init(_ right: consuming SendRight) { self.right = right }
    }
}

extension Conformance {
    @Suite(.serialized) struct SimulatedNodesFaultTests {
        @Test("decision 0014: cut, parted and killed: everybody is told in time, and nothing is left")
        func everybodyIsTold() async throws {
            try await onThread {
                var all = SimulatedNodesFaults.Tally()
                for seed in SimulatedNodesFaults.first..<(SimulatedNodesFaults.first + SimulatedNodesFaults.seeds) {
                    let (verdict, tally) = try SimulatedNodesFaults.play(SimulationPlan(seed: seed))
                    all.answered += tally.answered
                    all.streamed += tally.streamed
                    all.told.merge(tally.told, uniquingKeysWith: +)
                    all.faults.merge(tally.faults, uniquingKeysWith: +)
                    guard let failure = verdict.failure else { continue }
                    let log = try SimulatedNodesFaults.play(SimulationPlan(seed: seed, keepsLog: true)).verdict.log.suffix(100)
                    Issue.record(
                        "FIRST=\(seed) SEEDS=1 swift test --filter SimulatedNodesFaultTests: \(failure)\n\(log.joined(separator: "\n"))")
                    return
                }
                print("answered \(all.answered), streamed \(all.streamed); \(all.faults); \(all.told)")
                let seeds = Int(SimulatedNodesFaults.seeds)
                #expect(all.answered > 10 * seeds && all.streamed > 5 * seeds && !all.faults.isEmpty && !all.told.isEmpty)
            }
        }

        @Test("a seed with faults is a whole history too")
        func repeatsExactly() async throws {
            try await onThread {
                let plan = SimulationPlan(seed: 3, keepsLog: true)
                let (first, second) = (try SimulatedNodesFaults.play(plan).verdict, try SimulatedNodesFaults.play(plan).verdict)
                let differs = zip(first.log, second.log).first { $0 != $1 }
                #expect(first.failure == nil && first.hash == second.hash && first.log == second.log, "\(String(describing: differs))")
            }
        }
    }
}
