import Foundation
import MasixLinux
import SystemPackage
import Testing

extension Nodes {
    /// The commands that look: ps, names, ports, links, top, trace, doctor, explain; and call, ping, node.
    @Suite struct CommandTable {
        @Test func tablesShowWhoIsThere() throws {
            try NodeProcess.run { node in
                let server = try node.serve("exec masix answer echo", name: "echo")
                let tasks = try node.shell("masix ps --json").objects()
                let names = tasks.compactMap { ($0["identity"] as? [String: Any])?["name"] as? String }
                #expect(Set(names).isSuperset(of: ["masixd", "names", "masix"]), "\(names)")
                let answerer = try #require(tasks.first { ($0["identity"] as? [String: Any])?["pid"] as? Int == Int(server.pid) })
                let number = try #require(answerer["task"] as? Int)

                let named = try node.shell("masix names --json").objects()
                #expect(named.contains { $0["name"] as? String == "echo" && $0["task"] as? Int == number }, "\(named)")
                let ports = try node.shell("masix ports --json --name echo").objects()
                #expect(
                    ports.count == 1 && ports[0]["receiver"] as? Int == number && ports[0]["names"] as? [String] == ["echo"], "\(ports)")
                #expect(try node.shell("masix ports --json --task \(number)").objects().count >= 1)

                let text = try node.shell("masix ps")
                #expect(text.lines.first?.split(separator: " ").first == "TASK", "\(text)")
                #expect(text.lines.contains { $0.hasSuffix(" masix") && $0.contains("this") }, "\(text)")
                #expect(try node.shell("masix names").lines.contains { $0.hasPrefix("echo ") })
                #expect(try node.shell("masix ports").lines.contains { $0.hasSuffix(" echo") })
                let top = try node.shell("masix top --once")
                #expect(top.code == 0 && top.lines.count > 3 && top.lines[0].hasPrefix("node 1."), "\(top)")
                let measured = try #require(try node.shell("masix top --once --json").objects().first)
                #expect((measured["tasks"] as? [Any])?.count ?? 0 >= 3)
                try server.end()
                #expect(try eventually { try !node.shell("masix names --json").output.contains("\"echo\"") })
            }
        }

        @Test func callsAreAnswered() throws {
            try NodeProcess.run { node in
                let server = try node.serve("exec masix answer echo", name: "echo")
                #expect(try node.shell("masix call echo 'hello, world'").output == "hello, world")
                #expect(try node.shell("printf 'a\\nb' | masix call echo -").output == "a\nb")
                #expect(try node.shell("head -c 65536 /dev/zero | masix call echo | wc -c").output == "65536\n")
                let answer = try #require(try node.shell("masix call --json --code 7 echo hi").objects().first)
                #expect(answer["code"] as? Int == 7 && answer["text"] as? String == "hi" && answer["bytes"] as? String == "6869")
                let waited = try node.start("exec masix call --wait later now")
                let later = try node.serve("exec masix answer later", name: "later")
                #expect(try waited.wait(seconds: 10).output == "now")
                let ping = try node.shell("masix ping echo --count 200 --json")
                let times = try #require(try ping.objects().first)
                #expect(times["calls"] as? Int == 200 && times["p50_us"] as? Double ?? 0 > 0, "\(ping)")
                let own = try node.shell("masix ping --count 500 --size 100")
                #expect(own.code == 0 && own.output.hasPrefix("500 calls of 100 bytes: p50 "), "\(own)")
                // Its answerer is gone with it.
                #expect(try !node.shell("masix names").output.contains("ping-"))
                try later.end()
                try server.end()
            }
        }

        @Test func aTraceShowsMessagesAndSaysWhatItCosts() throws {
            try NodeProcess.run { node in
                let server = try node.serve("exec masix answer echo", name: "echo")
                let tasks = try node.shell("masix ps --json").objects()
                let row = try #require(tasks.first { ($0["identity"] as? [String: Any])?["pid"] as? Int == Int(server.pid) })
                let number = try #require(row["task"] as? Int)
                let trace = try node.start("exec masix trace --task \(number) --count 6 --for 20")
                #expect(eventually { trace.errors.contains("trace:") })
                for _ in 0..<3 { #expect(try node.shell("masix call echo traced").output == "traced") }
                let seen = try trace.wait(seconds: 30)
                #expect(seen.code == 0 && seen.lines.count == 6, "\(seen)")
                #expect(seen.errors.contains("the leases of task \(number) (masix) are closed"), "\(seen)")
                #expect(
                    seen.lines.contains { $0.contains("\(number) masix") && $0.contains("received") && $0.contains("6 bytes") }, "\(seen)")
                #expect(seen.lines.contains { $0.contains("sent") }, "\(seen)")
                // Contents are nobody's business.
                #expect(!seen.output.contains("traced"))

                let structured = try node.start("exec masix trace --name echo --json --count 2 --for 20")
                #expect(eventually { structured.errors.contains("trace:") })
                for _ in 0..<3 { _ = try node.shell("masix call echo x") }
                let objects = try structured.wait(seconds: 30).objects()
                #expect(objects.count == 2 && objects.allSatisfy { $0["kind"] is String && $0["port"] is String }, "\(objects)")
                try server.end()
            }
        }

