import Foundation
import Masix
import MasixLinux
import MasixProtocols
import SystemPackage
import Testing

extension Nodes {
    /// What two nodes are for each other, with real processes on both: copies that cross, and everything that can be in their way.
    @Suite struct Pairs {
        private static let makeTree = """
            mkdir -p tree/part tree/deep
            for i in $(seq 20); do echo $i > tree/part/small-$i; done
            for i in $(seq 60); do head -c 300000 /dev/urandom > tree/deep/large-$i; done
            """

        private static func serveTree(_ pair: NodeProcessPair) throws -> RunningShell {
            let place = try pair.b.scratch()
            #expect(try pair.b.shell("cd \(place); \(makeTree)").code == 0)
            let server = try pair.b.serve("cd \(place); exec masix files serve tree --name tree", name: "tree")
            try succeed(pair, "masix ls tree:")
            return server
        }

        /// Waits until the command succeeds on `a`.
        private static func succeed(_ pair: NodeProcessPair, _ command: String) throws {
            guard try eventually({ try pair.a.shell(command).code == 0 }) else {
                throw NodeProcess.Failure(words: "\(command): \(try pair.a.shell(command))")
            }
        }

        private static func milliseconds(since start: UInt64) -> UInt64 { (Clock.monotonicNanoseconds() - start) / 1_000_000 }

