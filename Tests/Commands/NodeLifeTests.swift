import Foundation
import Masix
import MasixLinux
import MasixProtocols
import MasixTestKit
import SystemPackage
import Testing

extension Nodes {
    /// How a node comes and goes.
    @Suite struct Life {
        @Test func servesAndSaysHowItIs() throws {
            try NodeProcess.run(arguments: ["--number", "7"]) { node in
                let space = try node.attach()
                #expect(space.node == NodeID(number: 7, incarnation: 1))
                let status = try SupervisorClient(space).status()
                #expect(status.number == 7 && status.incarnation == 1)
                #expect(status.directory == node.directory)
                #expect(status.version == MasixVersion.current)
                #expect(status.roles.map(\.name) == ["supervisor", "nucleus", "names"])
                #expect(status.roles.allSatisfy { $0.state == .running && isRunning($0.pid) && $0.restarts == 0 })
                #expect(status.roles.first?.pid == node.pid)
                #expect(Set(status.roles.map(\.pid)).count == 3)
                // Whoever runs these tests sees them closed to others of their user.
                #expect(try File.status(node.directory).mode == 0o755)
                #expect(try File.status(node.directory + "/node.socket").mode == 0o666)
                for file in ["node.json", "node.log", "node.lock"] {
                    #expect(try File.status(node.directory + "/" + file).mode == 0o600, "\(file)")
                }
            }
        }

        @Test func everyLifeHasItsNumber() throws {
            let directory = try NodeProcess.newDirectory()
            for life in 1...3 {
                let node = try NodeProcess(in: directory, arguments: life == 1 ? ["--number", "9"] : [])
                #expect(try node.attach().node == NodeID(number: 9, incarnation: UInt32(life)))
                try node.signal(Signal.terminate)
                #expect(try node.end() == .exited(code: 0))
            }
            try Directory.removeAll(directory)
        }

        @Test(arguments: [Signal.terminate, Signal.interrupt]) func stopsInOrderAndLeavesNothing(_ signal: Int32) throws {
            let node = try NodeProcess()
            let pids = try node.status().roles.map(\.pid)
            try node.signal(signal)
            #expect(try node.end(within: 5) == .exited(code: 0))
            #expect(pids.allSatisfy { !isRunning($0) })
            let left = try Directory.entries(of: node.directory).map(\.name)
            #expect(left == ["node.json", "node.lock", "node.log"])
            #expect(node.log.contains("the node stops: signal \(signal)"))
            #expect(node.log.contains("has ended"))
            #expect(throws: MasixError.noNode(path: node.directory + "/node.socket")) { try node.attach() }
            try Directory.removeAll(node.directory)
        }

        @Test func stopsWhenAsked() throws {
            let node = try NodeProcess()
            let space = try node.attach()
            try SupervisorClient(space).stop()
            #expect(try node.end(within: 5) == .exited(code: 0))
            #expect(node.log.contains("asked by"))
            try Directory.removeAll(node.directory)
        }

        @Test func aSecondNodeIsRefused() throws {
            try NodeProcess.run { node in
                let (words, status) = try outcome(NodeProcess.masixd, ["--directory", node.directory, "--foreground"])
                #expect(status == .exited(code: 1))
                #expect(words.contains("a node runs in \(node.directory) already"))
                // In the background it says the same.
                let (more, again) = try outcome(NodeProcess.masixd, ["--directory", node.directory])
                #expect(again == .exited(code: 1))
                #expect(more.contains("a node runs in \(node.directory) already"))
                #expect(try node.status().incarnation == 1)
            }
        }

        @Test func goesToTheBackground() throws {
            let directory = try NodeProcess.newDirectory()
            let (words, status) = try outcome(NodeProcess.masixd, ["--directory", directory])
            #expect(status == .exited(code: 0))
            #expect(words.hasPrefix("node in \(directory), process "))
            let roles = try SupervisorClient(Space.attach(directory: directory)).status().roles
            #expect(roles.count == 3)
            let pid = try #require(roles.first?.pid)
            #expect(words.contains("process \(pid)\n"))
            try ProcessDescriptor.open(pid: pid).sendSignal(Signal.terminate)
            #expect(eventually { roles.allSatisfy { !isRunning($0.pid) } })
            try Directory.removeAll(directory)
        }

        @Test func aDirectoryOfOthersIsRefused() throws {
            guard CurrentProcess.uid == 0 else { return }
            let directory = try NodeProcess.newDirectory()
            try Directory.make(directory)
            let (_, chowned) = try outcome("/bin/chown", ["12345", directory])
            try #require(chowned == .exited(code: 0))
            let (words, status) = try outcome(NodeProcess.masixd, ["--directory", directory, "--foreground"])
            #expect(status == .exited(code: 1))
            #expect(words.contains("belongs to user 12345"))
            try Directory.removeAll(directory)
        }

        @Test func theNodeEndsWithItsSupervisor() throws {
            let node = try NodeProcess()
            let client = try SupervisorClientHolder(node.attach())
            try client.add(ServerSpecification(name: "sleeper", command: ["/bin/sleep", "1000"]))
            let pids = try client.status().roles.map(\.pid)
            #expect(pids.count == 4)
            try node.signal(Signal.kill)
            #expect(try node.end() == .signalled(Signal.kill, coreDumped: false))
            #expect(eventually { pids.allSatisfy { !isRunning($0) } })
            #expect(node.log.contains("the supervisor is gone; the node ends"))
            // The place is free: a new node takes the old one's.
            let next = try NodeProcess(in: node.directory)
            #expect(try next.status().incarnation == 2)
            try next.stop()
        }

