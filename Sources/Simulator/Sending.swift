import MasixKernel
import MasixTransport

/// A right that a program puts into a message.
enum Cargo {
    case copy(HeldSend)
    case move(HeldSend)
    case make(HeldReceive)
    case receive(HeldReceive)
    case once(HeldOnce)
    /// A fresh send-once right to a port of one's own.
    case makeOnce(HeldReceive, once: UInt64)

    var booked: BookedRight {
        switch self {
        case .copy(let entry), .move(let entry): .send(entry.port)
        case .make(let entry): .send(entry.port)
        case .receive(let entry): .receive(entry.port)
        case .once(let held): .once(held.once)
        case .makeOnce(_, let once): .once(once)
        }
    }
}

/// One message of a program.
final class Draft {
    let id: UInt64
    let target: PortID
    let bytes: [UInt8]
    let cargo: [Cargo]

    init(id: UInt64, to target: PortID, from task: SimulatedTask, cargo: [Cargo] = [], length: Int = 0) {
        self.id = id
        self.target = target
        self.cargo = cargo
        bytes = Body.bytes(of: id, from: task.id, to: target, length: length)
    }

    var isPlain: Bool { cargo.isEmpty && bytes.count <= LinkHalf.bodyMax }
}

/// The reply word of a call that is about to be made over a link.
struct PreparedReply {
    let link: LinkEnd
    let token: ReplyToken
    let entry: CallerEntryMemory
    let port: HeldReceive

    func arm(number: UInt64, epoch: UInt32) {
        entry.arm(link: link.id, generation: token.generation, port: port.port.counter, number: number, epoch: epoch)
    }
}

/// Sends by a lease if there is one: the steps of `LinkSender`, in their order.
final class LeaseSending: Routine {
    enum Outcome { case sent, closed, timedOut }

    private let draft: Draft
    private let entry: HeldSend
    private let reply: PreparedReply?
    private let patience: Patience
    private(set) var outcome = Outcome.closed
    private var link: LinkEnd?
    private var lease: OutgoingLease?
    private var room: Waiting?
    private var mustRing = false

    init(_ draft: Draft, to entry: HeldSend, reply: PreparedReply? = nil, patience: Patience) {
        self.draft = draft
        self.entry = entry
        self.reply = reply
        self.patience = patience
    }

