import MasixKernel
import MasixTransport

/// A message and its one answer.
final class Calling: Routine {
    private let entry: HeldSend
    private let patience: Patience
    private let length: Int
    private var port: HeldReceive?
    private var reply: PreparedReply?
    private var draft: Draft?
    private(set) var once: UInt64 = 0
    private var lease: LeaseSending?
    private var nucleus: NucleusSending?
    private var waiting: Waiting?
    private var poll: AnswerAttempt?

    init(_ entry: HeldSend, patience: Patience, length: Int) {
        self.entry = entry
        self.patience = patience
        self.length = length
    }

    /// Sent, and waiting.
    var isPending: Bool { waiting != nil }

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        switch stage {
        case 0:
            port = task.replyPorts.popLast()
            if port != nil { return go(to: 1) }
            return call(
                Allocating(limit: 1) { [self] in
                    $0.isReplyPort = true
                    port = $0
                }, then: 1)
        case 1: return begin(task, thread)
        case 2:
            if lease == nil { return prepared(task) }
            switch lease?.outcome {
            case .sent?: return awaitAnswer(task)
            case .timedOut?:
                unprepare(task)
                if let port { task.replyPorts.append(port) }
                task.book.abandon(once)
                return .done
            default:
                unprepare(task)
                return byNucleus()
            }
        case 3:
            guard case .sent? = nucleus?.outcome else {
                // Nothing was sent, or it was taken back: but then the reply right's notification may come to the port.
                task.book.abandon(once)
                return destroyPort(then: 9)
            }
            return awaitAnswer(task)
        case 4:
            thread.stand(at: nil)
            return waiting?.succeeded == true ? finish(task) : giveUp(task)
        default: return .done
        }
    }

    /// A reply word on the link of the lease, if there is one.
    private func begin(_ task: SimulatedTask, _ thread: SimulatedThread) -> Progress {
        guard let port else { return .done }
        once = task.book.newOnce(to: port.port, holder: .task(task.id))
        let id = task.book.prepare(from: task.id, to: entry.port, reply: once)
        let draft = Draft(id: id, to: entry.port, from: task, length: length)
        self.draft = draft
        task.simulation.tally.calls += 1
        if draft.isPlain, let lease = entry.memory.lease() {
            if task.ends[lease.link] == nil { return call(MeetingOffers(), then: 2) }
            return prepared(task)
        }
        return byNucleus()
    }

    private func prepared(_ task: SimulatedTask) -> Progress {
        guard let draft, let port, let lease = entry.memory.lease(), let link = task.ends[lease.link], let token = link.beginCall(),
            let word = task.control.caller(place: link.place, index: token.index)
        else { return byNucleus() }
        let reply = PreparedReply(link: link, token: token, entry: word, port: port)
        self.reply = reply
        let sending = LeaseSending(draft, to: entry, reply: reply, patience: patience)
        self.lease = sending
        return call(sending, then: 2)
    }

    /// The call did not go by the link: nobody can have seen the word.
    private func unprepare(_ task: SimulatedTask) {
        guard let reply else { return }
        _ = reply.entry.abandon(link: reply.link.id, generation: reply.token.generation)
        reply.link.endCall(reply.token)
        self.reply = nil
    }

    private func byNucleus() -> Progress {
        guard let draft, let port else { return .done }
        let sending = NucleusSending(draft, to: .send(entry), reply: .makeSendOnce(port.port), patience: patience)
        nucleus = sending
        return call(sending, then: 3)
    }

    private func awaitAnswer(_ task: SimulatedTask) -> Progress {
        guard let port else { return .done }
        let book = task.book
        let once = once
        let waiting = Waiting(
            patience, port: entry.port,
            isOwed: { [reply] in
                // In the home queue, or given over the link: then it lies announced there, or the callee has stopped before that.
                port.hasHome || (reply != nil && book.isAnswered(once))
            }
        ) { [self] in
            let poll = AnswerAttempt(self.reply, port, once: once, callPort: entry.port)
            self.poll = poll
            return poll
        }
        self.waiting = waiting
        return call(waiting, then: 4)
    }

    /// The answer is here: the reply port and the reply word are free again.
    private func finish(_ task: SimulatedTask) -> Progress {
        if let reply { reply.link.endCall(reply.token) }
        if let port { task.replyPorts.append(port) }
        return .done
    }

    /// Nobody waits for the answer any more; a late one must not meet the next call.
    private func giveUp(_ task: SimulatedTask) -> Progress {
        task.book.abandon(once)
        guard let reply, let port else { return destroyPort(then: 9) }
        defer { reply.link.endCall(reply.token) }
        if task.simulation.plan.mutation == .abandonSkipped
            || reply.entry.abandon(link: reply.link.id, generation: reply.token.generation)
        {
            task.replyPorts.append(port)
            return .done
        }
        // The nucleus has taken the reply over: its message would come here.
        return destroyPort(then: 9)
    }

    private func destroyPort(then stage: Int) -> Progress {
        guard let port else { return .done }
        return call(Destroying(port), then: stage)
    }
}

/// The answer, if it is there: by the link, or, if the nucleus has taken the reply over, through the home queue of the reply port.
final class AnswerAttempt: Attempt {
    private let reply: PreparedReply?
    private let port: HeldReceive
    private let once: UInt64
    private let callPort: PortID
    private var taking: Taking?
    private var header: FrameHeader?

    init(_ reply: PreparedReply?, _ port: HeldReceive, once: UInt64, callPort: PortID) {
        self.reply = reply
        self.port = port
        self.once = once
        self.callPort = callPort
    }

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        switch stage {
        case 0:
            thread.stand(at: .answerAwaited, callPort)
            return call(Looking(), then: 1)
        case 1:
            if let reply, reply.link.isAnnounced(reply.token), takeAnswer(reply, task) {
                thread.stand(at: .answerTaken)
                return go(to: 2)
            }
            guard port.hasHome else { return .done }
            let taking = Taking(port)
            self.taking = taking
            return call(taking, then: 4)
        case 2, 3:
            guard let reply else { return .done }
            guard thread.acquire(reply.link.receiving) else { return .wait }
            defer { thread.release(reply.link.receiving) }
            read(reply, task)
            return succeed()
        default:
            guard let incoming = taking?.incoming else { return .done }
            if let message = incoming.message, message.uses != once {
                task.book.fail("a call got the answer of another: message \(message.id)")
            }
            return succeed()
        }
    }

    private func takeAnswer(_ reply: PreparedReply, _ task: SimulatedTask) -> Bool {
        if task.simulation.plan.mutation == .answerWithoutExchange {
            let word = ReplyWord(bits: reply.entry.word.relaxed)
            reply.entry.word.release(word.with(.taken).bits)
            return true
        }
        return reply.entry.take(link: reply.link.id, generation: reply.token.generation)
    }

    private func read(_ reply: PreparedReply, _ task: SimulatedTask) {
        guard let header = reply.link.receiver.lookReply(reply.token) else {
            return task.book.fail("an answer was announced and is not in its slot")
        }
        if header.flags & FrameHeader.dropped != 0 { return task.book.deliver(.sendOnce, at: port.port, carrying: nil) }
        let bytes = reply.link.receiver.replyBody(reply.token, count: Int(header.length))
        guard let id = Body.id(in: bytes) else { return task.book.fail("an answer's bytes are nobody's") }
        let message = task.book.deliver(id, to: task.id, from: port.port, apparentSender: reply.link.peer)
        task.simulation.tally.answersByLink += 1
        if message?.uses != once { task.book.fail("a call got the answer of another: message \(id)") }
    }
}
