import MasixWire

@testable import MasixKernel

/// One random program: a few tasks that ask for everything, in and out of turn, over links that open and break.
///
/// Beside the kernel it keeps books of its own, simple enough to be believed: which message is where, and in which order.
final class RandomRun {
    let seed: UInt64
    var random: SplitMix
    var kernel: Kernel
    var world = ModelWorld()
    var books = Books()
    private(set) var records: [JournalRecord] = []
    private(set) var situations: Set<Situation> = []
    /// Whether records before and after each event are compared field by field, and the fields that were found to differ.
    var compares = false
    private(set) var differences: Set<String> = []
    /// What did not hold; the run ends with the first.
    private(set) var failure: String?

    private var tasks: [TaskID] = []
    private var numbers: [TaskID: UInt64] = [:]
    private var nextPort: [TaskID: UInt64] = [:]
    private var tickets: [(TaskID, Ticket)] = []
    private var knownPorts: [PortID] = []
    private var lastPlace: UInt64 = 0
    private let tasksMax: Int

    init(seed: UInt64) {
        self.seed = seed
        random = SplitMix(seed: seed)
        kernel = Kernel(node: Scene.node, limits: Self.limits(&random))
        tasksMax = Int.random(in: 2...5, using: &random)
    }

    /// Some runs are about quotas, some about messages without links.
    private static func limits(_ random: inout SplitMix) -> Limits {
        var limits = Limits()
        if random.once(in: 4) {
            limits.portsPerTaskMax = 3
            limits.sendRightsPerTaskMax = 4
            limits.sendOncesPerTaskMax = 3
            limits.queuedMessagesPerTaskMax = 8
            limits.blockedSendsPerTaskMax = 2
            limits.memoryInFlightPerTaskMax = 3
            limits.linksPerTaskMax = 1
            limits.incomingLeasesPerTaskMax = 2
        }
        if random.once(in: 4) { limits.linksEnabled = false }
        return limits
    }

    func run(steps: Int) {
        attach(first: true)
        for _ in 0..<steps where failure == nil { step() }
        guard failure == nil else { return }
        for task in tasks where failure == nil { handle(.end(task)) }
        guard failure == nil else { return }
        expect(kernel.leftovers == Leftovers(), "left at the end: \(kernel.leftovers)")
        expect(kernel.tasks.isEmpty, "tasks left at the end")
        expect(books.pending.isEmpty, "payloads neither delivered nor released: \(books.pending.keys.sorted().prefix(9))")
        expect(books.pendingMemory.isEmpty, "memory neither delivered nor released: \(books.pendingMemory)")
        replay()
    }

    private func replay() {
        var again = Kernel(node: kernel.node, limits: kernel.limits)
        do throws(ReplayError) {
            try again.replay(encoded: records.map(\.wireBytes))
            expect(again == kernel, "a replay leads elsewhere")
            expect(again.wireBytes == kernel.wireBytes, "equal kernels, different bytes")
        } catch { expect(false, "replay: \(error)") }
    }

    private func expect(_ condition: Bool, _ complaint: @autoclosure () -> String) {
        if !condition, failure == nil { failure = "step \(records.count): " + complaint() }
    }

    // MARK: events

    private func handle(_ event: Event) {
        let before = kernel
        situations.insert(kernel.situation(of: event))
        var recording = RecordingWorld(world)
        let actions = kernel.handle(event, world: &recording)
        world = recording.world
        world.carryOut(actions)
        let record = JournalRecord(event: event, observations: recording.observations)
        records.append(record)
        let violations = kernel.violations()
        expect(violations.isEmpty, "\(event): \(violations.first ?? "")")
        if let complaint = books.follow(event, actions, recording.observations, from: before, to: kernel) {
            expect(false, "\(event): \(complaint)")
        }
        if case .request(let task, let number, .several(let parts)) = event, !kernel.limits.linksEnabled {
            compareParts(parts, of: task, number: number, actions, before)
        }
        note(event, actions)
        if compares { compare(before) }
        if records.count % 64 == 0 { checkSnapshot() }
    }

