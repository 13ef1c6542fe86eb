/// The theory of a node: every task, port, right, message and lease, as one value.
///
/// `handle` takes what happened and returns what is to be done about it. There is no clock, no chance and no descriptor in
/// here; the words of leases are read through `LeaseWorld`. So the same type runs in the nucleus, in the simulator and in a
/// replay of the journal, and equal histories give equal kernels (architecture, idea 4).
///
/// Nothing here is a stop on a task: a request that must wait leaves a record and an answer says so.
public struct Kernel: Hashable, Sendable {
    /// Port ids are given to a task in blocks of this many (architecture rule 2).
    public static let portBlockSize: UInt64 = 65_536
    static let portBlocksPerTaskMax = 1_024

    public let node: NodeID
    public let limits: Limits

    var tasks: [TaskID: Task] = [:]
    var ports: [PortID: Port] = [:]
    var sendOnces: [SendOnceID: SendOnce] = [:]
    var links: [LinkID: Link] = [:]
    var leases: [LeaseID: Lease] = [:]
    /// Replies that a callee took over a link which has closed since, and has not claimed: (link, callee, index, generation) -> port.
    var unclaimed: [UnclaimedReply: SendOnceID] = [:]
    /// The port that each message with a receive right in it is going to (R4).
    var transitPorts: [MessageID: PortID] = [:]
    /// The port that each blocked send waits for.
    var ticketPorts: [Ticket: PortID] = [:]
    var bootstrap: PortID?
    /// The network server: who brings the words of tasks of other nodes.
    var chief: TaskID?
    /// Those tasks, the latest ones.
    var strangers = Remembrance()
    /// What the chief has sent to send rights and has been received, and it has not asked for yet: from home queues, and by leases that
    /// have closed.
    var receipts: [Receipt.Place: UInt64] = [:]
    /// Tasks that have ended and may still be asked for.
    var ended = Remembrance()

    var lastTask: UInt64 = 0
    var lastMessage: UInt64 = 0
    var lastSendOnce: UInt64 = 0
    var lastTicket: UInt64 = 0
    var lastLink: UInt64 = 0
    var lastLease: UInt64 = 0
    /// Port counters below this are given out.
    var nextPortBlock: UInt64 = 1
    /// Shared by the copies of a kernel until one of them is changed.
    private var owner = Owner()

    private final class Owner: Hashable, Sendable {
        static func == (left: Owner, right: Owner) -> Bool { true }
        func hash(into hasher: inout Hasher) {}
    }

    struct UnclaimedReply: Hashable, Comparable, Sendable {
        let link: LinkID
        let callee: TaskID
        let index: UInt16
        let generation: UInt32

        static func < (left: Self, right: Self) -> Bool {
            (left.link, left.callee, left.index, left.generation) < (right.link, right.callee, right.index, right.generation)
        }
    }

    public init(node: NodeID, limits: Limits = Limits()) {
        self.node = node
        self.limits = limits
    }

    /// Tasks and ports are changed where they lie, for a copy of one of them keeps and lets go a dozen references. A kernel is a
    /// value all the same: one that shares its records with a copy takes new ones first, once.
    mutating func own() {
        guard !isKnownUniquelyReferenced(&owner) else { return }
        owner = Owner()
        tasks = tasks.mapValues { Task($0) }
        ports = ports.mapValues { Port($0) }
    }

    /// Applies one event. The actions are to be carried out in their order.
    public mutating func handle(_ event: Event, world: inout some LeaseWorld) -> [Action] {
        own()
        var step = Step()
        switch event {
        case .attach(let identity, let first):
            attach(identity, chief: nil, first: first, initial: [], &step)
        case .request(let task, let number, let request):
            self.request(request, of: task, number: number, &step, &world)
        case .end(let task):
            end(task, &step, &world)
        case .trace(let task, let on):
            trace(task, on, &step, &world)
        case .revoke(let port):
            revoke(port, &step, &world)
        case .linkFailed(let link):
            closeLink(link, because: .unusableMemory, dying: nil, &step, &world)
        }
        settle(&step, &world)
        return step.actions
    }

    /// One event without links: for tests and in-process use.
    public mutating func handle(_ event: Event) -> [Action] {
        var world = NoLeases()
        return handle(event, world: &world)
    }

    // MARK: dispatch

    private mutating func request(
        _ request: Request, of id: TaskID, number: UInt64, _ step: inout Step, _ world: inout some LeaseWorld
    ) {
        guard let task = tasks[id], number == task.lastRequest + 1 else { return }
        task.lastRequest = number
        let response: Response
        if case .several(let parts) = request {
            response = several(parts, of: id, &step, &world)
        } else {
            response = answer(request, of: id, &step, &world)
        }
        step.actions.append(.reply(id, number: number, response))
    }

    private mutating func answer(
        _ request: Request, of id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) -> Response {
        do throws(Refusal) { return try perform(request, of: id, &step, &world) } catch { return .refused(error) }
    }

