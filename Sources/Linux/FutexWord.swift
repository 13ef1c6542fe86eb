import Synchronization
public import SystemPackage

/// A word of this process that threads wait on: the owner of its memory, so that nobody handles a pointer.
@safe
public final class FutexWord: @unchecked Sendable {
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    public init(_ value: UInt32 = 0) {
        unsafe word = .allocate(capacity: 1)
        unsafe word.initialize(to: Atomic(value))
    }

    deinit {
        unsafe word.deinitialize(count: 1)
        unsafe word.deallocate()
    }

    public var value: UInt32 { unsafe word.pointee.load(ordering: .acquiring) }

    public func set(_ value: UInt32) { unsafe word.pointee.store(value, ordering: .releasing) }

    /// Returns at once if the value is no longer `expected`; may return for no reason. False after the time is over.
    ///
    /// `.interrupted` for a caught signal, if it is to be told.
    public func wait(while expected: UInt32, timeoutNanoseconds: UInt64?, isInterruptible: Bool = false) throws(Errno) -> Bool {
        guard let schedule = ScheduledThread.current else {
            return try waitInLinux(while: expected, timeoutNanoseconds: timeoutNanoseconds, isInterruptible: isInterruptible)
        }
        let deadline = timeoutNanoseconds.flatMap { Clock.deadline(after: $0) }
        schedule.wait(for: .change(of: self, from: expected), until: deadline)
        return value != expected || deadline.map { schedule.nanoseconds() < $0 } ?? true
    }

    /// The same whoever schedules the calling thread: it is what a schedule stops its threads with.
    package func waitInLinux(while expected: UInt32, timeoutNanoseconds: UInt64?, isInterruptible: Bool = false) throws(Errno) -> Bool {
        // The word lives as long as this object, which the caller holds.
        try unsafe Futex.wait(
            on: word, expected: expected, timeoutNanoseconds: timeoutNanoseconds, shared: false, isInterruptible: isInterruptible)
            != .timedOut
    }

    public func wake(count: Int = 1) {
        _ = unsafe Futex.wake(word, count: count, shared: false)
    }
}
