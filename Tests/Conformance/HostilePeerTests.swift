import Masix
import MasixKernel
import MasixLinux
import MasixTestKit
import MasixTransport
import Testing

extension Conformance {
    /// A task may write what it likes over everything that it can write to: it harms nobody but its own link.
    @Suite(.serialized) struct HostilePeerTests {
        /// A user that is nobody's: neither the nucleus's nor the victim's.
        static let stranger: UInt32 = 65_534

        /// What the hostile peer writes nonsense over, and whether that must end its link.
        static let targets: [(what: String, breaksLink: Bool)] = [("half", true), ("control", false), ("status", false), ("all", true)]

        @Test(
            "a hostile peer harms nobody but its own link",
            .enabled(if: CurrentProcess.uid == 0, "needs root: the hostile peer has to run under a user of its own"),
            arguments: targets)
        func harmsNobody(what: String, breaksLink: Bool) throws {
            try TestNode.run { node in
                // Users other than the node's may come in; and run the program, wherever this package lies.
                try File.changeMode(node.directory + "/" + NodeDirectory.socketName, to: 0o666)
                let program = node.directory + "/hostile-peer"
                try copyProgram(Programs.hostilePeer, to: program)

                let witness = try node.attach()
                let victim = try node.attach()
                let door = try victim.makePort()
                try MeetingPlace(victim).leave(try door.makeSendRight(), as: "victim")
                let isOver = FutexWord()
                let clients = try (0..<2).map { _ in
                    let client = try node.attach()
                    let right = Boxed(try node.pass(try door.makeSendRight(), from: victim, to: client))
                    return try Background { try Self.call(right, until: isOver) }
                }
                let hostile = try Program(
                    program, ["\(node.directory)", "victim", what, "\(what.utf8.count * 7 + 1)", "1000", "\(CurrentProcess.pid)"],
                    user: Self.stranger)
                let serving = Boxed(door)
                let server = try Background { try Self.serve(serving, until: isOver) }

                let end = try hostile.end()
                pause(microseconds: 50_000)
                isOver.set(1)
                let calls = try clients.map { try $0.wait() }
                let strange = try server.wait()
                let words = try hostile.text()
                #expect(end == .exited(code: 0), "\(words)")
                #expect(!words.contains("not refused") && !words.contains("failed"), "\(words)")
                #expect(words.contains("linked") && words.contains("scribbling"), "\(words)")
                // Everybody else was served all the time.
                #expect(calls.allSatisfy { $0.count > 200 }, "\(calls)")
                #expect(calls.allSatisfy { $0.longestMilliseconds < 1_000 }, "\(calls)")
                #expect(strange > 0)
                let faults = try NodeCounts.linkFaults(witness)
                if breaksLink { #expect(faults > 0, "no link was closed for a fault") }
                let counters = try NodeCounts.counters(witness)
                // The links of those who behave are still there.
                #expect(counters["links"] >= 2, "\(counters.entries)")
            }
        }

        struct Calls: Sendable {
            var count = 0
            var longestMilliseconds = 0.0
        }

        private static func call(_ boxed: Boxed<SendRight>, until isOver: FutexWord) throws -> Calls {
            guard let door = boxed.take() else { return Calls() }
            var calls = Calls()
            while isOver.value == 0 {
                let code = UInt32(calls.count)
                let start = Clock.monotonicNanoseconds()
                let answer = try door.call(Message(code: code, text: "friend"), timeout: .seconds(10))
                #expect(answer.code == code + 1 && answer.text == "friend")
                calls.longestMilliseconds = max(calls.longestMilliseconds, Double(Clock.monotonicNanoseconds() - start) / 1_000_000)
                calls.count += 1
                if calls.count % 16 == 0 { pause(microseconds: 500) }
            }
            return calls
        }

        /// How many messages came from somebody who is no friend.
        private static func serve(_ boxed: Boxed<ReceiveRight>, until isOver: FutexWord) throws -> Int {
            guard let door = boxed.take() else { return 0 }
            var strange = 0
            while true {
                do {
                    if try serveOne(door) { strange += 1 }
                } catch MasixError.timedOut {
                    if isOver.value != 0 { return strange }
                }
            }
        }

        /// True if it came from somebody who is no friend.
        private static func serveOne(_ door: borrowing ReceiveRight) throws -> Bool {
            var message = try door.receive(timeout: .milliseconds(100))
            guard message.text == "friend" else { return true }
            let reply = message.takeReply()
            try reply?.send(Message(code: message.code &+ 1, text: "friend"))
            return false
        }

        private func copyProgram(_ source: String, to target: String) throws {
            let from = try File.open(source, .read)
            let to = try File.open(target, [.write, .create], mode: 0o755)
            let count = try File.status(of: from.raw).size
            #expect(try Copy.range(from: from.raw, offset: 0, to: to.raw, offset: 0, count: count) == count)
            try File.changeMode(target, to: 0o755)
        }
    }
}
