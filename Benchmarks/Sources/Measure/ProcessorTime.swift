import Glibc

/// Processor time of this process so far, user and system, in nanoseconds.
public func processorTime() -> UInt64 {
    var time = timespec()
    // Linux fills the struct over the call.
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
