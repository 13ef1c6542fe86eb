// Leases are given to whoever has sent by the nucleus, with what credit is left, and grow as the home queue empties; they are closed
// whenever anything needs the exact state. Giving is policy, closing is law.

import DequeModule

extension Kernel {
    /// Leases that one event looks at to give them room.
    static let leasesGrownMax = 16
    /// After this many faults of a pair the two talk by the nucleus for good.
    static let linkFaultsMax = 3

    // MARK: giving

    /// The sender would use a lease.
    mutating func apply(for sender: TaskID, at port: PortID) {
        guard let record = ports[port], record.candidates.contains(sender), tasks[sender]?.sends[port]?.lease == nil else { return }
        record.applicants.insert(sender)
    }

    /// Gives leases to those who have sent here by the nucleus, as far as the limit goes (architecture rules 3, 5, 7).
    mutating func offerLeases(of port: PortID, _ step: inout Step) {
        guard limits.linksEnabled, let record = ports[port], !record.isAwaited, case .task(let receiver) = record.receiver,
            tasks[receiver]?.isTraced == false, receiver != chief || record.keepsRoom
        else { return }
        for sender in record.applicants.inOrder {
            // Whatever comes of it, it is looked at again with its next message, not with each of everybody's.
            record.applicants.remove(sender)
            guard let task = tasks[sender], let entry = task.sends[port], sender != receiver, !task.isTraced,
                nearest(from: sender, to: receiver) == .direct, let link = link(between: sender, and: receiver, &step)
            else {
                record.candidates.remove(sender)
                continue
            }
            // Else `linkMapped` looks for who waits.
            guard links[link]?.isReady == true else { continue }
            grant(record, to: sender, receiver, over: link, sendIndex: entry.index, &step)
        }
    }

    private mutating func grant(
        _ port: Port, to sender: TaskID, _ receiver: TaskID, over link: LinkID, sendIndex: UInt32, _ step: inout Step
    ) {
        guard let half = links[link]?.half(of: sender), let task = tasks[receiver], let receiveIndex = task.receives[port.id] else {
            return
        }
        // Credit may be none at first: it grows with every message that leaves the home queue.
        let slots = min(port.queueLimit, links[link]?.lent[half].longestFree ?? 0)
        guard slots > 0, let firstSlot = links[link]?.lent[half].take(slots) else { return }
        guard let takeIndex = task.takeIndexes.take() else {
            links[link]?.lent[half].give(back: firstSlot)
            return
        }
        lastLease += 1
        let id = LeaseID(raw: lastLease)
        port.leases.append(id)
        let window = max(0, min(port.room, port.firstShare, slots))
        port.leased += window
        let lease = Lease(
            id: id, link: link, sender: sender, receiver: receiver, port: port.id, sendIndex: sendIndex,
            linkPlace: links[link]?.place(of: sender) ?? 0,
            takeIndex: takeIndex, receiveIndex: receiveIndex, firstSlot: UInt16(firstSlot), slots: UInt16(slots), window: UInt16(window),
            after: port.enqueued, senderHalf: half, isWhole: port.isWhole(slots: slots), keepsRoom: port.keepsRoom)
        leases[id] = lease
        links[link]?.leases.insert(id)
        tasks[sender]?.sends[port.id]?.lease = id
        step.actions.append(.grant(lease))
        markWhole(port, &step)
    }

    /// Gives room that has come free to the leases there are, evenly (architecture rule 3: never more than the limit together).
    mutating func growLeases(of port: PortID, _ step: inout Step) {
        guard let record = ports[port], !record.isAwaited, record.room > 0 else { return }
        let count = record.leases.count
        let share = record.share
        // By turns, and so many in one event that its time stays bounded: the others are looked at with the next.
        var place = record.firstToGrow
        for _ in 0..<min(count, Self.leasesGrownMax) where record.room > 0 {
            let id = record.leases[place % count]
            guard let lease = leases[id] else { break }
            place += 1
            if count > 1 { record.grown = id }
            let more = min(min(share, Int(lease.slots)) - Int(lease.window), record.room)
            guard more > 0 else { continue }
            leases[id]?.window += UInt16(more)
            record.leased += more
            reshape(id, &step)
        }
    }

