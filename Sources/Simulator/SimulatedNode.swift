import DequeModule
import MasixKernel
import MasixTransport
import MasixWire

/// A node: the real kernel, the memory, and a nucleus that takes one small step at a time and may die between any two.
///
/// An event is handled in one step, but the tasks run on inside it, wherever the lease world touches their memory. Its actions are
/// carried out one by one, then the answer is given, then the request is consumed (Documentation/Decisions/0004).
final class SimulatedNode {
    /// A request as it lies in the socket of its task.
    struct Datagram {
        let number: UInt64
        let request: Request
        let bytes: [UInt8]
        /// The program's own record of it, for the book.
        let booked: BookedDetails
    }

    struct Answer {
        let number: UInt64
        let response: Response
        let bytes: [UInt8]
    }

    /// An event that is being carried out.
    private struct Work {
        let event: Event
        var actions: Deque<Action>
        let all: [Action]
        var isGranting = false
    }

    static let id = NodeID(number: 1, incarnation: 1)

    let id: NodeID
    let plan: SimulationPlan
    let memory: SimulatedMemory
    let book: Book
    unowned let simulation: any NodeSurroundings
    private(set) var kernel: Kernel
    /// An event is being handled: tasks may run inside of it, but the kernel cannot be looked at.
    private var isHandling = false
    private var journal: [JournalRecord] = []
    private var journalStart: Kernel
    private var work: Work?
    /// Requests that have been sent and not been consumed, by task.
    private(set) var sockets: [TaskID: Deque<Datagram>] = [:]
    var answers: [TaskID: Deque<Answer>] = [:]
    /// What the nucleus is told by others than tasks.
    var pending: Deque<Event> = []
    /// The message that the answer under way carries away.
    private var delivered: Delivered?
    /// The book's numbers of notify rights that were given back, until their tasks have them.
    var returnedOnces: [SendOnceID: UInt64] = [:]

    init(
        _ id: NodeID = SimulatedNode.id, plan: SimulationPlan, book: Book, simulation: any NodeSurroundings, memory: SimulatedMemory,
        limits: Limits
    ) {
        self.id = id
        self.plan = plan
        self.book = book
        self.simulation = simulation
        self.memory = memory
        var limits = limits
        limits.linksEnabled = plan.mode != .off
        kernel = Kernel(node: id, limits: limits)
        journalStart = kernel
    }

    var hasWork: Bool { work != nil || !sockets.isEmpty || !pending.isEmpty }

    // MARK: one step

    func step() {
        if work != nil {
            carryOutNext()
        } else if !pending.isEmpty, sockets.isEmpty || simulation.chance.oneIn(2) {
            if let event = pending.popFirst() { begin(event) }
        } else {
            let waiting = sockets.keys.sorted()
            guard let task = simulation.chance.pick(waiting), let datagram = sockets[task]?.first else { return }
            begin(.request(task, number: datagram.number, prepared(datagram, of: task)))
        }
    }

    func send(_ datagram: Datagram, from task: TaskID) { sockets[task, default: []].append(datagram) }

    /// Takes up an event at once; false if another is being carried out.
    func submit(_ event: Event) -> Bool {
        guard work == nil else { return false }
        begin(event)
        return true
    }

    /// Runs until nothing is left to do: for the beginning and the end, when no task runs.
    func finish() {
        while hasWork { step() }
    }

    /// The shell's part of a request: its bytes go into the store.
    private func prepared(_ datagram: Datagram, of task: TaskID) -> Request {
        guard case .send(var outgoing) = datagram.request else { return datagram.request }
        // What is said to be a memory object and is not here is none.
        guard outgoing.memory.allSatisfy({ memory.objects[$0.place] != nil }) else { return .rejected(.invalidMemory) }
        outgoing.payload = memory.keep(datagram.bytes)
        return .send(outgoing)
    }

    private func begin(_ event: Event) {
        simulation.met(kernel.situation(of: event))
        let crash = simulation.crashes ? simulation.chance.below(simulation.eventsPerDeath) : 1000
        if crash == 0 { dieBeforeJournal(event) }
        let (actions, observations, _) = handle(event)
        journal.append(
            JournalRecord(event: event, observations: plan.mutation == .observationForgotten ? observations.dropLast() : observations))
        simulation.log("event \(event)")
        for action in actions { simulation.log("    \(action)") }
        simulation.handled(event, actions)
        work = Work(event: event, actions: Deque(actions), all: actions)
        if crash == 1 { dieAfterJournal() }
    }

