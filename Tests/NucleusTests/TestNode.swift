import Glibc
import Logging
import MasixKernel
import MasixLinux
import MasixNucleus
import MasixTransport
import Synchronization
import SystemPackage

import enum MasixTestKit.SituationsFile

/// A nucleus on a thread of this process, for the length of a test.
final class TestNode {
    let path: String
    private let nucleus: Nucleus
    private let running: Running

    init(_ configure: (inout NucleusConfiguration) throws -> Void = { _ in }) throws {
        path = "/tmp/masix-\(getpid())-\(try RandomBytes.uint64())"
        var configuration = NucleusConfiguration(
            node: NodeID(number: 1, incarnation: 1), logger: Logger(label: "nucleus") { _ in SwiftLogNoOpLogHandler() })
        configuration.listener = try MessageSocket.listen(path: path)
        configuration.situationsPath = SituationsFile.next
        try configure(&configuration)
        nucleus = try Nucleus(configuration: configuration)
        running = Running(nucleus)
    }

    deinit {
        nucleus.stop()
        running.wait()
        try? File.unlink(path)
    }

    /// A task of this node, which lives as long as the task.
    func task() throws -> RawTask {
        let task = try RawTask(path: path)
        task.host = self
        return task
    }

    /// Stops the nucleus and says why it ended.
    func stop() -> Nucleus.End? {
        nucleus.stop()
        running.wait()
        return running.end
    }

    func waitForEnd() -> Nucleus.End? {
        running.wait()
        return running.end
    }
}

/// The thread inside `run`.
final class Running: Sendable {
    private let state = Mutex<(isOver: Bool, end: Nucleus.End?)>((false, nil))

    init(_ nucleus: Nucleus) {
        onThread { [self] in
            let end = try? nucleus.run()
            state.withLock { $0 = (true, end) }
        }
    }

    var end: Nucleus.End? { state.withLock { $0.end } }
    var isOver: Bool { state.withLock { $0.isOver } }

    func wait() {
        while !isOver { usleep(500) }
    }
}

private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Runs `body` on a new thread.
func onThread(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    // The thread takes over the only reference.
    let work = unsafe Unmanaged.passRetained(Work(body)).toOpaque()
    let started = unsafe pthread_create(
        &thread, nil,
        { argument in
            if let argument = unsafe argument { unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }, work)
    precondition(started == 0)
    pthread_detach(thread)
}

/// Waits until something becomes true; false after two seconds.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<2_000 {
        if try condition() { return true }
        usleep(1_000)
    }
    return false
}
