// How rights move: out of a space into a message (`take`), out of a message into a space (`arrive`), or nowhere (`release`).

/// Checks a list of transfers against a space without changing anything: decode, then do.
///
/// Several items of one message are looked at in order, as if each had been carried out: a receive right can be moved once, and
/// nothing can be made from it afterwards (1.3).
struct TransferPlan {
    private var movedReceives: Set<PortID> = []
    private var movedSends: Set<PortID> = []
    private var movedOnces: Set<SendOnceID> = []
    /// Receive rights that the message would carry.
    private(set) var receives: [PortID] = []

    mutating func check(_ transfer: Transfer, in space: Task?, refusal: Refusal) throws(Refusal) {
        switch transfer {
        case .null, .dead: break
        case .moveReceive(let port):
            guard space?.receives[port] != nil, movedReceives.insert(port).inserted else { throw refusal }
            receives.append(port)
        case .makeSend(let port), .makeSendOnce(let port):
            guard space?.receives[port] != nil, !movedReceives.contains(port) else { throw refusal }
        case .moveSend(let port):
            guard space?.sends[port] != nil, movedSends.insert(port).inserted else { throw refusal }
        case .copySend(let port):
            guard space?.sends[port] != nil, !movedSends.contains(port) else { throw refusal }
        case .moveSendOnce(let right):
            guard space?.sendOnces.contains(right) == true, movedOnces.insert(right).inserted else { throw refusal }
        }
    }
}

extension Kernel {
    /// The port that a message with this destination goes to; nil if there is no such right or it is dead (S2).
    func destination(of transfer: Transfer, for id: TaskID) -> PortID? {
        switch transfer {
        case .makeSend(let port), .makeSendOnce(let port), .moveSend(let port), .copySend(let port):
            return ports[port]?.id
        case .moveSendOnce(let right):
            return sendOnces[right]?.port
        case .null, .dead, .moveReceive:
            return nil
        }
    }

    /// Takes a checked right out of a space. `into` is the message it goes into; nil when it goes on at once.
    mutating func take(_ transfer: Transfer, from id: TaskID, into message: MessageID?, _ step: inout Step) -> Right {
        switch transfer {
        case .null: return .null
        case .dead: return .dead
        case .moveReceive(let port):
            guard let index = tasks[id]?.receives.removeValue(forKey: port) else { return .null }
            tasks[id]?.receiveIndexes.give(back: index)
            // R1: the counts of the receiver's life start again; queue, limit, senders and requests stay.
            ports[port]?.makeSendCount = 0
            ports[port]?.candidates = []
            ports[port]?.applicants = []
            ports[port]?.keepsRoom = false
            ports[port]?.held = 0
            if let message { ports[port]?.receiver = .transit(message) }
            // R3.
            freeName(of: port, in: id, &step)
            return .receive(port)
        case .makeSend(let port):
            ports[port]?.makeSendCount &+= 1
            ports[port]?.sendsInTransit += 1
            return .send(port)
        case .copySend(let port):
            guard let entry = tasks[id]?.sends[port], !entry.isDead, ports[port] != nil else { return .dead }
            ports[port]?.sendsInTransit += 1
            return .send(port)
        case .moveSend(let port):
            guard let entry = tasks[id]?.sends[port], !entry.isDead, ports[port] != nil else {
                forget(sendRightTo: port, of: id, &step)
                return .dead
            }
            ports[port]?.sendsInTransit += 1
            forget(sendRightTo: port, of: id, &step)
            return .send(port)
        case .makeSendOnce(let port):
            lastSendOnce += 1
            let right = SendOnceID(raw: lastSendOnce)
            sendOnces[right] = SendOnce(port: port, holder: .transit)
            ports[port]?.sendOnces.insert(right)
            return .sendOnce(right)
        case .moveSendOnce(let right):
            tasks[id]?.sendOnces.remove(right)
            freeName(of: right, in: id, &step)
            guard sendOnces[right]?.port != nil else {
                sendOnces[right] = nil
                return .dead
            }
            sendOnces[right]?.holder = .transit
            return .sendOnce(right)
        }
    }

