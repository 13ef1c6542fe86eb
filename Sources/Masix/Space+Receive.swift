import MasixKernel
import MasixLinux
import MasixTransport
import Synchronization

extension Space {
    func receive(from entry: ReceiveEntry, deadline: Deadline) throws(MasixError) -> ReceivedMessage {
        try checkFork()
        var incoming: Incoming?
        try wait(deadline, for: entry, into: &incoming)
        guard let incoming else { throw .timedOut }
        return received(incoming)
    }

    func tryReceive(from entry: ReceiveEntry) throws(MasixError) -> ReceivedMessage? {
        try checkFork()
        var incoming: Incoming?
        try wait(.now, for: entry, into: &incoming)
        guard let incoming else { return nil }
        return received(incoming)
    }

    @discardableResult
    func wait(_ deadline: Deadline, for entry: ReceiveEntry, into incoming: inout Incoming?) throws(MasixError) -> Bool {
        try wait(until: deadline) { () throws(MasixError) -> Bool in
            if try self.take(from: entry, into: &incoming) { return true }
            if entry.isGone { throw .portDied }
            return false
        }
    }

    /// Tries until it has succeeded, waiting in between; false when the time is over (see `Reception.wait`).
    @discardableResult
    func wait(
        until deadline: Deadline, partner: LinkEnd? = nil, room: RoomWaiters? = nil, hint: (_ isLast: Bool) -> Bool = { _ in false },
        attempt: () throws(MasixError) -> Bool
    ) throws(MasixError) -> Bool {
        try reception.wait(until: deadline, partner: partner, room: room, hint: hint) { () throws(MasixError) -> Bool in
            try self.runErrands()
            return try attempt()
        }
    }

    /// The same where something comes of it; nil when the time is over.
    func awaitResult<Result: ~Copyable>(
        until deadline: Deadline, partner: LinkEnd? = nil, hint: (_ isLast: Bool) -> Bool = { _ in false },
        attempt: () throws(MasixError) -> Result?
    ) throws(MasixError) -> Result? {
        var result: Result?
        try wait(until: deadline, partner: partner, hint: hint) { () throws(MasixError) -> Bool in
            result = try attempt()
            return result != nil
        }
        return result
    }

    /// Sees to what only a request can do: new links, broken links.
    @inline(__always)
    private func runErrands() throws(MasixError) {
        if links.hasOffers(control) { try meetOffers() }
        if reception.hasFaults { for (link, fault) in reception.takeFaults() { report(fault, of: link) } }
    }

    /// A message of the port, if one is ready: from a link or from the home queue, by turns.
    ///
    /// `.tooLarge` if it needs more than `room` bytes behind its header: it stays (V4).
    func take(from entry: ReceiveEntry, room: Int = .max) throws(MasixError) -> Incoming? {
        var incoming: Incoming?
        _ = try take(from: entry, room: room, into: &incoming)
        return incoming
    }

    /// The same, put where it is wanted. Whether there was one.
    func take(from entry: ReceiveEntry, room: Int = .max, into incoming: inout Incoming?) throws(MasixError) -> Bool {
        if entry.isLocal, let port = entry.local {
            switch try takeLocally(from: port, by: entry, room: room) {
            case .message(let message):
                incoming = .some(message)
                return true
            case .nothing: return false
            case .home: return try takeHome(from: entry, room: room, into: &incoming)
            case .left: break
            }
            // Within the task it may have gone to another record, and from there to the nucleus.
            guard !entry.isLocal else { throw .portDied }
        }
        guard entry.isAsking else { return try takeQueued(from: entry, room: room, into: &incoming) }
        // What is announced and not yet filed is filed by whoever waits: an answer needs no look at it.
        let isFiled = entry.hasHome || entry.frameCount.load(ordering: .acquiring) > 0
        if !isFiled || entry.answersFirst.load(ordering: .relaxed) {
            if try takeOutstanding(from: entry, room: room, into: &incoming) {
                if isFiled { entry.answersFirst.store(false, ordering: .relaxed) }
                return true
            }
            return isFiled ? try takeQueued(from: entry, room: room, into: &incoming) : false
        }
        if try takeQueued(from: entry, room: room, into: &incoming) {
            entry.answersFirst.store(true, ordering: .relaxed)
            return true
        }
        return try takeOutstanding(from: entry, room: room, into: &incoming)
    }

    private func takeQueued(from entry: ReceiveEntry, room: Int, into incoming: inout Incoming?) throws(MasixError) -> Bool {
        let homeFirst = entry.homeFirst.load(ordering: .relaxed)
        let hasFrames = entry.frameCount.load(ordering: .acquiring) > 0
        if hasFrames, !homeFirst {
            entry.homeFirst.store(true, ordering: .relaxed)
            if try takeFrame(from: entry, room: room, into: &incoming) { return true }
            return entry.hasHome ? try takeHome(from: entry, room: room, into: &incoming) : false
        }
        if entry.hasHome {
            if try takeHome(from: entry, room: room, into: &incoming) {
                entry.homeFirst.store(false, ordering: .relaxed)
                return true
            }
        } else if !hasFrames, takeAtOnce(from: entry, room: room, into: &incoming) {
            return true
        }
        return try takeFrame(from: entry, room: room, into: &incoming)
    }

