@testable import MasixKernel

/// What a simple mind would write down beside the kernel: every payload accepted is delivered or released once, messages of one
/// task to one port come in their order, and a send-once right is used once.
struct Books {
    struct Flow: Hashable {
        let sender: TaskID
        let port: PortID
    }

    /// Payloads on their way, and the order that they keep to; nil for those that keep none (O1).
    private(set) var pending: [UInt64: Flow?] = [:]
    private(set) var pendingMemory: Set<UInt64> = []
    private var order: [Flow: [UInt64]] = [:]
    /// The message that each send-once right has become.
    private var usedOnces: [SendOnceID: MessageID] = [:]

    mutating func accepted(_ payload: Payload, from sender: TaskID, to port: PortID, inOrder: Bool) {
        guard payload.length > 0 else { return }
        let flow = Flow(sender: sender, port: port)
        pending[payload.place] = .some(inOrder ? flow : nil)
        if inOrder { order[flow, default: []].append(payload.place) }
    }

    mutating func delivered(_ payload: Payload) -> String? {
        guard payload.length > 0 else { return nil }
        guard let flow = pending.removeValue(forKey: payload.place) else { return "payload \(payload.place) comes from nowhere" }
        guard let flow else { return nil }
        guard let first = order[flow]?.first, first == payload.place else {
            return "payload \(payload.place) before \(order[flow] ?? []) of \(flow) (O1)"
        }
        order[flow]?.removeFirst()
        return nil
    }

    private mutating func released(_ payload: Payload) -> String? {
        guard let flow = pending.removeValue(forKey: payload.place) else { return "payload \(payload.place) released, and not there" }
        if let flow { order[flow]?.removeAll { $0 == payload.place } }
        return nil
    }

    mutating func follow(
        _ event: Event, _ actions: [Action], _ observations: [Observation], from before: Kernel, to after: Kernel
    ) -> String? {
        if case .request(let task, _, .send(let outgoing)) = event { follow(outgoing, of: task, actions, before) }
        for action in actions {
            switch action {
            case .reply(_, _, .message(let message)):
                if let complaint = delivered(message.payload) { return complaint }
                for memory in message.memory where pendingMemory.remove(memory.place) == nil { return "memory from nowhere" }
            case .release(let payload):
                if let complaint = released(payload) { return complaint }
            case .releaseMemory(let memory):
                if pendingMemory.remove(memory.place) == nil { return "memory \(memory.place) released, and not there" }
            default: break
            }
        }
        return followOnces(from: before, to: after, passing: Self.received(event)) ?? ends(event, before, after)
    }

    /// Ports that several requests together receive from: a right may have become its message and this been received before anybody looks.
    private static func received(_ event: Event) -> Set<PortID> {
        guard case .request(_, _, .several(let parts)) = event else { return [] }
        return Set(parts.compactMap { if case .receive(let port, _) = $0 { port } else { nil } })
    }

    private mutating func follow(_ outgoing: Outgoing, of task: TaskID, _ actions: [Action], _ before: Kernel) {
        var isAccepted = false
        for case .reply(task, _, let response) in actions {
            switch response {
            case .sent, .blocked: isAccepted = true
            default: break
            }
        }
        guard isAccepted, let port = before.destination(of: outgoing.destination, for: task) else { return }
        var inOrder = true
        switch outgoing.destination {
        case .makeSendOnce, .moveSendOnce: inOrder = false
        default: break
        }
        accepted(outgoing.payload, from: task, to: port, inOrder: inOrder)
        for memory in outgoing.memory { pendingMemory.insert(memory.place) }
    }

    /// T4: exactly one message per send-once right, unless its port has died.
    private mutating func followOnces(from before: Kernel, to after: Kernel, passing mayPass: Set<PortID>) -> String? {
        for port in after.ports.values {
            for message in Array(port.queue) {
                guard case .sendOnce(let once) = message.via else { continue }
                if let used = usedOnces[once], used != message.id { return "\(once): a second message (T4)" }
                usedOnces[once] = message.id
            }
        }
        for (once, record) in before.sendOnces where after.sendOnces[once] == nil {
            guard let port = record.port, after.ports[port] != nil, usedOnces[once] == nil, !mayPass.contains(port) else { continue }
            return "\(once): gone unused while \(port) lives (T4)"
        }
        return nil
    }

    /// A task's end leaves nothing of it.
    private func ends(_ event: Event, _ before: Kernel, _ after: Kernel) -> String? {
        guard case .end(let task) = event, before.tasks[task] != nil else { return nil }
        if after.tasks[task] != nil { return "still there" }
        for port in after.ports.values {
            if port.senders.contains(task) || port.candidates.contains(task) || port.receiver == .task(task) {
                return "\(port.id) keeps it"
            }
        }
        return nil
    }
}
