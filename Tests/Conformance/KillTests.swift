import Masix
import MasixKernel
import MasixLinux
import MasixTestKit
import Synchronization
import Testing

extension Conformance {
    /// A task may die at any instant: whoever waits for it is told at once, and nothing of it stays.
    @Suite(.serialized) struct KillTests {
        /// How often each way of dying is tried with each kind of leases.
        static let repetitions = 7

        /// Until the last of those who waited has been told. A loaded machine may be slower than the node is: nearly all of
        /// them must keep the bound, and none may be far from it.
        static let toldMilliseconds = 100.0
        static let toldMillisecondsMax = 1_000.0

        @Test("kill -9 while it serves, hoards, sends, calls or gives", arguments: [TestNode.Leases.on, .revokedAtRandom])
        func killed(leases: TestNode.Leases) throws {
            try TestNode.run(leases: leases, seed: 7) { node in
                let witness = try node.attach()
                var chance = SeededChance(seed: leases == .on ? 11 : 12)
                // What the exchange and the witness keep for themselves is there from the start.
                try MeetingPlace(witness).leave(try witness.makePort().makeSendRight(), as: "nothing")
                _ = try MeetingPlace(witness).fetch("nothing")
                let before = try NodeCounts(witness)
                var delays: [Double] = []
                var number = 0
                for _ in 0..<Self.repetitions {
                    for way in ["serve", "hoard", "send", "call", "give"] {
                        number += 1
                        let microseconds = chance.below(12_000)
                        do {
                            delays += try kill(way, "\(number)", after: microseconds, on: node)
                        } catch {
                            Issue.record("\(way), killed after \(microseconds) us: \(error)")
                        }
                        let isClean = try eventually { try NodeCounts(witness) == before }
                        let after = try NodeCounts(witness)
                        try #require(isClean, "after \(way), killed after \(microseconds) us: \(after) instead of \(before)")
                    }
                }
                delays.sort()
                let late = delays.filter { $0 > Self.toldMilliseconds }
                #expect(late.count * 20 <= delays.count && (delays.last ?? 0) <= Self.toldMillisecondsMax, "told after \(late) ms")
            }
        }

        /// How long each of those who waited did so after the death, in milliseconds.
        private func kill(_ way: String, _ number: String, after microseconds: Int, on node: TestNode) throws -> [Double] {
            switch way {
            case "serve", "hoard": try killServer(way, number, after: microseconds, on: node)
            default: try killClient(way, number, after: microseconds, on: node)
            }
        }

        private func killServer(_ way: String, _ number: String, after microseconds: Int, on node: TestNode) throws -> [Double] {
            let victim = try Program(Programs.player, ["victim", way, number, node.directory])
            let clients = try (0..<3).map { _ in try node.attach() }
            let callers = try clients.enumerated().map { index, client in
                let door = Boxed(try MeetingPlace(client).fetch("victim \(number)/\(index)"))
                return try Background<UInt64> {
                    guard let door = door.take() else { return 0 }
                    var code: UInt32 = 0
                    while true {
                        do {
                            let answer = try door.call(Message(code: code), timeout: .seconds(20))
                            guard answer.code == code else { throw WrongAnswer(got: answer.code, wanted: code) }
                            code += 1
                        } catch MasixError.noReply {
                            return Clock.monotonicNanoseconds()
                        } catch MasixError.deadName {
                            return Clock.monotonicNanoseconds()
                        }
                    }
                }
            }
            pause(microseconds: UInt64(microseconds))
            let death = Clock.monotonicNanoseconds()
            try victim.signal(Signal.kill)
            let told = try callers.map { try $0.wait() }
            #expect(try victim.end() == .signalled(Signal.kill, coreDumped: false))
            // Who noticed before the signal was sent would have been told of a death that had not happened.
            return try told.map { told in
                guard told >= death else { throw ToldTooEarly() }
                return Double(told - death) / 1_000_000
            }
        }

        private func killClient(_ way: String, _ number: String, after microseconds: Int, on node: TestNode) throws -> [Double] {
            let server = try node.attach()
            let door = try server.makePort(queueLimit: 16)
            try MeetingPlace(server).leave(try door.makeSendRight(), as: "target \(number)")
            // Another client of the same server, which must feel nothing.
            let other = try node.attach()
            let own = Boxed(try node.pass(try door.makeSendRight(), from: server, to: other))
            let isOver = FutexWord()
            let bystander = try Background<Void> {
                guard let right = own.take() else { return }
                var code: UInt32 = 1 << 30
                while isOver.value == 0 {
                    let answer = try right.call(Message(code: code), timeout: .seconds(20))
                    guard answer.code == code else { throw WrongAnswer(got: answer.code, wanted: code) }
                    code += 1
                    pause(microseconds: 200)
                }
                try right.send(Message(text: "over"), timeout: .seconds(20))
            }
            let victim = try Program(Programs.player, ["victim", way, number, node.directory])
            var next: UInt32 = 0
            var death: UInt64?
            while true {
                var message = try door.receive(timeout: .seconds(20))
                if message.text == "over" { break }
                if message.code >= 1 << 30 {
                    let reply = message.takeReply()
                    try reply?.send(Message(code: message.code))
                } else {
                    // In order, and none lost before one that came.
                    #expect(message.code == next)
                    next = message.code + 1
                    let reply = message.takeReply()
                    try reply?.send(Message(code: message.code))
                }
                if next > 0, death == nil {
                    pause(microseconds: UInt64(microseconds))
                    death = Clock.monotonicNanoseconds()
                    try victim.signal(Signal.kill)
                }
                if let death, Clock.monotonicNanoseconds() > death + 20_000_000 { isOver.set(1) }
            }
            try bystander.wait()
            #expect(try victim.end() == .signalled(Signal.kill, coreDumped: false))
            return []
        }
    }
}

private struct WrongAnswer: Error {
    let got: UInt32
    let wanted: UInt32
}

private struct ToldTooEarly: Error {}

/// Small deterministic chance (xorshift).
struct SeededChance {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func below(_ bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }
}
