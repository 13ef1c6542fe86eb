public import MasixKernel

/// The memory of a node's tasks and links, however it came to be mapped: descriptors in the nucleus, plain pages in the simulator.
public protocol NodeMemory {
    func control(of task: TaskID) -> ControlMemory?
    func half(_ number: Int, of link: LinkID) -> LinkHalf?
    /// Keeps bytes taken out of a slot until their message is received.
    mutating func keep(_ bytes: [UInt8]) -> Payload
}

/// The lease words of a node in real shared memory.
///
/// Everything read here was written by tasks, and is treated as hostile: counts are believed only within the window, a frame
/// only if its slot says the number and the lease that it must have. Nothing is waited for (architecture rules 3, 4 and 8).
public struct SharedLeaseWorld<Memory: NodeMemory>: LeaseWorld {
    public var memory: Memory

    /// A reply word of honest tasks moves a few times in its life. One that has moved under so many hands is written for no other
    /// reason than to keep the nucleus turning.
    private static var triesMax: Int { 64 }

    public init(_ memory: Memory) { self.memory = memory }

    public mutating func close(_ lease: Lease) -> Closing {
        guard let sender = memory.control(of: lease.sender), let receiver = memory.control(of: lease.receiver),
            let take = receiver.take(lease.takeIndex), let half = memory.half(lease.senderHalf, of: lease.link)
        else { return Closing() }
        let sent = Self.shut(sender.send(lease.sendIndex).commit, epoch: lease.id.epoch)
        let taken = Self.shut(take.word, epoch: lease.id.epoch)
        let given = lease.keepsRoom ? Self.shut(take.given, epoch: lease.id.epoch) : taken
        guard let taken, let given, given <= taken, taken - given <= UInt64(lease.window) else {
            return Closing(fault: .impossibleCount, slotsInUse: true)
        }
        // What the receiver has not given back is still the sender's to wait for, whatever the sender's word says.
        var closing = Closing(kept: UInt16(taken - given), received: taken)
        guard let sent, taken <= sent, sent - given <= UInt64(lease.window) else {
            // One of the two wrote nonsense over its own words. No count can be believed: what is in the slots is lost with the link.
            closing.fault = .impossibleCount
            closing.slotsInUse = true
            return closing
        }
        var number = taken
        while number < sent {
            number += 1
            let offset = LinkHalf.slotOffset(Int(lease.firstSlot) + Int((number - 1) % UInt64(lease.slots)))
            let header = half.header(at: offset)
            guard header.number == number, header.epoch == lease.id.epoch, header.length <= LinkHalf.bodyMax else {
                closing.fault = .missingFrames
                break
            }
            guard var frame = keep(header, at: offset, in: half) else {
                closing.fault = .missingFrames
                break
            }
            if header.replyIndex != FrameHeader.noReply {
                frame.replyPort = promote(
                    header.replyIndex, generation: header.replyGeneration, to: .promoted, link: lease.link, place: lease.linkPlace,
                    in: sender, node: lease.port.node)
            }
            closing.frames.append(frame)
        }
        countCommitted(of: lease, upTo: sent, in: sender)
        let consumed = memory.half(1 - lease.senderHalf, of: lease.link).map { LeaseWord(bits: $0.consumed(Int(lease.firstSlot)).acquired) }
        let published = consumed?.epoch == lease.id.epoch ? consumed?.count ?? 0 : 0
        // Who keeps room publishes late, and therefore copies before it takes.
        closing.slotsInUse = !lease.keepsRoom && published != taken
        return closing
    }

    /// The bytes of a slot, out of reach of its writer; nil if they are not what its header says.
    private mutating func keep(_ header: FrameHeader, at offset: Int, in half: LinkHalf) -> Frame? {
        guard let body = header.body(of: half.body(at: offset, count: Int(header.length))) else { return nil }
        var payload = Payload.empty
        if !body.bytes.isEmpty {
            let kept = memory.keep(body.bytes)
            payload = Payload(place: kept.place, length: kept.length, format: header.format)
        }
        return Frame(code: header.code, payload: payload, speaker: body.speaker)
    }

    /// Sets the closed bit and returns the count; nil if the word is not this lease's. One step: a task that writes the word without
    /// end could keep a compare-and-swap turning.
    private static func shut(_ word: SharedWord64, epoch: UInt32) -> UInt64? {
        let value = LeaseWord(bits: word.set(LeaseWord.closedBit))
        return value.epoch == epoch ? value.count : nil
    }

    /// Marks the calls of this lease that were made, so that the link's end can still tell them from those that were only prepared.
    private func countCommitted(of lease: Lease, upTo sent: UInt64, in control: ControlMemory) {
        for index in 0..<UInt16(LinkHalf.replies) {
            guard let entry = control.caller(place: lease.linkPlace, index: index) else { continue }
            let word = ReplyWord(bits: entry.word.acquired)
            guard word.state == .armed, word.isOf(link: lease.link.raw), entry.lease.relaxed == UInt64(lease.id.epoch),
                entry.number.relaxed <= sent
            else { continue }
            _ = entry.word.exchange(word.bits, for: word.with(.counted).bits)
        }
    }

