import DequeModule

@testable import MasixKernel
@testable import MasixNucleus

/// A kernel that does one thing wrong: the programs have to notice each of them.
enum KernelDefect: String, CaseIterable, Sendable {
    case noSendersIsNotTold
    case makingIsNotCounted
    case limitIsOneMore
    case orderIsSwapped
    case deadNameRequestIsForgotten
    case deathIsNotMarked
    case unusedIsNotTold
    case backupIsForgotten
    case receptionKeepsTheRight
    case circleIsNotSeen
    case movingKeepsTheCount
    case killTakesMessagesAlong
    case syncIsIgnored
    case replyIsLost
}

struct PlantedDefect: KernelDistortion {
    private let defect: KernelDefect

    init(_ defect: KernelDefect) { self.defect = defect }

    func before(_ event: inout Event, _ kernel: inout Kernel) {
        switch (defect, event) {
        case (.limitIsOneMore, .request(let task, let number, .setQueueLimit(let port, let limit))):
            event = .request(task, number: number, .setQueueLimit(port, min(limit + 1, 1024)))
        case (.syncIsIgnored, .request(let task, let number, .notify(var request))) where request.kind == .noSenders:
            request.sync = 0
            event = .request(task, number: number, .notify(request))
        case (.replyIsLost, .request(let task, let number, .send(var outgoing))):
            outgoing.reply = .null
            event = .request(task, number: number, .send(outgoing))
        case (.unusedIsNotTold, .request(_, _, .drop(.sendOnce(let once)))):
            if let port = kernel.sendOnces[once]?.port { kernel.ports[port]?.sendOnces.remove(once) }
            kernel.sendOnces[once]?.port = nil
        case (.backupIsForgotten, .request(_, _, .drop(.receive(let port)))): kernel.ports[port]?.portDestroyed = nil
        case (.circleIsNotSeen, .request(_, _, .send)): kernel.transitPorts = [:]
        case (.killTakesMessagesAlong, .end(let task)):
            for port in kernel.ports.values { port.queue.removeAll { $0.sender == task && !$0.carriesReceive && $0.via == .send } }
        default: break
        }
    }

    func after(_ event: Event, _ kernel: inout Kernel, _ actions: inout [Action]) {
        switch (defect, event) {
        case (.noSendersIsNotTold, .request(_, _, .notify(let request))): kernel.ports[request.port]?.noSenders = nil
        case (.makingIsNotCounted, .request(_, _, .make(.makeSend(let port)))): kernel.ports[port]?.makeSendCount &-= 1
        case (.orderIsSwapped, .request(_, _, .send(let outgoing))):
            guard let port = outgoing.destination.port, let record = kernel.ports[port], record.queue.count > 1 else { break }
            let (last, other) = (record.queue.count - 1, record.queue.count - 2)
            if record.queue[last].sender == record.queue[other].sender { record.queue.swapAt(last, other) }
        case (.deadNameRequestIsForgotten, .request(let task, _, .notify(let request))) where request.kind == .deadName:
            kernel.ports[request.port]?.request(nil, of: NameHolder(task, request.once))
        case (.deathIsNotMarked, _): actions.removeAll { if case .markDead = $0 { true } else { false } }
        case (.receptionKeepsTheRight, .request(_, _, .receive(let port, _))): kernel.ports[port]?.sendsInTransit += 1
        case (.movingKeepsTheCount, .request(_, _, .send(let outgoing))):
            for case .moveReceive(let port) in outgoing.rights { kernel.ports[port]?.makeSendCount += 3 }
        default: break
        }
    }
}

extension Transfer {
    /// The port of a send-type transfer that names one.
    fileprivate var port: PortID? {
        switch self {
        case .makeSend(let port), .makeSendOnce(let port), .moveSend(let port), .copySend(let port): port
        default: nil
        }
    }
}
