import DequeModule
import MasixKernel
import MasixTransport

/// A task with a library in miniature: the same tables, locks and words as the real one, and its steps in the same order
/// (`Sources/Masix`); but every step is one that the schedule may put another's steps before.
final class SimulatedTask {
    let id: TaskID
    let pages: TaskPages
    unowned let simulation: Simulation
    var isAlive = true
    var isStopped = false
    /// Most of its threads receive, most of the time.
    var isServer = false
    var threads: [SimulatedThread] = []

    // The connection.
    let core = Lock()
    var lastNumber: UInt64 = 0
    var sends: [PortID: HeldSend] = [:]
    var receives: [PortID: HeldReceive] = [:]
    var completions: [UInt16] = (0..<16).reversed()
    var nextPort: UInt64 = 0

    // Reception.
    let reception = Lock()
    var active: [LinkEnd] = []
    var parked: [LinkEnd] = []
    var ports: [UInt32: HeldReceive] = [:]
    var hasLeader = false
    var followers: [SimulatedThread] = []
    var news: UInt64 = 0
    /// The bell as it was when the followers were last told of it.
    var toldBell: UInt32 = 0
    var waiters: UInt32 = 0
    private var sleepNumber: UInt32 = 0
    private var waitNumber: UInt32 = 0
    /// Fewer than the real library has, so that parking happens.
    static let activeMax = 2

    // Links.
    var ends: [LinkID: LinkEnd] = [:]
    var mapped: Set<LinkID> = []
    var seenOffers: UInt32 = 0

    // What the program has.
    var onces: [HeldOnce] = []
    var replyPorts: [HeldReceive] = []
    /// References that came back with a message that was taken back, to be let go.
    var surplus: [PortID] = []

    init(_ id: TaskID, _ pages: TaskPages, _ simulation: Simulation) {
        self.id = id
        self.pages = pages
        self.simulation = simulation
    }

    /// Every sleep has a number of its own, and each peer rings once for it.
    func sayAsleep() {
        if simulation.plan.mutation != .sleepNumberKept || sleepNumber == 0 { sleepNumber += 1 }
        status.asleep.release(sleepNumber)
    }

    /// The same for a thread that is about to sleep for want of room.
    func sayWaiting() {
        if simulation.plan.mutation != .waitNumberKept || waitNumber == 0 { waitNumber += 1 }
        status.waiting.release(waitNumber)
    }

    func dismantle() {
        for thread in threads { thread.dismantle() }
        threads = []
        followers = []
        active = []
        parked = []
        ends = [:]
        ports = [:]
        receives = [:]
        replyPorts = []
        onces = []
    }

    var control: ControlMemory { pages.control }
    var status: StatusPage { pages.status }
    var book: Book { simulation.book }
    var hasAnswer: Bool { simulation.node.answers[id]?.isEmpty == false }
    var hasOffers: Bool {
        let offers = control.offers.acquired
        return offers != 0 && offers != seenOffers
    }

    /// Rights that programs look among, in an order that does not depend on hashing.
    var sendList: [HeldSend] { sends.keys.sorted().compactMap { sends[$0] } }
    var receiveList: [HeldReceive] { receives.keys.sorted().compactMap { receives[$0] }.filter { !$0.isReplyPort } }

    // MARK: rights that come and go; under the core lock

    @discardableResult
    func arrive(_ right: Arrived, once: UInt64? = nil) -> HeldOnce? {
        switch right {
        case .null, .dead: return nil
        case .send(let port, let index):
            if let entry = sends[port] { entry.references += 1 } else { sends[port] = HeldSend(port, index, control) }
            return nil
        case .sendOnce(let id, let port):
            return HeldOnce(.kernel(id), once: once ?? 0, port: port)
        case .receive(let port, let index):
            let entry = HeldReceive(port, index, control)
            receives[port] = entry
            ports[index] = entry
            // Whoever waits for any port looks again: this one may have messages.
            if simulation.isDraining { interrupt() }
            return nil
        }
    }

    func join(_ end: LinkEnd) {
        ends[end.id] = end
        active.append(end)
    }

    func remove(_ entry: HeldReceive) {
        if ports[entry.index] === entry { ports[entry.index] = nil }
        if receives[entry.port] === entry { receives[entry.port] = nil }
        entry.isGone = true
        entry.ready = []
        wakeAll()
    }

