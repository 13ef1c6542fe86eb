import Foundation
import Masix
import MasixLinux
import MasixProtocols
import MasixTestKit
import SystemPackage
import Testing

extension Nodes {
    /// Names over real processes.
    @Suite struct NamesOfANode {
        @Test func aClientFindsAServer() throws {
            try NodeProcess.run { node in
                let space = try node.attach()
                try SupervisorClient(space).add(
                    ServerSpecification(name: "echo-server", command: [NodeProcess.client, "serve", "echo"], uid: CurrentProcess.uid))
                let (answer, status) = try outcome(
                    NodeProcess.client, ["ask", "echo", "hello"], environment: ["MASIX_NODE=\(node.directory)"])
                #expect(status == .exited(code: 0))
                let pid = try node.role("echo-server").pid
                #expect(answer == "\(pid): hello\n")
                // The owner's identity is what the supervisor said of it, not what it says of itself.
                let record = try #require(try space.names.list().first { $0.name == "echo" })
                #expect(record.owner.pid == pid && record.owner.uid == CurrentProcess.uid && record.owner.program == "echo-server")
            }
        }

        @Test func unknownNamesSayWhatIsKnown() throws {
            try NodeProcess.run { node in
                let space = try node.attach()
                let port = try space.names.register("files")
                #expect(throws: NameError.unknown("film", known: ["files", "supervisor"], count: 2)) { _ = try space.names.lookUp("film") }
                #expect("\(NameError.unknown("film", known: ["files"], count: 1))" == "unknown name film; known: files")
                #expect(throws: NameError.invalidName("no name")) { _ = try space.names.lookUp("no name") }
                #expect(throws: NameError.invalidName("")) { _ = try space.names.register("") }
                port.close()
            }
        }

        @Test func aNameLivesAsLongAsItsPort() throws {
            try NodeProcess.run { node in
                let (server, client) = (try node.attach(), try node.attach())
                let port = try server.names.register("brief")
                let right = try client.names.lookUp("brief")
                #expect(right.port == port.port)
                #expect(throws: NameError.self) { _ = try client.names.register("brief") }
                port.close()
                #expect(eventually { right.isDead })
                #expect(eventually { !isKnown("brief", to: client) })
                // Free for anybody.
                let again = try client.names.register("brief")
                #expect(try server.names.lookUp("brief").port == again.port)
                try client.names.remove("brief")
                #expect(throws: NameError.self) { _ = try server.names.lookUp("brief") }
                again.close()
            }
        }

        @Test func registeringAgainChangesNothingAndReplacingMoves() throws {
            try NodeProcess.run { node in
                let space = try node.attach()
                let first = try space.names.register("door")
                try space.names.register("door", try first.makeSendRight())
                let second = try space.makePort()
                #expect(throws: NameError.self) { try space.names.register("door", try second.makeSendRight()) }
                try space.names.register("door", try second.makeSendRight(), replace: true)
                #expect(try space.names.lookUp("door").port == second.port)
                // The old port's death does not touch the name that has moved on.
                first.close()
                #expect(try space.names.list().map(\.name) == ["door", "supervisor"])
                usleep(50_000)
                #expect(try space.names.lookUp("door").port == second.port)
                second.close()
            }
        }

        @Test func onlyTheOwnerMayReplaceAName() throws {
            guard CurrentProcess.uid == 0 else { return }
            try NodeProcess.run { node in
                let space = try node.attach()
                let port = try space.names.register("mine")
                let (words, status) = try outcome(
                    NodeProcess.client, ["take", "mine"], environment: ["MASIX_NODE=\(node.directory)"], uid: 61_998)
                #expect(status == .exited(code: 2))
                #expect(words.hasPrefix("the name mine belongs to"))
                #expect(try space.names.lookUp("mine").port == port.port)
                port.close()
            }
        }

