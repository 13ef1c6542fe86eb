import MasixLinux
import SystemPackage
import Testing

extension Nodes {
    /// `masix serve` and `masix connect`: a byte stream by name between two programs that know nothing of it.
    @Suite struct CommandStream {
        @Test func tarGoesThrough() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                let make = """
                    cd \(place); mkdir -p from/sub to; head -c 20000003 /dev/urandom > from/large; ln -s large from/link
                    for i in $(seq 200); do head -c $((i * 97)) /dev/urandom > from/sub/$i; done; chmod 640 from/sub/7
                    """
                #expect(try node.shell(make).code == 0)
                let server = try node.serve("exec masix serve backup -- tar x -C \(place)/to", name: "backup")
                let sent = try node.shell("cd \(place)/from && tar c . | masix connect backup; echo ${PIPESTATUS[*]}")
                #expect(sent.output == "0 0\n", "\(sent)")
                let sums = "find . -type f -print0 | sort -z | xargs -0 sha256sum; find . -printf '%p %y %m %l\\n' | sort"
                #expect(try node.shell("diff <(cd \(place)/from; \(sums)) <(cd \(place)/to; \(sums))").code == 0)
                try server.end()
            }
        }

        @Test func bothDirectionsAtOnce() throws {
            try NodeProcess.run { node in
                let server = try node.serve("exec masix serve echo -- cat", name: "echo")
                // More than all queues and pipes hold, so that it goes round while it is written.
                let round = try node.shell(
                    "head -c 50000000 /dev/zero | tr '\\0' 'x' | masix connect echo | sha256sum; head -c 50000000 /dev/zero | tr '\\0' 'x' | sha256sum"
                )
                #expect(round.lines.count == 2 && Set(round.lines).count == 1, "\(round)")
                // Several at once, each its own program.
                let many = try node.shell(
                    "for i in 1 2 3 4 5; do (echo $i | masix connect echo) & done; wait", seconds: 30)
                #expect(many.lines.sorted() == ["1", "2", "3", "4", "5"], "\(many)")
                try server.end()
            }
        }

        /// What is served, what connects, the exit code, the output.
        @Test(arguments: [
            ("sh -c 'exit 7'", "masix connect n < /dev/null", 7, ""), ("true", "masix connect n < /dev/null", 0, ""),
            ("sh -c 'cat >/dev/null; echo ended; exit 3'", "echo x | masix connect n", 3, "ended\n"),
            ("sh -c 'kill -9 $$'", "masix connect n < /dev/null", 137, ""), ("head -c 3", "yes | masix connect n", 0, "y\ny"),
            ("wc -c", "printf 12345 | masix connect n", 0, "5\n"), ("wc -c", "masix connect n < /dev/null", 0, "0\n"),
            ("echo hello", "masix connect n < /dev/null", 0, "hello\n"),
            // Nobody reads any more: the program ends as in a pipeline.
            ("yes", "masix connect n < /dev/null | head -n 2; exit ${PIPESTATUS[0]}", 141, "y\ny\n"),
            ("sh -c 'read a; echo got $a'", "masix connect n -- sh -c 'echo word; cat >&2'", 0, ""),
            ("cat", "masix connect n -- sh -c 'echo a; exit 9'", 9, ""),
        ])
        func endsAreToldBothWays(served: String, script: String, code: Int32, output: String) throws {
            try NodeProcess.run { node in
                let server = try node.serve("exec masix serve n -- \(served)", name: "n")
                let outcome = try node.shell(script, seconds: 20)
                #expect(outcome.code == code, "\(outcome)")
                #expect(outcome.output == output, "\(outcome)")
                if script.contains("cat >&2") { #expect(outcome.errors.contains("got word"), "\(outcome)") }
                try server.end()
            }
        }

        @Test(arguments: [("INT", 130), ("TERM", 143), ("HUP", 129)] as [(String, Int32)])
        func signalsArePassedOn(name: String, code: Int32) throws {
            try NodeProcess.run { node in
                let server = try node.serve("exec masix serve n -- sh -c 'echo ready; exec sleep 100'", name: "n")
                let script = "masix connect n < /dev/null & p=$!; sleep 0.5; kill -\(name) $p; wait $p"
                let outcome = try node.shell(script, seconds: 20)
                #expect(outcome.code == code, "\(outcome)")
                #expect(outcome.output == "ready\n")
                try server.end()
            }
        }

        @Test func aSignalThatIsCaughtIsTheProgramsAffair() throws {
            try NodeProcess.run { node in
                let server = try node.serve(
                    "exec masix serve n -- bash -c 'trap \"echo caught; exit 5\" TERM; echo ready; while :; do sleep 0.05; done'", name: "n"
                )
                let outcome = try node.shell("masix connect n < /dev/null & p=$!; sleep 0.7; kill $p; wait $p", seconds: 20)
                #expect(outcome.code == 5 && outcome.output == "ready\ncaught\n", "\(outcome)")
                try server.end()
            }
        }

        @Test func aKilledClientEndsItsProgram() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                let server = try node.serve(
                    "exec masix serve n -- bash -c 'trap \"echo hung up > \(place)/mark; exit\" HUP; echo $$ > \(place)/pid; while :; do sleep 0.05; done'",
                    name: "n")
                let client = try node.start("exec masix connect n < /dev/null")
                #expect(eventually { (try? File.status(place + "/pid").size) ?? 0 > 0 })
                try client.end(Signal.kill)
                #expect(eventually { (try? File.status(place + "/mark").size) ?? 0 > 0 })
                #expect(server.isRunning)
                // And whoever comes next is served.
                let next = try node.start("exec masix connect n < /dev/null")
                #expect(next.isRunning)
                try next.end(Signal.kill)
                try server.end()
            }
        }

        @Test func aKilledServerIsToldAtOnce() throws {
            try NodeProcess.run { node in
                let server = try node.serve("exec masix serve n -- sh -c 'echo ready; exec sleep 100'", name: "n")
                let client = try node.start("exec masix connect n < /dev/null")
                #expect(eventually { client.output == "ready\n" })
                try server.end(Signal.kill)
                let outcome = try client.wait(seconds: 5)
                #expect(outcome.code == 125, "\(outcome)")
                #expect(outcome.errors.contains("the other end of 'n' died"), "\(outcome)")
            }
        }

        @Test func aSlowReaderHoldsTheWriterBack() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                let server = try node.serve("exec masix serve n -- sh -c 'exec sleep 100'", name: "n")
                let client = try node.start(
                    "i=0; (while :; do head -c 100000 /dev/zero || exit; i=$((i + 1)); echo $i > \(place)/count; done) | masix connect n")
                func count() -> Int {
                    Int(((try? String(decoding: File.contents(of: place + "/count", max: 100), as: UTF8.self)) ?? "0").filter(\.isNumber))
                        ?? 0
                }
                var last = -1
                // It comes to rest, before much is under way: nothing is buffered without bound.
                #expect(
                    try eventually {
                        let now = count()
                        defer { last = now }
                        _ = try node.shell("sleep 0.5")
                        return now > 0 && now == last
                    })
                #expect(count() * 100_000 < 5_000_000)
                try server.end()
                _ = try client.wait(seconds: 10)
            }
        }

        @Test(arguments: [
            ("masix connect nobody < /dev/null", 125, "nobody has registered"),
            ("masix connect supervisor < /dev/null", 125, "'supervisor'"),
            ("masix serve n", 64, "command"), ("masix serve n -- /nowhere/program", 127, "no such program"),
            ("masix serve n -- /etc/passwd", 127, "no such program"), ("masix connect", 64, "name"),
            ("masix serve --sessions 0 n -- true", 64, "--sessions"),
        ])
        func whatIsWrongIsSaid(script: String, code: Int32, words: String) throws {
            try NodeProcess.run { node in
                let outcome = try node.shell(script, seconds: 20)
                #expect(outcome.code == code && outcome.errors.contains(words), "\(script): \(outcome)")
            }
        }

        @Test func fullIsRefused() throws {
            try NodeProcess.run { node in
                let server = try node.serve("exec masix serve n --sessions 1 -- sh -c 'echo ready; exec sleep 100'", name: "n")
                let first = try node.start("exec masix connect n < /dev/null")
                #expect(eventually { first.output == "ready\n" })
                let second = try node.shell("masix connect n < /dev/null", seconds: 10)
                #expect(second.code == 125 && second.errors.contains("1 programs run already"), "\(second)")
                try first.end()
                try server.end()
            }
        }
    }
}
