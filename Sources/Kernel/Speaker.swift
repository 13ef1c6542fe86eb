public import MasixWire

/// A task of another node whose words the node's chief brings, and who it is as its own node says.
///
/// The receiver sees it as the sender. A chief speaks in another's name only where that keeps the direction: for tasks of other
/// nodes, never for one of this node (architecture, "Threads, data spaces, clans").
public struct Speaker: Hashable, Sendable, WireCodable {
    public let task: TaskID
    public let identity: TaskIdentity

    public init(_ task: TaskID, _ identity: TaskIdentity) {
        self.task = task
        self.identity = identity
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(identity)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        task = try reader.read()
        identity = try reader.read()
    }
}
