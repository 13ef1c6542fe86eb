import DequeModule
import MasixKernel
import MasixTransport

/// What has been received.
struct Incoming {
    var message: BookedMessage?
    var notification: Notification?
    var reply: HeldOnce?
}

/// Files what has come, and sees to new links.
final class Looking: Routine {
    override func step(_ thread: SimulatedThread) -> Progress {
        switch stage {
        case 0: return call(Scanning(), then: 1)
        case 1: return thread.task.hasOffers ? call(MeetingOffers(), then: 2) : .done
        default: return .done
        }
    }
}

/// One try at one of these ports: from the home queue, then from the links.
final class ReceiveAttempt: Attempt {
    private let entries: () -> [HeldReceive]
    private var left: [HeldReceive] = []
    private var taking: Taking?
    private(set) var incoming: Incoming?
    private(set) var isGone = false

    private let isEnough: () -> Bool

    /// `isEnough` ends the wait without a message.
    init(_ entries: @escaping () -> [HeldReceive], orIf isEnough: @escaping () -> Bool = { false }) {
        self.entries = entries
        self.isEnough = isEnough
    }

    override func step(_ thread: SimulatedThread) -> Progress {
        switch stage {
        case 0: return call(Looking(), then: 1)
        case 1:
            left = entries().reversed()
            stage = 2
            return next()
        default:
            if let incoming = taking?.incoming {
                self.incoming = incoming
                return succeed()
            }
            return next()
        }
    }

    private func next() -> Progress {
        while let entry = left.popLast() {
            if entry.isGone {
                isGone = true
                continue
            }
            guard entry.hasHome || !entry.ready.isEmpty else { continue }
            let taking = Taking(entry)
            self.taking = taking
            return call(taking, then: 2)
        }
        // A port that has gone ends the wait with an error.
        return isGone || isEnough() ? succeed() : .done
    }
}

/// A message of the port, if one is ready.
final class Taking: Routine {
    private let entry: HeldReceive
    private(set) var incoming: Incoming?
    private var link: LinkEnd?
    private var announcement = Announcement.lease(takeIndex: 0, epoch: 0)
    private var frame: ReadyFrame?
    private var message: BookedMessage?
    private var bytes: [UInt8] = []

