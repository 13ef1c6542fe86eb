import MasixKernel
import MasixLinux
import MasixTransport
import Synchronization

extension Space {
    func receive(from entry: ReceiveEntry, deadline: Deadline) throws(MasixError) -> ReceivedMessage {
        try checkFork()
        guard let incoming = try wait(deadline, for: entry) else { throw .timedOut }
        return received(incoming)
    }

    func tryReceive(from entry: ReceiveEntry) throws(MasixError) -> ReceivedMessage? {
        try checkFork()
        guard let incoming = try wait(.now, for: entry) else { return nil }
        return received(incoming)
    }

    func wait(_ deadline: Deadline, for entry: ReceiveEntry) throws(MasixError) -> Incoming? {
        try wait(until: deadline) { () throws(MasixError) -> Incoming? in
            if let incoming = try self.take(from: entry) { return incoming }
            if entry.isGone { throw .portDied }
            return nil
        }
    }

    /// Tries until there is a result, waiting in between; nil when the time is over (see `Reception.wait`).
    func wait<Result>(
        until deadline: Deadline, partner: LinkEnd? = nil, room: RoomWaiters? = nil, hint: (_ isLast: Bool) -> Bool = { _ in false },
        attempt: () throws(MasixError) -> Result?
    ) throws(MasixError) -> Result? {
        try reception.wait(until: deadline, partner: partner, room: room, hint: hint) { () throws(MasixError) -> Result? in
            try self.runErrands()
            return try attempt()
        }
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
        if entry.isLocal, let port = entry.local {
            switch try takeLocally(from: port, by: entry, room: room) {
            case .message(let incoming): return incoming
            case .nothing: return nil
            case .home: return try takeHome(from: entry, room: room)
            case .left: break
            }
            // Within the task it may have gone to another record, and from there to the nucleus.
            guard !entry.isLocal else { throw .portDied }
        }
        guard entry.isAsking else { return try takeQueued(from: entry, room: room) }
        let answersFirst = entry.answersFirst.load(ordering: .relaxed)
        let first = answersFirst ? try takeOutstanding(from: entry, room: room) : try takeQueued(from: entry, room: room)
        guard first == nil else {
            entry.answersFirst.store(!answersFirst, ordering: .relaxed)
            return first
        }
        return answersFirst ? try takeQueued(from: entry, room: room) : try takeOutstanding(from: entry, room: room)
    }

    private func takeQueued(from entry: ReceiveEntry, room: Int) throws(MasixError) -> Incoming? {
        let homeFirst = entry.homeFirst.load(ordering: .relaxed)
        if homeFirst || entry.frameCount.load(ordering: .acquiring) == 0 {
            if entry.hasHome, let incoming = try takeHome(from: entry, room: room) {
                entry.homeFirst.store(false, ordering: .relaxed)
                return incoming
            }
            return try takeFrame(from: entry, room: room)
        }
        entry.homeFirst.store(true, ordering: .relaxed)
        if let incoming = try takeFrame(from: entry, room: room) { return incoming }
        return entry.hasHome ? try takeHome(from: entry, room: room) : nil
    }

