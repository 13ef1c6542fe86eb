import MasixLinux
import Synchronization
import SystemPackage

/// What several threads have to do together: it may grow while they work, and it is over when nothing is left and nobody works, or when
/// somebody has failed.
final class WorkList<Job: Sendable, Failure: Error>: Sendable {
    private struct State {
        /// Done first: they tell what else there is to do.
        var early: [Job] = []
        var late: [Job] = []
        var working = 0
        var waiting = 0
        var failure: Failure?
    }

    private let state: Mutex<State>
    /// Rises with every change that a waiting thread may wait for; changed under the lock.
    private let changes = FutexWord()

    init(_ first: Job) { state = Mutex(State(early: [first])) }

    /// Why the work has ended early.
    var failure: Failure? { state.withLock { $0.failure } }

    func add(early: [Job] = [], late: [Job] = []) {
        state.withLock { state in
            state.early += early
            state.late += late
            wake(&state, count: early.count + late.count)
        }
    }

    private func wake(_ state: inout State, count: Int) {
        guard state.waiting > 0 else { return }
        changes.set(changes.value &+ 1)
        changes.wake(count: min(count, state.waiting))
    }

    /// Takes jobs and does them until there are none or one fails.
    func work(_ body: (Job) throws(Failure) -> Void) {
        while let job = next() {
            do throws(Failure) {
                try body(job)
                end(nil)
            } catch {
                end(error)
            }
        }
    }

    private enum Found {
        case job(Job)
        case over
        case wait(UInt32)
    }

    private func next() -> Job? {
        while true {
            let found = state.withLock { state -> Found in
                if state.failure != nil { return .over }
                if let job = state.early.popLast() ?? state.late.popLast() {
                    state.working += 1
                    return .job(job)
                }
                if state.working == 0 { return .over }
                state.waiting += 1
                return .wait(changes.value)
            }
            switch found {
            case .job(let job): return job
            case .over: return nil
            case .wait(let seen):
                // Whatever ends the sleep, the list is looked at again.
                _ = try? changes.wait(while: seen, timeoutNanoseconds: nil)
                state.withLock { $0.waiting -= 1 }
            }
        }
    }

    private func end(_ failure: Failure?) {
        state.withLock { state in
            state.working -= 1
            if state.failure == nil { state.failure = failure }
            if state.working == 0 || failure != nil { wake(&state, count: .max) }
        }
    }
}

/// Runs a body on several threads, the calling one included, and returns when all have ended.
func onThreads(_ count: Int, _ name: String, _ body: @escaping @Sendable () -> Void) {
    let running = RunningCount()
    for number in 1..<max(1, count) {
        running.begin()
        do throws(Errno) {
            try DetachedThread.start("\(name)-\(number)") {
                body()
                running.end()
            }
        } catch {
            // One thread less does the work.
            running.end()
        }
    }
    body()
    running.waitForAll()
}

/// How many threads are still at work.
private final class RunningCount: Sendable {
    private let count = Mutex(0)
    private let word = FutexWord()

    func begin() { count.withLock { $0 += 1 } }

    func end() {
        count.withLock { count in
            count -= 1
            word.set(word.value &+ 1)
        }
        word.wake(count: .max)
    }

    func waitForAll() {
        while true {
            let seen = word.value
            if count.withLock({ $0 == 0 }) { return }
            _ = try? word.wait(while: seen, timeoutNanoseconds: nil)
        }
    }
}
