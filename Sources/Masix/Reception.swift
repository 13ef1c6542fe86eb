import DequeModule
import MasixKernel
import MasixLinux
import MasixTransport
import Synchronization
import SystemPackage

/// How this task learns that something has come: it scans its links, listens to its bell, and shares what it finds among its threads.
///
/// One thread at a time leads: it spins a while if the peer runs elsewhere, then says that it sleeps, looks a last time, and
/// blocks in the pipe. The others wait to be told. A leader hands over before it leaves for any reason (architecture rule 14).
final class Reception: Sendable {
    struct State: ~Copyable {
        /// Links that are scanned.
        var active: [LinkEnd] = []
        /// Links that have been quiet: they ring for everything.
        var parked: [LinkEnd] = []
        /// By the index of the control memory.
        var ports: [UInt32: ReceiveEntry] = [:]
        var hasLeader = false
        var followers: [Follower] = []
        /// Rises with everything that may interest a follower.
        var news: UInt64 = 0
        /// The bell as it was when the followers were last told of it.
        var toldBell: UInt32 = 0
        var scansSinceUse = 0
        /// Faults found while scanning, to be reported when no lock is held.
        var faults: [(LinkID, LinkFault)] = []
    }

    final class Follower: Sendable {
        let word = FutexWord()
    }

    /// More links than this are not scanned (pitfalls 9).
    static let activeMax = 8

    private let state = Mutex(State())
    let status: StatusPage
    let bell: SharedWord32
    let control: ControlMemory
    private let pipe: Descriptor
    /// The status page counts as asleep whenever nobody leads: somebody polls the pipe (architecture rule 14).
    private let isPolled = Atomic<Bool>(false)
    /// The other end of the pipe: what gets a sleeping leader out of it for a reason of this process's own.
    private let ownBell: Descriptor
    /// The kernel socket, which `Connection` owns: a sleeping leader notices when the node is gone.
    private let kernelSocket: Int32
    private let spin = Mutex(SpinBudget())
    private let sleeps = Atomic<Int>(0)

    init(control: ControlMemory, status: StatusPage, pipe: consuming Descriptor, ownBell: consuming Descriptor, kernelSocket: Int32) {
        self.kernelSocket = kernelSocket
        self.control = control
        self.status = status
        self.pipe = pipe
        self.ownBell = ownBell
        bell = control.bell
    }

    // MARK: what is known

    func add(_ port: ReceiveEntry) { state.withLock { $0.ports[port.index] = port } }

    func remove(_ port: ReceiveEntry) {
        state.withLock { state in
            if state.ports[port.index] === port { state.ports[port.index] = nil }
            port.ready.withLock {
                $0.isGone = true
                $0.frames = []
            }
            wakeAll(&state)
        }
    }

    func add(_ link: LinkEnd) { state.withLock { $0.active.append(link) } }

    func remove(_ link: LinkID) {
        state.withLock { state in
            state.active.removeAll { $0.id == link }
            state.parked.removeAll { $0.id == link }
        }
    }

    /// Faults since the last call.
    func takeFaults() -> [(LinkID, LinkFault)] {
        state.withLock { state in
            guard !state.faults.isEmpty else { return [] }
            defer { state.faults = [] }
            return state.faults
        }
    }

    // MARK: scanning

    /// Files what the active links have announced.
    func scan() {
        state.withLock { scan(&$0, all: false) }
    }

    private func scan(_ state: inout State, all: Bool) {
        var found = false
        for link in state.active { found = file(link, &state) || found }
        if all {
            var woken: [LinkEnd] = []
            for link in state.parked where file(link, &state) { woken.append(link) }
            for link in woken {
                _ = link.receiver.withLock { $0.setParked(false) }
                state.parked.removeAll { $0 === link }
                state.active.append(link)
                found = true
            }
        }
        if state.active.count > Self.activeMax { park(&state) }
        if found { wakeAll(&state) }
    }

    private func file(_ link: LinkEnd, _ state: inout State) -> Bool {
        var found = false
        link.receiver.withLock { receiver in
            // A peer that writes without end must not keep us here: as many as can honestly be outstanding, then the others' turn.
            for _ in 0..<LinkHalf.announcementsMax {
                guard let announcement = receiver.nextAnnouncement() else { break }
                found = true
                if announcement.isReply {
                    link.calls.withLock { $0.announce(announcement) }
                    continue
                }
                guard let entry = control.take(announcement.index) else {
                    state.faults.append((link.id, .unknownAnnouncement))
                    continue
                }
                // Whose it is, the nucleus has written; a lease that is over concerns nobody.
                guard let port = state.ports[entry.grant.receiveIndex] else { continue }
                port.file(ReadyAnnouncement(link: link, announcement: announcement))
            }
        }
        return found
    }

