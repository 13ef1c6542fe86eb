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
    /// Whether this task is the node's network server.
    public func isChief(_ id: TaskID) -> Bool { chief == id }

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

/// So many messages of the chief to a port have been received.
public struct Receipt: Hashable, Sendable, WireCodable {
    public static let listMax = 1_024

    public let port: PortID
    public let count: UInt32

    public init(_ port: PortID, _ count: UInt32) {
        self.port = port
        self.count = count
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(port)
        writer.write(count)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        port = try reader.read()
        count = try reader.read()
    }
}

extension Kernel {
    mutating func receiveKeepingRoom(
        _ port: PortID, by id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        guard chief == id else { throw .notPermitted }
        // Before there is room that somebody who is blocked would take.
        if tasks[id]?.receives[port] != nil, case .send? = ports[port]?.queue.first?.via { ports[port]?.held += 1 }
        return try receive(from: port, by: id, &step, &world)
    }

    mutating func giveRoom(_ count: UInt32, in port: PortID, by id: TaskID, _ step: inout Step) throws(Refusal) -> Response {
        guard chief == id else { throw .notPermitted }
        guard tasks[id]?.receives[port] != nil, let record = ports[port] else { throw .invalidName }
        guard count <= record.held else { throw .invalidValue }
        record.held -= Int(count)
        step.roomier.append(port)
        return .done
    }

    /// A message of the chief has been received: the room that is kept for it elsewhere is free.
    mutating func acknowledge(_ message: Message, _ step: inout Step) {
        guard let chief, message.sender == chief, message.via == .send else { return }
        receipts[message.port, default: 0] += 1
        guard receipts[message.port] == 1 else { return }
        step.actions.append(.receipts(chief, ports: UInt32(receipts.count)))
        step.actions.append(.ring(chief))
    }

    mutating func takeReceipts(_ id: TaskID, _ step: inout Step) throws(Refusal) -> Response {
        guard chief == id else { throw .notPermitted }
        let taken = receipts.sorted { $0.key < $1.key }.prefix(Receipt.listMax).map { Receipt($0.key, $0.value) }
        for receipt in taken { receipts[receipt.port] = nil }
        step.actions.append(.receipts(id, ports: UInt32(receipts.count)))
        return .receipts(taken)
    }
}
