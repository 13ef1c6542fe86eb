import MasixKernel

/// What a request is about, in the words of the book.
struct BookedDetails {
    var message: UInt64?
    var once: UInt64?
    /// The same of the parts, for several requests together.
    var parts: [BookedDetails] = []
}

// What each event means to the book: what was asked, and what the kernel answered.

extension SimulatedNode {
    /// Once per journaled event, before any of its actions is carried out.
    func record(_ event: Event, _ actions: [Action]) {
        switch event {
        case .end(let task): book.end(task)
        case .request(let task, _, let request): recordRequest(request, of: task, sockets[task]?.first?.booked ?? BookedDetails(), actions)
        case .attach, .trace, .revoke, .linkFailed: break
        }
        for action in actions {
            switch action {
            case .attached(let task, let bootstrap, let initial):
                for right in [bootstrap] + initial { arrived(right, at: task) }
            case .complete(_, _, let ticket): book.unblocked(ticket)
            case .release(let payload): released(payload, event, actions)
            default: break
            }
        }
        book.endEvent()
    }

    private func response(in actions: [Action]) -> Response? {
        for case .reply(_, _, let response) in actions { return response }
        return nil
    }

    private func recordRequest(_ request: Request, of task: TaskID, _ details: BookedDetails, _ actions: [Action]) {
        guard let response = response(in: actions) else { return }
        guard case .several(let parts) = request, case .several(let responses) = response else {
            return recordRequest(request, of: task, details, response)
        }
        for (place, (part, response)) in zip(parts, responses).enumerated() {
            recordRequest(part, of: task, details.parts.indices.contains(place) ? details.parts[place] : BookedDetails(), response)
            // Each is settled before the next.
            book.endEvent()
        }
    }

    private func recordRequest(_ request: Request, of task: TaskID, _ details: BookedDetails, _ response: Response) {
        if case .refused = response {
            if case .claimReply = request, let once = details.once { book.lost(once, by: task) }
            return
        }
        switch request {
        case .allocate(let port, let limit, _): book.allocated(port, limit: Int(limit), by: task)
        case .make(.makeSend(let port)): book.entered(port, at: task)
        case .make: if let once = details.once { book.holds(once, task) }
        case .send(let outgoing): sent(outgoing, by: task, details, response)
        case .cancelSend(let ticket):
            guard case .returned(let message) = response else { return }
            for once in book.returned(ticket) { book.holds(once, task) }
            for right in message.rights { arrived(right, at: task) }
        case .receive(let port, _): if case .message(let message) = response { delivered(message, from: port, to: task) }
        case .drop(.send(let port)): book.left(port, by: task)
        case .drop(.sendOnce): if let once = details.once { book.dropOnce(once) }
        case .drop(.receive(let port)): book.gaveUp(receiveRightOf: port)
        case .drop: break
        case .setQueueLimit(let port, let limit): book.limited(port, to: Int(limit))
        case .notify(let notification): recordNotify(notification, by: task, details, response)
        case .claimReply:
            guard let once = details.once else { return }
            if case .arrived(.sendOnce) = response { book.holds(once, task) } else { book.lost(once, by: task) }
        case .introduce(_, let rights): for right in rights { if case .moveReceive(let port) = right { book.gaveUp(receiveRightOf: port) } }
        default: break
        }
    }

    private func recordNotify(_ request: NotificationRequest, by task: TaskID, _ details: BookedDetails, _ response: Response) {
        switch response {
        case .arrived(.sendOnce(let id, _)): returnedOnces[id] = book.unregistered(request.kind, request.port, of: task)
        case .arrived(.dead):
            // Replaced, and whom it would have told is dead.
            if let previous = book.unregistered(request.kind, request.port, of: task) { book.lost(previous, by: nil) }
        default: break
        }
        guard let once = details.once, let record = book.onces[once] else { return }
        book.registered(
            BookedRequest(kind: request.kind, port: request.port, task: task, once: once, notify: record.port))
    }

    private func sent(_ outgoing: Outgoing, by task: TaskID, _ details: BookedDetails, _ response: Response) {
        guard let id = details.message else { return }
        switch response {
        case .sent:
            book.accept(id)
            simulation.tally.messagesByNucleus += 1
        case .blocked(let ticket): book.block(id, ticket)
        default: return
        }
        for transfer in [outgoing.destination, outgoing.reply] + outgoing.rights {
            if case .moveSend(let port) = transfer { book.left(port, by: task) }
        }
    }

    private func delivered(_ message: Delivered, from port: PortID, to task: TaskID) {
        if let notification = message.notification {
            var moved: PortID?
            for case .receive(let port, _) in message.rights { moved = port }
            book.deliver(notification, at: port, carrying: moved)
            for right in message.rights { arrived(right, at: task) }
            simulation.tally.notifications += 1
            return
        }
        guard let bytes = memory.store[message.payload.place], let id = Body.id(in: bytes) else {
            return book.fail("\(task) received a message from \(port) whose bytes are nobody's")
        }
        guard let record = book.deliver(id, to: task, from: port, apparentSender: message.sender) else { return }
        if record.uses != nil { simulation.tally.answersByNucleus += 1 }
        check(message.rights, against: record)
        if let once = record.reply { arrived(reply: message.reply, once, at: task) }
        for (right, booked) in zip(message.rights, record.cargo) {
            arrived(right, at: task)
            if case .once(let once) = booked { arrived(reply: right, once, at: task) }
        }
    }

    private func check(_ rights: [Arrived], against record: BookedMessage) {
        guard rights.count == record.cargo.count else { return book.fail("message \(record.id) came with \(rights.count) rights") }
        for (right, booked) in zip(rights, record.cargo) {
            switch (right, booked) {
            case (.send(let port, _), .send(let other)) where port == other: break
            case (.receive(let port, _), .receive(let other)) where port == other: break
            case (.sendOnce, .once): break
            case (.dead, .send(let port)) where !book.isAlive(port): break
            case (.dead, .once(let once)) where book.onces[once].map({ !book.isAlive($0.port) || $0.isAbandoned }) == true: break
            default: book.fail("message \(record.id) came with \(right) in the place of \(booked)")
            }
        }
    }

    private func arrived(_ right: Arrived, at task: TaskID) {
        switch right {
        case .send(let port, _): book.entered(port, at: task)
        case .receive(let port, _): book.received(port, by: task)
        case .null, .dead, .sendOnce: break
        }
    }

    /// A send-once right has come to a task, or was dead before.
    private func arrived(reply right: Arrived, _ once: UInt64, at task: TaskID) {
        if case .sendOnce = right { book.holds(once, task) } else { book.lost(once, by: nil) }
    }

    /// A message was destroyed, unless its bytes were only given back.
    private func released(_ payload: Payload, _ event: Event, _ actions: [Action]) {
        if case .request(_, _, .cancelSend) = event, case .returned = response(in: actions) { return }
        guard let bytes = memory.store[payload.place], let id = Body.id(in: bytes) else {
            return book.fail("bytes at \(payload.place) released that are nobody's")
        }
        var isCircular = false
        if case .request(let task, _, .send) = event { isCircular = sockets[task]?.first?.booked.message == id }
        book.destroy(id, isCircular: isCircular)
    }
}