    /// Several together come to what they come to one after the other. Without links: leases are offered less often.
    private func compareParts(_ parts: [Request], of task: TaskID, number: UInt64, _ actions: [Action], _ before: Kernel) {
        var responses: [Response]?
        for case .reply(task, number, .several(let found)) in actions { responses = found }
        guard let responses, before.tasks[task]?.lastRequest == number - 1 else { return }
        var alone = before
        var number = number
        for (part, response) in zip(parts, responses) {
            if response == .refused(.notBare) {
                guard case .receive(let port, _) = part, let message = alone.ports[port]?.queue.first else {
                    return expect(false, "\(part) is refused as not bare")
                }
                expect(
                    message.payload.length > 0 || !message.memory.isEmpty || !message.rights.isEmpty || message.reply != .null,
                    "a bare message is refused")
                continue
            }
            var found: Response?
            for case .reply(task, number, let answer) in alone.handle(.request(task, number: number, part)) { found = answer }
            expect(found == response, "\(part) alone: \(found.map { "\($0)" } ?? "nothing"), as a part: \(response)")
            number += 1
        }
        // The numbers are all that differs.
        alone.own()
        alone.tasks[task]?.lastRequest = kernel.tasks[task]?.lastRequest ?? 0
        expect(alone == kernel, "\(parts.count) parts lead elsewhere than one after the other")
    }

    private func compare(_ before: Kernel) {
        for (id, port) in before.ports { if let now = kernel.ports[id] { compare(port, now) } }
        for (id, task) in before.tasks { if let now = kernel.tasks[id] { compare(task, now) } }
    }

    /// Two records are equal if and only if all their fields are.
    private func compare<Record: Hashable>(_ before: Record, _ now: Record) {
        let fields = zip(Mirror(reflecting: before).children, Mirror(reflecting: now).children)
        let different = fields.filter { $0.value as? AnyHashable != $1.value as? AnyHashable }.map { $0.0.label ?? "" }
        expect((before == now) == different.isEmpty, "equal is \(before == now), and there differ \(different)")
        differences.formUnion(different)
    }

    private func checkSnapshot() {
        do throws(WireError) {
            let again = try Kernel(wireBytes: kernel.wireBytes)
            expect(again == kernel, "a snapshot is another kernel")
        } catch { expect(false, "snapshot: \(error)") }
    }

    private func note(_ event: Event, _ actions: [Action]) {
        for action in actions {
            switch action {
            case .attached(let id, _, _):
                tasks.append(id)
                numbers[id] = 0
            case .gone(let id): tasks.removeAll { $0 == id }
            case .reply(let id, _, let response):
                do throws(WireError) {
                    expect(try Response(wireBytes: response.wireBytes) == response, "\(response) does not survive its encoding")
                } catch { expect(false, "\(response): \(error)") }
                switch response {
                case .portBlock(let first, _): nextPort[id] = first.counter
                case .blocked(let ticket): tickets.append((id, ticket))
                default: break
                }
            default: break
            }
        }
        if case .request(_, _, .allocate(let port, _, _)) = event, knownPorts.last != port { knownPorts.append(port) }
    }

    private func ask(_ task: TaskID, _ request: Request) {
        guard let last = numbers[task] else { return }
        if random.once(in: 60) {
            // Out of turn: nothing may happen.
            let before = kernel
            handle(.request(task, number: random.once(in: 2) ? last : last + 2, request))
            expect(kernel == before, "a request out of turn had an effect")
        }
        numbers[task] = last + 1
        handle(.request(task, number: last + 1, request))
    }

    private func attach(first: Bool) {
        handle(.attach(Scene.identity("t"), first: first))
        guard let task = tasks.last else { return }
        ask(task, .portBlock)
        for _ in 0..<2 { allocate(task) }
        meet(task)
    }

