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

    init(notify: SendOnceID, name: UInt32) {
        self.notify = notify
        self.name = name
    }

    func encode(into writer: inout WireWriter) {
        writer.write(notify)
        writer.write(name)
    }

    init(from reader: inout WireReader) throws(WireError) {
        notify = try reader.read()
        name = try reader.read()
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
        guard let request = ports[port]?.deadNames.removeValue(forKey: holder) else { return }
        notifyByRequest(.portDeleted(port, name: request.name), request.notify, &step)
    }

    /// A name goes though the task keeps the right under another one for a while: its library says so.
    mutating func nameFreed(of port: PortID, by id: TaskID, _ step: inout Step) -> Response {
        deleteName(of: port, NameHolder(id), &step)
        return .done
    }
}
