import MasixKernel
import MasixTransport

/// Files what the links have announced; one announcement is one step.
final class Scanning: Routine {
    private let all: Bool
    private var links: [LinkEnd] = []
    private var found = false
    private var woken: [LinkEnd] = []
    private var parkedFrom = 0

    init(all: Bool = false) { self.all = all }

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        switch stage {
        case 0:
            guard thread.acquire(task.reception) else { return .wait }
            links = task.active + (all ? task.parked : [])
            parkedFrom = task.active.count
            links.reverse()
            // Nothing announced anywhere is the common case, and one look.
            if !links.contains(where: \.news.isWaiting) { links = [] }
            return scan(thread)
        default: return scan(thread)
        }
    }

    private func scan(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        while let link = links.last {
            guard link.news.isWaiting else {
                links.removeLast()
                continue
            }
            guard thread.acquire(link.receiving) else {
                stage = 1
                return .wait
            }
            if let announcement = link.receiver.nextAnnouncement() { file(announcement, of: link, task) }
            thread.release(link.receiving)
            found = true
            if task.parked.contains(where: { $0 === link }), !woken.contains(where: { $0 === link }) { woken.append(link) }
            return go(to: 1)
        }
        for link in woken {
            _ = link.receiver.setParked(false)
            task.parked.removeAll { $0 === link }
            task.active.append(link)
        }
        if task.active.count > SimulatedTask.activeMax { park(task) }
        if found { task.wakeAll() }
        thread.release(task.reception)
        return .done
    }

    private func file(_ announcement: Announcement, of link: LinkEnd, _ task: SimulatedTask) {
        if announcement.isReply { return link.announce(announcement) }
        guard let entry = task.control.take(announcement.index) else { return task.book.fail("\(task.id): an announcement of nothing") }
        // Whose it is, the nucleus has written; a lease that is over concerns nobody.
        task.ports[entry.grant.receiveIndex]?.ready.append((link, announcement))
    }

    /// Parks the link that has been active longest; if something came meanwhile it stays.
    private func park(_ task: SimulatedTask) {
        let link = task.active.removeFirst()
        if link.receiver.setParked(true) {
            _ = link.receiver.setParked(false)
            task.active.append(link)
        } else {
            task.parked.append(link)
        }
    }
}

/// A routine that tries once, and says whether it has what it was to get.
class Attempt: Routine {
    final var hasSucceeded = false

    final func succeed() -> Progress {
        hasSucceeded = true
        return .done
    }
}

/// Tries until it succeeds or the time is over, waiting in between: one thread leads, the others follow (architecture rule 14).
final class Waiting: Routine {
    private let patience: Patience
    private let port: PortID?
    private let hint: () -> Bool
    private let makeAttempt: () -> Attempt
    private let position: ProtocolStep?
    /// Whether what it waits for is there, by the book: then sleeping is a lost wake-up.
    let isOwed: () -> Bool
    private var attempt: Attempt?
    private var seenBell: UInt32 = 0
    private var seenNews: UInt64 = 0
    private(set) var succeeded = false
    /// The node has run dry: nobody will come.
    var isCalledOff = false

    init(
        _ patience: Patience, port: PortID?, at position: ProtocolStep? = nil, isOwed: @escaping () -> Bool,
        hint: @escaping () -> Bool = { false },
        attempt: @escaping () -> Attempt
    ) {
        self.patience = patience
        self.port = port
        self.isOwed = isOwed
        self.hint = hint
        makeAttempt = attempt
        self.position = position
    }

    private enum Stage {
        static let begin = 0, attempted = 1, handOver = 2, told = 3, lead = 4, flag = 5, look = 6, sleep = 7, drain = 8, scanned = 9,
            left = 10, join = 11, resign = 12
    }

