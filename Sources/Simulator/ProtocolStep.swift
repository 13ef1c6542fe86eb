/// Where a thread stands in the lease, reply and sleep protocols: between this step and the next.
public enum ProtocolStep: String, Sendable, CaseIterable, Comparable {
    case leaseRead = "send: lease read"
    case roomSeen = "send: room seen"
    case replyArmed = "send: reply word armed"
    case frameWritten = "send: frame written"
    case committed = "send: committed"
    case announced = "send: announced"
    case ringDecided = "send: ring decided"
    case roomAwaited = "send: room awaited"
    case announcementFiled = "receive: announcement filed"
    case heldBack = "receive: held back"
    case frameSeen = "receive: frame seen"
    case taken = "receive: taken"
    case copied = "receive: copied"
    case published = "receive: published"
    case rightUnarmed = "receive: reply right not yet armed"
    case answerAwaited = "call: answer awaited"
    case answerTaken = "call: answer taken"
    case rightHeld = "answer: right looked at"
    case answerWritten = "answer: written"
    case answerUsed = "answer: used"
    case answerAnnounced = "answer: announced"
    case claiming = "answer: claiming the right"
    case triedInVain = "sleep: tried in vain"
    case newsSeen = "sleep: news seen"
    case asleepSet = "sleep: flag set"
    case lookedLast = "sleep: last look done"
    case blocked = "sleep: in the pipe"
    case awake = "sleep: woken"
    case leadLeft = "sleep: lead left"

    /// Where a link's end has a call to settle.
    static let ofCalls: Set<ProtocolStep> = [
        .replyArmed, .frameWritten, .committed, .taken, .copied, .published, .rightUnarmed, .answerAwaited, .answerTaken, .rightHeld,
        .answerWritten, .answerUsed, .answerAnnounced, .claiming,
    ]

    /// Steps that are seldom come to.
    static let seldom: Set<ProtocolStep> = [.heldBack, .newsSeen, .taken, .rightHeld, .answerWritten, .answerUsed, .answerTaken, .claiming]

    /// Where threads of one task that wait beside each other may miss what concerns them.
    static let ofCompany: [ProtocolStep] = [.triedInVain, .heldBack, .newsSeen, .leadLeft, .asleepSet, .lookedLast]

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
