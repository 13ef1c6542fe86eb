import MasixKernel
public import MasixLinux
import MasixTransport
import MasixWire
import Synchronization
package import SystemPackage

/// A machine for programs that are not simulated: real threads with the real library, of which one runs at a time, when the seed says so
/// and in a time of the machine's own; the node that they attach to is the simulated one.
///
/// A thread can lose its turn where it waits, where it asks the nucleus, and at the places that `reach` is told of. Everything that Linux
/// itself decides is taken from it: who runs, who is woken first, how late it is. So a seed is a whole history here too.
///
/// All state belongs to whoever has the turn.
public final class SimulatedMachine: Schedule, @unchecked Sendable {
    /// A program, as one thread that may start others.
    public struct Program: Sendable {
        let name: String
        let body: @Sendable (SimulatedMachine) throws -> Void

        /// `body` attaches over sockets of the machine's `connect`.
        public init(_ name: String, _ body: @escaping @Sendable (SimulatedMachine) throws -> Void) {
            self.name = name
            self.body = body
        }
    }

    let plan: SimulationPlan
    var chance: Chance
    var tally = Tally()
    let book = Book()
    private var nodes: [MachineNode] = []
    /// Of all nodes, in the order in which they were made.
    private var sockets: [KernelSocket] = []
    /// Those that have not ended.
    private var strands: [Strand] = []
    private var strandCount = 0
    private var current: Strand?
    private let stopped = FutexWord()
    /// What programs have thrown. What one lets go as it fails is seen by the others, who may fail of it first.
    private var failures: [String] = []
    /// Decisions so far.
    private(set) var steps = 0
    /// In nanoseconds. It does not begin at 0, which is no deadline.
    private var now: UInt64 = 1_000_000_000
    private(set) var crashes = true
    private var isInterrupting = false
    private var situations: Set<Situation> = []
    private var eventLog: EventLog
    /// A thread that comes to this place stops there once in so many times; 0: never.
    private var rates: [Int] = []
    private(set) var revocationRate = 1
    private(set) var linkFailureRate = 1
    private(set) var deathRate = 1
    /// Somebody stands where a revocation may hurt.
    private var isAmbushed = false

    private init(_ plan: SimulationPlan, nodes count: Int) {
        self.plan = plan
        chance = Chance(seed: plan.seed)
        eventLog = EventLog(keepsLines: plan.keepsLog)
        revocationRate = [20, 100, 500][chance.below(3)]
        linkFailureRate = [200, 1_000, 10_000][chance.below(3)]
        deathRate = [500, 5_000][chance.below(2)]
        nodes = (1...UInt32(max(1, count))).map { MachineNode(NodeID(number: $0, incarnation: 1), on: self) }
    }

    /// Runs programs, one stage after the other: the next begins when the first threads of all programs of a stage have ended. What a
    /// program throws is the failure.
    ///
    /// Whoever attaches first to a node is its first task. The nodes are numbered from 1. The calling thread is the machine, and keeps to
    /// one processor as all its threads do.
    public static func run(_ plan: SimulationPlan, nodes: Int = 1, stages: [[Program]]) throws -> Simulation.Verdict {
        let allowed = try Processor.allowed()
        if let processor = allowed.last { try Processor.pin(to: processor) }
        let machine = SimulatedMachine(plan, nodes: nodes)
        for stage in stages where !machine.hasFailed { try machine.run(stage) }
        // What the machine has found stops everybody, who then fail of that.
        let found = machine.book.failure.map { machine.failures + [$0] }
        machine.finish()
        let failures = found ?? machine.failures + [machine.book.failure].compactMap { $0 }
        machine.tally.seeds = 1
        machine.tally.steps = machine.steps
        return Simulation.Verdict(
            seed: plan.seed, failure: failures.isEmpty ? nil : failures.joined(separator: "; "), tally: machine.tally,
            situations: Set(machine.situations.map(\.description)), hash: machine.eventLog.hash, log: Array(machine.eventLog.tail))
    }

    func log(_ line: @autoclosure () -> String) { eventLog.note("\(steps) \(now) \(line())") }

    // MARK: what programs ask of the machine, and not of their node

    /// A socket for a program to attach over; the program closes it.
    package func connect(to number: UInt32 = 1) throws(Errno) -> Int32 {
        guard let node = node(number) else { throw .invalidArgument }
        let socket = try node.connect()
        sockets.append(socket)
        return socket.programEnd
    }

    /// The task that has attached over this socket dies now, whatever it is doing. Its threads see that their node is gone.
    package func kill(taskWith programEnd: Int32) {
        guard let socket = sockets.last(where: { $0.programEnd == programEnd && !$0.hasEnded }) else { return }
        log("node \(socket.node.id.number): \(socket.task.map(String.init(describing:)) ?? "a task") is killed")
        socket.node.end(socket)
    }

