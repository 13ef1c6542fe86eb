import MasixKernel
import MasixTransport
import Testing

/// Leases whose receiver gives room back long after it has taken, and frames in another's name (Documentation/Decisions/0013).
@Suite struct KeptRoomSteps {
    private static let speaker = Speaker(
        TaskID(raw: 9 << 32 | 3),
        TaskIdentity(uid: 7, gid: 8, pid: 9, executable: "/bin/far", name: "far", launched: false))

    private let bench: LinkBench
    private var sender: LinkSender
    private var receiver: LinkReceiver

    init() throws {
        bench = try LinkBench(keepsRoom: true)
        (sender, receiver) = (bench.makeSender(), bench.makeReceiver())
    }

    /// Sends as long as there is room; how often that was.
    private mutating func fill(flags: UInt16 = 0, body: [UInt8] = []) -> Int {
        var count = 0
        while let lease = bench.entry.lease(), sender.hasRoom(lease), bench.lease.slots > count {
            sender.write(lease, code: 5, body: body, flags: flags, reply: nil)
            guard bench.entry.commit(lease) else { break }
            sender.announce(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch))
            count += 1
        }
        return count
    }

    /// Takes so many and publishes none.
    private mutating func take(_ count: Int) throws -> (IncomingLease, Announcement) {
        var last: (IncomingLease, Announcement)?
        for _ in 0..<count {
            let next = receiver.nextAnnouncement()
            let announcement = try #require(next)
            guard case .frame(let frame) = receiver.look(announcement), receiver.take(frame, takeIndex: announcement.index) else { break }
            last = (frame.lease, announcement)
        }
        return try #require(last)
    }

    @Test("architecture rule 17: what was taken has no room for others until it is given back")
    mutating func givenLater() throws {
        #expect(bench.lease.keepsRoom)
        #expect(fill() == LinkBench.limit)
        let (lease, announcement) = try take(3)
        #expect(fill() == 0)
        let isGiven = receiver.give(2, of: lease, takeIndex: announcement.index, epoch: announcement.epoch)
        #expect(isGiven && fill() == 2)
        var world = bench.makeWorld()
        let closing = world.close(bench.lease)
        #expect(closing.kept == 1 && closing.received == 3 && closing.frames.count == LinkBench.limit - 1 && closing.fault == nil)
        #expect(!closing.slotsInUse, "who keeps room has copied before it takes")
        // The nucleus has counted it: from here on it is the nucleus's to give.
        #expect(receiver.give(1, of: lease, takeIndex: announcement.index, epoch: announcement.epoch) == false)
        #expect(world.close(bench.lease) == closing)
    }

    @Test("a place that has gone to another lease is given nothing")
    mutating func otherLease() throws {
        #expect(fill() > 0)
        let (lease, announcement) = try take(1)
        #expect(receiver.give(1, of: lease, takeIndex: announcement.index, epoch: announcement.epoch + 1) == false)
    }

    @Test("a sender that sends more than the room it was given: its link is given up, and what is kept is still known")
    mutating func overdrawn() throws {
        #expect(fill() == LinkBench.limit)
        _ = try take(LinkBench.limit)
        let lease = try #require(bench.entry.lease())
        #expect(bench.entry.commit(lease))
        var world = bench.makeWorld()
        let closing = world.close(bench.lease)
        #expect(closing.fault == .impossibleCount && closing.kept == LinkBench.limit)
    }

    @Test("a frame in another's name carries it into the home queue, apart from its bytes")
    mutating func spoken() throws {
        let body = FrameBody(speaker: Self.speaker, bytes: [1, 2])
        #expect(fill(flags: FrameHeader.spoken, body: body.slotBytes) > 1)
        let next = receiver.nextAnnouncement()
        guard case .frame(let frame) = receiver.look(try #require(next)) else {
            Issue.record("no frame")
            return
        }
        #expect(frame.header.body(of: receiver.body(frame)) == body)
        var world = bench.makeWorld()
        let closing = world.close(bench.lease)
        #expect(closing.fault == nil && closing.frames.allSatisfy { $0.speaker == Self.speaker && $0.payload.length == 2 })
        #expect(world.memory.kept.allSatisfy { $0 == [1, 2] })
    }

    @Test("a frame that only says so is nonsense", arguments: [[], [1], [UInt8](repeating: 0xFF, count: 60)])
    mutating func unspoken(bytes: [UInt8]) throws {
        #expect(fill(flags: FrameHeader.spoken, body: bytes) > 0)
        let header = FrameHeader(number: 1, length: UInt32(bytes.count), code: 0, flags: FrameHeader.spoken)
        #expect(header.body(of: bytes) == nil)
        var world = bench.makeWorld()
        let closing = world.close(bench.lease)
        #expect(closing.fault == .missingFrames && closing.frames.isEmpty)
    }
}