    /// Puts a right into a space. Over the quota it is released instead and the task is told (V7).
    mutating func arrive(_ right: Right, in id: TaskID, _ step: inout Step) -> Arrived {
        switch right {
        case .null: return .null
        case .dead: return .dead
        case .send(let port):
            // D3: the port died under way; the receiver gets a dead value, not a dead name.
            guard ports[port] != nil else { return .dead }
            if let entry = tasks[id]?.sends[port] {
                // N2: it coalesces with the one held already.
                ports[port]?.sendsInTransit -= 1
                return .send(port, index: entry.index)
            }
            guard let index = tasks[id]?.sendIndexes.take() else {
                release(right, &step)
                step.actions.append(.shortage(id))
                return .null
            }
            ports[port]?.sendsInTransit -= 1
            ports[port]?.senders.insert(id)
            tasks[id]?.sends[port] = SendEntry(index: index)
            return .send(port, index: index)
        case .sendOnce(let once):
            guard let port = sendOnces[once]?.port else {
                sendOnces[once] = nil
                return .dead
            }
            guard let held = tasks[id]?.sendOnces.count, held < limits.sendOncesPerTaskMax else {
                release(right, &step)
                step.actions.append(.shortage(id))
                return .null
            }
            sendOnces[once]?.holder = .task(id)
            tasks[id]?.sendOnces.insert(once)
            return .sendOnce(once, port)
        case .receive(let port):
            guard let queued = ports[port]?.queue.count else { return .dead }
            guard let index = tasks[id]?.receiveIndexes.take() else {
                release(right, &step)
                step.actions.append(.shortage(id))
                return .null
            }
            ports[port]?.receiver = .task(id)
            tasks[id]?.receives[port] = index
            step.actions.append(.homeCount(id, index: index, count: UInt32(queued), received: ports[port]?.received ?? 0))
            return .receive(port, index: index)
        }
    }

    /// Lets a right that is in no space go, as if its receiver had dropped it (1.11).
    mutating func release(_ right: Right, _ step: inout Step) {
        switch right {
        case .null, .dead: break
        case .send(let port):
            guard ports[port] != nil else { return }
            ports[port]?.sendsInTransit -= 1
            step.lessSenders.append(port)
        case .sendOnce(let once):
            guard let port = sendOnces[once]?.port else {
                sendOnces[once] = nil
                return
            }
            // T4: unused, it turns into the one message that it stands for.
            enqueueNotification(.sendOnce, via: once, to: port, &step)
        case .receive(let port):
            if ports[port] != nil { step.doomed.append(.port(port)) }
        }
    }

    /// The space loses its entry for a send right. Its lease must have been closed before.
    mutating func forget(sendRightTo port: PortID, of id: TaskID, _ step: inout Step) {
        guard let entry = tasks[id]?.sends.removeValue(forKey: port) else { return }
        tasks[id]?.sendIndexes.give(back: entry.index)
        guard ports[port] != nil else { return }
        ports[port]?.senders.remove(id)
        ports[port]?.candidates.remove(id)
        ports[port]?.applicants.remove(id)
        step.lessSenders.append(port)
        // D2: the name is gone while its port lives.
        freeName(of: port, in: id, &step)
    }

    // MARK: requests

    mutating func portBlock(_ id: TaskID) throws(Refusal) -> Response {
        guard let blocks = tasks[id]?.portBlocks.count, blocks < Self.portBlocksPerTaskMax else { throw .noSpace }
        let first = nextPortBlock
        nextPortBlock += Self.portBlockSize
        tasks[id]?.portBlocks.append(PortBlock(first: first))
        return .portBlock(first: PortID(node: node, counter: first), count: Self.portBlockSize)
    }

    mutating func allocate(
        _ port: PortID, queueLimit: UInt32, makeSendCount: UInt32, for id: TaskID
    ) throws(Refusal) -> Response {
        guard port.node == node, tasks[id]?.owns(port) == true else { throw .invalidName }
        guard ports[port] == nil, tasks[id]?.hasUsed(port) == false else { throw .nameExists }
        guard queueLimit <= Limits.queueMessagesMax else { throw .invalidValue }
        guard let index = tasks[id]?.receiveIndexes.take() else { throw .noSpace }
        ports[port] = Port(id: port, receiver: .task(id), queueLimit: Int(queueLimit))
        tasks[id]?.receives[port] = index
        // Rights that were made while only the task's library knew the port count too (N4).
        ports[port]?.makeSendCount = makeSendCount
        tasks[id]?.use(port)
        return .allocated(index: index)
    }

