public import MasixWire

/// What a task may ask of the kernel. Decoded whole, then done (or refused with nothing changed).
public enum Request: Hashable, Sendable, WireCodable {
    /// A block of port ids that the task may use without asking (architecture rule 2).
    case portBlock
    /// A home queue for a port of the task's own blocks, which from here on others may hold rights to. So many send rights have been made
    /// while only the task's library knew it (N4).
    case allocate(PortID, queueLimit: UInt32, makeSendCount: UInt32 = 0)
    /// A send or send-once right to one's own port, for oneself.
    case make(Transfer)
    case send(Outgoing)
    /// Takes a blocked send back; what it carried is returned (spec/mach.md S7).
    case cancelSend(Ticket)
    /// The oldest message of the port's home queue, if it needs no more than `room` bytes behind its header (V4).
    case receive(PortID, room: UInt32 = .max)
    /// What the oldest message of the port's home queue is: it stays.
    case peek(PortID)
    /// Gives a right up: the whole entry of a send right, one send-once right, or the receive right.
    case drop(Right)
    case setQueueLimit(PortID, UInt32)
    /// Registers, replaces or (with `.null`) cancels a notification (T1).
    case notify(NotificationRequest)
    case status(PortID)
    /// Plain assignment (spec/mach.md 1.2).
    case setMakeSendCount(PortID, UInt32)
    /// The task's name for the port, or for this send-once right to it, is free: for one that keeps the right a little longer (D2).
    case nameFreed(PortID, once: SendOnceID? = nil)
    /// Whether the request of the task's name for the port is armed, or was when the port died: refused if not. The kernel alone knows
    /// whether a send-possible request has been answered (S8).
    case hasRequest(PortID)
    /// A send to this port has met a full queue, and its send-possible request is to be answered when there is room (S8).
    case awaitRoom(PortID)
    /// Whether the port of this send-once right has died: refused if so.
    case isDead(SendOnceID)
    /// The port of this send-once right.
    case portOf(SendOnceID)
    case identity(TaskID)
    /// The links that wait for this task to map its half.
    case linkOffers
    /// This task has mapped its half of the link: it may be sealed.
    case linkMapped(LinkID)
    /// The other half, once both are mapped.
    case linkPeer(LinkID)
    /// The peer wrote nonsense: the link is given up, with the reason counted.
    case linkFault(LinkID, LinkFault)
    /// Turns a link-local reply right into a send-once right of this task.
    case claimReply(LinkID, index: UInt16, generation: UInt32)
    /// Answers to calls of this task over the link, due at this port of its own, come by the nucleus from now on: the receive right is about
    /// to move, or to be asked for its counts (architecture rule 10).
    case recallReplies(LinkID, PortID)
    /// The port to which every new task is given a send right. For the node's first task alone.
    case setBootstrap(PortID)
    /// This task is the node's chief, its network server: the only one that may say what tasks of other nodes say. For the node's
    /// first task alone.
    case setChief(TaskID)
    /// From now on what is received from this port, and was sent by a send right, keeps its room in the queue. For the node's chief alone:
    /// the message goes on to another node, and has been received when it has been received there (architecture rule 17).
    case keepRoom(PortID)
    /// So many of those messages have been received where they went. For the node's chief alone.
    case giveRoom(PortID, UInt32)
    /// How many messages that the chief has sent to send rights have been received since it asked last.
    case receipts
    /// A task over a socket whose other end comes with the request, with these rights in its space from the start.
    /// For the node's first task alone.
    case introduce(TaskIdentity, rights: [Transfer])
    /// What the shell puts in the place of a request that it found impossible before the kernel saw it, such as memory that is not
    /// sealed: the number is used up and the refusal is the answer. No task can send it.
    case rejected(Refusal)
    /// Several in one go, done in their order, each as if it had come alone and whatever became of the others; there is an answer to each.
    /// At most `Limits.requestsTogetherMax`, at least one, and only such as move neither bytes nor descriptors (`isPart`).
    case several([Request])