    /// Parks the link that has been active longest; if something came meanwhile it stays.
    private func park(_ state: inout State) {
        let link = state.active.removeFirst()
        if link.receiver.withLock({ $0.setParked(true) }) {
            _ = link.receiver.withLock { $0.setParked(false) }
            state.active.append(link)
        } else {
            state.parked.append(link)
        }
    }

    private func wakeAll(_ state: inout State) {
        state.news &+= 1
        for follower in state.followers {
            follower.word.set(1)
            follower.word.wake()
        }
        state.followers = []
    }

    /// Something has changed that is not in shared memory: whoever waits looks again.
    func wake() { state.withLock { wakeAll(&$0) } }

    // MARK: waiting

    /// Tries until it has a result, waiting in between; nil when the time is over.
    ///
    /// `attempt` takes what is ready, by whatever locks and requests it needs; `hint` is looked at while spinning and must be cheap.
    func wait<Result>(
        until deadline: Deadline, hint: () -> Bool = { false }, attempt: () throws(MasixError) -> Result?
    ) throws(MasixError) -> Result? {
        while true {
            // Taken before the attempt: what comes during it is noticed.
            let (seenBell, seenNews) = state.withLock { notice(&$0) }
            let result: Result?
            do throws(MasixError) {
                result = try attempt()
            } catch {
                handOver()
                throw error
            }
            if let result {
                handOver()
                return result
            }
            if deadline.isPoll || deadline.isOver {
                handOver()
                if isPolled.load(ordering: .relaxed) { return try lastLook(attempt) }
                return nil
            }
            let follower: Follower? = state.withLock { state in
                if !state.hasLeader {
                    state.hasLeader = true
                    return nil
                }
                let follower = Follower()
                // The leader of now may have read the bell after us, and will not tell us of that ring.
                if state.news != seenNews || bell.acquired != seenBell { follower.word.set(1) } else { state.followers.append(follower) }
                return follower
            }
            do throws(MasixError) {
                if let follower {
                    try sleep(follower, until: deadline)
                } else {
                    try lead(until: deadline, seenBell: seenBell, seenNews: seenNews, hint: hint)
                }
            } catch {
                handOver()
                throw error
            }
        }
    }

    /// What is known now. A ring that nobody has told the followers of is told now: whoever leads next looks for later ones only.
    private func notice(_ state: inout State) -> (bell: UInt32, news: UInt64) {
        let rung = bell.acquired
        if rung != state.toldBell {
            state.toldBell = rung
            wakeAll(&state)
        }
        return (rung, state.news)
    }

    private func sleep(_ follower: Follower, until deadline: Deadline) throws(MasixError) {
        do throws(Errno) {
            while follower.word.value == 0 {
                if try !follower.word.wait(while: 0, timeoutNanoseconds: deadline.remaining) { break }
            }
        } catch {
            throw .nodeGone
        }
        state.withLock { state in state.followers.removeAll { $0 === follower } }
    }

    /// One who leaves makes sure that one who stays will lead.
    private func handOver() {
        state.withLock { state in
            guard !state.hasLeader, !state.followers.isEmpty else { return }
            let next = state.followers.removeFirst()
            next.word.set(1)
            next.word.wake()
        }
    }

    /// Leads until something is new or the time is over.
    private func lead(until deadline: Deadline, seenBell: UInt32, seenNews: UInt64, hint: () -> Bool) throws(MasixError) {
        defer { state.withLock { $0.hasLeader = false } }
        let links = state.withLock { $0.active }
        let began = Clock.monotonicNanoseconds()
        if spinning(links, seenBell: seenBell, began: began, deadline: deadline, hint: hint) {
            tell(seenBell, all: false)
            return
        }
        status.processor.relax(UInt32(Processor.current))
        Interlude.at(.spun)
        status.asleep.release(1)
        fullFence()
        Interlude.at(.saidAsleep)
        // The last look: whoever published before our flag was visible is seen here, whoever comes later rings.
        if hasNews(since: seenNews) || bell.acquired != seenBell || hint() {
            awake()
            tell(seenBell, all: true)
            return
        }
        Interlude.at(.lookedAgain)
        sleeps.add(1, ordering: .relaxed)
        do throws(Errno) {
            let ready = try Ready.pollTwo(
                pipe.raw, for: .readable, kernelSocket, for: .ended, timeoutNanoseconds: deadline.remaining)
            Interlude.at(.woken)
            awake()
            if ready.second { throw Errno.connectionReset }
            try drain()
        } catch {
            awake()
            throw .nodeGone
        }
        spin.withLock { $0.learn(waited: Clock.monotonicNanoseconds() - began) }
        state.withLock { state in
            scan(&state, all: true)
            wakeAll(&state)
        }
    }

    private func awake() {
        if !isPolled.load(ordering: .relaxed) { status.asleep.release(0) }
    }

