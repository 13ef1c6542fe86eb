import CLinux
import Glibc
public import SystemPackage

/// Threads of this process that nobody joins.
public enum DetachedThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread with a name of at most 15 bytes, which runs `body` to its end. It takes no signals: those are the
    /// program's own affair.
    public static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        if let schedule = ScheduledThread.current { return try schedule.start(name, body) }
        try startInLinux(name, body)
    }

    /// The same whoever schedules the calling thread.
    package static func startInLinux(_ name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
        let work = Body {
            rename(name)
            body()
        }
        let boxed = unsafe Unmanaged.passRetained(work)
        var all = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { unsafe _ = pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        // The box is retained for the thread, which releases it.
        let failure = unsafe pthread_create(
            &thread, nil,
            { argument in
                guard let argument = unsafe argument else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
                body.run()
                return nil
            }, boxed.toOpaque())
        guard failure == 0 else {
            unsafe boxed.release()
            throw Errno(rawValue: failure)
        }
        pthread_detach(thread)
    }

    /// The calling thread's name, for people who look at the process.
    private static func rename(_ name: String) {
        // The C string lives over the call; longer names are cut by Linux.
        _ = unsafe name.withCString { masix_prctl(PR_SET_NAME, UInt(bitPattern: $0)) }
    }
}
