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

extension Kernel {
    /// Whether this task may send with that speaker.
    func check(_ speaker: Speaker?, of id: TaskID) throws(Refusal) {
        guard let speaker else { return }
        guard chief == id, speaker.task.node != 0, speaker.task.node != node.number else { throw .notPermitted }
    }

    mutating func setChief(_ task: TaskID, by id: TaskID) throws(Refusal) -> Response {
        guard tasks[id]?.isFirst == true else { throw .notPermitted }
        guard tasks[task] != nil else { throw .invalidName }
        chief = task
        return .done
    }
}
