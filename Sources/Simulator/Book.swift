import DequeModule
import MasixKernel

// The oracle: what a simple mind writes down beside the node. It knows no leases and no words, only who said what to whom, who
// holds which right, and what is owed. It learns of a message when it is accepted and when it is received, by whatever way it
// went, and of rights from requests and answers. Whatever the mode, the same book must balance.

/// One message of a program, from its preparation to its end.
struct BookedMessage {
    enum State { case prepared, blocked, accepted, delivered, destroyed, returned }

    let id: UInt64
    let sender: TaskID
    let port: PortID
    /// Sent with a send right: ordered, and held up by the queue limit.
    let isBySend: Bool
    /// The send-once right that a call gives its receiver.
    let reply: UInt64?
    let cargo: [BookedRight]
    /// The send-once right that this message used.
    let uses: UInt64?
    var state = State.prepared
}

/// A right inside a message.
enum BookedRight: Equatable {
    case send(PortID)
    case receive(PortID)
    case once(UInt64)
}

/// One send-once right, wherever it lives: in the kernel or in a link.
struct BookedOnce {
    enum Holder: Equatable {
        case task(TaskID)
        case message(UInt64)
        case request
        /// Over: it has become its one message or its one notification.
        case used
        case dropped
    }

    let id: UInt64
    let port: PortID
    var holder: Holder
    /// The caller does not wait any more: nothing is owed.
    var isAbandoned = false
}

/// A registered notification.
struct BookedRequest {
    let kind: NotificationRequest.Kind
    let port: PortID
    let task: TaskID
    let once: UInt64
    let notify: PortID
    /// No-senders: at the end of some event since the registration nobody had a send right.
    var sawNoSenders = false
    /// Dead-name: the name was given up while its port lived, so that 65 is owed.
    var wasFreed = false
    /// The same while the receive right was nowhere to be seen: its port may have been dead already, then 72 was told before.
    var mayBeFreed = false
    var isWaiting: Bool { !wasFreed && !mayBeFreed && !sawNoSenders }
}

final class Book {
    private(set) var failure: String?
    private(set) var messages: [UInt64: BookedMessage] = [:]
    private var lastMessage: UInt64 = 0
    private var flows: [Flow: Deque<UInt64>] = [:]
    private(set) var unreceived: [PortID: Int] = [:]
    private var limits: [PortID: Int] = [:]
    private(set) var owners: [PortID: TaskID] = [:]
    private(set) var onces: [UInt64: BookedOnce] = [:]
    private var lastOnce: UInt64 = 0
    /// Ports that anybody has ever had a send-once right to.
    private var answered: Set<PortID> = []
    private var requests: [BookedRequest] = []
    /// Send-once notifications (71) that are owed to a port.
    private var owed: [PortID: Int] = [:]
    private var entries: [PortID: Set<TaskID>] = [:]
    private var sendsInMessages: [PortID: Int] = [:]
    private var tickets: [Ticket: UInt64] = [:]
    /// Ports that were seen to be dead: nothing may be accepted or received there again.
    private var dead: Set<PortID> = []
    /// Those of the event under way: its blocked senders still succeed (S4).
    private var dying: [PortID] = []

    struct Flow: Hashable {
        let sender: TaskID
        let port: PortID
    }

    func fail(_ what: @autoclosure () -> String) {
        if failure == nil { failure = what() }
    }

    // MARK: messages

    func prepare(
        from sender: TaskID, to port: PortID, isBySend: Bool = true, reply: UInt64? = nil, cargo: [BookedRight] = [], uses: UInt64? = nil
    ) -> UInt64 {
        lastMessage += 1
        messages[lastMessage] = BookedMessage(
            id: lastMessage, sender: sender, port: port, isBySend: isBySend, reply: reply, cargo: cargo, uses: uses)
        return lastMessage
    }

    /// In the port's queue from here on, be it a slot or the home queue.
    func accept(_ id: UInt64) {
        guard let message = messages[id] else { return fail("message \(id) accepted, and unknown") }
        if dead.contains(message.port), message.isBySend { fail("message \(id) accepted by \(message.port), which was dead") }
        switch message.state {
        case .prepared: enter(message)
        case .blocked: break
        default: fail("message \(id) accepted twice: it is \(message.state)")
        }
        messages[id]?.state = .accepted
        if message.isBySend {
            // S6: whoever sends with a send right finds room. Send-once messages and lowered limits may have filled the queue.
            let count = unreceived[message.port, default: 0]
            let limit = limits[message.port] ?? 0
            if count >= limit, owners[message.port] != nil {
                fail("message \(id) accepted by \(message.port) over its limit: \(count) unreceived, limit \(limit) (S6)")
            }
        }
        unreceived[message.port, default: 0] += 1
    }

