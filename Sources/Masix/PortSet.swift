import DequeModule
public import MasixKernel
import MasixTransport
import Synchronization

/// Several ports to receive from at once (spec/mach.md 1.7).
///
/// A set owns the receive rights of its members. Members with messages take turns, so that none starves. A set can be
/// received from while it is empty, and members may come and go meanwhile.
public final class PortSet: Sendable {
    let space: Space
    let members = Mutex(SetMembers())

    init(space: Space) { self.space = space }

    /// Puts a port into the set; its receive right belongs to the set until it is taken out.
    @discardableResult
    public func insert(_ right: consuming ReceiveRight) -> PortID {
        let holder = right.holder
        members.withLock { $0.insert(holder) }
        // Whoever waits on the set looks again, the leader in its pipe too: the port may have messages.
        space.reception.interruptOthers()
        return holder.entry.shownPort
    }

    /// Makes so many ports, as `Space.makePort` does, and puts them in; with one word to the nucleus for all. At most
    /// `Limits.requestsTogetherMax`; fewer if the quota allows no more, and `.noSpace` if it allows none.
    public func makePorts(_ count: Int, queueLimit: Int = 64) throws(MasixError) -> [PortID] {
        guard (0...Limits.queueMessagesMax).contains(queueLimit), (0...Limits.requestsTogetherMax).contains(count) else {
            throw .invalidValue
        }
        guard count > 0 else { return [] }
        let holders = try space.makeEntries(count, queueLimit: UInt32(queueLimit)).map { ReceiveHolder(space: space, entry: $0) }
        members.withLock { members in for holder in holders { members.insert(holder) } }
        space.reception.interruptOthers()
        return holders.map(\.entry.port)
    }

    /// Destroys members, as taking them out and letting them go does, but with one word to the nucleus for all. What is no member is not
    /// looked at.
    public func destroy(_ ports: [PortID]) {
        let holders = members.withLock { members in ports.compactMap { members.remove($0) } }
        for holder in holders { holder.give() }
        space.destroy(holders.map(\.entry))
    }

    func holder(of port: PortID) throws(MasixError) -> ReceiveHolder {
        guard let holder = members.withLock({ $0[port] }) else { throw .invalidRight }
        return holder
    }

    /// Takes a port out; nil if it is not a member.
    public func remove(_ port: PortID) -> ReceiveRight? {
        let holder = members.withLock { $0.remove(port) }
        return holder.map { ReceiveRight($0) }
    }

    /// The members, as of now, in the order of their ids.
    public var ports: [PortID] { members.withLock { $0.entries }.map(\.shownPort) }

    /// A send right to a member.
    public func makeSendRight(to port: PortID) throws(MasixError) -> SendRight {
        try space.makeSendRight(to: holder(of: port).entry)
    }

    /// A send-once right to a member.
    public func makeSendOnceRight(to port: PortID) throws(MasixError) -> SendOnceRight {
        try space.makeSendOnceRight(to: holder(of: port).entry)
    }

    /// Asks for a message to `notify`, a member too, when no send right to this member is left and `sync` makings have been counted (70, T2).
    public func requestNoSenders(of port: PortID, sync: UInt32 = 0, to notify: PortID) throws(MasixError) {
        try leave(port)
        try leave(notify)
        try space.register(.init(.noSenders, port: port, sync: sync, notify: .makeSendOnce(notify)))
    }

    /// The same for several members, each told at itself: with one word to the nucleus. The first refusal is thrown; what could be
    /// registered has been.
    public func requestNoSenders(of ports: [PortID]) throws(MasixError) {
        guard !ports.isEmpty else { return }
        for port in ports { try leave(port) }
        try space.register(ports.map { NotificationRequest(.noSenders, port: $0, notify: .makeSendOnce($0)) })
    }

    /// Names a member of the set that gets `right`, instead of its death, wherever it is then (69).
    public func requestPortDestroyed(of right: borrowing ReceiveRight, to backup: PortID) throws(MasixError) {
        try space.leave(right.holder.entry)
        try leave(backup)
        try space.register(.init(.portDestroyed, port: right.port, notify: .makeSendOnce(backup)))
    }

    /// Asks for a dead-name notification to a member of the set when the port behind `right` dies (72), or if the right is given up
    /// before (65).
    public func requestDeadName(of right: borrowing SendRight, to notify: PortID) throws(MasixError) {
        try space.watch(right.reference.entry)
        try leave(notify)
        try space.register(.init(.deadName, port: right.port, notify: .makeSendOnce(notify)))
    }

    /// The nucleus is about to be asked about a member: it must know it.
    private func leave(_ port: PortID) throws(MasixError) {
        if let holder = members.withLock({ $0[port] }) { try space.leave(holder.entry) }
    }