    private func takeFrame(from entry: ReceiveEntry, room: Int) throws(MasixError) -> Incoming? {
        while let ready = entry.nextAnnouncement() {
            let link = ready.link
            let taken = link.receiver.withLock { receiver -> TakenFrame in
                // What its sender has in the home queue comes first (architecture rule 7).
                if receiver.isHeldBack(ready.announcement, received: entry.homeReceived.acquired) { return .heldBack }
                switch receiver.look(ready.announcement) {
                case .stale: return .none
                case .fault(let fault): return .fault(fault)
                case .frame(let frame):
                    if frame.header.length > room { return .tooLarge(Int(frame.header.length)) }
                    var early: [UInt8]?
                    var words: Words?
                    if entry.keptRoom.isOn || frame.header.flags & FrameHeader.spoken != 0 {
                        // Before it is taken: nobody can tell from what is published whether the slot is still read, and what cannot be
                        // read is the nucleus's to put away, with the link.
                        guard let body = frame.header.body(of: receiver.body(frame)) else { return .fault(.malformedFrame) }
                        early = body.bytes
                        words = link.believe(body.speaker)
                    }
                    Interlude.at(.frameSeen)
                    // The reception, if and only if this succeeds; else the nucleus has put it into the home queue.
                    guard receiver.take(frame, takeIndex: ready.announcement.index) else { return .none }
                    Interlude.at(.frameTaken)
                    if ready.isFollowed { receiver.prepareNext(frame) }
                    let bytes = early ?? receiver.body(frame)
                    if let reply = frame.reply { receiver.prepareReply(reply) }
                    // Else it is published when its room is given back.
                    guard !entry.keptRoom.isOn else { return .taken(frame, bytes, words, mustRing: false) }
                    receiver.publish(frame)
                    Interlude.at(.framePublished)
                    return .taken(frame, bytes, words, mustRing: receiver.peerWaits())
                }
            }
            switch taken {
            case .none: continue
            case .heldBack:
                entry.putBack(ready)
                return nil
            case .tooLarge(let size):
                entry.putBack(ready)
                throw .tooLarge(bytes: size)
            case .fault(let fault): report(fault, of: link.id)
            case .taken(let frame, let bytes, let words, let mustRing):
                if mustRing { link.ring() }
                if entry.keptRoom.isOn { entry.keptRoom.add(frame, takeIndex: ready.announcement.index, on: link) }
                var incoming = Incoming(
                    port: entry.port, code: frame.header.code, bytes: bytes, sender: link.peer, notification: nil,
                    reply: frame.reply.map { armed($0, on: link) } ?? .null)
                incoming.format = frame.header.format
                if let words { incoming.say(words) }
                return incoming
            }
        }
        return nil
    }

    private enum TakenFrame: Sendable {
        case none
        case heldBack
        case tooLarge(Int)
        case fault(LinkFault)
        case taken(ReadyFrame, [UInt8], Words?, mustRing: Bool)
    }

    /// The reply right of a call that has just been taken. If the link has closed in between, the kernel keeps it for us.
    private func armed(_ token: ReplyToken, on link: LinkEnd) -> OwnedRight {
        guard let entry = control.callee(place: link.place, index: token.index) else { return .dead }
        _ = entry.arm(link: link.id, generation: token.generation)
        return .sendOnce(SendOnceState(space: self, place: .link(link, token)))
    }

    private func takeHome(from entry: ReceiveEntry, room: Int) throws(MasixError) -> Incoming? {
        let incoming = try connection.withCore { core throws(MasixError) -> Incoming? in
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
                    port: message.port, code: message.code, bytes: answer.payload, sender: message.sender,
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
        return incoming
    }

    /// The next message of each of these ports' home queues that is bare; of some of them none, if another thread was faster or there is
    /// more to it. A port that has gone is passed over.
    func takeBare(from entries: [ReceiveEntry]) throws(MasixError) -> [Incoming] {
        let found = try connection.withCore { core throws(MasixError) -> [Incoming] in
            var found: [Incoming] = []
            for answer in try core.ask(several: entries.map { .receive($0.port) }) {
                guard case .message(let message) = answer else { continue }
                found.append(
                    Incoming(
                        port: message.port, code: message.code, bytes: [], sender: message.sender, notification: message.notification,
                        reply: .null))
            }
            return found
        }
        // As after a single one: frames may have waited for just these messages.
        if !found.isEmpty, entries.contains(where: { $0.frameCount.load(ordering: .acquiring) > 0 }) { reception.interruptOthers() }
        return found
    }

    func received(_ incoming: Incoming) -> ReceivedMessage {
        ReceivedMessage(
            port: incoming.port, code: incoming.code, bytes: incoming.bytes, sender: incoming.sender, notification: incoming.notification,
            words: incoming.words, reply: incoming.reply, rights: incoming.rights, memory: incoming.memory, format: incoming.format,
            isOnce: incoming.isOnce, space: self)
    }
}

/// A message on its way from the carrier to the user.
struct Incoming: Sendable {
    var port: PortID
    var code: UInt32
    var bytes: [UInt8]
    var sender: TaskID
    var notification: Notification?
    var reply: OwnedRight
    var format = BodyFormat.plain
    /// It was sent with a send-once right.
    var isOnce = false
    var rights: [OwnedRight] = []
    var memory: [MemoryObject?] = []
    /// Whose words they are, where a chief brought them.
    var words: Words?

    mutating func say(_ words: Words) {
        sender = words.speaker.task
        self.words = words
    }
}