    func wakeAll() {
        news &+= 1
        for follower in followers { follower.isTold = true }
        followers = []
    }

    /// Other threads wait for something that is not in shared memory.
    func interruptOthers() {
        if simulation.plan.mutation == .interruptUnheard { return }
        wakeAll()
        if hasLeader { interrupt() }
    }

    func interrupt() {
        wakeAll()
        pages.pipe += 1
    }

    /// A send-once right for any thread to use.
    func keep(_ held: HeldOnce, first: Bool = false) {
        onces.insert(held, at: first ? 0 : onces.count)
        if simulation.isDraining { interrupt() }
    }
}

final class HeldSend {
    let port: PortID
    let index: UInt32
    let memory: SendEntryMemory
    var references = 1

    init(_ port: PortID, _ index: UInt32, _ control: ControlMemory) {
        self.port = port
        self.index = index
        memory = control.send(index)
    }

    /// Marked dead: then it is dead.
    func isDead(for task: SimulatedTask) -> Bool {
        guard memory.isDead else { return false }
        if task.book.isAlive(port) { task.book.fail("\(task.id) sees \(port) marked dead, and it lives") }
        return true
    }
}

final class HeldReceive {
    let port: PortID
    let index: UInt32
    let home: SharedWord32
    /// Messages received from it, modulo 2^32, as the nucleus last said.
    let received: SharedWord32
    /// Whether the next look begins with the home queue: the two ways take turns.
    var homeFirst = true
    var ready: Deque<(LinkEnd, Announcement)> = []
    var isGone = false
    var isReplyPort = false

    init(_ port: PortID, _ index: UInt32, _ control: ControlMemory) {
        self.port = port
        self.index = index
        home = control.homeCount(index)
        received = control.homeReceived(index)
    }

    var hasHome: Bool { home.acquired > 0 }
}

/// A send-once right and where it lives.
final class HeldOnce {
    enum Place {
        case kernel(SendOnceID)
        case link(LinkEnd, ReplyToken)
        case gone
    }

    var place: Place
    /// Its number in the book.
    let once: UInt64
    let port: PortID
    /// The port of the call that it answers, for the count of revocations.
    let callPort: PortID?

    init(_ place: Place, once: UInt64, port: PortID, callPort: PortID? = nil) {
        self.place = place
        self.once = once
        self.port = port
        self.callPort = callPort
    }
}

/// One end of a link.
final class LinkEnd {
    let id: LinkID
    let peer: TaskID
    let place: UInt32
    let sending = Lock()
    let receiving = Lock()
    var sender: LinkSender
    var receiver: LinkReceiver
    let news: LinkNews
    private let peerPages: TaskPages
    private let pages: LinkPages
    private var freeCalls: [UInt16] = (0..<8).reversed()
    private var generations = [UInt32](repeating: 0, count: LinkHalf.replies)
    private var announced = [UInt32](repeating: 0, count: LinkHalf.replies)

    init(_ pages: LinkPages, of task: SimulatedTask, peer: TaskID, _ peerPages: TaskPages, place: UInt32) {
        id = pages.link.id
        self.peer = peer
        self.place = place
        self.peerPages = peerPages
        self.pages = pages
        let own = LinkHalf(pages.halves[pages.link.half(of: task.id)].region)
        let other = LinkHalf(pages.halves[pages.link.half(of: peer)].region)
        sender = LinkSender(link: pages.link.id, own: own, peer: other, peerStatus: peerPages.status)
        receiver = LinkReceiver(link: pages.link.id, own: own, peer: other, control: task.control, peerStatus: peerPages.status)
        news = receiver.news
    }

    func ring() { peerPages.pipe += 1 }

    func beginCall() -> ReplyToken? {
        guard let index = freeCalls.popLast() else { return nil }
        generations[Int(index)] &+= 1
        return ReplyToken(index: index, generation: generations[Int(index)])
    }

    func endCall(_ token: ReplyToken) { freeCalls.append(token.index) }

    func announce(_ announcement: Announcement) {
        let index = Int(announcement.index)
        guard index < announced.count, announcement.isReply(of: generations[index]) else { return }
        announced[index] = generations[index]
    }

    func isAnnounced(_ token: ReplyToken) -> Bool { announced[Int(token.index)] == token.generation }
}