    /// A lease is whole as long as it is the only one of its port and may hold the whole limit.
    private mutating func markWhole(_ port: Port, _ step: inout Step) {
        // With a third lease nothing changes for the first two.
        guard port.leases.count <= 2 else { return }
        for id in port.leases {
            guard let lease = leases[id], lease.isWhole != port.isWhole(slots: Int(lease.slots)) else { continue }
            leases[id]?.isWhole = !lease.isWhole
            reshape(id, &step)
        }
    }

    private func reshape(_ id: LeaseID, _ step: inout Step) {
        guard let lease = leases[id] else { return }
        step.actions.append(.reshape(lease))
        // Its sender may be waiting on the link for just this.
        step.actions.append(.ring(lease.sender))
    }

    private mutating func link(between one: TaskID, and other: TaskID, _ step: inout Step) -> LinkID? {
        if let link = tasks[one]?.links[other] { return link }
        guard tasks[one]?.linkFaults[other, default: 0] ?? 0 < Self.linkFaultsMax else { return nil }
        // Refused over quota without loss of function (architecture rule 22).
        let ends = [min(one, other), max(one, other)]
        for end in ends where tasks[end]?.linkPlaces.isExhausted ?? true { return nil }
        let places = ends.map { tasks[$0]?.linkPlaces.take() ?? 0 }
        lastLink += 1
        let id = LinkID(raw: lastLink)
        links[id] = Link(id: id, node: node, first: ends[0], second: ends[1], places: places)
        tasks[one]?.links[other] = id
        tasks[other]?.links[one] = id
        if let link = links[id] { step.actions.append(.openLink(link)) }
        step.actions.append(.ring(one))
        step.actions.append(.ring(other))
        return id
    }

    // MARK: closing

    /// Closes one lease: what was committed and not received goes into the home queue, in order, before anything else happens.
    mutating func close(_ id: LeaseID, _ step: inout Step, _ world: inout some LeaseWorld) {
        guard let lease = leases.removeValue(forKey: id) else { return }
        let closing = world.close(lease)
        links[lease.link]?.end(lease, slotsInUse: closing.slotsInUse)
        tasks[lease.receiver]?.takeIndexes.give(back: lease.takeIndex)
        tasks[lease.sender]?.sends[lease.port]?.lease = nil
        let port = ports[lease.port]
        port?.remove(id, window: Int(lease.window))
        port?.held += Int(closing.kept)
        acknowledge(lease, closing.received, &step)
        for frame in closing.frames.prefix(Int(lease.window)) { adopt(frame, of: lease) }
        for frame in closing.frames.dropFirst(Int(lease.window)) where frame.payload.length > 0 {
            step.actions.append(.release(frame.payload))
        }
        apply(for: lease.sender, at: lease.port)
        if let port {
            if !closing.frames.isEmpty { announceHome(port, &step) }
            markWhole(port, &step)
        }
        // The sender may be waiting for room on the link.
        step.actions.append(.ring(lease.sender))
        step.roomier.append(lease.port)
        // Later in this event: whoever closes leases goes through a list of them, and the link closes the others of the list.
        if let fault = closing.fault { step.brokenLinks.append((lease.link, fault)) }
    }

    /// A frame becomes a message of the home queue.
    private mutating func adopt(_ frame: Frame, of lease: Lease) {
        lastMessage += 1
        let message = Message(
            id: MessageID(raw: lastMessage), sender: lease.sender, speaker: believe(frame.speaker, of: lease.sender), port: lease.port,
            via: .send, code: frame.code,
            reply: realReply(to: frame.replyPort, of: lease.sender), rights: [], payload: frame.payload, memory: [], notification: nil)
        charge(message, to: lease.sender)
        ports[lease.port]?.sendsInTransit += 1
        ports[lease.port]?.queue.append(message)
    }

