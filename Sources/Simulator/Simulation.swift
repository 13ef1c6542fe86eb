import DequeModule
import MasixKernel
import MasixTransport

/// One node, its tasks, and all that may happen to them, from one seed.
public final class Simulation: NodeSurroundings {
    let plan: SimulationPlan
    var chance: Chance
    let book = Book()
    private(set) var node: SimulatedNode!
    private var tasks: [SimulatedTask] = []
    private(set) var now = 0
    var tally = Tally()
    var situations: Set<Situation> = []
    private var eventLog: EventLog
    private(set) var isDraining = false
    /// Nobody begins anything, until everybody has come to rest.
    private(set) var isCalm = false
    private(set) var manner = Manner.mixed
    /// Where threads lose their processor in this simulation: what is rare by chance happens here at length.
    private var focus: [ProtocolStep] = []
    /// What is to be done to the one who stands there.
    private var ambush: Event?
    /// When everybody but who stands there is to come to rest.
    private var restsAt: Int?
    /// Whether tasks run on inside events, and the nucleus may die.
    private(set) var crashes = false
    let eventsPerDeath = 100
    private var isInterrupting = false
    private var revocationRate = 1
    private var linkFailureRate = 1
    private var killRate = 1
    private var nucleusRestsUntil = 0

    /// How a simulation ended.
    public struct Verdict: Sendable {
        public let seed: UInt64
        /// What was wrong; nil if nothing was.
        public let failure: String?
        public let tally: Tally
        public let situations: Set<String>
        /// A number that equal histories share.
        public let hash: UInt64
        /// The last lines, if the plan keeps them.
        public let log: [String]
    }

    private init(_ plan: SimulationPlan) {
        self.plan = plan
        chance = Chance(seed: plan.seed)
        eventLog = EventLog(keepsLines: plan.keepsLog)
        var limits = Limits()
        // More than programs come to, and little enough to be used up on purpose.
        limits.portsPerTaskMax = 48
        limits.queuedMessagesPerTaskMax = 160
        node = SimulatedNode(plan: plan, book: book, simulation: self, memory: SimulatedMemory(), limits: limits)
    }

    /// Runs one plan to its end.
    public static func run(_ plan: SimulationPlan) -> Verdict {
        let simulation = Simulation(plan)
        simulation.run()
        simulation.dismantle()
        simulation.tally.seeds = 1
        simulation.tally.steps = simulation.now
        return Verdict(
            seed: plan.seed, failure: simulation.book.failure, tally: simulation.tally,
            situations: Set(simulation.situations.map(\.description)),
            hash: simulation.eventLog.hash, log: Array(simulation.eventLog.tail))
    }

    func log(_ line: @autoclosure () -> String) { eventLog.note("\(now) \(line())") }

    private func run() {
        manner = plan.manner ?? .choose(&chance)
        prepare()
        if plan.mode != .off, !chance.oneIn(4) { acquaint() }
        crashes = true
        let steps = manner == .companions ? ProtocolStep.ofCompany : ProtocolStep.allCases
        for _ in 0...chance.below(manner == .companions ? 2 : 8) { if let step = chance.pick(steps) { focus.append(step) } }
        // From one that leaves no lease alone to one that lets them grow old.
        revocationRate = [25, 150, 600][chance.below(3)]
        linkFailureRate = [30, 300, 10_000][chance.below(3)]
        killRate = [manner.isSteady ? 1_000 : 250, 3_000][chance.below(2)]
        while now < plan.steps, book.failure == nil {
            misfortune()
            if chance.oneIn(manner == .companions ? 60 : 200) || restsAt.map({ $0 <= now }) == true { rest() }
            if !schedule(), !elapse() { break }
        }
        rest()
        runDry()
        endAll()
    }

    /// Threads, tasks and what they wait for name each other; let go of all, and their memory goes.
    private func dismantle() {
        for task in tasks { task.dismantle() }
        tasks = []
    }

    // MARK: the schedule

    private func readyThreads(stalledToo: Bool = false) -> [SimulatedThread] {
        var ready: [SimulatedThread] = []
        for task in tasks where task.isAlive && !task.isStopped {
            for thread in task.threads where (stalledToo || thread.stalledUntil <= now) && thread.isReady(at: now) { ready.append(thread) }
        }
        return ready
    }

