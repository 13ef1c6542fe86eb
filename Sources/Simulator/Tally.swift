/// What a run of simulations has met.
public struct Tally: Sendable {
    public var seeds = 0
    public var steps = 0
    public var events = 0
    public var messagesByLink = 0
    public var messagesByNucleus = 0
    public var answersByLink = 0
    public var answersByNucleus = 0
    public var notifications = 0
    public var calls = 0
    public var sleeps = 0
    public var kills = 0
    public var stops = 0
    public var nucleusKills = 0
    public var replays = 0
    public var revocations = 0
    public var harvested = 0
    public var linkFaults = 0
    /// Leases closed by a revocation while a thread stood at this step on the lease's port.
    public var revocationsAtStep: [ProtocolStep: Int] = [:]

    public init() {}

    public mutating func add(_ other: Tally) {
        seeds += other.seeds
        steps += other.steps
        events += other.events
        messagesByLink += other.messagesByLink
        messagesByNucleus += other.messagesByNucleus
        answersByLink += other.answersByLink
        answersByNucleus += other.answersByNucleus
        notifications += other.notifications
        calls += other.calls
        sleeps += other.sleeps
        kills += other.kills
        stops += other.stops
        nucleusKills += other.nucleusKills
        replays += other.replays
        revocations += other.revocations
        harvested += other.harvested
        linkFaults += other.linkFaults
        revocationsAtStep.merge(other.revocationsAtStep, uniquingKeysWith: +)
    }

    /// Steps at which no lease was ever revoked.
    public var stepsNeverHit: [ProtocolStep] { ProtocolStep.allCases.filter { revocationsAtStep[$0, default: 0] == 0 } }
}
