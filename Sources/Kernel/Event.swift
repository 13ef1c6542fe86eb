public import MasixWire

/// Everything that can happen to a kernel. A journal of these, with what was observed on the way, is its whole state.
public enum Event: Hashable, Sendable, WireCodable {
    /// A program has connected. The kernel gives it a number and a send right to the bootstrap port.
    /// `first` marks the node's first task, which alone may introduce others.
    case attach(TaskIdentity, first: Bool)
    /// A request of a task, numbered by the task from 1 without gaps.
    case request(TaskID, number: UInt64, Request)
    /// The task is gone: its process ended, or it closed its socket, or it broke the protocol.
    case end(TaskID)
    /// Somebody wants this task's messages to pass the nucleus, or no longer does.
    case trace(TaskID, Bool)
    /// Closes the open leases of a port (or of every port), for no reason but to do it: tests, and `masix` commands.
    case revoke(PortID?)
    /// The shell could not make the memory of a link that it was told to open: the link is given up.
    case linkFailed(LinkID)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .attach(let identity, let first):
            writer.write(UInt8(1))
            writer.write(identity)
            writer.write(first)
        case .request(let task, let number, let request):
            writer.write(UInt8(2))
            writer.write(task)
            writer.write(number)
            writer.write(request)
        case .end(let task):
            writer.write(UInt8(3))
            writer.write(task)
        case .trace(let task, let on):
            writer.write(UInt8(4))
            writer.write(task)
            writer.write(on)
        case .revoke(let port):
            writer.write(UInt8(5))
            writer.write(optional: port)
        case .linkFailed(let link):
            writer.write(UInt8(6))
            writer.write(link)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .attach(try reader.read(), first: try reader.readBool())
        case 2: self = .request(try reader.read(), number: try reader.read(), try reader.read())
        case 3: self = .end(try reader.read())
        case 4: self = .trace(try reader.read(), try reader.readBool())
        case 5: self = .revoke(try reader.readOptional())
        case 6: self = .linkFailed(try reader.read())
        case let tag: throw .unknownCase(of: "Event", tag: UInt64(tag))
        }
    }
}

/// What the shell must do, in this order: marks and closings come before the wake-ups of the same event (architecture rule 11).
/// Each can be done twice without harm, so that a restarted shell may repeat those of the last event.
public enum Action: Hashable, Sendable {
    /// The new task's number, and its send right to the bootstrap port.
    case attached(TaskID, bootstrap: Arrived, initial: [Arrived])
    case reply(TaskID, number: UInt64, Response)
    /// What this answer, one of several that come together, gives to the task anew: its places in control memory say nothing of whoever had
    /// them before.
    case entries(TaskID, Response)
    /// The port behind this entry of the task has died.
    case markDead(TaskID, index: UInt32)
    /// So many messages lie in the home queue of this receive entry, and so many have been received from it (modulo 2^32).
    case homeCount(TaskID, index: UInt32, count: UInt32, received: UInt32)
    /// The blocked send with this completion word has been accepted (or its port died: S4).
    case complete(TaskID, completion: UInt16, Ticket)
    /// The task has something to look at.
    case ring(TaskID)
    /// Make the memory of a link; both ends are told that an offer waits.
    case openLink(Link)
    /// Both halves are mapped: seal them.
    case sealLink(LinkID)
    case closeLink(LinkID, LinkFault?)
    /// A call over the link that was recalled is over: its reply word at the caller's place is not settled again with the link.
    case retire(LinkID, caller: TaskID, place: UInt32, index: UInt16, generation: UInt32)
    case grant(Lease)
    /// The lease has more credit, or has become or ceased to be the only one.
    case reshape(Lease)
    case release(Payload)
    case releaseMemory(MemoryToken)
    /// A right could not be given because the receiving task is over its quota (V7); it was destroyed.
    case shortage(TaskID)
    case gone(TaskID)
    /// Messages of this task, the chief, to so many ports have been received since it asked last.
    case receipts(TaskID, ports: UInt32)
}