        @Test func lookingUpWaits() throws {
            try NodeProcess.run { node in
                let (server, client) = (try node.attach(), try node.attach())
                let start = ContinuousClock.now
                #expect(throws: NameError.timedOut("late")) {
                    _ = try client.names.lookUp("late", wait: true, timeout: .milliseconds(200))
                }
                #expect(start.duration(to: .now) < .seconds(2))
                let found = try Background { try client.names.lookUp("late", wait: true, timeout: .seconds(10)).port }
                usleep(50_000)
                let port = try server.names.register("late")
                #expect(try found.wait() == port.port)
                port.close()
            }
        }

        /// A client sees a delay, no error, and the names are still there, with their ports.
        @Test(arguments: ["on", "off", "random"]) func namesOutliveTheirServer(_ leases: String) throws {
            try NodeProcess.run(arguments: ["--leases", leases]) { node in
                let (server, client) = (try node.attach(), try node.attach())
                let ports = try (0..<150).map { PortHolder(try server.names.register("port-\($0)")) }
                let before = try client.names.list()
                #expect(before.count == 151)
                let waiting = try Background { try client.names.lookUp("later", wait: true, timeout: .seconds(20)).port }
                usleep(50_000)

                let old = try node.kill("names")
                // Asked while nobody is there.
                let mine = try server.names.register("meanwhile")
                #expect(try client.names.lookUp("port-7").port == ports[7].port)
                let later = try server.names.register("later")
                #expect(try waiting.wait() == later.port)
                try client.names.remove("meanwhile")

                let names = try node.role("names")
                #expect(names.pid != old && names.restarts == 1 && names.lastEnd == "ended by signal 9")
                #expect(try client.names.list().filter { $0.name != "later" } == before)
                // The new one is told of deaths, also of those that happen later.
                ports[3].close()
                #expect(eventually { !isKnown("port-3", to: client) })
                mine.close()
                later.close()
            }
        }

        @Test func whatDiesMeanwhileIsForgotten() throws {
            try NodeProcess.run { node in
                let (server, client) = (try node.attach(), try node.attach())
                let port = try server.names.register("gone")
                _ = try node.kill("names")
                port.close()
                #expect(throws: NameError.unknown("gone", known: ["supervisor"], count: 1)) { _ = try client.names.lookUp("gone") }
                #expect(try client.names.list().map(\.name) == ["supervisor"])
            }
        }

        /// Killed again and again at any moment, with clients at work all the time.
        @Test(arguments: ["on", "off", "random"]) func killsUnderLoad(_ leases: String) throws {
            try NodeProcess.run(arguments: ["--leases", leases]) { node in
                let workers = try (0..<3).map { worker in
                    let space = try node.attach()
                    return try Background {
                        for round in 0..<100 {
                            let port = try space.names.register("work-\(worker)-\(round)")
                            guard try space.names.lookUp("work-\(worker)-\(round)").port == port.port else { return false }
                            try space.names.remove("work-\(worker)-\(round)")
                            port.close()
                        }
                        return true
                    }
                }
                let killer = try SupervisorClientHolder(node.attach())
                for _ in 0..<4 {
                    usleep(120_000)
                    if let names = try killer.status().roles.first(where: { $0.name == "names" }), names.pid > 1 {
                        try? ProcessDescriptor.open(pid: names.pid).sendSignal(Signal.kill)
                    }
                }
                for worker in workers {
                    let isRight = try worker.wait(seconds: 60)
                    #expect(isRight)
                }
                #expect(try node.attach().names.list().map(\.name) == ["supervisor"])
            }
        }
    }
}

private func isKnown(_ name: String, to space: Space) -> Bool {
    (try? space.names.list().contains { $0.name == name }) ?? false
}

/// A receive right that a collection can hold.
final class PortHolder {
    private var right: ReceiveRight?
    let port: PortID

    init(_ right: consuming ReceiveRight) {
        port = right.port
        self.right = consume right
    }

    func close() { right = nil }
}
