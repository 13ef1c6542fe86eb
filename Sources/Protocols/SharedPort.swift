public import Masix
public import MasixWire

/// A port that tasks of several nodes have rights to, as the network server of one of them has it in its books.
public struct SharedPort: Hashable, Sendable, WireCodable {
    /// Its identity among all nodes, for life: that of its own node.
    public var uid: PortID
    /// What it is called on this node: the same if it was born here; else its proxy, which lives as long as the channel.
    public var here: PortID
    /// Of a port of this node: the nodes that hold rights to it, by their numbers. None for a proxy.
    public var holders: [UInt32]

    static let holdersMax = 1_024

    public init(uid: PortID, here: PortID, holders: [UInt32] = []) {
        self.uid = uid
        self.here = here
        self.holders = holders
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(uid)
        writer.write(here)
        writer.write(UInt32(holders.count))
        for holder in holders { writer.write(holder) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        uid = try reader.read()
        here = try reader.read()
        holders = []
        for _ in 0..<(try reader.readCount(limit: Self.holdersMax, field: "holders")) { holders.append(try reader.read()) }
    }
}

/// The answer to `NetworkRequest.ports`, which root and the network server's own user get: by what they are called here.
public struct SharedPorts: Hashable, Sendable, WireCodable {
    public var ports: [SharedPort]

    /// There may be more, which are left out.
    public static let portsMax = 65_536

    public init(_ ports: [SharedPort]) { self.ports = ports }

    public func encode(into writer: inout WireWriter) { writer.write(list: ports) }

    public init(from reader: inout WireReader) throws(WireError) { ports = try reader.readList(limit: Self.portsMax, field: "ports") }
}

extension NetworkClient {
    /// The ports that this node shares with others; `.noReply` for whoever may not know.
    public func sharedPorts(timeout: Duration? = .seconds(10)) throws(MasixError) -> [SharedPort] {
        let bytes = try ask(.ports, timeout: timeout)
        guard let answer = try? SharedPorts(wireBytes: bytes) else { throw .malformedMessage }
        return answer.ports
    }
}
