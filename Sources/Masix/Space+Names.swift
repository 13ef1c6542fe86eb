package import MasixKernel
import MasixLinux
import MasixTransport
import Synchronization

// For an interface above this one that keeps names of its own, as Mach's C interface does (spec/mach.md N1): rights as the values that
// messages own, with the steps of sending and receiving that such an interface cannot take by itself.

extension SendReference {
    package var port: PortID { entry.port }
    package var isDead: Bool { entry.isDead }
    /// It goes into a message, which owns it from then on.
    package var right: OwnedRight { .send(self) }
}

extension ReceiveHolder {
    package var port: PortID { entry.shownPort }
    /// What a message names that makes a right to this port.
    package var making: ReceiveEntry { entry }
    /// It has gone: moved away or destroyed.
    package var isGone: Bool { entry.isGone }
    /// Runs while nobody takes a message here; whoever takes the next one sees what it has done.
    package func betweenTakes(_ body: () -> Void) { taking.withLock { _ in body() } }
}

extension Space {
    /// This process was forked from the one that attached.
    package var isForked: Bool { !fork.isAlive }

    /// A new port.
    package func makeHolder(queueLimit: UInt32) throws(MasixError) -> ReceiveHolder {
        ReceiveHolder(space: self, entry: try makeEntry(queueLimit: queueLimit))
    }

    package func makeSend(to holder: ReceiveHolder) throws(MasixError) -> SendReference { try makeSendRight(to: holder.entry).reference }
    package func makeSendOnce(to holder: ReceiveHolder) throws(MasixError) -> SendOnceState {
        try makeSendOnceRight(to: holder.entry).kept()
    }
    package func bootstrapReference() throws(MasixError) -> SendReference { try bootstrap().reference }

    /// Sends what the message has, its reply right too; with an error it is left as it was, and what its sending would have made has been
    /// made (S7).
    package func send(_ message: inout Message, to reference: SendReference, deadline: Deadline) throws(MasixError) {
        do throws(MasixError) {
            if case .makeOnce(let port) = message.reply,
                try sendCall(message, to: reference.entry, answeredAt: port, deadline: deadline)
            {
                message = Message(code: message.code)
                return
            }
            try send(&message, to: reference.entry, deadline: deadline)
        } catch {
            if error == .timedOut {
                for place in message.rights.indices { message.rights[place] = try made(message.rights[place]) }
                message.reply = try made(message.reply)
            }
            throw error
        }
    }

    /// Sends and waits for the one answer.
    package func call(_ message: inout Message, to reference: SendReference) throws(MasixError) -> ReceivedMessage {
        try call(&message, to: reference.entry, deadline: .never)
    }

    /// Uses a send-once right: false if its port had died, and then the message is left as it was and the right is a dead one (S2).
    package func use(_ state: SendOnceState, for message: inout Message) throws(MasixError) -> Bool {
        if isDead(state) { return false }
        try reply(&message, with: state)
        return true
    }

    /// Whether the port of the right has died; it may do so at any time after the answer.
    package func isDead(_ state: SendOnceState) -> Bool {
        switch state.place.withLock({ $0 }) {
        case .gone: true
        case .local(let port): port.isDead || hasDiedAway(port, state)
        case .link(let link, let token):
            control.callee(place: link.place, index: token.index)
                .map { $0.state(link: link.id, generation: token.generation) != .armed } ?? true && claimed(state) == nil
        case .kernel(let id): isDead(id)
        }
    }

    /// A port that has left the library since dies at the nucleus, which gave the right an id then.
    private func hasDiedAway(_ port: LocalPort, _ state: SendOnceState) -> Bool {
        guard let id = locals.withKey({ port.exchangeOnce(&$0) }) else { return false }
        state.place.withLock { $0 = .kernel(id) }
        return isDead(id)
    }

    private func claimed(_ state: SendOnceState) -> SendOnceID? { (try? kernelRight(of: state)) ?? nil }

    private func isDead(_ id: SendOnceID) -> Bool {
        let answer = try? connection.withCore { core throws(MasixError) in try core.ask(.isDead(id)).response }
        return answer != .done
    }

