public import MasixWire

// The tables of a node, for people and for the shell's housekeeping. Nothing here changes anything.

/// A task, as `masix ps` shows it.
public struct TaskRow: Hashable, Sendable, WireCodable {
    public let id: TaskID
    public let identity: TaskIdentity
    public let chief: TaskID?
    public let isFirst: Bool
    public let isTraced: Bool
    public let receiveRights: UInt32
    public let sendRights: UInt32
    public let sendOnceRights: UInt32
    public let blockedSends: UInt32
    public let links: UInt32
    /// What it has sent and nobody has received yet: bytes, messages, memory objects.
    public let chargedBytes: UInt64
    public let chargedMessages: UInt32
    public let chargedMemory: UInt32
    public let requests: UInt64
    /// Messages that the nucleus has handed to it; known to the shell.
    public var received: UInt64 = 0

    init(_ task: Task) {
        id = task.id
        identity = task.identity
        chief = task.chief
        isFirst = task.isFirst
        isTraced = task.isTraced
        receiveRights = UInt32(task.receives.count)
        sendRights = UInt32(task.sends.count)
        sendOnceRights = UInt32(task.sendOnces.count)
        blockedSends = UInt32(task.tickets.count)
        links = UInt32(task.links.count)
        chargedBytes = UInt64(max(0, task.charge.bytes))
        chargedMessages = UInt32(max(0, task.charge.messages))
        chargedMemory = UInt32(max(0, task.charge.memory))
        requests = task.lastRequest
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(id)
        writer.write(identity)
        writer.write(optional: chief)
        writer.write(isFirst)
        writer.write(isTraced)
        writer.write(receiveRights)
        writer.write(sendRights)
        writer.write(sendOnceRights)
        writer.write(blockedSends)
        writer.write(links)
        writer.write(chargedBytes)
        writer.write(chargedMessages)
        writer.write(chargedMemory)
        writer.write(requests)
        writer.write(received)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        id = try reader.read()
        identity = try reader.read()
        chief = try reader.readOptional()
        isFirst = try reader.readBool()
        isTraced = try reader.readBool()
        receiveRights = try reader.read()
        sendRights = try reader.read()
        sendOnceRights = try reader.read()
        blockedSends = try reader.read()
        links = try reader.read()
        chargedBytes = try reader.read()
        chargedMessages = try reader.read()
        chargedMemory = try reader.read()
        requests = try reader.read()
        received = try reader.read()
    }
}

/// An open lease, from the port's side.
public struct LeaseRow: Hashable, Sendable, WireCodable {
    public let sender: TaskID
    public let port: PortID
    public let link: LinkID
    public let window: UInt16

    init(_ lease: Lease) {
        sender = lease.sender
        port = lease.port
        link = lease.link
        window = lease.window
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(sender)
        writer.write(port)
        writer.write(link)
        writer.write(window)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        sender = try reader.read()
        port = try reader.read()
        link = try reader.read()
        window = try reader.read()
    }
}

/// A port, as `masix ports` shows it.
public struct PortRow: Hashable, Sendable, WireCodable {
    /// Lists in a row are cut to this many; the counts beside them are whole.
    public static let listMax = 64

    public let id: PortID
    /// Nil while the receive right is in a message.
    public let receiver: TaskID?
    public let isBootstrap: Bool
    public let queueLimit: UInt32
    /// In the home queue.
    public let queued: UInt32
    public let blockedSenders: UInt32
    public let makeSendCount: UInt32
    /// Holders of send rights.
    public let senders: [TaskID]
    public let senderCount: UInt32
    public let sendRightsInTransit: UInt32
    public let sendOnceRights: UInt32
    public let leases: [LeaseRow]
    public let leaseCount: UInt32
    public let noSendersRequested: Bool
    public let portDestroyedRequested: Bool
    public let deadNameRequests: UInt32