    private func end(_ outcome: Outcome, _ thread: SimulatedThread) -> Progress {
        if let link { thread.release(link.sending) }
        thread.stand(at: nil)
        self.outcome = outcome
        return .done
    }

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        switch stage {
        case 0, 1:
            guard let found = entry.memory.lease(), !entry.isDead(for: task) else { return end(.closed, thread) }
            guard let known = task.ends[found.link] else { return stage == 1 ? end(.closed, thread) : call(MeetingOffers(), then: 1) }
            if let reply, reply.link !== known { return end(.closed, thread) }
            link = known
            thread.stand(at: .leaseRead, entry.port)
            return go(to: 2)
        case 2: return checkRoom(thread)
        case 3: return arm(thread)
        case 4: return write(thread)
        case 5: return commit(thread)
        case 6: return announce(thread)
        case 7: return decideRing(thread)
        case 8:
            if mustRing { link?.ring() }
            return end(.sent, thread)
        default: return afterRoom(thread)
        }
    }

    /// Looked at again under the lock: the word may have moved while we waited for it.
    private func checkRoom(_ thread: SimulatedThread) -> Progress {
        guard let link else { return .done }
        guard thread.acquire(link.sending) else { return .wait }
        guard let lease = entry.memory.lease(), lease.link == link.id else { return end(.closed, thread) }
        self.lease = lease
        let mutation = thread.task.simulation.plan.mutation
        guard link.sender.hasRoom(lease) || mutation == .roomUnchecked else {
            thread.release(link.sending)
            // With the whole limit in our hands nobody else could give us room: wait for it on the link.
            guard lease.isWhole, !patience.isPoll else { return end(.closed, thread) }
            return awaitRoom(thread, lease)
        }
        thread.stand(at: .roomSeen)
        if mutation == .commitBeforeWrite { return go(to: 5) }
        return go(to: reply == nil || mutation == .replyArmedLate ? 4 : 3)
    }

    private func awaitRoom(_ thread: SimulatedThread, _ full: OutgoingLease) -> Progress {
        let task = thread.task
        task.waiters += 1
        let isOver = { [entry, link] () -> Bool in
            guard let lease = entry.memory.lease(), lease.word.epoch == full.word.epoch, lease.isWhole else { return true }
            return link?.sender.hasRoom(lease) == true
        }
        let book = task.book
        let room = Waiting(
            patience, port: entry.port, at: .roomAwaited, isOwed: { [entry] in isOver() || book.hasRoom(entry.port) }, hint: isOver
        ) { ScanAttempt(isOver) }
        self.room = room
        return call(room, then: 9)
    }

    private func afterRoom(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        task.waiters -= 1
        if task.waiters == 0 { task.status.waiting.release(0) }
        if room?.succeeded != true { return end(.timedOut, thread) }
        return go(to: 0)
    }

    /// Armed before the commit, with the number that the commit will give (Documentation/Decisions/0001).
    private func arm(_ thread: SimulatedThread) -> Progress {
        guard let lease else { return .done }
        reply?.arm(number: lease.number, epoch: lease.word.epoch)
        thread.stand(at: .replyArmed)
        return go(to: 4)
    }

    private func write(_ thread: SimulatedThread) -> Progress {
        guard let link, let lease else { return .done }
        link.sender.write(lease, code: 1, body: draft.bytes, reply: reply?.token)
        thread.stand(at: .frameWritten)
        switch thread.task.simulation.plan.mutation {
        case .commitBeforeWrite: return go(to: 6)
        case .announceBeforeCommit:
            link.sender.announce(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch))
            return go(to: 5)
        default: return go(to: 5)
        }
    }

    private func commit(_ thread: SimulatedThread) -> Progress {
        guard let lease else { return .done }
        let mutation = thread.task.simulation.plan.mutation
        if mutation == .commitWithoutExchange {
            entry.memory.commit.release(lease.word.next.bits)
        } else {
            guard entry.memory.commit(lease) else { return end(.closed, thread) }
        }
        thread.task.book.accept(draft.id)
        thread.stand(at: .committed)
        if mutation == .commitBeforeWrite { return go(to: 4) }
        return go(to: 6)
    }

    private func announce(_ thread: SimulatedThread) -> Progress {
        guard let link, let lease else { return .done }
        let mutation = thread.task.simulation.plan.mutation
        if mutation == .replyArmedLate { reply?.arm(number: lease.number, epoch: lease.word.epoch) }
        if mutation == .ringerFenceMissing, !mustRing, stage == 6, !hasLookedEarly {
            hasLookedEarly = true
            mustRing = link.sender.peerMustBeRung()
            thread.stand(at: .ringDecided)
            return go(to: 6)
        }
        if mutation != .announceBeforeCommit { link.sender.announce(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch)) }
        thread.stand(at: .announced)
        return go(to: 7)
    }

    private var hasLookedEarly = false

    private func decideRing(_ thread: SimulatedThread) -> Progress {
        guard let link else { return .done }
        if !hasLookedEarly { mustRing = link.sender.peerMustBeRung() }
        thread.release(link.sending)
        thread.stand(at: .ringDecided)
        return go(to: 8)
    }
}

/// Looks at the links, then at a condition.
final class ScanAttempt: Attempt {
    private let condition: () -> Bool

    init(_ condition: @escaping () -> Bool) { self.condition = condition }

    override func step(_ thread: SimulatedThread) -> Progress {
        if stage == 0 { return call(Scanning(), then: 1) }
        return condition() ? succeed() : .done
    }
}

/// The whole message in one event: rights moved, circles looked for, enqueued; or refused, and everything is still ours.
final class NucleusSending: Routine {
    enum Destination {
        case send(HeldSend)
        case once(HeldOnce)
    }

    enum Outcome { case sent, refused(Refusal), timedOut }

    private let draft: Draft
    private let destination: Destination
    private let reply: Transfer
    private let patience: Patience
    private(set) var outcome = Outcome.timedOut
    private var left: [Cargo]
    private var asking: Asking?
    private var waiting: Waiting?
    private var completion: UInt16?
    private var ticket = Ticket(raw: 0)

