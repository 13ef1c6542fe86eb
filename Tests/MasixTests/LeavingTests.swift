import Masix
import MasixKernel
import MasixLinux
import MasixNucleus
import MasixTestKit
import Synchronization
import Testing

/// A port leaves its library with the first right, request or message that does: with all that it had, and nobody can tell when
/// (architecture rule 2, Documentation/Decisions/0010).
@Suite struct LeavingTests {
    /// What makes a port leave.
    enum Way: CaseIterable, Sendable {
        case status, noSenders, backup, backupRight, deadName, notifiedOfOthers, sendRightAway, sendOnceRightAway, carried, inMessages

        /// Does it. What must be kept is given back.
        func leave(
            _ port: borrowing ReceiveRight, _ right: borrowing SendRight, _ space: Space, _ away: borrowing SendRight
        ) throws -> [Kept] {
            let other = try space.makePort()
            var message = Message()
            switch self {
            case .status: _ = try port.status()
            case .noSenders: try port.requestNoSenders(to: other)
            case .backup: try port.requestPortDestroyed(to: other)
            case .backupRight: try port.requestPortDestroyed(to: try other.makeSendOnceRight())
            case .deadName: try right.requestDeadName(to: other)
            case .notifiedOfOthers: try other.requestNoSenders(sync: 9, to: port)
            case .sendRightAway:
                message.attach(right.copy())
                try away.send(message, timeout: .seconds(10))
                return [Kept(other)]
            case .sendOnceRightAway:
                message.attach(try port.makeSendOnceRight())
                try away.send(message, timeout: .seconds(10))
                return [Kept(other)]
            case .carried:
                // The port itself stays; a port in whose queue lies a right to it goes.
                var inner = Message()
                inner.attach(right.copy())
                try other.makeSendRight().send(inner, timeout: .zero)
                message.attach(try other.makeSendRight())
                try away.send(message, timeout: .seconds(10))
                return [Kept(other)]
            case .inMessages:
                var inner = Message()
                inner.attach(right.copy())
                try other.makeSendRight().send(inner, timeout: .zero)
                message.attach(other)
                try away.send(message, timeout: .seconds(10))
                return []
            }
            return [Kept(other)]
        }
    }

    final class Kept: Sendable {
        let right: Mutex<ReceiveRight?>
        init(_ right: consuming ReceiveRight) { self.right = Mutex(right) }
    }

    /// A task, a port of it that has not left, and a right to a port of another task.
    private func scene(
        _ leases: TestNode.Leases = .on, queueLimit: Int = 64,
        _ body: (Space, borrowing ReceiveRight, borrowing SendRight, borrowing SendRight, TestNode) throws -> Void
    ) throws {
        try TestNode.run(leases: leases) { node in
            let (space, other) = (try node.attach(), try node.attach())
            let elsewhere = try other.makePort()
            let away = try node.pass(try elsewhere.makeSendRight(), from: other, to: space)
            let port = try space.makePort(queueLimit: queueLimit)
            let right = try port.makeSendRight()
            try body(space, port, right, away, node)
        }
    }