    private func handle(_ event: Event) -> ([Action], [Observation], [Payload]) {
        var sending: (TaskID, PortID)?
        if case .request(let task, _, .send(let outgoing)) = event, case .copySend(let port) = outgoing.destination {
            sending = (task, port)
        }
        var kept: [Payload] = []
        let isRevocation = if case .revoke = event { true } else { false }
        let shared = SharedLeaseWorld(
            InterruptedMemory(memory: memory, interrupt: { [simulation] in simulation.interrupt() }, kept: { kept.append($0) }))
        let mutable = MutableWorld(world: shared, memory: memory, mutation: plan.mutation, sending: sending) {
            [simulation] lease, closing in
            simulation.closed(lease, closing, byRevocation: isRevocation)
        }
        var world = RecordingWorld(mutable)
        isHandling = true
        let actions = kernel.handle(event, world: &world)
        isHandling = false
        return (actions, world.observations, kept)
    }

    /// What this request of the task would meet now, as far as that can be told.
    func situation(of request: Request, by task: TaskID) -> Situation? { isHandling ? nil : kernel.situation(of: request, by: task) }

    /// Looks for what must never be so in any kernel.
    func audit(after event: Event) {
        if let violation = kernel.violations().first { book.fail("the kernel, after \(event): \(violation)") }
    }

    // MARK: deaths of the nucleus

    /// The words are closed, the journal knows nothing: the next nucleus does it all again and must find the same.
    private func dieBeforeJournal(_ event: Event) {
        let before = kernel
        let (_, _, kept) = handle(event)
        kernel = before
        for payload in kept { memory.store[payload.place] = nil }
        restart()
    }

    /// The journal knows, nothing else has been done.
    private func dieAfterJournal() {
        restart()
        repeatLast()
    }

    /// In the middle of carrying out, or between events.
    func die() {
        restart()
        if work != nil { repeatLast() }
    }

    /// Each action can be done twice without harm, so those of the last event are simply done again.
    private func repeatLast() {
        guard let last = work else { return }
        work = plan.mutation == .actionsNotRepeated ? nil : Work(event: last.event, actions: Deque(last.all), all: last.all)
        if work == nil { consume(last.event, last.all) }
    }

    /// A new nucleus reads the journal, or a snapshot and what follows it, and is the same.
    private func restart() {
        simulation.tally.nucleusKills += 1
        simulation.tally.replays += 1
        simulation.log("the nucleus dies and reads \(journal.count) records")
        var again = journalStart
        do {
            try again.replay(encoded: journal.map(\.wireBytes))
        } catch {
            return book.fail("the journal cannot be replayed: \(error)")
        }
        guard again == kernel else { return book.fail("the replayed kernel differs from the one that died") }
        kernel = again
        guard simulation.chance.oneIn(2) else { return }
        do {
            journalStart = try Kernel(wireBytes: kernel.wireBytes)
        } catch {
            return book.fail("the snapshot cannot be read: \(error)")
        }
        guard journalStart == kernel else { return book.fail("the snapshot differs from its kernel") }
        kernel = journalStart
        journal = []
    }

    // MARK: carrying out

    private func carryOutNext() {
        guard var current = work else { return }
        // The answer last: who asks sees everything that its request has done (architecture rule 11).
        let place = nextAction(of: current)
        guard let place else {
            work = nil
            consume(current.event, current.all)
            return
        }
        let action = current.actions[place]
        if case .grant(let lease) = action, !current.isGranting {
            open(lease, first: true)
            current.isGranting = true
            simulation.restNucleus(oneIn: 3)
        } else {
            current.actions.remove(at: place)
            current.isGranting = false
            carryOut(action)
            simulation.restNucleus(oneIn: 40)
        }
        work = current
    }

    private func nextAction(of work: Work) -> Int? {
        if plan.mutation == .wakeBeforeMark, let ring = work.actions.firstIndex(where: { if case .ring = $0 { true } else { false } }) {
            return ring
        }
        let place = work.actions.firstIndex { if case .reply = $0 { false } else { true } }
        return place ?? (work.actions.isEmpty ? nil : 0)
    }

    private func consume(_ event: Event, _ actions: [Action]) {
        guard case .request(let task, let number, let request) = event else { return }
        if case .send(let outgoing) = request, !Self.isAccepted(actions) {
            memory.store[outgoing.payload.place] = nil
            for token in outgoing.memory { memory.objects[token.place] = nil }
        }
        guard sockets[task]?.first?.number == number else { return }
        _ = sockets[task]?.popFirst()
        if sockets[task]?.isEmpty == true { sockets[task] = nil }
        if let message = delivered {
            memory.store[message.payload.place] = nil
            for token in message.memory { memory.objects[token.place] = nil }
        }
        delivered = nil
    }

    private static func isAccepted(_ actions: [Action]) -> Bool {
        for case .reply(_, _, let response) in actions {
            switch response {
            case .sent, .blocked: return true
            default: return false
            }
        }
        return false
    }