    /// The next message of the port that fits into `room` bytes behind its header; nil when the time is over or a signal has come.
    ///
    /// `isOver` is asked before each look, for reasons of the caller's to wait no longer; `taken` runs in the step that takes the message.
    package func receive(
        from holder: ReceiveHolder, room: Int, deadline: Deadline, isOver: () throws(MasixError) -> Void, taken: () -> Void
    ) throws(MasixError) -> ReceivedMessage? {
        try checkFork()
        let asked = holder.entry.lastAsked
        var incoming: Incoming?
        try wait(until: deadline, partner: asked?.link, hint: { _ in asked?.isHere ?? false }) { () throws(MasixError) -> Bool in
            let isTaken = try holder.taking.withLock { _ throws(MasixError) -> Bool in
                try isOver()
                guard try self.take(from: holder.entry, room: room, into: &incoming) else { return false }
                taken()
                return true
            }
            if !isTaken, holder.entry.isGone { throw .portDied }
            return isTaken
        }
        guard let incoming else { return nil }
        return received(incoming)
    }

    /// The same of any member of a set.
    package func receive(
        from set: PortSet, room: Int, deadline: Deadline, isOver: () throws(MasixError) -> Void, taken: (PortID) -> Void
    ) throws(MasixError) -> ReceivedMessage? {
        try checkFork()
        let incoming = try awaitResult(until: deadline) { () throws(MasixError) -> Incoming? in
            try isOver()
            return try set.takeNext(room: room, taken: taken)
        }
        guard let incoming else { return nil }
        return received(incoming)
    }

    /// The next message of the port, its size behind the header and its code; nil if there is none. It stays.
    package func next(at holder: ReceiveHolder) throws(MasixError) -> (size: Int, code: UInt32)? {
        let entry = holder.entry
        if entry.isLocal, let port = entry.local, let first = locals.withKey({ port.first(&$0) }) { return (first.size, first.code) }
        // Looks at the links.
        return try awaitResult(until: .now) { () throws(MasixError) -> (size: Int, code: UInt32)? in
            if entry.frameCount.load(ordering: .acquiring) > 0, !entry.homeFirst.load(ordering: .relaxed) || !entry.hasHome,
                let frame = holder.taking.withLock({ _ in self.nextFrame(at: entry) })
            {
                return (Int(frame.header.length), frame.header.code)
            }
            if entry.isAsking, entry.answersFirst.load(ordering: .relaxed) || !entry.hasHome,
                let next = try self.nextOutstanding(at: entry)
            {
                return next
            }
            guard !entry.isLocal, entry.hasHome else { return nil }
            return try self.connection.withCore { core throws(MasixError) -> (size: Int, code: UInt32)? in
                guard case .next(let size, let code) = try core.ask(.peek(entry.port)).response else { return nil }
                return (Int(size), code)
            }
        }
    }

    /// The frame that would be received next; it stays.
    private func nextFrame(at entry: ReceiveEntry) -> ReadyFrame? {
        while let ready = entry.nextAnnouncement() {
            let look = ready.link.receiver.withLock { receiver -> Look? in
                // What its sender has in the home queue comes first (architecture rule 7).
                receiver.isHeldBack(ready.announcement, received: entry.homeReceived.acquired) ? nil : receiver.look(ready.announcement)
            }
            if case .stale? = look { continue }
            entry.putBack(ready)
            if case .frame(let frame)? = look { return frame }
            return nil
        }
        return nil
    }

    /// Whoever waits looks again.
    package func interruptWaits() { reception.interruptOthers() }

    package func setQueueLimit(_ limit: UInt32, of holder: ReceiveHolder) throws(MasixError) { try setQueueLimit(limit, of: holder.entry) }
    package func status(of holder: ReceiveHolder) throws(MasixError) -> PortStatus { try status(of: holder.entry) }

    package func setMakeSendCount(_ count: UInt32, of holder: ReceiveHolder) throws(MasixError) {
        try leave(holder.entry)
        try connection.withCore { core throws(MasixError) in _ = try core.demand(.setMakeSendCount(holder.entry.port, count)) }
    }

