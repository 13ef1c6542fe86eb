/// What `network.json` in a node's state directory says: who the node is for other nodes, and where it listens.
public struct NodeNetworkFile: Codable, Hashable, Sendable {
    /// As in the roster; 1 or more.
    public let number: UInt32
    /// As in the roster.
    public let name: String
    /// `HOST:PORT`, with an IPv6 address in brackets. Port 0 is any that is free.
    public let listen: String
    /// What is told to all nodes of names: `none`, `answers`, `senders` or `both`. Missing means none.
    public let announce: String?
    /// The byte order that the node declares and uses for what its tasks say to other nodes: for tests, as a machine of that order would.
    /// The machine's own if it is not there.
    public let byteOrder: String?

    /// The names of the files in the state directory.
    public static let fileName = "network.json"
    public static let keyFileName = "node.key"
    public static let rosterFileName = "nodes.roster"

    /// Throws what is wrong with the first field that is wrong.
    public init(
        number: UInt32, name: String, listen: String, announce: String? = nil, byteOrder: ByteOrder? = nil
    ) throws(NodeRosterFault) {
        self.number = number
        self.name = name
        self.listen = listen
        self.announce = announce
        self.byteOrder = byteOrder.map { "\($0)" }
        if let fault { throw fault }
    }

    /// What is wrong with a file that has been read; nil if nothing is.
    public var fault: NodeRosterFault? {
        guard number > 0 else { return .number }
        guard NodeRosterEntry.isName(name) else { return .name }
        guard NameAnnouncements(words: announce ?? "none") != nil else { return .announce }
        do throws(NodeRosterFault) { _ = try address() } catch { return error }
        guard order != nil else { return .byteOrder }
        return nil
    }

    /// None, if it says nothing that is understood.
    public var announcements: NameAnnouncements { NameAnnouncements(words: announce ?? "none") ?? [] }

    /// Nil if what the file says is none.
    public var order: ByteOrder? {
        guard let byteOrder else { return .host }
        return ByteOrder.allCases.first { "\($0)" == byteOrder }
    }

    public func address() throws(NodeRosterFault) -> (host: String, port: UInt16) { try NodeRosterEntry.address(listen, zeroPort: true) }
}
