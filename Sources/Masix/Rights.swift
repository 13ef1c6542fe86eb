public import MasixKernel
import MasixTransport
import Synchronization

/// The right to send to a port.
///
/// Sending consumes nothing. When the receiver dies the right turns into a dead name, and the next send throws `.deadName`
/// (spec/mach.md 1.6). A right is held or it is not: it cannot be guessed, and letting the value go gives it up.
public struct SendRight: ~Copyable, Sendable {
    let reference: SendReference

    init(_ reference: SendReference) { self.reference = reference }

    /// The port's permanent id: for people and tables. Knowing it gives nobody anything.
    public var port: PortID {
        reference.entry.local?.see()
        return reference.entry.port
    }

    /// Whether the port has died. It may do so at any time after the answer.
    public var isDead: Bool { reference.entry.isDead }

    /// Another value for the same right (one more user reference, N3).
    public func copy() -> SendRight { SendRight(reference.copy()) }

    /// Gives the right up now, as letting the value go does.
    public consuming func close() {}

    /// Sends, waiting for room while the queue is full: at most `timeout`, for ever if it is nil (spec/mach.md S6).
    ///
    /// Success means accepted. With an error nothing has been sent, and what the message carried is given up with it; `trySend`
    /// keeps it.
    public func send(_ message: consuming Message, timeout: Duration? = nil) throws(MasixError) {
        var message = message
        try trySend(&message, timeout: timeout)
    }

    /// Sends, and leaves `message` empty; with an error it is left as it was (S7).
    public func trySend(_ message: inout Message, timeout: Duration? = nil) throws(MasixError) {
        try reference.space.send(&message, to: reference.entry, deadline: Deadline(timeout))
    }

    /// Sends and waits for the one answer.
    ///
    /// `timeout` covers both ways. `.noReply` if the server died or dropped the reply right: the call may have been carried out.
    public func call(_ message: consuming Message, timeout: Duration? = nil) throws(MasixError) -> ReceivedMessage {
        var message = message
        return try reference.space.call(&message, to: reference.entry, deadline: Deadline(timeout))
    }

    /// Asks the kernel to send a dead-name notification to `notify` when the port dies (72), or if the right is given up before (65).
    public func requestDeadName(to notify: borrowing ReceiveRight) throws(MasixError) {
        try reference.space.watch(reference.entry)
        try notify.holder.space.leave(notify.holder.entry)
        try reference.space.register(
            .init(.deadName, port: reference.entry.port, notify: .makeSendOnce(notify.holder.entry.port)))
    }
}

/// One user reference to a send right; gives it up when it is let go.
package final class SendReference: Sendable {
    let space: Space
    let entry: SendEntry
    private let isGiven = Atomic<Bool>(false)

    init(space: Space, entry: SendEntry) {
        self.space = space
        self.entry = entry
    }

    package func copy() -> SendReference {
        entry.references.add(1, ordering: .relaxed)
        return SendReference(space: space, entry: entry)
    }

    /// The reference has gone into a message.
    func give() { isGiven.store(true, ordering: .relaxed) }

    deinit {
        if !isGiven.load(ordering: .relaxed) { space.drop(entry) }
    }
}

/// The right to send exactly one message to a port: usually the answer to a call.
///
/// Every such right yields one message: the one that is sent, or a send-once notification if it is let go unused (T4).
public struct SendOnceRight: ~Copyable, Sendable {
    /// One of the two.
    private let linked: LinkedReply?
    private let state: SendOnceState?

    init(_ state: SendOnceState) {
        linked = nil
        self.state = state
    }

    init(_ linked: consuming LinkedReply) {
        self.linked = .some(linked)
        state = nil
    }

    /// The right as an object, for whatever is not answering at once.
    consuming func kept() -> SendOnceState {
        if let state { return state }
        guard let linked else { preconditionFailure("a right lives in one of the two") }
        return linked.kept()
    }

    /// The port that it leads to; nil while it lives in a link.
    package var port: PortID? { state?.port }

    /// The same right for whoever keeps it for long, and wants to know meanwhile whether it is of use.
    package consuming func lasting() -> SendOnceRight { SendOnceRight(kept()) }

    /// Whether the port of a lasting right has died; it may do so at any time after the answer.
    package var isDead: Bool { state.map { $0.space.isDead($0) } ?? false }

    /// Uses the right. Never waits: no queue limit holds it up (S6). If the receiver has died, the message vanishes with success (S4).
    public consuming func send(_ message: consuming Message) throws(MasixError) {
        var message = message
        if let state { return try state.space.reply(&message, with: state) }
        if let linked { try Space.reply(&message, with: linked) }
    }

    /// Gives the right up unused now: its receiver is told.
    public consuming func close() {}
}

