public import MasixKernel

/// A message as it was received: its bytes, and the rights and memory that came with it.
///
/// Take what you want to keep; the rest is released with the message. An untaken reply right tells the caller so (T4).
public struct ReceivedMessage: ~Copyable, Sendable {
    /// The port that it was sent to: the member, for a set (V5).
    public let port: PortID
    /// For the two partners; Mach's `msgh_id`. For a notification, the id of its kind.
    public let code: UInt32
    /// Inline bytes.
    public let bytes: [UInt8]
    /// The task that sent it, as the kernel says; the kernel itself for a notification.
    public let sender: TaskID
    /// What the kernel tells by this message, if it comes from the kernel.
    public let notification: Notification?
    /// Whose words they are, if the node's chief brought them.
    let words: Words?
    package var reply: OwnedRight
    package var rights: [OwnedRight]
    package var memory: [MemoryObject?]
    /// How `bytes` are laid out.
    package let format: BodyFormat
    /// It was sent with a send-once right.
    package let isOnce: Bool
    let space: Space

    /// The bytes are those of a program on a machine of the other byte order, and nobody has turned them: what in them is a number, only the
    /// program knows. Never so for a message of this node, nor for what Mach's types describe.
    public var isOfOtherByteOrder: Bool { format.isForeign }

    /// The inline bytes as text, if they are UTF-8.
    public var text: String? { String(validating: bytes, as: UTF8.self) }

    /// How many rights came in the body.
    public var rightCount: Int { rights.count }
    /// How many memory objects came.
    public var memoryCount: Int { memory.count }

    /// Who sent it: user, process, executable, from the operating system and not from the sender (architecture, "What is trusted").
    public func senderIdentity() throws(MasixError) -> TaskIdentity {
        if let words { return words.speaker.identity }
        return try space.identity(of: sender)
    }

    /// The right to answer. Whoever takes it owes the caller one message.
    public mutating func takeReply() -> SendOnceRight? {
        guard case .sendOnce(let state) = reply else { return nil }
        reply = .null
        return SendOnceRight(state)
    }

    /// The reply right, if the caller gave a send right instead of a send-once right.
    public mutating func takeReplySendRight() -> SendRight? {
        guard case .send(let reference) = reply else { return nil }
        reply = .null
        return SendRight(reference)
    }

    /// The send right at this position; nil if there is something else or it has been taken.
    public mutating func takeSendRight(at index: Int = 0) -> SendRight? {
        guard rights.indices.contains(index), case .send(let reference) = rights[index] else { return nil }
        rights[index] = .null
        return SendRight(reference)
    }

    /// The send-once right at this position.
    public mutating func takeSendOnceRight(at index: Int = 0) -> SendOnceRight? {
        guard rights.indices.contains(index), case .sendOnce(let state) = rights[index] else { return nil }
        rights[index] = .null
        return SendOnceRight(state)
    }

    /// The receive right at this position.
    public mutating func takeReceiveRight(at index: Int = 0) -> ReceiveRight? {
        guard rights.indices.contains(index), case .receive(let holder) = rights[index] else { return nil }
        rights[index] = .null
        return ReceiveRight(holder)
    }

    /// Whether the right at this position had died under way (D3).
    public func isDead(at index: Int) -> Bool {
        guard rights.indices.contains(index), case .dead = rights[index] else { return false }
        return true
    }

    /// The memory object at this position.
    public mutating func takeMemory(at index: Int = 0) -> MemoryObject? {
        guard memory.indices.contains(index) else { return nil }
        defer { memory[index] = nil }
        return memory[index]
    }

    /// The last memory object, and the others are all that came: for a layer above that has put one of its own behind them.
    package mutating func takeLastMemory() -> MemoryObject? { memory.popLast() ?? nil }
}