    /// In whose name a frame was written, if its writer may say so.
    private mutating func believe(_ speaker: Speaker?, of id: TaskID) -> TaskID? {
        guard let speaker, mayBring(speaker, id) else { return nil }
        strangers.remember(speaker.task, speaker.identity)
        return speaker.task
    }

    /// A send-once right in the place of a link-local one. The port is the caller's word for it, so it is looked at.
    private mutating func realReply(to port: PortID?, of caller: TaskID) -> Right {
        guard let port else { return .null }
        guard case .task(caller)? = ports[port]?.receiver else { return .dead }
        lastSendOnce += 1
        let once = SendOnceID(raw: lastSendOnce)
        sendOnces[once] = SendOnce(port: port, holder: .transit)
        ports[port]?.sendOnces.insert(once)
        return .sendOnce(once)
    }

    /// Closes leases until credit and queue are within the limit again, or no credit is left.
    mutating func shrinkLeases(of port: PortID, _ step: inout Step, _ world: inout some LeaseWorld) {
        while let room = ports[port]?.room, room < 0, let oldest = oldestCredit(of: port) { close(oldest, &step, &world) }
    }

    /// Of the leases whose closing can give room, the one that was given first.
    func oldestCredit(of port: PortID) -> LeaseID? {
        guard let leased = ports[port]?.leased, leased > 0 else { return nil }
        return ports[port]?.leases.first { leases[$0]?.window != 0 }
    }

    mutating func revoke(_ port: PortID?, _ step: inout Step, _ world: inout some LeaseWorld) {
        for lease in port.map({ ports[$0]?.leases ?? [] }) ?? leases.keys.sorted() { close(lease, &step, &world) }
    }

    // MARK: links

    func linkOffers(of id: TaskID) -> Response {
        guard let task = tasks[id] else { return .links([]) }
        return .links(task.links.values.filter { link in links[link].map { !$0.mapped[$0.half(of: id)] } ?? false }.sorted())
    }

    mutating func linkMapped(
        _ id: LinkID, by task: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        guard let link = links[id], link.joins(task) else { throw .linkGone }
        let half = link.half(of: task)
        guard !link.mapped[half] else { return .done }
        links[id]?.mapped[half] = true
        guard links[id]?.isReady == true else { return .done }
        step.actions.append(.sealLink(id))
        for (sender, receiver) in [(link.first, link.second), (link.second, link.first)] {
            for port in tasks[sender]?.sends.keys.sorted() ?? [] {
                guard ports[port]?.receiver == .task(receiver), tasks[sender]?.sends[port]?.lease == nil else { continue }
                apply(for: sender, at: port)
                step.roomier.append(port)
            }
        }
        return .done
    }

    func linkPeer(of id: LinkID, for task: TaskID) throws(Refusal) -> Response {
        guard let link = links[id], link.joins(task), link.isReady, let peer = tasks[link.peer(of: task)] else { throw .linkGone }
        return .linkPeer(peer.id, peer.identity, place: link.place(of: task), isChief: peer.id == chief)
    }

    mutating func linkFault(
        _ id: LinkID, _ fault: LinkFault, reportedBy task: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        guard let link = links[id], link.joins(task) else { throw .linkGone }
        closeLink(id, because: fault, dying: nil, &step, &world)
        return .done
    }

    /// Ends a link: its leases are harvested, its calls settled (architecture rule 10: first use wins, exactly one answer per call).
    mutating func closeLink(
        _ id: LinkID, because fault: LinkFault?, dying: TaskID?, _ step: inout Step, _ world: inout some LeaseWorld
    ) {
        guard let link = links[id] else { return }
        for lease in link.leases.inOrder { close(lease, &step, &world) }
        links[id] = nil
        tasks[link.first]?.links[link.second] = nil
        tasks[link.second]?.links[link.first] = nil
        for end in [link.first, link.second] { tasks[end]?.linkPlaces.give(back: link.place(of: end)) }
        if fault != nil {
            tasks[link.first]?.linkFaults[link.second, default: 0] += 1
            tasks[link.second]?.linkFaults[link.first, default: 0] += 1
        }
        step.actions.append(.closeLink(id, fault))
        for settlement in world.settleReplies(of: link) { settle(settlement, of: link, dying: dying, &step) }
        step.actions.append(.ring(link.first))
        step.actions.append(.ring(link.second))
    }

