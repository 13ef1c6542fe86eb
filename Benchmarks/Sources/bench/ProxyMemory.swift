import Foundation
import Masix
import Measure

/// What a port of another node costs: a task of node b has made so many ports, and a task of node a holds a right to each of them.
struct ProxyMemory {
    private let count: Int

    init(_ count: Int) { self.count = count }

    private struct Row: Encodable {
        let `case` = "proxy-memory"
        let proxies: Int
        let node: String
        let process: String
        /// Proportional set size, in KiB.
        let beforeKib: Int
        let afterKib: Int
        let bytesPerProxy: Double
    }

    private final class Right {
        private let right: SendRight
        init(_ right: consuming SendRight) { self.right = right }
    }

    func measure(to output: String) throws {
        let pair = try NodePair()
        defer { pair.end() }
        let process = Process()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.environment = ProcessInfo.processInfo.environment.merging([Peer.variable: pair.b, Peer.nameVariable: "bench"]) { $1 }
        try process.run()
        defer {
            process.terminate()
            process.waitUntilExit()
        }
        let space = try Space.attach(directory: pair.a)
        let server = try space.names.lookUp("bench", wait: true, timeout: .seconds(10))
        // One, so that nothing is measured that the first one takes.
        var rights = try take(1, from: server)
        let before = try pair.roles.map { try Self.proportionalKiB($0.process.pid) }
        let begin = now()
        while rights.count <= count {
            rights += try take(min(128, count + 1 - rights.count), from: server)
            if rights.count % 8_192 < 128 { FileHandle.standardError.write(Data("\(rights.count) of \(count)\r".utf8)) }
        }
        let seconds = Double(now() - begin) / 1e9
        let after = try pair.roles.map { try Self.proportionalKiB($0.process.pid) }
        var lines = Data()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        say("\(count) ports of b, rights to all of them on a, made and sent in \(String(format: "%.1f", seconds)) s")
        for (place, role) in pair.roles.enumerated() {
            let row = Row(
                proxies: count, node: role.node, process: role.name, beforeKib: before[place], afterKib: after[place],
                bytesPerProxy: Double((after[place] - before[place]) * 1024) / Double(count))
            say("  \(role.node) \(role.name): \(before[place]) -> \(after[place]) KiB, \(Int(row.bytesPerProxy)) bytes a port")
            lines += try encoder.encode(row) + Data("\n".utf8)
        }
        for node in ["a", "b"] {
            let places = pair.roles.indices.filter { pair.roles[$0].node == node && ["nucleus", "network"].contains(pair.roles[$0].name) }
            let growth = places.reduce(0) { $0 + after[$1] - before[$1] } * 1024
            say("  \(node), nucleus and network server together: \(growth / count) bytes a port")
        }
        // While they are held: what a call costs beside them.
        for _ in 0..<200 { _ = try server.call(Message(code: PeerRequest.echo)) }
        let samples = try (0..<500).map { _ -> UInt64 in
            let begin = now()
            _ = try server.call(Message(code: PeerRequest.echo))
            return now() - begin
        }.sorted()
        say("  a null call meanwhile: p50 \(samples[samples.count / 2] / 1000) us, p99 \(samples[samples.count * 99 / 100] / 1000) us")
        try lines.write(to: URL(filePath: output))
        withExtendedLifetime(rights) {}
    }

    private func take(_ count: Int, from server: borrowing SendRight) throws -> [Right] {
        var answer = try server.call(Message(code: PeerRequest.ports, bytes: number(UInt64(count))), timeout: .seconds(30))
        return try (0..<count).map { index in
            guard let right = answer.takeSendRight(at: index) else { throw MasixError.malformedMessage }
            return Right(right)
        }
    }

    private static func proportionalKiB(_ pid: Int32) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("Pss:") }),
            let number = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { throw NodePair.Failure(words: "no Pss of process \(pid)") }
        return number
    }
}