    init(_ draft: Draft, to destination: Destination, reply: Transfer = .null, patience: Patience) {
        self.draft = draft
        self.destination = destination
        self.reply = reply
        self.patience = patience
        left = draft.cargo
    }

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        switch stage {
        case 0, 4:
            // A task that only sends never waits: it sees here that a link has been made for it.
            if stage == 0, task.hasOffers { return call(MeetingOffers(), then: 4) }
            // Reply rights that live in links become the kernel's first: they are about to do more than answer.
            while let next = left.popLast() {
                if case .once(let held) = next { return call(ClaimingRight(held), then: 4) }
            }
            let asking = Asking(make: { [self] in question($0) }, follow: { [self] task, response, _ in follow(response, task) })
            self.asking = asking
            return call(asking, then: 1)
        case 1:
            switch asking?.response {
            case .sent?:
                outcome = .sent
                return done(task)
            case .refused(let refusal)?:
                outcome = .refused(refusal)
                return done(task)
            case .blocked(let ticket)?:
                self.ticket = ticket
                let word = task.control.completion(completion ?? 0)
                let isAccepted = { word.acquired == ticket.raw }
                let book = task.book
                let target = draft.target
                let waiting = Waiting(
                    patience, port: nil, isOwed: { isAccepted() || book.hasRoom(target) }, hint: isAccepted
                ) { ScanAttempt(isAccepted) }
                self.waiting = waiting
                return call(waiting, then: 2)
            default:
                outcome = .refused(.malformed)
                return done(task)
            }
        case 2:
            if waiting?.succeeded == true {
                outcome = .sent
                return done(task)
            }
            let asking = Asking(.cancelSend(ticket)) { [self] task, response, _ in
                guard case .returned(let message) = response else {
                    outcome = .sent
                    return
                }
                takeBack(message, task)
            }
            return call(asking, then: 3)
        default: return done(task)
        }
    }

    private func done(_ task: SimulatedTask) -> Progress {
        if let completion { task.completions.append(completion) }
        completion = nil
        return .done
    }

    private func question(_ task: SimulatedTask) -> Asking.Question? {
        completion = task.completions.popLast()
        let target: Transfer
        switch destination {
        case .send(let entry): target = .copySend(entry.port)
        case .once(let held):
            guard case .kernel(let id) = held.place else { return nil }
            target = .moveSendOnce(id)
        }
        let outgoing = Outgoing(
            to: target, reply: reply, code: 1, rights: draft.cargo.map(transfer),
            payload: Payload(place: 0, length: UInt32(draft.bytes.count)),
            blocks: !patience.isPoll && completion != nil, completion: completion ?? 0)
        return Asking.Question(request: .send(outgoing), bytes: draft.bytes, booked: BookedDetails(message: draft.id))
    }

    private func transfer(_ cargo: Cargo) -> Transfer {
        switch cargo {
        case .copy(let entry): return .copySend(entry.port)
        case .move(let entry): return .moveSend(entry.port)
        case .make(let entry): return .makeSend(entry.port)
        case .receive(let entry): return .moveReceive(entry.port)
        case .makeOnce(let entry, _): return .makeSendOnce(entry.port)
        case .once(let held):
            if case .kernel(let id) = held.place { return .moveSendOnce(id) }
            return .dead
        }
    }

    /// What must change in the tables when a message with rights has been accepted.
    private func follow(_ response: Response, _ task: SimulatedTask) {
        switch response {
        case .sent, .blocked: break
        default: return
        }
        for cargo in draft.cargo {
            switch cargo {
            case .copy, .make, .makeOnce: break
            case .move(let entry): if task.sends[entry.port] === entry { task.sends[entry.port] = nil }
            case .receive(let entry): task.remove(entry)
            case .once(let held): held.place = .gone
            }
        }
        if case .once(let held) = destination { held.place = .gone }
    }

    /// S7: what the message carried is back in this space.
    private func takeBack(_ message: Delivered, _ task: SimulatedTask) {
        let booked = task.book.messages[draft.id]
        for (place, right) in message.rights.enumerated() {
            // The destination right comes first; this library still has its own reference to it.
            if place == 0 {
                task.arrive(right)
                if case .send(let port, _) = right { task.surplus.append(port) }
                continue
            }
            var once: UInt64?
            if let booked, case .once(let number) = booked.cargo[place - 1] { once = number }
            if let held = task.arrive(right, once: once) { task.keep(held) }
        }
        if let held = task.arrive(message.reply, once: booked?.reply) { task.keep(held) }
    }
}

/// One user reference is let go. The last one gives the kernel's entry up.
final class DroppingReference: Routine {
    private let entry: HeldSend

    init(_ entry: HeldSend) { self.entry = entry }

    override func step(_ thread: SimulatedThread) -> Progress {
        guard stage == 0 else { return .done }
        entry.references -= 1
        guard entry.references == 0 else { return .done }
        return call(
            Asking(make: { [entry] task in
                // It may have arrived once more meanwhile.
                guard entry.references == 0, task.sends[entry.port] === entry else { return nil }
                task.sends[entry.port] = nil
                return Asking.Question(request: .drop(.send(entry.port)))
            }), then: 1)
    }
}