    /// The receiver's side first: nothing is sent that it could not recognise.
    private func open(_ lease: Lease, first: Bool) {
        let isTake = first != (plan.mutation == .grantSenderFirst)
        if isTake {
            memory.tasks[lease.receiver]?.control.take(lease.takeIndex)?.open(lease)
        } else {
            memory.tasks[lease.sender]?.control.send(lease.sendIndex).open(lease)
        }
    }

    private func carryOut(_ action: Action) {
        switch action {
        case .attached(let id, let bootstrap, let initial):
            if memory.tasks[id] == nil { memory.tasks[id] = memory.makeTaskPages() }
            simulation.joined(id, [bootstrap] + initial)
        case .reply(let id, let number, let response): reply(id, number, response)
        case .entries(let id, let response):
            if let control = memory.tasks[id]?.control { prepareEntries(for: response, control) }
        case .markDead(let id, let index):
            guard let mark = memory.tasks[id]?.control.send(index).mark else { return }
            mark.release(mark.relaxed | SendEntryMemory.dead)
        case .homeCount(let id, let index, let count, let received):
            guard let control = memory.tasks[id]?.control else { return }
            control.homeReceived(index).release(received)
            control.homeCount(index).release(count)
        case .complete(let id, let completion, let ticket): memory.tasks[id]?.control.completion(completion).release(ticket.raw)
        case .ring(let id): ring(id)
        case .openLink(let link):
            if memory.links[link.id] == nil { memory.links[link.id] = memory.makePages(of: link) }
            announceOffers(link)
        case .sealLink(let id):
            guard let link = memory.links[id]?.link else { return }
            for end in [link.first, link.second] { memory.tasks[end]?.control.link(at: link.place(of: end)).release(id.raw) }
            announceOffers(link)
            ring(link.first)
            ring(link.second)
        case .retire(let link, let caller, let place, let index, let generation):
            memory.tasks[caller]?.control.caller(place: place, index: index)?.retire(link: link, generation: generation)
        case .closeLink(let id, let fault):
            if let link = memory.links.removeValue(forKey: id)?.link, memory.isShared {
                // Unless the place has another link by now: a restarted nucleus does its last actions again.
                for end in [link.first, link.second] {
                    _ = memory.tasks[end]?.control.link(at: link.place(of: end)).exchange(id.raw, for: 0)
                }
                announceOffers(link)
            }
            if fault != nil { simulation.tally.linkFaults += 1 }
        case .grant(let lease): open(lease, first: false)
        case .reshape(let lease): memory.tasks[lease.sender]?.control.send(lease.sendIndex).reshape(lease)
        case .release(let payload): memory.store[payload.place] = nil
        case .releaseMemory(let token): memory.objects[token.place] = nil
        case .shortage(let id): book.fail("\(id) is over a quota that no simulation reaches")
        case .gone(let id):
            memory.tasks[id] = nil
            sockets[id] = nil
            answers[id] = nil
            simulation.gone(id)
        case .receipts(let id, let ports): memory.tasks[id]?.control.receipts.release(ports)
        }
    }

    private func announceOffers(_ link: Link) {
        announceOffer(link.first)
        announceOffer(link.second)
    }

    private func announceOffer(_ task: TaskID) {
        guard let offers = memory.tasks[task]?.control.offers else { return }
        offers.release(offers.relaxed &+ 1)
    }

    /// Wakes whoever sleeps. The tasks run on between the two halves.
    private func ring(_ id: TaskID) {
        guard let pages = memory.tasks[id] else { return }
        pages.control.bell.release(pages.control.bell.relaxed &+ 1)
        fullFence()
        simulation.interrupt()
        if pages.status.asleep.relaxed != 0 { pages.ring() }
    }

    // MARK: answers

    private func reply(_ id: TaskID, _ number: UInt64, _ response: Response) {
        guard let control = memory.tasks[id]?.control else { return }
        prepareEntries(for: response, control)
        var bytes: [UInt8] = []
        if case .message(let message) = response {
            bytes = memory.store[message.payload.place] ?? []
            delivered = message
        }
        answers[id, default: []].append(Answer(number: number, response: response, bytes: bytes))
        simulation.answered(id)
    }

    /// A place of control memory that is given out anew says nothing of whoever had it before.
    private func prepareEntries(for response: Response, _ control: ControlMemory) {
        switch response {
        case .allocated(let index):
            control.homeReceived(index).release(0)
            control.homeCount(index).release(0)
        case .arrived(let right): prepare(right, control)
        case .message(let delivered), .returned(let delivered):
            prepare(delivered.reply, control)
            for right in delivered.rights { prepare(right, control) }
        default: break
        }
    }

    private func prepare(_ right: Arrived, _ control: ControlMemory) {
        if case .send(_, let index) = right, plan.mutation != .markKept { control.send(index).mark.release(0) }
    }
}