    /// Each is settled before the next is looked at, so that several requests together come to what they come to one after the other.
    ///
    /// Only leases are offered once, when all is done: the words of one that was given by this event lie in no memory yet, and nothing in
    /// the event could close it. And the wake-ups are fewer: each task's last one comes after all that it is woken for.
    private mutating func several(
        _ parts: [Request], of id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) -> Response {
        guard (1...Limits.requestsTogetherMax).contains(parts.count), parts.allSatisfy(\.isPart) else { return .refused(.malformed) }
        var responses: [Response] = []
        responses.reserveCapacity(parts.count)
        step.isPart = true
        defer {
            step.isPart = false
            step.roomier += step.unoffered
            step.unoffered = []
        }
        for part in parts {
            let response =
                if case .receive(let port, _) = part, isBare(port) == false {
                    Response.refused(.notBare)
                } else {
                    answer(part, of: id, &step, &world)
                }
            switch response {
            case .allocated, .arrived: step.actions.append(.entries(id, response))
            default: break
            }
            settle(&step, &world)
            responses.append(response)
        }
        var rung: Set<TaskID> = []
        let last = step.actions.reversed().filter { action in
            if case .ring(let task) = action { rung.insert(task).inserted } else { true }
        }
        step.actions = last.reversed()
        return .several(responses)
    }

    /// Whether the next message has neither bytes nor memory nor rights; nil if there is none.
    private func isBare(_ port: PortID) -> Bool? {
        ports[port]?.queue.first.map { $0.payload.length == 0 && $0.memory.isEmpty && $0.carried.isEmpty }
    }

    private mutating func perform(
        _ request: Request, of id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        switch request {
        case .portBlock: try portBlock(id)
        case .allocate(let port, let limit, let made): try allocate(port, queueLimit: limit, makeSendCount: made, for: id)
        case .make(let transfer): try make(transfer, for: id, &step)
        case .send(let outgoing): try send(outgoing, from: id, &step, &world)
        case .cancelSend(let ticket): cancelSend(ticket, of: id, &step)
        case .receive(let port, let room): try receive(from: port, by: id, room: room, &step, &world)
        case .peek(let port): try peek(at: port, by: id)
        case .drop(let right): try drop(right, of: id, &step, &world)
        case .setQueueLimit(let port, let limit): try setQueueLimit(limit, of: port, by: id, &step, &world)
        case .notify(let request): try register(request, of: id, &step, &world)
        case .status(let port): try status(of: port, for: id, &step, &world)
        case .setMakeSendCount(let port, let count): try setMakeSendCount(count, of: port, by: id)
        case .nameFreed(let port, let once): nameFreed(of: port, once, by: id, &step)
        case .hasRequest(let port): try hasRequest(of: port, by: id)
        case .awaitRoom(let port): try awaitRoom(of: port, by: id, &step, &world)
        case .isDead(let once):
            try port(of: once, heldBy: id) == nil ? .refused(.invalidDestination) : .done
        case .portOf(let once):
            .arrived(try port(of: once, heldBy: id).map { .sendOnce(once, $0) } ?? .dead)
        case .identity(let other): try identity(of: other)
        case .linkOffers: linkOffers(of: id)
        case .linkMapped(let link): try linkMapped(link, by: id, &step, &world)
        case .linkPeer(let link): try linkPeer(of: link, for: id)
        case .linkFault(let link, let fault): try linkFault(link, fault, reportedBy: id, &step, &world)
        case .claimReply(let link, let index, let generation): try claimReply(link, index, generation, by: id, &step, &world)
        case .recallReplies(let link, let port): try recallReplies(over: link, at: port, by: id, &step, &world)
        case .setBootstrap(let port): try setBootstrap(port, by: id)
        case .setChief(let task): try setChief(task, by: id, &step, &world)
        case .keepRoom(let port): try keepRoom(of: port, by: id)
        case .giveRoom(let port, let count): try giveRoom(count, in: port, by: id, &step)
        case .receipts: try takeReceipts(id, &step)
        case .introduce(let identity, let rights): try introduce(identity, with: rights, by: id, &step, &world)
        case .rejected(let refusal): throw refusal
        case .several: throw .malformed
        }
    }
}

/// What one event has caused so far.
///
/// The death of a port destroys messages, whose receive rights destroy ports, and so on: the lists here are worked off in a
/// loop, so that no chain is too long for the stack (spec/mach.md 1.11).
struct Step {
    var actions: [Action] = []
    /// Links that the closing of a lease has found broken.
    var brokenLinks: [(LinkID, LinkFault)] = []
    /// What is to die or to be told of a death; the last first, so that everything below one death is done before what follows it
    /// (the order of T5, as by recursion).
    var doomed: [Doom] = []
    /// Ports whose queue has been given something that no limit holds up.
    var crowded: [PortID] = []
    /// Ports whose number of send rights has fallen.
    var lessSenders: [PortID] = []
    /// Ports that may have room for blocked senders or messages of theirs to lease for.
    var roomier: [PortID] = []
    /// Whether more parts of the same event follow.
    var isPart = false
    /// Ports that leases may be offered to when no more parts follow.
    var unoffered: [PortID] = []

    enum Doom {
        /// Its rights are to be released as if its receiver had dropped them.
        case message(Message)
        /// It has lost its receive right.
        case port(PortID)
        /// The dead-name requests of a port whose messages are gone.
        case deadNames(PortID, [DeadNameRequest])
    }
}
