import DequeModule
import MasixKernel
import MasixTransport
import Synchronization

/// The library's record of one send right: all values that name the port share it, and the kernel knows only this one entry
/// (Documentation/Decisions/0002).
package final class SendEntry: Sendable {
    package let port: PortID
    /// The port, if the right was made while only this library knew it.
    let local: LocalPort?
    private let control: ControlMemory
    /// Its place in the control memory; none while the port has not left this library.
    private let index: Atomic<UInt32>
    /// User references: values of this process that name the right (N3). It falls to zero, and rises from there, only under the core lock,
    /// or that of the locals.
    let references = Atomic<Int>(1)
    /// A dead-name request was made for it.
    let isWatched = Atomic<Bool>(false)
    /// The link that the last lease went over, so that a send need not search for it.
    let link = Mutex<LinkEnd?>(nil)

    init(port: PortID, index: UInt32, control: ControlMemory) {
        self.port = port
        self.control = control
        self.index = Atomic(index)
        local = nil
    }

    init(local: LocalPort, control: ControlMemory) {
        port = local.port
        self.control = control
        self.local = local
        index = Atomic(notLeft)
    }

    /// The port has not left this library (architecture rule 2).
    @inline(__always)
    var isLocal: Bool { index.load(ordering: .acquiring) == notLeft }

    /// The entry of the control memory: the mark that says whether the port is dead, and the lease. Not to be asked while it is local.
    @inline(__always)
    var memory: SendEntryMemory { control.send(index.load(ordering: .acquiring)) }

    package var isDead: Bool {
        if let local, isLocal { return local.isDead }
        return memory.isDead
    }

    func leave(to index: UInt32) { self.index.store(index, ordering: .releasing) }
}

/// No place in the control memory.
private let notLeft = UInt32.max

