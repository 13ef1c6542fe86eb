// What must hold after every event, recounted from nothing: the tables are walked and every count that the kernel keeps is
// compared with what is there. For tests, simulations, and a snapshot that comes from outside.

import DequeModule

extension Kernel {
    /// One line for each thing that does not add up; empty for a sound kernel. Takes time in proportion to the whole kernel.
    public func violations() -> [String] {
        let audit = Audit(self)
        audit.walkSpaces()
        audit.walkMessages()
        audit.walkRequests()
        audit.checkPorts()
        audit.checkSendOnces()
        audit.checkTasks()
        audit.checkLeases()
        audit.checkLinks()
        audit.checkTickets()
        audit.checkReplies()
        audit.checkNumbers()
        audit.checkEnded()
        return audit.found
    }
}

/// One walk over a kernel: first what is where, then whether the kernel's books say the same.
final class Audit {
    let kernel: Kernel
    var found: [String] = []

    /// What the walk has seen of one port.
    struct Seen {
        var senders: Set<TaskID> = []
        var sendsInTransit = 0
        var receivers: [Port.Receiver] = []
        var sendOnces: Set<SendOnceID> = []
    }

    private(set) var seen: [PortID: Seen] = [:]
    private(set) var onceHolders: [SendOnceID: [SendOnce.Holder]] = [:]
    private(set) var charges: [TaskID: Charge] = [:]
    private(set) var messages: Set<MessageID> = []
    private(set) var vehicles: [MessageID: PortID] = [:]
    private(set) var tickets: [Ticket: (task: TaskID, port: PortID)] = [:]

    init(_ kernel: Kernel) { self.kernel = kernel }

    func expect(_ condition: Bool, _ complaint: @autoclosure () -> String) {
        if !condition { found.append(complaint()) }
    }

    func checkEnded() {
        for task in kernel.ended.order { expect(kernel.tasks[task] == nil && task.raw <= kernel.lastTask, "\(task): remembered as ended") }
    }

    // MARK: where everything is

    func walkSpaces() {
        for (id, task) in kernel.tasks {
            for (port, entry) in task.sends {
                // A dead name is its space's own affair (1.6).
                guard !entry.isDead else { continue }
                seen[port, default: Seen()].senders.insert(id)
            }
            for port in task.receives.keys { seen[port, default: Seen()].receivers.append(.task(id)) }
            for once in task.sendOnces { onceHolders[once, default: []].append(.task(id)) }
        }
    }

    func walkMessages() {
        for (id, port) in kernel.ports {
            for message in port.queue {
                walk(message, at: id)
            }
            for blocked in port.blocked {
                walk(blocked.message, at: id)
                expect(blocked.message.via == .send, "\(id): a message to a send-once right is blocked (S6)")
                expect(tickets[blocked.ticket] == nil, "ticket \(blocked.ticket.raw): given twice")
                tickets[blocked.ticket] = (blocked.message.sender, id)
            }
        }
    }

    private func walk(_ message: Message, at port: PortID) {
        expect(messages.insert(message.id).inserted, "message \(message.id.raw): in two places")
        expect(message.id.raw <= kernel.lastMessage, "message \(message.id.raw): not given out yet")
        expect(message.port == port, "message \(message.id.raw): in the queue of \(port), for \(message.port)")
        switch message.via {
        case .send: seen[port, default: Seen()].sendsInTransit += 1
        case .sendOnce(let once): onceHolders[once, default: []].append(.transit)
        }
        for right in message.carried {
            switch right {
            case .null, .dead: break
            case .send(let port): if kernel.ports[port] != nil { seen[port, default: Seen()].sendsInTransit += 1 }
            case .sendOnce(let once): onceHolders[once, default: []].append(.transit)
            case .receive(let cargo):
                seen[cargo, default: Seen()].receivers.append(.transit(message.id))
                vehicles[message.id] = port
            }
        }
        guard message.notification == nil else { return }
        charges[message.sender, default: Charge()].bytes += Int(message.payload.length)
        charges[message.sender, default: Charge()].messages += 1
        charges[message.sender, default: Charge()].memory += message.memory.count
    }

    func walkRequests() {
        for port in kernel.ports.values {
            for once in [port.noSenders, port.portDestroyed] { if let once { onceHolders[once, default: []].append(.request) } }
            for (holder, request) in port.deadNames {
                onceHolders[request.notify, default: []].append(.request)
                let hasName =
                    if let once = holder.once {
                        kernel.sendOnces[once]?.holder == .task(holder.task)
                    } else {
                        port.senders.contains(holder.task) || port.receiver == .task(holder.task)
                    }
                expect(hasName, "\(port.id): a dead-name request of \(holder.task), who has no such right")
            }
        }
        for (once, record) in kernel.sendOnces {
            if let port = record.port { seen[port, default: Seen()].sendOnces.insert(once) }
        }
    }

    // MARK: what the books say

