import Foundation
import Masix
import MasixLinux
import MasixProtocols
import MasixTestKit
import SystemPackage
import Testing

/// A node of real processes, for the length of a test.
final class NodeProcess: Sendable {
    let directory: String
    let pid: Int32
    private let supervisor: Supervising

    /// The supervisor's process; reaped when it has been waited for.
    private final class Supervising: Sendable {
        let child: ProcessDescriptor
        init(_ child: consuming ProcessDescriptor) { self.child = child }
    }

    /// Where the programs of this package lie: beside the test bundle.
    static let programs: String = {
        let bundle = (try? executablePath(ofPID: CurrentProcess.pid)) ?? ""
        return String(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.startIndex)])
    }()
    static var masixd: String { programs + "/masixd" }
    static var client: String { programs + "/masix-test-client" }

    static func newDirectory() throws -> String { "/tmp/masix-node-\(CurrentProcess.pid)-\(try RandomBytes.uint64())" }

    /// Starts a node, and returns when it serves.
    init(in directory: String? = nil, arguments: [String] = [], environment: [String] = []) throws {
        self.directory = try directory ?? Self.newDirectory()
        let ready = try Pipe.make()
        let situations = SituationsFile.next.map { ["--situations", $0] } ?? []
        var launch = Launch(
            Self.masixd,
            arguments: ["masixd", "--directory", self.directory, "--foreground", "--ready-fd", "3"] + situations + arguments,
            environment: ["PATH=/usr/bin:/bin"] + environment)
        launch.placements = [.init(ready.writer.raw, at: 3)]
        launch.newSession = true
        let child = try launch.start()
        pid = child.pid
        supervisor = Supervising(child.process)
        // Ours is closed by now: the end is the end of the node.
        let said = try ready.takeReader().readBytes(max: 1)
        guard said == [10] else { throw Failure(words: "the node did not start: \(log)") }
    }

    struct Failure: Error, CustomStringConvertible {
        let words: String
        var description: String { words }
    }

    /// A task of the node in this process.
    func attach() throws -> Space { try Space.attach(directory: directory) }

    var log: String { (try? String(decoding: File.contents(of: directory + "/node.log", max: 8 << 20), as: UTF8.self)) ?? "" }

    func signal(_ number: Int32) throws { try supervisor.child.sendSignal(number) }

    func status() throws -> NodeStatus { try SupervisorClient(attach()).status() }

    func role(_ name: String) throws -> RoleStatus {
        let roles = try status().roles
        guard let role = roles.first(where: { $0.name == name }) else { throw Failure(words: "no role \(name) among \(roles.map(\.name))") }
        return role
    }

    /// Ends a process that this node has started.
    func kill(_ name: String) throws -> Int32 {
        let pid = try role(name).pid
        guard pid > 1 else { throw Failure(words: "\(name) does not run") }
        try ProcessDescriptor.open(pid: pid).sendSignal(Signal.kill)
        return pid
    }

    /// How the supervisor ended; nil if it still runs after so many seconds.
    func end(within seconds: UInt64 = 10) throws -> MasixLinux.ExitStatus? {
        guard try Ready.poll(supervisor.child.raw, for: .readable, timeoutNanoseconds: seconds * 1_000_000_000) else { return nil }
        return try supervisor.child.wait()
    }

    /// Stops the node and removes what it leaves.
    func stop() throws {
        do { try signal(Signal.terminate) } catch let error as Errno { if error != .noSuchProcess { throw error } }
        if try end() == nil {
            try signal(Signal.kill)
            _ = try end()
            Issue.record("the node did not stop: \(log)")
        }
        try Directory.removeAll(directory)
    }

    /// Runs a test with a node and stops it afterwards.
    static func run(arguments: [String] = [], _ body: (NodeProcess) throws -> Void) throws {
        let node = try NodeProcess(arguments: arguments)
        do {
            try body(node)
        } catch {
            Issue.record("\(error); the node's log:\n\(node.log)")
        }
        // A test that ends the node itself has taken its status.
        do { try node.stop() } catch let error as Errno where error == .noChildProcess { try Directory.removeAll(node.directory) }
    }
}

/// Runs a program to its end; its standard output and how it ended.
func outcome(_ program: String, _ arguments: [String], environment: [String] = [], uid: UInt32? = nil) throws -> (
    String, MasixLinux.ExitStatus?
) {
    let pipe = try Pipe.make()
    var launch = Launch(
        program, arguments: [program] + arguments, environment: ["PATH=/usr/bin:/bin"] + environment)
    launch.placements = [.init(pipe.writer.raw, at: 1), .init(pipe.writer.raw, at: 2)]
    if let uid { launch.identity = .init(uid: uid, gid: uid) }
    let child = try launch.start()
    let text = String(decoding: try pipe.takeReader().readAll(max: 1 << 20), as: UTF8.self)
    return (text, try child.process.wait())
}

/// Waits until something becomes true; false after so many seconds.
func eventually(seconds: Int = 10, _ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<(seconds * 200) {
        if try condition() { return true }
        usleep(5_000)
    }
    return false
}

/// Whether a process of this number runs; one that has ended and not been reaped does not.
func isRunning(_ pid: Int32) -> Bool {
    guard let stat = try? String(decoding: File.contents(of: "/proc/\(pid)/stat", max: 4096), as: UTF8.self),
        let end = stat.lastIndex(of: ")")
    else { return false }
    return !stat[end...].hasPrefix(") Z")
}

/// Nodes of real processes are heavy: one at a time.
@Suite(.serialized) enum Nodes {}