    /// Its sender waits in the kernel.
    func block(_ id: UInt64, _ ticket: Ticket) {
        guard let message = messages[id] else { return fail("message \(id) blocked, and unknown") }
        if message.state != .prepared { fail("message \(id) blocked, and it is \(message.state)") }
        enter(message)
        messages[id]?.state = .blocked
        tickets[ticket] = id
    }

    /// The order of a sender's messages is settled here (O1); its rights have left its space.
    private func enter(_ message: BookedMessage) {
        if message.isBySend {
            flows[Flow(sender: message.sender, port: message.port), default: []].append(message.id)
            sendsInMessages[message.port, default: 0] += 1
        }
        for right in message.cargo {
            switch right {
            case .send(let port): sendsInMessages[port, default: 0] += 1
            case .receive(let port): owners[port] = nil
            case .once(let once): onces[once]?.holder = .message(message.id)
            }
        }
        if let once = message.reply { onces[once]?.holder = .message(message.id) }
        if let once = message.uses {
            if let record = onces[once], record.holder == .used || record.holder == .dropped {
                fail("send-once right \(once) used twice: it was \(record.holder) (T4)")
            }
            onces[once]?.holder = .used
        }
    }

    func unblocked(_ ticket: Ticket) {
        guard let id = tickets.removeValue(forKey: ticket), let message = messages[id] else { return }
        // The death of a port lets its blocked senders go with success (S4); the message is destroyed in the same event.
        if message.state != .blocked { fail("message \(id) let in, and it is \(message.state)") }
        accept(id)
    }

    /// A pseudo-receive of one's own blocked message (S7): these send-once rights come back.
    func returned(_ ticket: Ticket) -> [UInt64] {
        guard let id = tickets.removeValue(forKey: ticket), let message = messages[id] else {
            fail("a message returned from nowhere")
            return []
        }
        leave(message)
        messages[id]?.state = .returned
        var onces = message.cargo.compactMap { if case .once(let once) = $0 { once } else { nil } }
        if let once = message.reply { onces.append(once) }
        return onces
    }

    /// It is not in its queue any more.
    private func leave(_ message: BookedMessage) {
        if message.isBySend {
            sendsInMessages[message.port, default: 0] -= 1
            let flow = Flow(sender: message.sender, port: message.port)
            if flows[flow]?.first == message.id { _ = flows[flow]?.popFirst() } else { flows[flow]?.removeAll { $0 == message.id } }
        }
        if message.state == .accepted { unreceived[message.port, default: 0] -= 1 }
        for case .send(let port) in message.cargo { sendsInMessages[port, default: 0] -= 1 }
    }

    /// Received by a task: by the take word or from the home queue. Returns what it carried.
    @discardableResult
    func deliver(_ id: UInt64, to task: TaskID, from port: PortID, apparentSender: TaskID) -> BookedMessage? {
        guard let message = messages[id] else {
            fail("\(task) received message \(id), which nobody sent")
            return nil
        }
        if message.state != .accepted { fail("\(task) received message \(id) from \(port), and it is \(message.state)") }
        if message.port != port { fail("message \(id) for \(message.port) came by \(port)") }
        if message.sender != apparentSender { fail("message \(id) of \(message.sender) came as one of \(apparentSender)") }
        if dead.contains(port) { fail("message \(id) received from \(port), which was dead") }
        if message.isBySend {
            let flow = flows[Flow(sender: message.sender, port: port)]
            if flow?.first != id { fail("message \(id) of \(message.sender) at \(port) before \(flow?.first ?? 0) (O1)") }
        }
        leave(message)
        messages[id]?.state = .delivered
        return message
    }