    init(_ entry: HeldReceive) { self.entry = entry }

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        switch stage {
        case 0:
            isHomeFirst = entry.homeFirst || entry.ready.isEmpty
            if isHomeFirst, entry.hasHome { return askHome() }
            if !isHomeFirst { entry.homeFirst = true }
            stage = 2
            return nextFrame(thread)
        case 1:
            if incoming != nil {
                if isHomeFirst { entry.homeFirst = false }
                // Frames may have waited for just this message, and somebody for them.
                if !entry.ready.isEmpty { task.interruptOthers() }
                return .done
            }
            guard isHomeFirst else { return .done }
            stage = 2
            return nextFrame(thread)
        case 2: return nextFrame(thread)
        case 3: return look(thread)
        case 4: return take(thread)
        case 5: return copy(thread)
        case 6: return publish(thread)
        case 7: return ringSender(thread)
        default: return arm(task, thread)
        }
    }

    private func received(_ delivered: Delivered, _ bytes: [UInt8], _ task: SimulatedTask) {
        var incoming = Incoming()
        incoming.notification = delivered.notification
        if let id = Body.id(in: bytes) { incoming.message = task.book.messages[id] }
        let booked = incoming.message
        incoming.reply = task.arrive(delivered.reply, once: booked?.reply)
        for (place, right) in delivered.rights.enumerated() {
            var once: UInt64?
            if let booked, booked.cargo.indices.contains(place), case .once(let number) = booked.cargo[place] { once = number }
            if let held = task.arrive(right, once: once) { task.keep(held) }
        }
        self.incoming = incoming
    }

    private var isHomeFirst = true

    private func askHome() -> Progress {
        call(
            Asking(.receive(entry.port)) { [self] task, response, bytes in
                if case .message(let delivered) = response { received(delivered, bytes, task) }
            }, then: 1)
    }

    private func noFrame(_ thread: SimulatedThread) -> Progress {
        if thread.position != .heldBack { thread.stand(at: nil) }
        return !isHomeFirst && entry.hasHome ? askHome() : .done
    }

    private func nextFrame(_ thread: SimulatedThread) -> Progress {
        guard let (link, announcement) = entry.ready.popFirst() else { return noFrame(thread) }
        // What its sender has in the home queue comes first (architecture rule 7).
        if thread.task.simulation.plan.mutation != .framesOvertakeHome,
            link.receiver.isHeldBack(announcement, received: entry.received.acquired)
        {
            entry.ready.prepend((link, announcement))
            thread.stand(at: .heldBack, entry.port)
            return noFrame(thread)
        }
        self.link = link
        self.announcement = announcement
        thread.stand(at: .announcementFiled, entry.port)
        return go(to: 3)
    }

    private func look(_ thread: SimulatedThread) -> Progress {
        guard let link else { return .done }
        guard thread.acquire(link.receiving) else { return .wait }
        switch link.receiver.look(announcement) {
        case .stale:
            thread.release(link.receiving)
            return go(to: 2)
        case .fault(let fault):
            thread.release(link.receiving)
            thread.task.book.fail("\(thread.task.id) finds \(fault) on \(link.id), whose peer is honest")
            return .done
        case .frame(let frame):
            self.frame = frame
            if frame.lease.port != entry.port { thread.task.book.fail("a frame for \(frame.lease.port) filed under \(entry.port)") }
            thread.stand(at: .frameSeen)
            return go(to: 4)
        }
    }

    /// The reception, if and only if the exchange succeeds; else the nucleus has put the frame into the home queue.
    private func take(_ thread: SimulatedThread) -> Progress {
        guard let link, let frame else { return .done }
        let task = thread.task
        let mutation = task.simulation.plan.mutation
        let written = link.receiver.body(frame)
        var isTaken = false
        if mutation == .takeWithoutExchange {
            task.control.take(announcement.index)?.word.release(frame.word.next.bits)
            isTaken = true
        } else {
            isTaken = link.receiver.take(frame, takeIndex: announcement.index)
        }
        guard isTaken else {
            thread.release(link.receiving)
            return go(to: 2)
        }
        task.simulation.tally.messagesByLink += 1
        if let id = Body.id(in: written) {
            message = task.book.deliver(id, to: task.id, from: frame.lease.port, apparentSender: link.peer)
            if let once = message?.reply { task.book.holds(once, task.id) }
        } else {
            task.book.fail("\(task.id) took a frame from \(link.id) whose bytes are nobody's")
        }
        thread.stand(at: .taken)
        if mutation == .publishBeforeCopy { link.receiver.publish(frame) }
        return go(to: 5)
    }

    private func copy(_ thread: SimulatedThread) -> Progress {
        guard let link, let frame else { return .done }
        bytes = link.receiver.body(frame)
        thread.stand(at: .copied)
        return go(to: 6)
    }

    private func publish(_ thread: SimulatedThread) -> Progress {
        guard let link, let frame else { return .done }
        if Body.id(in: bytes) != message?.id { thread.task.book.fail("message \(message?.id ?? 0) was overwritten while it was copied") }
        if thread.task.simulation.plan.mutation != .publishBeforeCopy { link.receiver.publish(frame) }
        thread.stand(at: .published)
        return go(to: 7)
    }

    private func ringSender(_ thread: SimulatedThread) -> Progress {
        guard let link else { return .done }
        let mustRing = link.receiver.peerWaits()
        thread.release(link.receiving)
        if mustRing, thread.task.simulation.plan.mutation != .roomRingSkipped { link.ring() }
        thread.stand(at: .rightUnarmed)
        return go(to: 8)
    }

    /// The reply right of a call that has just been taken. If the link has closed in between, the kernel keeps it for us.
    private func arm(_ task: SimulatedTask, _ thread: SimulatedThread) -> Progress {
        guard let link, let frame else { return .done }
        var incoming = Incoming(message: message)
        if let token = frame.reply, let callee = task.control.callee(place: link.place, index: token.index), let message {
            _ = callee.arm(link: link.id, generation: token.generation)
            let port = message.reply.flatMap { task.book.onces[$0]?.port } ?? message.port
            incoming.reply = HeldOnce(.link(link, token), once: message.reply ?? 0, port: port, callPort: message.port)
        }
        if (frame.reply == nil) != (message?.reply == nil) { task.book.fail("message \(message?.id ?? 0) and its reply right have parted") }
        self.incoming = incoming
        thread.stand(at: nil)
        return .done
    }
}
