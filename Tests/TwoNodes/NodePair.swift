import Logging
import Masix
import MasixKernel
import MasixLinux
import MasixNetwork
import MasixNetworkServer
import MasixTestKit
import MasixWireRelay

/// Two nodes with their network servers, known to each other, in this process.
final class NodePair: Sendable {
    let a: TestNode
    let b: TestNode
    let serverA: NetworkServer
    let serverB: NetworkServer
    let roster: NodeRoster
    /// Between the two, for tests that cut it: node 1 reaches node 2 through it, and node 2 does not dial.
    let relay: Relay?

    init(
        leases: TestNode.Leases = .on, announcements: NameAnnouncements = [], isRelayed: Bool = false,
        orders: (a: ByteOrder, b: ByteOrder) = (.host, .host)
    ) throws {
        a = try TestNode(leases: leases, names: true, number: 1)
        b = try TestNode(leases: leases, seed: 2, names: true, number: 2)
        let (keyA, keyB) = (NodeKey.make(), NodeKey.make())
        serverA = try Self.server(a, 1, "a", keyA, announcements, isPatient: isRelayed, orders.a)
        serverB = try Self.server(b, 2, "b", keyB, announcements, isPatient: isRelayed, orders.b)
        for server in [serverA, serverB] { try server.start {} }
        relay = isRelayed ? try Relay(to: "127.0.0.1", port: serverB.port ?? 0, records: false) : nil
        roster = try NodeRoster([
            NodeRosterEntry(
                number: 1, name: "a", fingerprint: keyA.fingerprint, host: "127.0.0.1", port: isRelayed ? 1 : serverA.port ?? 0),
            NodeRosterEntry(
                number: 2, name: "b", fingerprint: keyB.fingerprint, host: "127.0.0.1", port: relay?.port ?? serverB.port ?? 0),
        ])
        serverA.replace(roster)
        serverB.replace(roster)
        try Self.eventually { try serverA.summary().peers == ["b"] && serverB.summary().peers == ["a"] }
    }

    static func server(
        _ node: TestNode, _ number: UInt32, _ name: String, _ key: NodeKey, _ announcements: NameAnnouncements = [],
        isPatient: Bool = false, _ order: ByteOrder = .host
    ) throws -> NetworkServer {
        var logger = Logger(label: name) { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .error
        var configuration = NodeChannels.Configuration(
            node: NodeID(number: number, incarnation: 1), name: name, key: key, roster: try NodeRoster([]), listenHost: "127.0.0.1",
            listenPort: 0, software: "test", logger: logger)
        configuration.order = order
        if isPatient {
            // A processor that is busy with other things for long must not be the death of a session.
            configuration.limits.silenceMilliseconds = 30_000
            configuration.limits.stallMilliseconds = 20_000
            configuration.limits.unattendedMilliseconds = 30_000
        }
        return NetworkServer(space: try node.attachChief(), configuration: configuration, announcements: announcements)
    }

    static func run<Result>(
        leases: TestNode.Leases = .on, announcements: NameAnnouncements = [], isRelayed: Bool = false,
        orders: (a: ByteOrder, b: ByteOrder) = (.host, .host),
        _ body: (NodePair) throws -> Result
    ) throws -> Result {
        let pair = try NodePair(leases: leases, announcements: announcements, isRelayed: isRelayed, orders: orders)
        defer { pair.stop() }
        return try body(pair)
    }

    /// The same on a thread of its own: everything in it blocks.
    static func play(
        leases: TestNode.Leases = .on, announcements: NameAnnouncements = [], isRelayed: Bool = false,
        orders: (a: ByteOrder, b: ByteOrder) = (.host, .host),
        _ body: @escaping @Sendable (NodePair) throws -> Void
    ) async throws {
        try await onThread { try run(leases: leases, announcements: announcements, isRelayed: isRelayed, orders: orders, body) }
    }

    func stop() {
        serverA.stop()
        serverB.stop()
        relay?.stop()
        a.stop()
        b.stop()
    }

    /// Cuts the channel, and waits for the next one.
    func reconnect() throws {
        serverA.replace(NodeRoster())
        try Self.eventually { try serverA.summary().peers.isEmpty && serverB.summary().peers.isEmpty }
        serverA.replace(roster)
        try Self.eventually { try serverA.summary().peers == ["b"] && serverB.summary().peers == ["a"] }
    }

    /// Both sides have let go of everything that crossed.
    func isClean() throws -> Bool {
        let (a, b) = (try serverA.summary(), try serverB.summary())
        return a.isEmpty && b.isEmpty && a.proxies + a.exports + b.proxies + b.exports == 0
    }

    static func eventually(seconds: UInt64 = 10, line: Int = #line, _ condition: () throws -> Bool) throws {
        let deadline = Clock.monotonicNanoseconds() + seconds * 1_000_000_000
        let pause = FutexWord()
        while try !condition() {
            guard Clock.monotonicNanoseconds() < deadline else { throw Late(line: line) }
            _ = try? pause.wait(while: 0, timeoutNanoseconds: 2_000_000)
        }
    }

    struct Late: Error { let line: Int }
}