        /// Nobody attaches again, nobody gets an error, and what lay in queues is there.
        @Test func theNodeGoesOnAfterTheDeathOfItsNucleus() throws {
            try NodeProcess.run { node in
                let (server, client) = (try node.attach(), try node.attach())
                let port = try server.names.register("door")
                let right = try client.names.lookUp("door")
                try right.send(Message(text: "before"))
                let old = try node.kill("nucleus")
                try right.send(Message(text: "after"))
                let first = try port.receive(timeout: .seconds(10))
                #expect(first.text == "before")
                let second = try port.receive(timeout: .seconds(10))
                #expect(second.text == "after")
                let nucleus = try node.role("nucleus")
                #expect(nucleus.pid != old && nucleus.restarts == 1 && nucleus.lastEnd == "ended by signal 9")
                // New ones come in as before, and names are found.
                #expect(try node.attach().names.lookUp("door").port == port.port)
                port.close()
            }
        }

        @Test func theNodeEndsWhenItsNucleusDoesNotLive() throws {
            let node = try NodeProcess()
            let pids = try node.status().roles.map(\.pid)
            let waiting = try node.attach()
            let client = try SupervisorClientHolder(node.attach())
            let lookUp = try Background { () throws -> NameError? in
                do {
                    _ = try waiting.names.lookUp("nobody", wait: true)
                    return nil
                } catch let error as NameError {
                    return error
                }
            }
            var last: Int32 = 0
            for _ in 0..<8 {
                guard
                    eventually({
                        guard let nucleus = try? client.status().roles.first(where: { $0.name == "nucleus" }) else { return false }
                        defer { last = nucleus.pid }
                        return nucleus.pid > 1 && nucleus.pid != last
                    })
                else { break }
                try? ProcessDescriptor.open(pid: last).sendSignal(Signal.kill)
            }
            #expect(try node.end(within: 20) == .exited(code: 1))
            #expect(pids.allSatisfy { !isRunning($0) })
            #expect(node.log.contains("the nucleus ended by signal 9, 8 times in a row: the node ends"))
            #expect(try lookUp.wait() == .node(.nodeGone))
            try Directory.removeAll(node.directory)
        }

        /// Started by root, the parts of a node are users of their own, without a way back.
        @Test func partsAreApartWhenRootStartsThem() throws {
            try NodeProcess.run(arguments: ["--user-base", "61000"]) { node in
                let status = try node.status()
                let uids = status.roles.map(\.uid)
                guard CurrentProcess.uid == 0 else {
                    #expect(Set(uids) == [CurrentProcess.uid])
                    #expect(status.weaknesses.contains { $0.hasPrefix("Not started by root") })
                    return
                }
                #expect(Set(uids).count == 3)
                #expect(!status.weaknesses.contains { $0.hasPrefix("Not started by root") })
                for role in status.roles.dropFirst() {
                    let text = String(decoding: try File.contents(of: "/proc/\(role.pid)/status", max: 1 << 16), as: UTF8.self)
                    // Real, effective, saved and of files: all four.
                    #expect(text.contains("Uid:\t\(role.uid)\t\(role.uid)\t\(role.uid)\t\(role.uid)\n"))
                    #expect(text.contains("\nGroups:\t \n") || text.contains("\nGroups:\t\n"))
                    #expect(text.contains("\nNoNewPrivs:\t1\n"))
                    #expect(text.contains("\nCapEff:\t0000000000000000\n"))
                }
            }
        }

        /// A node that root has not started, as far as root can show it: another user's.
        @Test func worksWithoutRootAndSaysWhatIsWeaker() throws {
            guard CurrentProcess.uid == 0 else { return }
            let directory = try NodeProcess.newDirectory()
            try Directory.make(directory)
            let (_, chowned) = try outcome("/bin/chown", ["61999:61999", directory])
            try #require(chowned == .exited(code: 0))
            let (words, status) = try outcome(NodeProcess.masixd, ["--directory", directory], uid: 61_999)
            #expect(status == .exited(code: 0), "\(words)")
            let space = try Space.attach(directory: directory)
            let answer = try SupervisorClient(space).status()
            #expect(answer.roles.allSatisfy { $0.uid == 61_999 })
            #expect(answer.weaknesses.contains { $0.hasPrefix("Not started by root") })
            // Root may stop anybody's node.
            try SupervisorClient(space).stop()
            #expect(eventually { answer.roles.allSatisfy { !isRunning($0.pid) } })
            try Directory.removeAll(directory)
        }

        @Test func idleProcessesSleep() throws {
            try NodeProcess.run { node in
                let pids = try node.status().roles.map(\.pid)
                usleep(300_000)
                let before = try pids.map { try ProcessStatistics.of(pid: $0) }
                usleep(3_000_000)
                let after = try pids.map { try ProcessStatistics.of(pid: $0) }
                for (was, now) in zip(before, after) {
                    #expect(now.voluntarySwitches - was.voluntarySwitches <= 1)
                    #expect(now.userTicks + now.systemTicks == was.userTicks + was.systemTicks)
                }
            }
        }
    }
}

/// A client that a closure can keep.
final class SupervisorClientHolder: Sendable {
    private let client: SupervisorClient

    init(_ space: Space) throws { client = try SupervisorClient(space) }

    func status() throws -> NodeStatus { try client.status() }
    func servers() throws -> [ServerEntry] { try client.servers() }
    func add(_ server: ServerSpecification) throws { try client.add(server) }
    func remove(_ name: String) throws { try client.remove(name) }
    func restart(_ name: String) throws { try client.restart(name) }
    func reload() throws { try client.reload() }
}
