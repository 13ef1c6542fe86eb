// Tasks come, go, and are known by what the operating system says of them.

extension Kernel {
    @discardableResult
    mutating func attach(_ identity: TaskIdentity, chief: TaskID?, first: Bool, initial: [Right], _ step: inout Step) -> TaskID {
        lastTask += 1
        let id = TaskID(raw: lastTask)
        tasks[id] = Task(id: id, identity: identity, chief: chief, isFirst: first, limits: limits)
        // First of all: what the arriving rights say of their ports is said to a task that is there.
        let place = step.actions.count
        var bootstrapRight = Arrived.null
        if let bootstrap, ports[bootstrap] != nil {
            // As if the receiver had made one and sent it: the count of makings rises (N4).
            ports[bootstrap]?.makeSendCount &+= 1
            ports[bootstrap]?.sendsInTransit += 1
            bootstrapRight = arrive(.send(bootstrap), in: id, &step)
        }
        let rights = initial.map { arrive($0, in: id, &step) }
        step.actions.insert(.attached(id, bootstrap: bootstrapRight, initial: rights), at: place)
        return id
    }

    mutating func introduce(
        _ identity: TaskIdentity, with transfers: [Transfer], by id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        guard tasks[id]?.isFirst == true else { throw .notPermitted }
        var plan = TransferPlan()
        for transfer in transfers { try plan.check(transfer, in: tasks[id], refusal: .invalidRight) }
        for transfer in transfers { closeLeases(givenUpBy: transfer, of: id, &step, &world) }
        let rights = transfers.map { take($0, from: id, into: nil, &step) }
        return .introduced(attach(identity, chief: nil, first: false, initial: rights, &step))
    }

    func identity(of other: TaskID) throws(Refusal) -> Response {
        guard let identity = identity(ofTask: other) else { throw .invalidName }
        return .identity(identity)
    }

    mutating func setBootstrap(_ port: PortID, by id: TaskID) throws(Refusal) -> Response {
        guard tasks[id]?.isFirst == true else { throw .notPermitted }
        guard ports[port] != nil, tasks[id]?.receives[port] != nil || tasks[id]?.sends[port] != nil else { throw .invalidName }
        bootstrap = port
        return .done
    }

    mutating func trace(_ id: TaskID, _ on: Bool, _ step: inout Step, _ world: inout some LeaseWorld) {
        guard tasks[id] != nil else { return }
        tasks[id]?.isTraced = on
        if on { closeLeases(withEndAt: id, &step, &world) }
    }

    private mutating func closeLeases(withEndAt id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld) {
        var held: [LeaseID] = []
        for link in tasks[id]?.links.values ?? [:].values { held += links[link]?.leases ?? [] }
        for lease in held.sorted() { close(lease, &step, &world) }
    }

    /// Everything a task had goes: leases are harvested first, then links are settled, then its rights are released one by one.
    /// Nobody is asked and nobody waited for (architecture rule 8).
    mutating func end(_ id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld) {
        guard tasks[id] != nil else { return }
        closeLeases(withEndAt: id, &step, &world)
        for link in (tasks[id]?.links.values.sorted() ?? []) { closeLink(link, because: nil, dying: id, &step, &world) }
        // The rights are in its space, and released with the others.
        unclaimed = unclaimed.filter { $0.key.callee != id }
        // What the links have left to the task is among its rights now; nothing else can arrive in its space.
        guard let task = tasks[id] else { return }
        for peer in task.linkFaults.keys { tasks[peer]?.linkFaults[id] = nil }
        for ticket in task.tickets.sorted().reversed() { abandon(ticket, of: id, &step) }
        let receives = task.receives.keys.sorted()
        let sends = task.sends.keys.sorted()
        let sendOnces = task.sendOnces.sorted()
        tasks[id]?.receives = [:]
        for port in receives.reversed() { step.doomed.append(.port(port)) }
        for port in sends {
            forget(sendRightTo: port, of: id, &step)
        }
        for port in receives { freeName(of: port, in: id, &step) }
        for right in sendOnces {
            tasks[id]?.sendOnces.remove(right)
            freeName(of: right, in: id, &step)
            release(.sendOnce(right), &step)
        }
        settle(&step, &world)
        tasks[id] = nil
        if chief == id {
            chief = nil
            receipts = [:]
        }
        ended.remember(id, task.identity)
        step.actions.append(.gone(id))
    }
}
