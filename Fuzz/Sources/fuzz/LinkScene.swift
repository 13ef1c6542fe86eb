import MasixKernel
import MasixTransport
import MasixWire

/// Two tasks and one link in plain memory. The first task is the one that scribbles in its half; the second reads it, and the nucleus
/// reads everything. One for all executions: what was written is cleared between them.
final class LinkScene: @unchecked Sendable {
    static let only = LinkScene()
    static let leaseID = LeaseID(raw: 41)
    private static let replies = 64

    private let halves: [Memory]
    private let controls: [Memory]
    private let statuses: [Memory]
    let link: Link
    /// From the first task to the second, and back.
    let leases: [Lease]

    /// Pages that live as long as the process.
    @safe
    final class Memory {
        let bytes: UnsafeMutableRawBufferPointer
        let region: SharedRegion

        init(_ length: Int) {
            unsafe bytes = .allocate(byteCount: length, alignment: 4_096)
            unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
            // Never deallocated.
            region = unsafe SharedRegion(base: bytes.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 4_096)!, length: length)
        }

        func clear(_ range: Range<Int>) {
            // The ranges below are inside.
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[range]).initializeMemory(as: UInt8.self, repeating: 0)
        }

        func store(_ value: UInt64, at offset: Int) {
            let place = offset & ~7
            guard unsafe place + 8 <= bytes.count else { return }
            unsafe bytes.storeBytes(of: value, toByteOffset: place, as: UInt64.self)
        }
    }

    private init() {
        halves = [Memory(LinkHalf.length), Memory(LinkHalf.length)]
        controls = [Memory(ControlMemory.length), Memory(ControlMemory.length)]
        statuses = [Memory(StatusPage.length), Memory(StatusPage.length)]
        leases = [
            Self.lease(from: Story.first, to: Story.second, half: false), Self.lease(from: Story.second, to: Story.first, half: true),
        ]
        link = Self.link()
    }

    /// Values that only a kernel makes are read from what one would write.
    private static func lease(from sender: TaskID, to receiver: TaskID, half: Bool) -> Lease {
        var writer = WireWriter()
        for id in [leaseID.raw, Story.link.raw, sender.raw, receiver.raw] { writer.write(id) }
        writer.write(Story.well)
        for number in [UInt32(0), 0] { writer.write(number) }
        writer.write(half)
        for number in [UInt32(0), 0] { writer.write(number) }
        for number in [UInt16(0), 8, 4] { writer.write(number) }
        writer.write(UInt32(0))
        writer.write(true)
        // One of the two keeps room.
        writer.write(half)
        guard let lease = decoded(Lease.self, writer.bytes) else { fatalError("no lease") }
        return lease
    }

    private static func link() -> Link {
        var writer = WireWriter()
        writer.write(Story.link)
        writer.write(Story.node)
        writer.write(Story.first)
        writer.write(Story.second)
        for place in [UInt32(0), 0] { writer.write(place) }
        for _ in 0..<2 {
            writer.write(true)
            writer.write(UInt32(1))
            writer.write(UInt16(0))
            writer.write(UInt16(8))
        }
        writer.write(UInt64(0))
        guard let link = decoded(Link.self, writer.bytes) else { fatalError("no link") }
        return link
    }

    // MARK: what was written

    private enum Offset {
        static let commits = 0x10_2000
        static let takes = 0x50_2000
        static let callers = 0x54_2000
        static let callees = 0x5C_2000
        /// Of each table, so much can be hit by patches that aim at it.
        static let reach = 0x1000
    }

    func reset() {
        halves[1].clear(0..<LinkHalf.length)
        for control in controls {
            control.clear(0..<0x3000)
            for table in [Offset.commits, Offset.takes, Offset.callers, Offset.callees] { control.clear(table..<(table + Offset.reach)) }
        }
        for status in statuses { status.clear(0..<0x100) }
        for lease in leases {
            let (sender, receiver) = lease.sender == Story.first ? (0, 1) : (1, 0)
            ControlMemory(controls[sender].region).send(lease.sendIndex).open(lease)
            ControlMemory(controls[receiver].region).take(lease.takeIndex)?.open(lease)
        }
    }

    /// The first task's half, all of it, announcements included.
    func fill(_ pattern: [UInt8]) {
        let target = halves[0]
        guard !pattern.isEmpty else { return target.clear(0..<LinkHalf.length) }
        // Inside the half; then what is there is doubled.
        unsafe target.bytes.copyBytes(from: pattern)
        var done = min(pattern.count, LinkHalf.length)
        while done < LinkHalf.length {
            let count = min(done, LinkHalf.length - done)
            unsafe UnsafeMutableRawBufferPointer(rebasing: target.bytes[done..<(done + count)])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: target.bytes[..<count]))
            done += count
        }
    }

    func apply(_ patch: LinkPatch) {
        let index = Int(patch.index)
        let control = controls[Int(patch.task) & 1]
        switch patch.place {
        case .announcement: halves[0].store(patch.value, at: 0x1000 + index % 2_048 * 8)
        case .consumed: halves[Int(patch.task) & 1].store(patch.value, at: 0x5000 + index % 1_024 * 8)
        // Four words of each slot are the header.
        case .frame: halves[0].store(patch.value, at: 0xF000 + index / 4 % 1_024 * 512 + index % 4 * 8)
        case .reply: halves[0].store(patch.value, at: 0x7000 + index / 4 % 64 * 512 + index % 4 * 8)
        case .anywhere: halves[0].store(patch.value, at: index * 9)
        case .commit: control.store(patch.value, at: Offset.commits + index * 8 % Offset.reach)
        case .take: control.store(patch.value, at: Offset.takes + index * 8 % Offset.reach)
        case .caller: control.store(patch.value, at: Offset.callers + index * 8 % Offset.reach)
        case .callee: control.store(patch.value, at: Offset.callees + index * 8 % Offset.reach)
        case .control: control.store(patch.value, at: index * 8 % 0x3000)
        }
        if patch.place == .anywhere { statuses[0].store(patch.value, at: index % 0x100) }
    }

    // MARK: what is done with it

    /// The second task reads everything that is announced.
    func receive() {
        let control = ControlMemory(controls[1].region)
        var receiver = LinkReceiver(
            link: Story.link, own: LinkHalf(halves[1].region), peer: LinkHalf(halves[0].region), control: control,
            peerStatus: StatusPage(statuses[0].region))
        var count = 0
        while let announcement = receiver.nextAnnouncement() {
            count += 1
            require(count <= LinkHalf.announcementsMax, "announcements without end")
            if announcement.isReply {
                answer(announcement, receiver, control)
                continue
            }
            guard case .frame(let frame) = receiver.look(announcement) else { continue }
            require(frame.length <= LinkHalf.bodyMax, "a frame of \(frame.length) bytes")
            require(receiver.body(frame).count == frame.length, "a body of another length")
            var body = [UInt8](repeating: 0, count: frame.length)
            // Over the call.
            unsafe body.withUnsafeMutableBytes { unsafe receiver.copy(frame, into: $0) }
            require(body == receiver.body(frame), "another body")
            guard receiver.take(frame, takeIndex: announcement.index) else { continue }
            _ = frame.lease.isDue(received: 0)
            receiver.publish(frame)
            guard let reply = frame.reply, let callee = control.callee(place: 0, index: reply.index) else { continue }
            guard callee.arm(link: Story.link, generation: reply.generation) else { continue }
            if reply.generation & 1 == 0 { _ = callee.use(link: Story.link, generation: reply.generation) }
            _ = callee.state(link: Story.link, generation: reply.generation)
        }
        require(!receiver.hasNews && !receiver.news.isWaiting, "read to the end, and news")
        require(!receiver.setParked(true) && receiver.isParked, "parked, and news")
        _ = receiver.peerWaits()
        _ = receiver.peerProcessor
    }

    private func answer(_ announcement: Announcement, _ receiver: LinkReceiver, _ control: ControlMemory) {
        guard let index = UInt16(exactly: announcement.index), let caller = control.caller(place: 0, index: index) else { return }
        let generation = ReplyWord(bits: caller.word.acquired).generation
        let token = ReplyToken(index: index, generation: generation)
        guard announcement.isReply(of: generation), let header = receiver.lookReply(token) else { return }
        require(receiver.replyBody(token, count: Int(header.length)).count == Int(header.length), "an answer of another length")
        if generation & 1 == 0 { _ = caller.take(link: Story.link, generation: generation) }
        _ = caller.abandon(link: Story.link, generation: generation)
    }

    /// The second task sends as long as it finds room, and calls and answers.
    func send() {
        let control = ControlMemory(controls[1].region)
        var sender = LinkSender(
            link: Story.link, own: LinkHalf(halves[1].region), peer: LinkHalf(halves[0].region), peerStatus: StatusPage(statuses[0].region))
        let entry = control.send(0)
        for number in 0..<UInt32(12) {
            guard let lease = entry.lease(), sender.hasRoom(lease) else { break }
            let token = ReplyToken(index: UInt16(number % 64), generation: number)
            control.caller(place: lease.place, index: token.index)?
                .arm(link: Story.link, generation: number, port: 1, number: lease.number, epoch: lease.word.epoch)
            sender.write(lease, code: number, body: [UInt8](repeating: 1, count: Int(number) * 40), reply: token)
            guard entry.commit(lease) else { break }
            sender.announce(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch))
            sender.prepareNext(lease)
            if sender.peerMustBeRung() { _ = entry.isDead }
        }
        if sender.canAnnounce() {
            let token = ReplyToken(index: 1, generation: 2)
            sender.writeReply(token, code: 1, body: [1, 2], flags: 0)
            sender.announce(.reply(index: 1, generation: 2))
        }
    }

    /// The nucleus closes both leases and the link.
    func close() {
        var world = SharedLeaseWorld(Pages(scene: self))
        for lease in leases {
            let closing = world.close(lease)
            require(closing.frames.count <= Int(lease.window), "\(closing.frames.count) frames, more than the credit")
            require(closing.frames.allSatisfy { Int($0.payload.length) <= LinkHalf.bodyMax }, "a frame that is too long")
            var again = world.close(lease)
            again.frames = again.frames.enumerated().map { number, frame in
                var frame = frame
                // Kept a second time, so in another place.
                if closing.frames.indices.contains(number) { frame.payload = closing.frames[number].payload }
                return frame
            }
            require(again == closing, "closed again, \(again) instead of \(closing)")
        }
        for callee in [Story.first, Story.second] {
            for index in [UInt16(0), 1, 63, 64, 0xFFFF] {
                let first = world.promoteReply(of: link, callee: callee, index: index, generation: 3)
                let second = world.promoteReply(of: link, callee: callee, index: index, generation: 3)
                require(first == second, "a reply promoted twice")
            }
        }
        let settlements = world.settleReplies(of: link)
        require(settlements.count <= 2 * Self.replies, "\(settlements.count) calls settled")
        for settlement in settlements {
            require(Int(settlement.index) < Self.replies, "a reply word that is not there")
            if case .answered(let frame) = settlement.outcome { require(Int(frame.payload.length) <= LinkHalf.bodyMax, "a long answer") }
        }
    }

    private struct Pages: NodeMemory {
        let scene: LinkScene
        var kept: UInt64 = 0

        init(scene: LinkScene) { self.scene = scene }

        private func number(of task: TaskID) -> Int? { task == Story.first ? 0 : task == Story.second ? 1 : nil }

        func control(of task: TaskID) -> ControlMemory? { number(of: task).map { ControlMemory(scene.controls[$0].region) } }
        func half(_ number: Int, of link: LinkID) -> LinkHalf? { link == Story.link ? LinkHalf(scene.halves[number].region) : nil }

        mutating func keep(_ bytes: [UInt8]) -> Payload {
            kept += 1
            return Payload(place: kept, length: UInt32(bytes.count))
        }
    }
}
