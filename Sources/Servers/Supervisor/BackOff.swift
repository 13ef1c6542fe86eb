/// How long to wait before starting again what has ended: longer each time, until it has proved healthy.
public struct BackOff: Hashable, Sendable {
    /// Milliseconds.
    public static let shortest: UInt64 = 100
    public static let longest: UInt64 = 10_000
    /// Who ran so long is healthy.
    public static let healthy: UInt64 = 30_000

    private var next = Self.shortest

    public init() {}

    /// The wait after an end, of what had run for so many milliseconds.
    public mutating func wait(afterRunning ran: UInt64) -> UInt64 {
        if ran >= Self.healthy { next = Self.shortest }
        defer { next = min(next * 2, Self.longest) }
        return next
    }
}
