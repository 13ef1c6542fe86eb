public import MasixWire

/// The kernel's answer to a request. Exactly one per request, in order.
public enum Response: Hashable, Sendable, WireCodable {
    case done
    case refused(Refusal)
    /// Port ids `first ..< first + count` of this node are the task's own.
    case portBlock(first: PortID, count: UInt64)
    /// The control-memory entry of the new receive right.
    case allocated(index: UInt32)
    case arrived(Arrived)
    case sent
    case blocked(Ticket)
    case message(Delivered)
    case empty
    /// The next message needs so many bytes behind its header, more than there is room for; it stays (V4).
    case tooLarge(UInt32)
    /// The next message: its size behind the header, and its code.
    case next(size: UInt32, code: UInt32)
    /// A cancelled send: the rights are back, in the form they arrived in (S7).
    case returned(Delivered)
    case identity(TaskIdentity)
    case status(PortStatus)
    case links([LinkID])
    /// The peer's half comes with this answer as a descriptor; the peer's task and identity are here, and the place
    /// of the asking task's reply words. What a chief says may be in another's name.
    case linkPeer(TaskID, TaskIdentity, place: UInt32, isChief: Bool)
    case introduced(TaskID)
    /// One answer for each of several requests, in their order.
    case several([Response])

    /// The tags of what may answer one of several requests.
    private static let partTags: Set<UInt8> = [1, 2, 4, 5, 8, 9]
    /// At most `Receipt.listMax`: with as many, there may be more.
    case receipts([Receipt])

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .done: writer.write(UInt8(1))
        case .refused(let refusal):
            writer.write(UInt8(2))
            writer.write(refusal.rawValue)
        case .portBlock(let first, let count):
            writer.write(UInt8(3))
            writer.write(first)
            writer.write(count)
        case .allocated(let index):
            writer.write(UInt8(4))
            writer.write(index)
        case .arrived(let right):
            writer.write(UInt8(5))
            writer.write(right)
        case .sent: writer.write(UInt8(6))
        case .blocked(let ticket):
            writer.write(UInt8(7))
            writer.write(ticket)
        case .message(let message):
            writer.write(UInt8(8))
            writer.write(message)
        case .empty: writer.write(UInt8(9))
        case .returned(let message):
            writer.write(UInt8(10))
            writer.write(message)
        case .identity(let identity):
            writer.write(UInt8(11))
            writer.write(identity)
        case .status(let status):
            writer.write(UInt8(12))
            writer.write(status)
        case .links(let links):
            writer.write(UInt8(13))
            writer.write(list: links)
        case .linkPeer(let task, let identity, let place, let isChief):
            writer.write(UInt8(14))
            writer.write(task)
            writer.write(identity)
            writer.write(place)
            writer.write(isChief)
        case .introduced(let task):
            writer.write(UInt8(15))
            writer.write(task)
        case .several(let parts):
            writer.write(UInt8(16))
            writer.write(list: parts)
        case .next(let size, let code):
            writer.write(UInt8(18))
            writer.write(size)
            writer.write(code)
        case .tooLarge(let size):
            writer.write(UInt8(17))
            writer.write(size)
        case .receipts(let receipts):
            writer.write(UInt8(30))
            writer.write(list: receipts)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let tag = try reader.read(UInt8.self)
        guard tag == 16 else {
            try self.init(tag: tag, from: &reader)
            return
        }
        let count = try reader.readCount(limit: Limits.requestsTogetherMax, field: "responses")
        var parts: [Response] = []
        for _ in 0..<count {
            let tag = try reader.read(UInt8.self)
            guard Self.partTags.contains(tag) else { throw .unknownCase(of: "Response", tag: UInt64(tag)) }
            parts.append(try Response(tag: tag, from: &reader))
        }
        self = .several(parts)
    }

    private init(tag: UInt8, from reader: inout WireReader) throws(WireError) {
        switch tag {
        case 1: self = .done
        case 2:
            let code = try reader.read(UInt16.self)
            guard let refusal = Refusal(rawValue: code) else { throw .unknownCase(of: "Refusal", tag: UInt64(code)) }
            self = .refused(refusal)
        case 3: self = .portBlock(first: try reader.read(), count: try reader.read())
        case 4: self = .allocated(index: try reader.read())
        case 5: self = .arrived(try reader.read())
        case 6: self = .sent
        case 7: self = .blocked(try reader.read())
        case 8: self = .message(try reader.read())
        case 9: self = .empty
        case 10: self = .returned(try reader.read())
        case 11: self = .identity(try reader.read())
        case 12: self = .status(try reader.read())
        case 13: self = .links(try reader.readList(limit: 65_536, field: "links"))
        case 14: self = .linkPeer(try reader.read(), try reader.read(), place: try reader.read(), isChief: try reader.readBool())
        case 15: self = .introduced(try reader.read())
        case 17: self = .tooLarge(try reader.read())
        case 18: self = .next(size: try reader.read(), code: try reader.read())
        case 30: self = .receipts(try reader.readList(limit: Receipt.listMax, field: "receipts"))
        case let tag: throw .unknownCase(of: "Response", tag: UInt64(tag))
        }
    }
}

