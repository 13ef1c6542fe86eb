import MasixKernel
import MasixTransport

/// The memory of a simulated node: what the nucleus keeps mapped. It outlives every death of the nucleus.
final class SimulatedMemory {
    var tasks: [TaskID: TaskPages] = [:]
    var links: [LinkID: LinkPages] = [:]
    /// Bytes of messages, by place.
    var store: [UInt64: [UInt8]] = [:]
    private var lastPlace: UInt64 = 0

    func keep(_ bytes: [UInt8]) -> Payload {
        guard !bytes.isEmpty else { return .empty }
        lastPlace += 1
        store[lastPlace] = bytes
        return Payload(place: lastPlace, length: UInt32(bytes.count))
    }

    static func region(_ length: Int) -> MappedRegion {
        guard let region = try? MappedRegion(anonymous: length) else { fatalError("no memory for a simulation") }
        return region
    }
}

/// What the nucleus shares with one task, and the task's pipe.
final class TaskPages {
    private let controlRegion: MappedRegion
    private let statusRegion: MappedRegion
    let control: ControlMemory
    let status: StatusPage
    /// Bytes in the bell pipe.
    var pipe = 0

    init() {
        controlRegion = SimulatedMemory.region(ControlMemory.length)
        statusRegion = SimulatedMemory.region(StatusPage.length)
        control = ControlMemory(controlRegion.region)
        status = StatusPage(statusRegion.region)
    }
}

/// The two halves of a link.
final class LinkPages {
    let link: Link
    let halves: [MappedRegion]

    init(_ link: Link) {
        self.link = link
        halves = [SimulatedMemory.region(LinkHalf.length), SimulatedMemory.region(LinkHalf.length)]
    }
}

/// The memory as `SharedLeaseWorld` wants it. Between two accesses of a closing the tasks run on.
struct InterruptedMemory: NodeMemory {
    let memory: SimulatedMemory
    let interrupt: () -> Void
    let kept: (Payload) -> Void

    func control(of task: TaskID) -> ControlMemory? {
        interrupt()
        return memory.tasks[task]?.control
    }

    func half(_ number: Int, of link: LinkID) -> LinkHalf? {
        interrupt()
        guard let halves = memory.links[link]?.halves, halves.indices.contains(number) else { return nil }
        return LinkHalf(halves[number].region)
    }

    mutating func keep(_ bytes: [UInt8]) -> Payload {
        interrupt()
        let payload = memory.keep(bytes)
        kept(payload)
        return payload
    }
}

/// The real lease world with one defence taken away, if the plan says so.
struct MutableWorld<World: LeaseWorld>: LeaseWorld {
    var world: World
    let memory: SimulatedMemory
    let mutation: Mutation?
    /// The event under way is a message of this task to this port.
    let sending: (task: TaskID, port: PortID)?
    let closed: (Lease, Closing) -> Void

    mutating func close(_ lease: Lease) -> Closing {
        if mutation == .sendKeepsLease, let sending, sending == (lease.sender, lease.port) { return Closing() }
        let commit = memory.tasks[lease.sender]?.control.send(lease.sendIndex).commit
        let take = memory.tasks[lease.receiver]?.control.take(lease.takeIndex)?.word
        let wasArmed = mutation == .countedMarkSkipped ? armedWords(of: lease) : []
        var closing = world.close(lease)
        switch mutation {
        case .harvestSkipped:
            for frame in closing.frames { memory.store[frame.payload.place] = nil }
            closing.frames = []
        case .takeWordOpen:
            if let take { take.release(take.relaxed & ~LeaseWord.none.bits) }
        case .commitWordOpen:
            if let commit { commit.release(commit.relaxed & ~LeaseWord.none.bits) }
        case .slotsLentEarly: closing.slotsInUse = false
        case .countedMarkSkipped:
            for word in wasArmed {
                let value = ReplyWord(bits: word.relaxed)
                if value.state == .counted { word.release(value.with(.armed).bits) }
            }
        default: break
        }
        closed(lease, closing)
        return closing
    }

    private func armedWords(of lease: Lease) -> [SharedWord64] {
        (0..<UInt16(LinkHalf.replies)).compactMap { index in
            guard let word = memory.tasks[lease.sender]?.control.caller(place: lease.linkPlace, index: index)?.word else { return nil }
            return ReplyWord(bits: word.relaxed).state == .armed ? word : nil
        }
    }

    mutating func settleReplies(of link: Link) -> [Settlement] { world.settleReplies(of: link) }

    mutating func promoteReply(of link: Link, callee: TaskID, index: UInt16, generation: UInt32) -> PortID? {
        world.promoteReply(of: link, callee: callee, index: index, generation: generation)
    }
}
