import MasixKernel
import MasixLinux
import MasixTransport
import Synchronization
import SystemPackage

extension Space {
    /// Sends by the link if there is a lease and the message is plain, else by the nucleus; the user cannot tell (architecture rule 1).
    func send(_ message: inout Message, to entry: SendEntry, deadline: Deadline) throws(MasixError) {
        try checkFork()
        try message.check()
        var hasWaited = false
        if entry.isLocal, let port = entry.local,
            try sendLocally(&message, to: port, reply: .null, deadline: deadline, hasWaited: &hasWaited)
        {
            return
        }
        if message.isPlain,
            try sendByLease(
                code: message.code, body: message.body, flags: FrameHeader.flags(message.format), to: entry, reply: nil,
                deadline: deadline, hasWaited: &hasWaited) != nil
        {
            return
        }
        do throws(MasixError) {
            try sendByNucleus(&message, destination: .send(entry), reply: .null, deadline: deadline)
        } catch .deadName where hasWaited {
            // S4: it was waiting for room when the port died, on the link as it would have in the kernel: sent, and destroyed.
            message = Message(code: message.code)
        }
    }

    // MARK: by a lease

    /// The lease that a message went by.
    package struct UsedLease: Sendable {
        let link: LinkEnd
        let firstSlot: Int
        /// The lease's number, as far as its words carry it.
        package let epoch: UInt32
    }

    /// How a send by a lease ended.
    private enum LeaseSend {
        case sent(UsedLease)
        /// No lease, or it has closed: the nucleus is the way.
        case closed
        case full(LinkEnd, OutgoingLease)
    }

    /// The lease that the message went by. Nil: it has to go by the nucleus; `hasWaited` if it was a blocked sender before.
    func sendByLease(
        code: UInt32, body: borrowing MessageBytes, flags: UInt16 = 0, to entry: SendEntry, reply: PreparedReply?, deadline: Deadline,
        hasWaited: inout Bool
    ) throws(MasixError) -> UsedLease? {
        while true {
            switch try trySendByLease(code: code, body: body, flags: flags, to: entry, reply: reply) {
            case .sent(let lease): return lease
            case .closed: return nil
            case .full(let link, let lease):
                // With the whole limit in our hands nobody else could give us room: wait for it on the link. Else the nucleus
                // knows whether there is more (architecture rule 3).
                guard lease.isWhole, !deadline.isPoll else { return nil }
                hasWaited = true
                try waitForRoom(on: link, lease, entry, deadline)
            }
        }
    }

