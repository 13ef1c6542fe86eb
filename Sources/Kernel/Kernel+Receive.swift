// Reception: the destination right is consumed by it, so a queued message counts as a sender until then (V5).

import DequeModule

extension Kernel {
    func peek(at port: PortID, by id: TaskID) throws(Refusal) -> Response {
        guard tasks[id]?.receives[port] != nil, let record = ports[port] else { throw .invalidName }
        return record.queue.first.map { .next(size: UInt32($0.size), code: $0.code) } ?? .empty
    }

    mutating func receive(
        from port: PortID, by id: TaskID, room: UInt32, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        guard tasks[id]?.receives[port] != nil, let record = ports[port] else { throw .invalidName }
        // V4: what is too large stays.
        if room != .max, let size = record.queue.first?.size, size > Int(room) { return .tooLarge(UInt32(size)) }
        guard let message = record.dequeue() else { return .empty }
        uncharge(message)
        if record.keepsRoom, message.via == .send { record.held += 1 }
        acknowledge(message, &step)
        if case .sendOnce(let once) = message.via { sendOnces[once] = nil }
        let delivered = Delivered(
            sender: message.speaker ?? message.sender, port: port, code: message.code, reply: arrive(message.reply, in: id, &step),
            rights: message.rights.map { arrive($0, in: id, &step) }, payload: message.payload, memory: message.memory,
            notification: message.notification, isOnce: message.via != .send)
        // The destination right is looked at after the rights inside have arrived: one of them may be for this port. A send-once right was no
        // sender: a request that is armed though there is none waits for one to come and go (70, T2).
        if message.via == .send { step.lessSenders.append(port) }
        step.roomier.append(port)
        announceHome(record, &step)
        return .message(delivered)
    }
}
