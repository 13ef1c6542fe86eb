/// How often somebody may ask: so many at once, and so many a second after that.
public struct TokenBucket: Hashable, Sendable {
    private let capacity: UInt64
    private let nanosecondsPerToken: UInt64
    private var tokens: UInt64
    private var counted: BootTime

    /// Full at first. `perSecond` is 1 to 1,000,000,000.
    public init(capacity: UInt64, perSecond: UInt64, at now: BootTime) {
        self.capacity = max(1, capacity)
        nanosecondsPerToken = 1_000_000_000 / min(max(1, perSecond), 1_000_000_000)
        tokens = self.capacity
        counted = now
    }

    /// Takes one; false if there is none.
    public mutating func take(at now: BootTime) -> Bool {
        if now > counted {
            let fresh = (now.nanoseconds - counted.nanoseconds) / nanosecondsPerToken
            if fresh >= capacity - tokens {
                (tokens, counted) = (capacity, now)
            } else {
                tokens += fresh
                counted = BootTime(nanoseconds: counted.nanoseconds + fresh * nanosecondsPerToken)
            }
        }
        guard tokens > 0 else { return false }
        tokens -= 1
        return true
    }
}
