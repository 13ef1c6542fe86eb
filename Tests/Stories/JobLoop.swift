import MasixLinux
import Synchronization

/// Runs the jobs of Swift tasks on the one thread that waits for them.
final class JobLoop: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    /// Rises with every job.
    private let changes = FutexWord()
    private let done: FutexWord

    init(until done: FutexWord) { self.done = done }

    func enqueue(_ job: consuming ExecutorJob) {
        // Run exactly once, by `run`.
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        changes.set(changes.value &+ 1)
        changes.wake()
    }

    func run() throws {
        while done.value == 0 {
            let seen = changes.value
            if let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
                // The loop lives as long as the caller waits in it.
                unsafe job.runSynchronously(on: asUnownedTaskExecutor())
            } else if done.value == 0 {
                _ = try changes.wait(while: seen, timeoutNanoseconds: nil)
            }
        }
    }
}
