import MasixKernel

/// The shared memory of a node as plain values: what has been committed on every open lease and not taken, and every call whose
/// reply right lives in a link. The tests commit, take, answer and collect; the kernel closes.
struct ModelWorld: LeaseWorld {
    struct Flow {
        var lease: Lease
        /// Committed and not taken, oldest first; a frame with a reply port has its call in `calls`.
        var frames: [Frame] = []
        /// Taken in its life.
        var received: UInt64 = 0
        /// Taken, of a lease that keeps room, and not given back.
        var kept = 0
    }

    struct Call {
        enum State: Hashable {
            case inSlot
            /// The callee has the frame and has not taken up the right.
            case taken
            case held
            case answered(Frame)
            case over
        }

        let link: LinkID
        let caller: TaskID
        let callee: TaskID
        let port: PortID
        let index: UInt16
        let generation: UInt32
        let frame: UInt64
        var state: State
    }

    struct ReceiveEntry: Hashable {
        let task: TaskID
        let index: UInt32
    }

    private(set) var flows: [LeaseID: Flow] = [:]
    var calls: [Call] = []
    private(set) var closings: [LeaseID: Closing] = [:]
    /// What the control memory of each receiver says of its ports: messages received from the home queue.
    private var received: [ReceiveEntry: UInt32] = [:]
    /// What the next closings are to find besides the frames, the last first.
    var faults: [LinkFault?] = []
    var slotsInUse = false
    private var lastCall: UInt32 = 0

    var openLeases: [Lease] { flows.values.map(\.lease).sorted { $0.id < $1.id } }

    /// What the actions of an event say about the memory.
    mutating func carryOut(_ actions: [Action]) {
        for action in actions {
            switch action {
            case .grant(let lease) where closings[lease.id] == nil: flows[lease.id] = Flow(lease: lease)
            case .reshape(let lease): flows[lease.id]?.lease = lease
            case .homeCount(let task, let index, _, let count): received[ReceiveEntry(task: task, index: index)] = count
            case .reply(let task, _, .allocated(let index)), .entries(let task, .allocated(let index)):
                received[ReceiveEntry(task: task, index: index)] = 0
            default: break
            }
        }
    }

    /// A sender commits a frame; false without credit. With `reply` it is a call whose answer comes to that port of the sender.
    mutating func commit(
        _ id: LeaseID, code: UInt32 = 0, _ payload: Payload, reply: PortID? = nil, as speaker: Speaker? = nil
    ) -> Bool {
        guard let flow = flows[id], flow.frames.count + flow.kept < Int(flow.lease.window) else { return false }
        flows[id]?.frames.append(Frame(code: code, payload: payload, replyPort: reply, speaker: speaker))
        if let reply {
            lastCall += 1
            calls.append(
                Call(
                    link: flow.lease.link, caller: flow.lease.sender, callee: flow.lease.receiver, port: reply,
                    index: UInt16(truncatingIfNeeded: lastCall), generation: lastCall, frame: payload.place, state: .inSlot))
        }
        return true
    }

    /// Whether the home messages before the lease have been received, as far as the receiver can see (architecture rule 7).
    func isDue(_ lease: Lease) -> Bool {
        let received = received[ReceiveEntry(task: lease.receiver, index: lease.receiveIndex)] ?? 0
        return Int32(bitPattern: received &- lease.after) >= 0
    }

    /// The receiver takes the oldest frame, if it is due.
    mutating func take(_ id: LeaseID) -> Frame? {
        guard let flow = flows[id], isDue(flow.lease), !flow.frames.isEmpty, let frame = flows[id]?.frames.removeFirst() else { return nil }
        for place in calls.indices where calls[place].state == .inSlot && calls[place].frame == frame.payload.place {
            calls[place].state = .taken
        }
        flows[id]?.received += 1
        if flow.lease.keepsRoom { flows[id]?.kept += 1 }
        return frame
    }

    /// The receiver gives the room of one message back; false if none is kept.
    mutating func give(_ id: LeaseID) -> Bool {
        guard let kept = flows[id]?.kept, kept > 0 else { return false }
        flows[id]?.kept = kept - 1
        return true
    }

    mutating func close(_ lease: Lease) -> Closing {
        if let closing = closings[lease.id] { return closing }
        let flow = flows.removeValue(forKey: lease.id)
        var frames = flow?.frames ?? []
        for place in frames.indices where frames[place].replyPort != nil {
            // The reply word is closed together with the frame: the reply right becomes real.
            for call in calls.indices where calls[call].state == .inSlot && calls[call].frame == frames[place].payload.place {
                calls[call].state = .over
            }
        }
        let closing = Closing(
            frames: frames, fault: faults.popLast() ?? nil, slotsInUse: slotsInUse, kept: UInt16(flow?.kept ?? 0),
            received: flow?.received ?? 0)
        closings[lease.id] = closing
        frames = []
        return closing
    }

    mutating func settleReplies(of link: Link) -> [Settlement] { settle { $0.link == link.id } }

    mutating func recallReplies(of link: Link, caller: TaskID, port: PortID) -> [Settlement] {
        settle { $0.link == link.id && $0.caller == caller && $0.port == port }
    }

    private mutating func settle(_ isMeant: (Call) -> Bool) -> [Settlement] {
        var list: [Settlement] = []
        for place in calls.indices where isMeant(calls[place]) {
            let call = calls[place]
            let outcome: Settlement.Outcome
            switch call.state {
            case .answered(let frame): outcome = .answered(frame)
            case .held: outcome = .held
            case .taken: outcome = .unclaimed
            case .inSlot, .over: continue
            }
            calls[place].state = .over
            list.append(
                Settlement(caller: call.caller, port: call.port, index: call.index, generation: call.generation, outcome: outcome))
        }
        return list
    }

    mutating func promoteReply(of link: Link, callee: TaskID, index: UInt16, generation: UInt32) -> PortID? {
        for place in calls.indices where calls[place].link == link.id && calls[place].callee == callee {
            guard calls[place].index == index, calls[place].generation == generation else { continue }
            guard calls[place].state == .taken || calls[place].state == .held else { return nil }
            calls[place].state = .over
            return calls[place].port
        }
        return nil
    }
}
