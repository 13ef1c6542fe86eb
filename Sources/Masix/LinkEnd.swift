import MasixKernel
import MasixLinux
import MasixTransport
import Synchronization
import SystemPackage

/// This task's end of one link: its half to write, the peer's half to read, and the peer's bell.
///
/// Two locks that never meet: one for what is written (at most one frame is uncommitted, architecture rule 4), one for the
/// reply words of calls. What is read is under the lock of `Reception`.
final class LinkEnd: Sendable {
    let id: LinkID
    let peer: TaskID
    /// The peer is the node's chief: what it says may be in another's name.
    let isOfChief: Bool
    /// This node's number: in the name of its own tasks nobody speaks.
    private let node: UInt32
    let place: UInt32
    let control: ControlMemory
    let sender: Mutex<LinkSender>
    /// Reading position and looks: used only by `Reception`.
    let receiver: Mutex<LinkReceiver>
    let peerStatus: StatusPage
    let news: LinkNews
    let calls = Mutex<OutstandingCalls>(OutstandingCalls())
    /// Which calls have been answered; written by whoever scans, read by whoever waits for an answer.
    let answers = AnswerBoard()
    private let bell: Descriptor
    /// The mappings, kept as long as the end is.
    private let memory: [MappedRegion]

    init(
        id: LinkID, place: UInt32, peer: TaskID, isOfChief: Bool, node: UInt32, own: MappedRegion, other: MappedRegion,
        status: MappedRegion,
        bell: consuming Descriptor,
        control: ControlMemory
    ) {
        self.id = id
        self.place = place
        self.peer = peer
        self.isOfChief = isOfChief
        self.node = node
        self.control = control
        let ownHalf = LinkHalf(own.region)
        let otherHalf = LinkHalf(other.region)
        peerStatus = StatusPage(status.region)
        sender = Mutex(LinkSender(link: id, own: ownHalf, peer: otherHalf, peerStatus: peerStatus))
        let receiver = LinkReceiver(link: id, own: ownHalf, peer: otherHalf, control: control, peerStatus: peerStatus)
        news = receiver.news
        self.receiver = Mutex(receiver)
        self.bell = bell
        memory = [own, other, status]
    }

    /// In whose name the peer may speak.
    func believe(_ speaker: Speaker?) -> Words? {
        guard isOfChief, let speaker, speaker.task.node != 0, speaker.task.node != node else { return nil }
        return Words(speaker)
    }

    /// Whether something is announced. Read without the lock: both words are atomic.
    var hasNews: Bool { news.isWaiting }

    /// One byte into the peer's pipe. Nobody hears it if the peer is gone: its death is told by the kernel.
    func ring() { Bell.ring(bell.raw) }
}

/// Reply words of calls that this task makes over one link: which are free, and how often each has been used.
struct OutstandingCalls: Sendable {
    private var free: [ReplyToken] = (0..<UInt16(LinkHalf.replies)).reversed().map { ReplyToken(index: $0, generation: 0) }

    /// A reply word for one call; nil when all are in use.
    mutating func begin() -> ReplyToken? { free.popLast()?.next }

    mutating func end(_ token: ReplyToken) { free.append(token) }
}

extension ReplyToken {
    /// The same reply word for the next call. Generation 0 is never used: it is what memory holds that nobody has written.
    var next: ReplyToken { ReplyToken(index: index, generation: generation == .max ? 1 : generation + 1) }
}

/// The last announced answer of each reply word. An announcement is a hint; the words decide.
final class AnswerBoard: Sendable {
    private let announced = InlineArray<64, Atomic<UInt32>> { _ in Atomic(0) }

    func announce(_ announcement: Announcement) {
        let index = Int(announcement.index)
        if announced.indices.contains(index) { announced[index].store(announcement.epoch, ordering: .releasing) }
    }

    func isAnnounced(_ token: ReplyToken) -> Bool {
        announced[Int(token.index)].load(ordering: .acquiring) == Announcement.reply(index: 0, generation: token.generation).epoch
    }
}
