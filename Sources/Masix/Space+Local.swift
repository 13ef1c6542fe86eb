import MasixKernel
import MasixTransport
import Synchronization

// The in-process path: ports that never left this task, and what is done with them (Documentation/Decisions/0010).

extension Space {
    func makeEntry(queueLimit: UInt32) throws(MasixError) -> ReceiveEntry {
        try checkFork()
        return LocalPort.make(PortID(node: node, counter: try takeID()), queueLimit: queueLimit, control: control)
    }

    /// An id of a block of ours that no port has.
    func takeID() throws(MasixError) -> UInt64 {
        if let id = locals.withKey({ $0.takeID() }) { return id }
        return try takeIDOfNewBlock()
    }

    /// Once in very many ports.
    private func takeIDOfNewBlock() throws(MasixError) -> UInt64 {
        try connection.withCore { core throws(MasixError) -> UInt64 in
            // Another thread may have fetched one meanwhile.
            if let id = self.locals.withKey({ $0.takeID() }) { return id }
            guard case .portBlock(let first, let count) = try core.demand(.portBlock).response, count > 0 else { throw .nodeGone }
            self.locals.withKey { $0.fresh = (first.counter + 1)..<(first.counter + count) }
            return first.counter
        }
    }

    // MARK: rights

    /// The send right; nil if the nucleus must make it.
    func makeLocalSendRight(to entry: ReceiveEntry) throws(MasixError) -> SendReference? {
        guard let port = entry.local, entry.isLocal else { return nil }
        switch locals.withKey({ port.makeSend(self, &$0) }) {
        case .made(let reference): return reference
        case .dead: throw .portDied
        case .elsewhere:
            try leave([port])
            return nil
        }
    }

    /// The send-once right; nil if the nucleus must make it.
    func makeLocalSendOnceRight(to entry: ReceiveEntry) throws(MasixError) -> SendOnceState? {
        guard let port = entry.local, entry.isLocal else { return nil }
        switch locals.withKey({ port.makeSendOnce(self, &$0) }) {
        case .made(let state): return state
        case .dead: throw .portDied
        case .elsewhere:
            try leave([port])
            return nil
        }
    }

    /// True if it has been set here.
    func setLocalQueueLimit(_ limit: UInt32, of entry: ReceiveEntry) throws(MasixError) -> Bool {
        guard let port = entry.local, entry.isLocal else { return false }
        guard let hasAdmitted = locals.withKey({ port.setQueueLimit(limit, &$0) }) else {
            try leave([port])
            return false
        }
        if hasAdmitted { reception.interruptOthers() }
        return true
    }

    /// The last reference to a send right is let go. True if that was all.
    func dropLocally(_ entry: SendEntry) -> Bool {
        guard let port = entry.local, entry.isLocal else { return false }
        return locals.withKey { port.drop(entry, &$0) }
    }

    /// Destroys a port that never left, and what lies in its queue; without recursion, however long the chain of ports in messages is (1.11).
    /// False if the nucleus has it.
    func destroyLocally(_ entry: ReceiveEntry) -> Bool {
        guard let port = entry.local, entry.isLocal else { return false }
        switch locals.withKey({ port.die(&$0) }) {
        case .elsewhere: return false
        case .nothingLeft: return true
        case .remains(let remains):
            destroy(remains, of: port)
            return true
        }
    }

    private func destroy(_ remains: LocalPort.Remains, of port: LocalPort) {
        var open = [(remains, port)]
        var hasBlocked = false
        while let (remains, port) = open.popLast() {
            if !remains.blocked.isEmpty { hasBlocked = true }
            for right in remains.atNucleus { whatever { core throws(MasixError) in _ = try core.ask(.drop(right)) } }
            for message in remains.messages {
                for holder in message.receives where holder.entry.isLocal {
                    guard let inner = holder.entry.local else { continue }
                    switch locals.withKey({ inner.die(&$0) }) {
                    // Left at just this moment: its holder ends it.
                    case .elsewhere: continue
                    case .nothingLeft: break
                    case .remains(let innerRemains): open.append((innerRemains, inner))
                    }
                    holder.give()
                }
            }
            withExtendedLifetime(port) {}
        }
        if hasBlocked { reception.interruptOthers() }
    }

    // MARK: sending

    /// Sends without leaving the process. False: the port is the nucleus's, now at the latest; `hasWaited` if it was a blocked sender before.
    func sendLocally(
        _ message: inout Message, to port: LocalPort, reply: OwnedRight, deadline: Deadline, hasWaited: inout Bool
    ) throws(MasixError) -> Bool {
        // A right that the nucleus would have made with the message is made now.
        for place in message.rights.indices { message.rights[place] = try made(message.rights[place]) }
        message.reply = try made(message.reply)
        let parcel = LocalMessage(message, via: .send, reply: reply.isNull ? message.reply : reply)
        let (offered, mustWake) = locals.withKey { port.offer(parcel, blocks: !deadline.isPoll, &$0) }
        if mustWake { reception.interruptOthers() }
        switch offered {
        case .sent, .circular:
            message = Message(code: message.code)
            return true
        case .full: throw .timedOut
        case .dead: throw .deadName
        case .elsewhere:
            try leave([port])
            return false
        case .blocked(let send):
            switch try waitForEnd(of: send, at: port, deadline) {
            case .accepted, .died:
                message = Message(code: message.code)
                return true
            case .left:
                hasWaited = true
                return false
            }
        }
    }