    /// The next message for any member; `ReceivedMessage.port` says for which.
    public func receive(timeout: Duration? = nil) throws(MasixError) -> ReceivedMessage {
        guard let message = try receive(until: Deadline(timeout)) else { throw .timedOut }
        return message
    }

    /// The next message for any member if one is here now, else nil: for programs that wait elsewhere (`Space.pollableDescriptor`).
    public func tryReceive() throws(MasixError) -> ReceivedMessage? { try receive(until: .now) }

    /// The next messages for members, at most `count`, at least one; `.timedOut` if there is none in time.
    ///
    /// What many members have been sent by the nucleus and carries nothing, notifications most of all, comes with one word to it, not one
    /// for each. One message of each member at most: so they come in the order of `receive`.
    public func receive(upTo count: Int, timeout: Duration? = nil) throws(MasixError) -> ReceivedMessages {
        guard count > 0 else { throw .invalidValue }
        try space.checkFork()
        let messages = try space.awaitResult(until: Deadline(timeout)) { () throws(MasixError) -> ReceivedMessages? in
            let several = try self.takeSeveral(min(count, Limits.requestsTogetherMax))
            if !several.isEmpty { return ReceivedMessages(several, in: self.space) }
            guard let one = try self.takeNext() else { return nil }
            return ReceivedMessages(one, in: self.space)
        }
        guard let messages else { throw .timedOut }
        return messages
    }

    /// One bare message each of several members that have something in their home queue; none if fewer than two have.
    private func takeSeveral(_ count: Int) throws(MasixError) -> [BareMessage] {
        guard count > 1 else { return [] }
        let (bell, control) = (space.reception.bell.acquired, space.control)
        let entries = members.withLock { members in
            guard members.count > 1 else { return [ReceiveEntry]() }
            // Where something has come by a link too, the two ways take turns.
            return members.several(count, bell, control) { entry in
                !entry.isLocal && entry.hasHome && entry.frameCount.load(ordering: .acquiring) == 0
            }
        }
        return entries.count > 1 ? try space.takeBare(from: entries) : []
    }

    private func receive(until deadline: Deadline) throws(MasixError) -> ReceivedMessage? {
        try space.checkFork()
        let incoming = try space.awaitResult(until: deadline) { () throws(MasixError) -> Incoming? in try self.takeNext() }
        guard let incoming else { return nil }
        return space.received(incoming)
    }

    /// One message of the next member that has any, after the one that was served last.
    ///
    /// `.tooLarge` if it needs more than `room` bytes: it stays, and its member has the next turn too (V4).
    ///
    /// `taken` runs in the step that takes it.
    func takeNext(room: Int = .max, taken: (PortID) -> Void = { _ in }) throws(MasixError) -> Incoming? {
        while let entry = nextReady() {
            do throws(MasixError) {
                guard let holder = members.withLock({ $0[entry.port] }) else { continue }
                let incoming = try holder.taking.withLock { _ throws(MasixError) -> Incoming? in
                    // It may have left since its turn came.
                    guard members.withLock({ $0[entry.port] != nil }) else { return nil }
                    let incoming = try space.take(from: entry, room: room)
                    if incoming != nil { taken(entry.port) }
                    return incoming
                }
                if let incoming { return incoming }
            } catch {
                if case .tooLarge = error { members.withLock { $0.keepTurn(of: entry) } }
                // Another thread has taken the member out meanwhile: the others are still to be received from.
                guard error == .portDied, members.withLock({ $0[entry.port] == nil }) else { throw error }
            }
        }
        return nil
    }

    private func nextReady() -> ReceiveEntry? {
        // The bell first: what it has rung for is seen in the counts.
        let (bell, control) = (space.reception.bell.acquired, space.control)
        return members.withLock { $0.next(bell, control) }
    }
}

/// Messages that were received together, to be taken one by one. Those that are not taken are released.
public struct ReceivedMessages: ~Copyable, Sendable {
    private var single: Incoming?
    private var rest: Deque<BareMessage>
    private let space: Space

    init(_ messages: [BareMessage], in space: Space) {
        rest = Deque(messages)
        self.space = space
    }

    init(_ single: consuming Incoming, in space: Space) {
        self.single = .some(single)
        rest = []
        self.space = space
    }

    /// How many have not been taken yet.
    public var count: Int { rest.count + (single == nil ? 0 : 1) }

    /// The next one; nil when all have been taken.
    public mutating func next() -> ReceivedMessage? {
        if let single = single.take() { return space.received(single) }
        return rest.popFirst().map { space.received($0.incoming) }
    }
}

extension Space {
    /// An empty port set.
    public func makePortSet() -> PortSet { PortSet(space: self) }
}
