public import MasixKernel
public import MasixWire

/// The versions of the channel's protocol that a node speaks, from the lowest to the highest.
public struct ChannelVersions: Hashable, Sendable, CustomStringConvertible {
    public let lowest: UInt16
    public let highest: UInt16

    /// Nil if the lowest is above the highest.
    public init?(lowest: UInt16, highest: UInt16) {
        guard lowest <= highest else { return nil }
        self.lowest = lowest
        self.highest = highest
    }

    private init(only version: UInt16) {
        lowest = version
        highest = version
    }

    /// What this program speaks. 2: ports by their `PortUID`, gifts with a sequence. 3: sessions, byte orders, rights to ports of third
    /// nodes, names that are announced and withdrawn.
    public static let current = ChannelVersions(only: 3)

    public var description: String { lowest == highest ? "\(lowest)" : "\(lowest) to \(highest)" }
}

/// The first frame of each side of a channel: who it is and what it speaks.
public struct ChannelHello: Hashable, Sendable, WireCodable {
    public let versions: ChannelVersions
    /// Number and incarnation. The number must be the one of the certificate's entry in the roster.
    public let node: NodeID
    /// For people; at most 63 letters as in a roster.
    public let name: String
    /// For people; at most 63 bytes.
    public let software: String
    /// When its network server began, on its machine's monotonic clock in nanoseconds.
    public let start: UInt64
    /// What it remembers of whom it greets.
    public let memory: ChannelMemory
    /// That of the bodies of its tasks.
    public let order: ByteOrder

    public init(
        versions: ChannelVersions = .current, node: NodeID, name: String, software: String, start: UInt64 = 0,
        memory: ChannelMemory = ChannelMemory(), order: ByteOrder = .host
    ) {
        self.versions = versions
        self.node = node
        self.name = name
        self.software = software
        self.start = start
        self.memory = memory
        self.order = order
    }

    public var life: ServerLife { ServerLife(incarnation: node.incarnation, start: start) }

    static let magic: [UInt8] = Array("MSXCHAN".utf8) + [0]
    public static let textBytesMax = 63

    public func encode(into writer: inout WireWriter) {
        writer.write(raw: Self.magic)
        writer.write(versions.lowest)
        writer.write(versions.highest)
        writer.write(node)
        writer.write(name)
        writer.write(software)
        writer.write(start)
        writer.write(memory)
        writer.write(order)
    }

    /// What is behind `order` is refused here; a later version says more in frames of its own.
    public init(from reader: inout WireReader) throws(WireError) {
        guard try reader.readRaw(count: Self.magic.count) == Self.magic else { throw .malformed(field: "magic") }
        let lowest: UInt16 = try reader.read()
        let highest: UInt16 = try reader.read()
        guard let versions = ChannelVersions(lowest: lowest, highest: highest) else { throw .malformed(field: "versions") }
        self.versions = versions
        node = try reader.read(NodeID.self)
        guard node.number > 0 else { throw .malformed(field: "node") }
        name = try reader.readText(limit: Self.textBytesMax, field: "name")
        guard NodeRosterEntry.isName(name) else { throw .malformed(field: "name") }
        software = try reader.readText(limit: Self.textBytesMax, field: "software")
        guard software.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw .malformed(field: "software") }
        start = try reader.read()
        memory = try reader.read()
        order = try reader.read()
    }

    /// The version that both speak: the highest. `entry` is whom the other side's certificate belongs to.
    public func agree(with other: ChannelHello, of entry: NodeRosterEntry) throws(ChannelRefusal) -> UInt16 {
        guard other.node.number == entry.number else {
            throw .wrongNumber(claimed: other.node.number, rosterSays: entry.number)
        }
        guard other.node.number != node.number else { throw .ownKey }
        return try agree(with: other)
    }

    /// The version that both speak: the highest; or a refusal that says which side must be upgraded.
    public func agree(with other: ChannelHello) throws(ChannelRefusal) -> UInt16 {
        if other.versions.highest < versions.lowest { throw .peerTooOld(ours: versions, theirs: other.versions) }
        if other.versions.lowest > versions.highest { throw .peerTooNew(ours: versions, theirs: other.versions) }
        return min(versions.highest, other.versions.highest)
    }
}
