import Foundation
import Masix
import MasixKernel
import MasixLinux
import MasixProtocols
import MasixTestKit
import MasixWire
import SystemPackage
import Testing

extension Nodes {
    /// Several nodes looked at as one: tables, ends of tasks, and programs that run elsewhere.
    @Suite struct Views {
        private static var uid: UInt32 { CurrentProcess.uid }

        private static func play(shellOnB: Bool = false, _ body: @escaping @Sendable (NodeProcessPair) throws -> Void) async throws {
            try await NodeProcessPair.play(shellOnB: shellOnB) { pair in
                #expect(try eventually { try pair.a.shell("masix node peers --json").objects().first?["up"] as? Bool == true })
                if shellOnB { #expect(try eventually { try pair.b.shell("masix names --json").output.contains("shell.b") }) }
                try body(pair)
            }
        }

        private static func permit(_ lines: String..., on node: NodeProcess) throws {
            let path = node.directory + "/" + ShellProtocol.permitsFileName
            try File.open(path, [.write, .create, .truncate], mode: 0o644).writeAll(Array(lines.map { $0 + "\n" }.joined().utf8))
        }

        /// A server of b, and the number of its task.
        private static func start(_ name: String, _ command: [String], as user: UInt32 = uid, on node: NodeProcess) throws -> Int {
            try SupervisorClient(try node.attach()).add(
                ServerSpecification(name: name, command: command, uid: user, restart: .never))
            var task: Int?
            _ = try eventually {
                task =
                    try node.shell("masix ps --json").objects().first { ($0["identity"] as? [String: Any])?["name"] as? String == name }?[
                        "task"]
                    as? Int
                return task != nil
            }
            return try #require(task)
        }

        /// Until so many have begun to wait for tasks of this node.
        private static func awaitWaiters(_ count: Int, on node: NodeProcess) {
            #expect(eventually(seconds: 30) { node.log.components(separatedBy: "waited for").count > count })
        }

        @Test func tasksAndNamesOfAllNodesAreShown() async throws {
            try await Self.play { pair in
                let door = try pair.b.attach().names.register("door")
                let tasks = try pair.a.shell("masix ps --all-nodes --json")
                #expect(tasks.code == 0, "\(tasks)")
                let supervisors = try tasks.objects().filter { $0["first"] as? Bool == true }
                #expect(supervisors.compactMap { $0["node"] as? String } == ["a", "b"])
                #expect(
                    supervisors.compactMap { ($0["identity"] as? [String: Any])?["pid"] as? Int } == [Int(pair.a.pid), Int(pair.b.pid)])
                #expect(try tasks.objects().filter { $0["self"] as? Bool == true }.compactMap { $0["node"] as? String } == ["a"])
                let names = try pair.a.shell("masix names --all-nodes --json").objects()
                #expect(names.contains { $0["node"] as? String == "b" && $0["name"] as? String == "door" })
                #expect(names.count { $0["name"] as? String == "supervisor" } == 2)
                let table = try pair.a.shell("masix names --all-nodes")
                #expect(table.lines.first?.hasPrefix("NODE") == true && table.output.contains("door"), "\(table)")
                // A node by itself is all there is to it.
                try NodeProcess.run { alone in
                    let tasks = try alone.shell("masix ps --all-nodes")
                    let names = try alone.shell("masix names --all-nodes --json").objects()
                    #expect(tasks.code == 0 && names.count == 1)
                }
                door.close()
            }
        }

        @Test func aNodeThatDoesNotAnswerIsNamedAndTheRestIsShown() async throws {
            try await Self.play { pair in
                try pair.b.signal(Signal.kill)
                _ = try pair.b.end()
                #expect(try eventually { try pair.a.shell("masix node peers --json").objects().first?["up"] as? Bool == false })
                for command in ["ps", "names", "map"] {
                    let told = try pair.a.shell("masix \(command)\(command == "map" ? "" : " --all-nodes")")
                    #expect(told.code == 71, "\(told)")
                    #expect(told.errors.contains("node b does not answer: `masix doctor b` says why"), "\(told)")
                    #expect(told.output.contains("masixd"), "\(told)")
                }
                let json = try pair.a.shell("masix names --all-nodes --json")
                #expect(try json.code == 71 && json.objects().contains { $0["node"] as? String == "b" && $0["error"] is String }, "\(json)")
                let wait = try pair.a.shell("masix wait 3@b")
                #expect(wait.code == 71 && wait.errors.contains("node b does not answer"), "\(wait)")
            }
        }