    /// A program beside those of the stage, whose end nobody waits for.
    package func begin(_ program: Program) throws(Errno) {
        programCount += 1
        _ = try add(program.name, of: programCount) { [self] in
            do { try program.body(self) } catch { if !isEnding { fail("\(program.name): \(error)") } }
        }
    }

    /// The same chance that decides who runs.
    package func chance(below bound: Int) -> Int { chance.below(bound) }
    /// Something is not as it must be.
    package func fail(_ words: String) { book.fail(words) }
    /// A line of the log.
    package func tell(_ words: @autoclosure () -> String) { log(words()) }
    /// All programs have ended, and so does every node.
    package var isEnding: Bool { !crashes }

    /// How much there is on a node that is not only kept for later: tasks, ports that are in use, and bytes and memory on their way.
    package func tables(of number: UInt32) -> [Int] { node(number)?.tables ?? [] }

    private func node(_ number: UInt32) -> MachineNode? { nodes.first { $0.id.number == number } }

    // MARK: threads

    private func add(_ name: String, of program: Int, _ body: @escaping @Sendable () -> Void) throws(Errno) -> Strand {
        let strand = Strand(strandCount, name, of: program, stopping: stopped)
        strandCount += 1
        strands.append(strand)
        let errand = Errand(body)
        try DetachedThread.startInLinux(name) { [self] in
            ScheduledThread.run(by: self) {
                attempt { () throws(Errno) in try strand.awaitFirstTurn() }
                errand.run()
            }
            strand.end()
        }
        return strand
    }

    /// What a thread does, once. What it held is let go before the thread counts as over: else a socket that ends with it would end at
    /// a time that no seed decides.
    private final class Errand: Sendable {
        private let body: Mutex<(@Sendable () -> Void)?>
        init(_ body: @escaping @Sendable () -> Void) { self.body = Mutex(body) }
        func run() { body.withLock { $0.take() }?() }
    }