    /// Destroyed with its port, or never let in because its sender has ended.
    func destroy(_ id: UInt64, isCircular: Bool = false) {
        guard let message = messages[id] else { return fail("message \(id) destroyed, and unknown") }
        switch message.state {
        case .accepted, .blocked: break
        default: return fail("message \(id) destroyed, and it is \(message.state)")
        }
        if let owner = owners[message.port], message.state == .accepted {
            fail("message \(id) destroyed, and its \(message.port) lives at \(owner)")
        }
        leave(message)
        messages[id]?.state = .destroyed
        for case .once(let once) in message.cargo { dropOnce(once) }
        if let once = message.reply { dropOnce(once) }
        // A message with a receive right that is destroyed destroys the port, or sends it to its backup.
        // A circle is destroyed as it is sent (S5); its port may live on at its backup.
        if message.state == .accepted, !isCircular { dying.append(message.port) }
    }

    // MARK: ports

    func allocated(_ port: PortID, limit: Int, by task: TaskID) {
        owners[port] = task
        limits[port] = limit
    }

    func limited(_ port: PortID, to limit: Int) { limits[port] = limit }
    func received(_ port: PortID, by task: TaskID) {
        if dead.contains(port) { fail("\(port) came back from the dead") }
        owners[port] = task
    }
    func gaveUp(receiveRightOf port: PortID) { owners[port] = nil }
    func isAlive(_ port: PortID) -> Bool { owners[port] != nil }

    // MARK: send rights

    func entered(_ port: PortID, at task: TaskID) { entries[port, default: []].insert(task) }

    func left(_ port: PortID, by task: TaskID) {
        entries[port]?.remove(task)
        for place in requests.indices
        where requests[place].kind == .deadName && requests[place].port == port && requests[place].task == task {
            if owners[port] == nil { requests[place].mayBeFreed = true } else { requests[place].wasFreed = true }
        }
    }

    func hasSenders(_ port: PortID) -> Bool { entries[port]?.isEmpty == false || sendsInMessages[port, default: 0] > 0 }

    // MARK: send-once rights and what they owe

    func newOnce(to port: PortID, holder: BookedOnce.Holder) -> UInt64 {
        lastOnce += 1
        answered.insert(port)
        onces[lastOnce] = BookedOnce(id: lastOnce, port: port, holder: holder)
        return lastOnce
    }

    func holds(_ once: UInt64, _ task: TaskID) { onces[once]?.holder = .task(task) }

    /// Unused and gone: its port is owed a notification (T4).
    func dropOnce(_ id: UInt64) {
        guard let once = onces[id] else { return }
        if once.holder == .used || once.holder == .dropped { return fail("send-once right \(id) dropped, and it was \(once.holder) (T4)") }
        onces[id]?.holder = .dropped
        if !once.isAbandoned { owed[once.port, default: 0] += 1 }
    }

    /// The right has turned out to be dead: good only if nobody can be waiting for what it owes.
    func lost(_ id: UInt64, by task: TaskID?) {
        guard let once = onces[id] else { return }
        if !once.isAbandoned, owners[once.port] != nil, once.holder != .used, once.holder != .dropped {
            fail("send-once right \(id) to \(once.port) was lost\(task.map { " by \($0)" } ?? "")")
        }
        onces[id]?.holder = .used
    }

    /// Nobody waits for this answer: neither it nor a notification is owed.
    func abandon(_ id: UInt64) {
        guard let once = onces[id] else { return }
        if once.holder == .dropped, !once.isAbandoned { owed[once.port, default: 0] -= 1 }
        onces[id]?.isAbandoned = true
    }

    /// Its message or its notification is on the way.
    func isAnswered(_ id: UInt64) -> Bool { onces[id].map { $0.holder == .used || $0.holder == .dropped } ?? false }

    // MARK: notifications

    func registered(_ request: BookedRequest) {
        requests.append(request)
        guard request.kind == .noSenders, !hasSenders(request.port) else { return }
        requests[requests.count - 1].sawNoSenders = true
    }

    /// A registration was replaced or cancelled: its right is the task's.
    func unregistered(_ kind: NotificationRequest.Kind, _ port: PortID, of task: TaskID) -> UInt64? {
        let place = requests.firstIndex { $0.kind == kind && $0.port == port && (kind != .deadName || $0.task == task) && $0.isWaiting }
        guard let place else { return nil }
        let request = requests.remove(at: place)
        onces[request.once]?.holder = .task(task)
        return request.once
    }

