// The part of the audit that is about leases, links, tickets and replies.

extension Audit {
    func checkLeases() {
        for (id, lease) in kernel.leases {
            expect(lease.id == id && id.raw <= kernel.lastLease, "\(id): impossible number")
            expect(kernel.links[lease.link]?.leases.contains(id) == true, "\(id): its \(lease.link) does not know it")
            guard let port = kernel.ports[lease.port] else {
                expect(false, "\(id): to \(lease.port), which is dead")
                continue
            }
            expect(port.leases.contains(id), "\(id): \(lease.port) does not know it")
            expect(port.receiver == .task(lease.receiver), "\(id): for \(lease.receiver), the right is at \(port.receiver)")
            let entry = kernel.tasks[lease.sender]?.sends[lease.port]
            expect(entry?.lease == id && entry?.index == lease.sendIndex, "\(id): its sender's entry does not name it")
            expect(kernel.tasks[lease.receiver]?.receives[lease.port] == lease.receiveIndex, "\(id): wrong receive entry")
            // Queued messages of its sender came before the lease: its frames wait for them (architecture rule 7).
            // A snapshot from outside may say anything: this is the one number here that must not be believed.
            expect(Int32(bitPattern: port.enqueued &- lease.after) >= 0, "\(id): waits for home messages that are not there")
            let later = port.queue.suffix(max(0, Int(Int32(bitPattern: port.enqueued &- lease.after))))
            expect(
                !later.contains { $0.sender == lease.sender && $0.via == .send },
                "\(id): a message of its sender entered the home queue beside it (architecture rule 7)")
            expect(lease.window <= lease.slots, "\(id): more credit than slots")
            let link = kernel.links[lease.link]
            expect(
                link?.half(of: lease.sender) == lease.senderHalf && link?.place(of: lease.sender) == lease.linkPlace,
                "\(id): another half or place than its link's")
            let isWhole = port.leases.count == 1 && Int(lease.slots) >= port.queueLimit
            expect(lease.isWhole == isWhole, "\(id): whole beside others or short of slots, or alone and not whole")
            // Whoever holds it waits for the receiver, so nobody else may have room to give (S6).
            expect(!isWhole || port.room <= 0, "\(id): whole, and \(port.room) of the limit are nobody's")
            expect(kernel.tasks[lease.sender]?.isTraced == false, "\(id): its sender is traced")
            expect(kernel.tasks[lease.receiver]?.isTraced == false, "\(id): its receiver is traced")
        }
        for port in kernel.ports.values {
            expect(port.leases == Set(port.leases).sorted(), "\(port.id): its leases \(port.leases) are not in order")
            for lease in port.leases { expect(kernel.leases[lease]?.port == port.id, "\(port.id): knows \(lease), which is not its own") }
        }
    }

    func checkLinks() {
        for (id, link) in kernel.links {
            expect(link.id == id && id.raw <= kernel.lastLink, "\(id): impossible number")
            expect(link.first < link.second, "\(id): its ends are not in order")
            expect(link.node == kernel.node, "\(id): of another node")
            for task in [link.first, link.second] {
                expect(kernel.tasks[task]?.links[link.peer(of: task)] == id, "\(id): \(task) does not know it")
            }
            expect(link.isReady || link.leases.isEmpty, "\(id): leases before both halves are mapped")
            for lease in link.leases {
                guard let record = kernel.leases[lease], record.link == id else {
                    expect(false, "\(id): knows \(lease), which is not its own")
                    continue
                }
                let slots = Int(record.firstSlot)..<(Int(record.firstSlot) + Int(record.slots))
                let half = link.half(of: record.sender)
                expect(link.peer(of: record.sender) == record.receiver, "\(id): \(lease) leads elsewhere")
                expect(link.lent[half].lent.contains(slots), "\(id): slots \(slots) of \(lease) are not lent")
            }
            for half in link.lent {
                var end = 0
                for range in half.lent {
                    expect(range.lowerBound >= end && !range.isEmpty, "\(id): slots \(range) are lent twice")
                    end = range.upperBound
                }
                expect(end <= Limits.slotsPerDirection, "\(id): slots beyond the last are lent")
            }
        }
    }

    func checkTickets() {
        expect(
            tickets.mapValues(\.port) == kernel.ticketPorts,
            "tickets \(kernel.ticketPorts), blocked sends \(tickets.mapValues(\.port))")
        for (ticket, place) in tickets {
            expect(kernel.tasks[place.task]?.tickets.contains(ticket) == true, "ticket \(ticket.raw): \(place.task) does not know it")
            expect(ticket.raw <= kernel.lastTicket, "ticket \(ticket.raw): not given out yet")
        }
        for (id, task) in kernel.tasks {
            for ticket in task.tickets { expect(tickets[ticket]?.task == id, "\(id): ticket \(ticket.raw) waits nowhere") }
        }
    }

    func checkReplies() {
        for reply in kernel.unclaimed.keys {
            expect(kernel.tasks[reply.callee] != nil, "\(reply.link): a reply unclaimed by \(reply.callee), who is gone")
        }
    }
}
