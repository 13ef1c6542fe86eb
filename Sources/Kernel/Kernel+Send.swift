// One event moves the rights, checks for a circle, and enqueues; or it refuses and has changed nothing (architecture rule 6).

import DequeModule

extension Kernel {
    mutating func send(
        _ outgoing: Outgoing, from id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        // Decode: everything that can be wrong is found before anything is done (S1 to S3).
        let (port, cargo) = try check(outgoing, from: id)
        // Then do. Whatever this task has sent by a lease comes before this message (O1).
        if viaSend(outgoing.destination), let lease = tasks[id]?.sends[port]?.lease { close(lease, &step, &world) }
        closeLeases(givenUpBy: outgoing.destination, of: id, &step, &world)
        closeLeases(givenUpBy: outgoing.reply, of: id, &step, &world)
        for transfer in outgoing.rights { closeLeases(givenUpBy: transfer, of: id, &step, &world) }

        if isCircular(cargo, to: port) {
            // S5, R4: destroyed, and the sender sees success; whether there is room is not asked.
            step.doomed.append(.message(compose(outgoing, to: port, from: id, &step)))
            return .sent
        }
        let admitted = admit(to: port, viaSend: viaSend(outgoing.destination), &step, &world)
        if !admitted && !outgoing.blocks { throw .full }
        if !admitted, let blocked = tasks[id]?.tickets.count, blocked >= limits.blockedSendsPerTaskMax { throw .resourceShortage }

        let message = compose(outgoing, to: port, from: id, &step)
        if admitted {
            enqueue(message, &step)
            return .sent
        }
        // A port with a blocked sender has no leases (architecture rule 3).
        for lease in ports[port]?.leases ?? [] { close(lease, &step, &world) }
        lastTicket += 1
        let ticket = Ticket(raw: lastTicket)
        tasks[id]?.tickets.insert(ticket)
        ticketPorts[ticket] = port
        ports[port]?.blocked.append(Port.BlockedSend(ticket: ticket, completion: outgoing.completion, message: message))
        return .blocked(ticket)
    }

    func viaSend(_ destination: Transfer) -> Bool {
        switch destination {
        case .moveSend, .copySend, .makeSend: true
        case .makeSendOnce, .moveSendOnce, .null, .dead, .moveReceive: false
        }
    }

    /// The port that the message goes to, and the receive rights that it would carry.
    func check(_ outgoing: Outgoing, from id: TaskID) throws(Refusal) -> (PortID, cargo: Set<PortID>) {
        guard outgoing.payload.length <= Limits.inlineBytesMax else { throw .tooLarge }
        if let speaker = outgoing.speaker, !mayBring(speaker, id) { throw .notPermitted }
        let task = tasks[id]
        var plan = TransferPlan()
        try plan.check(outgoing.destination, in: task, refusal: .invalidDestination)
        guard let port = destination(of: outgoing.destination, for: id) else { throw .invalidDestination }
        if case .moveReceive = outgoing.reply { throw .invalidReply }
        try plan.check(outgoing.reply, in: task, refusal: .invalidReply)
        for transfer in outgoing.rights { try plan.check(transfer, in: task, refusal: .invalidRight) }
        guard let record = ports[port], isDirect(from: id, to: record) else { throw .noRoute }
        if !plan.receives.isEmpty, let chief, record.receiver == .task(chief) { throw .staysOnNode }
        if let charge = task?.charge {
            guard charge.bytes + Int(outgoing.payload.length) <= limits.queuedBytesPerTaskMax,
                charge.messages < limits.queuedMessagesPerTaskMax,
                charge.memory + outgoing.memory.count <= limits.memoryInFlightPerTaskMax
            else { throw .resourceShortage }
        }
        return (port, plan.receives.isEmpty ? [] : Set(plan.receives))
    }

    /// A lease goes with the right that it rests on, and with the receive right that it leads to.
    mutating func closeLeases(
        givenUpBy transfer: Transfer, of id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) {
        switch transfer {
        case .moveSend(let port):
            if let lease = tasks[id]?.sends[port]?.lease { close(lease, &step, &world) }
        case .moveReceive(let port):
            for lease in ports[port]?.leases ?? [] { close(lease, &step, &world) }
        case .null, .dead, .copySend, .makeSend, .makeSendOnce, .moveSendOnce: break
        }
    }

    /// Whether the queue takes one more now (S6). May close leases to find out: their unspent credit is room.
    private mutating func admit(
        to port: PortID, viaSend: Bool, _ step: inout Step, _ world: inout some LeaseWorld
    ) -> Bool {
        guard viaSend else {
            makeRoom(in: port, &step, &world)
            return true
        }
        guard let record = ports[port], record.blocked.isEmpty else { return false }
        if !record.hasRoom { makeRoom(in: port, &step, &world) }
        return record.hasRoom
    }

    /// Whether the queue takes one more from a send right, open leases counted whole (S6, architecture rule 3).
    func hasRoom(_ port: PortID) -> Bool {
        ports[port]?.hasRoom ?? false
    }

    /// Closes leases, those given longest ago first, until one more message fits or none has credit (architecture rule 3).
    mutating func makeRoom(in port: PortID, _ step: inout Step, _ world: inout some LeaseWorld) {
        while !hasRoom(port), let oldest = oldestCredit(of: port) { close(oldest, &step, &world) }
    }

