import Logging
import Masix
import MasixKernel
import MasixNetwork
import MasixNetworkServer
import MasixTestKit
import Synchronization

/// Several nodes with their network servers, all known to each other, in this process: numbers from 1.
final class NodeGroup: Sendable {
    let nodes: [TestNode]
    let servers: [NetworkServer]
    let roster: NodeRoster
    private let ended = Mutex<Set<Int>>([])

    init(_ count: Int, leases: TestNode.Leases = .on) throws {
        var (nodes, servers, entries): ([TestNode], [NetworkServer], [NodeRosterEntry]) = ([], [], [])
        for number in 1...UInt32(count) {
            let node = try TestNode(leases: leases, seed: UInt64(number), names: true, number: number)
            let key = NodeKey.make()
            let server = try NodePair.server(node, number, "n\(number)", key)
            try server.start {}
            nodes.append(node)
            servers.append(server)
            entries.append(
                try NodeRosterEntry(
                    number: number, name: "n\(number)", fingerprint: key.fingerprint, host: "127.0.0.1", port: server.port ?? 0))
        }
        self.nodes = nodes
        self.servers = servers
        roster = try NodeRoster(entries)
        for server in servers { server.replace(roster) }
        try NodePair.eventually { try servers.allSatisfy { try $0.summary().peers.count == count - 1 } }
    }

    /// On a thread of its own: everything in it blocks.
    static func play(_ count: Int, leases: TestNode.Leases = .on, _ body: @escaping @Sendable (NodeGroup) throws -> Void) async throws {
        try await onThread {
            let group = try NodeGroup(count, leases: leases)
            defer { group.stop() }
            try body(group)
        }
    }

    func stop() { for number in 1...nodes.count { end(number) } }

    /// The node dies, for all others.
    func end(_ number: Int) {
        guard ended.withLock({ $0.insert(number).inserted }) else { return }
        servers[number - 1].stop()
        nodes[number - 1].stop()
    }

    /// These nodes have let go of everything that crossed.
    func isClean(_ numbers: [Int]) throws -> Bool {
        try numbers.allSatisfy { number in
            let summary = try servers[number - 1].summary()
            return summary.isEmpty && summary.proxies + summary.exports == 0
        }
    }
}
