import Dispatch
import Glibc
import MasixLinux
import NIOCore
import Synchronization

/// An event loop that is a scheduled thread: it sleeps where the machine sees it, and its time is the machine's.
///
/// It has no channels. Whoever serves by it runs what is due, and waits for `wakeUps` beside whatever else it waits for.
final class ScheduledLoop: EventLoop {
    private struct Timer {
        let number: UInt64
        let due: UInt64
        let run: @Sendable () -> Void
    }

    private struct State {
        var thread: pthread_t?
        var tasks: [@Sendable () -> Void] = []
        var timers: [Timer] = []
        var lastTimer: UInt64 = 0
    }

    private let state = Mutex(State())
    /// Readable when another thread has something for the loop.
    let wakeUps: Counter

    final class Counter: Sendable {
        let counter: EventCounter
        init() throws { counter = try EventCounter() }
    }

    init() throws { wakeUps = try Counter() }

    /// The calling thread is the loop.
    func adopt() { state.withLock { $0.thread = pthread_self() } }

    func wake() {
        // A counter that cannot be added to is full, and readable.
        try? wakeUps.counter.add()
    }

    /// Runs what is due; the loop's thread calls it.
    func runDue() {
        let tasks = state.withLock { state in
            defer { state.tasks = [] }
            return state.tasks
        }
        for task in tasks { task() }
        let now = Clock.monotonicNanoseconds()
        while let timer = takeTimer(due: now) { timer.run() }
    }

    private func takeTimer(due now: UInt64) -> Timer? {
        state.withLock { state in
            guard let first = state.timers.min(by: { ($0.due, $0.number) < ($1.due, $1.number) }), first.due <= now else { return nil }
            state.timers.removeAll { $0.number == first.number }
            return first
        }
    }

    /// When something is to be run next; nil: nothing waits.
    var nextDue: UInt64? {
        state.withLock { state in state.tasks.isEmpty ? state.timers.map(\.due).min() : 0 }
    }

    // MARK: EventLoop

    var inEventLoop: Bool { state.withLock { $0.thread } == pthread_self() }

    var now: NIODeadline { .uptimeNanoseconds(Clock.monotonicNanoseconds()) }

    func execute(_ task: @escaping @Sendable () -> Void) {
        state.withLock { $0.tasks.append(task) }
        if !inEventLoop { wake() }
    }

    func submit<T>(_ task: @escaping @Sendable () throws -> T) -> EventLoopFuture<T> {
        let promise = makePromise(of: T.self)
        execute { promise.assumeIsolated().completeWith(Result { try task() }) }
        return promise.futureResult
    }

    func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        let promise = makePromise(of: T.self)
        let due = deadline.uptimeNanoseconds
        let number = state.withLock { state in
            state.lastTimer += 1
            state.timers.append(
                Timer(number: state.lastTimer, due: due) { promise.assumeIsolated().completeWith(Result { try task() }) })
            return state.lastTimer
        }
        if !inEventLoop { wake() }
        return Scheduled(promise: promise) { [weak self] in
            self?.state.withLock { state in state.timers.removeAll { $0.number == number } }
        }
    }

    func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        scheduleTask(deadline: now + delay, task)
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) { callback(nil) }
}
