public import MasixKernel
public import MasixWire

/// What people ask of a node. Not journaled.
///
/// Its envelope bears a number of its own with the top bit set, which the answer repeats: a nucleus that takes over may answer a query
/// twice, and the second answer must not be taken for that of the next (Documentation/Decisions/0004).
///
/// The first task, root, and the user of the nucleus may ask everything; others are told what concerns themselves.
public enum Query: Hashable, Sendable, WireCodable {
    /// What tells the number of a query from that of a request.
    public static let numberBit: UInt64 = 1 << 63

    /// Tables, a page at a time: rows above the given id, in order.
    case tasks(after: TaskID?)
    case ports(after: PortID?)
    case links(after: LinkID?)
    case counters
    /// Closes the open leases of a port, or of all. The receiver of a port may ask for that port.
    case revoke(PortID?)
    /// Makes all messages of a task pass the nucleus, or lets them take links again. A task may ask for itself.
    case trace(TaskID, Bool)
    /// From here on events that the filter lets through are kept for this task, a bounded number of them.
    case subscribeTrace(TraceFilter)
    case unsubscribeTrace
    /// What has been kept since the last time.
    case readTrace
    /// A frame between nodes, for those who look on: the node's chief alone tells of them, since they pass it and not the nucleus.
    /// `step` is that of the paper's figure 2; `note` is for people. `notFound`: nobody looks on.
    case frame(isSent: Bool, step: UInt32, count: UInt64, note: String)

    static let noteBytesMax = 256

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .tasks(let after):
            writer.write(UInt8(1))
            writer.write(optional: after)
        case .ports(let after):
            writer.write(UInt8(2))
            writer.write(optional: after)
        case .links(let after):
            writer.write(UInt8(3))
            writer.write(optional: after)
        case .counters: writer.write(UInt8(4))
        case .revoke(let port):
            writer.write(UInt8(5))
            writer.write(optional: port)
        case .trace(let task, let on):
            writer.write(UInt8(6))
            writer.write(task)
            writer.write(on)
        case .subscribeTrace(let filter):
            writer.write(UInt8(7))
            writer.write(filter)
        case .unsubscribeTrace: writer.write(UInt8(8))
        case .readTrace: writer.write(UInt8(9))
        case .frame(let isSent, let step, let count, let note):
            writer.write(UInt8(10))
            writer.write(isSent)
            writer.write(step)
            writer.write(count)
            writer.write(note)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .tasks(after: try reader.readOptional())
        case 2: self = .ports(after: try reader.readOptional())
        case 3: self = .links(after: try reader.readOptional())
        case 4: self = .counters
        case 5: self = .revoke(try reader.readOptional())
        case 6: self = .trace(try reader.read(), try reader.readBool())
        case 7: self = .subscribeTrace(try reader.read())
        case 8: self = .unsubscribeTrace
        case 9: self = .readTrace
        case 10:
            self = .frame(
                isSent: try reader.readBool(), step: try reader.read(), count: try reader.read(),
                note: try reader.readText(limit: Self.noteBytesMax, field: "note"))
        case let tag: throw .unknownCase(of: "Query", tag: UInt64(tag))
        }
    }
}

/// The answer to a query, in an envelope with the query's number.
public enum Answer: Hashable, Sendable, WireCodable {
    case done
    case notPermitted
    /// No such task or port.
    case notFound
    /// An empty page is the end of a table.
    case tasks([TaskRow])
    case ports([PortRow])
    case links([LinkRow])
    case counters(NodeCounters)
    /// Events in order, and how many before them were dropped because nobody read.
    case trace([TraceEvent], dropped: UInt64)

    /// Rows in one page.
    public static let rowsMax = 32
    public static let traceEventsMax = 256

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .done: writer.write(UInt8(1))
        case .notPermitted: writer.write(UInt8(2))
        case .notFound: writer.write(UInt8(3))
        case .tasks(let rows):
            writer.write(UInt8(4))
            writer.write(list: rows)
        case .ports(let rows):
            writer.write(UInt8(5))
            writer.write(list: rows)
        case .links(let rows):
            writer.write(UInt8(6))
            writer.write(list: rows)
        case .counters(let counters):
            writer.write(UInt8(7))
            writer.write(counters)
        case .trace(let events, let dropped):
            writer.write(UInt8(8))
            writer.write(list: events)
            writer.write(dropped)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .done
        case 2: self = .notPermitted
        case 3: self = .notFound
        case 4: self = .tasks(try reader.readList(limit: Self.rowsMax, field: "rows"))
        case 5: self = .ports(try reader.readList(limit: Self.rowsMax, field: "rows"))
        case 6: self = .links(try reader.readList(limit: Self.rowsMax, field: "rows"))
        case 7: self = .counters(try reader.read())
        case 8: self = .trace(try reader.readList(limit: Self.traceEventsMax, field: "events"), dropped: try reader.read())
        case let tag: throw .unknownCase(of: "Answer", tag: UInt64(tag))
        }
    }
}

/// What a node has done since its nucleus started, for `masix top` and `masix doctor`.
public struct NodeCounters: Hashable, Sendable, WireCodable {
    /// One number and what it counts, such as "requests" or "link faults, missing frames".
    public struct Entry: Hashable, Sendable, WireCodable {
        public let name: String
        public let value: UInt64

        public init(_ name: String, _ value: UInt64) {
            self.name = name
            self.value = value
        }

        public func encode(into writer: inout WireWriter) {
            writer.write(name)
            writer.write(value)
        }

        public init(from reader: inout WireReader) throws(WireError) {
            name = try reader.readText(limit: 128, field: "counter")
            value = try reader.read()
        }
    }

    public var node: NodeID
    public var uptimeNanoseconds: UInt64
    /// In a fixed order; names do not change within a version.
    public var entries: [Entry]

    public init(node: NodeID, uptimeNanoseconds: UInt64, entries: [Entry]) {
        self.node = node
        self.uptimeNanoseconds = uptimeNanoseconds
        self.entries = entries
    }

    /// 0 for a name that nobody counts.
    public subscript(name: String) -> UInt64 { entries.first { $0.name == name }?.value ?? 0 }

    public func encode(into writer: inout WireWriter) {
        writer.write(node)
        writer.write(uptimeNanoseconds)
        writer.write(list: entries)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        node = try reader.read()
        uptimeNanoseconds = try reader.read()
        entries = try reader.readList(limit: 256, field: "counters")
    }
}
