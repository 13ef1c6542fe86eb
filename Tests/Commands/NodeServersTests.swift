import Foundation
import Masix
import MasixLinux
import MasixProtocols
import SystemPackage
import Testing

extension Nodes {
    /// Servers beside the node's own.
    @Suite struct Servers {
        private func echo(_ name: String, restart: ServerSpecification.Restart = .always) -> ServerSpecification {
            // As ourselves: the directory of the build may be closed to others.
            ServerSpecification(name: name, command: [NodeProcess.client, "serve", name], uid: CurrentProcess.uid, restart: restart)
        }

        private func ask(_ space: Space, _ name: String, _ text: String) throws -> String? {
            let server = try space.names.lookUp(name, wait: true, timeout: .seconds(10))
            return try server.call(Message(text: text), timeout: .seconds(10)).text
        }

        @Test func addedListedRemoved() throws {
            try NodeProcess.run { node in
                let space = try node.attach()
                let client = try SupervisorClientHolder(space)
                try client.add(echo("one"))
                let pid = try node.role("one").pid
                #expect(try ask(space, "one", "hello") == "\(pid): hello")
                let entry = try #require(try client.servers().first)
                #expect(entry.specification == echo("one") && !entry.isFromFile && entry.status.state == .running)
                #expect(throws: MasixError.refusedByServer("there is a server called one already")) { try client.add(echo("one")) }

                try client.remove("one")
                #expect(eventually { !isRunning(pid) })
                #expect(eventually { (try? client.servers().isEmpty) == true })
                // Its port has died with it, and its name.
                #expect(eventually { (try? space.names.list().map(\.name)) == ["supervisor"] })
            }
        }

        @Test func comesBackLaterEachTime() throws {
            try NodeProcess.run { node in
                let space = try node.attach()
                let client = try SupervisorClientHolder(space)
                try client.add(ServerSpecification(name: "brief", command: ["/bin/false"]))
                #expect(try eventually { try node.role("brief").restarts >= 3 })
                let role = try node.role("brief")
                #expect(role.lastEnd == "exited with 1")
                try client.remove("brief")
                // 100, 200 and 400 ms lay between them.
                let starts = node.log.split(separator: "\n").filter { $0.contains("started") && $0.contains("server=brief") }
                let times = try starts.prefix(4).map { try seconds($0) }
                try #require(times.count == 4)
                for (index, wait) in [0.1, 0.2, 0.4].enumerated() {
                    let took = times[index + 1] - times[index]
                    #expect(took >= wait - 0.01 && took < wait + 2, "\(took) s instead of \(wait)")
                }
            }
        }

        /// Of a line of the log, within its day.
        private func seconds(_ line: Substring) throws -> Double {
            let time = line.drop { $0 != "T" }.dropFirst().prefix { $0 != "Z" }.split(separator: ":").compactMap { Double($0) }
            try #require(time.count == 3)
            return time[0] * 3600 + time[1] * 60 + time[2]
        }

        @Test func policiesOfStartingAgain() throws {
            try NodeProcess.run { node in
                let space = try node.attach()
                let client = try SupervisorClientHolder(space)
                for (name, policy) in [("never", ServerSpecification.Restart.never), ("failing", .onFailure)] {
                    try client.add(echo(name, restart: policy))
                    #expect(try ask(space, name, "are you there") != nil)
                    try space.names.lookUp(name).send(Message(text: "exit 0"))
                    #expect(try eventually { try node.role(name).state == .ended })
                    #expect(try node.role(name).restarts == 0)
                }
                try client.restart("failing")
                let pid = try node.role("failing").pid
                #expect(try ask(space, "failing", "again") == "\(pid): again")
                try space.names.lookUp("failing").send(Message(text: "exit 3"))
                #expect(try eventually { try node.role("failing").restarts == 2 && node.role("failing").state == .running })
                #expect(try node.role("failing").lastEnd == "exited with 3")
                #expect(try ask(space, "failing", "and again") != nil)
            }
        }

        @Test func oneThatDoesNotEndIsKilled() throws {
            try NodeProcess.run { node in
                let client = try SupervisorClientHolder(node.attach())
                try client.add(
                    ServerSpecification(name: "stubborn", command: ["/bin/sh", "-c", "trap '' TERM; echo deaf; exec sleep 1000"]))
                let pid = try node.role("stubborn").pid
                #expect(eventually { node.log.contains("output stubborn: deaf") })
                let start = ContinuousClock.now
                try client.remove("stubborn")
                #expect(try node.role("stubborn").state == .stopping)
                #expect(eventually { !isRunning(pid) })
                #expect(start.duration(to: .now) >= .milliseconds(1900))
                #expect(eventually { node.log.contains("stubborn ended by signal 9") })
            }
        }