    /// One step of somebody who can take one; false if nobody can.
    private func schedule() -> Bool {
        var ready = readyThreads()
        if ready.isEmpty, !node.hasWork { ready = readyThreads(stalledToo: true) }
        // It rests only while others work.
        let rests = now < nucleusRestsUntil && !ready.isEmpty && !isDraining
        let nucleus = node.hasWork && !rests ? 2 : 0
        guard ready.count + nucleus > 0 else { return false }
        now += 1
        let choice = chance.below(ready.count + nucleus)
        if choice < ready.count {
            step(ready[choice])
        } else {
            eventLog.mix(0)
            node.step()
        }
        return true
    }

    private func step(_ thread: SimulatedThread) {
        eventLog.mix(UInt64(thread.task.id.raw) << 8 | UInt64(thread.number))
        thread.step()
        log("\(thread.name) \(thread.trail)")
    }

    /// Between two accesses of the nucleus to memory that it shares, anybody may run.
    func interrupt() {
        guard crashes, !isInterrupting, chance.oneIn(6) else { return }
        isInterrupting = true
        defer { isInterrupting = false }
        for _ in 0...chance.below(3) {
            guard let thread = chance.pick(readyThreads()) else { return }
            now += 1
            step(thread)
        }
    }

    /// Nobody can take a step: is somebody asleep who should not be? If not, the next deadline comes.
    private func elapse() -> Bool {
        let stopped = tasks.filter { $0.isAlive && $0.isStopped }
        if !stopped.isEmpty {
            for task in stopped { task.isStopped = false }
            return true
        }
        guard lookForSleepers() else { return false }
        let next = tasks.filter(\.isAlive).flatMap(\.threads).compactMap(\.wakesAt).min()
        guard let next else { return false }
        now = max(now, next)
        return true
    }

    /// False: a failure was found.
    private func lookForSleepers() -> Bool {
        for task in tasks where task.isAlive {
            for thread in task.threads {
                if !thread.isAsleep {
                    book.fail("thread \(thread.name) is stuck: \(thread.trail)")
                    return false
                }
                for case let waiting as Waiting in thread.routines where waiting.isOwed() {
                    book.fail(
                        "a lost wake-up: thread \(thread.name) sleeps, and what it waits for is there: \(thread.trail)\(state(of: task))")
                    return false
                }
            }
        }
        return true
    }

    private func state(of task: SimulatedTask) -> String {
        let ports = task.receiveList.map { entry in
            "\(entry.port): home \(entry.home.relaxed) after \(entry.received.relaxed), \(entry.ready.count) announced, "
                + "\(book.unreceived[entry.port, default: 0]) unreceived"
        }
        return "; " + ports.joined(separator: "; ") + "; pipe \(task.pages.pipe), asleep \(task.status.asleep.relaxed)"
    }

    /// Everybody ends what he is at and begins nothing: whoever sleeps then, and should not, has lost a wake-up.
    ///
    /// Otherwise the next message or the end of a time-out would wake him, and nobody would know.
    private func rest() {
        guard book.failure == nil else { return }
        isCalm = true
        restsAt = nil
        defer { isCalm = false }
        for task in tasks { task.isStopped = false }
        let limit = now + 20_000
        while book.failure == nil {
            if !schedule() {
                _ = lookForSleepers()
                return
            }
            if now > limit { book.fail("the node does not come to rest") }
            strike()
        }
    }

    /// A thread has come to a step of a protocol: perhaps this is where it is held up, and where the nucleus comes in between.
    func reached(_ step: ProtocolStep, _ thread: SimulatedThread) {
        let isSeldom = ProtocolStep.seldom.contains(step)
        guard crashes, isSeldom ? chance.oneIn(2) : focus.contains(step) && chance.oneIn(2) else { return }
        thread.stalledUntil = now + 4 + chance.below(chance.oneIn(2) ? 20 : 120)
        if !isCalm, !isDraining, restsAt == nil, chance.oneIn(isSeldom || manner == .companions ? 2 : 6) {
            // It goes on when nobody else does, and finds the world as they have left it.
            restsAt = now + (step == .heldBack ? 0 : chance.below(isSeldom ? 20 : 60))
            thread.stalledUntil = now + 1_000
        }
        guard plan.mode == .random, step != .heldBack, !isCalm, !isDraining, isSeldom || chance.oneIn(2) else { return }
        if ProtocolStep.ofCalls.contains(step), chance.oneIn(4), let link = chance.pick(thread.task.ends.keys.sorted()) {
            ambush = .linkFailed(link)
        } else if let port = thread.positionPort {
            ambush = .revoke(port)
        }
    }

