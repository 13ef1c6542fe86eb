import Foundation
import MasixLinux
import MasixTestKit
import SystemPackage
import Testing

/// Two nodes of real processes that know each other, for the length of a test: `a` at 127.0.0.2 with number 1, `b` at 127.0.0.3 with 2.
struct NodeProcessPair {
    let a: NodeProcess
    let b: NodeProcess

    static var masix: String { NodeProcess.programs + "/masix" }

    /// Makes the directory of a node that speaks with others; it does not run yet.
    static func make(_ name: String, number: UInt32, _ flags: String...) throws -> String {
        let directory = try NodeProcess.newDirectory()
        // Below the ports that Linux gives to whoever calls; the host is this node's alone.
        let port = 20_000 + (try RandomBytes.uint64()) % 12_000
        let (words, status) = try outcome(
            masix,
            ["node", "init", "--node", directory, "--listen", "127.0.0.\(number + 1):\(port)", "--name", name, "--number", "\(number)"]
                + flags)
        guard status == .exited(code: 0) else { throw NodeProcess.Failure(words: words) }
        return directory
    }

    /// The node's line for other rosters.
    static func line(of directory: String) throws -> [String] {
        let (words, status) = try outcome(masix, ["node", "line", "--node", directory])
        guard status == .exited(code: 0) else { throw NodeProcess.Failure(words: words) }
        return words.split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// Tells one node, which runs or not, of the other.
    static func tell(_ directory: String, of other: String) throws {
        let (words, status) = try outcome(masix, ["roster", "add", "--node", directory] + line(of: other))
        guard status == .exited(code: 0) else { throw NodeProcess.Failure(words: words) }
    }

    /// Runs a test with two nodes that know each other, on a thread of its own: everything in it blocks.
    static func play(shellOnB: Bool = false, _ body: @escaping @Sendable (NodeProcessPair) throws -> Void) async throws {
        try await onThread { try run(shellOnB, body) }
    }

    private static func run(_ shellOnB: Bool, _ body: (NodeProcessPair) throws -> Void) throws {
        let (a, b) = (try make("a", number: 1), shellOnB ? try make("b", number: 2, "--shell") : try make("b", number: 2))
        try tell(a, of: b)
        try tell(b, of: a)
        let pair = NodeProcessPair(a: try NodeProcess(in: a), b: try NodeProcess(in: b))
        do {
            try body(pair)
        } catch {
            Issue.record("\(error); a's log:\n\(pair.a.log)\nb's log:\n\(pair.b.log)")
        }
        for node in [pair.a, pair.b] { try node.stopIfItRuns() }
    }
}

extension NodeProcess {
    /// A test that ends the node itself has taken its status.
    func stopIfItRuns() throws {
        do { try stop() } catch let error as Errno where error == .noChildProcess {
            // The next life of it may have taken the directory along.
            if (try? File.status(directory)) != nil { try Directory.removeAll(directory) }
        }
    }

    /// Tasks, ports, rights and messages of the node: what must come back to where it was.
    func counts() throws -> [String: Int] {
        let ports = try shell("masix ports --json").objects()
        func sum(_ key: String) -> Int { ports.reduce(0) { $0 + ($1[key] as? Int ?? 0) } }
        return [
            "tasks": try shell("masix ps --json").lines.count, "ports": ports.count, "send rights": sum("sender_count"),
            "in messages": sum("send_rights_in_transit"), "send-once rights": sum("send_once_rights"), "queued": sum("queued"),
        ]
    }

    /// The counts, once they are twice the same.
    func settledCounts() throws -> [String: Int] {
        var before: [String: Int] = [:]
        for _ in 0..<50 {
            let now = try counts()
            if now == before { break }
            before = now
            usleep(50_000)
        }
        return before
    }
}
