/// A time by `CLOCK_BOOTTIME` of one node: it does not jump, and it goes on while the machine sleeps. Times of two nodes are never compared
/// (spec/security.md 2.4).
public struct BootTime: Hashable, Comparable, Sendable {
    public let nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static func < (left: BootTime, right: BootTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Later by so much; the end of time if that is beyond it.
    public func later(seconds: UInt64) -> BootTime {
        let (span, isTooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isTooLate) = nanoseconds.addingReportingOverflow(span)
        return BootTime(nanoseconds: isTooLong || isTooLate ? .max : sum)
    }
}

/// Seconds since 1970, by which administrators say how long files count. Nodes' calendars need agree no better than to minutes.
public struct WallTime: Hashable, Comparable, Sendable {
    public let seconds: UInt64

    public init(seconds: UInt64) { self.seconds = seconds }

    public static func < (left: WallTime, right: WallTime) -> Bool { left.seconds < right.seconds }
}
