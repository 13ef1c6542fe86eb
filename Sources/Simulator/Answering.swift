import MasixKernel
import MasixTransport

/// The kernel's right in the place of a link-local one.
final class ClaimingRight: Routine {
    private let held: HeldOnce

    init(_ held: HeldOnce) { self.held = held }

    override func step(_ thread: SimulatedThread) -> Progress {
        guard stage == 0 else {
            thread.stand(at: nil)
            return .done
        }
        guard case .link(let link, let token) = held.place else { return .done }
        thread.stand(at: .claiming, held.callPort ?? held.port)
        return call(
            Asking(.claimReply(link.id, index: token.index, generation: token.generation), once: held.once) { [held] _, response, _ in
                if case .arrived(.sendOnce(let id, _)) = response { held.place = .kernel(id) } else { held.place = .gone }
            }, then: 1)
    }
}

/// Uses a send-once right: an answer, or, dropped, the notification in its place (T4).
final class Answering: Routine {
    private let held: HeldOnce
    private let isDropped: Bool
    private let length: Int
    private var draft: Draft?
    private var sending: NucleusSending?
    private var link: LinkEnd?
    private var mustRing = false

    init(_ held: HeldOnce, isDropped: Bool = false, length: Int = 0) {
        self.held = held
        self.isDropped = isDropped
        self.length = length
    }

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        switch stage {
        case 0:
            if !isDropped {
                let cargo = cargo(of: task)
                let id = task.book.prepare(
                    from: task.id, to: held.port, isBySend: false, cargo: cargo.map(\.booked), uses: held.once)
                draft = Draft(id: id, to: held.port, from: task, cargo: cargo, length: length)
            }
            guard case .link(let link, _) = held.place, isDropped || draft?.isPlain == true else { return go(to: 6) }
            self.link = link
            return go(to: 1)
        case 1: return begin(thread)
        case 2: return write(thread)
        case 3: return use(thread)
        case 4: return announce(thread)
        case 5: return ring(thread)
        case 6: return call(ClaimingRight(held), then: 7)
        case 7: return asKernelRight(task)
        default:
            if case .refused(let refusal)? = sending?.outcome { return refused(refusal, task) }
            return .done
        }
    }

    /// An answer that gives a right to a port of one's own, now and then.
    private func cargo(of task: SimulatedTask) -> [Cargo] {
        guard task.simulation.chance.oneIn(task.simulation.manner.cargoRate), let entry = task.simulation.chance.pick(task.receiveList)
        else { return [] }
        return [.make(entry)]
    }

    private func elsewhere(_ thread: SimulatedThread) -> Progress {
        if let link { thread.release(link.sending) }
        return go(to: 6)
    }

    private func begin(_ thread: SimulatedThread) -> Progress {
        guard case .link(let link, let token) = held.place else { return go(to: 6) }
        guard let entry = thread.task.control.callee(place: link.place, index: token.index) else { return .done }
        guard thread.acquire(link.sending) else { return .wait }
        guard entry.state(link: link.id, generation: token.generation) == .armed, link.sender.canAnnounce() else {
            return elsewhere(thread)
        }
        thread.stand(at: .rightHeld, port)
        return go(to: 2)
    }

    /// The port of the call, for the statistics of revocations.
    private var port: PortID { held.callPort ?? held.port }

    private func write(_ thread: SimulatedThread) -> Progress {
        guard case .link(let link, let token) = held.place else { return .done }
        link.sender.writeReply(
            token, code: isDropped ? Notification.sendOnce.code : 1, body: draft?.bytes ?? [], flags: isDropped ? FrameHeader.dropped : 0)
        thread.stand(at: .answerWritten)
        return go(to: 3)
    }

    /// The answer has been given if and only if the exchange succeeds.
    private func use(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        guard case .link(let link, let token) = held.place, let entry = task.control.callee(place: link.place, index: token.index) else {
            return .done
        }
        if task.simulation.plan.mutation == .useWithoutExchange {
            entry.word.release(ReplyWord(.used, link: link.id.raw, generation: token.generation).bits)
        } else {
            guard entry.use(link: link.id, generation: token.generation) else { return elsewhere(thread) }
        }
        if let draft { task.book.accept(draft.id) } else { task.book.dropOnce(held.once) }
        held.place = .gone
        self.token = token
        thread.stand(at: .answerUsed)
        return go(to: 4)
    }

    private var token = ReplyToken(index: 0, generation: 0)

    private func announce(_ thread: SimulatedThread) -> Progress {
        guard let link else { return .done }
        link.sender.announce(.reply(index: token.index, generation: token.generation))
        thread.release(link.sending)
        thread.stand(at: .answerAnnounced)
        return go(to: 5)
    }

    private func ring(_ thread: SimulatedThread) -> Progress {
        guard let link else { return .done }
        guard link.sending.owner == nil else {
            thread.wait = .lock(link.sending)
            return .wait
        }
        if link.sender.peerMustBeRung() { link.ring() }
        thread.stand(at: nil)
        return .done
    }

    private func asKernelRight(_ task: SimulatedTask) -> Progress {
        guard case .kernel(let id) = held.place else { return .done }
        if isDropped {
            held.place = .gone
            return call(Asking(.drop(.sendOnce(id)), once: held.once), then: 8)
        }
        guard let draft else { return .done }
        let sending = NucleusSending(draft, to: .once(held), patience: .ever)
        self.sending = sending
        return call(sending, then: 8)
    }

    /// S4 for a right whose port has died: the dead right itself is let go.
    private func refused(_ refusal: Refusal, _ task: SimulatedTask) -> Progress {
        // The port in it may have been moved or destroyed meanwhile.
        let isForCargo = refusal == .invalidRight && draft?.cargo.isEmpty == false
        if task.book.isAlive(held.port), task.book.onces[held.once]?.isAbandoned != true, !isForCargo {
            task.book.fail("a send-once right to \(held.port) was refused: \(refusal)")
        }
        guard case .kernel(let id) = held.place else { return .done }
        held.place = .gone
        sending = nil
        return call(Asking(.drop(.sendOnce(id)), once: held.once), then: 8)
    }
}
