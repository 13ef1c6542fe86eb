/// The kind of an event in the kind of state that it meets: what decides which way the kernel goes, without ids and numbers.
///
/// There are a few hundred. Whoever runs kernels (the nucleus, a simulation) may keep the set of those that it has seen, and two
/// sets say by their difference what one of the two has never tried.
public struct Situation: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Event and circumstances, from the first to the last decision: "send via send right | room, no leases | ...".
    public let description: String

    init(_ event: StaticString, _ circumstances: StaticString...) {
        description = circumstances.reduce(into: event.description) { $0 += " | " + $1.description }
    }

    public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}

extension Kernel {
    /// The situation that the event meets; ask before `handle`.
    public func situation(of event: Event) -> Situation {
        switch event {
        case .attach(_, let first):
            return Situation("attach", first ? "first" : "another", bootstrap == nil ? "no bootstrap port" : "bootstrap port")
        case .request(let id, let number, let request):
            guard let task = tasks[id] else { return Situation("request", "unknown task") }
            guard number == task.lastRequest + 1 else { return Situation("request", "out of turn") }
            return situation(of: request, by: task)
        case .end(let id):
            guard let task = tasks[id] else { return Situation("end", "unknown task") }
            return Situation(
                "end", hasLeases(task) ? "leases" : task.links.isEmpty ? "no link" : "links, no leases",
                task.tickets.isEmpty ? "none blocked" : "blocked sends", task.receives.isEmpty ? "no receive right" : "receive rights",
                unclaimed.keys.contains { $0.callee == id } ? "replies to claim" : "no reply to claim")
        case .trace(let id, let on):
            guard let task = tasks[id] else { return Situation("trace", "unknown task") }
            return Situation("trace", on ? "on" : "off", hasLeases(task) ? "leases" : "no leases")
        case .revoke(let port):
            guard let port else { return Situation("revoke", "all", leases.isEmpty ? "no leases" : "leases") }
            guard let record = ports[port] else { return Situation("revoke", "one", "dead port") }
            return Situation("revoke", "one", record.leases.isEmpty ? "no leases" : "leases")
        case .linkFailed(let id):
            guard let link = links[id] else { return Situation("link failed", "unknown link") }
            return Situation("link failed", link.leases.isEmpty ? "no leases" : "leases")
        }
    }

    /// The situation that this request would meet, if it came next.
    public func situation(of request: Request, by id: TaskID) -> Situation? { tasks[id].map { situation(of: request, by: $0) } }

    private func hasLeases(_ task: Task) -> Bool {
        task.links.values.contains { links[$0]?.leases.isEmpty == false }
    }

    private func situation(of request: Request, by task: Task) -> Situation {
        switch request {
        case .portBlock: return Situation("port block")
        case .allocate(let port, let limit, _): return situation(ofAllocating: port, limit, by: task)
        case .make(let transfer): return situation(ofMaking: transfer, by: task)
        case .send(let outgoing): return situation(ofSending: outgoing, by: task)
        case .cancelSend(let ticket):
            guard task.tickets.contains(ticket) else { return Situation("cancel send", "not waiting") }
            let port = ticketPorts[ticket].flatMap { ports[$0] }
            return Situation("cancel send", port?.blocked.first?.ticket == ticket ? "first" : "behind others")
        case .receive(let port, let room):
            if task.receives[port] != nil, let size = ports[port]?.queue.first?.size, room != .max, size > Int(room) {
                return Situation("receive", "too large")
            }
            return situation(ofReceivingFrom: port, by: task)
        case .setMakeSendCount(let port, _):
            return Situation("set make-send count", task.receives[port] == nil ? "no receive right" : "receive right")
        case .awaitRoom(let port):
            guard let request = ports[port]?.deadNames[NameHolder(task.id)] else { return Situation("await room", "no request") }
            return Situation("await room", request.stage == .deathAlone ? "no send-possible request" : hasRoom(port) ? "room" : "full")
        case .isDead(let once), .portOf(let once):
            return Situation(
                "ask of a send-once right",
                !task.sendOnces.contains(once) ? "not held" : sendOnces[once]?.port == nil ? "dead" : "live")
        case .nameFreed(let port, let once):
            let request = ports[port]?.deadNames[NameHolder(task.id, once)]
            return Situation("name freed", request == nil ? "no dead-name request" : "dead-name request")
        case .hasRequest(let port):
            return Situation(
                "ask of a request",
                ports[port]?.deadNames[NameHolder(task.id)] != nil
                    ? "armed" : task.sends[port]?.wasTold == true ? "was armed at the death" : "none")
        case .peek(let port):
            return Situation(
                "peek", task.receives[port] == nil ? "no receive right" : ports[port]?.queue.isEmpty == false ? "a message" : "empty")
        case .drop(let right): return situation(ofDropping: right, by: task)
        case .setQueueLimit(let port, let limit):
            guard task.receives[port] != nil, let record = ports[port] else { return Situation("set queue limit", "no receive right") }
            guard limit <= Limits.queueMessagesMax else { return Situation("set queue limit", "out of range") }
            return Situation(
                "set queue limit", Int(limit) < record.queueLimit ? "lowered" : "raised or the same", contention(of: record))
        case .notify(let request): return situation(ofNotifying: request, by: task)
        case .status(let port): return Situation("status", task.receives[port] == nil ? "no receive right" : "receive right")
        case .identity(let other):
            if strangers[other] != nil { return Situation("identity", "of another node") }
            return Situation("identity", tasks[other] != nil ? "known" : ended[other] != nil ? "ended" : "unknown task")
        case .setChief(let other):
            guard task.isFirst else { return Situation("set chief", "not permitted") }
            return Situation("set chief", tasks[other] == nil ? "unknown task" : "a task")
        case .linkOffers, .linkMapped, .linkPeer, .linkFault, .claimReply, .recallReplies: return situation(ofLinking: request, by: task)
        case .setBootstrap(let port):
            guard task.isFirst else { return Situation("set bootstrap", "not permitted") }
            return Situation("set bootstrap", task.receives[port] == nil && task.sends[port] == nil ? "no right" : "a right")
        case .keepRoom(let port):
            guard chief == task.id else { return Situation("keep room", "not the chief") }
            return Situation("keep room", task.receives[port] == nil ? "no receive right" : "receive right")
        case .giveRoom(let port, let count):
            guard chief == task.id else { return Situation("give room", "not the chief") }
            guard task.receives[port] != nil, let record = ports[port] else { return Situation("give room", "no receive right") }
            return Situation("give room", count <= record.held ? "kept" : "more than kept")
        case .receipts: return Situation("receipts", chief == task.id ? "the chief" : "not the chief")
        case .introduce(_, let rights):
            guard task.isFirst else { return Situation("introduce", "not permitted") }
            var plan = TransferPlan()
            for right in rights {
                do throws(Refusal) { try plan.check(right, in: task, refusal: .invalidRight) } catch {
                    return Situation("introduce", "right not held")
                }
            }
            return Situation("introduce", !plan.receives.isEmpty ? "with receive rights" : rights.isEmpty ? "bare" : "with rights")
        case .rejected: return Situation("rejected by the shell")
        case .several(let parts): return situation(ofSeveral: parts)
        }
    }