        @Test func aTreeIsCopiedAndNothingIsLeft() async throws {
            try await NodeProcessPair.play { pair in
                for node in [pair.a, pair.b] { #expect(try node.shell("masix names").code == 0) }
                let starts = try [pair.a, pair.b].map { try $0.settledCounts() }
                let server = try Self.serveTree(pair)
                let place = try pair.a.scratch()
                let got = try pair.a.shell("cd \(place); masix get -r --json tree:part copy")
                #expect(got.code == 0, "\(got)")
                #expect(try got.objects().first?["ports"] as? Int == 20)
                #expect(try pair.a.shell("diff -r \(place)/copy \(pair.b.directory)/scratch-*/tree/part").code == 0)
                let unknown = try pair.a.shell("masix ls tre:")
                #expect(unknown.code == 66 && unknown.errors.contains("nobody has registered"), "\(unknown)")
                // The roster changes while both run.
                #expect(try pair.a.shell("masix roster remove b").code == 0)
                #expect(eventually { pair.b.log.contains("node 1 'a' is down") })
                let gone = try pair.a.shell("masix ls tree:")
                #expect(gone.code == 66 && gone.errors.contains("nobody has registered"), "\(gone)")
                try NodeProcessPair.tell(pair.a.directory, of: pair.b.directory)
                try Self.succeed(pair, "masix ls tree:")
                try server.end()
                // A name of another node is let go five seconds after its last use, a spare port after one.
                #expect(try eventually(seconds: 15) { try pair.a.counts() == starts[0] && pair.b.counts() == starts[1] })
                #expect(try pair.a.counts() == starts[0])
                #expect(try pair.b.counts() == starts[1])
            }
        }

        @Test func aNetworkServerThatIsKilledOrStandsStillIsToldAndComesBack() async throws {
            try await NodeProcessPair.play { pair in
                let server = try Self.serveTree(pair)
                let place = try pair.a.scratch()
                // Killed in mid-copy.
                let copying = try pair.a.start("cd \(place); masix get -r --threads 1 tree: cut")
                #expect(try eventually { try pair.a.shell("[[ -n $(find \(place)/cut -type f -print -quit) ]]").code == 0 })
                #expect(copying.isRunning)
                let killed = Clock.monotonicNanoseconds()
                let pid = try pair.b.kill("network")
                let cut = try copying.wait()
                #expect(cut.code == 71 && cut.errors.contains("died"), "\(cut)")
                #expect(Self.milliseconds(since: killed) < 2_000)
                try Self.succeed(pair, "masix ls tree:")
                let again = try pair.b.role("network")
                #expect(again.pid != pid && again.restarts == 1)
                let next = try pair.a.shell("cd \(place); masix get -r --quiet tree:part next")
                #expect(next.code == 0, "\(next)")
                #expect(try pair.a.shell("diff -r \(place)/next \(pair.b.directory)/scratch-*/tree/part").code == 0)

                // Stopped: its machine answers for it, and says nothing.
                let door = try pair.b.attach().names.register("door")
                let waiting = try pair.a.start("masix call door hello")
                let call = try door.receive(timeout: .seconds(10))
                #expect(call.text == "hello")
                let process = try ProcessDescriptor.open(pid: again.pid)
                try process.sendSignal(Signal.stop)
                let stopped = Clock.monotonicNanoseconds()
                let lost = try waiting.wait()
                #expect(lost.code == 71, "\(lost)")
                #expect(Self.milliseconds(since: stopped) < 4_000)
                let silent = try pair.a.shell("masix ls tree:")
                #expect(silent.code == 66 && silent.errors.contains("no answer from b"), "\(silent)")
                try process.sendSignal(Signal.continue)
                try Self.succeed(pair, "masix ls tree:")

                // The name server of a: the next one is given the network server's port, and asks it.
                _ = try pair.a.kill("names")
                let found = try pair.a.shell("masix ls tree:part")
                #expect(found.code == 0 && found.lines.count == 20, "\(found)")
                try server.end()
            }
        }

        /// Whoever stood still is a member or fenced, never half: what one side has declared dead is dead on both.
        @Test func aNetworkServerThatStandsStillForLongIsFenced() async throws {
            try await NodeProcessPair.play { pair in
                let (onA, onB) = (try pair.a.attach(), try pair.b.attach())
                let doorA = try onA.names.register("door-a")
                let doorB = try onB.names.register("door-b")
                try Self.succeed(pair, "masix call --wait --one-way door-b hello")
                #expect(try doorB.receive(timeout: .seconds(10)).text == "hello")
                let toB = try onA.names.lookUp("door-b", wait: true, timeout: .seconds(10))
                let toA = try onB.names.lookUp("door-a", wait: true, timeout: .seconds(10))
                try toB.send(Message(code: 1))
                try toA.send(Message(code: 1))
                #expect(try doorB.receive(timeout: .seconds(10)).code == 1)
                #expect(try doorA.receive(timeout: .seconds(10)).code == 1)
                let process = try ProcessDescriptor.open(pid: pair.b.role("network").pid)
                try process.sendSignal(Signal.stop)
                let stopped = Clock.monotonicNanoseconds()
                // The one side declares it dead, and says so to its tasks.
                #expect(eventually(seconds: 4) { toB.isDead })
                // The other one cannot know, and its task sends into the session.
                try toA.send(Message(code: 2))
                let bLives = !toA.isDead
                #expect(bLives)
                usleep(UInt32(10_000_000 - min(9_000_000, (Clock.monotonicNanoseconds() - stopped) / 1_000)))
                try process.sendSignal(Signal.continue)
                // It hears that the session has died, and kills its proxies too: the same session never goes on.
                #expect(eventually(seconds: 4) { toA.isDead })
                #expect(pair.a.log.components(separatedBy: "node 2 'b' is down").count == 2)
                #expect(pair.b.log.components(separatedBy: "node 1 'a' is down").count == 2)
                // And it is a member again, both ways, with new proxies.
                let again = try onA.names.lookUp("door-b", wait: true, timeout: .seconds(10))
                let back = try onB.names.lookUp("door-a", wait: true, timeout: .seconds(10))
                #expect(again.port != toB.port && back.port != toA.port)
                try again.send(Message(code: 3))
                try back.send(Message(code: 3))
                // What was sent meanwhile has vanished, and does not come late (spec/mach.md S4).
                #expect(try doorB.receive(timeout: .seconds(10)).code == 3)
                #expect(try doorA.receive(timeout: .seconds(10)).code == 3)
            }
        }

        @Test func aNodeThatIsKilledIsDeadForWhoWaits() async throws {
            try await NodeProcessPair.play { pair in
                let door = try pair.b.attach().names.register("door")
                let waiting = try pair.a.start("masix call --wait door hello")
                let call = try door.receive(timeout: .seconds(10))
                #expect(call.text == "hello")
                let client = try pair.a.attach()
                let right = try client.names.lookUp("door", timeout: .seconds(10))
                let lives = !right.isDead
                #expect(lives)
                let killed = Clock.monotonicNanoseconds()
                try pair.b.signal(Signal.kill)
                let lost = try waiting.wait()
                #expect(lost.code == 71, "\(lost)")
                #expect(Self.milliseconds(since: killed) < 2_000)
                #expect(eventually(seconds: 2) { right.isDead })
                let silent = try pair.a.shell("masix ls door:")
                #expect(silent.code == 66 && silent.errors.contains("no answer from b"), "\(silent)")
                _ = try pair.b.end()
                // It lives again: what it had is gone, and new names are found, also by whoever has waited since before.
                let hopeful = try pair.a.start("masix call --wait --timeout 30 --one-way door again")
                let next = try NodeProcess(in: pair.b.directory)
                let door2 = try next.attach().names.register("door")
                let found = try hopeful.wait()
                #expect(found.code == 0, "\(found)")
                #expect(try door2.receive(timeout: .seconds(10)).text == "again")
                let staysDead = right.isDead
                #expect(staysDead)
                try next.stop()
            }
        }

        @Test func aKeyThatIsInNoRosterIsRefused() async throws {
            try await NodeProcessPair.play { pair in
                let place = try NodeProcessPair.make("c", number: 3)
                try NodeProcessPair.tell(place, of: pair.b.directory)
                let stranger = try NodeProcess(in: place)
                defer { try? stranger.stopIfItRuns() }
                let door = try pair.b.attach().names.register("door")
                #expect(eventually { stranger.log.contains("node 2 cannot be reached: the connection was lost: it does not believe this") })
                let key = try NodeProcessPair.line(of: place)[3]
                #expect(eventually { pair.b.log.contains("no node of the roster has the key \(key)") })
                let begun = Clock.monotonicNanoseconds()
                let asked = try stranger.shell("masix call --one-way door hello")
                #expect(asked.code == 66 && asked.errors.contains("no answer from b"), "\(asked)")
                #expect(Self.milliseconds(since: begun) < 2_000)
                #expect(throws: MasixError.timedOut) { _ = try door.receive(timeout: .zero) }
            }
        }

        @Test func aRunningNodeLearnsToSpeakAndAnOpenKeyIsRefused() throws {
            try NodeProcess.run { node in
                #expect(try node.status().roles.count == 3)
                let made = try node.shell("masix node init --listen 127.0.0.9:\(20_000 + Int.random(in: 0..<12_000)) --name a --number 1")
                #expect(made.code == 0, "\(made)")
                let line = try node.shell("masix node line").output
                // Others could have read it.
                #expect(try node.shell("chmod 640 $MASIX_NODE/node.key; masix roster add '\(line.dropLast())'").code == 0)
                #expect(eventually { node.log.contains("node.key: others than its owner can read it: chmod 600") })
                #expect(try node.role("network").lastEnd.contains("chmod 600"))
                #expect(try node.shell("chmod 600 $MASIX_NODE/node.key").code == 0)
                #expect(try eventually { try node.role("network").pid != 0 })
                #expect(eventually { node.log.contains("speaking with other nodes") })
            }
        }
    }
}