        @Test func theEndOfATaskOfAnotherNodeIsNoticed() async throws {
            try await Self.play { pair in
                let sleeper = try Self.start("sleeper", ["/bin/sleep", "1000"], on: pair.b)
                let waiting = try pair.a.start("exec masix wait --json \(sleeper)@b")
                let also = try pair.b.start("exec masix wait \(sleeper)")
                Self.awaitWaiters(2, on: pair.b)
                #expect(waiting.isRunning && also.isRunning)
                _ = try pair.b.kill("sleeper")
                let told = try waiting.wait()
                #expect(told.code == 0, "\(told)")
                #expect(try told.objects().first?["code"] as? Int == 137)
                #expect(try told.objects().first?["words"] as? String == "ended by signal 9")
                #expect(try also.wait().output == "task \(sleeper) ended by signal 9\n")
                // A task that the supervisor has not started: that it has ended.
                let client = try pair.b.start("exec masix serve stream -- cat")
                var stranger: Int?
                #expect(
                    try eventually {
                        stranger =
                            try pair.a.shell("masix names --all-nodes --json").objects()
                            .first { $0["name"] as? String == "stream" }?["task"] as? Int
                        return stranger != nil
                    })
                let end = try pair.a.start("exec masix wait \(stranger ?? 0)@b")
                Self.awaitWaiters(3, on: pair.b)
                try client.end(Signal.kill)
                #expect(try end.wait().output == "task \(stranger ?? 0) of node b has ended\n")
                // What is not there is not waited for.
                for gone in ["\(sleeper)@b", "999@b", "999"] {
                    let nobody = try pair.a.shell("masix wait \(gone)")
                    #expect(nobody.code == 66 && nobody.errors.contains("no such task"), "\(nobody)")
                }
                let late = try Self.start("late", ["/bin/sleep", "1000"], on: pair.b)
                #expect(try pair.a.shell("masix wait --timeout 0.3 \(late)@b").code == 75)
                // And the end of the node itself.
                let lost = try pair.a.start("exec masix wait \(late)@b")
                Self.awaitWaiters(5, on: pair.b)
                try pair.b.signal(Signal.kill)
                let words = try lost.wait()
                #expect(words.code == 71 && words.errors.contains("node b, or the way to it, has been lost"), "\(words)")
                for bad in ["x", "0", "1@", "@b", "-1", "1@b@c"] { #expect(try pair.a.shell("masix wait -- \(bad)").code == 64, "\(bad)") }
                let nowhere = try pair.a.shell("masix wait 3@c")
                #expect(nowhere.code == 66 && nowhere.errors.contains("no node 'c'"), "\(nowhere)")
            }
        }

        @Test func whoMayStartItMayStopItAndNobodyElse() async throws {
            try await Self.play(shellOnB: true) { pair in
                // Whoever gets a shell gets it as this user.
                let user = try pair.b.role("shell").uid
                let sleeper = try Self.start("sleeper", ["/bin/sleep", "1000"], as: user, on: pair.b)
                let words = "masix stop \(sleeper)@b"
                let refused = try pair.a.shell(words)
                #expect(refused.code == 77 && refused.errors.contains("not permitted"), "\(refused)")
                try Self.permit("permit a/\(Self.uid) run /bin/other", on: pair.b)
                #expect(try pair.a.shell(words).code == 77)
                try Self.permit("permit a/\(Self.uid) run /bin/sleep", on: pair.b)
                let waiting = try pair.a.start("exec masix wait \(sleeper)@b")
                Self.awaitWaiters(1, on: pair.b)
                // The same program of another user is not his to stop.
                if user != Self.uid {
                    let other = try Self.start("other", ["/bin/sleep", "1000"], on: pair.b)
                    #expect(try pair.a.shell("masix stop \(other)@b").errors.contains("this is a task of user"))
                }
                let stopped = try pair.a.shell(words)
                #expect(stopped.code == 0, "\(stopped)")
                #expect(try waiting.wait().output.contains("ended by signal 15"))
                // The node itself is not stopped so, and a file that cannot be read permits nobody.
                let network = try pair.a.shell("masix stop 3@b")
                #expect(network.code == 77, "\(network)")
                try Self.permit("permit a/\(Self.uid)", "nonsense", on: pair.b)
                let next = try Self.start("next", ["/bin/sleep", "1000"], as: user, on: pair.b)
                #expect(try pair.a.shell("masix stop \(next)@b").errors.contains("cannot be read there"))
                // On the node itself its own user may.
                #expect(try pair.b.shell("masix stop --kill --wait \(next)").code == 0)
                let own = try pair.b.shell("masix stop 1")
                #expect(own.code == 77 && own.errors.contains("is part of the node"), "\(own)")
                // What changes the node is for the node alone: a right to its supervisor is not enough.
                let far = try pair.a.attach()
                let supervisor = try far.names.lookUp("supervisor@b", timeout: .seconds(10))
                for request in [SupervisorRequest.stop, .reload, .remove("shell"), .restart("shell")] {
                    let answer = try supervisor.call(Message(code: SupervisorRequest.code, bytes: request.wireBytes), timeout: .seconds(10))
                    guard case .refused(let why) = try SupervisorAnswer(wireBytes: answer.bytes) else {
                        Issue.record("\(request) is obeyed")
                        continue
                    }
                    #expect(why.contains("on the node itself"))
                }
            }
        }

