/// How long it is worth to spin before sleeping: a wake-up costs about 25 us, so waits that end within twice that are worth it,
/// and a partner that thinks longer is not waited for awake.
struct SpinBudget: Sendable {
    static let nanosecondsMax: UInt64 = 50_000
    static let nanosecondsMin: UInt64 = 1_000

    private(set) var nanoseconds: UInt64 = nanosecondsMax

    /// A wait that ended in sleep took this long.
    mutating func learn(waited: UInt64) {
        if waited < 2 * Self.nanosecondsMax {
            nanoseconds = min(Self.nanosecondsMax, nanoseconds * 2 + Self.nanosecondsMin)
        } else {
            nanoseconds = nanoseconds / 2 < Self.nanosecondsMin ? Self.nanosecondsMin : nanoseconds / 2
        }
    }
}
