import MasixKernel
import Testing

@testable import MasixTransport

/// Whatever a peer or a task writes into memory that it can reach, the other side finds a fault or nothing: never a trap.
@Suite struct HostileBytes {
    /// SplitMix64.
    private struct Chance: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    private static let values: [UInt64] = [0, 1, .max, 1 << 63, 1 << 40, 0xFFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFF, 0xFFFF]

    @Test("architecture rule 12: any eight bytes of a frame or an announcement, and the receiver finds a frame, a fault or nothing")
    func scribbleOverFrame() throws {
        let bench = try LinkBench()
        var sender = bench.makeSender()
        let lease = try #require(bench.entry.lease())
        sender.write(lease, code: 1, body: [1, 2, 3, 4], reply: nil)
        #expect(bench.entry.commit(lease))
        sender.announce(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch))
        let slot = 0xF000 + Int(bench.lease.firstSlot) * LinkHalf.slotBytes
        var faults = 0
        for offset in stride(from: 0, to: FrameHeader.size, by: 8) {
            let word = bench.senderHalf.word64(slot + offset)
            let honest = word.relaxed
            for value in Self.values {
                word.release(value)
                let receiver = bench.makeReceiver()
                switch receiver.look(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch)) {
                case .frame(let frame): #expect(receiver.body(frame).count <= LinkHalf.bodyMax)
                case .fault: faults += 1
                case .stale: break
                }
                word.release(honest)
            }
        }
        #expect(faults > 0)
        for value in Self.values {
            bench.senderHalf.word64(0x1000).release(value)
            var receiver = bench.makeReceiver()
            guard let announcement = receiver.nextAnnouncement(), !announcement.isReply else { continue }
            _ = receiver.isHeldBack(announcement, received: 0)
            if case .frame(let frame) = receiver.look(announcement) { #expect(frame.lease.port.node == LinkBench.node) }
        }
    }

    @Test("architecture rules 3 and 4: a closing believes no word that contradicts another")
    func scribbleOverWords() throws {
        for value in Self.values {
            for isCommit in [true, false] {
                let bench = try LinkBench()
                let take = try #require(bench.controls[1].take(bench.lease.takeIndex))
                (isCommit ? bench.entry.commit : take.word).release(value)
                var world = bench.makeWorld()
                let closing = world.close(bench.lease)
                #expect(closing.frames.isEmpty && closing.fault != nil)
                let again = world.close(bench.lease)
                #expect(again.fault == closing.fault)
            }
        }
        // More sent than was ever written: the count falls to the frames found.
        let bench = try LinkBench()
        let sender = bench.makeSender()
        let lease = try #require(bench.entry.lease())
        sender.write(lease, code: 1, body: [1], reply: nil)
        bench.entry.commit.release(LeaseWord(epoch: bench.lease.id.epoch, count: 3).bits)
        var world = bench.makeWorld()
        let closing = world.close(bench.lease)
        #expect(closing.frames.count == 1 && closing.fault == .missingFrames)
    }

    @Test("architecture rule 12: random bytes everywhere, thousands of times over")
    func scribbleEverywhere() throws {
        let bench = try LinkBench()
        var chance = Chance(state: 7)
        for round in 0..<4_000 {
            let region = [bench.senderHalf, bench.senderControl, bench.receiverControl][round % 3]
            // Where things are: the first megabyte of control memory and everything in a half, the entries of this lease most of all.
            let near = [0x1000, 0x5000, 0x7000, 0xF000, 0x102000, 0x502000, 0x542000, 0x5C2000].filter { $0 + 4096 < region.length }
            let base = near.randomElement(using: &chance) ?? 0
            for _ in 0..<16 {
                let offset = base + Int.random(in: 0..<64, using: &chance) * 8
                let value = Bool.random(using: &chance) ? chance.next() : Self.values.randomElement(using: &chance) ?? 0
                region.word64(offset).release(value)
            }
            var sender = bench.makeSender()
            var receiver = bench.makeReceiver()
            for _ in 0..<8 {
                guard let announcement = receiver.nextAnnouncement() else { break }
                _ = receiver.isHeldBack(announcement, received: 3)
                if case .frame(let frame) = receiver.look(announcement) {
                    _ = receiver.body(frame)
                    _ = receiver.take(frame, takeIndex: announcement.index)
                    receiver.publish(frame)
                }
            }
            let token = ReplyToken(index: UInt16.random(in: 0...UInt16.max, using: &chance), generation: 1)
            if let header = receiver.lookReply(token) { _ = receiver.replyBody(token, count: Int(header.length)) }
            if let lease = bench.entry.lease(), sender.hasRoom(lease) {
                sender.write(lease, code: 0, body: [], reply: nil)
                _ = bench.entry.commit(lease)
                sender.announce(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch))
            }
            var world = bench.makeWorld()
            let closing = world.close(bench.lease)
            #expect(closing.frames.count <= Int(bench.lease.slots))
            let settled = world.settleReplies(of: bench.link)
            #expect(settled.count <= 2 * LinkHalf.replies)
            _ = world.promoteReply(of: bench.link, callee: LinkBench.receiver, index: token.index, generation: 1)
        }
    }
}
