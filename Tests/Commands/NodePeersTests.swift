import Foundation
import Logging
import MasixKernel
import MasixLinux
import MasixNetwork
import MasixNetworkServer
import MasixProtocols
import MasixTestKit
import SystemPackage
import Testing

extension Nodes {
    /// Why two nodes do not talk: `masix doctor PEER` and `masix node peers`.
    @Suite struct Peers {
        /// Node a, which runs, and b, which has a directory, a key and an address. Neither knows the other.
        private struct Scene {
            let a: NodeProcess
            let b: String

            func doctor(_ arguments: String = "b") throws -> Outcome { try a.shell("masix doctor \(arguments)") }

            /// The line of b as `masix node line` prints it, in words.
            func line() throws -> [String] { try NodeProcessPair.line(of: b) }
            func address() throws -> String { try line()[4] }

            func tellA(_ line: [String]) throws {
                let (words, status) = try outcome(NodeProcessPair.masix, ["roster", "add", "--node", a.directory] + line)
                guard status == .exited(code: 0) else { throw NodeProcess.Failure(words: words) }
            }

            /// Waits until a's network server has read it.
            func waitUntilAKnows(_ address: String) throws {
                let knows = try eventually {
                    try a.shell("masix node peers --json").objects().contains { $0["address"] as? String == address }
                }
                #expect(knows)
            }

            func withB(_ body: (NodeProcess) throws -> Void) throws {
                let node = try NodeProcess(in: b)
                #expect(eventually { node.log.contains("speaking with other nodes") })
                do { try body(node) } catch { Issue.record("\(error); b's log:\n\(node.log)") }
                try node.signal(Signal.terminate)
                _ = try node.end()
            }
        }

        private static func play(_ body: @escaping @Sendable (Scene) throws -> Void) async throws {
            try await onThread {
                let b = try NodeProcessPair.make("b", number: 2)
                defer { try? Directory.removeAll(b) }
                let a = try NodeProcess(in: try NodeProcessPair.make("a", number: 1))
                do { try body(Scene(a: a, b: b)) } catch { Issue.record("\(error); a's log:\n\(a.log)") }
                try a.stopIfItRuns()
            }
        }

