public import MasixWire

/// Whoever wants to open something, with all that his own node says of him. A node is believed about its own tasks and about no others.
public struct Asker: Hashable, Sendable, WireCodable, CustomStringConvertible {
    public let party: Party
    public let uid: UInt32
    /// SHA-256 of what he was started from; meaningful only if he is attested.
    public let executable: Digest256
    /// Started by the supervisor from bytes that it had hashed.
    public let isAttested: Bool

    public init(party: Party, uid: UInt32, executable: Digest256, isAttested: Bool) {
        self.party = party
        self.uid = uid
        self.executable = executable
        self.isAttested = isAttested
    }

    public var node: NodeName { party.node }

    /// The name of a server; nil of a client.
    public var server: ServerName? {
        guard case .server(let name) = party else { return nil }
        return name.server
    }

    public var description: String { "\(party), uid \(uid)\(isAttested ? "" : ", unattested")" }

    public func encode(into writer: inout WireWriter) {
        writer.write(party)
        writer.write(uid)
        writer.write(executable)
        writer.write(isAttested)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(
            party: try reader.read(), uid: try reader.read(), executable: try reader.read(), isAttested: try reader.readBool())
        // A client's user stands in both places, and is one.
        if case .client(let client) = party, client.uid != uid { throw .malformed(field: "uid") }
    }
}
