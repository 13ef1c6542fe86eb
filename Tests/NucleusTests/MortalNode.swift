import Glibc
import Logging
import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import Synchronization
import SystemPackage

import enum MasixTestKit.SituationsFile

@testable import MasixNucleus

/// A node whose nucleus dies at chosen instants and is followed by another, as a supervisor would do it.
///
/// A nucleus that is killed stops between two steps for ever: what it holds stays open, as nobody reads it, and what it had not done
/// stays undone. That is what kill -9 does to the rest of the world.
final class MortalNode: Sendable {
    let path: String
    let kept = KeptDescriptors()
    private struct State: ~Copyable {
        var nucleus: Nucleus?
        var running: Running?
        /// The keeper's end.
        var socket: Descriptor?
        var isClosing = false
    }
    private let state = Mutex<State>(State())
    private let lives = Atomic<Int>(0)
    private let deaths = Atomic<Int>(0)
    /// Asked at every step of every life: whether to die here. The number counts steps from the node's beginning.
    private let dies: @Sendable (_ step: Step, _ number: Int, _ life: Int) -> Bool
    private let steps = Atomic<Int>(0)
    private let configure: @Sendable (inout NucleusConfiguration) -> Void

    init(
        firstTask: consuming Descriptor, configure: @escaping @Sendable (inout NucleusConfiguration) -> Void = { _ in },
        dies: @escaping @Sendable (_ step: Step, _ number: Int, _ life: Int) -> Bool = { _, _, _ in false }
    ) throws {
        path = "/tmp/masix-mortal-\(getpid())-\(try RandomBytes.uint64())"
        self.dies = dies
        self.configure = configure
        try begin(listener: MessageSocket.listen(path: path), firstTask: firstTask)
        onThread { [self] in supervise() }
    }

    var stepCount: Int { steps.load(ordering: .acquiring) }
    var lifeCount: Int { lives.load(ordering: .acquiring) }

    private func begin(listener: consuming Descriptor?, firstTask: consuming Descriptor?) throws {
        var configuration = NucleusConfiguration(
            node: NodeID(number: 1, incarnation: 1), logger: Logger(label: "nucleus") { _ in SwiftLogNoOpLogHandler() })
        configuration.listener = listener
        configuration.firstTask = firstTask
        configuration.situationsPath = SituationsFile.next
        configure(&configuration)
        let pair = try MessageSocket.pair()
        let ours = pair.first.raw
        configuration.keeper = try pair.second.duplicate()
        let life = lives.add(1, ordering: .acquiringAndReleasing).newValue
        configuration.onStep = { [self] step in
            let number = steps.add(1, ordering: .acquiringAndReleasing).newValue
            guard dies(step, number, life) else { return }
            deaths.add(1, ordering: .acquiringAndReleasing)
            while true { pause() }
        }
        let keptSocket = try Descriptor.duplicate(of: ours).relinquish()
        onThread { [self] in
            let socket = Descriptor(owning: keptSocket)
            try? kept.replay(to: socket.raw)
        }
        var handedOver: Descriptor? = try Descriptor.duplicate(of: ours)
        state.withLock {
            $0.nucleus = nil
            $0.socket = handedOver.take()
        }
        // It may die before it runs, and takes its thread with it.
        let waiting = Waiting(configuration)
        onThread { [self] in
            do {
                guard let configuration = waiting.take() else { return }
                let nucleus = try Nucleus(configuration: configuration)
                state.withLock {
                    $0.nucleus = nucleus
                    $0.running = Running(nucleus)
                }
            } catch {
                print("no new life: \(error)")
            }
        }
    }

    /// Keeps, and follows a death by a new life.
    private func supervise() {
        var seen = 0
        while true {
            let isOver = state.withLock { state in
                do {
                    if let raw = state.socket?.raw { while try kept.handle(raw, wait: false) {} }
                } catch {
                    return true
                }
                return state.isClosing
            }
            if isOver { return }
            if deaths.load(ordering: .acquiring) > seen {
                seen += 1
                // Once more: what was said before the death.
                state.withLock { state in
                    if let raw = state.socket?.raw { while (try? kept.handle(raw, wait: false)) == true {} }
                }
                do { try begin(listener: nil, firstTask: nil) } catch { print("no new life: \(error)") }
            }
            usleep(100)
        }
    }

    /// Another nucleus takes over from one that ends in order, as for a new version.
    func replace() throws {
        guard let (nucleus, running) = state.withLock({ state in state.nucleus.flatMap { one in state.running.map { (one, $0) } } }) else {
            throw Errno.noSuchProcess
        }
        nucleus.stop()
        running.wait()
        try state.withLock { state in
            if let raw = state.socket?.raw { while try kept.handle(raw, wait: false) {} }
        }
        try begin(listener: nil, firstTask: nil)
    }

    /// Ends the node in order and hands out its kernel, and what its journal leads to.
    func close() throws -> (kernel: Kernel, replayed: Kernel) {
        var last: Nucleus?
        while true {
            // It may die once more before it stops: then the next one is told.
            guard let (nucleus, running) = state.withLock({ state in state.nucleus.flatMap { one in state.running.map { (one, $0) } } })
            else {
                usleep(500)
                continue
            }
            nucleus.stop()
            last = nucleus
            if running.isOver { break }
            usleep(500)
        }
        guard let nucleus = last else { throw Errno.noSuchProcess }
        state.withLock { state in
            if let raw = state.socket?.raw { while (try? kept.handle(raw, wait: false)) == true {} }
            state.isClosing = true
        }
        guard let file = try kept.descriptor(KeptKey(.journal)) else { throw Errno.noSuchFileOrDirectory }
        let contents = try Journal(adopting: MemoryFile(file)).contents()
        var replayed = try NodeState(wireBytes: contents.state).kernel
        try replayed.replay(encoded: contents.records)
        try File.unlink(path)
        return (nucleus.kernel, replayed)
    }
}

/// Hands a configuration to the thread that uses it.
private final class Waiting: Sendable {
    private let configuration: Mutex<NucleusConfiguration?>

    init(_ configuration: consuming NucleusConfiguration) { self.configuration = Mutex(configuration) }

    func take() -> NucleusConfiguration? { configuration.withLock { $0.take() } }
}