        private static func expect(_ outcome: Outcome, code: Int32 = 1, _ words: String..., line: Int = #line) {
            for word in words { #expect(outcome.code == code && outcome.output.contains(word), "line \(line): \(outcome)") }
        }

        @Test func whatIsMissingIsSaidUntilAllIsWell() async throws {
            try await Self.play { scene in
                Self.expect(try scene.doctor(), "has no 'b'", "roster add")
                try scene.tellA(try scene.line())
                try scene.waitUntilAKnows(try scene.address())
                Self.expect(try scene.doctor(), "'b' is down", "unreachable: Connection refused", "node status")
                let near = try scene.doctor("bb")
                Self.expect(near, "did you mean 'b'?")
                try scene.withB { b in
                    // b runs and has not been told of a.
                    Self.expect(try scene.doctor(), "refuses this node's key", "by the line that `masix node line` prints here")
                    let strangers = try b.shell("masix node peers")
                    #expect(strangers.code == 0 && strangers.output.contains("refused a stranger"), "\(strangers)")
                    // By an old key of a it knows it as little.
                    let old = NodeKey.make().fingerprint
                    var line = try NodeProcessPair.line(of: scene.a.directory)
                    line[3] = NodeRosterEntry.text(ofFingerprint: old)
                    #expect(try b.shell("masix roster add \(line.joined(separator: " "))").code == 0)
                    Self.expect(try scene.doctor(), "refuses this node's key")

                    #expect(try b.shell("masix roster remove a").code == 0)
                    try NodeProcessPair.tell(b.directory, of: scene.a.directory)
                    let isUp = try eventually {
                        try scene.a.shell("masix node peers --json").objects().first?["up"] as? Bool == true
                    }
                    #expect(isUp)
                    let healthy = try scene.doctor()
                    Self.expect(
                        healthy, code: 0, "'b' is up", "version 3 of the channel's protocol", "there and back", " us, the shortest of 5")
                    let json = try scene.doctor("b --json").objects()
                    #expect(json.first?["usable"] as? Bool == true)
                    let row = try #require(try scene.a.shell("masix node peers --json").objects().first)
                    #expect(row["name"] as? String == "b" && row["number"] as? Int == 2 && row["version"] as? Int == 3)
                    // The measured trips are five frames out and five back, and one more each for the second doctor's.
                    #expect(row["frames_sent"] as? Int == 10 && row["frames_received"] as? Int == 10, "\(row)")
                    let table = try scene.a.shell("masix node peers")
                    #expect(table.lines.contains { $0.contains(" b ") && $0.contains(" up ") }, "\(table)")

                    // A network server that stands still takes no part in it.
                    let network = try b.role("network").pid
                    try ProcessDescriptor.open(pid: network).sendSignal(Signal.stop)
                    defer { try? ProcessDescriptor.open(pid: network).sendSignal(Signal.continue) }
                    let still = try scene.doctor()
                    #expect(still.code == 1 && (still.output.contains("no answer comes back") || still.output.contains("down")), "\(still)")
                    #expect(try eventually { try scene.doctor().output.contains("takes the connection and says nothing") })
                }
            }
        }

        @Test func anotherKeyAndAnExpiredEntryAreSaid() async throws {
            try await Self.play { scene in
                let line = try scene.line()
                try scene.tellA(line)
                // b is made anew, with another key at the same address.
                for file in ["node.key", "network.json"] { try File.unlink("\(scene.b)/\(file)") }
                let again = try outcome(
                    NodeProcessPair.masix, ["node", "init", "--node", scene.b, "--listen", line[4], "--name", "b", "--number", "2"])
                #expect(again.1 == .exited(code: 0), "\(again)")
                try scene.withB { _ in
                    Self.expect(try scene.doctor(), "is not the roster's", "higher --epoch")
                }
                let epoch = try outcome(NodeProcessPair.masix, ["node", "line", "--node", scene.b, "--epoch", "2", "--expires", "9"])
                try scene.tellA(epoch.0.split(whereSeparator: \.isWhitespace).map(String.init))
                Self.expect(try scene.doctor(), "its entry expired", "set the clock")
            }
        }

        /// Somebody with b's key at b's address who is not quite the node that he should be.
        private static func impostor(
            _ scene: Scene, number: UInt32 = 2, versions: ChannelVersions = .current, _ body: () throws -> Void
        ) throws {
            let (host, port) = try NodeRosterEntry.address(try scene.address())
            let line = try NodeProcessPair.line(of: scene.a.directory)
            let a = try MasixNetwork.NodeRoster(text: Array((line.joined(separator: " ") + "\n").utf8))
            var logger = Logger(label: "b")
            logger.logLevel = .critical
            var configuration = NodeChannelsConfiguration(
                node: NodeID(number: number, incarnation: 1), name: "b", key: try NodeKey(file: "\(scene.b)/node.key"), roster: a,
                listenHost: host, listenPort: port, software: "test", logger: logger)
            configuration.versions = versions
            let channels = NodeChannels(configuration: configuration) { _ in }
            defer { channels.stop() }
            try channels.start()
            try body()
        }

        @Test func versionsAndNumbersThatDoNotFitAreSaid() async throws {
            try await Self.play { scene in
                try scene.tellA(try scene.line())
                try Self.impostor(scene, versions: try #require(ChannelVersions(lowest: 7, highest: 9))) {
                    Self.expect(try scene.doctor(), "upgrade this node", "7 to 9")
                }
                try Self.impostor(scene, versions: try #require(ChannelVersions(lowest: 0, highest: 0))) {
                    Self.expect(try scene.doctor(), "upgrade the other node")
                }
                try Self.impostor(scene, number: 5) { Self.expect(try scene.doctor(), "number", "masix node line") }
            }
        }

        @Test func addressesThatLeadNowhereAreSaid() async throws {
            try await Self.play { scene in
                let line = try scene.line()
                try scene.tellA(line)
                do {
                    let listener = try DeafListener(at: line[4], isFull: false)
                    Self.expect(try scene.doctor(), "takes the connection and says nothing")
                    withExtendedLifetime(listener) {}
                }
                do {
                    let listener = try DeafListener(at: line[4], isFull: true)
                    Self.expect(try scene.doctor(), "no connection", "in time", "firewall")
                    withExtendedLifetime(listener) {}
                }
                do {
                    let listener = try DeafListener(at: line[4], isFull: false)
                    try DetachedThread.start("no-node") { listener.answer("220 mail.example\r\n") }
                    Self.expect(try scene.doctor(), "not as a node does")
                    withExtendedLifetime(listener) {}
                }
                for (epoch, address, words) in [
                    (2, "no-such-machine.invalid:7117", "has no address"), (3, "255.255.255.255:7117", "reached"),
                ] {
                    var moved = line
                    (moved[4], moved[6]) = (address, "\(epoch)")
                    try scene.tellA(moved)
                    Self.expect(try scene.doctor(), words)
                }
            }
        }

        @Test func aNodeWhoseOwnSideIsMissingIsTold() async throws {
            try await onThread {
                try NodeProcess.run { node in
                    let peers = try node.shell("masix node peers")
                    #expect(peers.code == 66 && peers.errors.contains("does not speak with others"), "\(peers)")
                    #expect(try node.shell("masix explain unknownKey").output.contains("roster add"))
                    let b = try NodeProcessPair.make("b", number: 2)
                    defer { try? Directory.removeAll(b) }
                    try NodeProcessPair.tell(node.directory, of: b)
                    let without = try node.shell("masix doctor b")
                    Self.expect(without, "started without a network server", "masix node init --listen")
                    // No node at all.
                    let a = try NodeProcessPair.make("a", number: 1)
                    defer { try? Directory.removeAll(a) }
                    try NodeProcessPair.tell(a, of: b)
                    let stopped = try node.shell("masix doctor --node \(a) b")
                    Self.expect(stopped, "no node runs at \(a)", "masix node run", "Connection refused")
                    // A node that has a number of its own, twice.
                    try NodeProcessPair.tell(a, of: try NodeProcessPair.make("c", number: 1))
                    Self.expect(try node.shell("masix doctor --node \(a) c"), "this node's own")
                }
            }
        }

        @Test func aNetworkServerThatIsKilledAgainAndAgainIsTold() async throws {
            try await Self.play { scene in
                try scene.tellA(try scene.line())
                // The pause before it is started again doubles: at last there is time to look.
                let isSaid = try eventually(seconds: 20) {
                    if let pid = try? scene.a.role("network").pid, pid > 1 { try? ProcessDescriptor.open(pid: pid).sendSignal(Signal.kill) }
                    return try scene.doctor().output.contains("the network server does not run")
                }
                #expect(isSaid)
            }
        }
    }
}
