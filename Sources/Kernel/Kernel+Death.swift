// The death of a port is one event (T5, architecture rule 11): leases closed, holders marked, then wake-ups and notifications.

import DequeModule

extension Kernel {
    /// Works off what the event has caused, until nothing is left to do. A loop, not a recursion: a chain of ports inside messages
    /// inside ports may be as long as it likes.
    mutating func settle(_ step: inout Step, _ world: inout some LeaseWorld) {
        while true {
            if let (link, fault) = step.brokenLinks.popLast() {
                closeLink(link, because: fault, dying: nil, &step, &world)
            } else if let port = step.crowded.popLast() {
                shrinkLeases(of: port, &step, &world)
            } else if let doom = step.doomed.popLast() {
                switch doom {
                case .message(let message): destroy(message, &step)
                case .port(let port): destroy(port, &step, &world)
                case .deadNames(let port, let requests):
                    for request in requests { notifyByRequest(.deadName(port, name: request.name), request.notify, &step) }
                }
            } else if let port = step.lessSenders.popLast() {
                checkNoSenders(port, &step)
            } else if let port = step.roomier.popLast() {
                guard let record = ports[port] else { continue }
                if !record.blocked.isEmpty { wakeBlocked(of: port, &step) }
                if record.roomAwaited > 0 { tellRoom(of: port, &step) }
                if step.isPart {
                    step.unoffered.append(port)
                    continue
                }
                if !record.applicants.isEmpty { offerLeases(of: port, &step) }
                if !record.leases.isEmpty { growLeases(of: port, &step) }
            } else {
                return
            }
        }
    }

    /// A port that has lost its receive right.
    private mutating func destroy(_ port: PortID, _ step: inout Step, _ world: inout some LeaseWorld) {
        guard ports[port] != nil else { return }
        for lease in ports[port]?.leases ?? [] { close(lease, &step, &world) }
        // (1) A backup: the right moves there with its queue and its senders, and the port lives on.
        if let backup = ports[port]?.portDestroyed {
            ports[port]?.portDestroyed = nil
            if let target = sendOnces[backup]?.port, !isBackupCircular(of: port, into: target) {
                ports[port]?.makeSendCount = 0
                // R1, as for any other move.
                ports[port]?.candidates = []
                ports[port]?.applicants = []
                notifyByRequest(.portDestroyed, rights: [.receive(port)], backup, &step)
                return
            }
            release(.sendOnce(backup), &step)
        }
        guard let record = ports.removeValue(forKey: port) else { return }
        // (3) Every holder sees a dead name from here on, before anybody is woken or told (architecture rule 11).
        let holders = record.senders.sorted()
        for holder in holders {
            guard let index = tasks[holder]?.sends[port]?.index else { continue }
            tasks[holder]?.sends[port]?.isDead = true
            tasks[holder]?.sends[port]?.wasTold = record.deadNames[NameHolder(holder)] != nil
            step.actions.append(.markDead(holder, index: index))
        }
        for once in record.sendOnces { sendOnces[once]?.port = nil }
        if bootstrap == port { bootstrap = nil }
        // (2) Blocked senders have succeeded (S4).
        for blocked in record.blocked { accept(blocked, &step) }
        // Whoever waits in the library for room or for an answer looks again.
        for holder in holders { step.actions.append(.ring(holder)) }
        // (4)
        if let request = record.noSenders { release(.sendOnce(request), &step) }
        // (5), then (6): the last pushed is done first.
        if !record.deadNames.isEmpty {
            step.doomed.append(.deadNames(port, record.deadNames.sorted { $0.key < $1.key }.map(\.value)))
        }
        for blocked in record.blocked.reversed() { step.doomed.append(.message(blocked.message)) }
        for message in record.queue.reversed() { step.doomed.append(.message(message)) }
    }

    /// The backup's port lies, by a chain of rights in transit, inside the queue that would move: nobody could ever receive it.
    func isBackupCircular(of port: PortID, into target: PortID) -> Bool {
        var station = target
        var visited: Set<PortID> = []
        while visited.insert(station).inserted {
            if station == port { return true }
            guard case .transit(let vehicle)? = ports[station]?.receiver, let next = transitPorts[vehicle] else { return false }
            station = next
        }
        return true
    }

    /// Every right in it is released exactly as if the receiver had dropped it (1.11).
    private mutating func destroy(_ message: Message, _ step: inout Step) {
        uncharge(message)
        switch message.via {
        case .send:
            if ports[message.port] != nil { release(.send(message.port), &step) }
        case .sendOnce(let once):
            // The port lives if the message was circular: then this was not the one message that the right stands for (T4).
            release(.sendOnce(once), &step)
        }
        for right in message.carried where !right.isReceive { release(right, &step) }
        for right in message.carried.reversed() where right.isReceive { release(right, &step) }
        if message.payload.length > 0 { step.actions.append(.release(message.payload)) }
        for memory in message.memory { step.actions.append(.releaseMemory(memory)) }
    }

    private mutating func checkNoSenders(_ port: PortID, _ step: inout Step) {
        guard let record = ports[port], record.sendRights == 0, let request = record.noSenders else { return }
        record.noSenders = nil
        notifyByRequest(.noSenders(makeSendCount: record.makeSendCount), request, &step)
    }
}
