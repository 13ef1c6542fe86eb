/// One defence taken away, in the simulator's own shell: a simulation that does not notice is not worth its name.
public enum Mutation: String, Sendable, CaseIterable {
    /// A closed lease's frames are left in their slots.
    case harvestSkipped = "harvest-skipped"
    /// Closing a lease leaves the receiver's take word open.
    case takeWordOpen = "take-word-open"
    /// Closing a lease leaves the sender's commit word open.
    case commitWordOpen = "commit-word-open"
    /// The sender stores the commit word without comparing.
    case commitWithoutExchange = "commit-without-exchange"
    /// The receiver stores the take word without comparing.
    case takeWithoutExchange = "take-without-exchange"
    /// The receiver takes frames before the home messages that they come after.
    case framesOvertakeHome = "frames-overtake-home"
    /// A message by the nucleus closes no lease of its sender.
    case sendKeepsLease = "send-keeps-lease"
    /// Slots that the receiver may still be reading are lent again.
    case slotsLentEarly = "slots-lent-early"
    /// The receiver publishes a slot as free before it has copied the frame.
    case publishBeforeCopy = "publish-before-copy"
    /// The sender announces a frame before it is committed.
    case announceBeforeCommit = "announce-before-commit"
    /// The sender writes a frame after committing it.
    case commitBeforeWrite = "commit-before-write"
    /// The sender never looks whether a slot is free.
    case roomUnchecked = "room-unchecked"
    /// The leader blocks without a last look.
    case lastLookSkipped = "last-look-skipped"
    /// The leader's last look overlooks what another thread has filed since its attempt.
    case filedUnseen = "filed-unseen"
    /// Who takes the home message that frames have waited for tells nobody. (Telling only those who wait already is noticed too, but
    /// seldom: by one seed in some thousands.)
    case interruptUnheard = "interrupt-unheard"
    /// A new sleep keeps the number of the last one, for which the peers have rung.
    case sleepNumberKept = "sleep-number-kept"
    /// A new wait for room keeps the number of the last one.
    case waitNumberKept = "wait-number-kept"
    /// The leader says that it sleeps after its last look: what the lack of its fence allows.
    case sleeperFenceMissing = "sleeper-fence-missing"
    /// The sender looks whether it must ring before it announces: what the lack of its fence allows.
    case ringerFenceMissing = "ringer-fence-missing"
    /// The bell is read after the attempt instead of before it.
    case bellReadLate = "bell-read-late"
    /// Whoever reads the bell anew tells nobody.
    case ringUntold = "ring-untold"
    /// The nucleus wakes before it marks.
    case wakeBeforeMark = "wake-before-mark"
    /// A thread that leaves does not hand the lead over.
    case handoverSkipped = "handover-skipped"
    /// The receiver does not ring a sender that waits for room.
    case roomRingSkipped = "room-ring-skipped"
    /// The commit word of a new lease opens before its take word.
    case grantSenderFirst = "grant-sender-first"
    /// The reply word is armed after the commit.
    case replyArmedLate = "reply-armed-late"
    /// The calls that a closed lease has counted are not marked.
    case countedMarkSkipped = "counted-mark-skipped"
    /// The callee answers by the link without comparing its word.
    case useWithoutExchange = "use-without-exchange"
    /// The caller takes an answer without comparing its word.
    case answerWithoutExchange = "answer-without-exchange"
    /// A caller that gives up keeps using the same reply port without ending the call's word.
    case abandonSkipped = "abandon-skipped"
    /// An entry of control memory keeps the dead mark of whoever had it before.
    case markKept = "mark-kept"
    /// The journal forgets what was observed.
    case observationForgotten = "observation-forgotten"
    /// A restarted nucleus does not repeat the actions of its last event.
    case actionsNotRepeated = "actions-not-repeated"
}

extension Mutation {
    /// The first seed that notices the loss, and how; nil if none of them does.
    public func caught(within seeds: Range<UInt64>, steps: Int = 600) -> (seed: UInt64, failure: String)? {
        for seed in seeds {
            var plan = SimulationPlan(seed: seed, steps: steps, mode: .random, mutation: self)
            plan.manner = manner
            if let failure = Simulation.run(plan).failure { return (seed, failure) }
        }
        return nil
    }
}

extension Mutation {
    /// The programs among which the loss can be noticed at all; nil: any.
    private var manner: Manner? {
        switch self {
        case .filedUnseen, .interruptUnheard, .ringUntold, .handoverSkipped: .companions
        default: nil
        }
    }

    /// Within so many seeds each loss must have been noticed.
    public static let seedsMax: UInt64 = 2_000
}