    /// One attempt: the steps of `LinkSender`, in order.
    private func trySendByLease(
        code: UInt32, body: borrowing MessageBytes, flags: UInt16, to entry: SendEntry, reply: PreparedReply?
    ) throws(MasixError) -> LeaseSend {
        let memory = entry.memory
        guard let found = memory.lease(), !memory.isDead else { return .closed }
        let link: LinkEnd
        if let reply {
            guard reply.link.id == found.link else { return .closed }
            link = reply.link
        } else {
            guard let usual = try self.link(of: entry, found) else { return .closed }
            link = usual
        }
        let id = link.id
        let outcome = link.sender.withLock { sender -> LeaseStep in
            // Looked at again under the lock: the word may have moved while we waited for it.
            guard let lease = memory.lease(), lease.link == id else { return .closed }
            guard sender.hasRoom(lease) else { return .full(lease) }
            Interlude.at(.leaseSeen)
            // Armed before the commit, with the number that the commit will give (Documentation/Decisions/0001).
            if let reply, !reply.arm(number: lease.number, epoch: lease.word.epoch) { return .closed }
            sender.write(lease, code: code, body: body, flags: flags, reply: reply?.token)
            Interlude.at(.frameWritten)
            guard memory.commit(lease) else { return .closed }
            Interlude.at(.committed)
            sender.announce(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch))
            Interlude.at(.announced)
            let mustRing = sender.peerMustBeRung()
            Interlude.at(.askedWhetherToRing)
            sender.prepareNext(lease)
            return .sent(lease, mustRing: mustRing)
        }
        switch outcome {
        case .closed: return .closed
        case .full(let lease): return .full(link, lease)
        case .sent(let lease, let mustRing):
            if mustRing { link.ring() }
            return .sent(UsedLease(link: link, firstSlot: lease.firstSlot, epoch: lease.word.epoch))
        }
    }

    /// What one attempt under the lock came to.
    private enum LeaseStep: Sendable {
        case sent(OutgoingLease, mustRing: Bool)
        case closed
        case full(OutgoingLease)
    }

    private func waitForRoom(on link: LinkEnd, _ full: OutgoingLease, _ entry: SendEntry, _ deadline: Deadline) throws(MasixError) {
        // Room, or another state of the lease: either is a reason to try again. One that has ceased to be whole is owed no room by
        // the receiver; the nucleus may have some (architecture rule 3).
        func isOver(_ slots: UInt64) -> Bool {
            guard let lease = entry.memory.lease(), lease.word.epoch == full.word.epoch, lease.isWhole else { return true }
            return link.sender.withLock { $0.hasRoom(lease, for: slots) }
        }
        // A sender that is awake waits for several: each look at the receiver's count takes the line away from it.
        let several = max(1, full.window / 4)
        let isDone = try wait(until: deadline, partner: link, room: waiters, hint: { isOver($0 ? 1 : several) }) {
            () throws(MasixError) -> Bool in isOver(1)
        }
        if !isDone { throw .timedOut }
    }

    // MARK: by the nucleus

    enum Destination {
        case send(SendEntry)
        case sendOnce(SendOnceID)
    }

    /// The whole message in one event: rights moved, circles looked for, enqueued; or refused, and everything is still ours.
    func sendByNucleus(
        _ message: inout Message, destination: Destination, reply: Transfer, deadline: Deadline, speaker: Speaker? = nil
    ) throws(MasixError) {
        // A task that only sends never waits: it sees here that a link has been made for it.
        if links.hasOffers(control) { try meetOffers() }
        try leave(with: message.rights + [message.reply])
        // Reply rights that live in links become the kernel's first: they are about to do more than answer (architecture rule 10).
        for right in message.rights + [message.reply] {
            if case .sendOnce(let state) = right { _ = try kernelRight(of: state) }
        }
        let sent = try hand(message, to: destination, reply: reply, blocks: !deadline.isPoll, speaker)
        switch sent {
        case .accepted: break
        case .full: throw .timedOut
        case .blocked(let ticket, let completion): try waitForAcceptance(&message, ticket, completion, deadline)
        }
        // Accepted: nothing of the message is ours any more.
        message = Message(code: message.code)
    }

    private enum Handed: Sendable {
        case accepted
        case full
        case blocked(Ticket, UInt16)
    }

    private func hand(
        _ message: borrowing Message, to destination: Destination, reply: Transfer, blocks: Bool, _ speaker: Speaker?
    ) throws(MasixError) -> Handed {
        let rights = message.rights
        let memory = message.memory
        let ownReply = message.reply
        let format = message.format
        let code = message.code
        let bytes = message.body.array
        let handed = try connection.withCore { core throws(MasixError) -> Handed in
            try self.recallAnswers(with: rights, &core)
            let completion = core.completions.take()
            var plan = Handover()
            let reply = reply == .null ? plan.transfer(ownReply, in: core) : reply
            let transfers = rights.map { plan.transfer($0, in: core) }
            let target: Transfer
            switch destination {
            case .send(let entry): target = .copySend(entry.port)
            case .sendOnce(let id): target = .moveSendOnce(id)
            }
            let outgoing = Outgoing(
                to: target, reply: reply, code: code, rights: transfers,
                payload: Payload(place: 0, length: UInt32(bytes.count), format: format),
                memory: memory.enumerated().map { MemoryToken(place: UInt64($0.offset), length: UInt64($0.element.count)) },
                blocks: blocks && completion != nil, completion: completion ?? 0, speaker: speaker)
            let answer: Answer
            do throws(MasixError) {
                answer = try core.ask(.send(outgoing), payload: bytes, descriptors: memory.map { $0.descriptor.raw })
            } catch {
                if let completion { core.completions.give(back: completion) }
                throw error
            }
            switch answer.response {
            case .sent:
                if let completion { core.completions.give(back: completion) }
                plan.carryOut(self, &core)
                return .accepted
            case .blocked(let ticket):
                plan.carryOut(self, &core)
                return .blocked(ticket, completion ?? 0)
            case .refused(let refusal):
                mayAskAgain(rights)
                if let completion { core.completions.give(back: completion) }
                if refusal == .full { return .full }
                throw MasixError(refusal)
            default:
                throw .nodeGone
            }
        }
        return handed
    }

    /// Waits until the kernel has let a blocked send in; takes it back when the time is over.
    private func waitForAcceptance(_ message: inout Message, _ ticket: Ticket, _ completion: UInt16, _ deadline: Deadline)
        throws(MasixError)
    {
        let word = control.completion(completion)
        let isAccepted = try wait(until: deadline, hint: { _ in word.acquired == ticket.raw }) { () throws(MasixError) -> Bool in
            word.acquired == ticket.raw
        }
        defer { whatever { $0.completions.give(back: completion) } }
        if isAccepted { return }
        // S7: what the message carried is back in this space, and in the message. The destination right came back too; it is let go here,
        // outside the lock.
        let returned = try connection.withCore { core throws(MasixError) -> (rights: [OwnedRight], reply: OwnedRight)? in
            switch try core.ask(.cancelSend(ticket)).response {
            case .sent: return nil
            case .returned(let message): return (message.rights.map { self.arrive($0, &core) }, self.arrive(message.reply, &core))
            default: throw .nodeGone
            }
        }
        guard let returned else { return }
        message.rights = Array(returned.rights.dropFirst())
        message.reply = returned.reply
        throw .timedOut
    }
}