    func checkPorts() {
        for id in Set(kernel.ports.keys).union(seen.keys).sorted() {
            let seen = seen[id] ?? Seen()
            guard let port = kernel.ports[id] else {
                expect(seen.senders.isEmpty, "\(id): dead, and live send rights in \(seen.senders.sorted())")
                expect(seen.receivers.isEmpty, "\(id): dead, and a receive right at \(seen.receivers)")
                expect(seen.sendOnces.isEmpty, "\(id): dead, and live send-once rights \(seen.sendOnces.sorted())")
                continue
            }
            expect(port.id == id, "\(id): filed under another port's id")
            expect(seen.receivers == [port.receiver], "\(id): receive right at \(seen.receivers), the port says \(port.receiver)")
            expect(seen.senders == port.senders, "\(id): senders \(port.senders.sorted()), holders \(seen.senders.sorted())")
            expect(
                seen.sendsInTransit == port.sendsInTransit,
                "\(id): \(port.sendsInTransit) send rights in transit, \(seen.sendsInTransit) in messages")
            expect(seen.sendOnces == port.sendOnces, "\(id): send-once rights \(port.sendOnces.sorted()), \(seen.sendOnces.sorted())")
            expect(port.candidates.isSubset(of: port.senders), "\(id): a candidate for a lease has no send right")
            for sender in port.applicants {
                let isFree = kernel.tasks[sender]?.sends[id]?.lease == nil
                expect(isFree && port.candidates.contains(sender), "\(id): \(sender) applies for a lease out of turn")
            }
            expect((0...Limits.queueMessagesMax).contains(port.queueLimit), "\(id): a queue limit of \(port.queueLimit)")
            checkRoom(of: port)
        }
        if let bootstrap = kernel.bootstrap { expect(kernel.ports[bootstrap] != nil, "bootstrap: \(bootstrap) is dead") }
        expect(vehicles == kernel.transitPorts, "receive rights travel in \(vehicles), the books say \(kernel.transitPorts)")
        for id in kernel.ports.keys {
            expect(id.node == kernel.node && id.counter < kernel.nextPortBlock, "\(id): not out of a block of this node")
        }
    }

    private func checkRoom(of port: Port) {
        let windows = port.leases.reduce(0) { $0 + Int(kernel.leases[$1]?.window ?? 0) }
        expect(windows == port.leased, "\(port.id): \(port.leased) leased, windows of \(windows)")
        let pastLimits = port.queue.contains { $0.via != .send } || port.queue.count > port.queueLimit
        expect(
            port.queue.count + port.held + port.leased <= port.queueLimit || (pastLimits && port.leased == 0),
            "\(port.id): \(port.queue.count) queued and \(port.leased) leased, limit \(port.queueLimit) (architecture rule 3)")
        guard !port.blocked.isEmpty else { return }
        expect(port.leases.isEmpty, "\(port.id): leases beside a blocked sender (architecture rule 3)")
        expect(port.queue.count + port.held >= port.queueLimit, "\(port.id): room, and a blocked sender (O2)")
    }

    func checkSendOnces() {
        for id in Set(kernel.sendOnces.keys).union(onceHolders.keys).sorted() {
            let holders = onceHolders[id] ?? []
            guard let record = kernel.sendOnces[id] else {
                expect(false, "\(id): held by \(holders), unknown")
                continue
            }
            expect(holders == [record.holder], "\(id): held by \(holders), the books say \(record.holder)")
            expect(id.raw <= kernel.lastSendOnce, "\(id): not given out yet")
            if let port = record.port { expect(kernel.ports[port] != nil, "\(id): to \(port), which is dead") }
        }
    }

    func checkTasks() {
        let incoming = Dictionary(grouping: kernel.leases.values, by: \.receiver)
        for (id, task) in kernel.tasks {
            expect(task.id == id && id.raw <= kernel.lastTask && id != .kernel, "\(id): impossible number")
            let charge = charges[id] ?? Charge()
            expect(charge == task.charge, "\(id): charged \(task.charge), in the kernel \(charge)")
            check(task.sendIndexes, holds: task.sends.values.map(\.index), "\(id): send entries")
            check(task.receiveIndexes, holds: Array(task.receives.values), "\(id): receive entries")
            check(task.takeIndexes, holds: incoming[id]?.map(\.takeIndex) ?? [], "\(id): take words")
            let places = task.links.values.compactMap { kernel.links[$0]?.place(of: id) }
            check(task.linkPlaces, holds: places, "\(id): places of links")
            // Not the send-once rights: the replies of a closed link become real ones, and none of them is refused for the quota.
            expect(task.tickets.count <= kernel.limits.blockedSendsPerTaskMax, "\(id): too many blocked sends")
            for (port, entry) in task.sends {
                expect(entry.isDead == (kernel.ports[port] == nil), "\(id): the entry for \(port) says dead: \(entry.isDead)")
                guard let lease = entry.lease else { continue }
                expect(!entry.isDead, "\(id): a dead name with a lease")
                let record = kernel.leases[lease]
                expect(record?.sender == id && record?.port == port, "\(id): \(lease) at the entry for \(port) is another's")
            }
            for (peer, link) in task.links {
                let record = kernel.links[link]
                expect(record?.joins(id) == true && record?.peer(of: id) == peer, "\(id): \(link) does not lead to \(peer)")
            }
            expect(task.links.count <= kernel.limits.linksPerTaskMax, "\(id): too many links")
            for peer in task.linkFaults.keys { expect(kernel.tasks[peer] != nil, "\(id): remembers faults with \(peer), who is gone") }
        }
    }

    private func check(_ pool: IndexPool, holds used: [UInt32], _ what: String) {
        let all = used + pool.free
        expect(all.count == Int(pool.next) && Set(all) == Set(0..<pool.next), "\(what): indexes lost or given twice")
        expect(Int(pool.next) <= pool.limit, "\(what): over the limit")
    }
}