    func deliver(_ notification: Notification, at port: PortID, carrying moved: PortID?) {
        switch notification {
        case .sendOnce:
            if owed[port, default: 0] > 0 {
                owed[port, default: 0] -= 1
            } else if let place = requests.firstIndex(where: { $0.notify == port && $0.kind != .deadName && owners[$0.port] == nil }) {
                // The port of the request died and could not be notified about.
                onces[requests[place].once]?.holder = .dropped
                requests.remove(at: place)
            } else {
                fail("a send-once notification (71) at \(port), which is owed none")
            }
        case .noSenders:
            consume(at: port, "no-senders (70)") { $0.kind == .noSenders && $0.sawNoSenders }
        case .deadName(let name, _):
            consume(at: port, "dead-name (72) of \(name)") {
                $0.kind == .deadName && $0.port == name && !$0.wasFreed && owners[name] == nil
            }
            dead.insert(name)
        case .sendPossible(let name, _): fail("a send-possible notification (66) of \(name), which nobody asks for here")
        case .portDeleted(let name, _):
            consume(at: port, "port-deleted (65) of \(name)") { $0.kind == .deadName && $0.port == name && ($0.wasFreed || $0.mayBeFreed) }
        case .portDestroyed:
            guard let moved else { return fail("a port-destroyed notification (69) without a right") }
            consume(at: port, "port-destroyed (69) of \(moved)") { $0.kind == .portDestroyed && $0.port == moved && owners[moved] == nil }
        }
    }

    private func consume(at port: PortID, _ what: String, _ fits: (BookedRequest) -> Bool) {
        guard let place = requests.firstIndex(where: { $0.notify == port && fits($0) }) else {
            return fail("\(what) at \(port): never asked for, too early, or told twice")
        }
        onces[requests[place].once]?.holder = .used
        requests.remove(at: place)
    }

    /// After every event: who has no sender now?
    func endEvent() {
        dead.formUnion(dying)
        dying = []
        for place in requests.indices where requests[place].kind == .noSenders && !requests[place].sawNoSenders {
            if !hasSenders(requests[place].port) { requests[place].sawNoSenders = true }
        }
    }

    // MARK: ends

    /// A task has ended: what it held is dropped.
    func end(_ task: TaskID) {
        for port in entries.keys.sorted() where entries[port]?.contains(task) == true { left(port, by: task) }
        for port in owners.keys.sorted() where owners[port] == task { owners[port] = nil }
        for id in onces.keys.sorted() where onces[id]?.holder == .task(task) { dropOnce(id) }
    }

    /// Nobody does anything any more: is everything paid?
    func balance() {
        for (flow, list) in flows.sorted(by: { ($0.key.sender, $0.key.port) < ($1.key.sender, $1.key.port) }) where !list.isEmpty {
            guard owners[flow.port] != nil, let id = list.first, messages[id]?.state == .accepted else { continue }
            fail("message \(id) of \(flow.sender) to \(flow.port) was accepted and never received")
        }
        for (id, message) in messages.sorted(by: { $0.key < $1.key }) where message.state == .accepted && !message.isBySend {
            guard owners[message.port] != nil, message.uses.map({ onces[$0]?.isAbandoned == true }) != true else { continue }
            fail("message \(id) to a send-once right of \(message.port) was never received")
        }
        for (port, count) in owed.sorted(by: { $0.key < $1.key }) where count != 0 && owners[port] != nil {
            fail("\(port) is owed \(count) send-once notifications (71)")
        }
        for request in requests where owners[request.notify] != nil {
            switch request.kind {
            case .noSenders where request.sawNoSenders && owners[request.port] != nil:
                fail("no-senders of \(request.port) was never told to \(request.notify)")
            case .deadName where request.wasFreed || request.mayBeFreed:
                fail("port-deleted (65) of \(request.port) was never told to \(request.notify)")
            case _ where owners[request.port] == nil:
                fail("the end of \(request.port) was never told to \(request.notify) (\(request.kind))")
            default: break
            }
        }
    }

    /// Whether a sender need not wait. Ports that get notifications and answers as well are beside the question.
    func hasRoom(_ port: PortID) -> Bool {
        owners[port] != nil && !answered.contains(port) && unreceived[port, default: 0] < limits[port] ?? 0
    }

    /// Whether something accepted waits at this port.
    func hasUnreceived(_ port: PortID) -> Bool { unreceived[port, default: 0] > 0 }
}
