import CLinux

/// The machine's clocks.
public enum Clock {
    /// Nanoseconds since some start of this boot; never goes back (CLOCK_MONOTONIC).
    public static func monotonicNanoseconds() -> UInt64 {
        if let schedule = ScheduledThread.current { return schedule.nanoseconds() }
        return masix_monotonic_nanoseconds()
    }

    /// Milliseconds since 1970, UTC: for people. May jump.
    public static func wallMilliseconds() -> Int64 { masix_wall_milliseconds() }

    /// The time `nanoseconds` from now; nil if it is too far away to be told from never.
    static func deadline(after nanoseconds: UInt64) -> UInt64? {
        let (deadline, overflow) = monotonicNanoseconds().addingReportingOverflow(nanoseconds)
        return overflow || deadline > UInt64(Int64.max) ? nil : deadline
    }
}
