public import MasixKernel
import Synchronization

/// Several ports to receive from at once (spec/mach.md 1.7).
///
/// A set owns the receive rights of its members. Members with messages take turns, so that none starves. A set can be
/// received from while it is empty, and members may come and go meanwhile.
public final class PortSet: Sendable {
    struct State {
        var members: [PortID: ReceiveHolder] = [:]
        var order: [ReceiveEntry] = []
        var next = 0
    }

    let space: Space
    private let state = Mutex(State())

    init(space: Space) { self.space = space }

    /// Puts a port into the set; its receive right belongs to the set until it is taken out.
    @discardableResult
    public func insert(_ right: consuming ReceiveRight) -> PortID {
        let holder = right.holder
        state.withLock { state in
            state.members[holder.entry.port] = holder
            state.order.append(holder.entry)
        }
        // Whoever waits on the set looks again, the leader in its pipe too: the port may have messages.
        space.reception.interruptOthers()
        return holder.entry.port
    }

    /// Takes a port out; nil if it is not a member.
    public func remove(_ port: PortID) -> ReceiveRight? {
        let holder = state.withLock { state -> ReceiveHolder? in
            guard let holder = state.members.removeValue(forKey: port) else { return nil }
            state.order.removeAll { $0 === holder.entry }
            return holder
        }
        return holder.map { ReceiveRight($0) }
    }

    /// The members, as of now.
    public var ports: [PortID] { state.withLock { $0.order.map(\.port) } }

    /// A send right to a member.
    public func makeSendRight(to port: PortID) throws(MasixError) -> SendRight {
        guard let holder = state.withLock({ $0.members[port] }) else { throw .invalidRight }
        return try space.makeSendRight(to: holder.entry)
    }

    /// A send-once right to a member.
    public func makeSendOnceRight(to port: PortID) throws(MasixError) -> SendOnceRight {
        guard let holder = state.withLock({ $0.members[port] }) else { throw .invalidRight }
        return try space.makeSendOnceRight(to: holder.entry)
    }

    /// Asks for a message to `notify` when no send right to this member is left and `sync` makings have been counted (70, T2).
    public func requestNoSenders(of port: PortID, sync: UInt32 = 0, to notify: PortID) throws(MasixError) {
        try space.register(.init(.noSenders, port: port, sync: sync, notify: .makeSendOnce(notify)))
    }

    /// Names a member of the set that gets `right`, instead of its death, wherever it is then (69).
    public func requestPortDestroyed(of right: borrowing ReceiveRight, to backup: PortID) throws(MasixError) {
        try space.register(.init(.portDestroyed, port: right.port, notify: .makeSendOnce(backup)))
    }

    /// Asks for a dead-name notification to a member of the set when the port behind `right` dies (72), or if the right is given up
    /// before (65).
    public func requestDeadName(of right: borrowing SendRight, to notify: PortID) throws(MasixError) {
        try space.register(.init(.deadName, port: right.port, notify: .makeSendOnce(notify)))
    }

    /// The next message for any member; `ReceivedMessage.port` says for which.
    public func receive(timeout: Duration? = nil) throws(MasixError) -> ReceivedMessage {
        guard let message = try receive(until: Deadline(timeout)) else { throw .timedOut }
        return message
    }

    /// The next message for any member if one is here now, else nil: for programs that wait elsewhere (`Space.pollableDescriptor`).
    public func tryReceive() throws(MasixError) -> ReceivedMessage? { try receive(until: .now) }

    private func receive(until deadline: Deadline) throws(MasixError) -> ReceivedMessage? {
        try space.checkFork()
        let incoming = try space.wait(until: deadline) { () throws(MasixError) -> Incoming? in try self.takeNext() }
        return incoming.map { space.received($0) }
    }

    /// One message of the next member that has any, after the one that was served last.
    func takeNext() throws(MasixError) -> Incoming? {
        while let entry = state.withLock({ Self.nextReady(&$0) }) {
            do throws(MasixError) {
                if let incoming = try space.take(from: entry) { return incoming }
            } catch {
                // Another thread has taken the member out meanwhile: the others are still to be received from.
                guard error == .portDied, state.withLock({ $0.members[entry.port] == nil }) else { throw error }
            }
        }
        return nil
    }

    private static func nextReady(_ state: inout State) -> ReceiveEntry? {
        let count = state.order.count
        for step in 0..<count {
            let place = (state.next + step) % count
            let entry = state.order[place]
            guard entry.isReady else { continue }
            state.next = (place + 1) % count
            return entry
        }
        return nil
    }
}

extension Space {
    /// An empty port set.
    public func makePortSet() -> PortSet { PortSet(space: self) }
}
