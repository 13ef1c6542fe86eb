package import MasixKernel
package import MasixTransport

/// A message to be sent: a code, inline bytes, and rights and memory that it owns.
///
/// What is attached has left the space of this program; if the message is let go unsent, so are they.
///
/// ```swift
/// var order = Message(code: 7, text: "two, please")
/// order.attach(door)                       // a SendRight: consumed
/// try server.send(order, timeout: .seconds(1))
/// ```
public struct Message: ~Copyable, Sendable {
    /// For the two partners; Mach's `msgh_id`.
    public var code: UInt32
    /// The inline bytes. Those of an array stay in it; a copy of few needs no memory.
    package var body: MessageBytes
    package var rights: [OwnedRight] = []
    package var memory: [MemoryObject] = []
    /// A right for the answer, beside those of the body; none for most messages, since a call makes its own.
    package var reply: OwnedRight = .null
    /// How `bytes` are laid out.
    package var format = BodyFormat.plain

    /// A message without rights.
    public init(code: UInt32 = 0, bytes: [UInt8] = []) {
        self.code = code
        body = MessageBytes(bytes)
    }

    /// A message with a copy of these bytes. For up to 64 of them it allocates nothing.
    public init(code: UInt32 = 0, copying bytes: Span<UInt8>) {
        self.code = code
        body = MessageBytes(copying: bytes)
    }

    package init(code: UInt32, copying bytes: RawSpan) {
        self.code = code
        body = MessageBytes(copying: bytes)
    }

    /// Inline bytes, at most `Limits.inlineBytesMax`.
    public var bytes: [UInt8] {
        get { body.array }
        set { body = MessageBytes(newValue) }
    }

    /// A message whose inline bytes are text.
    public init(code: UInt32 = 0, text: String) {
        self.init(code: code, bytes: Array(text.utf8))
    }

    /// Gives a send right away with the message. The receiver gets it at the same position among the rights.
    public mutating func attach(_ right: consuming SendRight) { rights.append(.send(right.reference)) }

    /// Gives a send-once right away with the message.
    public mutating func attach(_ right: consuming SendOnceRight) { rights.append(.sendOnce(right.kept())) }

    /// Gives a receive right away with the message: queue, limit, senders and all (spec/mach.md R1).
    public mutating func attach(_ right: consuming ReceiveRight) { rights.append(.receive(right.holder)) }

    /// Makes a send right to this port with the message (N4): as `makeSendRight` and `attach`, without a word to the nucleus.
    public mutating func attachSendRight(to port: borrowing ReceiveRight) { rights.append(.made(by: port.holder)) }

    /// The same for a member of a set. `.invalidRight` for a port that is none.
    public mutating func attachSendRight(to port: PortID, in set: PortSet) throws(MasixError) {
        rights.append(.made(by: try set.holder(of: port)))
    }

    /// Leaves a place empty, so that the positions of the others keep their meaning.
    public mutating func attachNothing() { rights.append(.null) }

    /// A right that had died before it could be attached.
    package mutating func attachDead() { rights.append(.dead) }

    /// Sends memory: the receiver gets its content as of now, however large, without a copy (M1).
    public mutating func attach(_ memory: MemoryObject) { self.memory.append(memory) }

    /// How many rights are attached.
    public var rightCount: Int { rights.count }
    /// How many memory objects are attached.
    public var memoryCount: Int { memory.count }

    /// Only bytes, and few: such a message can go by a link (architecture rule 6).
    var isPlain: Bool { rights.isEmpty && memory.isEmpty && reply.isNull && body.count <= LinkHalf.bodyMax }

    /// Whether one message may carry as much.
    package func check() throws(MasixError) {
        guard body.count <= Limits.inlineBytesMax else { throw .tooLarge(bytes: body.count) }
        guard rights.count <= Limits.rightsPerMessageMax, memory.count <= Limits.memoryPerMessageMax else { throw .tooManyRights }
    }
}

/// A right that a message owns. Each is an object that releases the right when it is let go and has not been given away.
package enum OwnedRight: Sendable {
    case null
    case dead
    case send(SendReference)
    case sendOnce(SendOnceState)
    case receive(ReceiveHolder)
    /// A send right that the sending makes. Nothing is owned: the port may be gone by then, which the kernel refuses.
    case make(ReceiveEntry)
    /// The same of a send-once right; as a reply right alone.
    case makeOnce(ReceiveEntry)

    package var isNull: Bool { if case .null = self { true } else { false } }
}

extension OwnedRight {
    /// A send right to a port of ours: made at once where the library alone knows the port, else by the sending.
    static func made(by holder: ReceiveHolder) -> OwnedRight {
        do throws(MasixError) {
            if let reference = try holder.space.makeLocalSendRight(to: holder.entry) { return .send(reference) }
        } catch {
            // It has died, or its node has: the sending says so.
        }
        return .make(holder.entry)
    }
}
