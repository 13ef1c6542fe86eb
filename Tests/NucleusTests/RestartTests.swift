import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import Synchronization
import SystemPackage
import Testing

@testable import MasixNucleus

@Suite("Restart")
struct RestartTests {
    /// Every kind of thing that can be under way, and what must come of it whatever dies when.
    private func story(_ node: MortalNode, _ socket: consuming Descriptor) throws {
        let receiver = try RawTask(socket: socket)
        let (port, index) = try receiver.port(limit: 8)
        #expect(try receiver.say(.setBootstrap(port)) == .done)
        var sender: RawTask? = try RawTask(path: node.path)
        let senderID = try #require(sender?.id)

        // Bytes, rights, memory.
        let memory = try MemoryFile.create(name: "test", size: 3)
        _ = try File.write(memory.raw, [7, 8, 9], at: 0)
        try memory.addSeals(.frozen)
        do {
            let sender = try #require(sender)
            let (replyPort, _) = try sender.port()
            let outgoing = Outgoing(
                to: .copySend(port), reply: .makeSendOnce(replyPort), code: 5, payload: Payload(place: 0, length: 4),
                memory: [MemoryToken(place: 0, length: 3)])
            #expect(try sender.say(.send(outgoing), payload: [1, 2, 3, 4], descriptors: [memory.raw]) == .sent)
            #expect(try sender.send([UInt8](repeating: 6, count: 5_000), to: .copySend(port)) == .sent)
            #expect(
                try sender.say(.send(Outgoing(to: .copySend(port), memory: [MemoryToken(place: 3, length: 3)])), descriptors: [memory.raw])
                    == .refused(.invalidMemory))
            #expect(receiver.control.homeCount(index).acquired == 2)

            var reply = try receiver.ask(.receive(port))
            guard case .message(let message) = reply.response, case .sendOnce(let once, _) = message.reply else {
                throw RawTask.Failure.unexpected(reply.response)
            }
            #expect(message.code == 5 && message.sender == senderID && reply.payload == [1, 2, 3, 4])
            guard let arrived = reply.descriptors.take(0) else { throw RawTask.Failure.noDescriptor }
            #expect(try File.readBytes(arrived.raw, count: 8, at: 0) == [7, 8, 9])
            #expect(try receiver.send([5], to: .moveSendOnce(once)) == .sent)
            #expect(try sender.receive(replyPort)?.1 == [5])
            #expect(try receiver.receive(port)?.1 == [UInt8](repeating: 6, count: 5_000))

            // A link, and what a revocation finds in it.
            let (mine, theirs) = try RawLink.join(sender, receiver)
            guard case .send(_, let place) = sender.welcome.bootstrap else { throw RawTask.Failure.noDescriptor }
            let entry = sender.control.send(place)
            for number in 1...4 { #expect(mine.send([UInt8(number)], by: entry)) }
            #expect(theirs.receive() == [1])
            #expect(try sender.send([5], to: .copySend(port)) == .sent)
            for number in 2...5 { #expect(try receiver.receive(port)?.1 == [UInt8(number)]) }
            #expect(try receiver.receive(port) == nil)
            #expect(mine.send([9], by: entry))
        }
        // Death, with a message still in the link.
        sender = nil
        #expect(eventually { receiver.control.homeCount(index).acquired == 1 })
        #expect(try receiver.receive(port)?.1 == [9])
        #expect(try receiver.sees(senderID) == false)

        // An introduced task.
        let child = try Launch("/bin/sleep", arguments: ["sleep", "60"]).start()
        defer { try? child.process.sendSignal(Signal.kill) }
        let pair = try MessageSocket.pair()
        let identity = TaskIdentity(uid: 1, gid: 1, pid: child.pid, executable: "", name: "child", launched: true)
        let response = try receiver.say(
            .introduce(identity, rights: [.makeSend(port)]), descriptors: [pair.second.raw, child.process.raw])
        guard case .introduced(let id) = response else { throw RawTask.Failure.unexpected(response) }
        let introduced = try RawTask(socket: pair.first.duplicate())
        #expect(introduced.id == id)
        guard case .send(port, _)? = introduced.welcome.initial.first else { throw RawTask.Failure.noDescriptor }
        #expect(try introduced.send([3], to: .copySend(port)) == .sent)
        #expect(try receiver.receive(port)?.1 == [3])
    }

    @Test func theJournalLeadsToTheKernel() throws {
        let pair = try MessageSocket.pair()
        let node = try MortalNode(firstTask: pair.second.duplicate())
        try story(node, pair.first.duplicate())
        let end = try node.close()
        #expect(end.kernel == end.replayed)
        #expect(end.kernel.violations().isEmpty)
        #expect(node.lifeCount == 1)
    }

    @Test func aShortJournalIsRenewedAndLeadsToTheSameKernel() throws {
        let pair = try MessageSocket.pair()
        let node = try MortalNode(firstTask: pair.second.duplicate(), configure: { $0.journalBytesMax = 200 })
        try story(node, pair.first.duplicate())
        let end = try node.close()
        #expect(end.kernel == end.replayed)
    }

    /// One death, at every step of the story in turn.
    @Test(arguments: 0..<8) func aDeathAnywhereIsNotNoticed(part: Int) throws {
        let total: Int
        do {
            let pair = try MessageSocket.pair()
            let node = try MortalNode(firstTask: pair.second.duplicate())
            try story(node, pair.first.duplicate())
            total = node.stepCount
            _ = try node.close()
        }
        // All kinds of step, spread over the parts: 8 steps make one event.
        for fatal in stride(from: 1 + part, through: total, by: 8) {
            let pair = try MessageSocket.pair()
            let node = try MortalNode(firstTask: pair.second.duplicate(), dies: { _, number, life in life == 1 && number == fatal })
            do {
                try story(node, pair.first.duplicate())
            } catch {
                Issue.record("death at step \(fatal) (\(Step.allCases[part])): \(error)")
            }
            let end = try node.close()
            #expect(end.kernel == end.replayed, "death at step \(fatal)")
            #expect(end.kernel.violations().isEmpty, "death at step \(fatal)")
            // The last event may end after the story.
            #expect(node.lifeCount == 2 || fatal > total - 8, "death at step \(fatal)")
        }
    }

    @Test(arguments: [UInt64(1), 2, 3, 4]) func manyDeathsAreNotNoticed(seed: UInt64) throws {
        let pair = try MessageSocket.pair()
        let lastDeath = Mark()
        let node = try MortalNode(
            firstTask: pair.second.duplicate(), configure: { $0.journalBytesMax = 2_000 },
            dies: { _, number, life in
                // Never twice at the same thing: that is another story.
                var chance = Chance(seed: seed &* 1_000 &+ UInt64(life))
                return number >= lastDeath.value + 24 + Int(chance.next() % 40) && lastDeath.set(number)
            })
        try story(node, pair.first.duplicate())
        let end = try node.close()
        #expect(end.kernel == end.replayed)
        #expect(node.lifeCount > 2)
    }

    /// Whatever the step, two deaths leave a node that serves; who was under way at both of them is gone.
    @Test(arguments: Step.allCases.filter { $0 != .recovering }) func whoKillsTheNucleusTwiceIsEnded(step: Step) throws {
        let deadly = Deadly()
        // The same request is handled anew only if no journal knew of it; else the second life comes to repeating what it did.
        let isAnew = [.peeked, .handled, .kept].contains(step)
        let culpritIsGone = try twoDeaths(deadly) { at, number in
            guard !isAnew && number > 0 else { return at == step }
            return at == .recovering
        }
        // Once its request was consumed nothing was under way at the second death.
        #expect(culpritIsGone == ![.consumed, .released].contains(step))
    }

    /// Whether the task whose request is under way at the first of two deaths is ended by them.
    private func twoDeaths(_ deadly: Deadly, at dies: @escaping @Sendable (Step, Int) -> Bool) throws -> Bool {
        let pair = try MessageSocket.pair()
        let node = try MortalNode(
            firstTask: pair.second.duplicate(), dies: { step, _, life in deadly.isLeft && dies(step, life - 1) && deadly.isArmed() })
        let witness = try RawTask(socket: pair.first.duplicate())
        let (port, _) = try witness.port()
        _ = try witness.say(.setBootstrap(port))
        let culprit = try RawTask(path: node.path)
        // Eight steps make an event: let the last one come to its end.
        #expect(eventually { node.stepCount % 8 == 0 })
        deadly.arm(2)
        do {
            _ = try culprit.send([1], to: .copySend(port))
            _ = try culprit.say(.portBlock)
        } catch is RawTask.Failure {
            // Its socket has ended.
        } catch is Errno {
            // The same, noticed while it spoke.
        }
        let isGone = try witness.sees(culprit.id) == false
        let end = try node.close()
        #expect(end.kernel == end.replayed)
        #expect(end.kernel.violations().isEmpty)
        return isGone
    }

    @Test func aTaskThatDiesBetweenTwoLivesIsMissed() throws {
        let pair = try MessageSocket.pair()
        let deadly = Deadly()
        let node = try MortalNode(firstTask: pair.second.duplicate(), dies: { step, _, _ in step == .consumed && deadly.isArmed() })
        let witness = try RawTask(socket: pair.first.duplicate())
        var other: RawTask? = try RawTask(path: node.path)
        let id = try #require(other?.id)
        deadly.arm(1)
        _ = try witness.say(.identity(id))
        other = nil
        #expect(try eventually { try witness.sees(id) == false })
        _ = try node.close()
        #expect(node.lifeCount == 2)
    }

    @Test func aSuccessorGoesOnWithEverything() throws {
        let pair = try MessageSocket.pair()
        let node = try MortalNode(firstTask: pair.second.duplicate())
        let receiver = try RawTask(socket: pair.first.duplicate())
        let (port, _) = try receiver.port(limit: 8)
        _ = try receiver.say(.setBootstrap(port))
        let sender = try RawTask(path: node.path)
        #expect(try sender.send([0], to: .copySend(port)) == .sent)
        #expect(try receiver.receive(port)?.1 == [0])
        let (mine, theirs) = try RawLink.join(sender, receiver)
        guard case .send(_, let place) = sender.welcome.bootstrap else { throw RawTask.Failure.noDescriptor }
        let entry = sender.control.send(place)
        #expect(mine.send([1], by: entry))
        try node.replace()
        // The lease works while nobody is there, and after.
        #expect(mine.send([2], by: entry))
        #expect(theirs.receive() == [1])
        #expect(try sender.send([3], to: .copySend(port)) == .sent)
        for number in 2...3 { #expect(try receiver.receive(port)?.1 == [UInt8(number)]) }
        let late = try RawTask(path: node.path)
        #expect(try late.send([4], to: .copySend(port)) == .sent)
        #expect(try receiver.receive(port)?.1 == [4])
        let end = try node.close()
        #expect(end.kernel == end.replayed)
        #expect(node.lifeCount == 2)
    }

    @Test func withoutItsKeeperTheNodeEnds() throws {
        let pair = try MessageSocket.pair()
        var ours: Descriptor? = try pair.first.duplicate()
        try MessageSocket.send(on: pair.first.raw, KeeperMessage.end.wireBytes, wait: true)
        var theirs: Descriptor? = try pair.second.duplicate()
        let node = try TestNode { $0.keeper = theirs.take() }
        _ = try node.task()
        try MessageSocket.end(pair.first.raw)
        ours = nil
        #expect(node.waitForEnd() == .keeperLost)
        _ = consume ours
    }
}

/// Strikes a number of times once armed.
final class Deadly: Sendable {
    private let left = Atomic<Int>(0)
    func arm(_ times: Int) { left.store(times, ordering: .releasing) }
    var isLeft: Bool { left.load(ordering: .acquiring) > 0 }
    func isArmed() -> Bool {
        while true {
            let value = left.load(ordering: .acquiring)
            guard value > 0 else { return false }
            if left.compareExchange(expected: value, desired: value - 1, ordering: .acquiringAndReleasing).exchanged { return true }
        }
    }
}

/// A number that several threads look at.
final class Mark: Sendable {
    private let number = Atomic<Int>(0)
    var value: Int { number.load(ordering: .acquiring) }
    func set(_ value: Int) -> Bool {
        number.store(value, ordering: .releasing)
        return true
    }
}
