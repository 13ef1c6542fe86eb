import MasixKernel
import MasixTransport

/// A port of one's own.
final class Allocating: Routine {
    private let limit: UInt32
    private let then: (HeldReceive) -> Void

    init(limit: UInt32, then: @escaping (HeldReceive) -> Void) {
        self.limit = limit
        self.then = then
    }

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        switch stage {
        case 0:
            guard task.nextPort == 0 else { return go(to: 1) }
            return call(
                Asking(.portBlock) { task, response, _ in
                    if case .portBlock(let first, _) = response, task.nextPort == 0 { task.nextPort = first.counter }
                }, then: 1)
        case 1:
            var port = PortID(node: SimulatedNode.id, counter: 0)
            return call(
                Asking(
                    make: { [limit] task in
                        port = PortID(node: SimulatedNode.id, counter: task.nextPort)
                        task.nextPort += 1
                        return Asking.Question(request: .allocate(port, queueLimit: limit))
                    },
                    follow: { [then] task, response, _ in
                        guard case .allocated(let index) = response else { return task.book.fail("no port: \(response)") }
                        let entry = HeldReceive(port, index, task.control)
                        task.receives[port] = entry
                        task.ports[index] = entry
                        then(entry)
                    }), then: 2)
        default: return .done
        }
    }
}

/// Gives a receive right up.
final class Destroying: Routine {
    private let entry: HeldReceive

    init(_ entry: HeldReceive) { self.entry = entry }

    override func step(_ thread: SimulatedThread) -> Progress {
        switch stage {
        case 0:
            guard thread.task.reception.owner == nil else {
                thread.wait = .lock(thread.task.reception)
                return .wait
            }
            if entry.isGone { return .done }
            thread.task.remove(entry)
            return call(Asking(.drop(.receive(entry.port))), then: 1)
        default: return .done
        }
    }
}

/// One message to a send right, by whatever way there is; its rights stay ours if it is not accepted.
final class SendingMessage: Routine {
    private let draft: Draft
    private let entry: HeldSend
    private let patience: Patience
    private var lease: LeaseSending?
    private var nucleus: NucleusSending?

    init(_ draft: Draft, to entry: HeldSend, patience: Patience) {
        self.draft = draft
        self.entry = entry
        self.patience = patience
    }

    override func step(_ thread: SimulatedThread) -> Progress {
        switch stage {
        case 0:
            guard draft.isPlain else { return byNucleus() }
            let lease = LeaseSending(draft, to: entry, patience: patience)
            self.lease = lease
            return call(lease, then: 1)
        case 1:
            if case .closed? = lease?.outcome { return byNucleus() }
            return .done
        default:
            if case .sent? = nucleus?.outcome { return .done }
            keep(thread.task)
            return .done
        }
    }

    private func byNucleus() -> Progress {
        let nucleus = NucleusSending(draft, to: .send(entry), patience: patience)
        self.nucleus = nucleus
        return call(nucleus, then: 2)
    }

    /// Not accepted, or taken back: then what it carried has arrived anew already.
    private func keep(_ task: SimulatedTask) {
        for cargo in draft.cargo {
            switch cargo {
            case .once(let held):
                if case .gone = held.place { break }
                task.keep(held)
            case .makeOnce(_, let once): if task.book.messages[draft.id]?.state == .prepared { task.book.abandon(once) }
            case .copy, .move, .make, .receive: break
            }
        }
    }
}