    mutating func make(_ transfer: Transfer, for id: TaskID, _ step: inout Step) throws(Refusal) -> Response {
        switch transfer {
        case .makeSend, .makeSendOnce:
            var plan = TransferPlan()
            try plan.check(transfer, in: tasks[id], refusal: .invalidRight)
        case .null, .dead, .moveReceive, .moveSend, .copySend, .moveSendOnce:
            throw .invalidRight
        }
        if case .makeSend(let port) = transfer, tasks[id]?.sends[port] == nil, tasks[id]?.sendIndexes.isExhausted == true {
            throw .noSpace
        }
        if case .makeSendOnce = transfer, let held = tasks[id]?.sendOnces.count, held >= limits.sendOncesPerTaskMax { throw .noSpace }
        let right = take(transfer, from: id, into: nil, &step)
        return .arrived(arrive(right, in: id, &step))
    }

    mutating func drop(
        _ right: Right, of id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        switch right {
        case .null, .dead: throw .invalidName
        case .send(let port):
            guard let entry = tasks[id]?.sends[port] else { throw .invalidName }
            if let lease = entry.lease { close(lease, &step, &world) }
            forget(sendRightTo: port, of: id, &step)
        case .sendOnce(let once):
            guard tasks[id]?.sendOnces.remove(once) != nil else { throw .invalidName }
            freeName(of: once, in: id, &step)
            release(.sendOnce(once), &step)
        case .receive(let port):
            guard let index = tasks[id]?.receives.removeValue(forKey: port) else { throw .invalidName }
            tasks[id]?.receiveIndexes.give(back: index)
            freeName(of: port, in: id, &step)
            step.doomed.append(.port(port))
        }
        return .done
    }

    mutating func setQueueLimit(
        _ limit: UInt32, of port: PortID, by id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        guard tasks[id]?.receives[port] != nil else { throw .invalidRight }
        guard limit <= Limits.queueMessagesMax else { throw .invalidValue }
        ports[port]?.queueLimit = Int(limit)
        // Architecture rule 3: leases close until what they may still hold fits under the new limit. A raised limit closes
        // them too, for a lease that was the whole limit no longer is.
        for lease in ports[port]?.leases ?? [] { close(lease, &step, &world) }
        step.roomier.append(port)
        return .done
    }

    /// Where a send-once right leads; nil if its port has died.
    func port(of once: SendOnceID, heldBy id: TaskID) throws(Refusal) -> PortID? {
        guard tasks[id]?.sendOnces.contains(once) == true else { throw .invalidName }
        return sendOnces[once]?.port
    }

    /// Plain assignment (spec/mach.md 1.2).
    func setMakeSendCount(_ count: UInt32, of port: PortID, by id: TaskID) throws(Refusal) -> Response {
        guard tasks[id]?.receives[port] != nil else { throw .invalidRight }
        ports[port]?.makeSendCount = count
        return .done
    }

    /// The credit of a lease counts as messages. To whom it matters how many there are, the leases are closed first: what has been sent by
    /// them lies in the queue then (architecture rule 1). They are offered again when this has been answered.
    mutating func status(
        of port: PortID, for id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        // A chief stands for the ports that it has rights to, elsewhere.
        guard tasks[id]?.receives[port] != nil || chief == id && tasks[id]?.sends[port] != nil, let port = ports[port] else {
            throw .invalidRight
        }
        let leases = port.leases
        for lease in leases { close(lease, &step, &world) }
        return .status(status(of: port, leases: leases.count))
    }

    /// As the port is; with the number of leases that it had.
    func status(of port: Port, leases: Int? = nil) -> PortStatus {
        PortStatus(
            messages: UInt32(port.queue.count + port.held + port.leased), queueLimit: UInt32(port.queueLimit),
            makeSendCount: port.makeSendCount, sendRights: UInt32(port.sendRights), sendOnceRights: UInt32(port.sendOnces.count),
            blockedSenders: UInt32(port.blocked.count), leases: UInt32(leases ?? port.leases.count),
            noSendersRequested: port.noSenders != nil,
            portDestroyedRequested: port.portDestroyed != nil)
    }
}