    /// The nucleus loses its processor now and then, between any two things that it does.
    func restNucleus(oneIn rate: Int) {
        guard crashes, chance.oneIn(rate) else { return }
        nucleusRestsUntil = now + chance.below(60)
    }

    // MARK: misfortunes

    private func misfortune() {
        strike()
        if plan.mode == .random, chance.oneIn(revocationRate) { revoke() }
        if plan.mode == .random, chance.oneIn(linkFailureRate) { failLink() }
        if chance.oneIn(killRate) {
            let alive = tasks.filter(\.isAlive)
            if alive.count > 2, let task = chance.pick(alive) { kill(task) }
        }
        switch chance.below(800) {
        case 0:
            // The nucleus loses its processor for a while.
            nucleusRestsUntil = now + chance.below(60)
        case 1..<8:
            if let task = chance.pick(tasks), task.isAlive, !task.isStopped {
                task.isStopped = true
                tally.stops += 1
                log("task \(task.id.raw) is stopped")
            }
        case 8..<40:
            if let task = chance.pick(tasks), task.isStopped { task.isStopped = false }
        case 41:
            node.die()
        case 44..<48:
            nucleusRestsUntil = now + chance.below(30)
        case 42:
            if hasPlace { node.pending.append(.attach(Self.identity, first: false)) }
        case 43:
            if let task = chance.pick(tasks) { node.pending.append(.trace(task.id, chance.oneIn(2))) }
        case 48: node.pending.append(.linkFailed(LinkID(raw: .max)))
        case 49: node.pending.append(.revoke(PortID(node: SimulatedNode.id, counter: chance.oneIn(2) ? 1 : .max)))
        default: break
        }
    }

    /// Whether one more task is not too many to look at.
    var hasPlace: Bool { tasks.count < 6 }

    /// What lies in wait for a thread that is held up.
    private func strike() {
        guard let event = ambush, chance.oneIn(5) else { return }
        if case .revoke(let port?) = event, !node.kernel.leasedPorts.contains(port) {
            ambush = nil
        } else if node.submit(event) {
            ambush = nil
            if case .revoke = event { tally.revocations += 1 }
        }
    }

    private func kill(_ task: SimulatedTask) {
        task.isAlive = false
        tally.kills += 1
        log("task \(task.id.raw) is killed")
        node.pending.append(.end(task.id))
    }

    /// At once if the nucleus is idle: with whoever stands wherever it stands.
    private func revoke() {
        let leased = node.kernel.leasedPorts
        guard !leased.isEmpty else { return }
        var target = chance.oneIn(4) ? nil : chance.pick(leased)
        if chance.oneIn(2) {
            let standing = tasks.filter(\.isAlive).flatMap(\.threads).compactMap(\.positionPort).filter(leased.contains)
            target = chance.pick(standing) ?? target
        }
        if node.submit(.revoke(target)) { tally.revocations += 1 }
    }

    /// The memory of a link turns out to be unusable: best while somebody is in the middle of a call over it.
    private func failLink() {
        for task in tasks.filter(\.isAlive) {
            for thread in task.threads {
                guard let position = thread.position, ProtocolStep.ofCalls.contains(position), chance.oneIn(2) else { continue }
                guard let link = chance.pick(task.ends.keys.sorted()) else { continue }
                _ = node.submit(.linkFailed(link))
                return
            }
        }
    }

    func met(_ situation: Situation) { situations.insert(situation) }

    func handled(_ event: Event, _ actions: [Action]) {
        tally.events += 1
        node.audit(after: event)
        node.record(event, actions)
    }

