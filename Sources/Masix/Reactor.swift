import MasixKernel
import MasixLinux
import MasixTransport
import Synchronization
import SystemPackage

/// The one thread that waits for all `async` callers of a space.
///
/// It takes part in the reception like any other thread: it leads or follows. What it waits for is a list of attempts; each one
/// that has a result resumes its caller.
final class Reactor: Sendable {
    final class Waiter: Sendable {
        let deadline: Deadline
        /// Looks, and if there is nothing and an end is given, resumes its caller with that. True when it has resumed it.
        let attempt: @Sendable (_ end: MasixError?) -> Bool
        let isCancelled = Atomic<Bool>(false)

        init(deadline: Deadline, attempt: @escaping @Sendable (MasixError?) -> Bool) {
            self.deadline = deadline
            self.attempt = attempt
        }
    }

    struct State: ~Copyable {
        var waiters: [Waiter] = []
        var isRunning = false
    }

    private let state = Mutex(State())
    /// Rises with every new waiter and every cancellation: the thread looks at its list again.
    private let changes = Atomic<UInt64>(0)

    func add(_ waiter: Waiter, in space: Space) throws(MasixError) {
        let mustStart = state.withLock { state in
            state.waiters.append(waiter)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        changes.add(1, ordering: .releasing)
        if mustStart {
            do throws(Errno) {
                try DetachedThread.start("masix-reactor") { self.run(space) }
            } catch {
                throw .resourceShortage
            }
        } else {
            space.reception.interrupt()
        }
    }

    func cancel(_ waiter: Waiter, in space: Space) {
        waiter.isCancelled.store(true, ordering: .releasing)
        changes.add(1, ordering: .releasing)
        space.reception.interrupt()
    }

    private func run(_ space: Space) {
        while true {
            let seen = changes.load(ordering: .acquiring)
            let deadline = state.withLock { state in Deadline.earliest(state.waiters.map(\.deadline)) }
            do throws(MasixError) {
                try space.wait(until: deadline, hint: { _ in self.changes.load(ordering: .acquiring) != seen }) {
                    () throws(MasixError) -> Bool in
                    self.tryAll() || self.changes.load(ordering: .acquiring) != seen
                }
                _ = tryAll()
            } catch {
                // The node is gone: everybody is told.
                _ = tryAll(ending: error)
                let isEmpty = state.withLock { state in
                    state.isRunning = !state.waiters.isEmpty
                    return state.waiters.isEmpty
                }
                if isEmpty { return }
            }
        }
    }

    /// Whether any was done with.
    private func tryAll(ending: MasixError? = nil) -> Bool {
        let waiters = state.withLock { $0.waiters }
        let done = waiters.filter { waiter in
            if waiter.isCancelled.load(ordering: .acquiring) { return waiter.attempt(.cancelled) }
            return waiter.attempt(waiter.deadline.isOver ? .timedOut : ending)
        }
        guard !done.isEmpty else { return false }
        state.withLock { state in state.waiters.removeAll { waiter in done.contains { $0 === waiter } } }
        return true
    }
}

extension Space {
    /// Suspends until `attempt` has a result, or throws `.timedOut`, or `.cancelled` when the Swift task is.
    func suspend(until deadline: Deadline, attempt: @escaping @Sendable () throws(MasixError) -> Incoming?) async throws(MasixError)
        -> Incoming
    {
        let box = WaiterBox()
        let result: Result<Parcel, MasixError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = Reactor.Waiter(deadline: deadline) { end in
                    do throws(MasixError) {
                        if let incoming = try attempt() {
                            continuation.resume(returning: .success(Parcel(incoming)))
                            return true
                        }
                    } catch {
                        continuation.resume(returning: .failure(error))
                        return true
                    }
                    guard let end else { return false }
                    continuation.resume(returning: .failure(end))
                    return true
                }
                box.waiter.withLock { $0 = waiter }
                do throws(MasixError) {
                    try reactor.add(waiter, in: self)
                } catch {
                    continuation.resume(returning: .failure(error))
                }
                if box.isCancelled { reactor.cancel(waiter, in: self) }
            }
        } onCancel: {
            box.cancelled.store(true, ordering: .releasing)
            if let waiter = box.waiter.withLock({ $0 }) { reactor.cancel(waiter, in: self) }
        }
        guard let incoming = try result.get().open() else { throw .nodeGone }
        return incoming
    }
}

/// Carries a message from the thread that took it to the one that asked for it.
private final class Parcel: Sendable {
    private let incoming: Mutex<Incoming?>

    init(_ incoming: consuming Incoming) { self.incoming = Mutex(incoming) }

    /// The message, once.
    func open() -> Incoming? { incoming.withLock { $0.take() } }
}

private final class WaiterBox: Sendable {
    let waiter = Mutex<Reactor.Waiter?>(nil)
    let cancelled = Atomic<Bool>(false)
    var isCancelled: Bool { cancelled.load(ordering: .acquiring) }
}

/// Runs what may block on a thread of its own: for the rare send that finds its queue full.
func onOwnThread<Success: Sendable>(_ body: @escaping @Sendable () throws(MasixError) -> Success) async throws(MasixError) -> Success {
    let result: Result<Success, MasixError> = await withCheckedContinuation { continuation in
        do throws(Errno) {
            try DetachedThread.start("masix-send") {
                do throws(MasixError) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        } catch {
            continuation.resume(returning: .failure(.resourceShortage))
        }
    }
    return try result.get()
}