    /// What one task may know of a port to which it can only send leaves out the others (`seenBy`).
    init(_ port: Port, _ leases: [LeaseRow], isBootstrap: Bool, seenBy viewer: TaskID?) {
        id = port.id
        var receiver: TaskID?
        if case .task(let task) = port.receiver { receiver = task }
        self.receiver = receiver
        self.isBootstrap = isBootstrap
        queueLimit = UInt32(port.queueLimit)
        queued = UInt32(port.queue.count)
        blockedSenders = UInt32(port.blocked.count)
        makeSendCount = port.makeSendCount
        let isWhole = viewer == nil || viewer == receiver
        senders = Array(port.senders.filter { isWhole || $0 == viewer }.sorted().prefix(Self.listMax))
        senderCount = UInt32(port.senders.count)
        sendRightsInTransit = UInt32(max(0, port.sendsInTransit))
        sendOnceRights = UInt32(port.sendOnces.count)
        self.leases = Array(leases.filter { isWhole || $0.sender == viewer }.prefix(Self.listMax))
        leaseCount = UInt32(port.leases.count)
        noSendersRequested = port.noSenders != nil
        portDestroyedRequested = port.portDestroyed != nil
        deadNameRequests = UInt32(port.deadNames.count)
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(id)
        writer.write(optional: receiver)
        writer.write(isBootstrap)
        writer.write(queueLimit)
        writer.write(queued)
        writer.write(blockedSenders)
        writer.write(makeSendCount)
        writer.write(list: senders)
        writer.write(senderCount)
        writer.write(sendRightsInTransit)
        writer.write(sendOnceRights)
        writer.write(list: leases)
        writer.write(leaseCount)
        writer.write(noSendersRequested)
        writer.write(portDestroyedRequested)
        writer.write(deadNameRequests)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        id = try reader.read()
        receiver = try reader.readOptional()
        isBootstrap = try reader.readBool()
        queueLimit = try reader.read()
        queued = try reader.read()
        blockedSenders = try reader.read()
        makeSendCount = try reader.read()
        senders = try reader.readList(limit: Self.listMax, field: "senders")
        senderCount = try reader.read()
        sendRightsInTransit = try reader.read()
        sendOnceRights = try reader.read()
        leases = try reader.readList(limit: Self.listMax, field: "leases")
        leaseCount = try reader.read()
        noSendersRequested = try reader.readBool()
        portDestroyedRequested = try reader.readBool()
        deadNameRequests = try reader.read()
    }
}

/// A link, with its leases in both directions.
public struct LinkRow: Hashable, Sendable, WireCodable {
    public let id: LinkID
    public let first: TaskID
    public let second: TaskID
    /// Both ends have mapped it.
    public let isReady: Bool
    public let leases: [LeaseRow]
    public let leaseCount: UInt32
    /// How often links of this pair have been closed for a fault.
    public let faults: UInt32

    init(_ link: Link, _ leases: [LeaseRow], faults: Int) {
        id = link.id
        first = link.first
        second = link.second
        isReady = link.isReady
        self.leases = Array(leases.prefix(PortRow.listMax))
        leaseCount = UInt32(link.leases.count)
        self.faults = UInt32(faults)
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(id)
        writer.write(first)
        writer.write(second)
        writer.write(isReady)
        writer.write(list: leases)
        writer.write(leaseCount)
        writer.write(faults)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        id = try reader.read()
        first = try reader.read()
        second = try reader.read()
        isReady = try reader.readBool()
        leases = try reader.readList(limit: PortRow.listMax, field: "leases")
        leaseCount = try reader.read()
        faults = try reader.read()
    }
}

extension Kernel {
    /// Ports with an open lease, in order.
    public var leasedPorts: [PortID] { Set(leases.values.map(\.port)).sorted() }

    public var taskCount: Int { tasks.count }
    public var portCount: Int { ports.count }
    public var linkCount: Int { links.count }
    public var leaseCount: Int { leases.count }