    /// The message that is announced next on a link, if it is of this port, and nothing of the port has been filed before it: taken where it
    /// lies, so that the reader of one port pays for no filing. Nil: the usual way, by the announcements that are filed for all ports.
    private func takeAtOnce(from entry: ReceiveEntry, room: Int, into incoming: inout Incoming?) -> Bool {
        guard let link = reception.speaking else { return false }
        var mustRing = false
        let isTaken = link.receiver.withLock { receiver -> Bool in
            // Announcements are filed under this lock: what was announced before this one is taken before it.
            guard entry.frameCount.load(ordering: .acquiring) == 0, !entry.keepsRoom, !entry.isGone,
                let announcement = receiver.next, !announcement.isReply, let granted = control.take(announcement.index),
                granted.receiveIndex == entry.index, !receiver.isHeldBack(announcement, received: entry.homeReceived.acquired),
                case .frame(let frame) = receiver.look(announcement), frame.lease.port == entry.port,
                frame.header.flags & FrameHeader.spoken == 0, frame.header.length <= room
            else { return false }
            Interlude.at(.frameSeen)
            _ = receiver.nextAnnouncement()
            // As below.
            guard receiver.take(frame, takeIndex: announcement.index) else { return false }
            Interlude.at(.frameTaken)
            bring(frame, receiver.bytes(frame), over: link, to: entry, into: &incoming)
            if let reply = frame.reply { receiver.prepareReply(reply) } else if receiver.next != nil { receiver.prepareNext(frame) }
            receiver.publish(frame)
            Interlude.at(.framePublished)
            mustRing = receiver.peerWaits()
            return true
        }
        if mustRing { link.ring() }
        return isTaken
    }

    private func takeFrame(from entry: ReceiveEntry, room: Int, into incoming: inout Incoming?) throws(MasixError) -> Bool {
        while let ready = entry.nextAnnouncement() {
            let link = ready.link
            let taken = link.receiver.withLock { receiver in take(ready, &receiver, from: entry, room: room, into: &incoming) }
            switch taken {
            case .none: continue
            case .heldBack:
                entry.putBack(ready)
                return false
            case .tooLarge(let size):
                entry.putBack(ready)
                throw .tooLarge(bytes: size)
            case .fault(let fault): report(fault, of: link.id)
            case .taken(let kept, let mustRing):
                if mustRing { link.ring() }
                if let kept { entry.keptRoom?.add(kept, takeIndex: ready.announcement.index, on: link) }
                return true
            }
        }
        return false
    }

    /// Under the lock of the link's receiver.
    private func take(
        _ ready: ReadyAnnouncement, _ receiver: inout LinkReceiver, from entry: ReceiveEntry, room: Int, into incoming: inout Incoming?
    ) -> TakenFrame {
        // What its sender has in the home queue comes first (architecture rule 7).
        if receiver.isHeldBack(ready.announcement, received: entry.homeReceived.acquired) { return .heldBack }
        let frame: ReadyFrame
        switch receiver.look(ready.announcement) {
        case .stale: return .none
        case .fault(let fault): return .fault(fault)
        case .frame(let found): frame = found
        }
        if frame.header.length > room { return .tooLarge(Int(frame.header.length)) }
        let keepsRoom = entry.keepsRoom
        var early: FrameBody?
        if keepsRoom || frame.header.flags & FrameHeader.spoken != 0 {
            // Before it is taken: nobody can tell from what is published whether the slot is still read, and what cannot be
            // read is the nucleus's to put away, with the link.
            early = frame.header.body(of: receiver.body(frame))
            guard early != nil else { return .fault(.malformedFrame) }
        }
        Interlude.at(.frameSeen)
        // The reception, if and only if this succeeds; else the nucleus has put it into the home queue.
        guard receiver.take(frame, takeIndex: ready.announcement.index) else { return .none }
        Interlude.at(.frameTaken)
        if ready.isFollowed { receiver.prepareNext(frame) }
        if let early {
            bring(frame, MessageBytes(early.bytes), over: ready.link, to: entry, into: &incoming)
            if let words = ready.link.believe(early.speaker) { incoming?.say(words) }
        } else {
            bring(frame, receiver.bytes(frame), over: ready.link, to: entry, into: &incoming)
        }
        if let reply = frame.reply { receiver.prepareReply(reply) }
        // Else it is published when its room is given back.
        guard !keepsRoom else { return .taken(kept: frame, mustRing: false) }
        receiver.publish(frame)
        Interlude.at(.framePublished)
        return .taken(kept: nil, mustRing: receiver.peerWaits())
    }

    private enum TakenFrame: Sendable {
        case none
        case heldBack
        case tooLarge(Int)
        case fault(LinkFault)
        case taken(kept: ReadyFrame?, mustRing: Bool)
    }