    override func step(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        let mutation = task.simulation.plan.mutation
        switch stage {
        case Stage.begin:
            guard task.reception.owner == nil else { return waitForReception(thread) }
            thread.stand(at: position, port)
            // Taken before the attempt: what comes during it is noticed.
            seenBell = task.control.bell.acquired
            if seenBell != task.toldBell, mutation != .ringUntold {
                task.toldBell = seenBell
                task.wakeAll()
            }
            seenNews = task.news
            let attempt = makeAttempt()
            self.attempt = attempt
            return call(attempt, then: Stage.attempted)
        case Stage.attempted: return attempted(thread)
        case Stage.join: return join(thread)
        case Stage.handOver:
            guard task.reception.owner == nil else { return waitForReception(thread) }
            if !task.hasLeader, !task.followers.isEmpty, mutation != .handoverSkipped { task.followers.removeFirst().isTold = true }
            return .done
        case Stage.told:
            if !thread.isTold, !isOver(task) {
                thread.wait = .told(until: patience.limit)
                return .wait
            }
            task.followers.removeAll { $0 === thread }
            return go(to: Stage.begin)
        case Stage.lead:
            if mutation == .bellReadLate { seenBell = task.control.bell.acquired }
            if hasNews(task, parkedToo: false) {
                thread.stand(at: .newsSeen, port)
                return call(Scanning(), then: Stage.left)
            }
            return go(to: Stage.flag)
        case Stage.flag:
            // The lack of a fence lets the flag become visible after the loads that follow it.
            if isForRoom { task.sayWaiting() }
            if mutation != .sleeperFenceMissing { task.sayAsleep() }
            fullFence()
            thread.stand(at: .asleepSet, port)
            return go(to: mutation == .lastLookSkipped ? Stage.sleep : Stage.look)
        case Stage.look:
            guard task.reception.owner == nil else { return waitForReception(thread) }
            if hasNews(task, parkedToo: true) {
                task.status.asleep.release(0)
                return call(Scanning(all: true), then: Stage.left)
            }
            thread.stand(at: .lookedLast, port)
            return go(to: Stage.sleep)
        case Stage.sleep:
            if mutation == .sleeperFenceMissing { task.sayAsleep() }
            guard task.pages.pipe > 0 || isOver(task) else {
                if case .nothing = thread.wait { task.simulation.tally.sleeps += 1 }
                thread.stand(at: .blocked, port)
                thread.wait = .pipe(until: patience.limit)
                return .wait
            }
            thread.stand(at: .awake, port)
            task.status.asleep.release(0)
            return go(to: Stage.drain)
        case Stage.drain:
            task.pages.pipe = 0
            return call(Scanning(all: true), then: Stage.scanned)
        case Stage.scanned:
            task.wakeAll()
            return go(to: Stage.resign)
        case Stage.left:
            if task.control.bell.acquired != seenBell { task.wakeAll() }
            return go(to: Stage.resign)
        default:
            guard task.reception.owner == nil else { return waitForReception(thread) }
            task.hasLeader = false
            thread.stand(at: .leadLeft, port)
            return go(to: Stage.begin)
        }
    }

    private var isForRoom: Bool { position == .roomAwaited }

    private func isOver(_ task: SimulatedTask) -> Bool { isCalledOff || patience.isOver(at: task.simulation.now) }

    private func attempted(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        if attempt?.hasSucceeded == true {
            succeeded = true
            return go(to: Stage.handOver)
        }
        if isOver(task) { return go(to: Stage.handOver) }
        thread.stand(at: .triedInVain, port)
        return go(to: Stage.join)
    }

    /// To lead, or to follow whoever does.
    private func join(_ thread: SimulatedThread) -> Progress {
        let task = thread.task
        guard task.reception.owner == nil else { return waitForReception(thread) }
        if !task.hasLeader {
            task.hasLeader = true
            return go(to: Stage.lead)
        }
        // The bell is looked at here too, as in the library. No mutation takes it away, for nothing would be lost: whoever has read the
        // bell anew since we did has told everybody (`ringUntold`), and a leader that has not will hear it.
        thread.isTold = task.news != seenNews || task.control.bell.acquired != seenBell
        if !thread.isTold {
            task.followers.append(thread)
            if isForRoom {
                // Nobody spins for a follower: it says that it waits, and looks a last time.
                task.sayWaiting()
                fullFence()
                if hint() { thread.isTold = true }
            }
        }
        return go(to: Stage.told)
    }

    /// The bell of the nucleus, an announcement on any link, or the caller's own reason.
    private func hasNews(_ task: SimulatedTask, parkedToo: Bool) -> Bool {
        task.active.contains(where: \.news.isWaiting) || (parkedToo && task.parked.contains(where: \.news.isWaiting))
            || (parkedToo && task.news != seenNews && task.simulation.plan.mutation != .filedUnseen)
            || task.control.bell.acquired != seenBell || hint()
    }

    private func waitForReception(_ thread: SimulatedThread) -> Progress {
        thread.wait = .lock(thread.task.reception)
        return .wait
    }
}