/// Why the kernel did not do it. Nothing has been changed.
public enum Refusal: UInt16, Error, Hashable, Sendable, CaseIterable {
    /// The destination is not a right that this task holds, or its port is dead (S2).
    case invalidDestination = 1
    /// The reply right is not one that can be given (S2).
    case invalidReply = 2
    /// A right in the body is not held, or not in that form (S3).
    case invalidRight = 3
    /// The queue is full and the caller does not wait (S6).
    case full = 4
    /// The name denotes nothing that this task has.
    case invalidName = 5
    /// The value is outside its range.
    case invalidValue = 6
    /// The notify right is dead (T1).
    case invalidCapability = 7
    /// Over the task's quota of ports or rights.
    case noSpace = 8
    /// Over the task's quota of queued memory, messages, or blocked sends.
    case resourceShortage = 9
    /// Only the node's first task may do this.
    case notPermitted = 10
    /// The inline bytes are over the limit; send a memory object.
    case tooLarge = 11
    /// No chief on the way takes messages for this destination.
    case noRoute = 12
    /// The link or reply is no longer there.
    case linkGone = 13
    /// The request could not be read.
    case malformed = 14
    /// The memory is not a sealed memory object of the length that was said (M1).
    case invalidMemory = 15
    /// The name exists already.
    case nameExists = 16
    /// The message is not bare: it must be received by itself.
    case notBare = 17
    /// A receive right cannot go to another node yet.
    case staysOnNode = 30
}

/// What `mach_port_get_receive_status` shows (1.2).
public struct PortStatus: Hashable, Sendable, WireCodable {
    /// Messages that have been sent and not received. Leases close so that it is known.
    public let messages: UInt32
    public let queueLimit: UInt32
    public let makeSendCount: UInt32
    /// Holders of send rights, in spaces and in messages (N4).
    public let sendRights: UInt32
    public let sendOnceRights: UInt32
    public let blockedSenders: UInt32
    public let leases: UInt32
    public let noSendersRequested: Bool
    public let portDestroyedRequested: Bool

    public func encode(into writer: inout WireWriter) {
        writer.write(messages)
        writer.write(queueLimit)
        writer.write(makeSendCount)
        writer.write(sendRights)
        writer.write(sendOnceRights)
        writer.write(blockedSenders)
        writer.write(leases)
        writer.write(noSendersRequested)
        writer.write(portDestroyedRequested)
    }

    public init(
        messages: UInt32, queueLimit: UInt32, makeSendCount: UInt32, sendRights: UInt32, sendOnceRights: UInt32, blockedSenders: UInt32,
        leases: UInt32, noSendersRequested: Bool, portDestroyedRequested: Bool
    ) {
        self.messages = messages
        self.queueLimit = queueLimit
        self.makeSendCount = makeSendCount
        self.sendRights = sendRights
        self.sendOnceRights = sendOnceRights
        self.blockedSenders = blockedSenders
        self.leases = leases
        self.noSendersRequested = noSendersRequested
        self.portDestroyedRequested = portDestroyedRequested
    }

    public init(from reader: inout WireReader) throws(WireError) {
        messages = try reader.read()
        queueLimit = try reader.read()
        makeSendCount = try reader.read()
        sendRights = try reader.read()
        sendOnceRights = try reader.read()
        blockedSenders = try reader.read()
        leases = try reader.read()
        noSendersRequested = try reader.readBool()
        portDestroyedRequested = try reader.readBool()
    }
}
