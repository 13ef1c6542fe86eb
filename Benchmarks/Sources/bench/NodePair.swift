import CFloors
import Foundation
import Masix
import MasixProtocols
import Measure

/// Two nodes of real daemons on this machine that know each other, for the length of a measurement.
///
/// The programs `masix` and `masixd` are those beside this one.
final class NodePair {
    let directory: String
    private var started: [String] = []
    /// Every process of both nodes.
    var processes: [OtherProcess] { roles.map(\.process) }
    private(set) var roles: [(node: String, name: String, process: OtherProcess)] = []

    struct Failure: Error, CustomStringConvertible {
        let words: String
        var description: String { words }
    }

    private static let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    init() throws {
        directory = NSTemporaryDirectory() + "masix-bench-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0 ... .max))"
        do {
            try begin()
        } catch {
            end()
            throw error
        }
    }

    var a: String { directory + "/a" }
    var b: String { directory + "/b" }

    private func begin() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        for (place, number) in [(a, 1), (b, 2)] {
            let name = number == 1 ? "a" : "b"
            let port = floors_free_port()
            guard port > 0 else { throw LinuxFault(errno: -port, step: "a free port") }
            try masix(["node", "init", "--node", place, "--listen", "127.0.0.1:\(port)", "--name", name, "--number", "\(number)"])
        }
        let lines = try [a, b].map { try masix(["node", "line", "--node", $0]).split(separator: " ").map(String.init) }
        for place in [a, b] {
            for line in lines { try masix(["roster", "add", "--node", place] + line) }
            started.append(place)
            try masix(["node", "run", "--detach", "--node", place])
        }
        for place in [a, b] {
            let running = try SupervisorClient(Space.attach(directory: place)).status().roles.filter { $0.pid > 1 }
            roles += running.map { (place == a ? "a" : "b", $0.name, OtherProcess(pid: $0.pid)) }
        }
    }

    func end() {
        for place in started {
            do { try masix(["node", "stop", "--node", place]) } catch {
                FileHandle.standardError.write(Data("a node in \(place) could not be stopped: \(error)\n".utf8))
            }
        }
        started = []
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Its standard output.
    @discardableResult private func masix(_ arguments: [String]) throws -> String {
        let process = Process()
        let (output, errors) = (Pipe(), Pipe())
        process.executableURL = Self.programs.appending(path: "masix")
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // A daemon that stays behind does not keep these open.
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let words = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(words: "masix \(arguments.joined(separator: " ")): \(words)") }
        return text.trimmingCharacters(in: .newlines)
    }
}
