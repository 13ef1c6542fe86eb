import MasixKernel
import MasixLinux

/// Closes leases by chance, for tests (architecture rule 1).
struct Revocation {
    private let plan: RevocationPlan
    private var chance: Chance
    private var due: UInt64

    init(_ plan: RevocationPlan) {
        self.plan = plan
        chance = Chance(seed: plan.seed)
        due = Clock.monotonicNanoseconds()
    }

    /// How long the loop may wait; nil for ever.
    func pauseMilliseconds() -> Int? {
        guard plan.pauseMillisecondsMax > 0 else { return nil }
        let now = Clock.monotonicNanoseconds()
        return due <= now ? 0 : Int((due - now) / 1_000_000) + 1
    }

    mutating func isDue() -> Bool {
        guard plan.pauseMillisecondsMax > 0, due <= Clock.monotonicNanoseconds() else { return false }
        due = Clock.monotonicNanoseconds() + UInt64.random(in: 0...UInt64(plan.pauseMillisecondsMax) * 1_000_000, using: &chance)
        return true
    }

    mutating func happens() -> Bool { chance.happens(plan.probability) }

    /// All ports, or one of these.
    mutating func choice(_ ports: [PortID]) -> PortID?? {
        chance.happens(0.25) ? .some(nil) : .some(ports.randomElement(using: &chance))
    }
}

extension Nucleus {
    /// Between events.
    func revokeByChance() {
        guard revocation?.happens() == true, let event = revocationEvent() else { return }
        handle(event, nil) {}
    }

    func revokeAtRandom() {
        if let event = revocationEvent() { submit(event) }
    }

    private func revocationEvent() -> Event? {
        let leased = kernel.leasedPorts
        guard !leased.isEmpty, let port = revocation?.choice(leased) else { return nil }
        return .revoke(port)
    }
}
