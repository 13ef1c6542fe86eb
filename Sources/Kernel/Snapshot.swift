// The whole kernel as bytes, and back: what a restarted nucleus begins its replay from. Tables are written in rising order, so
// that equal kernels give equal bytes. What comes back is recounted like any kernel: a snapshot that does not add up is refused.

public import MasixWire

extension Kernel: WireCodable {
    /// Changes with every change of the format; a snapshot of another version is refused.
    static let snapshotVersion: UInt32 = 7

    public func encode(into writer: inout WireWriter) {
        writer.write(Self.snapshotVersion)
        writer.write(node)
        writer.write(limits)
        writer.write(table: tasks) { $0.write($1) }
        writer.write(table: ports) { $0.write($1) }
        writer.write(table: sendOnces) { $0.write($1) }
        writer.write(table: links) { $0.write($1) }
        writer.write(table: leases) { $0.write($1) }
        writer.write(table: unclaimed) { $0.write($1) }
        writer.write(table: transitPorts) { $0.write($1) }
        writer.write(table: ticketPorts) { $0.write($1) }
        writer.write(optional: bootstrap)
        writer.write(optional: chief)
        writer.write(ended)
        writer.write(strangers)
        writer.write(table: receipts) { $0.write($1) }
        for counter in [lastTask, lastMessage, lastSendOnce, lastTicket, lastLink, lastLease, nextPortBlock] { writer.write(counter) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let version = try reader.read(UInt32.self)
        guard version == Self.snapshotVersion else { throw .unknownCase(of: "snapshot version", tag: UInt64(version)) }
        self.init(node: try reader.read(), limits: try reader.read())
        tasks = try reader.readTable(field: "tasks") { (reader) throws(WireError) in try reader.read() }
        ports = try reader.readTable(field: "ports") { (reader) throws(WireError) in try reader.read() }
        sendOnces = try reader.readTable(field: "send-once rights") { (reader) throws(WireError) in try reader.read() }
        links = try reader.readTable(field: "links") { (reader) throws(WireError) in try reader.read() }
        leases = try reader.readTable(field: "leases") { (reader) throws(WireError) in try reader.read() }
        unclaimed = try reader.readTable(field: "unclaimed replies") { (reader) throws(WireError) in try reader.read() }
        transitPorts = try reader.readTable(field: "receive rights in transit") { (reader) throws(WireError) in try reader.read() }
        ticketPorts = try reader.readTable(field: "tickets") { (reader) throws(WireError) in try reader.read() }
        bootstrap = try reader.readOptional()
        chief = try reader.readOptional()
        ended = try reader.read()
        strangers = try reader.read()
        receipts = try reader.readTable(field: "receipts") { (reader) throws(WireError) in try reader.read() }
        lastTask = try reader.read()
        lastMessage = try reader.read()
        lastSendOnce = try reader.read()
        lastTicket = try reader.read()
        lastLink = try reader.read()
        lastLease = try reader.read()
        nextPortBlock = try reader.read()
        guard violations().isEmpty else { throw .malformed(field: "kernel") }
    }
}

extension Kernel.UnclaimedReply: WireCodable {
    func encode(into writer: inout WireWriter) {
        writer.write(link)
        writer.write(callee)
        writer.write(index)
        writer.write(generation)
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(link: try reader.read(), callee: try reader.read(), index: try reader.read(), generation: try reader.read())
    }
}

extension Limits: WireCodable {
    /// Every limit that is a number, in the order of the format.
    private static var numbers: [WritableKeyPath<Limits, Int>] {
        [
            \.portsPerTaskMax, \.sendRightsPerTaskMax, \.sendOncesPerTaskMax, \.queuedBytesPerTaskMax, \.queuedMessagesPerTaskMax,
            \.memoryInFlightPerTaskMax, \.blockedSendsPerTaskMax, \.linksPerTaskMax, \.incomingLeasesPerTaskMax,
        ]
    }

    public func encode(into writer: inout WireWriter) {
        for number in Self.numbers { writer.write(count: self[keyPath: number]) }
        writer.write(linksEnabled)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init()
        for number in Self.numbers { self[keyPath: number] = try reader.readNumber(field: "limit") }
        linksEnabled = try reader.readBool()
    }
}

// MARK: tables

extension WireWriter {
    /// A number that is not negative.
    mutating func write(count: Int) { write(UInt64(count)) }

    mutating func write<Key: WireEncodable & Comparable, Value>(
        table: [Key: Value], _ writeValue: (inout WireWriter, Value) -> Void
    ) {
        write(count: table.count)
        for (key, value) in table.sorted(by: { $0.key < $1.key }) {
            write(key)
            writeValue(&self, value)
        }
    }

    mutating func write<Element: WireEncodable & Comparable>(set: Set<Element>) {
        write(count: set.count)
        for element in set.sorted() { write(element) }
    }
}

extension WireReader {
    /// At most half of what there are: two of them can be added before anything is known of them.
    mutating func readNumber(field: StaticName) throws(WireError) -> Int {
        guard let number = Int(exactly: try read(UInt64.self)), number <= Int.max / 2 else { throw .malformed(field: field) }
        return number
    }

    /// So many elements as are still to come; each has at least one byte.
    mutating func readSize(field: StaticName) throws(WireError) -> Int {
        let size = try readNumber(field: field)
        guard size <= remaining else { throw .truncated }
        return size
    }

    mutating func readTable<Key: WireDecodable & Comparable & Hashable, Value>(
        field: StaticName, _ readValue: (inout WireReader) throws(WireError) -> Value
    ) throws(WireError) -> [Key: Value] {
        let size = try readSize(field: field)
        var table: [Key: Value] = [:]
        table.reserveCapacity(size)
        var last: Key?
        for _ in 0..<size {
            let key: Key = try read()
            if let last, !(last < key) { throw .malformed(field: field) }
            last = key
            table[key] = try readValue(&self)
        }
        return table
    }

    mutating func readSet<Element: WireDecodable & Comparable & Hashable>(field: StaticName) throws(WireError) -> Set<Element> {
        let size = try readSize(field: field)
        var set: Set<Element> = []
        set.reserveCapacity(size)
        var last: Element?
        for _ in 0..<size {
            let element: Element = try read()
            if let last, !(last < element) { throw .malformed(field: field) }
            last = element
            set.insert(element)
        }
        return set
    }
}