/// What must change in the tables when a message with rights has been accepted.
struct Handover {
    private var given: [OwnedRight] = []
    private var moved: Set<PortID> = []

    /// How the kernel is to take this right. The last reference moves the entry, any other copies it.
    mutating func transfer(_ right: OwnedRight, in core: borrowing Connection.Core) -> Transfer {
        given.append(right)
        switch right {
        case .null: return .null
        case .dead: return .dead
        case .send(let reference):
            // A dead name of a port that the nucleus never knew.
            if reference.entry.isLocal { return .dead }
            // Copied, and the reference given up afterwards: if it was the last, that drops the entry.
            return .copySend(reference.entry.port)
        case .sendOnce(let state):
            return state.place.withLock { place in
                if case .kernel(let id) = place { return .moveSendOnce(id) }
                return .dead
            }
        case .receive(let holder):
            return .moveReceive(holder.entry.port)
        case .make(let entry):
            return .makeSend(entry.port)
        case .makeOnce(let entry):
            return .makeSendOnce(entry.port)
        }
    }

    /// The kernel has taken them.
    mutating func carryOut(_ space: Space, _ core: inout Connection.Core) {
        for right in given {
            switch right {
            case .null, .dead, .send, .make, .makeOnce: break
            case .sendOnce(let state): _ = state.take()
            case .receive(let holder):
                holder.give()
                core.receives[holder.entry.port] = nil
                space.reception.remove(holder.entry)
            }
        }
        given = []
    }
}

/// Threads of this task that sleep for want of room on a link; their partners ring when they have received.
final class RoomWaiters: Sendable {
    private struct State {
        var count: UInt32 = 0
        var number: UInt32 = 0
    }

    private let state = Mutex(State())

    /// Every sleep has a number of its own, so that each partner rings once for it. 0 is that nobody waits.
    func begin(_ status: StatusPage) {
        state.withLock { state in
            state.count += 1
            state.number = state.number == .max ? 1 : state.number + 1
            status.waiting.release(state.number)
        }
    }

    func end(_ status: StatusPage) {
        state.withLock { state in
            state.count -= 1
            if state.count == 0 { status.waiting.release(0) }
        }
    }
}