        @Test func aProgramRunsOnAnotherNodeForWhomItIsPermitted() async throws {
            try await Self.play(shellOnB: true) { pair in
                let refused = try pair.a.shell("masix run --node b -- /usr/bin/printf hello < /dev/null")
                #expect(refused.code == 125 && refused.errors.contains("is not permitted"), "\(refused)")
                try Self.permit("permit a/\(Self.uid) run /usr/bin/printf", "permit b/7 run /bin/sh", on: pair.b)
                // By a name without a slash too: it is looked for there.
                for program in ["/usr/bin/printf", "printf"] {
                    let told = try pair.a.shell("masix run --node b -- \(program) '%s|' \"it's\" '$HOME' < /dev/null")
                    #expect(told.code == 0 && told.output == "it's|$HOME|", "\(told)")
                }
                for other in ["/bin/sh -c true", "/usr/bin/../bin/printf x", "./printf x", "no-such-program"] {
                    let told = try pair.a.shell("masix run --node b -- \(other) < /dev/null")
                    #expect(told.code == 125 && told.errors.contains("not permitted"), "\(told)")
                }
                // It is no shell, nor a command of one.
                #expect(try pair.a.shell("masix shell b -- /usr/bin/printf x < /dev/null").code == 125)
                try Self.permit("permit a/\(Self.uid)", on: pair.b)
                let upper = try pair.a.shell("echo hello | masix run --node b -- /usr/bin/tr a-z A-Z")
                #expect(upper.code == 0 && upper.output == "HELLO\n", "\(upper)")
                #expect(try pair.a.shell("masix run --node b -- /bin/sh -c 'exit 9' < /dev/null").code == 9)
                #expect(
                    try pair.a.shell("masix run --node b -- /bin/sh -c 'echo $MASIX_NODE' < /dev/null").output == pair.b.directory + "\n")
                let missing = try pair.a.shell("masix run --node b -- /no/such/program < /dev/null")
                #expect(missing.code == 125 && missing.errors.contains("could not be started"), "\(missing)")
                let nowhere = try pair.a.shell("masix run --node c -- /bin/true < /dev/null")
                #expect(nowhere.code == 125 && nowhere.errors.contains("no node 'c'"), "\(nowhere)")
                #expect(try pair.a.shell("masix run --node b").code == 64)
                // It is seen from here while it runs, and its end is noticed.
                let far = try pair.a.start("exec masix run --node b -- \(NodeProcess.client) serve far < <(sleep 1000)")
                #expect(try eventually { try pair.a.shell("masix names --all-nodes").output.contains("far") }, "\(far.errors)")
                let task =
                    try pair.a.shell("masix names --all-nodes --json").objects().first { $0["name"] as? String == "far" }?["task"] as? Int
                #expect(try pair.a.shell("masix stop \(task ?? 0)@b").code == 0)
                #expect(try far.wait().code == 143)
            }
        }