    /// A newcomer shows itself at the bootstrap port, and its host gives it on to somebody.
    private func meet(_ task: TaskID) {
        guard let bootstrap = kernel.bootstrap else {
            if let port = ownPort(task) { ask(task, .setBootstrap(port)) }
            return
        }
        guard let port = ownPort(task), case .task(let host)? = kernel.ports[bootstrap]?.receiver else { return }
        ask(task, .send(Outgoing(to: .copySend(bootstrap), rights: [.makeSend(port)])))
        ask(host, .receive(bootstrap))
        guard let other = foreignPort(host) else { return }
        ask(host, .send(Outgoing(to: .copySend(other), rights: [.copySend(port), .makeSendOnce(bootstrap)])))
        if case .task(let friend)? = kernel.ports[other]?.receiver { ask(friend, .receive(other)) }
    }

    /// A port of another task that this one may send to.
    private func foreignPort(_ task: TaskID) -> PortID? {
        let ports = kernel.tasks[task]?.sends.keys.filter { port in
            kernel.ports[port].map { $0.receiver != .task(task) } ?? false
        }
        return ports?.sorted().randomElement(using: &random)
    }

    private func allocate(_ task: TaskID) {
        guard let counter = nextPort[task] else { return }
        // Blocks begin with odd counters: of each two ids the later one first.
        let port = PortID(node: Scene.node, counter: ((counter - 1) ^ 1) + 1)
        nextPort[task] = counter + 1
        let (limit, made) = (UInt32.random(in: 0...6, using: &random), UInt32.random(in: 0...2, using: &random))
        ask(task, .allocate(port, queueLimit: limit, makeSendCount: made))
        if random.once(in: 2) { ask(task, .make(.makeSend(port))) }
    }

    // MARK: the steps

