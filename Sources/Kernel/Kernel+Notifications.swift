// Notifications are messages from the kernel to a send-once right (spec/mach.md 1.5). No limit holds them up; leases of the port
// close first, so that credit never counts on room that a notification has taken (architecture rule 3).

extension Kernel {
    /// Registers, replaces or cancels (T1). The previous right comes back.
    mutating func register(_ request: NotificationRequest, of id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld)
        throws(Refusal) -> Response
    {
        let port = request.port
        var isFired = false
        switch request.kind {
        case .noSenders:
            guard tasks[id]?.receives[port] != nil else { throw .invalidRight }
        case .portDestroyed:
            guard tasks[id]?.receives[port] != nil else { throw .invalidRight }
            guard request.sync == 0 else { throw .invalidValue }
        case .sendPossible, .deadName:
            guard request.kind == .deadName || tasks[id]?.sends[port] != nil else { throw .invalidRight }
            let isDead: Bool
            if let once = request.once {
                guard tasks[id]?.sendOnces.contains(once) == true else { throw .invalidName }
                guard sendOnces[once]?.port == port || sendOnces[once]?.port == nil else { throw .invalidName }
                isDead = sendOnces[once]?.port == nil
            } else {
                guard tasks[id]?.sends[port] != nil || tasks[id]?.receives[port] != nil else { throw .invalidName }
                isDead = tasks[id]?.sends[port]?.isDead == true
            }
            // T3: the form of Mach3 is told at once if it wants to be, that of XNU never.
            isFired = isDead && request.sync != 0 && request.notify != .null && request.kind == .deadName
            guard !isDead || isFired else { throw .invalidValue }
        }
        switch request.notify {
        case .null, .makeSendOnce, .moveSendOnce: break
        case .dead, .moveReceive, .moveSend, .copySend, .makeSend: throw .invalidCapability
        }
        var plan = TransferPlan()
        try plan.check(request.notify, in: tasks[id], refusal: .invalidCapability)
        if case .moveSendOnce(let once) = request.notify, sendOnces[once]?.port == nil { throw .invalidCapability }
        var notify: SendOnceID?
        if request.notify != .null {
            guard case .sendOnce(let once) = take(request.notify, from: id, into: nil, &step) else { throw .invalidCapability }
            sendOnces[once]?.holder = .request
            notify = once
        }
        var previous: SendOnceID?
        switch request.kind {
        case .noSenders:
            previous = ports[port]?.noSenders
            ports[port]?.noSenders = nil
            if let once = notify {
                if let record = ports[port], record.sendRights == 0, request.sync <= record.makeSendCount {
                    // T2: nobody is there now; sent at once, nothing registered.
                    notifyByRequest(.noSenders(makeSendCount: record.makeSendCount), once, &step)
                } else {
                    ports[port]?.noSenders = once
                }
            }
        case .portDestroyed:
            previous = ports[port]?.portDestroyed
            ports[port]?.portDestroyed = notify
        case .sendPossible, .deadName:
            if isFired {
                if let once = notify { notifyByRequest(.deadName(port, name: request.name), once, &step) }
                return .arrived(.null)
            }
            let holder = NameHolder(id, request.once)
            let stage: DeadNameRequest.Stage = request.kind == .deadName ? .deathAlone : request.sync == 0 ? .mayAwaitRoom : .awaitsRoom
            let next = notify.map { DeadNameRequest(notify: $0, name: request.name, stage: stage) }
            previous = ports[port]?.request(next, of: holder)?.notify
            if stage == .awaitsRoom {
                for lease in ports[port]?.leases ?? [] { close(lease, &step, &world) }
                step.roomier.append(port)
            }
        }
        guard let previous else { return .arrived(.null) }
        sendOnces[previous]?.holder = .transit
        return .arrived(arrive(.sendOnce(previous), in: id, &step))
    }

    /// Uses a registered send-once right.
    mutating func notifyByRequest(_ notification: Notification, rights: [Right] = [], _ once: SendOnceID, _ step: inout Step) {
        guard let port = sendOnces[once]?.port else {
            // Nobody is left to be told; what the notification carried goes the way of a destroyed message.
            sendOnces[once] = nil
            for right in rights { release(right, &step) }
            return
        }
        enqueueNotification(notification, rights: rights, via: once, to: port, &step)
    }

    mutating func enqueueNotification(
        _ notification: Notification, rights: [Right] = [], via once: SendOnceID, to port: PortID, _ step: inout Step
    ) {
        lastMessage += 1
        let message = Message(
            id: MessageID(raw: lastMessage), sender: .kernel, port: port, via: .sendOnce(once), code: notification.code, reply: .null,
            rights: rights, payload: .empty, memory: [], notification: notification)
        sendOnces[once]?.holder = .transit
        for case .receive(let moved) in rights {
            ports[moved]?.receiver = .transit(message.id)
            transitPorts[message.id] = port
        }
        step.crowded.append(port)
        enqueue(message, &step)
    }

    /// A link-local reply right has ended unused: the notification that it owed (T4).
    mutating func notifyUnused(replyPort port: PortID, _ step: inout Step) {
        guard ports[port] != nil else { return }
        lastSendOnce += 1
        let once = SendOnceID(raw: lastSendOnce)
        sendOnces[once] = SendOnce(port: port, holder: .transit)
        ports[port]?.sendOnces.insert(once)
        enqueueNotification(.sendOnce, via: once, to: port, &step)
    }
}