    /// The reply port of an unanswered call, after which nobody can answer it by the link. Asking again gives the same answer.
    private func promote(
        _ index: UInt16, generation: UInt32, to state: ReplyWord.State, link: LinkID, place: UInt32, in control: ControlMemory, node: NodeID
    ) -> PortID? {
        guard let entry = control.caller(place: place, index: index) else { return nil }
        for _ in 0..<Self.triesMax {
            let word = ReplyWord(bits: entry.word.acquired)
            guard word.isOf(link: link.raw), word.generation == generation else { return nil }
            switch word.state {
            case .armed, .counted:
                guard entry.word.exchange(word.bits, for: word.with(state).bits) else { continue }
            case state: break
            default: return nil
            }
            return PortID(node: node, counter: entry.port.relaxed)
        }
        return nil
    }

    public mutating func settleReplies(of link: Link) -> [Settlement] {
        settle(of: link, caller: link.first, at: nil) + settle(of: link, caller: link.second, at: nil)
    }

    public mutating func recallReplies(of link: Link, caller: TaskID, port: PortID) -> [Settlement] {
        settle(of: link, caller: caller, at: port.counter)
    }

    /// All calls of one end: the link closes. Or those that are answered at one port: it stays open.
    private mutating func settle(of link: Link, caller: TaskID, at port: UInt64?) -> [Settlement] {
        var list: [Settlement] = []
        let callee = link.peer(of: caller)
        guard let callerControl = memory.control(of: caller), let calleeControl = memory.control(of: callee),
            let calleeHalf = memory.half(link.half(of: callee), of: link.id)
        else { return [] }
        for index in 0..<UInt16(LinkHalf.replies) {
            guard let mine = callerControl.caller(place: link.place(of: caller), index: index),
                let other = calleeControl.callee(place: link.place(of: callee), index: index)
            else { continue }
            // The caller's word for it, which misleads only the caller.
            let counter = mine.port.relaxed
            guard port == nil || counter == port else { continue }
            let outcome = settle(mine, other, index: index, of: link, closes: port == nil, calleeHalf: calleeHalf)
            guard let (generation, result) = outcome else { continue }
            list.append(
                Settlement(
                    caller: caller, port: PortID(node: link.node, counter: counter), index: index, generation: generation, outcome: result))
        }
        return list
    }

    private mutating func settle(
        _ mine: CallerEntryMemory, _ other: CalleeEntryMemory, index: UInt16, of link: Link, closes: Bool, calleeHalf: LinkHalf
    ) -> (UInt32, Settlement.Outcome)? {
        // The caller's side first: a call that was never committed stays the caller's, one whose answer it has taken is over.
        var ours = false
        var generation: UInt32 = 0
        for _ in 0..<Self.triesMax {
            let word = ReplyWord(bits: mine.word.acquired)
            guard word.isOf(link: link.id.raw) else { break }
            generation = word.generation
            if word.state == .settled { ours = true }
            guard word.state == .counted else { break }
            if mine.word.exchange(word.bits, for: word.with(.settled).bits) {
                ours = true
                break
            }
        }
        // A word of a link that stays open is another call's unless this one is ours.
        guard closes || ours else { return nil }
        // Then the callee's, so that a use which comes later than this finds the word closed; or, for this one call, promoted.
        for _ in 0..<Self.triesMax {
            let word = ReplyWord(bits: other.word.acquired)
            let current = word.isOf(link: link.id.raw)
            if current, word.generation == generation, ours {
                switch word.state {
                case .used: return (generation, .answered(answer(index, generation, in: calleeHalf)))
                case .promoted: return (generation, .held)
                case .armed:
                    guard other.word.exchange(word.bits, for: word.with(.promoted).bits) else { continue }
                    return (generation, .held)
                default: break
                }
            }
            if current, word.state == .closed { break }
            let end =
                closes
                ? ReplyWord(.closed, link: link.id.raw, generation: current ? word.generation : 0)
                : ReplyWord(.promoted, link: link.id.raw, generation: generation)
            if other.word.exchange(word.bits, for: end.bits) { break }
        }
        return ours ? (generation, .unclaimed) : nil
    }

    /// A committed answer. If the slot does not carry it, the callee has broken its own reply: that is as good as dropping it.
    private mutating func answer(_ index: UInt16, _ generation: UInt32, in half: LinkHalf) -> Frame {
        let offset = LinkHalf.replyOffset(Int(index))
        let header = half.header(at: offset)
        guard header.number == UInt64(generation), header.length <= LinkHalf.bodyMax, header.flags & FrameHeader.dropped == 0,
            let frame = keep(header, at: offset, in: half)
        else { return Frame(code: 0, payload: .empty, isDropped: true) }
        return frame
    }

    public mutating func promoteReply(of link: Link, callee: TaskID, index: UInt16, generation: UInt32) -> PortID? {
        let caller = link.peer(of: callee)
        guard let control = memory.control(of: caller) else { return nil }
        return promote(
            index, generation: generation, to: .promoted, link: link.id, place: link.place(of: caller), in: control, node: link.node)
    }
}