    private func step() {
        guard let task = tasks.randomElement(using: &random) else { return attach(first: true) }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<3: if tasks.count < tasksMax { attach(first: random.once(in: 4)) }
        case 3: if random.once(in: 3) { handle(.end(task)) }
        case 4: handle(.trace(task, random.once(in: 4)))
        case 5: random.once(in: 8) ? failLink(task) : handle(.revoke(random.once(in: 2) ? nil : somePort(task)))
        case 6: allocate(task)
        case 7..<33: ask(task, .send(outgoing(task)))
        case 33..<55: receive(task)
        case 55..<80: onLinks()
        case 80..<86: mapSome(task)
        case 86..<90: ask(task, several(task))
        default: ask(task, request(task))
        }
    }

    /// Mostly of one kind, as the library asks them. What cannot be a part is no request that a nucleus could read.
    private func several(_ task: TaskID) -> Request {
        let kind = Int.random(in: 0..<6, using: &random)
        let count = Int.random(in: 1...5, using: &random)
        return .several(
            (0..<count).map { _ in
                switch kind < 5 ? kind : Int.random(in: 0..<5, using: &random) {
                case 0: .make(random.once(in: 2) ? .makeSend(ownPort(task) ?? somePort(task)) : transfer(task))
                case 1: .receive(random.once(in: 4) ? somePort(task) : ownPort(task) ?? somePort(task))
                case 2:
                    .drop(
                        random.once(in: 6)
                            ? .receive(somePort(task)) : random.once(in: 6) ? .sendOnce(someOnce(task)) : .send(heldSend(task)))
                case 3: allocation(task)
                default: .notify(notification(task))
                }
            })
    }

    private func allocation(_ task: TaskID) -> Request {
        guard let counter = nextPort[task] else { return .receive(somePort(task)) }
        nextPort[task] = counter + 1
        let port = PortID(node: Scene.node, counter: counter)
        knownPorts.append(port)
        return .allocate(port, queueLimit: UInt32.random(in: 0...6, using: &random))
    }

    /// Mostly from a port with something in it.
    private func receive(_ task: TaskID) {
        let full = kernel.tasks[task]?.receives.keys.filter { kernel.ports[$0]?.queue.isEmpty == false }.sorted() ?? []
        guard let port = full.randomElement(using: &random), !random.once(in: 9) else {
            if let port = ownPort(task) { ask(task, .receive(port)) }
            return
        }
        for _ in 0..<Int.random(in: 1...4, using: &random) { ask(task, .receive(port)) }
    }

    /// The shell had no memory for it.
    private func failLink(_ task: TaskID) {
        handle(.linkFailed(kernel.tasks[task]?.links.values.min() ?? LinkID(raw: 0)))
    }

    private func mapSome(_ task: TaskID) {
        if random.once(in: 4) { ask(task, .linkOffers) }
        for (peer, link) in (kernel.tasks[task]?.links ?? [:]).sorted(by: { $0.key < $1.key }) where !random.once(in: 4) {
            ask(task, .linkMapped(link))
            if random.once(in: 2) { ask(peer, .linkMapped(link)) }
        }
    }

    private func request(_ task: TaskID) -> Request {
        switch Int.random(in: 0..<20, using: &random) {
        case 17: return .setChief(tasks.randomElement(using: &random) ?? task)
        case 18: return .keepRoom(ownPort(task) ?? somePort(task))
        case 19:
            guard let port = ownPort(task), !random.once(in: 5) else { return .receipts }
            return .giveRoom(port, UInt32.random(in: 0...UInt32(1 + (kernel.ports[port]?.held ?? 0)), using: &random))
        case 0: return .portBlock
        case 1: return .make(transfer(task))
        case 2:
            guard let (_, ticket) = tickets.randomElement(using: &random) else { return .linkOffers }
            return .cancelSend(ticket)
        case 3: return .drop(.send(somePort(task)))
        case 4: return .drop(.receive(somePort(task)))
        case 5: return .drop(.sendOnce(someOnce(task)))
        case 6: return .setQueueLimit(somePort(task), UInt32.random(in: 0...8, using: &random))
        case 7, 8, 9: return .notify(notification(task))
        case 10: return .status(somePort(task))
        case 11: return .setBootstrap(somePort(task))
        case 12:
            guard tasks.count < tasksMax else { return .identity(task) }
            return .introduce(Scene.identity("i"), rights: (0..<2).map { _ in transfer(task) })
        case 13:
            let link = kernel.tasks[task]?.links.values.sorted().randomElement(using: &random) ?? LinkID(raw: kernel.lastLink)
            return random.once(in: 3)
                ? .linkFault(link, .malformedFrame) : random.once(in: 2) ? .linkPeer(link) : .linkMapped(link)
        case 14: return .rejected(.invalidMemory)
        default:
            guard let call = world.calls.randomElement(using: &random) else { return .linkOffers }
            if task == call.caller { return .recallReplies(call.link, call.port) }
            return .claimReply(call.link, index: call.index, generation: call.generation)
        }
    }

    private func notification(_ task: TaskID) -> NotificationRequest {
        let kind = [NotificationRequest.Kind.portDestroyed, .noSenders, .deadName].randomElement(using: &random) ?? .deadName
        return NotificationRequest(
            kind, port: somePort(task), sync: random.once(in: 3) ? 1 : 0,
            notify: random.once(in: 5) ? .null : random.once(in: 2) ? .makeSendOnce(somePort(task)) : .moveSendOnce(someOnce(task)))
    }

    private func outgoing(_ task: TaskID) -> Outgoing {
        lastPlace += 1
        var rights: [Transfer] = []
        if random.once(in: 2) { while random.once(in: 2) { rights.append(transfer(task)) } }
        var destination = transfer(task)
        if !random.once(in: 5), let port = foreignPort(task) { destination = random.once(in: 12) ? .moveSend(port) : .copySend(port) }
        let payload = random.once(in: 9) ? Payload.empty : Payload(place: lastPlace, length: UInt32.random(in: 1...64, using: &random))
        return Outgoing(
            to: destination, reply: random.once(in: 5) ? transfer(task) : .null, code: UInt32(truncatingIfNeeded: lastPlace),
            rights: rights, payload: payload, memory: random.once(in: 9) ? [MemoryToken(place: lastPlace, length: 65_536)] : [],
            blocks: random.once(in: 2), completion: UInt16.random(in: 0..<256, using: &random))
    }

    /// Mostly something that the task holds.
    private func transfer(_ task: TaskID) -> Transfer {
        switch Int.random(in: 0..<32, using: &random) {
        case 0: .null
        case 1: .dead
        case 2...4: .moveReceive(ownPort(task) ?? somePort(task))
        case 5...7: .moveSend(heldSend(task))
        case 8...14: .copySend(heldSend(task))
        case 15...21: .makeSend(ownPort(task) ?? somePort(task))
        case 22...27: .makeSendOnce(ownPort(task) ?? somePort(task))
        default: .moveSendOnce(someOnce(task))
        }
    }

    private func heldSend(_ task: TaskID) -> PortID {
        kernel.tasks[task]?.sends.keys.sorted().randomElement(using: &random) ?? somePort(task)
    }

    private func ownPort(_ task: TaskID) -> PortID? {
        kernel.tasks[task]?.receives.keys.sorted().randomElement(using: &random)
    }

    private func somePort(_ task: TaskID) -> PortID {
        let unknown = PortID(node: Scene.node, counter: 0)
        if random.once(in: 12) { return knownPorts.randomElement(using: &random) ?? unknown }
        guard let held = kernel.tasks[task] else { return unknown }
        return (held.sends.keys.sorted() + held.receives.keys.sorted()).randomElement(using: &random) ?? unknown
    }

    private func someOnce(_ task: TaskID) -> SendOnceID {
        if !random.once(in: 6), let once = kernel.tasks[task]?.sendOnces.sorted().randomElement(using: &random) { return once }
        return SendOnceID(raw: UInt64.random(in: 0...kernel.lastSendOnce, using: &random))
    }

    // MARK: what goes on without the kernel

    private func onLinks() {
        if random.once(in: 20) { world.slotsInUse.toggle() }
        if random.once(in: 40), world.faults.isEmpty { world.faults = [.missingFrames, nil] }
        guard let lease = world.openLeases.randomElement(using: &random) else { return }
        if lease.keepsRoom, random.once(in: 3) {
            _ = world.give(lease.id)
            return
        }
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4:
            lastPlace += 1
            let payload = Payload(place: lastPlace, length: 1)
            let reply = random.once(in: 3) ? ownPort(lease.sender) : nil
            guard world.commit(lease.id, code: UInt32(truncatingIfNeeded: lastPlace), payload, reply: reply) else { return }
            books.accepted(payload, from: lease.sender, to: lease.port, inOrder: true)
        case 4..<7:
            guard let frame = world.take(lease.id) else { return }
            if let complaint = books.delivered(frame.payload) { expect(false, "taken: \(complaint)") }
        default: replies()
        }
    }

    private func replies() {
        guard let place = world.calls.indices.randomElement(using: &random) else { return }
        let call = world.calls[place]
        switch call.state {
        case .taken: world.calls[place].state = .held
        case .held:
            // Answered, or dropped by the callee's library.
            lastPlace += 1
            let isDropped = random.once(in: 3)
            let payload = isDropped ? Payload.empty : Payload(place: lastPlace, length: 1)
            world.calls[place].state = .answered(Frame(code: 5, payload: payload, isDropped: isDropped))
            books.accepted(payload, from: call.callee, to: call.port, inOrder: false)
        case .answered(let frame):
            world.calls[place].state = .over
            if let complaint = books.delivered(frame.payload) { expect(false, "collected: \(complaint)") }
        case .inSlot, .over: break
        }
    }
}
