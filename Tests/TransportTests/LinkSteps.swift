import MasixKernel
import MasixTransport
import Testing

/// The steps of a send, a reception, a call and a closing, one by one.
@Suite struct LinkSteps {
    @Test("architecture rule 4: a send has happened if and only if its exchange succeeded, a reception likewise")
    func sendAndTake() throws {
        let bench = try LinkBench()
        var sender = bench.makeSender()
        var receiver = bench.makeReceiver()
        let outgoing = try #require(bench.entry.lease())
        let hasRoom = sender.hasRoom(outgoing)
        #expect(hasRoom && outgoing.number == 1)
        sender.write(outgoing, code: 42, body: [1, 2, 3], reply: nil)
        #expect(!receiver.hasNews)
        #expect(bench.entry.commit(outgoing))
        #expect(!bench.entry.commit(outgoing), "the same word does not commit twice")
        sender.announce(.lease(takeIndex: outgoing.takeIndex, epoch: outgoing.word.epoch))
        #expect(receiver.hasNews && receiver.news.isWaiting)
        let first = receiver.nextAnnouncement()
        let announcement = try #require(first)
        #expect(!receiver.hasNews && !announcement.isReply)
        // What was in the home queue before the lease comes first.
        #expect(receiver.isHeldBack(announcement, received: bench.lease.after &- 1))
        #expect(!receiver.isHeldBack(announcement, received: bench.lease.after))
        guard case .frame(let frame) = receiver.look(announcement) else {
            Issue.record("no frame")
            return
        }
        #expect(frame.header.code == 42 && frame.length == 3 && frame.reply == nil)
        #expect(receiver.take(frame, takeIndex: announcement.index) && !receiver.take(frame, takeIndex: announcement.index))
        #expect(receiver.body(frame) == [1, 2, 3])
        receiver.publish(frame)
    }

