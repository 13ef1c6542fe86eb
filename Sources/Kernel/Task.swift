/// A task: a space of rights, and what is charged to it.
///
/// Like a port it is changed where it lies, by the one kernel that it belongs to.
final class Task: @unchecked Sendable {
    let id: TaskID
    let identity: TaskIdentity
    /// Whose clan it is in; nil for the outermost one.
    let chief: TaskID?
    /// The node's first task: the supervisor.
    let isFirst: Bool

    /// One entry per port, however many user references the library counts (Documentation/Decisions/0002).
    var sends: [PortID: SendEntry] = [:]
    var receives: [PortID: UInt32] = [:]
    var sendOnces: Set<SendOnceID> = []
    var sendIndexes: IndexPool
    var receiveIndexes: IndexPool
    var takeIndexes: IndexPool
    var linkPlaces: IndexPool
    var links: [TaskID: LinkID] = [:]
    var tickets: Set<Ticket> = []
    /// The ids that it may use, each once and in any order: a port that never leaves its library is never heard of here.
    var portBlocks: [PortBlock] = []
    /// Faults of links with each peer.
    var linkFaults: [TaskID: Int] = [:]
    var isTraced = false
    /// The number of its last request: the next one is one more.
    var lastRequest: UInt64 = 0
    var charge = Charge()

    init(
        id: TaskID, identity: TaskIdentity, chief: TaskID?, isFirst: Bool, sendIndexes: IndexPool, receiveIndexes: IndexPool,
        takeIndexes: IndexPool, linkPlaces: IndexPool
    ) {
        self.id = id
        self.identity = identity
        self.chief = chief
        self.isFirst = isFirst
        self.sendIndexes = sendIndexes
        self.receiveIndexes = receiveIndexes
        self.takeIndexes = takeIndexes
        self.linkPlaces = linkPlaces
    }

    convenience init(id: TaskID, identity: TaskIdentity, chief: TaskID?, isFirst: Bool, limits: Limits) {
        self.init(
            id: id, identity: identity, chief: chief, isFirst: isFirst, sendIndexes: IndexPool(limit: limits.sendRightsPerTaskMax),
            receiveIndexes: IndexPool(limit: limits.portsPerTaskMax), takeIndexes: IndexPool(limit: limits.incomingLeasesPerTaskMax),
            linkPlaces: IndexPool(limit: limits.linksPerTaskMax))
    }

    /// The same task for another kernel.
    convenience init(_ other: Task) {
        self.init(
            id: other.id, identity: other.identity, chief: other.chief, isFirst: other.isFirst, sendIndexes: other.sendIndexes,
            receiveIndexes: other.receiveIndexes, takeIndexes: other.takeIndexes, linkPlaces: other.linkPlaces)
        sends = other.sends
        receives = other.receives
        sendOnces = other.sendOnces
        links = other.links
        tickets = other.tickets
        portBlocks = other.portBlocks
        linkFaults = other.linkFaults
        isTraced = other.isTraced
        lastRequest = other.lastRequest
        charge = other.charge
    }

    func owns(_ port: PortID) -> Bool { portBlocks.contains { $0.contains(port) } }

    /// Whether the port, of a block of this task, has been given its home queue, now or long ago.
    func hasUsed(_ port: PortID) -> Bool { portBlocks.contains { $0.contains(port) && $0.hasUsed(port) } }

    func use(_ port: PortID) {
        if let place = portBlocks.firstIndex(where: { $0.contains(port) }) { portBlocks[place].use(port) }
    }
}

/// Ids of ports, given to a task as a block: which of them it has used, a bit for each up to the last.
struct PortBlock: Hashable, Sendable {
    let first: UInt64
    private(set) var used: [UInt64] = []

    init(first: UInt64, used: [UInt64] = []) {
        self.first = first
        self.used = used
    }

    func contains(_ port: PortID) -> Bool { first <= port.counter && port.counter < first + Kernel.portBlockSize }

    func hasUsed(_ port: PortID) -> Bool {
        let (word, bit) = place(of: port)
        return word < used.count && used[word] & bit != 0
    }

    mutating func use(_ port: PortID) {
        let (word, bit) = place(of: port)
        if word >= used.count { used += Array(repeating: 0, count: word + 1 - used.count) }
        used[word] |= bit
    }

    /// Words of bits that a whole block has.
    static var wordsMax: Int { Int(Kernel.portBlockSize / 64) }

    private func place(of port: PortID) -> (word: Int, bit: UInt64) {
        let offset = port.counter - first
        return (Int(offset / 64), 1 << (offset % 64))
    }
}

extension Task: Hashable {
    static func == (left: Task, right: Task) -> Bool {
        left.id == right.id && left.identity == right.identity && left.chief == right.chief && left.isFirst == right.isFirst
            && left.sends == right.sends && left.receives == right.receives && left.sendOnces == right.sendOnces
            && left.sendIndexes == right.sendIndexes && left.receiveIndexes == right.receiveIndexes
            && left.takeIndexes == right.takeIndexes && left.linkPlaces == right.linkPlaces && left.links == right.links
            && left.tickets == right.tickets && left.portBlocks == right.portBlocks
            && left.linkFaults == right.linkFaults && left.isTraced == right.isTraced && left.lastRequest == right.lastRequest
            && left.charge == right.charge
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(id)
        hasher.combine(sends)
        hasher.combine(lastRequest)
    }
}

/// A send right in a space.
struct SendEntry: Hashable, Sendable {
    let index: UInt32
    /// The port has died: a dead name, until the library gives it up (spec/mach.md 1.6).
    var isDead = false
    /// And a request for its name was armed then: the name has one more reference (1.6).
    var wasTold = false
    var lease: LeaseID?
}

/// What a task has sent and nobody has received yet.
struct Charge: Hashable, Sendable {
    var bytes = 0
    var messages = 0
    var memory = 0

    mutating func add(_ message: Message) {
        bytes += Int(message.payload.length)
        messages += 1
        memory += message.memory.count
    }

    mutating func subtract(_ message: Message) {
        bytes -= Int(message.payload.length)
        messages -= 1
        memory -= message.memory.count
    }
}

/// Small numbers, given out and taken back: places in control memory. The one given back last goes first, for its memory is warm.
struct IndexPool: Hashable, Sendable {
    let limit: Int
    var next: UInt32 = 0
    var free: [UInt32] = []

    init(limit: Int) { self.limit = limit }

    var isExhausted: Bool { free.isEmpty && Int(next) >= limit }

    mutating func take() -> UInt32? {
        if let index = free.popLast() { return index }
        guard Int(next) < limit else { return nil }
        defer { next += 1 }
        return next
    }

    mutating func give(back index: UInt32) { free.append(index) }
}

/// A send-once right, wherever it is.
struct SendOnce: Hashable, Sendable {
    /// nil: the port has died, the right is a dead name.
    var port: PortID?
    var holder: Holder

    enum Holder: Hashable, Sendable {
        case task(TaskID)
        /// In a message, queued or blocked.
        case transit
        /// Registered for a notification.
        case request
    }
}
