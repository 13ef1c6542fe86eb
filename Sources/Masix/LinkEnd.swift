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
    let place: UInt32
    let control: ControlMemory
    let sender: Mutex<LinkSender>
    /// Reading position and looks: used only by `Reception`.
    let receiver: Mutex<LinkReceiver>
    let peerStatus: StatusPage
    let news: LinkNews
    let calls = Mutex<OutstandingCalls>(OutstandingCalls())
    private let bell: Descriptor
    /// The mappings, kept as long as the end is.
    private let memory: [MappedRegion]

    init(
        id: LinkID, place: UInt32, peer: TaskID, own: MappedRegion, other: MappedRegion, status: MappedRegion, bell: consuming Descriptor,
        control: ControlMemory
    ) {
        self.id = id
        self.place = place
        self.peer = peer
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

    /// Whether something is announced. Read without the lock: both words are atomic.
    var hasNews: Bool { news.isWaiting }

    /// One byte into the peer's pipe. A full pipe means that it has been rung already.
    func ring() {
        do throws(Errno) {
            _ = try bell.write([1])
        } catch {
            // The peer is gone: its death is told by the kernel, not by its bell.
        }
    }
}

/// Reply words of calls that this task has made over one link.
struct OutstandingCalls: Sendable {
    private var free: [UInt16] = (0..<UInt16(LinkHalf.replies)).reversed()
    private var generations = [UInt32](repeating: 0, count: LinkHalf.replies)
    /// Answers that have been announced: the generation, by index.
    private var announced = [UInt32](repeating: 0, count: LinkHalf.replies)

    /// A reply word for one call; nil when all are in use.
    mutating func begin() -> ReplyToken? {
        guard let index = free.popLast() else { return nil }
        generations[Int(index)] &+= 1
        if generations[Int(index)] == 0 { generations[Int(index)] = 1 }
        return ReplyToken(index: index, generation: generations[Int(index)])
    }

    mutating func end(_ token: ReplyToken) { free.append(token.index) }

    mutating func announce(_ announcement: Announcement) {
        let index = Int(announcement.index)
        guard index < announced.count, announcement.isReply(of: generations[index]) else { return }
        announced[index] = generations[index]
    }

    func isAnnounced(_ token: ReplyToken) -> Bool { announced[Int(token.index)] == token.generation }
}
