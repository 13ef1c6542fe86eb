import DequeModule
import MasixKernel
import MasixTransport
import Synchronization

/// A port that exists in this library alone: no right to it, no request about it and no message to it has left the task.
///
/// Queue, limit and counts are those that it would have in the kernel (spec/mach.md S6, N4). Changed where it lies, only by who has the
/// key of its space's locals, which every step demands; hence unchecked.
final class LocalPort: @unchecked Sendable {
    enum State {
        /// The library's alone.
        case alone
        /// On its way to the nucleus, which refused a later step: its receive entry there, which only this task can use. What lies in the
        /// home queue is older than what lies here.
        case leaving(index: UInt32)
        /// The nucleus's, with all that it had.
        case left
        case dead
    }

    let port: PortID
    private(set) var state = State.alone
    private var queueLimit: UInt32
    private(set) var makeSendCount: UInt32 = 0
    private(set) var queue: Deque<LocalMessage> = []
    private var blocked: [BlockedLocalSend] = []
    /// The send right of this task, while any value names it.
    private(set) var sender: SendEntry?
    /// Its entry at the nucleus, once it has one.
    var senderIndex: UInt32?
    private(set) var receiver: ReceiveEntry?
    /// The port in whose queue, or before whose queue, a message with the receive right waits (R4).
    private var vehicle: LocalPort?
    /// Send-once rights that are not used yet; those that the nucleus has made for them.
    private var sendOnces = 0
    private var kernelOnces: [SendOnceID] = []
    /// Somebody was told of the id: it is not given to another port.
    private let isSeen = Atomic<Bool>(false)
    private let hasDied = Atomic<Bool>(false)
    private let hasGone = Atomic<Bool>(false)
    /// Messages in the queue, for a look without the lock.
    private let count = Atomic<Int>(0)

    private init(_ port: PortID, queueLimit: UInt32) {
        self.port = port
        self.queueLimit = queueLimit
    }

    var isDead: Bool { hasDied.load(ordering: .acquiring) }
    /// It is the nucleus's, which knows of its death.
    var hasLeft: Bool { hasGone.load(ordering: .acquiring) }
    var hasMessages: Bool { count.load(ordering: .acquiring) > 0 }
    func see() { isSeen.store(true, ordering: .relaxed) }

    // MARK: rights

    /// A new port, and the record of its receive right: nobody else knows it yet, which is why no key is needed.
    static func make(_ id: PortID, queueLimit: UInt32, control: ControlMemory) -> ReceiveEntry {
        let port = LocalPort(id, queueLimit: queueLimit)
        let entry = ReceiveEntry(local: port, control: control)
        port.receiver = entry
        return entry
    }

    enum Made<Right: Sendable>: Sendable {
        case made(Right)
        /// The nucleus must make it, after the port has got there.
        case elsewhere
        case dead
    }

    func makeSend(_ space: Space, _ key: inout Locals.Key) -> Made<SendReference> {
        guard case .alone = state else { return hasDied.load(ordering: .relaxed) ? .dead : .elsewhere }
        makeSendCount &+= 1
        if let sender {
            sender.references.add(1, ordering: .relaxed)
            return .made(SendReference(space: space, entry: sender))
        }
        let entry = SendEntry(local: self, control: space.control)
        sender = entry
        return .made(SendReference(space: space, entry: entry))
    }

    func makeSendOnce(_ space: Space, _ key: inout Locals.Key) -> Made<SendOnceState> {
        guard case .alone = state else { return hasDied.load(ordering: .relaxed) ? .dead : .elsewhere }
        sendOnces += 1
        return .made(SendOnceState(space: space, place: .local(self)))
    }

    /// No value names the send right any more. False: the nucleus has the entry.
    func drop(_ entry: SendEntry, _ key: inout Locals.Key) -> Bool {
        if case .left = state { return false }
        // It may have been made once more meanwhile.
        if entry.references.load(ordering: .acquiring) == 0, sender === entry { sender = nil }
        return true
    }

    // MARK: messages

    enum Offered: Sendable {
        case sent
        /// Sent, and it is the caller's to destroy (S5).
        case circular
        case full
        case blocked(BlockedLocalSend)
        /// The port is the nucleus's, or must be before it can take this message.
        case elsewhere
        case dead
    }