    public func receiver(of port: PortID) -> TaskID? {
        if case .task(let task)? = ports[port]?.receiver { task } else { nil }
    }

    public func isTraced(_ task: TaskID) -> Bool { tasks[task]?.isTraced ?? false }

    /// Tasks above `after` in order, at most `limit`; for one viewer only itself.
    public func taskRows(after: TaskID?, limit: Int, seenBy viewer: TaskID? = nil) -> [TaskRow] {
        let ids = tasks.keys.filter { viewer == nil || $0 == viewer }
        return smallest(limit, of: ids, after: after).compactMap { tasks[$0].map { TaskRow($0) } }
    }

    /// Ports above `after` in order, at most `limit`; for one viewer those that it receives from or may send to.
    public func portRows(after: PortID?, limit: Int, seenBy viewer: TaskID? = nil) -> [PortRow] {
        let ids = viewer.map { viewer in ports.keys.filter { tasks[viewer]?.receives[$0] != nil || tasks[viewer]?.sends[$0] != nil } }
        return smallest(limit, of: ids ?? Array(ports.keys), after: after).compactMap { id in
            ports[id].map { PortRow($0, rows(of: $0.leases), isBootstrap: id == bootstrap, seenBy: viewer) }
        }
    }

    /// Links above `after` in order, at most `limit`; for one viewer those that it is an end of.
    public func linkRows(after: LinkID?, limit: Int, seenBy viewer: TaskID? = nil) -> [LinkRow] {
        let ids = links.values.filter { link in viewer.map { link.joins($0) } ?? true }.map(\.id)
        return smallest(limit, of: ids, after: after).compactMap { id in
            links[id].map { LinkRow($0, rows(of: $0.leases), faults: tasks[$0.first]?.linkFaults[$0.second] ?? 0) }
        }
    }

    private func rows(of ids: some Sequence<LeaseID>) -> [LeaseRow] { ids.sorted().compactMap { leases[$0].map { LeaseRow($0) } } }

    /// The lowest of those above `after`, in order, without sorting all.
    private func smallest<ID: Comparable>(_ count: Int, of ids: [ID], after: ID?) -> [ID] {
        var found: [ID] = []
        for id in ids where after.map({ $0 < id }) ?? true {
            if found.count == count, let last = found.last, last < id { continue }
            var (low, high) = (0, found.count)
            while low < high {
                let middle = (low + high) / 2
                if found[middle] < id { low = middle + 1 } else { high = middle }
            }
            found.insert(id, at: low)
            if found.count > count { found.removeLast() }
        }
        return found
    }

    /// Where the bytes of every message lie that has not been received.
    public var livePayloads: [Payload] { liveMessages.filter { $0.payload.length > 0 }.map(\.payload) }

    /// The memory objects of every message that has not been received.
    public var liveMemory: [MemoryToken] { liveMessages.flatMap(\.memory) }

    private var liveMessages: [Message] { ports.values.flatMap { Array($0.queue) + $0.blocked.map(\.message) } }

    /// Every task, in order.
    public var taskIDs: [TaskID] { tasks.keys.sorted() }
    /// Every link, in order.
    public var allLinks: [Link] { links.values.sorted { $0.id < $1.id } }
    /// Who a task is, or was if it has ended not too long ago.
    public func identity(ofTask id: TaskID) -> TaskIdentity? { tasks[id]?.identity ?? ended[id] ?? strangers[id] }
    public func isFirst(_ id: TaskID) -> Bool { tasks[id]?.isFirst ?? false }
    public func lastRequest(of id: TaskID) -> UInt64 { tasks[id]?.lastRequest ?? 0 }
}

extension Kernel {
    /// No task is left, and with the last one everything must have gone.
    public var isDeserted: Bool {
        tasks.isEmpty && ports.isEmpty && sendOnces.isEmpty && links.isEmpty && leases.isEmpty && unclaimed.isEmpty
            && transitPorts.isEmpty && ticketPorts.isEmpty && bootstrap == nil
    }
}
