import Masix
import MasixLinux
import MasixNucleus
import MasixTestKit
import Synchronization
import Testing

/// Ports that never left their task: the rules of every port, without a word to the nucleus (architecture rule 2).
@Suite struct LocalPortTests {
    private func alone(_ leases: TestNode.Leases = .on, _ body: (Space) throws -> Void) throws {
        try TestNode.run(leases: leases) { try body(try $0.attach()) }
    }

    @Test("nothing of it is the nucleus's: not the port, not its messages")
    func theNucleusKnowsNothing() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let port = try space.makePort()
            let before = try node.counters()
            let right = try port.makeSendRight()
            let serving = try Background {
                for _ in 0..<500 {
                    var request = try port.receive(timeout: .seconds(30))
                    let reply = request.takeReply()
                    try reply?.send(Message(code: request.code + 1, bytes: request.bytes))
                }
            }
            for number in UInt32(0)..<500 {
                let answer = try right.call(Message(code: number, bytes: [1, 2]), timeout: .seconds(30))
                #expect(answer.code == number + 1 && answer.bytes == [1, 2] && answer.sender == space.task)
            }
            try serving.wait(seconds: 60)
            let after = try node.counters()
            #expect(after["ports"] == before["ports"])
            #expect(after["messages received by the nucleus"] == before["messages received by the nucleus"])
        }
    }

    @Test("S6, S7: a full queue refuses, and returns everything; room lets the blocked one in, in order")
    func queueLimit() throws {
        try alone { space in
            let port = try space.makePort(queueLimit: 2)
            let right = try port.makeSendRight()
            for number in UInt32(0)..<2 { try right.send(Message(code: number), timeout: .zero) }
            let carried = try space.makePort()
            let carriedID = carried.port
            var message = Message(code: 2)
            message.attach(carried)
            for timeout in [Duration.zero, .milliseconds(20)] {
                #expect(throws: MasixError.timedOut) { try right.trySend(&message, timeout: timeout) }
                #expect(message.rightCount == 1)
            }
            let copy = Boxed(right.copy())
            let boxed = Mutex<Message?>(message)
            let blocked = try Background {
                guard let right = copy.take(), let message = boxed.withLock({ $0.take() }) else { return }
                try right.send(message, timeout: .seconds(30))
            }
            for _ in 0..<20 { #expect(!blocked.isDone) }
            for number in UInt32(0)..<2 { #expect(try port.receive(timeout: .seconds(30)).code == number) }
            var last = try port.receive(timeout: .seconds(30))
            #expect(last.code == 2)
            let cameID = last.takeReceiveRight()?.port
            #expect(cameID == carriedID)
            try blocked.wait()
        }
    }

    @Test("1.2: a raised limit lets blocked senders in, a lowered one drops nothing; 0 takes send-once messages alone")
    func limitsChange() throws {
        try alone { space in
            let port = try space.makePort(queueLimit: 1)
            let right = try port.makeSendRight()
            try right.send(Message(code: 0), timeout: .zero)
            let copy = Boxed(right.copy())
            let blocked = try Background { try copy.take()?.send(Message(code: 1), timeout: .seconds(30)) }
            while !blocked.isDone { try port.setQueueLimit(2) }
            try blocked.wait()
            try port.setQueueLimit(0)
            #expect(throws: MasixError.timedOut) { try right.send(Message(), timeout: .zero) }
            try port.makeSendOnceRight().send(Message(code: 2))
            for number in UInt32(0)..<3 { #expect(try port.receive(timeout: .zero).code == number) }
            #expect(throws: MasixError.invalidValue) { try port.setQueueLimit(-1) }
        }
    }

    @Test("T4: every send-once right yields one message")
    func sendOnce() throws {
        try alone { space in
            let port = try space.makePort(queueLimit: 0)
            try port.makeSendOnceRight().close()
            try port.makeSendOnceRight().send(Message(text: "used"))
            let told = try port.receive(timeout: .zero)
            #expect(told.notification == .sendOnce && told.sender == .kernel && told.code == 71)
            #expect(try port.receive(timeout: .zero).text == "used")
            #expect(throws: MasixError.timedOut) { _ = try port.receive(timeout: .zero) }
            let late = try port.makeSendOnceRight()
            port.close()
            try late.send(Message())
        }
    }

    @Test("1.6, S4, T5: the port dies: names are dead, calls are told, blocked senders have sent")
    func death() throws {
        try alone { space in
            let port = try space.makePort(queueLimit: 1)
            let right = try port.makeSendRight()
            let copies = (0..<3).map { _ in Boxed(right.copy()) }
            let call = try Background { try copies[0].take()?.call(Message(), timeout: .seconds(30)).code }
            while try right.isQueueEmpty(port) {}
            let (send, other) = (
                try Background { try copies[1].take()?.send(Message(), timeout: .seconds(30)) },
                try Background { try copies[2].take()?.call(Message(), timeout: .seconds(30)).code }
            )
            pause(milliseconds: 20)
            let isAlive = !right.isDead && !send.isDone
            #expect(isAlive)
            port.close()
            let isDead = right.isDead
            #expect(isDead)
            #expect(throws: MasixError.noReply) { _ = try call.wait() }
            #expect(throws: MasixError.noReply) { _ = try other.wait() }
            try send.wait()
            #expect(throws: MasixError.deadName) { try right.send(Message(), timeout: .zero) }
            #expect(throws: MasixError.deadName) { _ = try right.call(Message(), timeout: .zero) }
            let notify = try space.makePort()
            #expect(throws: MasixError.invalidValue) { try right.requestDeadName(to: notify) }
        }
    }

    @Test("N2, D3, R4: rights of every kind inside messages stay what they are")
    func rightsInMessages() throws {
        try alone { space in
            let port = try space.makePort()
            let right = try port.makeSendRight()
            let other = try space.makePort()
            let moved = try space.makePort()
            let mortal = try space.makePort()
            try moved.makeSendRight().send(Message(text: "lies in the moved one"), timeout: .zero)
            var message = Message()
            message.attach(try other.makeSendRight())
            message.attach(try other.makeSendOnceRight())
            message.attach(moved)
            message.attach(try mortal.makeSendRight())
            message.attachNothing()
            message.attach(try MemoryObject(bytes: [4, 2]))
            try right.send(message, timeout: .zero)
            mortal.close()
            var received = try port.receive(timeout: .zero)
            #expect(received.isDead(at: 3) == true)
            #expect(try received.takeMemory()?.bytes() == [4, 2])
            try received.takeSendRight(at: 0)?.send(Message(code: 1), timeout: .zero)
            try received.takeSendOnceRight(at: 1)?.send(Message(code: 2))
            for code in UInt32(1)...2 { #expect(try other.receive(timeout: .zero).code == code) }
            guard let came = received.takeReceiveRight(at: 2) else { throw MasixError.invalidRight }
            #expect(try came.receive(timeout: .zero).text == "lies in the moved one")
            try came.makeSendRight().send(Message(text: "again"), timeout: .zero)
            #expect(try came.receive(timeout: .zero).text == "again")
        }
    }

    @Test("S5, R4: a circle is destroyed, and sent")
    func circles() throws {
        try alone { space in
            let first = try space.makePort()
            let second = try space.makePort()
            let toFirst = try first.makeSendRight()
            let toSecond = try second.makeSendRight()
            var outer = Message()
            outer.attach(first)
            try toSecond.send(outer, timeout: .zero)
            let isFirstAlive = !toFirst.isDead
            #expect(isFirstAlive)
            // It would lie in the queue of a port that lies in its own.
            var inner = Message()
            inner.attach(second)
            try toFirst.send(inner, timeout: .zero)
            let (isFirstDead, isSecondDead) = (toFirst.isDead, toSecond.isDead)
            #expect(isFirstDead && isSecondDead)
        }
    }

    @Test("1.11: a chain of ports in messages of any length dies without recursion")
    func longChain() throws {
        try alone { space in
            var last = try space.makePort()
            let bottom = try last.makeSendRight()
            for _ in 0..<100_000 {
                let next = try space.makePort()
                var message = Message()
                message.attach(last)
                try next.makeSendRight().send(message, timeout: .zero)
                last = next
            }
            let isAlive = !bottom.isDead
            #expect(isAlive)
            last.close()
            let isDead = bottom.isDead
            #expect(isDead)
        }
    }

    @Test("1.7, V2: sets, times, async code and the event loop see local messages")
    func waiting() async throws {
        let node = try TestNode()
        let space = try node.attach()
        let set = space.makePortSet()
        let first = set.insert(try space.makePort())
        let second = set.insert(try space.makePort())
        let toFirst = try set.makeSendRight(to: first)
        let toSecond = try set.makeSendRight(to: second)
        #expect(throws: MasixError.timedOut) { _ = try set.receive(timeout: .milliseconds(20)) }
        for _ in 0..<3 {
            try await toFirst.send(Message(), timeout: .zero)
            try await toSecond.send(Message(), timeout: .zero)
        }
        let order = try (0..<6).map { _ in try set.receive(timeout: .zero).port }
        #expect(order == [first, second, first, second, first, second])
        let descriptor = try space.pollableDescriptor()
        while try Ready.poll(descriptor, for: .readable, timeoutNanoseconds: 0), try set.tryReceive() == nil {}
        try await toSecond.send(Message(text: "polled"), timeout: .zero)
        #expect(try Ready.poll(descriptor, for: .readable, timeoutNanoseconds: 10_000_000_000))
        #expect(try set.tryReceive()?.text == "polled")
        let waiting = Task { try await set.next(timeout: .seconds(60)).text }
        await Task.yield()
        try await toFirst.send(Message(text: "awaited"), timeout: .zero)
        #expect(try await waiting.value == "awaited")
        node.stop()
    }

    @Test("an id is nobody else's once somebody has seen it")
    func ids() throws {
        try alone { space in
            var seen: Set<PortID> = []
            for _ in 0..<100 {
                // Unseen: made and gone.
                _ = try space.makePort()
                let port = try space.makePort()
                #expect(seen.insert(port.port).inserted)
            }
        }
    }

    @Test("waiting threads sleep: a call between two threads costs no more than a few sleeps")
    func noSpinning() throws {
        try alone { space in
            let port = try space.makePort()
            let boxed = Boxed(try port.makeSendRight())
            let before = space.sleeps
            let calling = try Background {
                pause(milliseconds: 50)
                try boxed.take()?.send(Message(), timeout: .zero)
            }
            _ = try port.receive(timeout: .seconds(30))
            try calling.wait()
            #expect(space.sleeps - before <= 3)
        }
    }
}

extension SendRight {
    /// Whether nothing waits in the port, without receiving: a message more finds no room in a queue of one.
    fileprivate func isQueueEmpty(_ port: borrowing ReceiveRight) throws -> Bool {
        do throws(MasixError) {
            var probe = Message(text: "probe")
            try trySend(&probe, timeout: .zero)
        } catch {
            guard error == .timedOut else { throw error }
            return false
        }
        guard let first = try port.tryReceive() else { throw MasixError.invalidValue }
        // It found the queue empty, so it is the first in it.
        guard first.text == "probe" else { throw MasixError.invalidValue }
        return true
    }
}

func pause(milliseconds: UInt64) {
    let end = Clock.monotonicNanoseconds() + milliseconds * 1_000_000
    let word = FutexWord()
    while case let now = Clock.monotonicNanoseconds(), now < end { _ = try? word.wait(while: 0, timeoutNanoseconds: end - now) }
}