/// The library's record of one receive right.
package final class ReceiveEntry: Sendable {
    package let port: PortID
    /// The port, if it was made here and came here last without the nucleus.
    let local: LocalPort?
    private let control: ControlMemory
    private let place: Atomic<UInt32>
    private let isKeepingRoom = Atomic<Bool>(false)
    private let kept = AtomicLazyReference<KeptRoom>()
    /// Of a chief's proxy: what is received from it keeps its room (architecture rule 17). Here, what came by leases. Nil for all others.
    @inline(__always)
    var keptRoom: KeptRoom? { keepsRoom ? kept.load() : nil }
    @inline(__always)
    var keepsRoom: Bool { isKeepingRoom.load(ordering: .acquiring) }

    func keepRoom() {
        _ = kept.storeIfNil(KeptRoom())
        isKeepingRoom.store(true, ordering: .releasing)
    }
    /// Whether the next look begins with the home queue: the two ways take turns.
    let homeFirst = Atomic<Bool>(true)
    /// What is known to lie ready on links.
    private let frames = Mutex<Deque<ReadyAnnouncement>>([])
    private let gone = Atomic<Bool>(false)
    /// Calls of the program's own that are to be answered here by links, and how many there are, for a look without the lock.
    let answers = Mutex<OutstandingAnswers>(OutstandingAnswers())
    let answerCount = Atomic<Int>(0)
    /// No further ones: the right is about to move, to go, or to be asked for its counts.
    let isRecalling = Atomic<Bool>(false)
    /// Whether the next look begins with them: they and the others take turns.
    let answersFirst = Atomic<Bool>(false)

    init(port: PortID, index: UInt32, control: ControlMemory) {
        self.port = port
        self.control = control
        place = Atomic(index)
        local = nil
    }

    init(local: LocalPort, control: ControlMemory) {
        port = local.port
        self.control = control
        self.local = local
        place = Atomic(notLeft)
    }

    /// The port has not left this library (architecture rule 2).
    @inline(__always)
    var isLocal: Bool { place.load(ordering: .acquiring) == notLeft }

    /// Its place in the control memory. Not to be asked while it is local.
    @inline(__always)
    var index: UInt32 { place.load(ordering: .acquiring) }

    func leave(to index: UInt32) { place.store(index, ordering: .releasing) }

    /// Messages in the home queue, as the nucleus last said.
    var homeCount: SharedWord32 { control.homeCount(index) }
    /// Messages received from it, modulo 2^32, as the nucleus last said.
    var homeReceived: SharedWord32 { control.homeReceived(index) }

    /// The id, for somebody who may remember it.
    var shownPort: PortID {
        local?.see()
        return port
    }

    private let isInSet = Atomic<Bool>(false)
    private let notes = Mutex<[ReadyNotes]>([])

    /// Who else is told of what is filed from here on: a set that it has come into.
    func tell(_ set: ReadyNotes) {
        notes.withLock { $0.append(set) }
        isInSet.store(true, ordering: .sequentiallyConsistent)
    }

    /// It has left the set.
    func tellNoMore(_ set: ReadyNotes) {
        let isAlone = notes.withLock { notes in
            notes.removeAll { $0 === set }
            return notes.isEmpty
        }
        if isAlone { isInSet.store(false, ordering: .sequentiallyConsistent) }
    }

    /// Announcements filed, counted outside the lock so that a set can look at many ports quickly.
    let frameCount = Atomic<Int>(0)

    func file(_ announcements: ReadyAnnouncement) {
        frames.withLock { $0.append(announcements) }
        frameCount.add(announcements.count, ordering: .sequentiallyConsistent)
        noteInSets()
    }

    /// There may be something here.
    func noteInSets() {
        if isInSet.load(ordering: .sequentiallyConsistent) { for set in notes.withLock({ $0 }) { set.note(self) } }
    }

    /// It is not this one's turn: it waits at the head.
    func putBack(_ announcement: ReadyAnnouncement) {
        frames.withLock { $0.prepend(announcement) }
        frameCount.add(announcement.count, ordering: .releasing)
    }

    /// One announcement, of those that were filed first.
    func nextAnnouncement() -> ReadyAnnouncement? {
        guard frameCount.load(ordering: .acquiring) > 0 else { return nil }
        let next = frames.withLock { frames -> ReadyAnnouncement? in
            guard !frames.isEmpty else { return nil }
            return frames[0].count > 1 ? frames[0].split() : frames.removeFirst()
        }
        if next != nil { frameCount.subtract(1, ordering: .relaxed) }
        return next
    }

    var hasHome: Bool { homeCount.acquired > 0 }
    /// Something may be there: looking will tell.
    var isReady: Bool {
        if isLocal, let local { return local.hasMessages }
        return hasHome || frameCount.load(ordering: .acquiring) > 0 || isAsking && answers.withLock { $0.answered != nil }
    }
    /// The right has been given up or moved: whoever waits here is told.
    var isGone: Bool { gone.load(ordering: .acquiring) }

    /// The receive right has gone from this task, or elsewhere within it.
    func end() {
        gone.store(true, ordering: .releasing)
        frames.withLock { if !$0.isEmpty { $0 = [] } }
    }
}

/// Announcements of one lease, equal to each other, that have been filed under its port and not been looked at.
struct ReadyAnnouncement: Sendable {
    let link: LinkEnd
    let announcement: Announcement
    private(set) var count = 1
    /// When it was taken, more of them lay behind it.
    private(set) var isFollowed = false

    init(link: LinkEnd, announcement: Announcement) {
        self.link = link
        self.announcement = announcement
    }

    /// One more of them, if it is one of them.
    mutating func extend(by other: Announcement) -> Bool {
        guard other.isSame(as: announcement) else { return false }
        count += 1
        return true
    }

    /// One of them alone.
    mutating func split() -> ReadyAnnouncement {
        count -= 1
        var one = ReadyAnnouncement(link: link, announcement: announcement)
        one.isFollowed = true
        return one
    }
}
