import DequeModule
import Logging
import MasixKernel
import MasixLinux
import MasixTransport

/// Somebody who looks on: a bounded list of what happened since it last read.
final class Subscription {
    static let eventsMax = 4_096

    let filter: TraceFilter
    /// Whose leases are closed on its account.
    var traced: Set<TaskID> = []
    private var events: Deque<TraceEvent> = []
    private var dropped: UInt64 = 0

    init(_ filter: TraceFilter) { self.filter = filter }

    func add(_ event: TraceEvent) {
        guard filter.admits(event) else { return }
        if events.count == Self.eventsMax {
            events.removeFirst()
            dropped += 1
        }
        events.append(event)
    }

    func read(max: Int) -> Answer {
        let read = Array(events.prefix(max))
        events.removeFirst(read.count)
        defer { dropped = 0 }
        return .trace(read, dropped: dropped)
    }
}

/// Passes on to the world and keeps which leases were closed, for those who look on.
struct WatchedWorld<World: LeaseWorld>: LeaseWorld {
    var world: World
    private(set) var closed: [(Lease, frames: Int)] = []

    init(_ world: World) { self.world = world }

    mutating func close(_ lease: Lease) -> Closing {
        let closing = world.close(lease)
        closed.append((lease, closing.frames.count))
        return closing
    }

    mutating func settleReplies(of link: MasixKernel.Link) -> [Settlement] { world.settleReplies(of: link) }

    mutating func promoteReply(of link: MasixKernel.Link, callee: TaskID, index: UInt16, generation: UInt32) -> PortID? {
        world.promoteReply(of: link, callee: callee, index: index, generation: generation)
    }

    mutating func recallReplies(of link: MasixKernel.Link, caller: TaskID, port: PortID) -> [Settlement] {
        world.recallReplies(of: link, caller: caller, port: port)
    }
}

extension Nucleus {
    func subscribe(_ record: TaskRecord, _ filter: TraceFilter) {
        unsubscribe(record)
        let subscription = Subscription(filter)
        record.subscription = subscription
        subscribers[record.id] = subscription
        guard filter.closesLeases else { return }
        let everybody = filter.tasks.isEmpty && filter.ports.isEmpty
        let chosen = everybody ? Array(tables.tasks.keys) : filter.tasks + filter.ports.compactMap { kernel.receiver(of: $0) }
        for task in Set(chosen).sorted() where tables.tasks[task] != nil {
            subscription.traced.insert(task)
            updateTrace(of: task)
        }
    }

    func unsubscribe(_ record: TaskRecord) {
        guard let subscription = record.subscription else { return }
        record.subscription = nil
        subscribers[record.id] = nil
        for task in subscription.traced.sorted() { updateTrace(of: task) }
    }

    /// A new task, for those who look at everybody.
    func traceNewcomer(_ id: TaskID) {
        for subscription in subscribers.values
        where subscription.filter.closesLeases && subscription.filter.tasks.isEmpty && subscription.filter.ports.isEmpty {
            subscription.traced.insert(id)
        }
        updateTrace(of: id)
    }

    func setTraced(_ id: TaskID, _ on: Bool) {
        tables.tasks[id]?.isTracedByRequest = on
        updateTrace(of: id)
    }

    private func updateTrace(of id: TaskID) {
        guard let record = tables.tasks[id] else { return }
        let wanted = record.isTracedByRequest || subscribers.values.contains { $0.traced.contains(id) }
        if wanted != kernel.isTraced(id) { submit(.trace(id, wanted)) }
    }

    // MARK: what is seen

    func trace(_ event: Event, _ actions: [Action], closed: [(Lease, frames: Int)]) {
        guard !subscribers.isEmpty else { return }
        for (lease, frames) in closed {
            show(TraceEvent(.leaseClosed, task: lease.sender, peer: lease.receiver, port: lease.port, count: UInt64(frames)))
        }
        for action in actions {
            switch action {
            case .attached(let id, _, _): show(TraceEvent(.attached, task: id, detail: arrival?.identity.name.limited ?? ""))
            case .gone(let id): show(TraceEvent(.ended, task: id))
            case .grant(let lease):
                show(
                    TraceEvent(
                        .leaseGranted, task: lease.sender, peer: lease.receiver, port: lease.port, count: UInt64(lease.window)))
            case .openLink(let link): show(TraceEvent(.linkOpened, task: link.first, peer: link.second))
            case .closeLink(let id, let fault):
                if let link = tables.links[id]?.link {
                    show(TraceEvent(.linkClosed, task: link.first, peer: link.second, detail: fault.map { "\($0)" } ?? ""))
                }
            case .markDead(let id, _): show(TraceEvent(.portDied, task: id))
            case .reply(let id, _, let response):
                if case .request(_, _, let request) = event { trace(request, response, of: id) }
            case .receipts, .entries, .homeCount, .complete, .reshape, .ring, .sealLink, .retire, .release, .releaseMemory, .shortage: break
            }
        }
    }

