// The situations of what moves and ends rights.

extension Kernel {
    func situation(ofSending outgoing: Outgoing, by task: Task) -> Situation {
        let port: PortID
        let receives: Set<PortID>
        do throws(Refusal) {
            (port, receives) = try check(outgoing, from: task.id)
        } catch {
            return situation(ofRefusing: error)
        }
        guard let record = ports[port] else { return situation(ofRefusing: .invalidDestination) }
        let kind: StaticString = viaSend(outgoing.destination) ? "send by a send right" : "send by a send-once right"
        let place: StaticString =
            switch record.receiver {
            case .transit: "in transit"
            case .task(task.id): "to itself"
            case .task: "to another"
            }
        // Room is not asked for then (S5 before S6).
        if isCircular(receives, to: port) { return Situation(kind, "circular", place) }
        let cargo: StaticString =
            if !receives.isEmpty {
                "carries a receive right"
            } else {
                outgoing.reply == .null && outgoing.rights.isEmpty ? "plain" : "carries rights"
            }
        return Situation(kind, room(in: record, for: outgoing, of: task), place, cargo)
    }

    private func situation(ofRefusing refusal: Refusal) -> Situation {
        switch refusal {
        case .tooLarge: Situation("send", "too large")
        case .invalidDestination: Situation("send", "no destination")
        case .invalidReply: Situation("send", "reply not held")
        case .noRoute: Situation("send", "no route")
        case .notPermitted: Situation("send", "not the chief")
        case .staysOnNode: Situation("send", "a receive right to the chief")
        case .resourceShortage: Situation("send", "over quota")
        default: Situation("send", "right not held")
        }
    }

    private func room(in port: Port, for outgoing: Outgoing, of task: Task) -> StaticString {
        if !viaSend(outgoing.destination) {
            return hasRoom(port.id) ? "room" : port.leases.isEmpty ? "past the limit" : "leases in the way"
        }
        if !port.blocked.isEmpty { return outgoing.blocks ? "waits behind others" : "refused behind others" }
        if task.sends[port.id]?.lease != nil { return "own lease" }
        if hasRoom(port.id) { return port.leases.isEmpty ? "room" : "room beside leases" }
        if !port.leases.isEmpty { return "leases in the way" }
        return outgoing.blocks ? "full, waits" : "full, refused"
    }

    func situation(ofDropping right: Right, by task: Task) -> Situation {
        switch right {
        case .null, .dead: return Situation("drop", "nothing")
        case .send(let port):
            guard let entry = task.sends[port] else { return Situation("drop send right", "not held") }
            guard let record = ports[port] else { return Situation("drop send right", "dead name") }
            return Situation(
                "drop send right", entry.lease == nil ? "no lease" : "lease",
                record.deadNames[NameHolder(task.id)] == nil ? "no dead-name request" : "dead-name request",
                record.sendRights > 1 ? "one of several" : record.noSenders == nil ? "last" : "last, and asked for")
        case .sendOnce(let once):
            guard task.sendOnces.contains(once) else { return Situation("drop send-once right", "not held") }
            return Situation("drop send-once right", sendOnces[once]?.port == nil ? "dead name" : "live")
        case .receive(let port):
            guard task.receives[port] != nil, let record = ports[port] else { return Situation("drop receive right", "not held") }
            let backup: StaticString =
                if let request = record.portDestroyed {
                    if let target = sendOnces[request]?.port {
                        isBackupCircular(of: port, into: target) ? "circular backup" : "backup"
                    } else {
                        "dead backup"
                    }
                } else {
                    "no backup"
                }
            let queue: StaticString =
                record.queue.isEmpty ? "empty" : record.queue.contains { $0.carried.contains(where: \.isReceive) } ? "nested" : "queued"
            return Situation("drop receive right", backup, queue, contention(of: record))
        }
    }

    func situation(ofNotifying request: NotificationRequest, by task: Task) -> Situation {
        let kind: StaticString =
            switch request.kind {
            case .noSenders: "request no-senders"
            case .portDestroyed: "request port-destroyed"
            case .sendPossible: "request send-possible"
            case .deadName: "request dead-name"
            }
        guard let record = ports[request.port] else { return Situation(kind, "dead port") }
        let isHeld =
            if request.kind == .noSenders || request.kind == .portDestroyed {
                task.receives[record.id] != nil
            } else if let once = request.once {
                task.sendOnces.contains(once)
            } else {
                task.sends[record.id] != nil || task.receives[record.id] != nil
            }
        guard isHeld else { return Situation(kind, "not held") }
        if request.kind == .portDestroyed, request.sync != 0 { return Situation(kind, "sync out of range") }
        let previous =
            switch request.kind {
            case .noSenders: record.noSenders
            case .portDestroyed: record.portDestroyed
            case .sendPossible, .deadName: record.deadNames[NameHolder(task.id, request.once)]?.notify
            }
        switch request.notify {
        case .null: return Situation(kind, previous == nil ? "cancels nothing" : "cancels")
        case .makeSendOnce(let port): guard task.receives[port] != nil else { return Situation(kind, "notify right not held") }
        case .moveSendOnce(let once):
            guard task.sendOnces.contains(once), sendOnces[once]?.port != nil else { return Situation(kind, "notify right not held") }
        case .dead, .moveReceive, .moveSend, .copySend, .makeSend: return Situation(kind, "notify right of the wrong kind")
        }
        let isImmediate = request.kind == .noSenders && record.sendRights == 0 && request.sync <= record.makeSendCount
        return Situation(kind, previous == nil ? "new" : "replaces", isImmediate ? "fires at once" : "waits")
    }

    func situation(ofLinking request: Request, by task: Task) -> Situation {
        switch request {
        case .linkOffers: return Situation("link offers", linkOffers(of: task.id) == .links([]) ? "none" : "some")
        case .linkMapped(let id):
            guard let link = links[id], link.joins(task.id) else { return Situation("link mapped", "no such link") }
            if link.mapped[link.half(of: task.id)] { return Situation("link mapped", "again") }
            return Situation("link mapped", link.mapped.contains(true) ? "second half" : "first half")
        case .linkPeer(let id):
            guard let link = links[id], link.joins(task.id) else { return Situation("link peer", "no such link") }
            return Situation("link peer", link.isReady ? "ready" : "not ready")
        case .linkFault(let id, _):
            guard let link = links[id], link.joins(task.id) else { return Situation("link fault", "no such link") }
            return Situation("link fault", link.leases.isEmpty ? "no leases" : "leases")
        case .claimReply(let id, let index, let generation):
            let key = UnclaimedReply(link: id, callee: task.id, index: index, generation: generation)
            if let once = unclaimed[key] {
                return Situation("claim reply", "made real before", sendOnces[once]?.port == nil ? "dead port" : "live port")
            }
            return Situation("claim reply", links[id]?.joins(task.id) == true ? "link open" : "no such link")
        case .recallReplies(let id, let port):
            guard ports[port]?.receiver == .task(task.id) else { return Situation("recall replies", "not the receiver") }
            return Situation("recall replies", links[id]?.joins(task.id) == true ? "link open" : "no such link")
        default: return Situation("link request")
        }
    }
}