    private func ports(_ node: TestNode) throws -> UInt64 { try #require(try node.counters()["ports"]) }

    @Test("its queue, its limit and its counts go with it", arguments: Way.allCases)
    func withAll(way: Way) throws {
        try scene(queueLimit: 4) { space, port, right, away, node in
            let before = try ports(node)
            let carried = try space.makePort()
            for number in UInt32(0)..<3 {
                var message = Message(code: number, text: "\(number)")
                if number == 1 {
                    message.attach(try carried.makeSendRight())
                    message.attach(try carried.makeSendOnceRight())
                    message.attach(try MemoryObject(bytes: [9]))
                }
                try right.send(message, timeout: .zero)
            }
            try port.makeSendOnceRight().send(Message(code: 3, text: "3"))
            try port.makeSendOnceRight().close()
            let kept = try way.leave(port, right, space, away)
            #expect(try ports(node) > before)
            let status = try port.status()
            #expect(status.messages == 5 && status.queueLimit == 4)
            #expect(throws: MasixError.timedOut) { try right.send(Message(), timeout: .zero) }
            for number in UInt32(0)..<4 {
                var message = try port.receive(timeout: .seconds(10))
                #expect(message.code == number && message.text == "\(number)" && message.sender == space.task)
                guard number == 1 else { continue }
                try message.takeSendRight(at: 0)?.send(Message(code: 8), timeout: .zero)
                try message.takeSendOnceRight(at: 1)?.send(Message(code: 9))
                #expect(try message.takeMemory()?.bytes() == [9])
                for code in UInt32(8)...9 { #expect(try carried.receive(timeout: .seconds(10)).code == code) }
            }
            #expect(try port.receive(timeout: .seconds(10)).notification == .sendOnce)
            #expect(throws: MasixError.timedOut) { _ = try port.receive(timeout: .zero) }
            try right.send(Message(code: 4), timeout: .zero)
            #expect(try port.receive(timeout: .seconds(10)).code == 4)
            withExtendedLifetime(kept) {}
        }
    }

    @Test("N4, T2: makings that only the library knew are counted", arguments: TestNode.Leases.allCases)
    func makings(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let space = try node.attach()
            for queued in [false, true] {
                let port = try space.makePort()
                let news = try space.makePort()
                for _ in 0..<3 { try port.makeSendRight().close() }
                if queued { try port.makeSendRight().send(Message(), timeout: .zero) }
                let made: UInt32 = queued ? 4 : 3
                #expect(try port.status().makeSendCount == made)
                try port.requestNoSenders(sync: made, to: news)
                if queued {
                    // V5: the message is a sender.
                    #expect(throws: MasixError.timedOut) { _ = try news.receive(timeout: .milliseconds(20)) }
                    _ = try port.receive(timeout: .seconds(10))
                }
                #expect(try news.receive(timeout: .seconds(10)).notification == .noSenders(makeSendCount: made))
                let right = try port.makeSendRight()
                #expect(try port.status().sendRights == 1)
                right.close()
                #expect(try port.status().sendRights == 0)
            }
        }
    }

    @Test("1.2: a limit that was lowered under the queue is the limit there too")
    func loweredLimit() throws {
        try scene { _, port, right, _, _ in
            for number in UInt32(0)..<10 { try right.send(Message(code: number), timeout: .zero) }
            try port.setQueueLimit(2)
            let status = try port.status()
            #expect(status.queueLimit == 2 && status.messages == 10)
            for number in UInt32(0)..<10 {
                #expect(throws: MasixError.timedOut) { try right.send(Message(), timeout: .zero) }
                #expect(try port.receive(timeout: .seconds(10)).code == number)
                if number == 8 { break }
            }
            try right.send(Message(code: 10), timeout: .zero)
        }
    }

    @Test("S6: a sender that is blocked when the port leaves waits on, at the nucleus; and S4 holds for it", arguments: Way.allCases)
    func blockedSender(way: Way) throws {
        // A port with a backup does not die.
        for dies in way == .backup || way == .backupRight ? [false] : [false, true] {
            try TestNode.run { node in
                let (space, other) = (try node.attach(), try node.attach())
                let elsewhere = try other.makePort()
                let away = try node.pass(try elsewhere.makeSendRight(), from: other, to: space)
                let port = try space.makePort(queueLimit: 1)
                let right = try port.makeSendRight()
                try right.send(Message(code: 0), timeout: .zero)
                let copies = (0..<2).map { _ in Boxed(right.copy()) }
                let blocked = try copies.enumerated().map { number, copy in
                    try Background { try copy.take()?.send(Message(code: UInt32(number) + 1), timeout: .seconds(30)) }
                }
                pause(milliseconds: 10)
                let kept = try way.leave(port, right, space, away)
                for sender in blocked { #expect(!sender.isDone) }
                if dies {
                    pause(milliseconds: 10)
                    port.close()
                } else {
                    var codes: [UInt32] = []
                    for _ in 0..<3 { codes.append(try port.receive(timeout: .seconds(10)).code) }
                    #expect(codes.first == 0 && codes.sorted() == [0, 1, 2])
                }
                for sender in blocked { try sender.wait() }
                withExtendedLifetime(kept) {}
            }
        }
    }

    @Test("V2: a receiver that waits when the port leaves gets what comes from elsewhere", arguments: TestNode.Leases.allCases)
    func waitingReceiver(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (space, other) = (try node.attach(), try node.attach())
            for asSet in [false, true] {
                let set = space.makePortSet()
                let port = try space.makePort()
                let right = try port.makeSendRight()
                let id = port.port
                let boxed = Mutex<ReceiveRight?>(port)
                if asSet, let port = boxed.withLock({ $0.take() }) { set.insert(port) }
                let receiving = try Background {
                    if asSet { return try set.receive(timeout: .seconds(30)).text }
                    guard let port = boxed.withLock({ $0.take() }) else { return nil }
                    return try port.receive(timeout: .seconds(30)).text
                }
                pause(milliseconds: 10)
                let far = try node.pass(right, from: space, to: other)
                let farID = far.port
                #expect(farID == id)
                try far.send(Message(text: "from elsewhere"), timeout: .seconds(10))
                #expect(try receiving.wait() == "from elsewhere")
            }
        }
    }

    @Test("T4: send-once rights made before are the kernel's after, each once; a call that waits is answered by a third task")
    func onces() throws {
        try TestNode.run { node in
            let (space, other) = (try node.attach(), try node.attach())
            let door = try other.makePort()
            let away = try node.pass(try door.makeSendRight(), from: other, to: space)
            let port = try space.makePort()
            let used = try port.makeSendOnceRight()
            let unused = try port.makeSendOnceRight()
            let sent = try port.makeSendOnceRight()
            #expect(try port.status().sendOnceRights == 3)
            try used.send(Message(code: 5))
            unused.close()
            var message = Message()
            message.attach(sent)
            try away.send(message, timeout: .seconds(10))
            var received = try door.receive(timeout: .seconds(10))
            try received.takeSendOnceRight()?.send(Message(code: 6))
            var codes: [UInt32] = []
            for _ in 0..<3 { codes.append(try port.receive(timeout: .seconds(10)).code) }
            #expect(codes.sorted() == [5, 6, 71])
            #expect(throws: MasixError.timedOut) { _ = try port.receive(timeout: .milliseconds(10)) }
            #expect(try port.status().sendOnceRights == 0)
            // A call to a port that never left, whose reply right does.
            let right = Boxed(
                try space.makePortAndServe { request in
                    var passed = Message()
                    if let reply = request.takeReply() { passed.attach(reply) }
                    try away.send(passed, timeout: .seconds(10))
                })
            let calling = try Background { try right.take()?.call(Message(), timeout: .seconds(30)).code }
            var question = try door.receive(timeout: .seconds(10))
            try question.takeSendOnceRight()?.send(Message(code: 7))
            #expect(try calling.wait() == 7)
        }
    }

    @Test("R1: a receive right that leaves takes its queue along, and ports that lie in it", arguments: TestNode.Leases.allCases)
    func receiveRight(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (space, other) = (try node.attach(), try node.attach())
            let door = try other.makePort()
            let away = try node.pass(try door.makeSendRight(), from: other, to: space)
            // A chain of ports, each in a message of the next; and each message names the first.
            let first = try space.makePort()
            let right = try first.makeSendRight()
            let id = right.port
            try right.send(Message(text: "bottom"), timeout: .zero)
            var outer = first
            for number in UInt32(0)..<20 {
                let next = try space.makePort()
                var message = Message(code: number)
                message.attach(outer)
                message.attach(right.copy())
                try next.makeSendRight().send(message, timeout: .zero)
                outer = next
            }
            var message = Message()
            message.attach(outer)
            try away.send(message, timeout: .seconds(10))
            try right.send(Message(text: "later"), timeout: .seconds(10))
            var received = try door.receive(timeout: .seconds(10))
            for number in (UInt32(0)..<20).reversed() {
                guard let port = received.takeReceiveRight() else { throw MasixError.invalidRight }
                received = try port.receive(timeout: .seconds(10))
                #expect(received.code == number)
                let named = received.takeSendRight(at: 1)?.port
                #expect(named == id)
            }
            guard let bottom = received.takeReceiveRight() else { throw MasixError.invalidRight }
            #expect(try bottom.receive(timeout: .seconds(10)).text == "bottom")
            #expect(try bottom.receive(timeout: .seconds(10)).text == "later")
            bottom.close()
            let isDead = right.isDead
            #expect(isDead)
        }
    }

