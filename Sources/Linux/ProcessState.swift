import CLinux

/// What a process has one of, and a forked child begins anew: under a lock that the child finds open, whoever had it at the fork. There is one
/// such lock for all of them: not for what takes long.
public final class ProcessState<Value: Sendable>: @unchecked Sendable {
    // Touched under the lock alone.
    private var value: Value?

    public init() {}

    public func withLock<Result, Failure: Error>(_ body: (inout Value?) throws(Failure) -> Result) throws(Failure) -> Result {
        masix_lock_process()
        defer { masix_unlock_process() }
        return try body(&value)
    }
}