        @Test func theMapShowsWhoHoldsWhat() async throws {
            try await Self.play { pair in
                let door = try pair.b.attach().names.register("door")
                let client = try pair.a.attach()
                let right = try client.names.lookUp("door", timeout: .seconds(10))
                let told = try pair.a.shell("masix map --json")
                #expect(told.code == 0, "\(told)")
                let nodes = try #require(try told.objects().first?["nodes"] as? [[String: Any]])
                #expect(nodes.compactMap { $0["name"] as? String } == ["a", "b"])
                let ports = ((nodes.last?["tasks"] as? [[String: Any]]) ?? []).flatMap { ($0["ports"] as? [[String: Any]]) ?? [] }
                let port = try #require(ports.first { $0["names"] as? [String] == ["door"] })
                let holders = try #require(port["holders"] as? [[String: Any]])
                #expect(holders.contains { $0["node"] as? String == "a" && $0["task"] as? Int == Int(client.task.raw) }, "\(holders)")
                // The proxy is no port of its own.
                #expect(!told.output.contains("\(right.port.node.number).\(right.port.node.incarnation):\(right.port.counter)"))
                let text = try pair.a.shell("masix map")
                #expect(text.lines.contains { $0.contains(" door <- ") && $0.contains("\(client.task.raw)@a") }, "\(text)")
                let place = try pair.a.scratch()
                let drawn = try pair.a.shell(
                    "masix map --svg \(place)/map.svg && python3 -c 'import sys, xml.dom.minidom as d; print(d.parse(sys.argv[1]).documentElement.tagName)' \(place)/map.svg"
                )
                #expect(drawn.code == 0 && drawn.output == "svg\n", "\(drawn)")
                let svg = String(decoding: try File.contents(of: place + "/map.svg", max: 1 << 20), as: UTF8.self)
                #expect(svg.contains("node a") && svg.contains("node b") && svg.contains(" door<") && svg.contains("<path "))
                right.close()
                door.close()
            }
        }

        @Test func usersSeeOfAnotherNodeWhatTheyWouldSeeOnIt() async throws {
            guard CurrentProcess.uid == 0 else { return }
            try await Self.play { pair in
                func masix(_ words: [String]) throws -> String {
                    try outcome(NodeProcessPair.masix, words, environment: ["MASIX_NODE=\(pair.a.directory)"], uid: 4_321).0
                }
                let own = try pair.b.start("exec setpriv --reuid 4321 --regid 4321 --clear-groups masix serve theirs -- cat")
                #expect(try eventually { try pair.b.shell("masix names").output.contains("theirs") }, "\(own.errors)")
                let tasks = try masix(["ps", "--all-nodes", "--json"])
                #expect(tasks.contains("\"node\":\"b\"") && !tasks.contains("masixd"), "\(tasks)")
                #expect(tasks.split(separator: "\n").allSatisfy { $0.contains("\"uid\":4321") }, "\(tasks)")
                #expect(try masix(["names", "--all-nodes"]).contains("theirs"))
                #expect(try masix(["wait", "1@b"]).contains("no such task"))
                #expect(try masix(["map"]).contains("are shown to root and user"))
                try own.end(Signal.terminate)
            }
        }

        @Test func aNameIsResolvedAndSaysWhere() async throws {
            try await Self.play { pair in
                let mine = try pair.a.attach().names.register("desk")
                let theirs = try pair.b.attach().names.register("desk")
                let told = try pair.a.shell("masix resolve --json desk desk@a desk@b")
                #expect(try told.objects().compactMap { $0["node"] as? String } == ["a", "a", "b"], "\(told)")
                #expect(try pair.a.shell("masix resolve desk@b").output.hasPrefix("desk@b is port 2."))
                let odd = try pair.a.shell("masix resolve desk@c")
                #expect(odd.code == 66 && odd.errors.contains("no node 'c' for desk@c is in this node's roster; known: b"), "\(odd)")
                #expect(try pair.a.shell("masix resolve desk@").code == 65)
                mine.close()
                theirs.close()
            }
        }

        @Test func whatIsAnnouncedIsSetWhileTheNodeRuns() async throws {
            try await Self.play { pair in
                #expect(try pair.a.shell("masix node set").output == "announce none\n")
                for node in [pair.a, pair.b] {
                    #expect(try node.shell("masix node set --announce both").output == "announce both\n")
                    #expect(eventually { node.log.contains("roster read") })
                }
                #expect(try pair.a.shell("masix node set --announce some").code == 64)
                let bell = try pair.a.attach().names.register("bell")
                let door = try pair.b.attach().names.register("door")
                // The task's own name goes along with the first message that it sends.
                let client = try pair.a.attach()
                let own = try client.names.register("caller")
                try client.names.lookUp("door", timeout: .seconds(10)).send(Message(text: "hello"), timeout: .seconds(10))
                #expect(try door.receive(timeout: .seconds(10)).text == "hello")
                #expect(try pair.b.shell("masix resolve caller").output.contains("of node a"))
                bell.close()
                door.close()
                own.close()
                let bad = try pair.a.shell("sed -i s/both/some/ $MASIX_NODE/network.json; masix node set")
                #expect(bad.code == 65 && bad.errors.contains("what is announced is one of: none, answers, senders, both"), "\(bad)")
            }
        }
    }
}