    @Test("architecture rule 5: a credit is a slot, free again when it was published")
    func windowIsTheLimit() throws {
        let bench = try LinkBench()
        var sender = bench.makeSender()
        var receiver = bench.makeReceiver()
        var sent = 0
        while let lease = bench.entry.lease(), sender.hasRoom(lease) {
            sender.write(lease, code: UInt32(sent), body: [], reply: nil)
            #expect(bench.entry.commit(lease))
            sender.announce(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch))
            sent += 1
        }
        #expect(sent == Int(bench.lease.window) && sent <= LinkBench.limit)
        let first = receiver.nextAnnouncement()
        let announcement = try #require(first)
        guard case .frame(let frame) = receiver.look(announcement) else {
            Issue.record("no frame")
            return
        }
        #expect(receiver.take(frame, takeIndex: announcement.index))
        let full = try #require(bench.entry.lease())
        var hasRoom = sender.hasRoom(full)
        #expect(!hasRoom, "taken, and not yet published")
        receiver.publish(frame)
        hasRoom = sender.hasRoom(full)
        #expect(hasRoom)
    }

    @Test("architecture rules 8 and 19: closing takes what was committed and not taken, and again the same")
    func closeTwice() throws {
        let bench = try LinkBench()
        var sender = bench.makeSender()
        var receiver = bench.makeReceiver()
        for code in UInt32(1)...3 {
            let lease = try #require(bench.entry.lease())
            sender.write(lease, code: code, body: [UInt8(code)], reply: nil)
            #expect(bench.entry.commit(lease))
            sender.announce(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch))
        }
        // A fourth is written and not committed: it was never sent.
        let late = try #require(bench.entry.lease())
        sender.write(late, code: 4, body: [4], reply: nil)
        let first = receiver.nextAnnouncement()
        let announcement = try #require(first)
        guard case .frame(let frame) = receiver.look(announcement), receiver.take(frame, takeIndex: announcement.index) else {
            Issue.record("no frame")
            return
        }
        var world = bench.makeWorld()
        let closing = world.close(bench.lease)
        #expect(closing.frames.map(\.code) == [2, 3] && closing.fault == nil)
        #expect(closing.slotsInUse, "the receiver has taken a frame and not said that it has read it")
        #expect(world.memory.kept == [[2], [3]])
        receiver.publish(frame)
        let again = world.close(bench.lease)
        #expect(again.frames.map(\.code) == [2, 3] && !again.slotsInUse)
        #expect(!bench.entry.commit(late) && bench.entry.lease() == nil)
        let second = receiver.nextAnnouncement()
        let next = try #require(second)
        #expect(receiver.look(next) == .stale)
    }

    @Test("architecture rule 3: what is said of a lease that is over gives the next one no credit")
    func aLateShapeKeepsOff() throws {
        let bench = try LinkBench()
        let entry = bench.controls[0].send(bench.lease.sendIndex + 1)
        entry.commit.release(LeaseWord(epoch: bench.lease.id.epoch + 1).bits)
        entry.reshape(bench.lease)
        #expect(entry.lease()?.window == 0)
        bench.entry.reshape(bench.lease)
        #expect(bench.entry.lease()?.window == UInt64(bench.lease.window))
    }

    @Test("architecture rule 10: of caller, callee and nucleus exactly one has the answer")
    func firstUseWins() throws {
        let bench = try LinkBench()
        let token = ReplyToken(index: 3, generation: 9)
        let caller = try #require(bench.controls[0].caller(place: 0, index: 3))
        let callee = try #require(bench.controls[1].callee(place: 0, index: 3))
        caller.arm(link: bench.link.id, generation: 9, port: 5, number: 1, epoch: bench.lease.id.epoch)
        #expect(callee.arm(link: bench.link.id, generation: token.generation))
        #expect(callee.use(link: bench.link.id, generation: 9) && !callee.use(link: bench.link.id, generation: 9))
        #expect(callee.state(link: bench.link.id, generation: 9) == .used)
        #expect(!caller.take(link: bench.link.id, generation: 8), "a late hand never moves a later word")
        #expect(caller.take(link: bench.link.id, generation: 9) && !caller.take(link: bench.link.id, generation: 9))
        #expect(!caller.abandon(link: bench.link.id, generation: 9))
    }

    @Test("architecture rule 10: a call that is taken after a later one of the same reply word does not get the word")
    func aLateCallKeepsOff() throws {
        let bench = try LinkBench()
        let callee = try #require(bench.controls[1].callee(place: 0, index: 3))
        #expect(callee.arm(link: bench.link.id, generation: 9))
        #expect(!callee.arm(link: bench.link.id, generation: 8))
        #expect(callee.use(link: bench.link.id, generation: 9))
        #expect(!callee.arm(link: bench.link.id, generation: 8), "or its answer would be written over the one that is waited for")
        #expect(callee.state(link: bench.link.id, generation: 9) == .used)
        #expect(callee.arm(link: bench.link.id, generation: 10))
        #expect(callee.arm(link: LinkID(raw: bench.link.id.raw + 1), generation: 1), "another link begins anew")
    }

    @Test("architecture rule 10: a call that was committed is settled once, one that was not stays its caller's")
    func settleReplies() throws {
        let bench = try LinkBench()
        let sender = bench.makeSender()
        for index in UInt16(0)...1 {
            let lease = try #require(bench.entry.lease())
            let caller = try #require(bench.controls[0].caller(place: lease.place, index: index))
            caller.arm(link: bench.link.id, generation: 1, port: 50 + UInt64(index), number: lease.number, epoch: lease.word.epoch)
            sender.write(lease, code: 1, body: [], reply: ReplyToken(index: index, generation: 1))
            if index == 0 { #expect(bench.entry.commit(lease)) }
        }
        let entry = try #require(bench.controls[1].take(bench.lease.takeIndex))
        let word = LeaseWord(bits: entry.word.acquired)
        #expect(entry.word.exchange(word.bits, for: word.next.bits), "the callee takes the call, and has not yet taken up the right")
        var world = bench.makeWorld()
        let closing = world.close(bench.lease)
        #expect(closing.frames.isEmpty)
        for _ in 0..<2 {
            let settled = world.settleReplies(of: bench.link)
            #expect(settled.map(\.port.counter) == [50] && settled.map(\.outcome) == [.unclaimed])
        }
        let callee = try #require(bench.controls[1].callee(place: bench.link.place(of: LinkBench.receiver), index: 0))
        #expect(!callee.arm(link: bench.link.id, generation: 1), "closed under it: the kernel keeps the right")
    }
}
