import DequeModule
import MasixKernel
import MasixTransport

/// One request and its answer, under the core lock: the tables follow the answer before anybody else asks.
final class Asking: Routine {
    struct Question {
        var request: Request
        var bytes: [UInt8] = []
        var booked = BookedDetails()
    }

    private let holdsCore: Bool
    private let make: (SimulatedTask) -> Question?
    private let follow: (SimulatedTask, Response, [UInt8]) -> Void
    private(set) var response: Response?

    /// `make` is asked under the lock; nil: there is nothing to ask any more.
    init(
        holdsCore: Bool = false, make: @escaping (SimulatedTask) -> Question?,
        follow: @escaping (SimulatedTask, Response, [UInt8]) -> Void = { _, _, _ in }
    ) {
        self.holdsCore = holdsCore
        self.make = make
        self.follow = follow
    }

    convenience init(
        _ request: Request, once: UInt64? = nil, holdsCore: Bool = false,
        follow: @escaping (SimulatedTask, Response, [UInt8]) -> Void = { _, _, _ in }
    ) {
        self.init(holdsCore: holdsCore, make: { _ in Question(request: request, booked: BookedDetails(once: once)) }, follow: follow)
    }

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        switch stage {
        case 0:
            guard thread.acquire(task.core) else { return .wait }
            guard let question = make(task) else { return finish(thread) }
            task.lastNumber += 1
            let datagram = SimulatedNode.Datagram(
                number: task.lastNumber, request: question.request, bytes: question.bytes, booked: question.booked)
            task.simulation.node.send(datagram, from: task.id)
            return go(to: 1)
        default:
            // A restarted nucleus repeats its last answer (Documentation/Decisions/0004).
            while let answer = task.simulation.node.answers[task.id]?.popFirst() {
                guard answer.number == task.lastNumber else { continue }
                response = answer.response
                follow(task, answer.response, answer.bytes)
                return finish(thread)
            }
            thread.wait = .answer
            return .wait
        }
    }

    private func finish(_ thread: SimulatedThread) -> Progress {
        if !holdsCore { thread.release(thread.task.core) }
        return .done
    }
}

/// Maps our halves of new links, and the other halves of those that both ends have mapped.
final class MeetingOffers: Routine {
    private var seen: UInt32 = 0
    private var offered: [LinkID] = []
    private var waiting: [LinkID] = []
    private var question: Asking?

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        switch stage {
        case 0:
            guard thread.acquire(task.core) else { return .wait }
            seen = task.control.offers.acquired
            return go(to: 1)
        case 1:
            return ask(.linkOffers, then: 2)
        case 2:
            guard case .links(let list)? = question?.response, !list.isEmpty else {
                waiting = task.mapped.sorted()
                return go(to: 4)
            }
            offered = list.reversed()
            return go(to: 3)
        case 3:
            guard let link = offered.popLast() else { return go(to: 1) }
            // Without its memory it is gone already; the nucleus will not offer it again.
            if task.simulation.node.memory.links[link] != nil { task.mapped.insert(link) }
            return ask(.linkMapped(link), then: 3)
        case 4:
            guard let link = waiting.popLast() else {
                task.seenOffers = seen
                thread.release(task.core)
                return .done
            }
            return call(
                Asking(.linkPeer(link), holdsCore: true) { task, response, _ in
                    guard case .linkPeer(let peer, _, let place, _) = response else { return }
                    task.mapped.remove(link)
                    guard let pages = task.simulation.node.memory.links[link], let other = task.simulation.node.memory.tasks[peer] else {
                        return
                    }
                    task.join(LinkEnd(pages, of: task, peer: peer, other, place: place))
                }, then: 4)
        default: return .done
        }
    }

    private func ask(_ request: Request, then stage: Int) -> Progress {
        let asking = Asking(request, holdsCore: true)
        question = asking
        return call(asking, then: stage)
    }
}