    private mutating func compose(_ outgoing: Outgoing, to port: PortID, from id: TaskID, _ step: inout Step) -> Message {
        lastMessage += 1
        let number = MessageID(raw: lastMessage)
        // The destination right travels in the message (V5); a dead-name request of a moved one is answered by `take` (D2).
        let via: Message.Via
        switch take(outgoing.destination, from: id, into: number, &step) {
        case .sendOnce(let once): via = .sendOnce(once)
        case .send, .receive, .null, .dead: via = .send
        }
        let message = Message(
            id: number, sender: id, speaker: outgoing.speaker?.task, port: port, via: via, code: outgoing.code,
            reply: take(outgoing.reply, from: id, into: number, &step),
            rights: outgoing.rights.map { take($0, from: id, into: number, &step) }, payload: outgoing.payload, memory: outgoing.memory,
            notification: nil)
        charge(message, to: id)
        if let speaker = outgoing.speaker { strangers.remember(speaker.task, speaker.identity) }
        return message
    }

    /// R4: would a message with these receive rights carry, by any chain of rights in transit, the port that it is going to?
    func isCircular(_ cargo: Set<PortID>, to port: PortID) -> Bool {
        guard !cargo.isEmpty else { return false }
        var station = port
        var visited: Set<PortID> = []
        while visited.insert(station).inserted {
            if cargo.contains(station) { return true }
            guard case .transit(let vehicle)? = ports[station]?.receiver, let next = transitPorts[vehicle] else { return false }
            station = next
        }
        return true
    }

    /// Puts a message into the home queue. Room has been seen to.
    mutating func enqueue(_ message: Message, _ step: inout Step) {
        guard let port = ports[message.port] else { return }
        port.queue.append(message)
        // A lease rests on a right in the sender's space: one that went with this message is none.
        if case .send = message.via, limits.linksEnabled, let entry = tasks[message.sender]?.sends[message.port] {
            port.candidates.insert(message.sender)
            if entry.lease == nil { port.applicants.insert(message.sender) }
            step.roomier.append(message.port)
        }
        announceHome(port, &step)
    }

    /// Tells the receiver how much lies in its home queue, and rings.
    func announceHome(_ port: Port, _ step: inout Step) {
        guard case .task(let receiver) = port.receiver, let index = tasks[receiver]?.receives[port.id] else { return }
        step.actions.append(.homeCount(receiver, index: index, count: UInt32(port.queue.count), received: port.received))
        if !port.queue.isEmpty { step.actions.append(.ring(receiver)) }
    }

    // MARK: who pays

    mutating func charge(_ message: Message, to id: TaskID) {
        if message.carriesReceive { transitPorts[message.id] = message.port }
        tasks[id]?.charge.add(message)
    }

    /// The message has left the kernel, one way or the other.
    mutating func uncharge(_ message: Message) {
        if message.carriesReceive { transitPorts[message.id] = nil }
        guard message.notification == nil else { return }
        tasks[message.sender]?.charge.subtract(message)
    }

    // MARK: blocked sends

    /// Takes a blocked send back: a pseudo-receive (S7). It may have been accepted meanwhile; then there is nothing to take back.
    mutating func cancelSend(_ ticket: Ticket, of id: TaskID, _ step: inout Step) -> Response {
        guard tasks[id]?.tickets.contains(ticket) == true else { return .sent }
        guard let message = withdraw(ticket, of: id) else { return .sent }
        uncharge(message)
        var destination = Right.send(message.port)
        if case .sendOnce(let once) = message.via { destination = .sendOnce(once) }
        // The destination right comes back first, in the place of the sender's own name for it; the library knows the order.
        let returned = arrive(destination, in: id, &step)
        let reply = arrive(message.reply, in: id, &step)
        let rights = message.rights.map { arrive($0, in: id, &step) }
        for memory in message.memory { step.actions.append(.releaseMemory(memory)) }
        if message.payload.length > 0 { step.actions.append(.release(message.payload)) }
        return .returned(
            Delivered(
                sender: id, port: message.port, code: message.code, reply: reply, rights: [returned] + rights, payload: .empty, memory: [],
                notification: nil))
    }

    /// The task is gone and will not ask: the message was never sent.
    mutating func abandon(_ ticket: Ticket, of id: TaskID, _ step: inout Step) {
        guard let message = withdraw(ticket, of: id) else { return }
        step.doomed.append(.message(message))
    }

    private mutating func withdraw(_ ticket: Ticket, of id: TaskID) -> Message? {
        tasks[id]?.tickets.remove(ticket)
        guard let port = ticketPorts.removeValue(forKey: ticket),
            let place = ports[port]?.blocked.firstIndex(where: { $0.ticket == ticket })
        else { return nil }
        return ports[port]?.blocked.remove(at: place).message
    }

    /// Lets blocked senders in, first come first served, while there is room (O2).
    mutating func wakeBlocked(of port: PortID, _ step: inout Step) {
        guard let record = ports[port] else { return }
        while record.hasRoom, let next = record.blocked.popFirst() {
            accept(next, &step)
            enqueue(next.message, &step)
        }
    }

    mutating func accept(_ blocked: Port.BlockedSend, _ step: inout Step) {
        let sender = blocked.message.sender
        tasks[sender]?.tickets.remove(blocked.ticket)
        ticketPorts[blocked.ticket] = nil
        step.actions.append(.complete(sender, completion: blocked.completion, blocked.ticket))
        step.actions.append(.ring(sender))
    }
}
