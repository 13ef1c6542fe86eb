import MasixKernel

/// Several requests in one, as the library asks them: send rights that are let go together, ports that are watched together, notifications
/// that are received together, ports and rights that are made together.
extension Program {
    func askTogether(_ thread: SimulatedThread) -> Routine? {
        let task = thread.task
        switch task.simulation.chance.below(12) {
        case 0..<4: return receiveTogether(task)
        case 4..<7: return watchTogether(task)
        case 7..<9: return dropTogether(task)
        case 9: return makeTogether(task)
        case 10: return allocateTogether(task)
        default: return makeAndWatch(task)
        }
    }

    /// One bare message of each port that has something in its home queue.
    private func receiveTogether(_ task: SimulatedTask) -> Routine? {
        let entries = task.receiveList.filter { $0.hasHome && $0.ready.isEmpty }
        guard !entries.isEmpty else { return nil }
        return Asking(
            make: { _ in Asking.Question(request: .several(entries.map { .receive($0.port) })) },
            follow: { task, response, _ in
                guard case .several(let responses) = response else { return task.book.fail("no answers: \(response)") }
                for case .message(let message) in responses where message.notification == nil || !message.rights.isEmpty {
                    task.book.fail("a part has received \(message)")
                }
                // Frames may have waited for just these messages, and somebody for them.
                if entries.contains(where: { !$0.ready.isEmpty }) { task.interruptOthers() }
            })
    }

    private func watchTogether(_ task: SimulatedTask) -> Routine? {
        var requests: [Request] = []
        var details: [BookedDetails] = []
        for _ in 0...task.simulation.chance.below(3) {
            guard let (request, once) = notification(task) else { continue }
            requests.append(.notify(request))
            details.append(BookedDetails(once: once))
        }
        return requests.isEmpty ? nil : asking(requests, details)
    }

    private func asking(_ requests: [Request], _ details: [BookedDetails]) -> Routine {
        Asking(
            make: { _ in Asking.Question(request: .several(requests), booked: BookedDetails(parts: details)) },
            follow: { task, response, _ in
                guard case .several(let responses) = response else { return task.book.fail("no answers: \(response)") }
                for response in responses {
                    guard case .arrived(let right) = response else { continue }
                    if case .sendOnce = right { Self.takeBack(right, task) } else { task.arrive(right) }
                }
            })
    }

    private func dropTogether(_ task: SimulatedTask) -> Routine? {
        var entries: [HeldSend] = []
        for entry in task.sendList where entry.references > 0 && !task.simulation.chance.oneIn(3) { entries.append(entry) }
        return entries.isEmpty ? nil : DroppingReferences(entries)
    }

    private func makeTogether(_ task: SimulatedTask) -> Routine? {
        let entries = task.receiveList
        guard !entries.isEmpty else { return nil }
        return asking(entries.map { .make(.makeSend($0.port)) }, [])
    }

    /// A right, and the request to be told when it is gone.
    private func makeAndWatch(_ task: SimulatedTask) -> Routine? {
        guard let entry = task.simulation.chance.pick(task.receiveList) else { return nil }
        let once = task.book.newOnce(to: entry.port, holder: .request)
        let request = NotificationRequest(.noSenders, port: entry.port, notify: .makeSendOnce(entry.port))
        return asking([.make(.makeSend(entry.port)), .notify(request)], [BookedDetails(), BookedDetails(once: once)])
    }

    private func allocateTogether(_ task: SimulatedTask) -> Routine? {
        guard task.nextPort > 0, task.receiveList.count < 4 else { return nil }
        var ports: [PortID] = []
        return Asking(
            make: { task in
                ports = (0..<2).map { PortID(node: SimulatedNode.id, counter: task.nextPort + $0) }
                task.nextPort += 2
                let limit = UInt32(task.simulation.queueLimit())
                return Asking.Question(request: .several(ports.map { .allocate($0, queueLimit: limit) }))
            },
            follow: { task, response, _ in
                guard case .several(let responses) = response else { return task.book.fail("no answers: \(response)") }
                for (port, response) in zip(ports, responses) {
                    guard case .allocated(let index) = response else {
                        task.book.fail("no port: \(response)")
                        continue
                    }
                    let entry = HeldReceive(port, index, task.control)
                    task.receives[port] = entry
                    task.ports[index] = entry
                }
            })
    }
}

/// User references are let go; those entries of which they were the last, together.
final class DroppingReferences: Routine {
    private let entries: [HeldSend]

    init(_ entries: [HeldSend]) { self.entries = entries }

    override func step(_ thread: SimulatedThread) -> Progress {
        guard stage == 0 else { return .done }
        var last: [HeldSend] = []
        for entry in entries {
            entry.references -= 1
            if entry.references == 0 { last.append(entry) }
        }
        guard !last.isEmpty else { return .done }
        return call(
            Asking(make: { task in
                // They may have arrived once more meanwhile.
                let gone = last.filter { $0.references == 0 && task.sends[$0.port] === $0 }
                for entry in gone { task.sends[entry.port] = nil }
                return gone.isEmpty ? nil : Asking.Question(request: .several(gone.map { .drop(.send($0.port)) }))
            }), then: 1)
    }
}
