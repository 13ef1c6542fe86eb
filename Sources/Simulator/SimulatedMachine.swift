import MasixKernel
public import MasixLinux
import MasixTransport
import MasixWire
package import SystemPackage

/// A machine for programs that are not simulated: real threads with the real library, of which one runs at a time, when the seed says so
/// and in a time of the machine's own; the node that they attach to is the simulated one.
///
/// A thread can lose its turn where it waits, where it asks the nucleus, and at the places that `reach` is told of. Everything that Linux
/// itself decides is taken from it: who runs, who is woken first, how late it is. So a seed is a whole history here too.
///
/// All state belongs to whoever has the turn.
public final class SimulatedMachine: Schedule, NodeSurroundings, @unchecked Sendable {
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
    private(set) var node: SimulatedNode!
    var sockets: [KernelSocket] = []
    /// Those that have not ended.
    private var strands: [Strand] = []
    private var strandCount = 0
    private var current: Strand?
    private let stopped = FutexWord()
    /// What programs have thrown. What one lets go as it fails is seen by the others, who may fail of it first.
    private var failures: [String] = []
    /// Decisions so far.
    private var steps = 0
    /// In nanoseconds. It does not begin at 0, which is no deadline.
    private var now: UInt64 = 1_000_000_000
    private(set) var crashes = true
    let eventsPerDeath = 200
    private var isInterrupting = false
    private var situations: Set<Situation> = []
    private var eventLog: EventLog
    private var nucleusRestsUntil = 0
    /// A thread that comes to this place stops there once in so many times; 0: never.
    private var rates: [Int] = []
    private var revocationRate = 1
    private var linkFailureRate = 1
    private var deathRate = 1
    /// Somebody stands where a revocation may hurt.
    private var isAmbushed = false

    private init(_ plan: SimulationPlan) {
        self.plan = plan
        chance = Chance(seed: plan.seed)
        eventLog = EventLog(keepsLines: plan.keepsLog)
        node = SimulatedNode(plan: plan, book: book, simulation: self, memory: SimulatedMemory(isShared: true), limits: Limits())
        revocationRate = [20, 100, 500][chance.below(3)]
        linkFailureRate = [200, 1_000, 10_000][chance.below(3)]
        deathRate = [500, 5_000][chance.below(2)]
    }

    /// Runs the programs, after the server has begun, until all have ended. What a program throws is the failure.
    ///
    /// The server's first task is the node's. The calling thread is the machine, and keeps to one processor as all its threads do.
    public static func run(_ plan: SimulationPlan, server: Program, _ programs: [Program]) throws -> Simulation.Verdict {
        let allowed = try Processor.allowed()
        if let processor = allowed.last { try Processor.pin(to: processor) }
        let machine = SimulatedMachine(plan)
        // Whoever comes later finds the server's port.
        try machine.run([server])
        try machine.run(programs)
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

    // MARK: threads

    private func add(_ name: String, of program: Int, _ body: @escaping @Sendable () -> Void) throws(Errno) -> Strand {
        let strand = Strand(strandCount, name, of: program, stopping: stopped)
        strandCount += 1
        strands.append(strand)
        try DetachedThread.startInLinux(name) { [self] in
            ScheduledThread.run(by: self) {
                attempt { () throws(Errno) in try strand.awaitFirstTurn() }
                body()
            }
            strand.end()
        }
        return strand
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
        if case .answer(let raw)? = strand.awaited { collect(fromTaskWith: raw) }
        guard strand.isOver else { return }
        strands.removeAll { $0 === strand }
        collectEnds()
    }

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

    /// One step of the nucleus, or of a thread that can go on; false if there is none.
    private func schedule() -> Bool {
        let hasWork = node.hasWork
        var ready: [Strand] = []
        if !hasWork || steps < nucleusRestsUntil || chance.oneIn(2) {
            ready = readyStrands()
            if ready.isEmpty, !hasWork { ready = readyStrands(stalledToo: true) }
            guard hasWork || !ready.isEmpty else { return false }
        }
        steps += 1
        now += UInt64(chance.below(1_000))
        if let strand = chance.pick(ready) {
            resume(strand)
        } else {
            eventLog.mix(0)
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
        if node.hasWork { return true }
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

    func restNucleus(oneIn rate: Int) {
        guard crashes, chance.oneIn(rate) else { return }
        nucleusRestsUntil = steps + chance.below(60)
    }

    private func misfortune() {
        if plan.mode == .random, isAmbushed || chance.oneIn(revocationRate) { revoke() }
        if plan.mode == .random, chance.oneIn(linkFailureRate), let link = chance.pick(node.memory.links.keys.sorted()) {
            if node.submit(.linkFailed(link)) { tally.linkFaults += 1 }
        }
        if chance.oneIn(deathRate) { node.die() }
        if chance.oneIn(500) { nucleusRestsUntil = steps + chance.below(60) }
    }

    private func revoke() {
        let leased = node.kernel.leasedPorts
        isAmbushed = false
        guard !leased.isEmpty else { return }
        if node.submit(.revoke(chance.oneIn(4) ? nil : chance.pick(leased))) { tally.revocations += 1 }
    }

    // MARK: what the node tells

    func met(_ situation: Situation) { situations.insert(situation) }

    func handled(_ event: Event, _ actions: [Action]) {
        tally.events += 1
        for byte in event.wireBytes { eventLog.mix(UInt64(byte)) }
        // The kernel is looked through now and then, and the simulations with tasks that are simulated do it each time.
        if chance.oneIn(16) { node.audit(after: event) }
        if case .request(_, _, .send) = event { tally.messagesByNucleus += 1 }
    }

    func closed(_ lease: Lease, _ closing: Closing, byRevocation: Bool) {
        tally.harvested += closing.frames.count
        if let fault = closing.fault { book.fail("\(lease.id) closes with \(fault), and both ends are honest") }
    }

    // MARK: the end

    /// The node stops; everybody is told so, and ends. Then nothing may be left.
    private func finish() {
        crashes = false
        collectEnds()
        node.finish()
        for socket in sockets where !socket.hasEnded { end(socket) }
        node.finish()
        if !hasFailed { balance() }
        let limit = steps + 100_000
        while !strands.isEmpty, steps < limit {
            if !schedule(), strands.allSatisfy({ $0.deadline == nil }) || !elapse() { break }
        }
        if !strands.isEmpty { book.fail("the node has stopped, and somebody does not see it: \(state)") }
    }

    private func balance() {
        if !node.kernel.isDeserted { book.fail("all tasks have ended, and something is left in the kernel") }
        if !node.memory.store.isEmpty { book.fail("all tasks have ended, and the bytes of \(node.memory.store.count) messages are left") }
        if !node.memory.objects.isEmpty { book.fail("all tasks have ended, and \(node.memory.objects.count) memory objects are left") }
        if !node.memory.links.isEmpty { book.fail("all tasks have ended, and links are left") }
    }

    /// What Linux refuses here, it refuses to the machine and not to a program.
    func attempt(_ body: () throws(Errno) -> Void) {
        do throws(Errno) { try body() } catch { book.fail("Linux does not play along: \(error)") }
    }
}
