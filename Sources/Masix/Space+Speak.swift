package import MasixKernel
import MasixTransport
import Synchronization

// What only the node's chief, its network server, does: it brings the words of tasks of other nodes, and waits for nobody.

extension Space {
    /// The node's chief from now on. For the node's first task alone.
    package func setChief(_ task: TaskID) throws(MasixError) {
        try connection.withCore { core throws(MasixError) in _ = try core.demand(.setChief(task)) }
    }

    /// The reply right of a message that is not a call of this task.
    package enum ReplyRight: Sendable {
        case none
        case dead
        /// A send-once right to this port of ours, made for the message.
        case once(PortID)
        /// A send right to this port of ours, made for the message.
        case made(PortID)
        /// A copy of the send right that we hold to this port.
        case copied(PortID)
        /// A send-once right of ours, which goes with the message.
        case moved(SendOnceID)

        /// There is one, and it was alive.
        package var isAlive: Bool {
            switch self {
            case .none, .dead: false
            case .once, .made, .copied, .moved: true
            }
        }

        fileprivate var transfer: Transfer {
            switch self {
            case .none: .null
            case .dead: .dead
            case .once(let port): .makeSendOnce(port)
            case .made(let port): .makeSend(port)
            case .copied(let port): .copySend(port)
            case .moved(let right): .moveSendOnce(right)
            }
        }
    }

    /// Sends by the nucleus, in the name of a task of another node if there is a `speaker`, and without waiting: false if the queue is
    /// full, and then the message is left as it was.
    package func speak(
        _ message: inout Message, to right: borrowing SendRight, reply: ReplyRight = .none, as speaker: Speaker?
    ) throws(MasixError) -> Bool {
        do throws(MasixError) {
            try speak(&message, to: right, reply, speaker, until: .now)
            return true
        } catch .timedOut {
            return false
        }
    }

    /// The same, waiting until there is room.
    package func speakWaiting(
        _ message: inout Message, to right: borrowing SendRight, reply: ReplyRight = .none, as speaker: Speaker?
    ) throws(MasixError) {
        try speak(&message, to: right, reply, speaker, until: Deadline(nil))
    }

    private func speak(
        _ message: inout Message, to right: borrowing SendRight, _ reply: ReplyRight, _ speaker: Speaker?, until deadline: Deadline
    ) throws(MasixError) {
        try message.check()
        try sendByNucleus(
            &message, destination: .send(right.reference.entry), reply: reply.transfer, deadline: deadline, speaker: speaker)
    }

    /// Uses a send-once right, which never waits.
    package func speak(
        _ message: inout Message, to right: consuming SendOnceRight, reply: ReplyRight = .none, as speaker: Speaker?
    ) throws(MasixError) {
        let state = right.kept()
        if case .none = reply { return try self.reply(&message, with: state, as: speaker) }
        try message.check()
        // Whose owner has gone: the message vanishes (spec/mach.md S4).
        guard let id = try kernelRight(of: state) else { return }
        do throws(MasixError) {
            try sendByNucleus(&message, destination: .sendOnce(id), reply: reply.transfer, deadline: .now, speaker: speaker)
            _ = state.take()
        } catch .deadName {
            return
        }
    }

    /// The same right as the reply right of a message; it is the message's from then on. `.dead` if its receiver has gone.
    package func replyRight(_ right: consuming SendOnceRight) throws(MasixError) -> ReplyRight {
        let state = right.kept()
        guard let id = try kernelRight(of: state) else { return .dead }
        _ = state.take()
        return .moved(id)
    }

    /// The queue limit of a port that we hold a send right to. For the node's chief alone.
    package func queueLimit(of right: borrowing SendRight) throws(MasixError) -> UInt32 {
        let port = right.port
        return try connection.withCore { core throws(MasixError) -> UInt32 in
            guard case .status(let status) = try core.demand(.status(port)).response else { throw .portDied }
            return status.queueLimit
        }
    }

    /// Whether messages that we have sent have been received since `takeReceipts`.
    package var hasReceipts: Bool { control.receipts.acquired != 0 }

    /// How many messages of ours have been received from which ports.
    package func takeReceipts() throws(MasixError) -> [Receipt] {
        try connection.withCore { core throws(MasixError) -> [Receipt] in
            guard case .receipts(let receipts) = try core.demand(.receipts).response else { throw .nodeGone }
            return receipts
        }
    }

    /// So many messages that were received from this proxy have been received where they went.
    package func giveRoom(_ count: UInt32, in proxy: PortID) throws(MasixError) {
        let entry = try connection.withCore { core throws(MasixError) in core.receives[proxy] }
        guard let left = entry?.keptRoom?.give(count), left > 0 else { return }
        try connection.withCore { core throws(MasixError) in _ = try core.demand(.giveRoom(proxy, left)) }
    }
}

extension ReceiveRight {
    /// What is received from this port keeps its room until `Space.giveRoom`. For the node's chief alone.
    ///
    /// As every port that the chief names to the nucleus by its id alone, it leaves the library at once.
    package func keepRoom() throws(MasixError) {
        try leave()
        let entry = holder.entry
        try holder.space.connection.withCore { core throws(MasixError) in _ = try core.demand(.keepRoom(entry.port)) }
        entry.keepRoom()
    }

    /// The nucleus knows the port from here on (architecture rule 2).
    package func leave() throws(MasixError) { try holder.space.leave(holder.entry) }
}