    /// A lease has been closed.
    func closed(_ lease: Lease, _ closing: Closing, byRevocation: Bool) {
        tally.harvested += closing.frames.count
        if let fault = closing.fault { book.fail("\(lease.id) closes with \(fault), and both ends are honest") }
        guard byRevocation else { return }
        for task in tasks where task.isAlive && (task.id == lease.sender || task.id == lease.receiver) {
            for thread in task.threads where thread.positionPort == lease.port {
                if let position = thread.position { tally.revocationsAtStep[position, default: 0] += 1 }
            }
        }
        log("\(lease.id) of task \(lease.sender.raw) to \(lease.port) is revoked with \(closing.frames.count) frames")
    }

    func queueLimit() -> Int {
        if chance.oneIn(12) { return chance.below(2) }
        return 1 + chance.below(chance.oneIn(3) ? 12 : manner.isSteady ? 6 : 4)
    }

    // MARK: beginning and end

    /// Everybody has sent everybody a message, and has mapped the links that came of it: what follows begins with leases.
    private func acquaint() {
        for task in tasks {
            for entry in task.sendList where task.receives[entry.port] == nil {
                let id = book.prepare(from: task.id, to: entry.port)
                let bytes = Body.bytes(of: id, from: task.id, to: entry.port, length: 0)
                let outgoing = Outgoing(
                    to: .copySend(entry.port), code: 1, payload: Payload(place: 0, length: UInt32(bytes.count)))
                _ = ask(task, .send(outgoing), bytes, BookedDetails(message: id))
            }
        }
        for task in tasks {
            guard case .links(let offered)? = ask(task, .linkOffers) else { continue }
            for link in offered {
                task.mapped.insert(link)
                _ = ask(task, .linkMapped(link))
            }
        }
        for task in tasks {
            for link in task.mapped.sorted() {
                guard case .linkPeer(let peer, _, let place, _)? = ask(task, .linkPeer(link)), let pages = node.memory.links[link],
                    let other = node.memory.tasks[peer]
                else { continue }
                task.mapped.remove(link)
                task.join(LinkEnd(pages, of: task, peer: peer, other, place: place))
            }
            task.seenOffers = task.control.offers.acquired
        }
    }

    static let identity = TaskIdentity(uid: 0, gid: 0, pid: 0, executable: "", name: "simulated", launched: true)

    /// The nucleus has made a task.
    func joined(_ id: TaskID, _ rights: [Arrived]) {
        guard !tasks.contains(where: { $0.id == id }), let pages = node.memory.tasks[id] else { return }
        let task = SimulatedTask(id, pages, self)
        for right in rights { task.arrive(right) }
        // Who serves has threads that wait beside each other.
        task.isServer = chance.oneIn(2)
        let count = manner == .companions ? 2 + (chance.oneIn(3) ? 1 : 0) : manner.isSteady ? 2 + chance.below(2) : 1 + chance.below(3)
        task.threads = (0..<count).map { SimulatedThread(task, number: $0, base: Program()) }
        tasks.append(task)
    }

    /// A few tasks that know each other: each has a port, and rights to those of the others.
    private func prepare() {
        node.pending.append(.attach(Self.identity, first: true))
        node.finish()
        let count = 2 + chance.below(manner.isSteady ? 2 : 3)
        guard let first = tasks.first, case .portBlock(let block, _)? = ask(first, .portBlock) else { return book.fail("no first task") }
        first.nextPort = block.counter
        var sets: [[PortID]] = []
        for _ in 0..<count {
            var set: [PortID] = []
            // A task with two ports has threads that wait for different ones.
            for _ in 0..<(1 + chance.below(2)) { if let port = makePort(of: first) { set.append(port) } }
            sets.append(set)
        }
        if let port = sets.first?.first { _ = ask(first, .setBootstrap(port)) }
        if chance.oneIn(16) { gorge(first) }
        let ports = sets.joined()
        for set in sets.dropFirst() {
            for port in set { if let entry = first.receives[port] { first.remove(entry) } }
            // With few who know a port each has more credit there, and one alone all of it.
            let others = ports.filter { !set.contains($0) && (!manner.isSteady || chance.oneIn(2)) }.map { Transfer.copySend($0) }
            _ = ask(first, .introduce(Self.identity, rights: set.map { .moveReceive($0) } + others))
        }
    }

