import DequeModule
import MasixWire

/// Who the last tasks were that have ended, or those of other nodes that have sent here.
///
/// A message names its sender, and may be received, or looked into, after its sender has gone; the question who that was has an
/// answer as long as it is not too old. Bounded by number and by text, the oldest end goes first: nobody can make it grow.
struct Remembrance: Hashable, Sendable {
    static let tasksMax = 4_096
    /// Bytes of all names and paths together.
    static let textMax = 1 << 20

    /// In the order of their ends.
    private(set) var order: Deque<TaskID> = []
    private var identities: [TaskID: TaskIdentity] = [:]
    private(set) var text = 0

    subscript(task: TaskID) -> TaskIdentity? { identities[task] }

    /// What is known of the task already stays: nobody changes its identity, and a number is never used again.
    mutating func remember(_ task: TaskID, _ identity: TaskIdentity) {
        guard identities[task] == nil else { return }
        identities[task] = identity
        order.append(task)
        text += Self.text(of: identity)
        while order.count > Self.tasksMax || text > Self.textMax {
            guard let oldest = order.popFirst(), let forgotten = identities.removeValue(forKey: oldest) else { break }
            text -= Self.text(of: forgotten)
        }
    }

    private static func text(of identity: TaskIdentity) -> Int { identity.executable.utf8.count + identity.name.utf8.count }
}

extension Remembrance: WireCodable {
    func encode(into writer: inout WireWriter) {
        writer.write(count: order.count)
        for task in order {
            guard let identity = identities[task] else { preconditionFailure("remembered by number and not by name") }
            writer.write(task)
            writer.write(identity)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        for _ in 0..<(try reader.readSize(field: "ended tasks")) {
            let (task, identity): (TaskID, TaskIdentity) = (try reader.read(), try reader.read())
            guard identities[task] == nil else { throw .malformed(field: "ended tasks") }
            remember(task, identity)
        }
    }
}