    /// S4 to S6 in one step. `message` is the caller's until it is accepted.
    func offer(_ message: LocalMessage, blocks: Bool, _ key: inout Locals.Key) -> (Offered, mustWake: Bool) {
        switch state {
        case .left: return (.elsewhere, false)
        case .dead: return (.dead, false)
        case .alone, .leaving: break
        }
        let cargo = message.localReceives
        guard cargo.count == message.receives.count, cargo.allSatisfy(\.isAlone), !message.owesNews else { return (.elsewhere, false) }
        if !cargo.isEmpty, isReached(by: cargo) { return (.circular, false) }
        if message.via == .send, queue.count >= queueLimit || !blocked.isEmpty {
            guard blocks else { return (.full, false) }
            let send = BlockedLocalSend(message)
            blocked.append(send)
            for port in cargo { port.vehicle = self }
            return (.blocked(send), false)
        }
        return (.sent, mustWake: enqueue(message))
    }

    var isAlone: Bool { if case .alone = state { true } else { false } }

    /// R4: whether one of these ports is this one, or one in whose queue it travels.
    private func isReached(by cargo: [LocalPort]) -> Bool {
        var station: LocalPort? = self
        while let port = station {
            if cargo.contains(where: { $0 === port }) { return true }
            station = port.vehicle
        }
        return false
    }

    /// Whether somebody may wait for just this message.
    private func enqueue(_ message: LocalMessage) -> Bool {
        var message = message
        for place in message.rights.indices {
            guard case .receive(let holder) = message.rights[place], holder.entry.isLocal, let port = holder.entry.local else { continue }
            // R1: the receive right leaves its owner, whose record of it ends; the count of makings begins anew.
            holder.give()
            holder.entry.end()
            let entry = ReceiveEntry(local: port, control: holder.space.control)
            port.receiver = entry
            port.makeSendCount = 0
            port.vehicle = self
            message.rights[place] = .receive(ReceiveHolder(space: holder.space, entry: entry))
        }
        queue.append(message)
        return count.add(1, ordering: .releasing).oldValue == 0
    }

    /// The notification of a send-once right that was not used (T4). Whether somebody may wait for it; nil if it is the nucleus's to tell.
    func notifyUnused(_ key: inout Locals.Key) -> Bool? {
        switch state {
        case .left: return nil
        case .dead: return false
        case .leaving where !kernelOnces.isEmpty: return nil
        case .alone, .leaving: break
        }
        sendOnces -= 1
        return enqueue(LocalMessage.unused)
    }

    /// A message by a send-once right; it is used if it is accepted.
    func offerOnce(_ message: LocalMessage, _ key: inout Locals.Key) -> (Offered, mustWake: Bool) {
        // One that the nucleus has made already is used there.
        if case .leaving = state, !kernelOnces.isEmpty { return (.elsewhere, false) }
        let offered = offer(message, blocks: false, &key)
        switch offered.0 {
        case .sent, .circular: sendOnces -= 1
        case .full, .blocked, .elsewhere, .dead: break
        }
        return offered
    }

    enum Taken: Sendable {
        /// And whether a blocked sender has been let in.
        case message(LocalMessage, mustWake: Bool)
        case nothing
        /// It needs so many bytes behind its header, and stays (V4).
        case tooLarge(Int)
        /// In the home queue of the nucleus lies what is older.
        case home
        case left
        case dead
    }

    /// Takes the oldest message.
    func take(by entry: ReceiveEntry, room: Int, _ control: ControlMemory, _ key: inout Locals.Key) -> Taken {
        switch state {
        case .left: return .left
        case .dead: return .dead
        // The receive right has gone on, within the task.
        case .alone where receiver !== entry, .leaving where receiver !== entry: return .dead
        case .leaving(let index) where control.homeCount(index).acquired > 0: return .home
        case .alone, .leaving: break
        }
        if let size = queue.first?.size, size > room { return .tooLarge(size) }
        guard let message = queue.popFirst() else { return .nothing }
        count.subtract(1, ordering: .relaxed)
        for port in message.localReceives { port.vehicle = nil }
        return .message(message, mustWake: admit())
    }

    /// The oldest message; nil if there is none here.
    func first(_ key: inout Locals.Key) -> LocalMessage? { queue.first }

    /// Blocked senders come in, first come first served, while there is room (O2).
    private func admit() -> Bool {
        var hasAdmitted = false
        while queue.count < queueLimit, !blocked.isEmpty {
            let next = blocked.removeFirst()
            _ = enqueue(next.message)
            next.end(.accepted)
            hasAdmitted = true
        }
        return hasAdmitted
    }

