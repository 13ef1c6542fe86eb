import Testing

@testable import MasixKernel

/// A node for a test: tasks are attached, rights handed out, requests made; after each event the whole kernel is recounted.
struct Scene {
    static let node = NodeID(number: 7, incarnation: 1)

    var kernel: Kernel
    var world = ModelWorld()
    /// Everything that has been handled, as a journal keeps it; empty once something has been arranged behind the kernel's back.
    var records: [JournalRecord] = []
    /// The actions of the last event.
    var actions: [Action] = []
    /// For tests of size: the recount takes time in proportion to the kernel.
    var recounts = true
    private var numbers: [TaskID: UInt64] = [:]
    private var blocks: [TaskID: UInt64] = [:]

    init(limits: Limits = Limits()) { kernel = Kernel(node: Self.node, limits: limits) }

    static var withoutLinks: Scene {
        var limits = Limits()
        limits.linksEnabled = false
        return Scene(limits: limits)
    }

    // MARK: events

    @discardableResult
    mutating func handle(_ event: Event, sourceLocation: SourceLocation = #_sourceLocation) -> [Action] {
        var recording = RecordingWorld(world)
        actions = kernel.handle(event, world: &recording)
        world = recording.world
        world.carryOut(actions)
        records.append(JournalRecord(event: event, observations: recording.observations))
        if recounts {
            let violations = kernel.violations()
            #expect(violations.isEmpty, "after \(event)", sourceLocation: sourceLocation)
        }
        return actions
    }

    @discardableResult
    mutating func ask(_ task: TaskID, _ request: Request, sourceLocation: SourceLocation = #_sourceLocation) -> Response {
        numbers[task, default: 0] += 1
        for case .reply(task, let number, let response) in handle(
            .request(task, number: numbers[task] ?? 0, request), sourceLocation: sourceLocation)
        {
            #expect(number == numbers[task], sourceLocation: sourceLocation)
            return response
        }
        Issue.record("no answer to \(request)", sourceLocation: sourceLocation)
        return .done
    }

    mutating func attach(first: Bool = false, name: String = "task") -> TaskID {
        handle(.attach(Self.identity(name), first: first))
        for case .attached(let id, _, _) in actions { return id }
        Issue.record("not attached")
        return .kernel
    }

    static func identity(_ name: String) -> TaskIdentity {
        TaskIdentity(uid: 1000, gid: 1000, pid: 0, executable: "", name: name, launched: false)
    }

    // MARK: arrangements

    /// A new port of the task.
    mutating func port(of task: TaskID, limit: UInt32 = 5) -> PortID {
        if ((blocks[task] ?? 1) - 1) % Kernel.portBlockSize == 0 {
            guard case .portBlock(let first, _) = ask(task, .portBlock) else {
                Issue.record("no ports")
                return PortID(node: Self.node, counter: 0)
            }
            blocks[task] = first.counter
        }
        let id = PortID(node: Self.node, counter: blocks[task] ?? 0)
        blocks[task, default: 0] += 1
        if case .refused(let refusal) = ask(task, .allocate(id, queueLimit: limit)) { Issue.record("\(refusal)") }
        return id
    }

    /// Puts a right into a task's space, as if a message had brought it.
    @discardableResult
    mutating func give(_ transfer: Transfer, of owner: TaskID, to task: TaskID) -> Arrived {
        records = []
        kernel.own()
        var step = Step()
        let right = kernel.take(transfer, from: owner, into: nil, &step)
        defer { world.carryOut(step.actions) }
        return kernel.arrive(right, in: task, &step)
    }

    /// A send-once right to the port, held by the task.
    mutating func giveOnce(_ port: PortID, of owner: TaskID, to task: TaskID) -> SendOnceID {
        guard case .sendOnce(let once, _) = give(.makeSendOnce(port), of: owner, to: task) else {
            Issue.record("no send-once right")
            return SendOnceID(raw: 0)
        }
        return once
    }

    // MARK: messages

    @discardableResult
    mutating func send(
        _ code: UInt32 = 0, to destination: Transfer, from task: TaskID, reply: Transfer = .null, rights: [Transfer] = [],
        payload: Payload = .empty, blocks: Bool = false, sourceLocation: SourceLocation = #_sourceLocation
    ) -> Response {
        ask(
            task, .send(Outgoing(to: destination, reply: reply, code: code, rights: rights, payload: payload, blocks: blocks)),
            sourceLocation: sourceLocation)
    }

    mutating func receive(_ port: PortID, by task: TaskID, sourceLocation: SourceLocation = #_sourceLocation) -> Delivered? {
        switch ask(task, .receive(port), sourceLocation: sourceLocation) {
        case .message(let message): return message
        case .empty: return nil
        case let other:
            Issue.record("\(other)", sourceLocation: sourceLocation)
            return nil
        }
    }

    /// The codes of everything in the home queue.
    mutating func drain(_ port: PortID, by task: TaskID) -> [UInt32] {
        var codes: [UInt32] = []
        while let message = receive(port, by: task) { codes.append(message.code) }
        return codes
    }

    func status(_ port: PortID) -> PortStatus? { kernel.ports[port].map { kernel.status(of: $0) } }

    // MARK: links

    /// Both ends map their halves of every link on offer to them.
    mutating func mapLinks() {
        for task in kernel.tasks.keys.sorted() {
            guard case .links(let links) = ask(task, .linkOffers) else { continue }
            for link in links { ask(task, .linkMapped(link)) }
        }
    }

    /// The open lease by which the task sends to the port.
    func lease(_ task: TaskID, _ port: PortID) -> Lease? {
        kernel.tasks[task]?.sends[port]?.lease.flatMap { kernel.leases[$0] }
    }

    /// The same where the test is about what comes after.
    mutating func newLease(_ task: TaskID, _ port: PortID, of receiver: TaskID) throws -> Lease {
        let lease = openLease(task, port, of: receiver)
        return try #require(lease)
    }

    /// Brings about a lease: a message by the nucleus, received, and both halves mapped.
    mutating func openLease(_ task: TaskID, _ port: PortID, of receiver: TaskID) -> Lease? {
        send(to: .copySend(port), from: task)
        _ = receive(port, by: receiver)
        mapLinks()
        return lease(task, port)
    }
}

extension Leftovers {
    static var none: Leftovers { Leftovers() }
}

/// How many rights of each kind the kernel knows: for tests that say "nothing is left".
struct Leftovers: Hashable {
    var ports = 0
    var sendOnces = 0
    var messages = 0
    var leases = 0
    var links = 0
    var tickets = 0
    var unclaimed = 0
    var transits = 0
}

extension Kernel {
    var leftovers: Leftovers {
        Leftovers(
            ports: ports.count, sendOnces: sendOnces.count, messages: ports.values.reduce(0) { $0 + $1.queue.count + $1.blocked.count },
            leases: leases.count, links: links.count, tickets: ticketPorts.count, unclaimed: unclaimed.count,
            transits: transitPorts.count)
    }
}