    private mutating func settle(_ call: Settlement, of link: Link, dying: TaskID?, _ step: inout Step) {
        let callee = link.peer(of: call.caller)
        guard case .task(call.caller)? = ports[call.port]?.receiver else {
            if case .answered(let frame) = call.outcome, frame.payload.length > 0 { step.actions.append(.release(frame.payload)) }
            return
        }
        switch call.outcome {
        case .answered(let frame) where frame.isDropped:
            notifyUnused(replyPort: call.port, &step)
        case .answered(let frame):
            guard case .sendOnce(let once) = realReply(to: call.port, of: call.caller) else { return }
            lastMessage += 1
            let message = Message(
                id: MessageID(raw: lastMessage), sender: callee, speaker: believe(frame.speaker, of: callee), port: call.port,
                via: .sendOnce(once), code: frame.code, reply: .null,
                rights: [], payload: frame.payload, memory: [], notification: nil)
            charge(message, to: callee)
            step.crowded.append(call.port)
            enqueue(message, &step)
        case .held, .unclaimed:
            guard callee != dying else { return notifyUnused(replyPort: call.port, &step) }
            // Held or about to be taken up: either way it is real from here on, and counts. The callee asks for it by its name, when it
            // wants to use it; its own word of the right may by then be another call's.
            guard case .sendOnce(let once, _) = arrive(realReply(to: call.port, of: call.caller), in: callee, &step) else { return }
            unclaimed[UnclaimedReply(link: link.id, callee: callee, index: call.index, generation: call.generation)] = once
        }
    }

    /// What is under way over the link to be answered at a port of the caller's is answered by the nucleus. The link stays open.
    mutating func recallReplies(
        over id: LinkID, at port: PortID, by caller: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        guard ports[port]?.receiver == .task(caller) else { throw .invalidName }
        // Closed by a fault, perhaps in this moment: then everything has been settled.
        guard let link = links[id], link.joins(caller) else { return .done }
        // Which calls were made, only a closed lease tells.
        for lease in link.leases.inOrder where leases[lease]?.sender == caller { close(lease, &step, &world) }
        for call in world.recallReplies(of: link, caller: caller, port: port) {
            settle(call, of: link, dying: nil, &step)
            step.actions.append(
                .retire(id, caller: caller, place: link.place(of: caller), index: call.index, generation: call.generation))
        }
        return .done
    }

    /// The callee wants to do something with a link-local reply right that a link cannot do, or the link has closed under it.
    mutating func claimReply(
        _ id: LinkID, _ index: UInt16, _ generation: UInt32, by callee: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        let key = UnclaimedReply(link: id, callee: callee, index: index, generation: generation)
        if let once = unclaimed[key] {
            // Else it has been used or given away by its id, which nobody had told: nothing is left to be claimed.
            guard tasks[callee]?.sendOnces.contains(once) == true else { throw .linkGone }
            unclaimed[key] = nil
            if let port = sendOnces[once]?.port { return .arrived(.sendOnce(once, port)) }
            // Its port has died.
            tasks[callee]?.sendOnces.remove(once)
            freeName(of: once, in: callee, &step)
            sendOnces[once] = nil
            return .arrived(.dead)
        }
        guard let link = links[id], link.joins(callee),
            let port = world.promoteReply(of: link, callee: callee, index: index, generation: generation)
        else { throw .linkGone }
        return .arrived(arrive(realReply(to: port, of: link.peer(of: callee)), in: callee, &step))
    }
}