        @Test func aDoctorSaysWhatHolds() throws {
            try NodeProcess.run { node in
                let healthy = try node.shell("masix doctor")
                #expect(healthy.code == 0 && healthy.output.contains("answers at \(node.directory)"), "\(healthy)")
                let poorer = try node.shell("MASIX_WITHOUT=openat2,future-write-seal,nonsense masix doctor --json")
                let report = try #require(try poorer.objects().first)
                let findings = try #require(report["findings"] as? [[String: Any]])
                #expect(report["usable"] as? Bool == true)
                #expect(
                    findings.contains {
                        ($0["what"] as? String)?.contains("openat2 is switched off") == true && $0["weight"] as? String == "weaker"
                    })
                #expect(findings.contains { $0["what"] as? String == "there are no links" })
                #expect(try node.shell("MASIX_WITHOUT=nonsense masix doctor").errors.contains("'nonsense'"))
                let unusable = try node.shell("MASIX_WITHOUT=process-descriptor masix doctor")
                #expect(unusable.code == 1 && unusable.output.contains("BAD"), "\(unusable)")
            }
        }

        @Test func everyErrorIsExplained() throws {
            try NodeProcess.run { node in
                let all = try node.shell("masix explain --json").objects()
                #expect(all.count > 70)
                for explanation in all {
                    for key in ["name", "kind", "meaning", "cause", "remedy"] {
                        #expect((explanation[key] as? String)?.isEmpty == false, "\(explanation)")
                    }
                }
                // A few names are those of two things, as `timedOut` of an error and of a refusal between nodes.
                #expect(Set(all.compactMap { $0["name"] as? String }).count >= all.count - 11)
                #expect(try node.shell("masix explain deadName").output.contains("look the name up again"))
                #expect(try node.shell("masix explain DEAD-NAME").code == 0)
                #expect(try node.shell("masix explain 70").output.contains("no send right to the port is left"))
                let unknown = try node.shell("masix explain deadname1")
                #expect(unknown.code == 66 && unknown.errors.contains("did you mean deadName"), "\(unknown)")
                let codes = try node.shell("masix help exit-codes")
                #expect(codes.code == 0 && codes.output.contains("128+n") && codes.lines.count > 15, "\(codes)")
            }
        }

        @Test(arguments: [
            ("masix call ecko hi", 66, "nobody has registered the name 'ecko'; did you mean 'echo'?"),
            ("masix call 'a b' hi", 65, "is no name"),
            ("head -c 70000 /dev/zero | masix call echo", 65, "memory object"), ("masix call --timeout x echo hi", 64, "timeout"),
            ("masix call --timeout -1 echo hi", 64, "timeout"), ("masix call", 64, "name"), ("masix ps extra", 64, "extra"),
            ("masix names extra", 64, "extra"), ("masix ports --task x", 64, "--task"), ("masix ports --name nobody", 66, "nobody"),
            ("masix links extra", 64, "extra"), ("masix trace --task 999", 66, "task 999"), ("masix trace --port x", 65, "'x' is no port"),
            ("masix trace --count 0", 64, "--count"), ("masix top --interval 0", 64, "--interval"), ("masix ping nobody", 66, "nobody"),
            ("masix ping --size 70000", 64, "--size"), ("masix explain nosucherror", 66, "nosucherror"), ("masix nonsense", 64, "nonsense"),
            ("masix doctor b extra", 64, "extra"), ("masix node", 0, ""), ("masix --node /nowhere ps", 64, "--node"),
            ("masix ps --node /nowhere", 69, "no node answers at /nowhere/node.socket: start one with `masix node run`"),
            ("MASIX_NODE=/nowhere masix names", 69, "no node answers"), ("masix node status --node /nowhere", 69, "no node answers"),
            ("masix answer echo", 73, "taken"),
        ])
        func whatIsWrongIsSaid(script: String, code: Int32, words: String) throws {
            try NodeProcess.run { node in
                let server = try node.serve("exec masix answer echo", name: "echo")
                let outcome = try node.shell(script, seconds: 20)
                #expect(outcome.code == code && (words.isEmpty || outcome.errors.contains(words)), "\(script): \(outcome)")
                try server.end()
            }
        }

        @Test func aNodeIsMadeRunLookedAtAndStopped() throws {
            try NodeProcess.run { outer in
                let place = try outer.scratch() + "/own"
                let made = try outer.shell("masix node init --node \(place)")
                #expect(made.code == 0 && made.output.hasPrefix("made \(place)"), "\(made)")
                let again = try outer.shell("masix node init --node \(place)")
                #expect(again.code == 73 && again.errors.contains("made before"), "\(again)")
                #expect(try outer.shell("masix node status --node \(place)").code == 69)
                let node = try outer.start("exec masix node run --node \(place)")
                #expect(try eventually { try outer.shell("masix node status --node \(place)").code == 0 })
                let status = try #require(try outer.shell("masix node status --json --node \(place)").objects().first)
                let roles = try #require(status["roles"] as? [[String: Any]])
                #expect(roles.compactMap { $0["name"] as? String } == ["supervisor", "nucleus", "names"])
                #expect(roles.first?["pid"] as? Int == Int(node.pid))
                #expect(
                    try outer.shell("masix node status --node \(place)").lines.first?.hasPrefix("node 1.1 in \(place), version ") == true)
                let stopped = try outer.shell("masix node stop --node \(place)")
                #expect(stopped.code == 0, "\(stopped)")
                #expect(try node.wait(seconds: 10).code == 0)
                #expect(try outer.shell("masix node stop --node \(place)").code == 69)
                // Relative to where one stands, and by itself.
                let detached = try outer.shell(
                    "cd \(place); masix node run --detach --node . && masix node status --node \(place) && masix node stop --node .")
                #expect(detached.code == 0 && detached.output.contains("node 1.2 in "), "\(detached)")
            }
        }
    }
}