    /// The right itself in the place of one that the sending would make.
    package func made(_ right: OwnedRight) throws(MasixError) -> OwnedRight {
        switch right {
        case .make(let entry): .send(try makeSendRight(to: entry).reference)
        case .makeOnce(let entry): .sendOnce(try makeSendOnceRight(to: entry).kept())
        case .null, .dead, .send, .sendOnce, .receive: right
        }
    }

    /// Waits until a blocked send is over; takes it back when the time is (S7): then nothing has been taken.
    private func waitForEnd(
        of send: BlockedLocalSend, at port: LocalPort, _ deadline: Deadline
    ) throws(MasixError) -> BlockedLocalSend.End {
        do throws(MasixError) {
            let end: BlockedLocalSend.End? = try awaitResult(until: deadline, hint: { _ in send.end != nil }) {
                () throws(MasixError) -> BlockedLocalSend.End? in send.end
            }
            if let end { return end }
        } catch {
            if locals.withKey({ port.withdraw(send, &$0) }) { throw error }
        }
        if locals.withKey({ port.withdraw(send, &$0) }) { throw .timedOut }
        // It ended between the two looks.
        guard let end = send.end else { throw .timedOut }
        return end
    }

    /// Uses a send-once right without leaving the process. False: it is the kernel's, now at the latest.
    func replyLocally(_ message: inout Message, to port: LocalPort, with state: SendOnceState) throws(MasixError) -> Bool {
        message.reply = try made(message.reply)
        let parcel = LocalMessage(message, via: .sendOnce, reply: message.reply)
        let (offered, mustWake) = locals.withKey { key in
            let offered = port.offerOnce(parcel, &key)
            return offered
        }
        if mustWake { reception.interruptOthers() }
        switch offered {
        case .sent, .circular, .dead:
            // S4 for a right whose port has died: sent, and destroyed.
            _ = state.take()
            message = Message(code: message.code)
            return true
        case .elsewhere, .full, .blocked: return false
        }
    }

    /// A send-once right to a local port is let go unused (T4). False if it is the kernel's to tell.
    func abandonLocally(_ port: LocalPort) -> Bool {
        guard let mustWake = locals.withKey({ port.notifyUnused(&$0) }) else { return false }
        if mustWake { reception.interruptOthers() }
        return true
    }

    // MARK: receiving

    enum LocalTake: ~Copyable {
        case message(Incoming)
        case nothing
        case home
        /// The port is the nucleus's.
        case left
    }

    func takeLocally(from port: LocalPort, by entry: ReceiveEntry, room: Int) throws(MasixError) -> LocalTake {
        switch locals.withKey({ port.take(by: entry, room: room, control, &$0) }) {
        case .tooLarge(let size): throw .tooLarge(bytes: size)
        case .nothing: return .nothing
        case .left: return .left
        case .dead: throw .portDied
        case .home: return .home
        case .message(let message, let mustWake):
            if mustWake { reception.interruptOthers() }
            port.see()
            var incoming = Incoming(
                port: port.port, code: message.code, body: MessageBytes(message.bytes),
                sender: message.notification == nil ? task : .kernel,
                notification: message.notification, reply: message.reply.arrived)
            incoming.format = message.format
            incoming.isOnce = message.via == .sendOnce
            if !message.rights.isEmpty { incoming.rights = message.rights.map(\.arrived) }
            incoming.memory = message.memory
            return .message(incoming)
        }
    }

    // MARK: calls

    /// Sends the message of a call without leaving the process; nil if it has to go by the nucleus.
    func beginLocally(
        _ message: inout Message, to port: LocalPort, deadline: Deadline, hasWaited: inout Bool
    ) throws(MasixError) -> PendingCall? {
        let kit: CallKit
        if let used = locals.callKits.withLock({ $0.popLast() }) {
            kit = used
        } else {
            kit = CallKit(port: try makeEntry(queueLimit: 1), word: nil)
        }
        do throws(MasixError) {
            guard let reply = try makeLocalSendOnceRight(to: kit.port) else {
                destroy(kit.port)
                return nil
            }
            if try sendLocally(&message, to: port, reply: .sendOnce(reply), deadline: deadline, hasWaited: &hasWaited) {
                return PendingCall(kit: kit, reply: nil)
            }
        } catch {
            destroy(kit.port)
            throw error
        }
        // The reply right that was made for it has told the port that it was not used.
        destroy(kit.port)
        return nil
    }
}
