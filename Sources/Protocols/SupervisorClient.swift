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
