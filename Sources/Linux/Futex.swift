import CLinux
public import Synchronization
public import SystemPackage

/// Sleeping on a word of memory until somebody changes it and wakes.
public enum Futex {
    public enum Outcome: Sendable, Equatable {
        /// Woken, or for no reason: look at the word again.
        case woken
        /// The word was not `expected`.
        case changed
        case timedOut
    }

    /// Sleeps while `word` is `expected`, until a wake. Nil waits for ever. `shared` for words in memory of several processes.
    ///
    /// The word must stay mapped over the call. Passes a fault point: not for spin paths, which do not sleep.
    public static func wait(
        on word: UnsafeMutablePointer<UInt32>, expected: UInt32, timeoutNanoseconds: UInt64?, shared: Bool,
        isInterruptible: Bool = false
    ) throws(Errno) -> Outcome {
        let deadline = timeoutNanoseconds.flatMap { Clock.deadline(after: $0) }.map { Int64($0) } ?? -1
        do {
            // Linux only reads the word, atomically; the caller keeps it mapped.
            _ = try systemCall(.futexWait, retryingInterrupts: !isInterruptible) {
                unsafe masix_futex_wait(word, expected, deadline, shared ? 0 : 1)
            }
            return .woken
        } catch {
            if error.meansWouldBlock { return .changed }
            guard error == .timedOut else { throw error }
            return .timedOut
        }
    }

    public static func wait(
        on word: UnsafeMutablePointer<Atomic<UInt32>>, expected: UInt32, timeoutNanoseconds: UInt64?, shared: Bool,
        isInterruptible: Bool = false
    ) throws(Errno) -> Outcome {
        // An Atomic<UInt32> is laid out as its UInt32.
        try unsafe wait(
            on: UnsafeMutableRawPointer(word).assumingMemoryBound(to: UInt32.self), expected: expected,
            timeoutNanoseconds: timeoutNanoseconds,
            shared: shared, isInterruptible: isInterruptible)
    }

    /// Wakes up to `count` sleepers; answers how many. Cannot fail on a mapped, aligned word.
    @discardableResult
    public static func wake(_ word: UnsafeMutablePointer<UInt32>, count: Int = 1, shared: Bool) -> Int {
        // Linux only uses the address.
        let woken = unsafe masix_futex_wake(word, Int32(clamping: count), shared ? 0 : 1)
        precondition(woken >= 0, "a futex word is mapped and aligned")
        return woken
    }

    @discardableResult
    public static func wake(_ word: UnsafeMutablePointer<Atomic<UInt32>>, count: Int = 1, shared: Bool) -> Int {
        // An Atomic<UInt32> is laid out as its UInt32.
        unsafe wake(UnsafeMutableRawPointer(word).assumingMemoryBound(to: UInt32.self), count: count, shared: shared)
    }
}
