import MasixWire

/// The name that a dead-name request is for: a task's name of a port, or of one send-once right to it.
struct NameHolder: Hashable, Comparable, Sendable, WireCodable {
    let task: TaskID
    /// nil: the name that send and receive right share (N2).
    var once: SendOnceID?

    init(_ task: TaskID, _ once: SendOnceID? = nil) {
        self.task = task
        self.once = once
    }

    static func < (left: Self, right: Self) -> Bool {
        (left.task, left.once?.raw ?? 0) < (right.task, right.once?.raw ?? 0)
    }

    func encode(into writer: inout WireWriter) {
        writer.write(task)
        writer.write(optional: once)
    }

    init(from reader: inout WireReader) throws(WireError) {
        task = try reader.read()
        once = try reader.readOptional()
    }
}

/// Whom to tell when the name dies or is freed, and what the task calls it.
struct DeadNameRequest: Hashable, Sendable, WireCodable {
    let notify: SendOnceID
    let name: UInt32
    var stage: Stage

    /// Whether room is told of too (S8): after a send has met a full queue.
    enum Stage: UInt8, Sendable {
        case deathAlone = 0
        case mayAwaitRoom = 1
        case awaitsRoom = 2
    }

    init(notify: SendOnceID, name: UInt32, stage: Stage = .deathAlone) {
        self.notify = notify
        self.name = name
        self.stage = stage
    }

    func encode(into writer: inout WireWriter) {
        writer.write(notify)
        writer.write(name)
        writer.write(stage.rawValue)
    }

    init(from reader: inout WireReader) throws(WireError) {
        notify = try reader.read()
        name = try reader.read()
        let tag = try reader.read(UInt8.self)
        guard let stage = Stage(rawValue: tag) else { throw .unknownCase(of: "request stage", tag: UInt64(tag)) }
        self.stage = stage
    }
}

extension Kernel {
    /// The task's right to the port is gone, and no send right keeps its name: who asked is told that the name is gone while the port lives
    /// (65). A name that was given with the request is kept by a receive right too (N2).
    mutating func freeName(of port: PortID, in id: TaskID, _ step: inout Step) {
        guard tasks[id]?.sends[port] == nil else { return }
        if tasks[id]?.receives[port] != nil, ports[port]?.deadNames[NameHolder(id)]?.name != 0 { return }
        deleteName(of: port, NameHolder(id), &step)
    }

    /// The task's name for this send-once right is free.
    mutating func freeName(of once: SendOnceID, in id: TaskID, _ step: inout Step) {
        if let port = sendOnces[once]?.port { deleteName(of: port, NameHolder(id, once), &step) }
    }

    private mutating func deleteName(of port: PortID, _ holder: NameHolder, _ step: inout Step) {
        guard let request = ports[port]?.request(nil, of: holder) else { return }
        notifyByRequest(.portDeleted(port, name: request.name), request.notify, &step)
    }

    /// A send by this task has met the full queue: its send-possible request waits for room from here on.
    mutating func awaitRoom(
        of port: PortID, by id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        let holder = NameHolder(id)
        guard let record = ports[port], var request = record.deadNames[holder], request.stage != .deathAlone else { throw .invalidName }
        request.stage = .awaitsRoom
        record.request(request, of: holder)
        for lease in record.leases { close(lease, &step, &world) }
        step.roomier.append(port)
        return .done
    }

    /// Tells everybody who waits for room that there is some.
    mutating func tellRoom(of port: PortID, _ step: inout Step) {
        guard let record = ports[port], record.roomAwaited > 0, record.blocked.isEmpty, record.hasRoom else { return }
        for (holder, request) in record.deadNames.sorted(by: { $0.key < $1.key }) where request.stage == .awaitsRoom {
            record.request(nil, of: holder)
            notifyByRequest(.sendPossible(port, name: request.name), request.notify, &step)
        }
    }

    /// A name goes though the task keeps the right under another one for a while: its library says so.
    mutating func nameFreed(of port: PortID, _ once: SendOnceID?, by id: TaskID, _ step: inout Step) -> Response {
        deleteName(of: port, NameHolder(id, once), &step)
        return .done
    }

    /// Whether the task's name for the port has a request, or had one when the port died.
    func hasRequest(of port: PortID, by id: TaskID) throws(Refusal) -> Response {
        let isArmed = ports[port]?.deadNames[NameHolder(id)] != nil || tasks[id]?.sends[port]?.wasTold == true
        guard isArmed else { throw .invalidName }
        return .done
    }
}
