import Glibc
import Masix
import MasixLinux
import MasixTestKit
import MasixTransport
import Synchronization
import Testing

extension Conformance {
    /// Rings are not lost: two tasks talk, hesitating at random between any two steps of the protocols, and sleep often (pitfalls of sleep:
    /// architecture rules 13 and 14).
    @Suite(.serialized) struct SleepTests {
        /// Sleeps of each side that are asked for: `MASIX_SLEEPS` for a long run.
        static let sleepsWanted = CurrentProcess.environment("MASIX_SLEEPS").flatMap { Int($0) } ?? 2_000

        @Test("no wake-up is lost in calls", arguments: [1, 2] as [UInt64])
        func calls(seed: UInt64) throws {
            try hesitating(seed) {
                try TestNode.run { node in
                    let (server, client) = (try node.attach(), try node.attach())
                    let port = try server.makePort()
                    let right = Boxed(try node.pass(try port.makeSendRight(), from: server, to: client))
                    let door = Boxed(port)
                    let isOver = FutexWord()
                    let serving = try Background<Int> {
                        guard let door = door.take() else { return 0 }
                        var served = 0
                        while true {
                            var request = try door.receive(timeout: .seconds(30))
                            let reply = request.takeReply()
                            try reply?.send(Message(code: request.code))
                            served += 1
                            if request.text == "last" { return served }
                        }
                    }
                    let calling = try Background<Int> {
                        guard let right = right.take() else { return 0 }
                        var code: UInt32 = 0
                        while isOver.value == 0, min(server.sleeps, client.sleeps) < Self.sleepsWanted {
                            let answer = try right.call(Message(code: code), timeout: .seconds(20))
                            #expect(answer.code == code)
                            code += 1
                        }
                        _ = try right.call(Message(text: "last"), timeout: .seconds(20))
                        return Int(code) + 1
                    }
                    try watch([serving, calling], [server, client])
                    #expect(try serving.wait() == calling.wait())
                    #expect(server.sleeps >= Self.sleepsWanted && client.sleeps >= Self.sleepsWanted)
                    // A sleep for every few calls at least, and hardly any message by the nucleus.
                    let counters = try NodeCounts.counters(node.attach())
                    #expect(counters["messages received by the nucleus"] < UInt64(Self.sleepsWanted) / 10)
                }
            }
        }

        /// The queue is short: the sender sleeps for want of room, the receiver for want of messages.
        @Test("no wake-up is lost in a full queue", arguments: [3, 4] as [UInt64])
        func fullQueue(seed: UInt64) throws {
            try hesitating(seed) {
                try TestNode.run { node in
                    let (server, client) = (try node.attach(), try node.attach())
                    let port = try server.makePort(queueLimit: 2)
                    let right = Boxed(try node.pass(try port.makeSendRight(), from: server, to: client))
                    let door = Boxed(port)
                    let receiving = try Background<Int> {
                        guard let door = door.take() else { return 0 }
                        var received = 0
                        while true {
                            let message = try door.receive(timeout: .seconds(30))
                            #expect(message.code == UInt32(received))
                            received += 1
                            if message.text == "last" { return received }
                        }
                    }
                    let sending = try Background<Int> {
                        guard let right = right.take() else { return 0 }
                        var code: UInt32 = 0
                        // A queue of two: whoever is slower lets the other sleep; together they shall have slept often enough.
                        while server.sleeps + client.sleeps < Self.sleepsWanted {
                            try right.send(Message(code: code), timeout: .seconds(20))
                            code += 1
                        }
                        try right.send(Message(code: code, text: "last"), timeout: .seconds(20))
                        return Int(code) + 1
                    }
                    try watch([receiving, sending], [server, client])
                    #expect(try receiving.wait() == sending.wait())
                    #expect(client.sleeps > 0 && server.sleeps > 0)
                }
            }
        }

        /// One side is stopped and let go on as a whole, at any instruction.
        @Test("no wake-up is lost to a process that is stopped again and again")
        func stopped() throws {
            try TestNode.run { node in
                let client = try node.attach()
                let victim = try Program(Programs.player, ["victim", "serve", "stopped", node.directory])
                let right = try MeetingPlace(client).fetch("victim stopped/0")
                let isOver = FutexWord()
                let stopping = try Background<Int> {
                    var chance = SeededChance(seed: 5)
                    var stops = 0
                    while isOver.value == 0 {
                        pause(microseconds: UInt64(chance.below(1_500)))
                        try victim.signal(Signal.stop)
                        pause(microseconds: UInt64(chance.below(1_500)))
                        try victim.signal(Signal.continue)
                        stops += 1
                    }
                    return stops
                }
                let before = client.sleeps
                var chance = SeededChance(seed: 6)
                var code: UInt32 = 0
                while client.sleeps - before < min(Self.sleepsWanted, 20_000) / 4 {
                    let answer = try right.call(Message(code: code), timeout: .seconds(20))
                    try #require(answer.code == code)
                    code += 1
                    if code % 4 == 0 { pause(microseconds: UInt64(chance.below(200))) }
                }
                isOver.set(1)
                #expect(try stopping.wait() > 0)
            }
        }

        // MARK: hesitation

        /// Threads stop for a while at random places; one test at a time.
        private func hesitating(_ seed: UInt64, _ body: () throws -> Void) throws {
            let chance = Mutex(SeededChance(seed: seed))
            Interlude.arm { _ in
                let microseconds = chance.withLock { chance -> Int in
                    // Mostly on with it; sometimes another thread's turn; sometimes longer than anybody spins.
                    switch chance.below(16) {
                    case 0: 40 + chance.below(120)
                    case 1, 2: 0
                    default: -1
                    }
                }
                if microseconds == 0 { _ = sched_yield() }
                if microseconds > 0 { pause(microseconds: UInt64(microseconds)) }
            }
            defer { Interlude.arm(nil) }
            try body()
        }

        /// Fails with the state of both sides if nothing moves any more.
        private func watch(_ threads: [Background<Int>], _ spaces: [Space]) throws {
            var last = (sleeps: -1, still: 0)
            while !threads.allSatisfy(\.isDone) {
                pause(microseconds: 20_000)
                let sleeps = spaces.map(\.sleeps).reduce(0, +)
                last = sleeps == last.sleeps ? (sleeps, last.still + 1) : (sleeps, 0)
                // Ten seconds without a single sleep or end: somebody waits for what nobody will do.
                try #require(last.still < 500, "stuck: \(spaces.map(\.receptionState).joined(separator: "\n"))")
            }
        }
    }
}
