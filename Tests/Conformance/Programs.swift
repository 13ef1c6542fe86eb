import Masix
import MasixLinux
import MasixTestKit
import Synchronization
import SystemPackage
import Testing

/// The programs of these tests, which lie beside the test bundle.
enum Programs {
    static let directory: String = {
        let bundle = (try? executablePath(ofPID: CurrentProcess.pid)) ?? ""
        return String(bundle[..<(bundle.lastIndex(of: "/") ?? bundle.startIndex)])
    }()
    static var player: String { directory + "/masix-story-player" }
    static var hostilePeer: String { directory + "/masix-hostile-peer" }
}

/// A program that a test has started: killed and reaped at the end at the latest.
final class Program: Sendable {
    let pid: Int32
    private let child: Held
    /// What it says, both ways together.
    private let output: Output

    private final class Held: Sendable {
        let process: ProcessDescriptor
        init(_ process: consuming ProcessDescriptor) { self.process = process }
    }

    private final class Output: Sendable {
        let reader: Descriptor
        init(_ reader: consuming Descriptor) { self.reader = reader }
    }

    init(_ executable: String, _ arguments: [String], user: UInt32? = nil) throws {
        let pipe = try Pipe.make()
        var launch = Launch(executable, arguments: [executable] + arguments, environment: ["PATH=/usr/bin:/bin"])
        launch.placements = [.init(pipe.writer.raw, at: 1), .init(pipe.writer.raw, at: 2)]
        if let user { launch.identity = .init(uid: user, gid: user) }
        let child = try launch.start()
        pid = child.pid
        self.child = Held(child.process)
        output = Output(pipe.intoReader())
    }

    func signal(_ number: Int32) throws { try child.process.sendSignal(number) }

    /// How it ended; it is killed if it has not in so many seconds.
    func end(within seconds: UInt64 = 30) throws -> MasixLinux.ExitStatus? {
        if try !Ready.poll(child.process.raw, for: .readable, timeoutNanoseconds: seconds * 1_000_000_000) { try signal(Signal.kill) }
        return try child.process.wait()
    }

    /// All that it has said, when it has ended.
    func text() throws -> String { String(decoding: try output.reader.readAll(max: 1 << 20), as: UTF8.self) }

    deinit {
        // One that has been waited for is no more; nobody can be told.
        _ = try? child.process.sendSignal(Signal.kill)
        _ = try? child.process.wait()
    }
}

extension PipeEnds {
    /// Closes the writer.
    consuming func intoReader() -> Descriptor { reader }
}

/// Waits until something becomes true; false after so many seconds.
func eventually(seconds: UInt64 = 10, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Clock.monotonicNanoseconds() + seconds * 1_000_000_000
    while try !condition() {
        guard Clock.monotonicNanoseconds() < deadline else { return false }
        pause(microseconds: 1_000)
    }
    return true
}

func pause(microseconds: UInt64) {
    let end = Clock.monotonicNanoseconds() + microseconds * 1_000
    let word = FutexWord()
    while case let now = Clock.monotonicNanoseconds(), now < end { _ = try? word.wait(while: 0, timeoutNanoseconds: end - now) }
}

/// Carries a move-only right into a closure.
final class Boxed<Right: ~Copyable & Sendable>: Sendable {
    private let right: Mutex<Right?>
    init(_ right: consuming Right) { self.right = Mutex(right) }
    func take() -> Right? { right.withLock { $0.take() } }
}
