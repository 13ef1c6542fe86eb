public import MasixKernel
import MasixTransport

/// A message as it was received: its bytes, and the rights and memory that came with it.
///
/// Take what you want to keep; the rest is released with the message. An untaken reply right tells the caller so (T4).
public struct ReceivedMessage: ~Copyable, Sendable {
    private var incoming: Incoming
    let space: Space

    init(_ incoming: consuming Incoming, in space: Space) {
        self.incoming = incoming
        self.space = space
    }

    /// The port that it was sent to: the member, for a set (V5).
    public var port: PortID { incoming.port }
    /// For the two partners; Mach's `msgh_id`. For a notification, the id of its kind.
    public var code: UInt32 { incoming.code }
    /// Inline bytes, as an array made for whoever asks: ask once, or `withBytes`.
    public var bytes: [UInt8] { incoming.body.array }
    /// How many inline bytes there are.
    public var byteCount: Int { incoming.body.count }
    /// The task that sent it, as the kernel says; the kernel itself for a notification.
    public var sender: TaskID { incoming.sender }
    /// What the kernel tells by this message, if it comes from the kernel.
    public var notification: Notification? { incoming.notification }
    package var rights: [OwnedRight] {
        get { incoming.rights }
        set { incoming.rights = newValue }
    }
    package var memory: [MemoryObject?] {
        get { incoming.memory }
        set { incoming.memory = newValue }
    }
    /// How `bytes` are laid out.
    package var format: BodyFormat { incoming.format }
    /// It was sent with a send-once right.
    package var isOnce: Bool { incoming.isOnce }
    /// The reply right, as whatever it is.
    package var reply: OwnedRight {
        mutating get {
            incoming.keepReply()
            return incoming.reply
        }
        set {
            _ = incoming.linked.take()
            incoming.reply = newValue
        }
    }

    /// The right to answer, if it lives in the link that the message came by; else it is `reply`.
    package mutating func takeLinkedReply() -> LinkedReply? { incoming.linked.take() }
    /// There is no right to answer but perhaps that one.
    package var isReplyInLink: Bool { incoming.reply.isNull }

    /// Lends the inline bytes for the time of the call. No array is made for it.
    public func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try incoming.body.withSpan(body)
    }

    package func withRawBytes<Result: ~Copyable, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try incoming.body.withRawSpan(body)
    }
    /// The bytes are those of a program on a machine of the other byte order, and nobody has turned them: what in them is a number, only the
    /// program knows. Never so for a message of this node, nor for what Mach's types describe.
    public var isOfOtherByteOrder: Bool { format.isForeign }

    /// The inline bytes as text, if they are UTF-8.
    public var text: String? { String(validating: bytes, as: UTF8.self) }

    /// How many rights came in the body.
    public var rightCount: Int { incoming.rights.count }
    /// How many memory objects came.
    public var memoryCount: Int { incoming.memory.count }

    /// Who sent it: user, process, executable, from the operating system and not from the sender (architecture, "What is trusted").
    public func senderIdentity() throws(MasixError) -> TaskIdentity {
        if let words = incoming.words { return words.speaker.identity }
        return try space.identity(of: sender)
    }

    /// The right to answer. Whoever takes it owes the caller one message.
    public mutating func takeReply() -> SendOnceRight? {
        if let linked = incoming.linked.take() { return SendOnceRight(linked) }
        guard case .sendOnce(let state) = incoming.reply else { return nil }
        incoming.reply = .null
        return SendOnceRight(state)
    }

    /// The reply right, if the caller gave a send right instead of a send-once right.
    public mutating func takeReplySendRight() -> SendRight? {
        guard case .send(let reference) = incoming.reply else { return nil }
        incoming.reply = .null
        return SendRight(reference)
    }

    /// The send right at this position; nil if there is something else or it has been taken.
    public mutating func takeSendRight(at index: Int = 0) -> SendRight? {
        guard incoming.rights.indices.contains(index), case .send(let reference) = incoming.rights[index] else { return nil }
        incoming.rights[index] = .null
        return SendRight(reference)
    }

    /// The send-once right at this position.
    public mutating func takeSendOnceRight(at index: Int = 0) -> SendOnceRight? {
        guard incoming.rights.indices.contains(index), case .sendOnce(let state) = incoming.rights[index] else { return nil }
        incoming.rights[index] = .null
        return SendOnceRight(state)
    }

    /// The receive right at this position.
    public mutating func takeReceiveRight(at index: Int = 0) -> ReceiveRight? {
        guard incoming.rights.indices.contains(index), case .receive(let holder) = incoming.rights[index] else { return nil }
        incoming.rights[index] = .null
        return ReceiveRight(holder)
    }

    /// Whether the right at this position had died under way (D3).
    public func isDead(at index: Int) -> Bool {
        guard incoming.rights.indices.contains(index), case .dead = incoming.rights[index] else { return false }
        return true
    }

    /// The memory object at this position.
    public mutating func takeMemory(at index: Int = 0) -> MemoryObject? {
        guard incoming.memory.indices.contains(index) else { return nil }
        defer { incoming.memory[index] = nil }
        return incoming.memory[index]
    }

    /// The last memory object, and the others are all that came: for a layer above that has put one of its own behind them.
    package mutating func takeLastMemory() -> MemoryObject? { incoming.memory.popLast() ?? nil }
}
