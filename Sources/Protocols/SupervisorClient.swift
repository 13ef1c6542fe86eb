public import Masix
import MasixWire

/// The supervisor of a node, for programs that want to know how the node is, or to change what runs on it.
///
/// ```swift
/// let supervisor = try SupervisorClient(space)
/// try supervisor.add(ServerSpecification(name: "clock", command: ["/usr/bin/clock-server"]))
/// ```
public struct SupervisorClient: ~Copyable, Sendable {
    private let port: SendRight

    /// Finds the supervisor by its name.
    public init(_ space: Space, timeout: Duration? = .seconds(10)) throws(NameError) {
        port = try space.names.lookUp(SupervisorRequest.name, timeout: timeout)
    }

    /// That of another node, or of this one, by what it is called among the nodes.
    public init(of node: String, _ space: Space, timeout: Duration? = .seconds(10)) throws(NameError) {
        port = try space.names.lookUp("\(SupervisorRequest.name)@\(node)", timeout: timeout)
    }

    /// A page of a table: a `Query` of the nucleus in its bytes, and its `Answer`.
    public func table(_ query: [UInt8], timeout: Duration? = .seconds(10)) throws(MasixError) -> [UInt8] {
        guard case .table(let answer) = try ask(.table(query), timeout) else { throw .malformedMessage }
        return answer
    }

    /// All names of the node in order, with their owners.
    public func names(timeout: Duration? = .seconds(10)) throws(MasixError) -> [NameRecord] {
        var all: [NameRecord] = []
        while true {
            guard case .names(let names, let more) = try ask(.names(after: all.last?.name ?? ""), timeout) else { throw .malformedMessage }
            // In order and new, or a supervisor could keep us here for ever.
            guard zip([all.last?.name ?? ""] + names.map(\.name), names).allSatisfy({ $0 < $1.name }) else { throw .malformedMessage }
            all += names
            if !more || names.isEmpty { return all }
        }
    }

    /// Waits for the end of a task's process; `timeout` nil waits for ever. The end of its node, or of the way there, is `.noReply` or `.deadName`.
    public func wait(for task: TaskID, timeout: Duration? = nil) throws(MasixError) -> TaskEnd {
        guard case .ended(let end) = try ask(.wait(task), timeout) else { throw .malformedMessage }
        return end
    }

    /// Sends a signal to a task's process.
    public func signal(_ task: TaskID, _ number: Int32, timeout: Duration? = .seconds(10)) throws(MasixError) {
        try order(.signal(task, number), timeout)
    }

    /// How the node is, and each of its processes.
    public func status(timeout: Duration? = .seconds(10)) throws(MasixError) -> NodeStatus {
        guard case .status(let status) = try ask(.status, timeout) else { throw .malformedMessage }
        return status
    }

    /// The servers beside the node's own.
    public func servers(timeout: Duration? = .seconds(10)) throws(MasixError) -> [ServerEntry] {
        guard case .servers(let servers) = try ask(.list, timeout) else { throw .malformedMessage }
        return servers
    }

    /// Starts a server and keeps it running until it is removed or the node ends. `.refusedByServer` says what is wrong with it.
    public func add(_ server: ServerSpecification, timeout: Duration? = .seconds(10)) throws(MasixError) {
        try order(.add(server), timeout)
    }

    /// Stops a server and forgets it.
    public func remove(_ name: String, timeout: Duration? = .seconds(10)) throws(MasixError) { try order(.remove(name), timeout) }

    /// Ends a server and starts it again.
    public func restart(_ name: String, timeout: Duration? = .seconds(10)) throws(MasixError) { try order(.restart(name), timeout) }

    /// Makes the supervisor read its configuration file again.
    public func reload(timeout: Duration? = .seconds(10)) throws(MasixError) { try order(.reload, timeout) }

    /// Ends the node. It is under way when this returns.
    /// The node may be gone before its answer is read: that too is what was asked for.
    public func stop(timeout: Duration? = .seconds(10)) throws(MasixError) {
        do {
            try order(.stop, timeout)
        } catch {
            guard case .nodeGone = error else { throw error }
        }
    }

    private func order(_ request: SupervisorRequest, _ timeout: Duration?) throws(MasixError) {
        guard case .done = try ask(request, timeout) else { throw .malformedMessage }
    }

    private func ask(_ request: SupervisorRequest, _ timeout: Duration?) throws(MasixError) -> SupervisorAnswer {
        var message = try port.call(Message(code: SupervisorRequest.code, bytes: request.wireBytes), timeout: timeout)
        var bytes = message.bytes
        if let memory = message.takeMemory() {
            guard memory.count <= SupervisorAnswer.bytesMax else { throw .malformedMessage }
            bytes = try memory.bytes()
        }
        guard message.code == SupervisorRequest.code, let answer = try? SupervisorAnswer(wireBytes: bytes) else { throw .malformedMessage }
        if case .refused(let words) = answer { throw .refusedByServer(words) }
        return answer
    }
}
