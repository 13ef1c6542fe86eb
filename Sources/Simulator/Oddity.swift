import MasixKernel

/// A request that no honest library makes: about rights that are not held, out of range, of the wrong kind, too large. The kernel
/// answers with a refusal or with nothing done, and nobody notices but the one who asked.
struct Oddity {
    let task: SimulatedTask

    /// Asked under the core lock: what is not held then is not held when the kernel looks.
    func question() -> Asking.Question {
        let simulation = task.simulation
        switch simulation.chance.below(10) {
        case 0, 1: return Asking.Question(request: ofPorts(&simulation.chance))
        case 2, 3: return message(&simulation.chance)
        case 4, 5, 6: return Asking.Question(request: .notify(notification(&simulation.chance)))
        case 7, 8: return Asking.Question(request: ofLinks(&simulation.chance))
        default: return Asking.Question(request: ofTheFirst(&simulation.chance))
        }
    }

    /// A port of this node that this task has no send right to: somebody else's, a dead one, or one that never was.
    private func stranger(_ chance: inout Chance) -> PortID {
        let known = task.book.owners.filter { $0.value != task.id && task.sends[$0.key] == nil }.keys.sorted()
        let port = chance.oneIn(3) ? nil : chance.pick(known)
        return port ?? PortID(node: SimulatedNode.id, counter: UInt64.max - UInt64(chance.below(3)))
    }

    private var own: PortID { task.receiveList.first?.port ?? PortID(node: SimulatedNode.id, counter: 0) }
    private var noOnce: SendOnceID { SendOnceID(raw: UInt64.max) }

    private func ofPorts(_ chance: inout Chance) -> Request {
        let port = stranger(&chance)
        switch chance.below(15) {
        case 0: return .allocate(port, queueLimit: 1)
        case 1: return .allocate(own, queueLimit: 1)
        case 2:
            guard task.nextPort > 0 else { return .portBlock }
            return .allocate(PortID(node: SimulatedNode.id, counter: task.nextPort), queueLimit: UInt32(Limits.queueMessagesMax + 1))
        case 3: return .make(.makeSend(port))
        case 4: return .make(.makeSendOnce(port))
        case 5: return .make(.copySend(own))
        case 6: return .drop(.send(port))
        case 7: return .drop(.receive(port))
        case 8: return .drop(.sendOnce(noOnce))
        case 9: return .drop(chance.oneIn(2) ? .null : .dead)
        case 10: return .setQueueLimit(port, 1)
        case 11: return .setQueueLimit(own, UInt32(Limits.queueMessagesMax + 1))
        case 12: return .status(port)
        case 13: return .several([.receive(port), .drop(.send(port)), .make(.makeSend(port)), .drop(.sendOnce(noOnce))])
        default: return .cancelSend(Ticket(raw: UInt64.max))
        }
    }

    private func message(_ chance: inout Chance) -> Asking.Question {
        let held = task.sendList.first?.port ?? own
        var outgoing = Outgoing(to: .copySend(held), code: 1)
        var bytes: [UInt8] = []
        switch chance.below(7) {
        case 0: outgoing.destination = .copySend(stranger(&chance))
        case 1: outgoing.destination = .moveSendOnce(noOnce)
        case 2: outgoing.reply = .copySend(stranger(&chance))
        case 3: outgoing.rights = [.moveReceive(stranger(&chance))]
        case 4: outgoing.rights = [.moveSendOnce(noOnce)]
        case 5: bytes = [UInt8](repeating: 0, count: Limits.inlineBytesMax + 1)
        // Memory that is not what it says; the shell finds that before the kernel sees the request.
        default: outgoing.memory = [MemoryToken(place: 0, length: 1)]
        }
        return Asking.Question(request: .send(outgoing), bytes: bytes)
    }

    private func notification(_ chance: inout Chance) -> NotificationRequest {
        let kind = [NotificationRequest.Kind.noSenders, .portDestroyed, .deadName][chance.below(3)]
        let held = kind == .deadName ? task.sendList.first?.port ?? own : own
        switch chance.below(6) {
        case 0: return NotificationRequest(kind, port: stranger(&chance), notify: .makeSendOnce(own))
        case 1: return NotificationRequest(.portDestroyed, port: own, sync: 1, notify: .makeSendOnce(own))
        case 2: return NotificationRequest(kind, port: held, notify: .makeSendOnce(stranger(&chance)))
        case 3: return NotificationRequest(kind, port: held, notify: .moveSendOnce(noOnce))
        case 4: return NotificationRequest(kind, port: held, notify: .copySend(held))
        default: return NotificationRequest(kind, port: held, notify: .dead)
        }
    }

    private func ofLinks(_ chance: inout Chance) -> Request {
        let link = chance.oneIn(2) ? chance.pick(task.ends.keys.sorted()) : nil
        let id = link ?? LinkID(raw: UInt64.max)
        switch chance.below(4) {
        case 0: return .linkMapped(id)
        case 1: return .linkPeer(chance.pick(task.mapped.sorted()) ?? id)
        case 2: return link == nil ? .linkFault(id, .malformedFrame) : .linkOffers
        default: return .claimReply(id, index: 63, generation: .max)
        }
    }

    /// What only the node's first task may ask. It may, if it is the first.
    private func ofTheFirst(_ chance: inout Chance) -> Request {
        let held = task.sendList.first.map { Transfer.copySend($0.port) }
        switch chance.below(5) {
        case 0: return .setBootstrap(stranger(&chance))
        case 1: return .setBootstrap(own)
        case 2: return .introduce(Simulation.identity, rights: [.copySend(stranger(&chance))])
        case 3 where task.simulation.hasPlace: return .introduce(Simulation.identity, rights: held.map { [$0] } ?? [])
        case 4 where task.simulation.hasPlace: return .introduce(Simulation.identity, rights: [])
        default: return .identity(TaskID(raw: .max))
        }
    }
}
