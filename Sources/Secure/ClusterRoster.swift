public import MasixWire

/// A node as the administrator signs it.
public struct ClusterNode: Hashable, Sendable, WireCodable {
    /// 1 or more; never given to another node.
    public let number: UInt32
    public let name: NodeName
    /// SHA-256 of the SubjectPublicKeyInfo of the node's key.
    public let fingerprint: Digest256
    /// HOST:PORT; taken apart by whoever dials.
    public let address: String
    /// Counts what the administrator has said about this node.
    public let epoch: UInt64
    /// From then on the entry counts no more.
    public let expires: WallTime

    public static let addressBytesMax = 262

    /// Nil if a field is not what it must be.
    public init?(number: UInt32, name: NodeName, fingerprint: Digest256, address: String, epoch: UInt64, expires: WallTime) {
        guard number > 0, epoch > 0, Self.isAddress(address) else { return nil }
        self.number = number
        self.name = name
        self.fingerprint = fingerprint
        self.address = address
        self.epoch = epoch
        self.expires = expires
    }

    private static func isAddress(_ text: String) -> Bool {
        (3...addressBytesMax).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(number)
        writer.write(name)
        writer.write(fingerprint)
        writer.write(address)
        writer.write(epoch)
        writer.write(expires.seconds)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        guard
            let node = ClusterNode(
                number: try reader.read(), name: try reader.read(), fingerprint: try reader.read(),
                address: try reader.readText(limit: Self.addressBytesMax, field: "address"), epoch: try reader.read(),
                expires: WallTime(seconds: try reader.read()))
        else { throw .malformed(field: "node") }
        self = node
    }
}

/// The nodes of a cluster, signed: who is not in it is no member, and a key that was revoked never is one again (spec/security.md 3.3).
public struct ClusterRoster: SignedContent, Hashable {
    public static var magic: StaticString { "MSXROST1" }
    public static var label: StaticString { "masix/1/roster" }
    public static var payloadBytesMax: Int { 1 << 20 }

    public let cluster: ClusterID
    public let version: UInt64
    public let notBefore: WallTime
    public let notAfter: WallTime
    public let nodes: [ClusterNode]
    /// Fingerprints of keys that count no more, whatever else is said.
    public let revoked: [Digest256]

    public static let nodesMax = 1_024
    public static let revokedMax = 8_192

    /// Throws what contradicts itself.
    public init(
        cluster: ClusterID, version: UInt64, notBefore: WallTime, notAfter: WallTime, nodes: [ClusterNode],
        revoked: [Digest256] = []
    ) throws(WireError) {
        guard version > 0 else { throw .malformed(field: "version") }
        guard notBefore < notAfter else { throw .malformed(field: "time") }
        guard nodes.count <= Self.nodesMax else {
            throw .tooLarge(field: "nodes", value: UInt64(nodes.count), limit: UInt64(Self.nodesMax))
        }
        guard revoked.count <= Self.revokedMax else {
            throw .tooLarge(field: "revoked", value: UInt64(revoked.count), limit: UInt64(Self.revokedMax))
        }
        guard Set(nodes.map(\.number)).count == nodes.count, Set(nodes.map(\.name)).count == nodes.count,
            Set(nodes.map(\.fingerprint)).count == nodes.count
        else { throw .malformed(field: "nodes") }
        guard Set(revoked).count == revoked.count, Set(revoked).isDisjoint(with: nodes.map(\.fingerprint)) else {
            throw .malformed(field: "revoked")
        }
        self.cluster = cluster
        self.version = version
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.nodes = nodes
        self.revoked = revoked
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(cluster)
        writer.write(version)
        writer.write(notBefore.seconds)
        writer.write(notAfter.seconds)
        writer.write(list: nodes)
        writer.write(list: revoked)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        try self.init(
            cluster: try reader.read(), version: try reader.read(), notBefore: WallTime(seconds: try reader.read()),
            notAfter: WallTime(seconds: try reader.read()), nodes: try reader.readList(limit: Self.nodesMax, field: "nodes"),
            revoked: try reader.readList(limit: Self.revokedMax, field: "revoked"))
    }

    public subscript(name name: NodeName) -> ClusterNode? { nodes.first { $0.name == name } }

    /// Whose key this is, if it counts at this time.
    public func node(with fingerprint: Digest256, at now: WallTime) -> ClusterNode? {
        nodes.first { $0.fingerprint == fingerprint && now < $0.expires }
    }

    public func fault(after earlier: ClusterRoster) -> String? {
        for before in earlier.nodes {
            guard let node = nodes.first(where: { $0.number == before.number }) else { continue }
            if node.epoch < before.epoch { return "node \(node.name) goes back from epoch \(before.epoch) to \(node.epoch)" }
            if node.epoch == before.epoch, node != before { return "node \(node.name) has changed within epoch \(node.epoch)" }
        }
        return Set(earlier.revoked).isSubset(of: revoked) ? nil : "a revoked key is not revoked any more"
    }

    /// Nodes whose channels end when this takes the place of `earlier`: those that are gone, and those whose entry has changed.
    public func ended(since earlier: ClusterRoster) -> [ClusterNode] { earlier.nodes.filter { !nodes.contains($0) } }
}
