import Foundation
import MasixLinux
import SystemPackage
import Testing

/// How a command line ended, and what it printed.
struct Outcome: Sendable, CustomStringConvertible {
    let code: Int32
    let output: String
    let errors: String

    var description: String { "code \(code), output <\(output)>, errors <\(errors)>" }

    var lines: [String] { output.split(separator: "\n").map(String.init) }

    /// One JSON object a line.
    func objects() throws -> [[String: Any]] {
        try lines.map { line in
            let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return try #require(value as? [String: Any])
        }
    }
}

extension NodeProcess {
    /// A shell as a user of this node has it, with `masix` in its path.
    func shell(_ script: String, seconds: UInt64 = 60) throws -> Outcome {
        let running = try RunningShell(script, directory: directory)
        return try running.wait(seconds: seconds)
    }

    /// The same, and goes on while it runs.
    func start(_ script: String) throws -> RunningShell { try RunningShell(script, directory: directory) }

    /// A directory for the files of a test, removed with the node's.
    func scratch() throws -> String {
        let path = directory + "/scratch-\(try RandomBytes.uint64())"
        try Directory.make(path, mode: 0o755)
        return path
    }

    /// Starts a server in the background and waits for its name.
    func serve(_ script: String, name: String) throws -> RunningShell {
        let running = try start(script)
        let isThere = try eventually {
            try shell("masix names --json").objects().contains { $0["name"] as? String == name } || !running.isRunning
        }
        guard isThere, running.isRunning else { throw Failure(words: "no server \(name): \(running.errors)") }
        return running
    }
}

/// A shell that runs a script.
final class RunningShell: Sendable {
    let pid: Int32
    private let process: ProcessDescriptor
    private let place: String

    init(_ script: String, directory: String) throws {
        place = "\(directory)/shell-\(try RandomBytes.uint64())"
        let output = try File.open(place + ".out", [.write, .create], mode: 0o600)
        let errors = try File.open(place + ".err", [.write, .create], mode: 0o600)
        var launch = Launch(
            "/bin/bash", arguments: ["bash", "-c", script],
            environment: ["PATH=\(NodeProcess.programs):/usr/bin:/bin", "MASIX_NODE=\(directory)", "LC_ALL=C.UTF-8", "HOME=/"])
        launch.placements = [.init(output.raw, at: 1), .init(errors.raw, at: 2)]
        let child = try launch.start()
        pid = child.pid
        process = child.takeProcess()
    }

    var isRunning: Bool { (try? !process.hasExited()) ?? false }
    var errors: String { text(".err") }
    var output: String { text(".out") }

    private func text(_ ending: String) -> String {
        (try? String(decoding: File.contents(of: place + ending, max: 64 << 20), as: UTF8.self)) ?? ""
    }

    func signal(_ number: Int32) throws { try process.sendSignal(number) }

    struct TooLong: Error, CustomStringConvertible {
        let description: String
    }

    func wait(seconds: UInt64 = 60) throws -> Outcome {
        guard try Ready.poll(process.raw, for: .readable, timeoutNanoseconds: seconds * 1_000_000_000) else {
            let words = "a shell still runs after \(seconds) s; output <\(output.prefix(2000))>, errors <\(errors.prefix(2000))>"
            try process.sendSignal(Signal.kill)
            _ = try process.wait()
            throw TooLong(description: words)
        }
        let code: Int32
        switch try process.wait() {
        case .exited(let status): code = status
        case .signalled(let number, _): code = 128 + number
        case nil: code = -1
        }
        return Outcome(code: code, output: output, errors: errors)
    }

    /// Ends it with a signal, and waits.
    @discardableResult
    func end(_ number: Int32 = Signal.terminate) throws -> Outcome {
        do { try signal(number) } catch let error as Errno { if error != .noSuchProcess { throw error } }
        return try wait(seconds: 20)
    }
}

extension Child {
    consuming func takeProcess() -> ProcessDescriptor { process }
}