/// A send-once right and where it lives: in the kernel, or in a link as long as it is only answered with (architecture rule 10).
package final class SendOnceState: Sendable {
    let space: Space
    let place: Mutex<Place>
    /// Where it leads, if the kernel has said so.
    let port: PortID?
    /// A dead-name request was made for its name.
    let isWatched = Atomic<Bool>(false)

    enum Place: Sendable {
        case kernel(SendOnceID)
        case link(LinkEnd, ReplyToken)
        /// To a port that has not left this library.
        case local(LocalPort)
        /// Used, or given away.
        case gone
    }

    init(space: Space, place: Place, port: PortID? = nil) {
        self.space = space
        self.place = Mutex(place)
        self.port = port
    }

    /// Whoever takes the place uses the right.
    func take() -> Place {
        place.withLock { place in
            defer { place = .gone }
            return place
        }
    }

    deinit { space.abandon(take()) }
}

/// The right to receive from a port: there is one, and it moves only inside messages.
///
/// Letting it go destroys the port: every holder of a send right has a dead name then.
public struct ReceiveRight: ~Copyable, Sendable {
    let holder: ReceiveHolder

    init(_ holder: ReceiveHolder) { self.holder = holder }

    /// The port's permanent id: for people and tables.
    public var port: PortID { holder.entry.shownPort }

    /// A send right to this port (one more making, N4).
    public func makeSendRight() throws(MasixError) -> SendRight {
        try holder.space.makeSendRight(to: holder.entry)
    }

    /// A send-once right to this port.
    public func makeSendOnceRight() throws(MasixError) -> SendOnceRight {
        try holder.space.makeSendOnceRight(to: holder.entry)
    }

    /// The next message: waits at most `timeout`, for ever if it is nil. `.timedOut` when it is over.
    public func receive(timeout: Duration? = nil) throws(MasixError) -> ReceivedMessage {
        try holder.space.receive(from: holder.entry, deadline: Deadline(timeout))
    }

    /// The next message if one is here now, else nil: for programs that wait elsewhere (`Space.pollableDescriptor`).
    public func tryReceive() throws(MasixError) -> ReceivedMessage? { try holder.space.tryReceive(from: holder.entry) }

    /// The number of messages that senders may have outstanding, 0 to `Limits.queueMessagesMax`.
    public func setQueueLimit(_ limit: Int) throws(MasixError) {
        guard (0...Limits.queueMessagesMax).contains(limit) else { throw .invalidValue }
        try holder.space.setQueueLimit(UInt32(limit), of: holder.entry)
    }

    /// Counts and requests of the port, as of now.
    public func status() throws(MasixError) -> PortStatus { try holder.space.status(of: holder.entry) }

    /// Asks for a message to `notify` as soon as no send right is left and `sync` makings have been counted (70, T2).
    public func requestNoSenders(sync: UInt32 = 0, to notify: borrowing ReceiveRight) throws(MasixError) {
        try holder.space.leave(holder.entry)
        try holder.space.leave(notify.holder.entry)
        try holder.space.register(
            .init(.noSenders, port: holder.entry.port, sync: sync, notify: .makeSendOnce(notify.holder.entry.port)))
    }

    /// Names a port of this task that gets this receive right instead of its death (69).
    public func requestPortDestroyed(to backup: borrowing ReceiveRight) throws(MasixError) {
        try holder.space.leave(holder.entry)
        try holder.space.leave(backup.holder.entry)
        try holder.space.register(
            .init(.portDestroyed, port: holder.entry.port, notify: .makeSendOnce(backup.holder.entry.port)))
    }

    /// Gives the backup to whoever holds this send-once right; it is consumed.
    public func requestPortDestroyed(to backup: consuming SendOnceRight) throws(MasixError) {
        let state = backup.kept()
        try holder.space.leave(holder.entry)
        guard let id = try holder.space.kernelRight(of: state) else { throw .deadName }
        try holder.space.register(.init(.portDestroyed, port: holder.entry.port, notify: .moveSendOnce(id)))
    }

    /// Destroys the port now, as letting the value go does.
    public consuming func close() {}
}

/// The receive right of a port; destroys it when it is let go.
package final class ReceiveHolder: Sendable {
    let space: Space
    let entry: ReceiveEntry
    /// Held by who takes a message and must count it in the same step.
    let taking = Mutex(())
    private let isGiven = Atomic<Bool>(false)

    init(space: Space, entry: ReceiveEntry) {
        self.space = space
        self.entry = entry
    }

    /// The right has gone into a message.
    func give() { isGiven.store(true, ordering: .relaxed) }

    /// Destroys the port now, whoever may still look at it.
    package func destroy() {
        if !isGiven.exchange(true, ordering: .relaxed) { space.destroy(entry) }
    }

    deinit {
        if !isGiven.load(ordering: .relaxed) { space.destroy(entry) }
    }
}