    /// Whether this may be one of several. A reception there brings only what is bare: a message without bytes, memory and rights.
    public var isPart: Bool {
        switch self {
        case .allocate, .make, .receive, .drop, .notify: true
        case .portBlock, .send, .peek, .cancelSend, .setQueueLimit, .status, .identity, .linkOffers, .linkMapped, .linkPeer, .linkFault,
            .claimReply, .recallReplies,
            .setBootstrap, .setMakeSendCount, .nameFreed, .hasRequest, .awaitRoom, .isDead, .portOf, .setChief, .keepRoom, .giveRoom,
            .receipts,
            .introduce,
            .rejected, .several:
            false
        }
    }

    /// The tags of what may be one of several.
    private static let partTags: Set<UInt8> = [2, 3, 6, 7, 9]

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .portBlock: writer.write(UInt8(1))
        case .allocate(let port, let limit, let made):
            writer.write(UInt8(2))
            writer.write(port)
            writer.write(limit)
            writer.write(made)
        case .make(let transfer):
            writer.write(UInt8(3))
            writer.write(transfer)
        case .send(let outgoing):
            writer.write(UInt8(4))
            writer.write(outgoing)
        case .cancelSend(let ticket):
            writer.write(UInt8(5))
            writer.write(ticket)
        case .receive(let port, let room):
            writer.write(UInt8(6))
            writer.write(port)
            writer.write(room)
        case .drop(let right):
            writer.write(UInt8(7))
            writer.write(right)
        case .setQueueLimit(let port, let limit):
            writer.write(UInt8(8))
            writer.write(port)
            writer.write(limit)
        case .notify(let request):
            writer.write(UInt8(9))
            writer.write(request)
        case .status(let port):
            writer.write(UInt8(10))
            writer.write(port)
        case .identity(let task):
            writer.write(UInt8(11))
            writer.write(task)
        case .linkOffers: writer.write(UInt8(12))
        case .linkMapped(let link):
            writer.write(UInt8(13))
            writer.write(link)
        case .linkPeer(let link):
            writer.write(UInt8(14))
            writer.write(link)
        case .linkFault(let link, let fault):
            writer.write(UInt8(15))
            writer.write(link)
            writer.write(fault)
        case .claimReply(let link, let index, let generation):
            writer.write(UInt8(16))
            writer.write(link)
            writer.write(index)
            writer.write(generation)
        case .recallReplies(let link, let port):
            writer.write(UInt8(27))
            writer.write(link)
            writer.write(port)
        case .setBootstrap(let port):
            writer.write(UInt8(17))
            writer.write(port)
        case .introduce(let identity, let rights):
            writer.write(UInt8(18))
            writer.write(identity)
            writer.write(list: rights)
        case .rejected(let refusal):
            writer.write(UInt8(19))
            writer.write(refusal.rawValue)
        case .several(let parts):
            writer.write(UInt8(20))
            writer.write(list: parts)
        case .setChief(let task):
            writer.write(UInt8(30))
            writer.write(task)
        case .keepRoom(let port):
            writer.write(UInt8(31))
            writer.write(port)
        case .giveRoom(let port, let count):
            writer.write(UInt8(32))
            writer.write(port)
            writer.write(count)
        case .receipts: writer.write(UInt8(33))
        case .setMakeSendCount(let port, let count):
            writer.write(UInt8(21))
            writer.write(port)
            writer.write(count)
        case .nameFreed(let port, nil):
            writer.write(UInt8(22))
            writer.write(port)
        case .nameFreed(let port, let once?):
            writer.write(UInt8(35))
            writer.write(port)
            writer.write(once)
        case .hasRequest(let port):
            writer.write(UInt8(34))
            writer.write(port)
        case .awaitRoom(let port):
            writer.write(UInt8(26))
            writer.write(port)
        case .isDead(let once):
            writer.write(UInt8(23))
            writer.write(once)
        case .peek(let port):
            writer.write(UInt8(25))
            writer.write(port)
        case .portOf(let once):
            writer.write(UInt8(24))
            writer.write(once)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let tag = try reader.read(UInt8.self)
        guard tag == 20 else {
            try self.init(tag: tag, from: &reader)
            return
        }
        let count = try reader.readCount(limit: Limits.requestsTogetherMax, field: "requests")
        guard count > 0 else { throw .malformed(field: "requests") }
        var parts: [Request] = []
        for _ in 0..<count {
            // Looked at before it is read: no nesting, so no depth.
            let tag = try reader.read(UInt8.self)
            guard Self.partTags.contains(tag) else { throw .unknownCase(of: "Request", tag: UInt64(tag)) }
            parts.append(try Request(tag: tag, from: &reader))
        }
        self = .several(parts)
    }

    private init(tag: UInt8, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 1: self = .portBlock
        case 2: self = .allocate(try reader.read(), queueLimit: try reader.read(), makeSendCount: try reader.read())
        case 3: self = .make(try reader.read())
        case 4: self = .send(try reader.read())
        case 5: self = .cancelSend(try reader.read())
        case 6: self = .receive(try reader.read(), room: try reader.read())
        case 7: self = .drop(try reader.read())
        case 8: self = .setQueueLimit(try reader.read(), try reader.read())
        case 9: self = .notify(try reader.read())
        case 10: self = .status(try reader.read())
        case 11: self = .identity(try reader.read())
        case 12: self = .linkOffers
        case 13: self = .linkMapped(try reader.read())
        case 14: self = .linkPeer(try reader.read())
        case 15: self = .linkFault(try reader.read(), try reader.read())
        case 16: self = .claimReply(try reader.read(), index: try reader.read(), generation: try reader.read())
        case 17: self = .setBootstrap(try reader.read())
        case 18:
            self = .introduce(
                try reader.read(), rights: try reader.readList(limit: Limits.rightsPerMessageMax, field: "initial rights"))
        case 19:
            let code = try reader.read(UInt16.self)
            guard let refusal = Refusal(rawValue: code) else { throw .unknownCase(of: "Refusal", tag: UInt64(code)) }
            self = .rejected(refusal)
        case 21: self = .setMakeSendCount(try reader.read(), try reader.read())
        case 22: self = .nameFreed(try reader.read())
        case 23: self = .isDead(try reader.read())
        case 24: self = .portOf(try reader.read())
        case 25: self = .peek(try reader.read())
        case 26: self = .awaitRoom(try reader.read())
        case 27: self = .recallReplies(try reader.read(), try reader.read())
        case 30: self = .setChief(try reader.read())
        case 31: self = .keepRoom(try reader.read())
        case 32: self = .giveRoom(try reader.read(), try reader.read())
        case 33: self = .receipts
        case 34: self = .hasRequest(try reader.read())
        case 35: self = .nameFreed(try reader.read(), once: try reader.read() as SendOnceID)
        case let tag: throw .unknownCase(of: "Request", tag: UInt64(tag))
        }
    }
}

