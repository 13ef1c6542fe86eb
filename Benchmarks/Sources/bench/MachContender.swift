import Foundation
import Masix
import Measure

/// Masix's side of a null call in C: a node, and both sides as programs in C over `libmasix-mach`.
///
/// The programs `masixd` and `mach-call` are those beside this one.
final class MachContender: Contender {
    let name = "masix in C"
    private let setting: Setting
    private let processors: Processors
    private let directory: String
    private var node: pid_t?
    private var peer: Process?

    private static let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    init(_ setting: Setting, _ processors: Processors) {
        self.setting = setting
        self.processors = processors
        directory = NSTemporaryDirectory() + "masix-bench-c-\(ProcessInfo.processInfo.processIdentifier)-\(UInt32.random(in: 0 ... .max))"
    }

    func begin() throws {
        // It says its process last, and stays behind.
        let said = String(decoding: try output("masixd", ["--directory", directory]), as: UTF8.self)
        guard let number = said.split(whereSeparator: \.isWhitespace).last.flatMap({ pid_t($0) }) else {
            throw Failure(description: "masixd did not start: \(said)")
        }
        node = number
        peer = try start("mach-call", ["serve"], output: nil)
    }

    func end() {
        peer?.terminate()
        peer?.waitUntilExit()
        if let node {
            kill(node, SIGTERM)
            for _ in 0..<200 where kill(node, 0) == 0 { usleep(10_000) }
        }
        try? FileManager.default.removeItem(atPath: directory)
    }

    func run(samples: Int) throws -> Samples {
        let pair = try processors.pair(for: setting.mode)
        let (caller, peer) = pair.map { ($0.caller, $0.peer) } ?? (-1, -1)
        let bytes = [UInt8](try output("mach-call", ["call", "\(samples)", "\(setting.size)", "\(caller)", "\(peer)"]))
        guard bytes.count == (samples + 1) * 8 else { throw Failure(description: "mach-call: \(bytes.count) bytes for \(samples) samples") }
        let numbers = (0...samples).map { value(bytes, at: 8 * $0) }
        return Samples(nanoseconds: Array(numbers.dropLast()), processorNanoseconds: numbers[samples])
    }

    private func start(_ program: String, _ arguments: [String], output: Pipe?) throws -> Process {
        let process = Process()
        process.executableURL = Self.programs.appending(path: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(["MASIX_NODE": directory]) { $1 }
        if let output { process.standardOutput = output }
        try process.run()
        return process
    }

    private func output(_ program: String, _ arguments: [String]) throws -> Data {
        let pipe = Pipe()
        let process = try start(program, arguments, output: pipe)
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(description: "\(program): exit status \(process.terminationStatus)") }
        return data
    }
}
