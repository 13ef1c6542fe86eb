import MasixKernel
import MasixLinux
import MasixTransport
import Synchronization

// How a port leaves: what was the library's alone becomes the nucleus's (architecture rule 2, Documentation/Decisions/0010).
//
// Under both locks, so nobody of this task sends meanwhile, and nobody else has a right to the port before it is over: every message
// that waits here is in the home queue before any other can be.

extension Space {
    /// What the right needs to have left before it can be named to the nucleus.
    func leave(with rights: [OwnedRight]) throws(MasixError) {
        let ports = rights.compactMap(\.localPort).filter { !$0.isDead }
        if !ports.isEmpty { try leave(ports) }
    }

    func leave(_ entry: ReceiveEntry) throws(MasixError) {
        if let port = entry.local, entry.isLocal { try leave([port]) }
    }

    /// These ports, and those that they take with them, get home queues. With an error each of them has left or works on here.
    func leave(_ ports: [LocalPort]) throws(MasixError) {
        // What has been handed over is let go when no lock is held.
        let sent = SentMessages()
        try connection.withCore { core throws(MasixError) in
            try self.locals.withKey { key throws(MasixError) in
                let all = self.companions(of: ports, &key)
                for port in all { try self.declare(port, &core, &key) }
                for port in all { try self.declareRights(of: port, &core, &key) }
                var done: Set<PortID> = []
                for port in all { try self.move(port, &core, &key, sent, &done) }
            }
        }
        reception.interruptOthers()
    }

    /// The ports with all that must leave with them, each once.
    private func companions(of ports: [LocalPort], _ key: inout Locals.Key) -> [LocalPort] {
        var found: Set<PortID> = []
        var all: [LocalPort] = []
        var open = ports
        while let port = open.popLast() {
            switch port.state {
            case .left, .dead: continue
            case .alone, .leaving: break
            }
            guard found.insert(port.port).inserted else { continue }
            all.append(port)
            open += port.companions(&key)
        }
        return all
    }

    /// Its entry at the nucleus, with the counts that it has.
    private func declare(_ port: LocalPort, _ core: inout Connection.Core, _ key: inout Locals.Key) throws(MasixError) {
        guard case .alone = port.state else { return }
        let what = port.declaration(&key)
        let request = Request.allocate(port.port, queueLimit: what.firstLimit, makeSendCount: what.makeSendCount)
        guard case .allocated(let index) = try core.demand(request).response else { throw .nodeGone }
        port.declared(at: index, what, &key)
    }

    private func declareRights(of port: LocalPort, _ core: inout Connection.Core, _ key: inout Locals.Key) throws(MasixError) {
        if port.senderIndex == nil, port.declaration(&key).needsSend {
            guard case .arrived(.send(_, let index)) = try core.demand(.make(.makeSend(port.port))).response else { throw .noSpace }
            port.senderIndex = index
        }
        while port.missingOnces(&key) > 0 {
            guard case .arrived(.sendOnce(let once, _)) = try core.demand(.make(.makeSendOnce(port.port))).response else { throw .noSpace }
            port.add(once, &key)
        }
    }

    /// The queue, oldest message first; before it the ports whose receive rights lie in it. Without recursion: the chain may be long.
    private func move(
        _ port: LocalPort, _ core: inout Connection.Core, _ key: inout Locals.Key, _ sent: SentMessages, _ done: inout Set<PortID>
    ) throws(MasixError) {
        var open = [(port: port, isEntered: false)]
        while let (port, isEntered) = open.popLast() {
            guard !done.contains(port.port) else { continue }
            if !isEntered {
                open.append((port, true))
                open += port.passengers(&key).map { ($0, false) }
                continue
            }
            done.insert(port.port)
            while let message = port.queue.first {
                try hand(message, of: port, &core, &key)
                sent.messages.append(port.removeFirst(&key))
            }
            try publish(port, &core, &key, sent)
        }
    }