    /// What the parts meet, the first ones have made: only their kind is told.
    private func situation(ofSeveral parts: [Request]) -> Situation {
        guard (1...Limits.requestsTogetherMax).contains(parts.count), parts.allSatisfy(\.isPart) else {
            return Situation("several", "cannot be parts")
        }
        let kinds = Set(
            parts.map { part -> UInt8 in
                switch part {
                case .allocate: 1
                case .make: 2
                case .receive: 3
                case .drop: 4
                default: 5
                }
            })
        guard kinds.count == 1, let kind = kinds.first else { return Situation("several", "mixed") }
        switch kind {
        case 1: return Situation("several", "allocations")
        case 2: return Situation("several", "makings")
        case 3: return Situation("several", "receptions")
        case 4: return Situation("several", "drops")
        default: return Situation("several", "notification requests")
        }
    }

    private func situation(ofAllocating port: PortID, _ limit: UInt32, by task: Task) -> Situation {
        if port.node != node || !task.owns(port) { return Situation("allocate", "not of a block of the task") }
        if ports[port] != nil || task.hasUsed(port) { return Situation("allocate", "used before") }
        if limit > Limits.queueMessagesMax { return Situation("allocate", "out of range") }
        return Situation("allocate", task.receiveIndexes.isExhausted ? "over quota" : "new")
    }

    private func situation(ofMaking transfer: Transfer, by task: Task) -> Situation {
        switch transfer {
        case .makeSend(let port):
            if task.receives[port] == nil { return Situation("make send right", "no receive right") }
            if task.sends[port] != nil { return Situation("make send right", "coalesces") }
            return Situation("make send right", task.sendIndexes.isExhausted ? "over quota" : "new")
        case .makeSendOnce(let port):
            if task.receives[port] == nil { return Situation("make send-once right", "no receive right") }
            return Situation(
                "make send-once right", task.sendOnces.count >= limits.sendOncesPerTaskMax ? "over quota" : "new")
        case .null, .dead, .moveReceive, .moveSend, .copySend, .moveSendOnce: return Situation("make", "not a making")
        }
    }

    private func situation(ofReceivingFrom port: PortID, by task: Task) -> Situation {
        guard task.receives[port] != nil, let record = ports[port] else { return Situation("receive", "no receive right") }
        guard let message = record.queue.first else { return Situation("receive", "empty", contention(of: record)) }
        let kind: StaticString =
            switch (message.via, message.notification) {
            case (_, .some): "notification"
            case (.send, nil): "by a send right"
            case (.sendOnce, nil): "by a send-once right"
            }
        let isShort = isOverQuota(message.carried, for: task)
        return Situation("receive", kind, cargo(of: message.carried), isShort ? "over quota" : "space", contention(of: record))
    }

    /// Whether one of these, by itself, has no place in the space.
    private func isOverQuota(_ rights: [Right], for task: Task) -> Bool {
        rights.contains { right in
            switch right {
            case .null, .dead: false
            case .send(let port): ports[port] != nil && task.sends[port] == nil && task.sendIndexes.isExhausted
            case .sendOnce(let once): sendOnces[once]?.port != nil && task.sendOnces.count >= limits.sendOncesPerTaskMax
            case .receive(let port): ports[port] != nil && task.receiveIndexes.isExhausted
            }
        }
    }

    private func cargo(of rights: [Right]) -> StaticString {
        if rights.contains(where: \.isReceive) { return "carries a receive right" }
        return rights.isEmpty ? "plain" : "carries rights"
    }

    /// Who else is at the port.
    func contention(of port: Port) -> StaticString {
        if !port.blocked.isEmpty { return "blocked senders" }
        return port.leases.isEmpty ? "no leases" : "leases"
    }
}
