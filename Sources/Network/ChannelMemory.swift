public import MasixWire

/// What one side of a channel remembers of the other when they meet again; part of its hello.
public struct ChannelMemory: Hashable, Sendable, WireCodable {
    /// The life of the other side of which all this is said; nil if it knows none.
    public var life: ServerLife?
    /// The session that it has, by its serial; 0 for none.
    public var session: UInt64
    /// So many frames of that session have come.
    public var received: UInt64
    /// The latest connection that has ended here, by its serial; 0 for none. Whoever decides learns from it that a connection which looks
    /// alive there is dead here.
    public var ended: UInt64

    public init(life: ServerLife? = nil, session: UInt64 = 0, received: UInt64 = 0, ended: UInt64 = 0) {
        self.life = life
        self.session = session
        self.received = received
        self.ended = ended
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(optional: life)
        writer.write(session)
        writer.write(received)
        writer.write(ended)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        life = try reader.readOptional()
        session = try reader.read()
        received = try reader.read()
        ended = try reader.read()
    }
}

/// From the node with the lower number, which decides: this connection is the channel, and this is how the two go on.
public struct ChannelAcceptance: Hashable, Sendable, WireCodable {
    /// Of this connection; rises from one to the next.
    public var serial: UInt64
    /// The session that it carries, by the serial of its first connection: a new one if that is this connection.
    public var session: UInt64
    /// So many frames of the session have come to the side that decides.
    public var received: UInt64
    /// So many of its own frames it leaves out: it begins with the one after them.
    public var skipped: UInt64

    public init(serial: UInt64, session: UInt64, received: UInt64 = 0, skipped: UInt64 = 0) {
        self.serial = serial
        self.session = session
        self.received = received
        self.skipped = skipped
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(serial)
        writer.write(session)
        writer.write(received)
        writer.write(skipped)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        serial = try reader.read()
        session = try reader.read()
        received = try reader.read()
        skipped = try reader.read()
    }
}