    private func trace(_ request: Request, _ response: Response, of id: TaskID) {
        if case .several(let requests) = request, case .several(let responses) = response {
            for (request, response) in zip(requests, responses) { trace(request, response, of: id) }
            return
        }
        let name = String(describing: request).prefix { $0 != "(" }
        switch (request, response) {
        case (_, .refused(let refusal)): show(TraceEvent(.refused, task: id, port: port(of: request), detail: "\(name): \(refusal)"))
        case (.send(let outgoing), .sent), (.send(let outgoing), .blocked):
            let kind: TraceEvent.Kind = response == .sent ? .sent : .blocked
            show(
                TraceEvent(
                    kind, task: id, peer: port(of: request).flatMap { kernel.receiver(of: $0) }, port: port(of: request),
                    code: outgoing.code, count: UInt64(outgoing.payload.length)))
            for right in [outgoing.destination, outgoing.reply] + outgoing.rights { trace(leaving: right, of: id) }
        case (_, .message(let delivered)):
            let kind: TraceEvent.Kind = delivered.notification == nil ? .received : .notified
            show(
                TraceEvent(
                    kind, task: id, peer: delivered.sender, port: delivered.port, code: delivered.code,
                    count: UInt64(delivered.payload.length)))
            for right in [delivered.reply] + delivered.rights { trace(arriving: right, in: id) }
        case (_, .returned(let delivered)):
            for right in [delivered.reply] + delivered.rights { trace(arriving: right, in: id) }
        case (_, .arrived(let right)): trace(arriving: right, in: id)
        case (.allocate(let port, _, _), .allocated): show(TraceEvent(.rightArrived, task: id, port: port, detail: "receive"))
        case (.drop(let right), .done):
            switch right {
            case .send(let port): show(TraceEvent(.rightGone, task: id, port: port, detail: "send"))
            case .receive(let port): show(TraceEvent(.rightGone, task: id, port: port, detail: "receive"))
            case .sendOnce: show(TraceEvent(.rightGone, task: id, detail: "send-once"))
            case .null, .dead: break
            }
        default: show(TraceEvent(.done, task: id, port: port(of: request), detail: String(name)))
        }
    }

    private func trace(arriving right: Arrived, in id: TaskID) {
        switch right {
        case .null, .dead: break
        case .send(let port, _): show(TraceEvent(.rightArrived, task: id, port: port, detail: "send"))
        case .sendOnce(_, let port): show(TraceEvent(.rightArrived, task: id, port: port, detail: "send-once"))
        case .receive(let port, _): show(TraceEvent(.rightArrived, task: id, port: port, detail: "receive"))
        }
    }

    private func trace(leaving transfer: Transfer, of id: TaskID) {
        switch transfer {
        case .moveReceive(let port): show(TraceEvent(.rightGone, task: id, port: port, detail: "receive"))
        case .moveSend(let port): show(TraceEvent(.rightGone, task: id, port: port, detail: "send"))
        case .moveSendOnce: show(TraceEvent(.rightGone, task: id, detail: "send-once"))
        case .null, .dead, .copySend, .makeSend, .makeSendOnce: break
        }
    }

    /// The port that a request is about.
    private func port(of request: Request) -> PortID? {
        switch request {
        case .allocate(let port, _, _), .receive(let port, _), .setQueueLimit(let port, _), .setMakeSendCount(let port, _),
            .nameFreed(let port, _), .hasRequest(let port),
            .status(let port), .setBootstrap(let port),
            .drop(.send(let port)), .drop(.receive(let port)):
            port
        case .send(let outgoing):
            switch outgoing.destination {
            case .copySend(let port), .moveSend(let port), .makeSend(let port), .makeSendOnce(let port): port
            case .null, .dead, .moveReceive, .moveSendOnce: nil
            }
        case .notify(let request): request.port
        default: nil
        }
    }

    func show(_ event: TraceEvent) {
        var event = event
        lastTraceEvent += 1
        event.sequence = lastTraceEvent
        event.nanoseconds = Clock.monotonicNanoseconds()
        for subscription in subscribers.values { subscription.add(event) }
    }
}

extension String {
    /// Short enough for a trace event's text.
    fileprivate var limited: String { String(decoding: utf8.prefix(128), as: UTF8.self) }
}