    /// Takes all that the node gives one task, and gives it back.
    private func gorge(_ task: SimulatedTask) {
        var ports: [PortID] = []
        while true {
            let port = PortID(node: SimulatedNode.id, counter: task.nextPort)
            guard case .allocated? = ask(task, .allocate(port, queueLimit: UInt32(Limits.queueMessagesMax))) else { break }
            task.nextPort += 1
            ports.append(port)
        }
        if let port = ports.first, case .arrived? = ask(task, .make(.makeSend(port))) {
            while true {
                let id = book.prepare(from: task.id, to: port)
                let bytes = Body.bytes(of: id, from: task.id, to: port, length: 0)
                let outgoing = Outgoing(to: .copySend(port), code: 1, payload: Payload(place: 0, length: UInt32(bytes.count)))
                guard case .sent? = ask(task, .send(outgoing), bytes, BookedDetails(message: id)) else { break }
            }
            _ = ask(task, .drop(.send(port)))
        }
        for port in ports { _ = ask(task, .drop(.receive(port))) }
    }

    private func makePort(of first: SimulatedTask) -> PortID? {
        let port = PortID(node: SimulatedNode.id, counter: first.nextPort)
        first.nextPort += 1
        guard case .allocated(let index)? = ask(first, .allocate(port, queueLimit: UInt32(queueLimit()))) else { return nil }
        let entry = HeldReceive(port, index, first.control)
        first.receives[port] = entry
        first.ports[index] = entry
        if case .arrived(let right)? = ask(first, .make(.makeSend(port))) { first.arrive(right) }
        return port
    }

    /// A request before anybody runs.
    private func ask(
        _ task: SimulatedTask, _ request: Request, _ bytes: [UInt8] = [], _ booked: BookedDetails = BookedDetails()
    ) -> Response? {
        task.lastNumber += 1
        node.send(.init(number: task.lastNumber, request: request, bytes: bytes, booked: booked), from: task.id)
        node.finish()
        return node.answers[task.id]?.popFirst()?.response
    }

    /// Everybody finishes what they are at, receives everything and answers everything; nobody is disturbed any more.
    private func runDry() {
        isDraining = true
        node.finish()
        for task in tasks where task.isAlive {
            task.isStopped = false
            task.threads.append(SimulatedThread(task, number: task.threads.count, base: Draining()))
        }
        let limit = now + 200_000
        while book.failure == nil {
            if schedule() {
                if now > limit { book.fail("the node does not come to rest") }
                continue
            }
            guard lookForSleepers() else { return }
            guard callOff() else { break }
        }
        guard book.failure == nil else { return }
        for task in tasks where task.isAlive {
            for thread in task.threads {
                for case let calling as Calling in thread.routines where calling.isPending {
                    book.fail("a call of thread \(thread.name) has neither answer nor notification: \(thread.trail)")
                }
            }
        }
        book.balance()
    }

    /// Ends one wait that nobody will ever end; false if there is none left. Calls are not called off: they are owed an end.
    private func callOff() -> Bool {
        for task in tasks where task.isAlive {
            for thread in task.threads {
                if case .pause = thread.wait {
                    thread.wait = .nothing
                    return true
                }
                guard !(thread.routines.first is Draining) else { continue }
                guard let waiting = thread.routines.last(where: { $0 is Waiting }) as? Waiting, !waiting.isCalledOff else { continue }
                if thread.routines.contains(where: { ($0 as? Calling)?.isPending == true }) { continue }
                waiting.isCalledOff = true
                thread.wait = .nothing
                thread.isTold = true
                return true
            }
        }
        return false
    }

    /// All tasks end; then nothing may be left.
    private func endAll() {
        guard book.failure == nil else { return }
        crashes = false
        for task in tasks {
            task.isAlive = false
            node.pending.append(.end(task.id))
        }
        node.finish()
        if !node.kernel.isDeserted { book.fail("all tasks have ended, and something is left in the kernel") }
        if let (place, bytes) = node.memory.store.min(by: { $0.key < $1.key }) {
            book.fail("all tasks have ended, and the bytes of message \(Body.id(in: bytes) ?? 0) are left at \(place)")
        }
        if !node.memory.links.isEmpty { book.fail("all tasks have ended, and links are left") }
    }
}