    /// What a frame that has been taken brings. The reply right of a call is armed: if the link has closed in between, the kernel keeps it
    /// for us.
    @inline(__always)
    private func bring(
        _ frame: borrowing ReadyFrame, _ bytes: consuming MessageBytes, over link: LinkEnd, to entry: ReceiveEntry,
        into incoming: inout Incoming?
    ) {
        incoming = Incoming(port: entry.port, code: frame.header.code, body: bytes, sender: link.peer)
        incoming?.format = frame.header.format
        guard let token = frame.reply else { return }
        if let word = control.callee(place: link.place, index: token.index) {
            _ = word.arm(link: link.id, generation: token.generation)
            incoming?.linked = LinkedReply(space: self, link: link, token: token)
        } else {
            incoming?.reply = .dead
        }
    }

    private func takeHome(from entry: ReceiveEntry, room: Int, into incoming: inout Incoming?) throws(MasixError) -> Bool {
        incoming = try connection.withCore { core throws(MasixError) -> Incoming? in
            if room < 0 {
                // Not even a message of nothing fits: a look, without taking.
                guard case .next(let size, _) = try core.ask(.peek(entry.port)).response else { return nil }
                throw .tooLarge(bytes: Int(size))
            }
            var answer = try core.ask(.receive(entry.port, room: UInt32(clamping: room)))
            switch answer.response {
            case .empty: return nil
            case .message(let message):
                var incoming = Incoming(
                    port: message.port, code: message.code, body: MessageBytes(answer.payload), sender: message.sender,
                    notification: message.notification,
                    reply: self.arrive(message.reply, &core))
                incoming.format = message.payload.format
                incoming.isOnce = message.isOnce
                incoming.rights = message.rights.map { self.arrive($0, &core) }
                for (index, token) in message.memory.enumerated() {
                    guard let descriptor = answer.descriptors.take(index) else {
                        incoming.memory.append(nil)
                        continue
                    }
                    incoming.memory.append(MemoryObject(received: descriptor, count: Int(token.length)))
                }
                return incoming
            case .tooLarge(let size): throw .tooLarge(bytes: Int(size))
            case .refused: throw .portDied
            default: throw .nodeGone
            }
        }
        // One of the outstanding answers may have come this way.
        if incoming != nil, entry.isAsking { try entry.withAnswers { answers throws(MasixError) in answers.prune() } }
        // Frames may have waited for just this message, and somebody for them.
        if incoming != nil, entry.frameCount.load(ordering: .acquiring) > 0 { reception.interruptOthers() }
        return incoming != nil
    }

    /// The next message of each of these ports' home queues that is bare; of some of them none, if another thread was faster or there is
    /// more to it. A port that has gone is passed over.
    func takeBare(from entries: [ReceiveEntry]) throws(MasixError) -> [BareMessage] {
        let found = try connection.withCore { core throws(MasixError) -> [BareMessage] in
            var found: [BareMessage] = []
            for answer in try core.ask(several: entries.map { .receive($0.port) }) {
                guard case .message(let message) = answer else { continue }
                found.append(
                    BareMessage(port: message.port, code: message.code, sender: message.sender, notification: message.notification))
            }
            return found
        }
        // As after a single one: frames may have waited for just these messages.
        if !found.isEmpty, entries.contains(where: { $0.frameCount.load(ordering: .acquiring) > 0 }) { reception.interruptOthers() }
        return found
    }

    @inline(__always)
    func received(_ incoming: consuming Incoming) -> ReceivedMessage { ReceivedMessage(incoming, in: self) }
}

/// A message of nothing but its code, and what the kernel tells by it.
struct BareMessage: Sendable {
    let port: PortID
    let code: UInt32
    let sender: TaskID
    let notification: Notification?

    var incoming: Incoming { Incoming(port: port, code: code, body: MessageBytes(), sender: sender, notification: notification) }
}

/// A message on its way from the carrier to the user.
struct Incoming: ~Copyable, Sendable {
    let port: PortID
    let code: UInt32
    var body: MessageBytes
    var sender: TaskID
    var notification: Notification?
    /// The right to answer, if it lives in the link that the message came by; else `reply`.
    var linked: LinkedReply?
    var reply: OwnedRight
    var format = BodyFormat.plain
    /// It was sent with a send-once right.
    var isOnce = false
    var rights: [OwnedRight] = []
    var memory: [MemoryObject?] = []
    /// Whose words they are, where a chief brought them.
    var words: Words?

    @inline(__always)
    init(
        port: PortID, code: UInt32, body: consuming MessageBytes, sender: TaskID, notification: Notification? = nil,
        reply: OwnedRight = .null
    ) {
        (self.port, self.code, self.sender) = (port, code, sender)
        self.body = body
        self.notification = notification
        self.reply = reply
    }

    mutating func say(_ words: Words) {
        sender = words.speaker.task
        self.words = words
    }

    /// The right to answer becomes an object, where it is none yet.
    mutating func keepReply() {
        if let linked = linked.take() { reply = .sendOnce(linked.kept()) }
    }
}
