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
        var active: [LinkEnd] = [] { didSet { scanned = Scanned(active) } }
        /// The same links, for a look without the lock.
        private(set) var scanned = Scanned([])
        /// Links that have been quiet: they ring for everything.
        var parked: [LinkEnd] = []
        /// Over which something came last: the likeliest to bring the next.
        var latest: LinkEnd?
        /// By the index of the control memory.
        var ports: [ReceiveEntry?] = []
        var hasLeader = false
        /// An event loop leads, for ever.
        var isLedByLoop = false
        var scans: UInt32 = 0
        var followers: [Follower] = []
        /// The bell as it was when the followers were last told of it.
        var toldBell: UInt32 = 0
        /// Faults found while scanning, to be reported when no lock is held.
        var faults: [(LinkID, LinkFault)] = []
    }

    final class Follower: Sendable {
        let word = FutexWord()
    }

    /// What a thread is while it waits.
    private enum Place {
        case none
        case leading
        case following(Follower)
    }

    /// Links that are looked at together; it keeps the memory that the looks read.
    final class Scanned: Sendable {
        private let links: [LinkEnd]
        private let looks: [LinkNews]

        init(_ links: [LinkEnd]) {
            self.links = links
            looks = links.map(\.news)
        }

        /// Something is announced on one of them.
        @inline(__always)
        var hasNews: Bool {
            for place in looks.indices where looks[place].isWaiting { return true }
            return false
        }

        @inline(__always)
        func hasNews(at place: Int) -> Bool { looks[place].isWaiting }
    }

    /// How things stood before an attempt: what differs afterwards came during it.
    private struct Seen: ~Copyable {
        let bell: UInt32
        let news: UInt64
        let scanned: Scanned
        /// Where who spoke last began to wait last; nil if nobody has spoken.
        let processor: UInt32?
    }

    /// More links than this are not scanned (pitfalls 9).
    static let activeMax = 8

    private let state = Mutex(State())
    /// Rises with everything that may interest a thread that waits; written under the lock.
    private let news = Atomic<UInt64>(0)
    /// First attempts, which look at no link.
    private let quickAttempts = Atomic<UInt32>(0)
    /// Whether there are faults to take, without the lock.
    private let faultCount = Atomic<Int>(0)
    let status: StatusPage
    let bell: SharedWord32
    let control: ControlMemory
    private let pipe: Descriptor
    /// Whether somebody polls, who is told by this counter.
    private let isPolled = Atomic<Bool>(false)
    private let polling = Mutex<Counter?>(nil)
    /// The news as they were before the last look of the one who polls that found nothing.
    private let lastVainLook = Atomic<UInt64>(.max)
    /// The other end of the pipe: what gets a sleeping leader out of it for a reason of this process's own.
    private let ownBell: Descriptor
    /// The kernel socket, which `Connection` owns: a sleeping leader notices when the node is gone.
    private let kernelSocket: Int32
    private let watch = Watch()
    private let spin = Mutex(SpinBudget())
    private let sleeps = Atomic<Int>(0)
    /// The number of the last sleep that the status page has told of.
    private let sleepNumber = Atomic<UInt32>(0)

    /// The mappings of both pages, kept as long as a thread may look at them: the one that hands on outlives the space a little.
    private let memory: [MappedRegion]

    init(
        control: ControlMemory, status: StatusPage, in memory: [MappedRegion], pipe: consuming Descriptor, ownBell: consuming Descriptor,
        kernelSocket: Int32
    ) {
        self.memory = memory
        self.kernelSocket = kernelSocket
        self.control = control
        self.status = status
        self.pipe = pipe
        self.ownBell = ownBell
        bell = control.bell
    }

    // MARK: what is known

    func add(_ port: ReceiveEntry) {
        state.withLock { state in
            let index = Int(port.index)
            if index >= state.ports.count {
                state.ports += Array(repeating: nil, count: max(index + 1 - state.ports.count, state.ports.count))
            }
            state.ports[index] = port
        }
    }

    func remove(_ port: ReceiveEntry) {
        state.withLock { state in
            let index = Int(port.index)
            if state.ports.indices.contains(index), state.ports[index] === port { state.ports[index] = nil }
            port.end()
            wakeAll(&state)
        }
    }

    func add(_ link: LinkEnd) { state.withLock { $0.active.append(link) } }

    func remove(_ link: LinkID) {
        state.withLock { state in
            state.active.removeAll { $0.id == link }
            state.parked.removeAll { $0.id == link }
            if state.latest?.id == link { state.latest = nil }
        }
    }

    /// Whether scanning has found faults that nobody has taken.
    var hasFaults: Bool { faultCount.load(ordering: .relaxed) > 0 }

    /// Faults since the last call.
    func takeFaults() -> [(LinkID, LinkFault)] {
        state.withLock { state in
            defer { state.faults = [] }
            faultCount.store(0, ordering: .relaxed)
            return state.faults
        }
    }

    // MARK: scanning

    /// The active link that has news, if there is one.
    var speaking: LinkEnd? {
        state.withLock { state in
            for place in state.active.indices where state.scanned.hasNews(at: place) { return state.active[place] }
            return nil
        }
    }

    /// Whether frames were found. Answers are not counted: whoever waits for one is told, or sees it itself.
    private func scan(_ state: inout State, all: Bool) -> Bool {
        var found = false
        // Where the active links are never silent, nobody ever sleeps: the parked ones have their turn all the same.
        state.scans &+= 1
        let all = all || state.scans & 63 == 0
        for place in state.active.indices where state.scanned.hasNews(at: place) {
            let link = state.active[place]
            if file(link, &state).frames { found = true }
            state.latest = link
        }
        if all {
            var woken: [LinkEnd] = []
            for link in state.parked where file(link, &state).any { woken.append(link) }
            for link in woken {
                _ = link.receiver.withLock { $0.setParked(false) }
                state.parked.removeAll { $0 === link }
                state.active.append(link)
                state.latest = link
                found = true
            }
        }
        if state.active.count > Self.activeMax { park(&state) }
        if found { wakeAll(&state) }
        return found
    }

    private func file(_ link: LinkEnd, _ state: inout State) -> (frames: Bool, any: Bool) {
        var (found, isAnswered) = (false, false)
        link.receiver.withLock { receiver in
            // Announcements of one lease in a row are filed together.
            var run: ReadyAnnouncement?
            // A peer that writes without end must not keep us here: as many as can honestly be outstanding, then the others' turn.
            for _ in 0..<LinkHalf.announcementsMax {
                guard let announcement = receiver.nextAnnouncement() else { break }
                if announcement.isReply {
                    link.answers.announce(announcement)
                    isAnswered = true
                    continue
                }
                found = true
                if run?.extend(by: announcement) == true { continue }
                file(run, &state)
                run = ReadyAnnouncement(link: link, announcement: announcement)
                receiver.prepare(announcement)
            }
            file(run, &state)
        }
        if isAnswered { wakeAll(&state) }
        return (found, found || isAnswered)
    }

    private func file(_ run: ReadyAnnouncement?, _ state: inout State) {
        guard let run else { return }
        guard let entry = control.take(run.announcement.index) else {
            state.faults.append((run.link.id, .unknownAnnouncement))
            faultCount.add(1, ordering: .relaxed)
            return
        }
        // Whose it is, the nucleus has written; a lease that is over concerns nobody.
        let index = Int(entry.receiveIndex)
        guard index < state.ports.count, let port = state.ports[index] else { return }
        port.file(run)
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
        news.add(1, ordering: .releasing)
        guard !state.followers.isEmpty else { return }
        for follower in state.followers { wake(follower) }
        state.followers = []
    }

    private func wake(_ follower: Follower) {
        follower.word.set(1)
        follower.word.wake()
    }

    /// Something has changed that is not in shared memory: whoever waits looks again.
    func wake() { state.withLock { wakeAll(&$0) } }

    // MARK: waiting

    /// Tries until it has succeeded, waiting in between; false when the time is over.
    ///
    /// `attempt` takes what is ready, by whatever locks and requests it needs; `hint` is looked at while spinning, where it must be
    /// cheap, and a last time before sleeping, where it must not be mistaken.
    /// With `room` the thread counts, while it sleeps, as one that waits for room on a link. `partner` is who is waited for, if that
    /// is known.
    @discardableResult
    func wait(
        until deadline: Deadline, partner: LinkEnd? = nil, room: RoomWaiters? = nil, hint: (_ isLast: Bool) -> Bool = { _ in false },
        attempt: () throws(MasixError) -> Bool
    ) throws(MasixError) -> Bool {
        // What has been filed already, or is taken at once, needs no look at all links; but where a home queue is never empty, or one link
        // never silent, the others have their turn. A count that threads disturb in each other is as good.
        let attempts = quickAttempts.load(ordering: .relaxed) &+ 1
        quickAttempts.store(attempts, ordering: .relaxed)
        if attempts & 31 == 0 { state.withLock { _ = scan(&$0, all: false) } }
        let before = news.load(ordering: .acquiring)
        if try attempt() { return true }
        var place = Place.none
        var hasSlept = false
        while true {
            // Taken before the attempt, and the place with it: what comes during it is noticed.
            let seen = state.withLock { enter(&$0, &place, hasSlept: hasSlept, staysAwake: deadline.isPoll) }
            do throws(MasixError) {
                if try attempt() {
                    leave(place)
                    return true
                }
            } catch {
                leave(place)
                throw error
            }
            if deadline.isPoll || deadline.isOver {
                leave(place)
                if deadline.isPoll, isPolled.load(ordering: .acquiring) { return try lastLook(since: before, attempt) }
                return false
            }
            do throws(MasixError) {
                switch place {
                // Something had come, only not for us.
                case .none: hasSlept = false
                case .following(let follower):
                    try sleep(follower, until: deadline, room: room, hint: hint)
                    hasSlept = false
                case .leading:
                    hasSlept = try lead(
                        until: deadline, seen, partner: partner.map { $0.peerStatus.processor.relaxed } ?? seen.processor, room: room,
                        hint: hint)
                    // An answer that was seen in its own line needs no look at the announcements, which are still on their way; nor does a
                    // message that can be taken at once.
                    if try attempt() {
                        leave(place, hasSlept: hasSlept)
                        return true
                    }
                }
            } catch {
                leave(place)
                throw error
            }
            if deadline.interruption?.hasHappened == true {
                leave(place)
                return try attempt()
            }
        }
    }

    /// Looks at the links, and gives the thread its place: none if something was found, since then all are told and it tries again.
    private func enter(_ state: inout State, _ place: inout Place, hasSlept: Bool, staysAwake: Bool) -> Seen {
        if case .following(let follower) = place {
            state.followers.removeAll { $0 === follower }
            place = .none
        }
        // A ring that nobody has told the followers of is told now: whoever leads next looks for later ones only. What else has rung a
        // sleeper is unknown: room, or a thread of our own.
        let rung = bell.acquired
        if rung != state.toldBell || hasSlept {
            state.toldBell = rung
            wakeAll(&state)
        }
        let found = scan(&state, all: hasSlept || staysAwake)
        if found {
            if case .leading = place {
                state.hasLeader = false
                place = .none
            }
        } else if case .none = place, !staysAwake {
            if state.hasLeader {
                let follower = Follower()
                state.followers.append(follower)
                place = .following(follower)
            } else {
                state.hasLeader = true
                place = .leading
            }
        }
        return Seen(
            bell: rung, news: news.load(ordering: .relaxed), scanned: state.scanned, processor: state.latest?.peerStatus.processor.relaxed)
    }

    /// One who leaves makes sure that one who stays will lead.
    ///
    /// After a sleep all are told, for who has rung is not known (architecture rule 14): a link that is parked is seen in the last look
    /// before the next sleep.
    private func leave(_ place: Place, hasSlept: Bool = false) {
        if case .none = place { return }
        state.withLock { state in
            if hasSlept {
                state.toldBell = bell.acquired
                wakeAll(&state)
            }
            switch place {
            case .none: break
            case .leading: state.hasLeader = false
            case .following(let follower): state.followers.removeAll { $0 === follower }
            }
            guard !state.hasLeader, !state.followers.isEmpty else { return }
            wake(state.followers.removeFirst())
        }
    }

    private func sleep(_ follower: Follower, until deadline: Deadline, room: RoomWaiters?, hint: (Bool) -> Bool) throws(MasixError) {
        room?.begin(status)
        defer { room?.end(status) }
        if room != nil {
            fullFence()
            if hint(true) { return }
        }
        do throws(Errno) {
            while follower.word.value == 0 {
                let isInterruptible = deadline.interruption != nil
                if try !follower.word.wait(while: 0, timeoutNanoseconds: deadline.remaining, isInterruptible: isInterruptible) { break }
            }
        } catch {
            if error == .interrupted, let interruption = deadline.interruption { return interruption.happen() }
            throw .nodeGone
        }
    }

    /// Leads until something may be new or the time is over. Whether it has said that it sleeps, after which every link counts.
    private func lead(
        until deadline: Deadline, _ seen: borrowing Seen, partner: UInt32?, room: RoomWaiters?, hint: (Bool) -> Bool
    ) throws(MasixError) -> Bool {
        let here = UInt32(Processor.current)
        // Written only when it changes: the peers look at it with every wait.
        if status.processor.relaxed != here { status.processor.relax(here) }
        // Spinning on the processor that the peer needs would only keep it from answering (pitfalls 21).
        let isElsewhere = partner.map { $0 != here } ?? false
        let began = Clock.monotonicNanoseconds()
        if spinning(seen, for: isElsewhere ? spin.withLock { $0.nanoseconds } : 0, began: began, deadline: deadline, hint: hint) {
            return false
        }
        Interlude.at(.spun)
        room?.begin(status)
        defer { room?.end(status) }
        sayAsleep()
        fullFence()
        Interlude.at(.saidAsleep)
        // The last look: whoever published before our flag was visible is seen here, whoever comes later rings.
        if hasNews(since: seen.news) || bell.acquired != seen.bell || hint(true) {
            awake()
            return true
        }
        Interlude.at(.lookedAgain)
        sleeps.add(1, ordering: .relaxed)
        do throws(Errno) {
            try block(until: deadline)
        } catch {
            awake()
            guard error == .interrupted, let interruption = deadline.interruption else { throw .nodeGone }
            interruption.happen()
            return true
        }
        Interlude.at(.woken)
        awake()
        spin.withLock { $0.learn(waited: Clock.monotonicNanoseconds() - began) }
        return true
    }

    /// Every sleep has a number of its own, so that each peer rings once for it. 0 is being awake.
    private func sayAsleep() {
        let number = sleepNumber.add(1, ordering: .relaxed).newValue
        status.asleep.release(number == 0 ? sleepNumber.add(1, ordering: .relaxed).newValue : number)
    }

    private func awake() { status.asleep.release(0) }

    /// Until the bell has rung, or a little before the deadline, or the node is gone.
    private func block(until deadline: Deadline) throws(Errno) {
        let isInterruptible = deadline.interruption != nil
        if watch.covers(deadline.instant, bell: ownBell.raw, kernelSocket: kernelSocket) {
            if watch.isGone { throw .connectionReset }
            do throws(Errno) {
                try Bell.listen(pipe.raw, isInterruptible: isInterruptible)
                if watch.isGone { throw Errno.connectionReset }
                return
            } catch {
                // Whoever polls the descriptor has made it one that does not wait.
                guard error == .wouldBlock || error == .resourceTemporarilyUnavailable else { throw error }
            }
        }
        let ready = try Ready.pollTwo(
            pipe.raw, for: .readable, kernelSocket, for: .ended, timeoutNanoseconds: deadline.remaining, isInterruptible: isInterruptible)
        if ready.second { throw .connectionReset }
        if ready.first { try Bell.listen(pipe.raw) }
    }

    // MARK: a loop that leads

    /// From now on an event loop of this task's own leads, for ever, and sleeps in the pipe by its own means: no thread of ours stands
    /// between the bell and it. All other threads follow. The pipe's descriptor is for the loop to wait for and to read.
    ///
    /// The loop's thread must not wait in this library after this.
    func beginLeading() throws(MasixError) -> Int32 {
        guard watch.covers(nil, bell: ownBell.raw, kernelSocket: kernelSocket) else { throw .resourceShortage }
        let isFree = state.withLock { state in
            guard !state.hasLeader else { return false }
            (state.hasLeader, state.isLedByLoop) = (true, true)
            return true
        }
        guard isFree else { throw .invalidValue }
        return pipe.raw
    }

    /// Nobody leads any more: one of those who follow does.
    func endLeading() {
        let isLed = state.withLock { state in
            defer { state.isLedByLoop = false }
            return state.isLedByLoop
        }
        guard isLed else { return }
        awake()
        leave(.leading)
    }

    /// How things stand: what differs later has come since.
    var standing: Standing { Standing(bell: bell.acquired, news: news.load(ordering: .acquiring)) }

    struct Standing {
        let bell: UInt32
        let news: UInt64
    }

    /// Before the loop waits: it is asleep from here on, and whoever sends rings for it. False if something has come since the loop began
    /// its last look, which found nothing: then it has to look again.
    func sleepLeading(since seen: Standing) -> Bool {
        let here = UInt32(Processor.current)
        if status.processor.relaxed != here { status.processor.relax(here) }
        sayAsleep()
        fullFence()
        guard hasNews(since: seen.news) || bell.acquired != seen.bell else {
            sleeps.add(1, ordering: .relaxed)
            return true
        }
        awake()
        return false
    }

    /// Before the loop looks. What has rung for it may concern those who follow.
    func wakeLeading() throws(MasixError) {
        if watch.isGone { throw .nodeGone }
        guard status.asleep.acquired != 0 else { return }
        awake()
        wake()
    }

    /// On any link of now, or filed since by another thread: its sender had no reason to ring, for we were not asleep yet.
    private func hasNews(since seen: UInt64) -> Bool {
        state.withLock { state in
            news.load(ordering: .relaxed) != seen || state.scanned.hasNews || state.parked.contains(where: \.hasNews)
        }
    }

    private func spinning(_ seen: borrowing Seen, for budget: UInt64, began: UInt64, deadline: Deadline, hint: (Bool) -> Bool) -> Bool {
        func isNew() -> Bool {
            if seen.scanned.hasNews { return true }
            return bell.acquired != seen.bell || news.load(ordering: .acquiring) != seen.news || hint(false)
        }
        if isNew() { return true }
        guard budget > 0 else { return false }
        var round = 0
        while true {
            Processor.relax()
            if isNew() { return true }
            round += 1
            if round & 63 == 0 {
                let waited = Clock.monotonicNanoseconds() - began
                if waited > budget || deadline.isOver { return false }
            }
        }
    }

    /// Makes the others look again, sparing the pipe if nobody can be asleep in it. Whoever has tried in vain and is only about to wait
    /// sees the news.
    func interruptOthers() {
        let isLed = state.withLock { state in
            wakeAll(&state)
            return state.hasLeader
        }
        if isLed { Bell.ring(ownBell.raw) }
    }

    /// Makes everybody who waits look again, the sleeping leader too.
    func interrupt() {
        wake()
        Bell.ring(ownBell.raw)
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
            let ports = state.ports.compactMap { $0 }.filter(\.isReady).map {
                "\($0.port): home \($0.homeCount.acquired), frames \($0.frameCount.load(ordering: .relaxed))"
            }
            return """
                asleep \(status.asleep.acquired), waiting for room \(status.waiting.acquired), bell \(bell.acquired), leader \(state.hasLeader), \
                followers \(state.followers.count), sleeps \(sleepCount), links [\(links.joined(separator: "; "))], ready [\(ports.joined(separator: "; "))]
                """
        }
    }

    // MARK: the pollable descriptor

    /// From now on the descriptor becomes readable whenever something may have come.
    ///
    /// Not the pipe: a thread that blocks in the library would read the ring that the event loop waits for. A thread of our own waits
    /// like every other one, and hands on all that it is told.
    func beginPolling() throws(Errno) -> Int32 {
        try polling.withLock { polling throws(Errno) in
            if let polling { return polling.raw }
            let counter = Counter(try EventCounter())
            polling = counter
            isPolled.store(true, ordering: .releasing)
            // What has come already is told too; what comes before the thread runs, by the thread.
            let seen = news.load(ordering: .acquiring)
            counter.add()
            try DetachedThread.start("masix-poll") { [self] in handOn(counter, since: seen) }
            return counter.raw
        }
    }

    final class Counter: Sendable {
        private let counter: EventCounter
        var raw: Int32 { counter.raw }

        init(_ counter: consuming EventCounter) { self.counter = counter }

        /// A counter that cannot be added to is full, and readable.
        func add() { try? counter.add() }
        func empty() { _ = try? counter.take() }
    }

    private func handOn(_ counter: Counter, since: UInt64) {
        var seen = since
        do throws(MasixError) {
            while true {
                let known = seen
                try wait(until: .never, hint: { _ in self.news.load(ordering: .acquiring) != known }) { () throws(MasixError) -> Bool in
                    self.news.load(ordering: .acquiring) != known
                }
                seen = news.load(ordering: .acquiring)
                counter.add()
            }
        } catch {
            // The node is gone, which whoever looks is told.
            counter.add()
        }
    }

    /// Nothing was found, and the caller may go back to its poll, or look at another port.
    ///
    /// The counter is emptied only if nothing has come since the look before this one: else what came may be for a port that was looked
    /// at before it came, and the loop goes round once more. What comes between the two steps here is told again.
    private func lastLook(since seen: UInt64, _ attempt: () throws(MasixError) -> Bool) throws(MasixError) -> Bool {
        if watch.isGone { throw .nodeGone }
        if lastVainLook.exchange(seen, ordering: .acquiringAndReleasing) == seen, let counter = polling.withLock({ $0 }) {
            counter.empty()
            if news.load(ordering: .acquiring) != seen { counter.add() }
        }
        _ = state.withLock { scan(&$0, all: true) }
        return try attempt()
    }
}