/// What a thread does all its life: something at random, again and again, until the node is let run dry.
final class Program: Routine {
    private var attempt: ReceiveAttempt?
    private var used: HeldSend?
    private var favourite: HeldSend?
    private var isServer: Bool?

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        if isServer == nil { isServer = (thread.number == 0 || task.isServer) && !task.simulation.chance.oneIn(4) }
        switch stage {
        case 1:
            // A reception has ended.
            stage = 0
            if let reply = attempt?.incoming?.reply { meet(reply, task) }
            attempt = nil
        default: break
        }
        if let entry = used {
            used = nil
            return call(DroppingReference(entry), then: 0)
        }
        if let port = task.surplus.popLast(), let entry = task.sends[port] { return call(DroppingReference(entry), then: 0) }
        if task.simulation.isDraining {
            thread.wait = .ever
            return .wait
        }
        if task.simulation.isCalm {
            thread.wait = .calm
            return .wait
        }
        return choose(thread)
    }

    /// The reply right of a call that was received: kept a while, or answered soon.
    private func meet(_ reply: HeldOnce, _ task: SimulatedTask) {
        if task.simulation.chance.oneIn(3) { task.keep(reply) } else { task.keep(reply, first: true) }
    }

    private func patience(_ simulation: Simulation) -> Patience {
        if simulation.manner == .companions, simulation.chance.oneIn(2) { return .ever }
        return switch simulation.chance.below(simulation.manner.isSteady ? 9 : 5) {
        case 0: .none
        case 1: .until(simulation.now + 5 + simulation.chance.below(30))
        case 2, 3: .until(simulation.now + 50 + simulation.chance.below(200))
        default: simulation.chance.oneIn(2) ? .ever : .until(simulation.now + 100)
        }
    }

    private func choose(_ thread: SimulatedThread) -> Progress {
        let simulation = thread.task.simulation
        // Who serves answers soon what it owes.
        if isServer ?? false, !thread.task.onces.isEmpty, simulation.chance.oneIn(2) { return answer(thread) }
        if isServer ?? false, !simulation.chance.oneIn(4) { return receive(thread) }
        switch simulation.manner.choose(&simulation.chance) {
        case .receive: return receive(thread)
        case .send: return send(thread)
        case .call: return makeCall(thread)
        case .answer: return answer(thread)
        case .makeRight: return makeRight(thread)
        case .dropRight: return dropRight(thread)
        case .destroy: return destroy(thread)
        case .notify: return notify(thread)
        case .together:
            guard let routine = askTogether(thread) else { return .next }
            return call(routine, then: 0)
        case .setLimit: return setLimit(thread)
        case .allocate: return allocate(thread)
        case .status: return status(thread)
        case .reportLink: return reportLink(thread)
        case .oddity: return call(Asking(make: { Oddity(task: $0).question() }), then: 0)
        case .pause:
            thread.wait = .pause(until: simulation.now + simulation.chance.below(20))
            return .wait
        }
    }

    private func receive(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        // One port, or as a set all that there are now.
        var entries = task.receiveList
        guard let entry = task.simulation.chance.pick(entries) else { return .next }
        if task.simulation.manner == .companions || task.simulation.chance.oneIn(2) { entries = [entry] }
        let book = task.book
        let waiting = Waiting(
            patience(task.simulation), port: entry.port,
            isOwed: { entries.contains { !$0.isGone && ($0.hasHome || book.hasUnreceived($0.port)) } },
            attempt: { [self] in
                let attempt = ReceiveAttempt { entries }
                self.attempt = attempt
                return attempt
            })
        return call(waiting, then: 1)
    }

    /// A send right to use, held until the use is over.
    private func pickSend(_ task: SimulatedTask) -> HeldSend? {
        // Mostly the one of last time, and never one's own: leases need repetition.
        var choice = favourite
        if choice == nil || choice?.references == 0 || task.simulation.chance.oneIn(task.simulation.manner.changeRate) {
            let list = task.sendList
            let others = list.filter { task.receives[$0.port] == nil }
            choice = task.simulation.chance.pick(task.simulation.chance.oneIn(8) || others.isEmpty ? list : others)
        }
        favourite = choice
        guard let entry = choice, task.sends[entry.port] === entry else { return nil }
        if entry.isDead(for: task) { favourite = nil }
        entry.references += 1
        used = entry
        return entry
    }

    private func length(_ simulation: Simulation) -> Int { simulation.chance.oneIn(20) ? 500 : simulation.chance.below(64) }

    private func send(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        guard let entry = pickSend(task) else { return .next }
        let cargo = task.simulation.chance.oneIn(task.simulation.manner.cargoRate) ? pickCargo(task) : []
        let id = task.book.prepare(from: task.id, to: entry.port, cargo: cargo.map(\.booked))
        let draft = Draft(id: id, to: entry.port, from: task, cargo: cargo, length: length(task.simulation))
        return call(SendingMessage(draft, to: entry, patience: patience(task.simulation)), then: 0)
    }

    private func pickCargo(_ task: SimulatedTask) -> [Cargo] {
        let simulation = task.simulation
        var cargo: [Cargo] = []
        for _ in 0...simulation.chance.below(2) {
            switch simulation.chance.below(12) {
            case 0..<3: if let entry = simulation.chance.pick(task.sendList) { cargo.append(.copy(entry)) }
            case 3..<6: if let entry = simulation.chance.pick(task.receiveList) { cargo.append(.make(entry)) }
            case 6:
                guard let entry = simulation.chance.pick(task.sendList), entry.references == 1,
                    !cargo.contains(where: { $0.names(entry.port) })
                else { break }
                cargo.append(.move(entry))
            case 7, 8:
                guard cargo.isEmpty, let entry = simulation.chance.pick(task.receiveList) else { break }
                return [.receive(entry)]
            case 9:
                guard let entry = simulation.chance.pick(task.receiveList) else { break }
                cargo.append(.makeOnce(entry, once: task.book.newOnce(to: entry.port, holder: .task(task.id))))
            default: if let held = task.onces.popLast() { cargo.append(.once(held)) }
            }
        }
        return cargo
    }

    private func makeCall(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        guard let entry = pickSend(task) else { return .next }
        return call(Calling(entry, patience: patience(task.simulation), length: length(task.simulation)), then: 0)
    }

    private func answer(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        guard !task.onces.isEmpty else { return task.simulation.manner.isSteady ? send(thread) : .next }
        let held = task.onces.removeFirst()
        return call(Answering(held, isDropped: task.simulation.chance.oneIn(6), length: length(task.simulation)), then: 0)
    }

    private func makeRight(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        guard let entry = task.simulation.chance.pick(task.receiveList) else { return .next }
        if task.simulation.chance.oneIn(3) {
            let once = task.book.newOnce(to: entry.port, holder: .request)
            return call(
                Asking(.make(.makeSendOnce(entry.port)), once: once) { task, response, _ in
                    if case .arrived(let right) = response, let held = task.arrive(right, once: once) { task.keep(held) }
                }, then: 0)
        }
        return call(
            Asking(.make(.makeSend(entry.port))) { task, response, _ in
                if case .arrived(let right) = response { task.arrive(right) }
            }, then: 0)
    }

    private func dropRight(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        // Dead names first: their places in control memory are to be used again.
        let list = task.sendList
        var first = list.filter { $0.isDead(for: task) }
        // Then those with a lease, which ends with them.
        if first.isEmpty { first = list.filter { $0.memory.lease() != nil } }
        // Of them those about which most is to be told.
        let eventful = first.filter { Self.isEventful($0, task) }
        if !eventful.isEmpty { first = eventful }
        guard let entry = task.simulation.chance.pick(first.isEmpty || task.simulation.chance.oneIn(4) ? list : first), entry.references > 0
        else { return .next }
        return call(DroppingReference(entry), then: 0)
    }

    /// The last right, with a lease, to a port whose receiver has asked to be told.
    private static func isEventful(_ entry: HeldSend, _ task: SimulatedTask) -> Bool {
        guard entry.memory.lease() != nil,
            let situation = task.simulation.node.situation(of: .drop(.send(entry.port)), by: task.id)
        else { return false }
        return situation.description.hasSuffix("last, and asked for")
    }

    private func destroy(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        guard task.receiveList.count > 1, let entry = task.simulation.chance.pick(task.receiveList) else { return .next }
        return call(Destroying(entry), then: 0)
    }

    private func setLimit(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        guard let entry = task.simulation.chance.pick(task.receiveList) else { return .next }
        return call(Asking(.setQueueLimit(entry.port, UInt32(task.simulation.queueLimit()))), then: 0)
    }

    private func allocate(_ thread: SimulatedThread) -> Progress {
        guard thread.task.receiveList.count < 4 else { return .next }
        return call(Allocating(limit: UInt32(thread.task.simulation.queueLimit())) { _ in }, then: 0)
    }

    private func status(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        if task.simulation.chance.oneIn(2) {
            // Anybody: alive, ended, or never there.
            return call(Asking(.identity(TaskID(raw: UInt64(task.simulation.chance.below(Int(task.id.raw) + 2))))), then: 0)
        }
        guard let entry = task.simulation.chance.pick(task.receiveList) else { return .next }
        return call(Asking(.status(entry.port)), then: 0)
    }

    private func notify(_ thread: SimulatedThread) -> Progress {
        guard let (request, once) = notification(thread.task) else { return .next }
        return call(
            Asking(
                make: { _ in Asking.Question(request: .notify(request), booked: BookedDetails(once: once)) },
                follow: { task, response, _ in
                    if case .arrived(let right) = response { Self.takeBack(right, task) }
                }), then: 0)
    }

    /// A request about something that the task has, and the book's number of the right that it uses up; nil if it cancels.
    func notification(_ task: SimulatedTask) -> (NotificationRequest, once: UInt64?)? {
        let simulation = task.simulation
        guard let target = simulation.chance.pick(task.receiveList) else { return nil }
        let kind: NotificationRequest.Kind = [.noSenders, .deadName, .portDestroyed][simulation.chance.below(3)]
        let port: PortID
        if kind == .deadName {
            // As often as not of a right whose end somebody else waits for too.
            let eventful = simulation.chance.oneIn(2) ? task.sendList.filter { Self.isEventful($0, task) } : []
            guard let entry = simulation.chance.pick(eventful.isEmpty ? task.sendList : eventful) else { return nil }
            port = entry.port
        } else {
            guard let entry = simulation.chance.pick(task.receiveList) else { return nil }
            port = entry.port
        }
        let cancels = simulation.chance.oneIn(6)
        let once = task.book.newOnce(to: target.port, holder: .request)
        return (NotificationRequest(kind, port: port, notify: cancels ? .null : .makeSendOnce(target.port)), cancels ? nil : once)
    }

    /// The right of a request that was replaced or cancelled.
    static func takeBack(_ right: Arrived, _ task: SimulatedTask) {
        guard case .sendOnce(let id, _) = right else { return }
        guard let previous = task.simulation.node.returnedOnces.removeValue(forKey: id) else {
            return task.book.fail("a request was replaced that nobody made")
        }
        if let held = task.arrive(right, once: previous) { task.keep(held) }
    }

    /// Gives a link up that is all right: everything must go on by the nucleus, and later by another link.
    private func reportLink(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        guard task.simulation.plan.mode == .random, task.reception.owner == nil, task.simulation.chance.oneIn(3),
            let link = task.simulation.chance.pick(task.ends.keys.sorted())
        else { return .next }
        task.active.removeAll { $0.id == link }
        task.parked.removeAll { $0.id == link }
        task.ends[link] = nil
        return call(Asking(.linkFault(link, .malformedFrame)), then: 0)
    }
}

extension Cargo {
    func names(_ port: PortID) -> Bool {
        switch self {
        case .copy(let entry), .move(let entry): entry.port == port
        case .make, .receive, .once, .makeOnce: false
        }
    }
}

/// The last thread of a task: receives everything, answers everything, for as long as anything comes.
final class Draining: Routine {
    private var attempt: ReceiveAttempt?

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        if let reply = attempt?.incoming?.reply { task.keep(reply) }
        attempt = nil
        if let port = task.surplus.popLast(), let entry = task.sends[port] { return .call(DroppingReference(entry)) }
        if !task.onces.isEmpty { return .call(Answering(task.onces.removeLast(), isDropped: task.simulation.chance.oneIn(4))) }
        let book = task.book
        let waiting = Waiting(
            .ever, port: nil,
            isOwed: { !task.onces.isEmpty || task.receiveList.contains { $0.hasHome || book.hasUnreceived($0.port) } },
            hint: { !task.onces.isEmpty }
        ) { [self] in
            let attempt = ReceiveAttempt({ task.receiveList }, orIf: { !task.onces.isEmpty })
            self.attempt = attempt
            return attempt
        }
        return .call(waiting)
    }
}