    /// One message into the home queue.
    private func hand(
        _ message: LocalMessage, of port: LocalPort, _ core: inout Connection.Core, _ key: inout Locals.Key
    ) throws(MasixError) {
        if message.notification != nil {
            // T4: a send-once right that goes unused, as the one did that this stands for.
            guard case .arrived(.sendOnce(let once, _)) = try core.demand(.make(.makeSendOnce(port.port))).response else { throw .noSpace }
            _ = try core.demand(.drop(.sendOnce(once)))
            return
        }
        for right in [message.reply] + message.rights {
            if case .sendOnce(let state) = right { try exchange(state, &core, &key) }
        }
        try recallAnswers(with: message.rights, &core)
        var plan = Handover()
        let reply = transfer(message.reply, &plan, core, &key)
        let transfers = message.rights.map { transfer($0, &plan, core, &key) }
        let outgoing = Outgoing(
            to: message.via == .send ? .copySend(port.port) : .makeSendOnce(port.port), reply: reply, code: message.code, rights: transfers,
            payload: Payload(place: 0, length: UInt32(message.bytes.count), format: message.format),
            memory: message.memory.enumerated().map { MemoryToken(place: UInt64($0.offset), length: UInt64($0.element.count)) },
            blocks: false)
        _ = try core.demand(.send(outgoing), payload: message.bytes, descriptors: message.memory.map { $0.descriptor.raw })
        plan.carryOut(self, &core)
    }

    /// As in any message; but a send right may name a port whose queue has its turn only later.
    private func transfer(
        _ right: OwnedRight, _ plan: inout Handover, _ core: borrowing Connection.Core, _ key: inout Locals.Key
    ) -> Transfer {
        let usual = plan.transfer(right, in: core)
        guard case .send = right, let port = right.localPort, port.senderIndex != nil, !port.isDead else { return usual }
        return .copySend(port.port)
    }

    /// A send-once right inside a message becomes the kernel's.
    private func exchange(_ state: SendOnceState, _ core: inout Connection.Core, _ key: inout Locals.Key) throws(MasixError) {
        switch state.place.withLock({ $0 }) {
        case .kernel, .gone: break
        case .local(let port):
            if let once = port.exchangeOnce(&key) { state.place.withLock { $0 = .kernel(once) } }
        case .link(let link, let token):
            if let once = try claim(token, on: link, &core) { state.place.withLock { $0 = .kernel(once) } }
        }
    }

    /// From here on the port is like any other.
    private func publish(
        _ port: LocalPort, _ core: inout Connection.Core, _ key: inout Locals.Key, _ sent: SentMessages
    ) throws(MasixError) {
        guard case .leaving(let index) = port.state else { return }
        let what = port.declaration(&key)
        if port.wasOverfull { _ = try core.demand(.setQueueLimit(port.port, what.queueLimit)) }
        if let sendIndex = port.senderIndex {
            if let entry = port.sender {
                entry.leave(to: sendIndex)
                core.sends[port.port] = entry
            } else {
                _ = try core.demand(.drop(.send(port.port)))
                port.senderIndex = nil
            }
        }
        if let entry = port.receiver {
            entry.leave(to: index)
            core.receives[port.port] = entry
            reception.add(entry)
        }
        sent.blocked += port.left(&key)
    }
}

/// Messages that the nucleus has taken: their values are let go last.
private final class SentMessages {
    var messages: [LocalMessage] = []
    var blocked: [BlockedLocalSend] = []
}

extension Space {
    /// A dead-name request is about to be made: the nucleus must know the port, and this library that a name which goes is news (D2).
    func watch(_ entry: SendEntry) throws(MasixError) {
        if let port = entry.local, entry.isLocal {
            // T3, the XNU form.
            guard !port.isDead else { throw .invalidValue }
            try leave([port])
        }
        entry.isWatched.store(true, ordering: .relaxed)
    }
}