    package func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        _ = try add(name, of: current?.program ?? 0, body)
    }

    package func nanoseconds() -> UInt64 {
        now += 50
        return now
    }

    package func wait(for awaited: Awaited, until deadline: UInt64?) {
        guard let strand = current else { return }
        strand.awaited = awaited
        strand.deadline = deadline
        if case .answer = awaited { strand.isLocked = true }
        attempt { () throws(Errno) in try strand.stop() }
    }

    /// The calling thread has come to a place between two steps, of which the machine has been told by a number below 64.
    ///
    /// `isLocked`: where it may have locks. Others come in between here if the seed says so.
    package func reach(_ place: Int, isLocked: Bool) {
        guard ScheduledThread.current === self, crashes, let strand = current else { return }
        while rates.count <= place { rates.append([0, 0, 60, 12, 3][chance.below(5)]) }
        guard rates[place] > 0, chance.oneIn(rates[place]) else { return }
        if chance.oneIn(2) { strand.stalledUntil = steps + 2 + chance.below(chance.oneIn(4) ? 120 : 20) }
        if plan.mode == .random, chance.oneIn(3) { isAmbushed = true }
        strand.isLocked = isLocked
        log("\(strand.name) stops at \(place)")
        attempt { () throws(Errno) in try strand.stop() }
    }

    private func resume(_ strand: Strand) {
        eventLog.mix(UInt64(strand.number) + 1)
        eventLog.mix(now)
        log("\(strand.description)")
        let before = current
        current = strand
        defer { current = before }
        attempt { () throws(Errno) in
            guard try !strand.resume() else { return }
            book.fail("a thread neither ends nor waits for anything that the machine knows of: \(strand.description)")
        }
        // What it has asked for lies in its socket now.
        if case .answer(let raw)? = strand.awaited, let socket = sockets.last(where: { $0.programEnd == raw && !$0.hasEnded }) {
            socket.node.collect(socket)
        }
        guard strand.isOver else { return }
        strands.removeAll { $0 === strand }
        collectEnds()
    }

    private func collectEnds() { for node in nodes { node.collectEnds() } }

    // MARK: the schedule

    /// Until the first threads of all these have ended.
    private func run(_ programs: [Program]) throws {
        var first: [Strand] = []
        for program in programs {
            programCount += 1
            first.append(
                try add(program.name, of: programCount) { [self] in
                    do { try program.body(self) } catch { failures.append("\(program.name): \(error)") }
                })
        }
        while !hasFailed, !first.allSatisfy(\.isOver) {
            misfortune()
            guard steps < Self.stepsMax else { return book.fail("the programs come to no end") }
            if !schedule(), !elapse() { break }
        }
    }

    private var programCount = 0
    private var hasFailed: Bool { book.failure != nil || !failures.isEmpty }

    /// Far more than any story takes.
    private static let stepsMax = 3_000_000
    /// Nobody who has lost nothing waits so long.
    private static let longestWait: UInt64 = 8_000_000_000

    /// Those that can go on, in the order that they began in.
    private func readyStrands(stalledToo: Bool = false) -> [Strand] {
        var waiting: [(strand: Strand, first: Int, end: Int)] = []
        var requests: [Ready.Request] = []
        var ready: [Strand] = []
        for strand in strands where (stalledToo || strand.stalledUntil <= steps) && !isLockedOut(strand) {
            if let deadline = strand.deadline, deadline <= now {
                ready.append(strand)
                continue
            }
            switch strand.awaited {
            case nil: ready.append(strand)
            case .change(let word, let value)?: if word.value != value { ready.append(strand) }
            case .answer(let raw)?:
                waiting.append((strand, requests.count, requests.count + 1))
                requests.append(Ready.Request(raw, for: .readable))
            case .readiness(let some)?:
                waiting.append((strand, requests.count, requests.count + some.count))
                requests += some
            }
        }
        guard !requests.isEmpty else { return ready }
        attempt { () throws(Errno) in
            let found = try Ready.poll(requests, timeoutNanoseconds: 0)
            for place in found { for one in waiting where one.first <= place && place < one.end { ready.append(one.strand) } }
        }
        ready.sort { $0.number < $1.number }
        return ready
    }

    /// Another thread of its program stands where it may have locks.
    private func isLockedOut(_ strand: Strand) -> Bool {
        for other in strands where other.isLocked && other.program == strand.program && other !== strand { return true }
        return false
    }

    /// One step of a nucleus, or of a thread that can go on; false if there is none.
    private func schedule() -> Bool {
        let busy = nodes.filter(\.hasWork)
        let awake = busy.filter { $0.restsUntil <= steps }
        var ready: [Strand] = []
        if awake.isEmpty || chance.oneIn(2) {
            ready = readyStrands()
            if ready.isEmpty, busy.isEmpty { ready = readyStrands(stalledToo: true) }
            guard !busy.isEmpty || !ready.isEmpty else { return false }
        }
        steps += 1
        now += UInt64(chance.below(1_000))
        if let strand = chance.pick(ready) {
            resume(strand)
        } else {
            let able = awake.isEmpty ? busy : awake
            guard let node = able.count == 1 ? able.first : chance.pick(able) else { return true }
            eventLog.mix(UInt64(node.id.number) - 1)
            node.step()
        }
        return true
    }

    func interrupt() {
        guard crashes, !isInterrupting, chance.oneIn(6) else { return }
        isInterrupting = true
        defer { isInterrupting = false }
        for _ in 0...chance.below(3) {
            guard let strand = chance.pick(readyStrands()) else { return }
            steps += 1
            resume(strand)
        }
    }

    /// Nobody can go on: the next deadline comes. False: there is none, or nobody should have to wait for it.
    private func elapse() -> Bool {
        collectEnds()
        if nodes.contains(where: \.hasWork) { return true }
        guard let next = strands.compactMap(\.deadline).min() else {
            book.fail("everybody waits for ever: \(state)")
            return false
        }
        if crashes, next > now, next - now > Self.longestWait {
            book.fail("a wake-up is lost, or everybody waits for the other: \(state)")
            return false
        }
        steps += 1
        now = max(now, next)
        return true
    }

    private var state: String { strands.map(\.description).joined(separator: "; ") }

    // MARK: misfortunes

    private func misfortune() {
        let isAmbushed = isAmbushed
        self.isAmbushed = false
        for node in nodes { node.misfortune(ambush: isAmbushed) }
    }

    // MARK: what the nodes tell

    func met(_ situation: Situation) { situations.insert(situation) }

    func mix(_ event: Event) { for byte in event.wireBytes { eventLog.mix(UInt64(byte)) } }

    // MARK: the end

    /// The node stops; everybody is told so, and ends. Then nothing may be left.
    private func finish() {
        crashes = false
        collectEnds()
        for node in nodes { node.finish() }
        if !hasFailed { for node in nodes { node.balance() } }
        let limit = steps + 100_000
        while !strands.isEmpty, steps < limit {
            if !schedule(), strands.allSatisfy({ $0.deadline == nil }) || !elapse() { break }
        }
        if !strands.isEmpty { book.fail("the node has stopped, and somebody does not see it: \(state)") }
    }

    /// What Linux refuses here, it refuses to the machine and not to a program.
    func attempt(_ body: () throws(Errno) -> Void) {
        do throws(Errno) { try body() } catch { book.fail("Linux does not play along: \(error)") }
    }
}