    /// Files what is new; a ring of the nucleus concerns anybody.
    private func tell(_ seenBell: UInt32, all: Bool) {
        state.withLock { state in
            scan(&state, all: all)
            if bell.acquired != seenBell { wakeAll(&state) }
        }
    }

    /// On any link of now, or filed since by another thread: its sender had no reason to ring, for we were not asleep yet.
    private func hasNews(since seenNews: UInt64) -> Bool {
        state.withLock { state in
            state.active.contains(where: \.hasNews) || state.parked.contains(where: \.hasNews) || state.news != seenNews
        }
    }

    private func spinning(_ links: [LinkEnd], seenBell: UInt32, began: UInt64, deadline: Deadline, hint: () -> Bool) -> Bool {
        let here = UInt32(Processor.current)
        // Written only when it changes: the peers look at it with every wait.
        if status.processor.relaxed != here { status.processor.relax(here) }
        // Spinning on the processor that the peer needs would only keep it from answering (pitfalls 21).
        let budget = links.contains { $0.peerStatus.processor.relaxed != here } ? spin.withLock { $0.nanoseconds } : 0
        guard budget > 0 else { return links.contains(where: \.hasNews) || bell.acquired != seenBell || hint() }
        var round = 0
        while true {
            for link in links where link.hasNews { return true }
            if bell.acquired != seenBell || hint() { return true }
            Processor.relax()
            round += 1
            if round & 63 == 0 {
                let waited = Clock.monotonicNanoseconds() - began
                if waited > budget || deadline.isOver { return false }
            }
        }
    }

    private func drain() throws(Errno) {
        do throws(Errno) {
            // One read empties it unless thousands have rung; what is left wakes us once more.
            _ = try pipe.readBytes(max: 4096)
        } catch {
            guard error == .wouldBlock || error == .resourceTemporarilyUnavailable else { throw error }
        }
    }

    /// The same, sparing the pipe if nobody can be asleep in it. Whoever has tried in vain and is only about to wait sees the news.
    func interruptOthers() {
        let isLed = state.withLock { state in
            wakeAll(&state)
            return state.hasLeader
        }
        if isLed { interrupt() }
    }

    /// Makes everybody who waits look again, the sleeping leader too.
    func interrupt() {
        wake()
        do throws(Errno) {
            _ = try ownBell.write([1])
        } catch {
            // A full pipe has been rung already.
        }
    }

    // MARK: for tests

    /// Entries into the wait in the pipe.
    var sleepCount: Int { sleeps.load(ordering: .relaxed) }

    /// For people.
    var description: String {
        state.withLock { state in
            let links =
                state.active.map { "\($0.id) active\($0.hasNews ? ", news" : "")" }
                + state.parked.map { "\($0.id) parked\($0.hasNews ? ", news" : "")" }
            let ports = state.ports.values.filter(\.isReady).map {
                "\($0.port): home \($0.homeCount.acquired), frames \($0.frameCount.load(ordering: .relaxed))"
            }
            return """
                asleep \(status.asleep.acquired), waiting for room \(status.waiting.acquired), bell \(bell.acquired), leader \(state.hasLeader), \
                followers \(state.followers.count), sleeps \(sleepCount), links [\(links.joined(separator: "; "))], ready [\(ports.joined(separator: "; "))]
                """
        }
    }

    // MARK: the pollable descriptor

    /// From now on the pipe becomes readable whenever something may have come and nobody leads.
    func beginPolling() -> Int32 {
        isPolled.store(true, ordering: .relaxed)
        status.asleep.release(1)
        return pipe.raw
    }

    /// Nothing was found, and the caller goes back to its poll: empty the pipe first, then look once more, or a ring between the
    /// two would be lost.
    private func lastLook<Result>(_ attempt: () throws(MasixError) -> Result?) throws(MasixError) -> Result? {
        do throws(Errno) {
            try drain()
        } catch {
            throw .nodeGone
        }
        status.asleep.release(1)
        fullFence()
        state.withLock { scan(&$0, all: true) }
        return try attempt()
    }
}

/// How long it is worth to spin before sleeping: a wake-up costs about 25 us, so waits that end within twice that are worth it,
/// and a partner that thinks longer is not waited for awake.
struct SpinBudget: Sendable {
    static let nanosecondsMax: UInt64 = 50_000
    static let nanosecondsMin: UInt64 = 1_000

    private(set) var nanoseconds: UInt64 = nanosecondsMax

    /// A wait that ended in sleep took this long.
    mutating func learn(waited: UInt64) {
        if waited < 2 * Self.nanosecondsMax {
            nanoseconds = min(Self.nanosecondsMax, nanoseconds * 2 + Self.nanosecondsMin)
        } else {
            nanoseconds = nanoseconds / 2 < Self.nanosecondsMin ? Self.nanosecondsMin : nanoseconds / 2
        }
    }
}
