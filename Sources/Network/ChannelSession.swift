import DequeModule

/// What two network servers say to each other without a loss, over one connection after the other (decision 0021).
///
/// Frames have numbers, from 1, which nobody writes: within a connection they follow each other, and where one begins the two sides say
/// from which number. What is sent is kept until the other side has said that it has it.
public struct ChannelSession: Sendable {
    /// That of its first connection.
    public let serial: UInt64
    /// The life of the other side's network server.
    public let life: ServerLife
    /// Sent and not acknowledged, the oldest first.
    private var kept: Deque<[UInt8]> = []
    /// So many of our frames have come to the other side, by what it has said.
    public private(set) var acknowledged: UInt64 = 0
    /// So many have been given to connections: of those that are kept, the first ones.
    private var written: UInt64 = 0
    /// So many of its frames have come.
    public private(set) var received: UInt64 = 0
    /// So many frames of the present connection have come over an earlier one.
    private var repeats: UInt64 = 0
    /// So many it knows to have come.
    private var said: UInt64 = 0
    private var bytesUnsaid = 0

    /// After so many bytes or frames an acknowledgement goes even if nothing else does.
    public static let bytesUnsaidMax = 256 << 10
    public static let framesUnsaidMax: UInt64 = 256

    public init(serial: UInt64, life: ServerLife) {
        self.serial = serial
        self.life = life
    }

    /// So many frames have been sent.
    public var sent: UInt64 { acknowledged + UInt64(kept.count) }

    /// A frame to be sent, on the present connection or a later one.
    public mutating func keep(_ frame: [UInt8]) { kept.append(frame) }

    /// What the present connection has not been given; it has from now on.
    public mutating func takeUnwritten() -> [[UInt8]] {
        let first = Int(written - acknowledged)
        guard first < kept.count else { return [] }
        written = sent
        return Array(kept[first...])
    }

    /// The other side has so many of our frames. Returns the bytes that need not be kept any longer.
    public mutating func acknowledge(_ count: UInt64) throws(ChannelRefusal) -> Int {
        guard count >= acknowledged, count <= written else { throw .miscountedFrames }
        return forget(count)
    }

    private mutating func forget(_ count: UInt64) -> Int {
        var bytes = 0
        while acknowledged < count, let frame = kept.popFirst() {
            acknowledged += 1
            bytes += frame.count
        }
        return bytes
    }

    /// A frame of so many bytes has come. False if it came before.
    public mutating func receive(bytes: Int) -> Bool {
        guard repeats == 0 else {
            repeats -= 1
            return false
        }
        received += 1
        bytesUnsaid += bytes
        return true
    }

    /// Whether the other side is to be told now, and not when something else is to be said.
    public var isAcknowledgementDue: Bool { bytesUnsaid >= Self.bytesUnsaidMax || received - said >= Self.framesUnsaidMax }
    /// Whether something has come of which it has not been told.
    public var isAcknowledgementOpen: Bool { received > said }

    /// What the other side is to be told; nil if it knows. It does from now on.
    public mutating func takeAcknowledgement() -> UInt64? {
        guard received > said else { return nil }
        said = received
        bytesUnsaid = 0
        return received
    }

    /// A new connection carries it. The other side has `theirs` of our frames, and leaves out the first `skipped` of its own. Returns the
    /// bytes that need not be kept any longer.
    mutating func resume(theirs: UInt64, skipped: UInt64) throws(ChannelRefusal) -> Int {
        guard theirs >= acknowledged, theirs <= sent, skipped <= received else { throw .impossibleResumption }
        let bytes = forget(theirs)
        written = theirs
        repeats = received - skipped
        // It is told when the connection is made; but if it is the one that skips, it may have known less.
        said = skipped
        return bytes
    }
}
