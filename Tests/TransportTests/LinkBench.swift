import MasixKernel

@testable import MasixTransport

/// Two tasks, one link, one lease from the first to the second, in memory of this process.
final class LinkBench {
    static let node = NodeID(number: 1, incarnation: 1)
    static let sender = TaskID(raw: 1)
    static let receiver = TaskID(raw: 2)
    static let port = PortID(node: node, counter: 7)
    static let limit = 8

    private let regions: [MappedRegion]
    let link: Link
    let lease: Lease
    let controls: [ControlMemory]
    let halves: [LinkHalf]
    let statuses: [StatusPage]
    /// The first task's half, control memory and status as raw bytes to scribble on.
    var senderHalf: SharedRegion { regions[2].region }
    var senderControl: SharedRegion { regions[0].region }
    var receiverControl: SharedRegion { regions[1].region }
    let kernel: Kernel

    /// The kernel itself says what the link and the lease are: two tasks talk until it gives one.
    ///
    /// With `keepsRoom` the receiver is the chief, and gives room back when it likes.
    init(keepsRoom: Bool = false) throws {
        regions = [
            try MappedRegion(anonymous: ControlMemory.length), try MappedRegion(anonymous: ControlMemory.length),
            try MappedRegion(anonymous: LinkHalf.length), try MappedRegion(anonymous: LinkHalf.length),
            try MappedRegion(anonymous: StatusPage.length), try MappedRegion(anonymous: StatusPage.length),
        ]
        controls = [ControlMemory(regions[0].region), ControlMemory(regions[1].region)]
        halves = [LinkHalf(regions[2].region), LinkHalf(regions[3].region)]
        statuses = [StatusPage(regions[4].region), StatusPage(regions[5].region)]
        let scene = try Scene(keepsRoom: keepsRoom)
        (kernel, link, lease) = (scene.kernel, scene.link, scene.lease)
        controls[1].take(lease.takeIndex)?.open(lease)
        controls[0].send(lease.sendIndex).open(lease)
    }

    var entry: SendEntryMemory { controls[0].send(lease.sendIndex) }

    func makeSender() -> LinkSender { LinkSender(link: link.id, own: halves[0], peer: halves[1], peerStatus: statuses[1]) }

    func makeReceiver() -> LinkReceiver {
        LinkReceiver(link: link.id, own: halves[1], peer: halves[0], control: controls[1], peerStatus: statuses[0])
    }

    func makeWorld() -> SharedLeaseWorld<BenchMemory> { SharedLeaseWorld(BenchMemory(controls: controls, halves: halves)) }

    enum BenchError: Error { case noLease }

    private struct Scene {
        var kernel = Kernel(node: LinkBench.node)
        let link: Link
        let lease: Lease

        init(keepsRoom: Bool) throws {
            let nobody = TaskIdentity(uid: 0, gid: 0, pid: 0, executable: "", name: "", launched: true)
            var numbers: [TaskID: UInt64] = [:]
            var actions: [Action] = []
            func ask(_ kernel: inout Kernel, _ task: TaskID, _ request: Request) {
                numbers[task, default: 0] += 1
                actions += kernel.handle(.request(task, number: numbers[task, default: 0], request))
            }
            _ = kernel.handle(.attach(nobody, first: true))
            ask(&kernel, LinkBench.sender, .portBlock)
            let port = PortID(node: LinkBench.node, counter: 1)
            ask(&kernel, LinkBench.sender, .allocate(port, queueLimit: UInt32(LinkBench.limit)))
            ask(&kernel, LinkBench.sender, .make(.makeSend(port)))
            ask(&kernel, LinkBench.sender, .introduce(nobody, rights: [.moveReceive(port)]))
            if keepsRoom {
                ask(&kernel, LinkBench.sender, .setChief(LinkBench.receiver))
                ask(&kernel, LinkBench.receiver, .keepRoom(port))
            }
            ask(&kernel, LinkBench.sender, .send(Outgoing(to: .copySend(port))))
            ask(&kernel, LinkBench.receiver, .receive(port))
            if keepsRoom { ask(&kernel, LinkBench.receiver, .giveRoom(port, 1)) }
            for task in [LinkBench.sender, LinkBench.receiver] { ask(&kernel, task, .linkMapped(LinkID(raw: 1))) }
            var found: (Link?, Lease?)
            for action in actions {
                if case .openLink(let link) = action { found.0 = link }
                if case .grant(let lease) = action { found.1 = lease }
            }
            guard let link = found.0, let lease = found.1 else { throw BenchError.noLease }
            (self.link, self.lease) = (link, lease)
        }
    }
}

struct BenchMemory: NodeMemory {
    let controls: [ControlMemory]
    let halves: [LinkHalf]
    var kept: [[UInt8]] = []

    init(controls: [ControlMemory], halves: [LinkHalf]) {
        self.controls = controls
        self.halves = halves
    }

    func control(of task: TaskID) -> ControlMemory? { controls.indices.contains(Int(task.raw) - 1) ? controls[Int(task.raw) - 1] : nil }
    func half(_ number: Int, of link: LinkID) -> LinkHalf? { halves.indices.contains(number) ? halves[number] : nil }

    mutating func keep(_ bytes: [UInt8]) -> Payload {
        kept.append(bytes)
        return Payload(place: UInt64(kept.count), length: UInt32(bytes.count))
    }
}
