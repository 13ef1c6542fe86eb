// What only the node's chief, its network server, may ask: it speaks for tasks of other nodes, and what it receives for them keeps its
// room until they have received it (architecture rule 17).

extension Kernel {
    /// Whether this task is the node's network server.
    public func isChief(_ id: TaskID) -> Bool { chief == id }

    /// Whether this task may say that a message is that speaker's.
    func mayBring(_ speaker: Speaker, _ id: TaskID) -> Bool {
        chief == id && speaker.task.node != 0 && speaker.task.node != node.number
    }

    mutating func setChief(
        _ task: TaskID, by id: TaskID, _ step: inout Step, _ world: inout some LeaseWorld
    ) throws(Refusal) -> Response {
        guard tasks[id]?.isFirst == true else { throw .notPermitted }
        guard tasks[task] != nil else { throw .invalidName }
        guard task != chief else { return .done }
        // Both ends of a link believe what they were told about its peer when it was made.
        for end in [chief, task] {
            for link in end.flatMap({ tasks[$0]?.links.values.sorted() }) ?? [] { closeLink(link, because: nil, dying: nil, &step, &world) }
        }
        chief = task
        receipts = [:]
        return .done
    }

    mutating func keepRoom(of port: PortID, by id: TaskID) throws(Refusal) -> Response {
        guard chief == id else { throw .notPermitted }
        guard tasks[id]?.receives[port] != nil, let record = ports[port] else { throw .invalidName }
        record.keepsRoom = true
        return .done
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
        guard message.sender == chief, message.via == .send else { return }
        acknowledge(Receipt.Place(message.port), 1, &step)
    }

    /// The same for all that was received by a lease of the chief, which has closed.
    mutating func acknowledge(_ lease: Lease, _ count: UInt64, _ step: inout Step) {
        // Though it may be none: the chief has to know that it has closed.
        guard lease.sender == chief else { return }
        acknowledge(Receipt.Place(lease.port, lease: lease.id), count, &step)
    }

    private mutating func acknowledge(_ place: Receipt.Place, _ count: UInt64, _ step: inout Step) {
        guard let chief else { return }
        receipts[place, default: 0] += count
        guard receipts[place] == count else { return }
        step.actions.append(.receipts(chief, ports: UInt32(receipts.count)))
        step.actions.append(.ring(chief))
    }

    mutating func takeReceipts(_ id: TaskID, _ step: inout Step) throws(Refusal) -> Response {
        guard chief == id else { throw .notPermitted }
        let taken = receipts.sorted { $0.key < $1.key }.prefix(Receipt.listMax).map { Receipt($0.key, $0.value) }
        for receipt in taken { receipts[receipt.place] = nil }
        step.actions.append(.receipts(id, ports: UInt32(receipts.count)))
        return .receipts(taken)
    }
}
