import Glibc
import Synchronization
package import SystemPackage

/// What decides, in the place of Linux, when threads run and what time it is: a simulation, of whose threads one runs at a time.
///
/// Nothing but the calls that wait, ask the time or start a thread pass here; all others are Linux's own also in a simulation. A thread
/// that belongs to none pays one load for each.
package protocol Schedule: AnyObject, Sendable {
    /// The monotonic time there. Asking may let it pass.
    func nanoseconds() -> UInt64
    /// Lets the others run until what is awaited is there or the deadline, in the time there, is over. May return for no reason.
    func wait(for awaited: Awaited, until deadline: UInt64?)
    /// A thread that is scheduled beside the calling one, and belongs to the same task.
    func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(Errno)
}

/// What a scheduled thread can wait for.
package enum Awaited: Sendable {
    /// The word has another value.
    case change(of: FutexWord, from: UInt32)
    /// One of these is ready.
    case readiness([Ready.Request])
    /// The socket's other side answers, which it does without waiting for anybody. The thread has locks meanwhile.
    case answer(Int32)
}

/// Which threads of this process are scheduled, and by what.
package enum ScheduledThread {
    private final class Holder {
        let schedule: any Schedule
        init(_ schedule: any Schedule) { self.schedule = schedule }
    }

    private static let threads = Atomic<Int>(0)
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let failure = unsafe pthread_key_create(&key, nil)
        precondition(failure == 0, "a process has few keys")
        return key
    }()

    /// What schedules the calling thread; nil: Linux does.
    @inline(__always)
    package static var current: (any Schedule)? { threads.load(ordering: .relaxed) == 0 ? nil : find() }

    @inline(never)
    private static func find() -> (any Schedule)? {
        // Set by `run`, which keeps the holder for as long as it is.
        guard let holder = unsafe pthread_getspecific(key) else { return nil }
        return unsafe Unmanaged<Holder>.fromOpaque(holder).takeUnretainedValue().schedule
    }

    /// Runs `body` as a thread that is scheduled.
    package static func run(by schedule: any Schedule, _ body: () -> Void) {
        let holder = Holder(schedule)
        threads.add(1, ordering: .relaxed)
        withExtendedLifetime(holder) {
            // Taken back before the holder goes.
            unsafe pthread_setspecific(key, Unmanaged.passUnretained(holder).toOpaque())
            body()
            pthread_setspecific(key, nil)
        }
        threads.subtract(1, ordering: .relaxed)
    }
}