    /// Takes a blocked send back (S7). False if it is over already.
    func withdraw(_ send: BlockedLocalSend, _ key: inout Locals.Key) -> Bool {
        guard send.end == nil, let place = blocked.firstIndex(where: { $0 === send }) else { return false }
        blocked.remove(at: place)
        for port in send.message.localReceives { port.vehicle = nil }
        return true
    }

    /// Whether blocked senders have been let in; nil if it is not to be done here.
    func setQueueLimit(_ limit: UInt32, _ key: inout Locals.Key) -> Bool? {
        guard case .alone = state else { return nil }
        queueLimit = limit
        return admit()
    }

    // MARK: the end

    struct Remains: Sendable {
        var messages: [LocalMessage] = []
        /// Senders that have been told; what they sent is let go with the rest.
        var blocked: [BlockedLocalSend] = []
        /// What the nucleus has of it.
        var atNucleus: [Right] = []
    }

    enum Death: Sendable {
        case nothingLeft
        /// The caller's to destroy.
        case remains(Remains)
        /// It is the nucleus's to end.
        case elsewhere
    }

    /// T5.
    func die(_ key: inout Locals.Key) -> Death {
        var atNucleus: [Right] = []
        switch state {
        case .left: return .elsewhere
        case .dead: return .nothingLeft
        case .alone: if sender == nil, !isSeen.load(ordering: .relaxed) { key.unseen.append(port.counter) }
        case .leaving:
            atNucleus = [.receive(port)] + (senderIndex == nil ? [] : [.send(port)]) + kernelOnces.map { .sendOnce($0) }
            kernelOnces = []
        }
        state = .dead
        hasDied.store(true, ordering: .releasing)
        receiver?.end()
        receiver = nil
        sender = nil
        vehicle = nil
        if queue.isEmpty, blocked.isEmpty, atNucleus.isEmpty { return .nothingLeft }
        let remains = Remains(messages: Array(queue), blocked: blocked, atNucleus: atNucleus)
        for send in remains.blocked {
            for port in send.message.localReceives { port.vehicle = nil }
            send.end(.died)
        }
        for message in remains.messages { for port in message.localReceives { port.vehicle = nil } }
        blocked = []
        queue = []
        count.store(0, ordering: .relaxed)
        return .remains(remains)
    }

    // MARK: leaving

    /// The ports that must leave with this one: in whose queue it travels, and what its messages name.
    func companions(_ key: inout Locals.Key) -> [LocalPort] {
        var ports = vehicle.map { [$0] } ?? []
        for message in queue { ports += message.localPorts }
        return ports
    }

    /// Ports whose receive rights lie in the queue: they must be gone before the messages go.
    func passengers(_ key: inout Locals.Key) -> [LocalPort] { queue.flatMap(\.localReceives) }

    /// What the nucleus must be told first.
    struct Declaration: Sendable {
        let queueLimit: UInt32
        /// As many as the queue holds may be more than the limit, which was lowered meanwhile.
        let firstLimit: UInt32
        let makeSendCount: UInt32
        let needsSend: Bool
    }

    func declaration(_ key: inout Locals.Key) -> Declaration {
        let needsSend = owesMaking || sender != nil || queue.contains { $0.via == .send }
        return Declaration(
            queueLimit: queueLimit, firstLimit: max(queueLimit, UInt32(min(queue.count, Limits.queueMessagesMax))),
            // The one that is made at the nucleus is one of those that have been made.
            makeSendCount: needsSend ? makeSendCount &- 1 : makeSendCount, needsSend: needsSend)
    }

    /// It was declared with a higher limit than it has.
    private(set) var wasOverfull = false
    /// It was declared as having had one making less, since the nucleus makes that one.
    private var owesMaking = false

    func declared(at index: UInt32, _ what: Declaration, _ key: inout Locals.Key) {
        wasOverfull = what.firstLimit != what.queueLimit
        owesMaking = what.needsSend
        state = .leaving(index: index)
    }

    /// How many send-once rights the nucleus still has to make.
    func missingOnces(_ key: inout Locals.Key) -> Int { sendOnces - kernelOnces.count }
    func add(_ once: SendOnceID, _ key: inout Locals.Key) { kernelOnces.append(once) }

    /// The kernel's right in the place of one of the local ones, which are all alike; nil while there is none.
    func exchangeOnce(_ key: inout Locals.Key) -> SendOnceID? {
        guard let once = kernelOnces.popLast() else { return nil }
        sendOnces -= 1
        return once
    }

    /// The oldest message has got there.
    func removeFirst(_ key: inout Locals.Key) -> LocalMessage {
        count.subtract(1, ordering: .relaxed)
        let message = queue.removeFirst()
        for port in message.localReceives { port.vehicle = nil }
        return message
    }

