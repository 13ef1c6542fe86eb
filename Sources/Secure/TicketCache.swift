/// The tickets that were used, until they expire: each serves once. It is bounded, and when it is full nothing more is taken
/// (spec/security.md 2.4).
public struct TicketCache: Sendable {
    private var used: [TicketNumber: BootTime] = [:]
    /// No later than the first of them expires.
    private var earliest = BootTime(nanoseconds: .max)
    private let countMax: Int

    public static let countMax = 4_096

    public init(countMax: Int = TicketCache.countMax) { self.countMax = countMax }

    public var count: Int { used.count }

    /// Writes the ticket down as used. Throws if it was used before, if it has expired, or if there is no room.
    public mutating func use(_ number: TicketNumber, expires: BootTime, at now: BootTime) throws(SecurityRefusal) {
        guard now < expires else { throw SecurityRefusal(.expired, "a ticket that has expired") }
        guard used[number] == nil else { throw SecurityRefusal(.replayed, "a ticket that was used before") }
        if used.count >= countMax { forget(at: now) }
        guard used.count < countMax else { throw SecurityRefusal(.full, "\(countMax) tickets were used and have not expired") }
        used[number] = expires
        earliest = min(earliest, expires)
    }

    /// Forgets the tickets that nobody can use any more.
    private mutating func forget(at now: BootTime) {
        guard earliest <= now else { return }
        used = used.filter { $0.value > now }
        earliest = used.values.min() ?? BootTime(nanoseconds: .max)
    }
}
