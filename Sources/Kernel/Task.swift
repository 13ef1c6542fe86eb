/// A task: a space of rights, and what is charged to it.
struct Task: Hashable, Sendable {
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
    /// Counters of the ids that it may use: `first ..< first + portBlockSize` each.
    var portBlocks: [UInt64] = []
    /// The highest port counter that it has used.
    var highestPort: UInt64 = 0
    /// Faults of links with each peer.
    var linkFaults: [TaskID: Int] = [:]
    var isTraced = false
    /// The number of its last request: the next one is one more.
    var lastRequest: UInt64 = 0
    var charge = Charge()

    init(id: TaskID, identity: TaskIdentity, chief: TaskID?, isFirst: Bool, limits: Limits) {
        self.id = id
        self.identity = identity
        self.chief = chief
        self.isFirst = isFirst
        sendIndexes = IndexPool(limit: limits.sendRightsPerTaskMax)
        receiveIndexes = IndexPool(limit: limits.portsPerTaskMax)
        takeIndexes = IndexPool(limit: limits.incomingLeasesPerTaskMax)
        linkPlaces = IndexPool(limit: limits.linksPerTaskMax)
    }

    func owns(_ port: PortID) -> Bool {
        portBlocks.contains { $0 <= port.counter && port.counter < $0 + Kernel.portBlockSize }
    }
}

/// A send right in a space.
struct SendEntry: Hashable, Sendable {
    let index: UInt32
    /// The port has died: a dead name, until the library gives it up (spec/mach.md 1.6).
    var isDead = false
    var lease: LeaseID?
}

/// What a task has sent and nobody has received yet.
struct Charge: Hashable, Sendable {
    var bytes = 0
    var messages = 0
    var memory = 0
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