    /// Everything has got there. Who was blocked tries again, at the nucleus; they are the caller's to let go.
    func left(_ key: inout Locals.Key) -> [BlockedLocalSend] {
        defer { blocked = [] }
        for send in blocked {
            for port in send.message.localReceives { port.vehicle = nil }
            send.end(.left)
        }
        state = .left
        hasGone.store(true, ordering: .releasing)
        receiver = nil
        sender = nil
        vehicle = nil
        return blocked
    }
}

/// A message in the queue of a local port. Its rights are held by it, as those of a message are.
struct LocalMessage: Sendable {
    enum Via: Sendable { case send, sendOnce }

    let via: Via
    let code: UInt32
    let bytes: [UInt8]
    let format: BodyFormat
    let notification: Notification?
    let reply: OwnedRight
    var rights: [OwnedRight]
    let memory: [MemoryObject]

    init(_ message: borrowing Message, via: Via, reply: OwnedRight) {
        self.via = via
        code = message.code
        bytes = message.bytes
        format = message.format
        notification = nil
        self.reply = reply
        rights = message.rights
        memory = message.memory
    }

    private init(notification: Notification) {
        via = .sendOnce
        code = notification.code
        bytes = []
        format = .plain
        self.notification = notification
        reply = .null
        rights = []
        memory = []
    }

    static let unused = LocalMessage(notification: .sendOnce)

    /// As the kernel counts it.
    var size: Int {
        if let notification { return notification.size }
        let items = rights.count + memory.count
        guard format == .plain, items > 0 else { return bytes.count }
        return bytes.count + Limits.bodyHeaderBytes + rights.count * Limits.rightDescriptorBytes
            + memory.count * Limits.memoryDescriptorBytes
    }

    var receives: [ReceiveHolder] {
        rights.compactMap { right in if case .receive(let holder) = right { holder } else { nil } }
    }

    /// Local ports whose receive rights are in it.
    var localReceives: [LocalPort] {
        rights.compactMap { right in if case .receive(let holder) = right, holder.entry.isLocal { holder.entry.local } else { nil } }
    }

    /// It may take a name away that a dead-name request watches, which the nucleus has to tell (D2).
    var owesNews: Bool {
        ([reply] + rights).contains { right in
            switch right {
            case .send(let reference): reference.entry.isWatched.load(ordering: .relaxed)
            case .sendOnce(let state): state.isWatched.load(ordering: .relaxed)
            case .null, .dead, .receive, .make, .makeOnce: false
            }
        }
    }

    /// Every local port that is named in it.
    var localPorts: [LocalPort] { ([reply] + rights).compactMap(\.localPort) }
}

extension OwnedRight {
    /// The port of the right, if it is known to this library only.
    var localPort: LocalPort? {
        switch self {
        case .null, .dead: nil
        case .send(let reference): reference.entry.isLocal ? reference.entry.local : nil
        case .receive(let holder): holder.entry.isLocal ? holder.entry.local : nil
        case .make(let entry), .makeOnce(let entry): entry.isLocal ? entry.local : nil
        case .sendOnce(let state): state.place.withLock { place in if case .local(let port) = place { port } else { nil } }
        }
    }

    /// The right as its receiver gets it: dead, if its port has died under way (D3).
    var arrived: OwnedRight {
        switch self {
        case .send(let reference): reference.entry.isDead ? .dead : self
        case .sendOnce(let state): state.hasDied ? .dead : self
        case .null, .dead, .receive, .make, .makeOnce: self
        }
    }
}

extension SendOnceState {
    /// Its port has died. Asks the nucleus only of a port that is the nucleus's.
    fileprivate var hasDied: Bool {
        if case .local(let port) = place.withLock({ $0 }), !port.hasLeft { return port.isDead }
        return space.isDead(self)
    }
}

/// A send that waits for room in the queue of a local port.
final class BlockedLocalSend: Sendable {
    enum End: UInt8, Sendable {
        case accepted = 1
        /// S4: sent, and destroyed with the port.
        case died
        /// The port is the nucleus's now, and so is the question whether there is room.
        case left
    }

    let message: LocalMessage
    private let ended = Atomic<UInt8>(0)

    init(_ message: LocalMessage) { self.message = message }

    var end: End? { End(rawValue: ended.load(ordering: .acquiring)) }
    func end(_ end: End) { ended.store(end.rawValue, ordering: .releasing) }
}