/// A message as its sender hands it over.
public struct Outgoing: Hashable, Sendable, WireCodable {
    /// `.copySend`, `.moveSend`, `.makeSend`, `.makeSendOnce` or `.moveSendOnce`: how the destination right is come by (1.3).
    public var destination: Transfer
    /// A reply right for the receiver: any send-type transfer, or `.null`.
    public var reply: Transfer
    /// For people and protocols; Mach's `msgh_id`.
    public var code: UInt32
    public var rights: [Transfer]
    public var payload: Payload
    public var memory: [MemoryToken]
    /// With a full queue: wait in the kernel (`true`) or be refused with nothing taken.
    public var blocks: Bool
    /// Which completion word of the control memory is set when a blocked send has been accepted.
    public var completion: UInt16
    /// Whose message it is, if not the sender's own: a task of another node. For the node's chief alone.
    public var speaker: Speaker?

    public init(
        to destination: Transfer, reply: Transfer = .null, code: UInt32 = 0, rights: [Transfer] = [], payload: Payload = .empty,
        memory: [MemoryToken] = [], blocks: Bool = false, completion: UInt16 = 0, speaker: Speaker? = nil
    ) {
        self.destination = destination
        self.reply = reply
        self.code = code
        self.rights = rights
        self.payload = payload
        self.memory = memory
        self.blocks = blocks
        self.completion = completion
        self.speaker = speaker
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(destination)
        writer.write(reply)
        writer.write(code)
        writer.write(list: rights)
        writer.write(payload)
        writer.write(list: memory)
        writer.write(blocks)
        writer.write(completion)
        writer.write(optional: speaker)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        destination = try reader.read()
        reply = try reader.read()
        code = try reader.read()
        rights = try reader.readList(limit: Limits.rightsPerMessageMax, field: "rights")
        payload = try reader.read()
        memory = try reader.readList(limit: Limits.memoryPerMessageMax, field: "memory")
        blocks = try reader.readBool()
        completion = try reader.read()
        guard Int(completion) < Limits.completionWords else { throw .malformed(field: "completion") }
        speaker = try reader.readOptional()
    }
}

