import Foundation
import Masix
import Measure
import Synchronization

/// One large memory object on its way to another node, and small calls beside it: how fast it goes, how long they take meanwhile, and what
/// the two network servers need for it.
struct LargeMessage {
    private let bytes: Int

    init(mebibytes: Int) { bytes = mebibytes << 20 }

    private struct Row: Encodable {
        let `case` = "large-message"
        let bytes: Int
        let megabytesPerSecond: Double
        let smallCallsP50Us: Double
        let smallCallsP99Us: Double
        let smallCallsAloneP50Us: Double
        let smallCallsAloneP99Us: Double
        /// Private memory of the two network servers beyond what they had before, at most, in KiB.
        let networkGrowthKib: [Int]
    }

    /// What the thread that sends the large one has to say.
    private final class Outcome: Sendable {
        let seconds = Mutex<Result<Double, any Error>?>(nil)
        var isOpen: Bool { seconds.withLock { if case .none = $0 { true } else { false } } }
    }

    func measure(to output: String) throws {
        let pair = try NodePair()
        defer { pair.end() }
        let peers = try ["bench", "small"].map { name in
            let process = Process()
            process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            process.environment = ProcessInfo.processInfo.environment.merging([Peer.variable: pair.b, Peer.nameVariable: name]) { $1 }
            try process.run()
            return process
        }
        defer {
            for peer in peers {
                peer.terminate()
                peer.waitUntilExit()
            }
        }
        let space = try Space.attach(directory: pair.a)
        let small = try space.names.lookUp("small", wait: true, timeout: .seconds(10))
        let networks = pair.roles.filter { $0.name == "network" }.map(\.process.pid)
        let alone = try calls(small) { $0 < 2_000 }
        let before = try networks.map { try Self.privateKiB($0) }
        var most = before

        let outcome = Outcome()
        let (directory, bytes) = (pair.a, bytes)
        Thread.detachNewThread {
            let result = Result { try Self.send(bytes, from: directory) }
            outcome.seconds.withLock { $0 = result }
        }
        let beside = try calls(small) { count in
            if count % 64 == 0 {
                for (place, pid) in networks.enumerated() { most[place] = max(most[place], try Self.privateKiB(pid)) }
            }
            return outcome.isOpen
        }
        guard let seconds = try outcome.seconds.withLock({ $0 })?.get() else { throw MasixError.nodeGone }
        let row = Row(
            bytes: bytes, megabytesPerSecond: Double(bytes) / seconds / 1e6, smallCallsP50Us: beside.p50, smallCallsP99Us: beside.p99,
            smallCallsAloneP50Us: alone.p50, smallCallsAloneP99Us: alone.p99, networkGrowthKib: zip(most, before).map { $0 - $1 })
        say(
            """
            \(bytes >> 20) MiB from a to b in \(String(format: "%.2f", seconds)) s, \(Int(row.megabytesPerSecond)) MB/s
              beside it \(beside.count) small calls to another port: p50 \(Int(beside.p50)) us, p99 \(Int(beside.p99)) us; \
            alone: p50 \(Int(alone.p50)) us, p99 \(Int(alone.p99)) us
              the network servers' private memory has grown by at most \(row.networkGrowthKib[0]) KiB on a, \(row.networkGrowthKib[1]) KiB on b
            """)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        try encoder.encode(row).write(to: URL(filePath: output))
    }

    private static func send(_ bytes: Int, from directory: String) throws -> Double {
        let space = try Space.attach(directory: directory)
        let server = try space.names.lookUp("bench", wait: true, timeout: .seconds(10))
        var message = Message(code: PeerRequest.memory)
        message.attach(try MemoryObject(bytes: [UInt8](repeating: 7, count: bytes)))
        let begin = now()
        _ = try server.call(message, timeout: .seconds(300))
        return Double(now() - begin) / 1e9
    }

    private func calls(
        _ server: borrowing SendRight, while goesOn: (Int) throws -> Bool
    ) throws -> (count: Int, p50: Double, p99: Double) {
        var nanoseconds: [UInt64] = []
        while try goesOn(nanoseconds.count) {
            let begin = now()
            _ = try server.call(Message(code: PeerRequest.echo, bytes: [1, 2, 3]), timeout: .seconds(60))
            nanoseconds.append(now() - begin)
        }
        nanoseconds.sort()
        guard !nanoseconds.isEmpty else { return (0, 0, 0) }
        return (
            nanoseconds.count, Double(nanoseconds[nanoseconds.count / 2]) / 1000, Double(nanoseconds[nanoseconds.count * 99 / 100]) / 1000
        )
    }

    private static func privateKiB(_ pid: Int32) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8)
        return text.split(separator: "\n").filter { $0.hasPrefix("Anonymous:") }
            .compactMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }.reduce(0, +)
    }
}