    /// What a notification request is for.
    package enum Watched: Sendable {
        case receive(ReceiveHolder)
        case send(SendReference)
        case sendOnce(SendOnceState)
    }

    /// Registers, replaces or cancels a request (T1); the right of the one before. `notify` is consumed, and told if there is an error.
    package func request(
        _ kind: NotificationRequest.Kind, of watched: Watched, name: UInt32 = 0, sync: UInt32 = 0, notify: SendOnceState?
    ) throws(MasixError) -> OwnedRight {
        var once: SendOnceID?
        let port: PortID
        switch watched {
        case .receive(let holder):
            try leave(holder.entry)
            port = holder.entry.port
        case .send(let reference):
            try watch(reference.entry)
            port = reference.entry.port
        case .sendOnce(let state):
            guard let id = try kernelRight(of: state), let home = try self.port(of: id) else { throw .deadName }
            once = id
            port = home
            state.isWatched.store(true, ordering: .relaxed)
        }
        var transfer = Transfer.null
        if let notify {
            guard let id = try kernelRight(of: notify) else { throw .deadName }
            transfer = .moveSendOnce(id)
        }
        let request = NotificationRequest(kind, port: port, once: once, name: name, sync: sync, notify: transfer)
        let previous = try connection.withCore { core throws(MasixError) -> OwnedRight in
            guard case .arrived(let previous) = try core.demand(.notify(request)).response else { throw .nodeGone }
            return self.arrive(previous, &core)
        }
        if let notify { _ = notify.take() }
        return previous
    }

    private func port(of id: SendOnceID) throws(MasixError) -> PortID? {
        try connection.withCore { core throws(MasixError) -> PortID? in
            guard case .arrived(.sendOnce(_, let port)) = try core.ask(.portOf(id)).response else { return nil }
            return port
        }
    }

    /// A send has met the full queue of a port for which a send-possible request was made.
    package func awaitRoom(of reference: SendReference) {
        whatever { core throws(MasixError) in _ = try core.ask(.awaitRoom(reference.entry.port)) }
    }

    /// The name of a watched right is free, while the right lives a little longer.
    package func nameFreed(_ reference: SendReference) {
        guard reference.entry.isWatched.load(ordering: .relaxed), !reference.entry.isLocal else { return }
        whatever { core throws(MasixError) in _ = try core.ask(.nameFreed(reference.entry.port)) }
    }

    /// The same for the name of a send-once right.
    package func nameFreed(_ state: SendOnceState) {
        guard state.isWatched.exchange(false, ordering: .relaxed), let id = claimed(state) else { return }
        whatever { core throws(MasixError) in
            guard case .arrived(.sendOnce(_, let port)) = try core.ask(.portOf(id)).response else { return }
            _ = try core.ask(.nameFreed(port, once: id))
        }
    }

    /// Whether the request for the name of this port is armed, or was when the port died (S8).
    package func hasRequest(_ port: PortID) -> Bool {
        let answer = try? connection.withCore { core throws(MasixError) in try core.ask(.hasRequest(port)).response }
        return answer == .done
    }

    /// The same for a name that receives and does not send.
    package func nameFreed(_ holder: ReceiveHolder) {
        guard !holder.entry.isLocal else { return }
        whatever { core throws(MasixError) in _ = try core.ask(.nameFreed(holder.entry.port)) }
    }
}

extension PortSet {
    /// Puts a port in whose right another keeps too.
    package func insert(sharing holder: ReceiveHolder) {
        members.withLock { $0.insert(holder) }
        space.reception.interruptOthers()
    }

    /// The member whose turn it is.
    package var nextPort: PortID? { members.withLock { $0.first } }

    package func removeShared(_ holder: ReceiveHolder) { _ = members.withLock { $0.remove(holder.entry.port) } }
}

extension MemoryObject {
    /// For whoever maps it himself.
    package var rawDescriptor: Int32 { descriptor.raw }
}

extension SendRight {
    /// The value that messages own.
    package consuming func share() -> SendReference { reference }

    /// The right of a message, if it is one.
    package init?(_ right: OwnedRight) {
        guard case .send(let reference) = right else { return nil }
        self.init(reference)
    }
}