    @Test("D2: a name whose last hold moves into a local message tells who asked")
    func watchedNames() throws {
        try scene { space, port, _, away, _ in
            let news = try space.makePort()
            let watched = away.copy()
            let id = away.port
            try watched.requestDeadName(to: news)
            let local = try space.makePort()
            var message = Message()
            message.attach(watched)
            try local.makeSendRight().send(message, timeout: .seconds(10))
            // `away` still names it.
            #expect(throws: MasixError.timedOut) { _ = try news.receive(timeout: .milliseconds(20)) }
            var received = try local.receive(timeout: .seconds(10))
            let back = received.takeSendRight()?.port
            #expect(back == id)
        }
    }

    /// Over the quota a port stays, and works on; when there is room it leaves with all that it has.
    @Test("a port that is refused stays, with all that it has")
    func refused() throws {
        try TestNode.run(configure: { $0.limits.queuedMessagesPerTaskMax = 3 }) { node in
            let space = try node.attach()
            let port = try space.makePort()
            let right = try port.makeSendRight()
            for number in UInt32(0)..<6 { try right.send(Message(code: number), timeout: .zero) }
            #expect(throws: MasixError.resourceShortage) { _ = try port.status() }
            try right.send(Message(code: 6), timeout: .zero)
            try port.makeSendOnceRightEvenSo()?.close()
            for number in UInt32(0)..<2 { #expect(try port.receive(timeout: .zero).code == number) }
            #expect(throws: MasixError.resourceShortage) { _ = try port.status() }
            for number in UInt32(2)..<5 { #expect(try port.receive(timeout: .zero).code == number) }
            let status = try port.status()
            #expect(status.messages == 2 && status.makeSendCount == 1)
            // This task's, and those of the two messages.
            #expect(status.sendRights == 3)
            for number in UInt32(5)..<7 { #expect(try port.receive(timeout: .zero).code == number) }
            try right.send(Message(code: 7), timeout: .zero)
            #expect(try port.receive(timeout: .zero).code == 7)
            // And one that dies half way is dead.
            let doomed = try space.makePort()
            let name = try doomed.makeSendRight()
            for number in UInt32(0)..<6 { try name.send(Message(code: number), timeout: .zero) }
            #expect(throws: MasixError.resourceShortage) { _ = try doomed.status() }
            doomed.close()
            let isDead = name.isDead
            #expect(isDead)
            #expect(throws: MasixError.deadName) { try name.send(Message(), timeout: .zero) }
        }
    }

    /// Several threads send, one receives, and the port leaves at any moment of it.
    @Test("O1, O3: nothing is lost, doubled or overtaken while it leaves", arguments: TestNode.Leases.allCases)
    func races(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (space, other) = (try node.attach(), try node.attach())
            for round in 0..<30 {
                let port = try space.makePort(queueLimit: round % 3 == 0 ? 2 : 64)
                let right = try port.makeSendRight()
                let (senders, count) = (3, UInt32(60))
                let copies = (0..<senders).map { _ in Boxed(right.copy()) }
                let sending = try copies.enumerated().map { number, copy in
                    try Background {
                        guard let right = copy.take() else { return }
                        for message in 0..<count {
                            try right.send(Message(code: UInt32(number) << 16 | message), timeout: .seconds(30))
                        }
                    }
                }
                let boxed = Boxed(right)
                let leaving = try Background {
                    pause(microseconds: UInt64(round * 40))
                    guard let right = boxed.take() else { return }
                    let far = try node.pass(right, from: space, to: other)
                    for message in 0..<count { try far.send(Message(code: UInt32(senders) << 16 | message), timeout: .seconds(30)) }
                }
                var next = [UInt32](repeating: 0, count: senders + 1)
                for _ in 0..<(senders + 1) * Int(count) {
                    let code = try port.receive(timeout: .seconds(30)).code
                    #expect(next[Int(code >> 16)] == code & 0xFFFF)
                    next[Int(code >> 16)] = code & 0xFFFF + 1
                }
                #expect(throws: MasixError.timedOut) { _ = try port.receive(timeout: .zero) }
                for sender in sending { try sender.wait() }
                try leaving.wait()
            }
        }
    }

    /// The same with calls: each has its one answer.
    @Test("T4: every call has its answer while the port leaves", arguments: TestNode.Leases.allCases)
    func callRaces(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (space, other) = (try node.attach(), try node.attach())
            for round in 0..<20 {
                let right = try space.makePortAndServe(80) { request in
                    let reply = request.takeReply()
                    if request.code % 5 != 0 { try reply?.send(Message(code: request.code + 1)) }
                }
                @Sendable func call(_ right: borrowing SendRight) throws {
                    for number in UInt32(0)..<40 {
                        if number % 5 == 0 {
                            #expect(throws: MasixError.noReply) { _ = try right.call(Message(code: number), timeout: .seconds(30)) }
                        } else {
                            #expect(try right.call(Message(code: number), timeout: .seconds(30)).code == number + 1)
                        }
                    }
                }
                let (copy, boxed) = (Boxed(right.copy()), Boxed(right))
                let calling = try Background { if let right = copy.take() { try call(right) } }
                pause(microseconds: UInt64(round * 60))
                guard let right = boxed.take() else { return }
                try call(try node.pass(right, from: space, to: other))
                try calling.wait(seconds: 60)
            }
        }
    }
}

extension Space {
    /// A right to a port that a thread serves, so many requests long.
    fileprivate func makePortAndServe(
        _ count: Int = 1, _ serve: @escaping @Sendable (inout ReceivedMessage) throws -> Void
    ) throws -> SendRight {
        let port = try makePort()
        let right = try port.makeSendRight()
        let boxed = Mutex<ReceiveRight?>(port)
        _ = try Background {
            guard let port = boxed.withLock({ $0.take() }) else { return }
            for _ in 0..<count {
                var request = try port.receive(timeout: .seconds(60))
                try serve(&request)
            }
        }
        return right
    }
}

extension ReceiveRight {
    /// A send-once right, if the port can make one now.
    fileprivate borrowing func makeSendOnceRightEvenSo() throws -> SendOnceRight? {
        do throws(MasixError) { return try makeSendOnceRight() } catch {
            guard error == .resourceShortage else { throw error }
            return nil
        }
    }
}

func pause(microseconds: UInt64) {
    let end = Clock.monotonicNanoseconds() + microseconds * 1_000
    while Clock.monotonicNanoseconds() < end {}
}
