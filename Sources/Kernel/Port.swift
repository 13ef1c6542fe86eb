import DequeModule

/// A port: its home queue, its counts, and who waits for what.
///
/// It is changed where it lies, by the one kernel that it belongs to (`Kernel.own`); that is what makes it safe to send.
final class Port: @unchecked Sendable {
    let id: PortID
    /// Where the receive right is.
    var receiver: Receiver
    var queueLimit: Int
    var makeSendCount: UInt32 = 0

    /// Tasks with a send right in their space.
    var senders: Set<TaskID> = []
    /// Send rights in messages, the destination rights of queued ones included (N4).
    var sendsInTransit = 0
    /// Send-once rights, wherever they are.
    var sendOnces: Set<SendOnceID> = []

    /// The home queue.
    var queue: Deque<Message> = []
    /// Sent, not accepted: each waits for room, first come first served (O2).
    var blocked: Deque<BlockedSend> = []
    /// In the order in which they were given.
    var leases: [LeaseID] = []
    /// The one of them that was last looked at for more credit: the next goes first.
    var grown = LeaseID(raw: 0)
    /// Messages received from the home queue so far, modulo 2^32: what `Lease.after` is measured against.
    var received: UInt32 = 0
    /// The windows of those leases together.
    var leased = 0
    /// Who has sent here by the nucleus and may be given a lease.
    var candidates: Set<TaskID> = []
    /// Those of them that have no lease, to look at with the next event of the port. Who waits for its link
    /// to be mapped is not among them, so that a message costs the same however many there are.
    var applicants: Set<TaskID> = []

    /// The chief receives here for others: what it has received keeps its room, until it has been received where it went.
    var keepsRoom = false
    /// So many such messages.
    var held = 0

    var noSenders: SendOnceID?
    var portDestroyed: SendOnceID?
    private(set) var deadNames: [NameHolder: DeadNameRequest] = [:]
    /// So many of those requests wait for room.
    private(set) var roomAwaited = 0

    init(id: PortID, receiver: Receiver, queueLimit: Int) {
        self.id = id
        self.receiver = receiver
        self.queueLimit = queueLimit
    }

    /// The same port for another kernel.
    convenience init(_ other: Port) {
        self.init(id: other.id, receiver: other.receiver, queueLimit: other.queueLimit)
        makeSendCount = other.makeSendCount
        senders = other.senders
        sendsInTransit = other.sendsInTransit
        sendOnces = other.sendOnces
        queue = other.queue
        blocked = other.blocked
        leases = other.leases
        grown = other.grown
        received = other.received
        leased = other.leased
        candidates = other.candidates
        applicants = other.applicants
        keepsRoom = other.keepsRoom
        held = other.held
        noSenders = other.noSenders
        portDestroyed = other.portDestroyed
        deadNames = other.deadNames
        roomAwaited = other.roomAwaited
    }

    enum Receiver: Hashable, Sendable {
        case task(TaskID)
        /// In the message with this number.
        case transit(MessageID)
    }

    struct BlockedSend: Hashable, Sendable {
        let ticket: Ticket
        let completion: UInt16
        let message: Message
    }

    var sendRights: Int { senders.count + sendsInTransit }

    /// Whether the queue takes one more from a send right, open leases counted whole (S6, architecture rule 3).
    var hasRoom: Bool { queue.count + held + leased < queueLimit }

    /// Somebody waits for room here, and only the nucleus can tell him: then there are no leases (architecture rule 3).
    var isAwaited: Bool { !blocked.isEmpty || roomAwaited > 0 }

    /// Sets, replaces or takes away the request of a name; the one before.
    @discardableResult
    func request(_ request: DeadNameRequest?, of holder: NameHolder) -> DeadNameRequest? {
        let previous = deadNames.removeValue(forKey: holder)
        deadNames[holder] = request
        if previous?.stage == .awaitsRoom { roomAwaited -= 1 }
        if request?.stage == .awaitsRoom { roomAwaited += 1 }
        return previous
    }

    /// What neither message nor credit takes up; negative beyond the limit, as send-once rights may go.
    var room: Int { queueLimit - queue.count - held - leased }

    /// The most credit that a lease is given first: others may be about to get theirs.
    var firstShare: Int { max(1, queueLimit / max(1, leases.count, candidates.count)) }

    /// The most credit that one of its leases grows to.
    var share: Int { leases.count == 1 ? queueLimit : firstShare }

    /// Home messages that have been enqueued in its life, modulo 2^32.
    var enqueued: UInt32 { received &+ UInt32(queue.count) }

    /// Whether a lease with so many slots, being the only one, can have the whole limit.
    func isWhole(slots: Int) -> Bool { leases.count == 1 && slots >= queueLimit }

    /// The place in `leases` where the next growing begins.
    var firstToGrow: Int { leases.firstIndex { $0 > grown } ?? 0 }

    /// A lease has closed.
    func remove(_ lease: LeaseID, window: Int) {
        guard let place = leases.firstIndex(of: lease) else { return }
        leases.remove(at: place)
        leased -= window
    }

    /// Takes the first message, and with it the right that it was sent with (V5).
    func dequeue() -> Message? {
        guard let message = queue.popFirst() else { return nil }
        received &+= 1
        switch message.via {
        case .send: sendsInTransit -= 1
        case .sendOnce(let once):
            sendOnces.remove(once)
        }
        return message
    }
}

extension Port: Hashable {
    static func == (left: Port, right: Port) -> Bool {
        left.id == right.id && left.receiver == right.receiver && left.queueLimit == right.queueLimit
            && left.makeSendCount == right.makeSendCount && left.senders == right.senders
            && left.sendsInTransit == right.sendsInTransit && left.sendOnces == right.sendOnces && left.queue == right.queue
            && left.blocked == right.blocked && left.leases == right.leases && left.grown == right.grown
            && left.received == right.received && left.leased == right.leased && left.candidates == right.candidates
            && left.applicants == right.applicants && left.keepsRoom == right.keepsRoom && left.held == right.held
            && left.noSenders == right.noSenders
            && left.portDestroyed == right.portDestroyed && left.deadNames == right.deadNames && left.roomAwaited == right.roomAwaited
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(id)
        hasher.combine(queue)
        hasher.combine(received)
    }
}