        @Test func whatCannotBeIsRefused() throws {
            try NodeProcess.run { node in
                let client = try SupervisorClientHolder(node.attach())
                let refused: [(ServerSpecification, String)] = [
                    (ServerSpecification(name: "no name", command: ["/bin/true"]), "'no name' is no name for a server"),
                    (ServerSpecification(name: "names", command: ["/bin/true"]), "the name names is the node's own"),
                    (ServerSpecification(name: "a", command: ["true"]), "the command of a must start with an absolute path"),
                    (ServerSpecification(name: "a", command: []), "the command of a must start with an absolute path"),
                    (ServerSpecification(name: "a", command: ["/bin/true"], environment: ["x"]), "'x' is no NAME=value"),
                ]
                for (server, words) in refused {
                    #expect(throws: MasixError.refusedByServer(words)) { try client.add(server) }
                }
                #expect {
                    try client.add(ServerSpecification(name: "missing", command: ["/nonexistent/program"]))
                } throws: { error in
                    "\(error)".contains("missing could not be started: /nonexistent/program: No such file or directory")
                }
                #expect(try client.servers().isEmpty)
                #expect(throws: MasixError.refusedByServer("names is part of the node")) { try client.remove("names") }
                #expect {
                    try client.remove("nobody")
                } throws: { error in "\(error)".hasPrefix("no server is called nobody; there are: names") }
            }
        }

        @Test func onlyTheNodesUserChangesIt() throws {
            guard CurrentProcess.uid == 0 else { return }
            try NodeProcess.run { node in
                let client = try SupervisorClientHolder(node.attach())
                // A server is a user of its own, and so is not the node's.
                try client.add(
                    ServerSpecification(name: "stranger", command: ["/bin/sh", "-c", "id -u; exec sleep 1000"], restart: .never))
                try client.add(
                    ServerSpecification(name: "other", command: ["/bin/sleep", "1000"], restart: .never))
                let uids = try node.status().roles.suffix(2).map(\.uid)
                #expect(Set(uids).count == 2 && uids.allSatisfy { $0 >= 60_516 })
                let entries = try node.status().roles.filter { $0.name == "stranger" }
                #expect(eventually { node.log.contains("output stranger: \(entries[0].uid)") })
                let (words, _) = try outcome(
                    NodeProcess.client, ["stop-node"], environment: ["MASIX_NODE=\(node.directory)"], uid: 61_997)
                #expect(words.contains("only root and user root (0) may change what runs on this node; you are user 61997"))
                #expect(try node.status().roles.count == 5)
            }
        }

        @Test func theFileSaysWhatRuns() throws {
            let directory = try NodeProcess.newDirectory()
            try Directory.make(directory)
            let file = directory + "/servers.json"
            func write(_ text: String, mode: UInt32 = 0o600) throws {
                let opened = try File.open(file, [.write, .create, .truncate], mode: 0o600)
                try opened.writeAll(Array(text.utf8))
                try File.changeMode(file, to: mode)
            }
            func entry(_ name: String, _ more: String = "") -> String {
                #"{"name": "\#(name)", "command": ["/bin/sleep", "1000"]\#(more)}"#
            }
            try write(#"{"servers": [\#(entry("a")), \#(entry("b", #", "restart": "never""#)), \#(entry("not good"))]}"#)
            let node = try NodeProcess(in: directory)
            let client = try SupervisorClientHolder(node.attach())
            try client.add(ServerSpecification(name: "mine", command: ["/bin/sleep", "1000"]))
            #expect(try client.servers().map(\.specification.name) == ["a", "b", "mine"])
            #expect(try client.servers().map(\.isFromFile) == [true, true, false])
            #expect(node.log.contains("a server is left out: 'not good' is no name for a server"))
            #expect(throws: MasixError.refusedByServer("a comes from servers.json: take it out there, then reload")) {
                try client.remove("a")
            }
            let (a, mine) = (try node.role("a").pid, try node.role("mine").pid)

            // One stays, one goes, one changes, one comes; what was added at run time is left alone.
            try write(#"{"servers": [\#(entry("a")), \#(entry("c"))]}"#)
            try node.signal(Signal.hangUp)
            #expect(eventually { (try? client.servers().map(\.specification.name)) == ["a", "c", "mine"] })
            #expect(try node.role("a").pid == a && node.role("mine").pid == mine)
            try write(#"{"servers": [\#(entry("a", #", "environment": ["X=1"]"#)), \#(entry("c"))]}"#)
            try client.reload()
            #expect(try eventually { try node.role("a").pid != a && node.role("a").state == .running })
            #expect(
                try String(decoding: File.contents(of: "/proc/\(node.role("a").pid)/environ", max: 65_536), as: UTF8.self).contains("X=1"))

            // What cannot be read, or could be somebody else's, changes nothing.
            for (text, mode) in [("{", UInt32(0o600)), (#"{"servers": []}"#, 0o666)] {
                try write(text, mode: mode)
                try client.reload()
                #expect(try client.servers().map(\.specification.name) == ["a", "c", "mine"])
            }
            #expect(node.log.contains("the servers stay as they are: \(file): not a list of servers"))
            #expect(node.log.contains("can write it (mode 666)"))
            try node.stop()
        }
    }
}
