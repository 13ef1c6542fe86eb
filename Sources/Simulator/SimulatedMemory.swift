import MasixKernel
import MasixLinux
import MasixTransport
import SystemPackage

/// The memory of a simulated node: what the nucleus keeps mapped. It outlives every death of the nucleus.
final class SimulatedMemory {
    var tasks: [TaskID: TaskPages] = [:]
    var links: [LinkID: LinkPages] = [:]
    /// Bytes of messages, by place.
    var store: [UInt64: [UInt8]] = [:]
    /// Memory objects that nobody has received yet.
    var objects: [UInt64: KeptObject] = [:]
    /// Whether programs that are not simulated map it: then it lies in files.
    let isShared: Bool
    private var lastPlace: UInt64 = 0
    private var lastObject: UInt64 = 0

    init(isShared: Bool = false) { self.isShared = isShared }

    func keep(_ object: consuming Descriptor) -> UInt64 {
        lastObject += 1
        objects[lastObject] = KeptObject(object)
        return lastObject
    }

    func makeTaskPages() -> TaskPages {
        guard isShared else { return TaskPages() }
        guard let files = try? TaskFiles(), let pages = try? TaskPages(files) else { fatalError("no memory for a simulation") }
        return pages
    }

    func makePages(of link: MasixKernel.Link) -> LinkPages {
        guard isShared else { return LinkPages(link) }
        guard let files = try? LinkFiles(), let pages = try? LinkPages(link, files) else { fatalError("no memory for a simulation") }
        return pages
    }

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

/// A memory object on its way.
final class KeptObject {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}

/// What a program that is not simulated maps and listens to.
final class TaskFiles {
    let control: MemoryFile
    let status: MemoryFile
    let bellReader: Descriptor
    /// Does not wait; one end for whoever rings.
    let bellWriter: Descriptor

    init() throws(Errno) {
        control = try MemoryFile.create(name: "masix-simulated", size: ControlMemory.length)
        status = try MemoryFile.create(name: "masix-simulated", size: StatusPage.length)
        let ends = try Pipe.make()
        bellWriter = try Pipe.reopenWriter(ends.reader.raw)
        bellReader = ends.reader
    }
}

/// What the nucleus shares with one task, and the task's pipe.
final class TaskPages {
    private let controlRegion: MappedRegion
    private let statusRegion: MappedRegion
    let control: ControlMemory
    let status: StatusPage
    /// Nil for a task that is simulated.
    let files: TaskFiles?
    /// Bytes in the bell pipe of a task that is simulated.
    var pipe = 0

    init() {
        controlRegion = SimulatedMemory.region(ControlMemory.length)
        statusRegion = SimulatedMemory.region(StatusPage.length)
        control = ControlMemory(controlRegion.region)
        status = StatusPage(statusRegion.region)
        files = nil
    }

    init(_ files: TaskFiles) throws(Errno) {
        controlRegion = try MappedRegion(of: files.control.raw, length: ControlMemory.length, writable: true)
        statusRegion = try MappedRegion(of: files.status.raw, length: StatusPage.length, writable: false)
        control = ControlMemory(controlRegion.region)
        status = StatusPage(statusRegion.region)
        self.files = files
    }

    func ring() {
        if let files { Bell.ring(files.bellWriter.raw) } else { pipe += 1 }
    }
}

/// The halves of a link as files.
final class LinkFiles {
    let halves: [KeptObject]

    init() throws(Errno) {
        halves = [
            KeptObject(try MemoryFile.create(name: "masix-simulated", size: LinkHalf.length).relinquish()),
            KeptObject(try MemoryFile.create(name: "masix-simulated", size: LinkHalf.length).relinquish()),
        ]
    }
}

/// The two halves of a link.
final class LinkPages {
    let link: MasixKernel.Link
    let halves: [MappedRegion]
    /// Nil between tasks that are simulated.
    let files: LinkFiles?

    init(_ link: MasixKernel.Link) {
        self.link = link
        halves = [SimulatedMemory.region(LinkHalf.length), SimulatedMemory.region(LinkHalf.length)]
        files = nil
    }

    init(_ link: MasixKernel.Link, _ files: LinkFiles) throws(Errno) {
        self.link = link
        self.files = files
        halves = [
            try MappedRegion(of: files.halves[0].descriptor.raw, length: LinkHalf.length, writable: false),
            try MappedRegion(of: files.halves[1].descriptor.raw, length: LinkHalf.length, writable: false),
        ]
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

    mutating func settleReplies(of link: MasixKernel.Link) -> [Settlement] { world.settleReplies(of: link) }

    mutating func promoteReply(of link: MasixKernel.Link, callee: TaskID, index: UInt16, generation: UInt32) -> PortID? {
        world.promoteReply(of: link, callee: callee, index: index, generation: generation)
    }

    mutating func recallReplies(of link: MasixKernel.Link, caller: TaskID, port: PortID) -> [Settlement] {
        world.recallReplies(of: link, caller: caller, port: port)
    }
}
