public import MasixKernel
public import MasixWire

/// Which events somebody wants to see: those that concern one of the tasks or one of the ports; with both empty, all.
public struct TraceFilter: Hashable, Sendable, WireCodable {
    static let listMax = 256

    public var tasks: [TaskID]
    public var ports: [PortID]
    /// Whether the messages of these tasks pass the nucleus meanwhile; else what takes a link is not seen.
    public var closesLeases: Bool

    public init(tasks: [TaskID] = [], ports: [PortID] = [], closesLeases: Bool = true) {
        self.tasks = tasks
        self.ports = ports
        self.closesLeases = closesLeases
    }

    public func admits(_ event: TraceEvent) -> Bool {
        if tasks.isEmpty && ports.isEmpty { return true }
        if tasks.contains(event.task) { return true }
        if let peer = event.peer, tasks.contains(peer) { return true }
        if let port = event.port, ports.contains(port) { return true }
        return false
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(list: tasks)
        writer.write(list: ports)
        writer.write(closesLeases)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        tasks = try reader.readList(limit: Self.listMax, field: "tasks")
        ports = try reader.readList(limit: Self.listMax, field: "ports")
        closesLeases = try reader.readBool()
    }
}

/// One thing that happened, by the nucleus's account. Contents are never shown.
public struct TraceEvent: Hashable, Sendable, WireCodable {
    public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        case attached = 1
        case ended = 2
        /// A message was accepted from `task`; `count` bytes.
        case sent = 3
        /// It waits for room.
        case blocked = 4
        /// `task` received a message of `peer`; `count` bytes.
        case received = 5
        /// A right came into the space of `task`.
        case rightArrived = 6
        /// A right left it.
        case rightGone = 7
        /// `task` received a notification; `code` is its message id.
        case notified = 8
        /// `task` may send to `port` by a link; `count` is the window.
        case leaseGranted = 9
        /// `count` frames were harvested.
        case leaseClosed = 10
        case linkOpened = 11
        case linkClosed = 12
        /// The port of a send right of `task` died.
        case portDied = 13
        case refused = 14
        /// Any other request that was done.
        case done = 15
        /// A frame of `count` bytes went to another node, or came from one, by the word of `task`, the network server; `code` is the
        /// step of the paper's figure 2.
        case frameSent = 16
        case frameReceived = 17
    }

    /// Rises by one with each event of the node that anybody traces.
    public var sequence: UInt64
    /// The nucleus's steady clock.
    public var nanoseconds: UInt64
    public var kind: Kind
    public var task: TaskID
    public var peer: TaskID?
    public var port: PortID?
    public var code: UInt32
    public var count: UInt64
    /// For people: which request, which right, which reason.
    public var detail: String

    public init(
        _ kind: Kind, task: TaskID, peer: TaskID? = nil, port: PortID? = nil, code: UInt32 = 0, count: UInt64 = 0, detail: String = "",
        sequence: UInt64 = 0, nanoseconds: UInt64 = 0
    ) {
        self.sequence = sequence
        self.nanoseconds = nanoseconds
        self.kind = kind
        self.task = task
        self.peer = peer
        self.port = port
        self.code = code
        self.count = count
        self.detail = detail
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(sequence)
        writer.write(nanoseconds)
        writer.write(kind.rawValue)
        writer.write(task)
        writer.write(optional: peer)
        writer.write(optional: port)
        writer.write(code)
        writer.write(count)
        writer.write(detail)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        sequence = try reader.read()
        nanoseconds = try reader.read()
        let tag = try reader.read(UInt8.self)
        guard let kind = Kind(rawValue: tag) else { throw .unknownCase(of: "TraceEvent", tag: UInt64(tag)) }
        self.kind = kind
        task = try reader.read()
        peer = try reader.readOptional()
        port = try reader.readOptional()
        code = try reader.read()
        count = try reader.read()
        detail = try reader.readText(limit: 256, field: "detail")
    }
}
