import DequeModule

/// A port: its home queue, its counts, and who waits for what.
struct Port: Hashable, Sendable {
    let id: PortID
    /// Where the receive right is.
    var receiver: Receiver
    var queueLimit: Int
    var makeSendCount: UInt32 = 0

    /// Tasks with a send right in their space.
    var senders: Set<TaskID> = []
    /// Send rights in messages, the destination rights of queued ones included (N4).
    var sendsInTransit = 0
    /// Send-once rights, wherever they are.
    var sendOnces: Set<SendOnceID> = []

    /// The home queue.
    var queue: Deque<Message> = []
    /// Sent, not accepted: each waits for room, first come first served (O2).
    var blocked: Deque<BlockedSend> = []
    var leases: Set<LeaseID> = []
    /// The windows of those leases together.
    var leased = 0
    /// Who has sent here by the nucleus and may be given a lease.
    var candidates: Set<TaskID> = []
    /// Those of them to look at when there is credit: nothing of theirs is queued, and they have no lease. Who waits for its link
    /// to be mapped is not among them, so that a message costs the same however many there are.
    var applicants: Set<TaskID> = []
    /// Messages of each task in the home queue that came by a send right: no lease while there are any (architecture rule 7).
    var queuedFrom: [TaskID: Int] = [:]

    var noSenders: SendOnceID?
    var portDestroyed: SendOnceID?
    var deadNames: [TaskID: SendOnceID] = [:]

    enum Receiver: Hashable, Sendable {
        case task(TaskID)
        /// In the message with this number.
        case transit(MessageID)
    }

    struct BlockedSend: Hashable, Sendable {
        let ticket: Ticket
        let completion: UInt16
        let message: Message
    }

    var sendRights: Int { senders.count + sendsInTransit }
}