extension Limits {
    /// Completion words of one task's control memory; as many sends of it can be blocked at a time.
    public static let completionWords = 256
}

/// The arguments of `mach_port_request_notification` (T1).
public struct NotificationRequest: Hashable, Sendable, WireCodable {
    public enum Kind: UInt8, Hashable, Sendable {
        case sendPossible = 66
        case portDestroyed = 69
        case noSenders = 70
        case deadName = 72
    }

    public var kind: Kind
    public var port: PortID
    /// No-senders: fires at once if there are no senders and the make-send count has reached this (T2). Dead-name: not 0 for a name that
    /// is dead already is answered at once (T3).
    public var sync: UInt32
    /// `.makeSendOnce` of a port of one's own, `.moveSendOnce`, or `.null` to cancel.
    public var notify: Transfer
    /// Dead-name: the send-once right that it is for; nil for the send or receive right.
    public var once: SendOnceID?
    /// Dead-name: what the task calls the right, for the notification.
    public var name: UInt32

    public init(_ kind: Kind, port: PortID, once: SendOnceID? = nil, name: UInt32 = 0, sync: UInt32 = 0, notify: Transfer) {
        self.kind = kind
        self.port = port
        self.once = once
        self.name = name
        self.sync = sync
        self.notify = notify
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(kind.rawValue)
        writer.write(port)
        writer.write(sync)
        writer.write(notify)
        writer.write(optional: once)
        writer.write(name)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let tag = try reader.read(UInt8.self)
        guard let kind = Kind(rawValue: tag) else { throw .unknownCase(of: "NotificationRequest", tag: UInt64(tag)) }
        self.kind = kind
        port = try reader.read()
        sync = try reader.read()
        notify = try reader.read()
        once = try reader.readOptional()
        name = try reader.read()
    }
}

/// What was wrong with a link; counted per kind.
public enum LinkFault: UInt8, Hashable, Sendable, CaseIterable, WireCodable {
    /// A frame's header or length is impossible.
    case malformedFrame = 1
    /// An announcement names a lease or a reply that does not exist on this link.
    case unknownAnnouncement = 2
    /// The lease word counts frames that no slot carries.
    case missingFrames = 3
    /// The words of a lease contradict each other.
    case impossibleCount = 4
    /// A reply for a call that is not outstanding.
    case unexpectedReply = 5
    /// The memory could not be mapped or was not what it must be.
    case unusableMemory = 6

    public func encode(into writer: inout WireWriter) { writer.write(rawValue) }

    public init(from reader: inout WireReader) throws(WireError) {
        let tag = try reader.read(UInt8.self)
        guard let fault = LinkFault(rawValue: tag) else { throw .unknownCase(of: "LinkFault", tag: UInt64(tag)) }
        self = fault
    }
}
