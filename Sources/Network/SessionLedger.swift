/// Which session a node has with one other, and which connection carries it. Pure: time and connections are parameters.
///
/// At most one session at any time, and at most one connection that carries it. Of a pair the node with the lower number decides about
/// connections; the other one follows (decision 0021).
public struct SessionLedger: Sendable {
    /// A connection, as whoever owns it calls it.
    public typealias Connection = UInt64

    /// What follows from something, in this order.
    public enum Step: Hashable, Sendable {
        /// This connection is of no more use, and nobody's fault.
        case release(Connection)
        /// The session has died.
        case died
        case accept(Connection, ChannelAcceptance)
        /// The other side has said that this needs to be kept no longer.
        case freed(bytes: Int)
        /// The connection carries the session from now on: a new one, or the one that there was.
        case begun(Connection)
        case resumed(Connection)
        case refuse(Connection, ChannelRefusal)
    }

    private let own: ServerLife
    private let decides: Bool
    /// The latest life of the other side that has been heard.
    private var latest: ServerLife?
    public private(set) var session: ChannelSession?
    /// What carries it.
    public private(set) var connection: Connection?
    /// Of the latest connection that carried a session in the other side's present life.
    private var serial: UInt64 = 0
    /// When a session that is not carried is dead.
    public private(set) var deadline: UInt64?
    /// When its connection was lost.
    private var lostAt: UInt64?

    /// `decides`: our node's number is the lower one.
    public init(own: ServerLife, decides: Bool) {
        self.own = own
        self.decides = decides
    }

    /// What our hello says.
    public var memory: ChannelMemory {
        ChannelMemory(
            life: latest, session: session?.serial ?? 0, received: session?.received ?? 0, ended: connection == nil ? serial : endedBefore)
    }

    /// While a connection is up, the one before it is the latest that has ended.
    private var endedBefore: UInt64 { serial == 0 ? 0 : serial - 1 }

    // MARK: - Meeting

    /// The other side has said in which life it is. A later one than the one that was known is the end of everything with that.
    public mutating func meet(_ life: ServerLife) throws(ChannelRefusal) -> [Step] {
        if let latest, life < latest {
            guard life.incarnation == latest.incarnation else { throw .staleIncarnation(life.incarnation, latest: latest.incarnation) }
            throw .staleLife
        }
        guard life != latest else { return [] }
        let steps = end(releasing: true)
        latest = life
        // Connections of another life have other serials where the other side gives them; where we do, they go on.
        if !decides { serial = 0 }
        return steps
    }

    /// This node decides: what becomes of a connection whose other side, in the life that was met, remembers this. `next` is the serial
    /// that it will have, higher than all that were.
    public mutating func decide(_ new: Connection, _ memory: ChannelMemory, next: UInt64) -> [Step] {
        guard let life = latest, decides else { return [.refuse(new, .unexpectedAcceptance)] }
        var steps: [Step] = []
        let knowsUs = memory.life == own
        if let current = connection {
            // It may not have heard of the connection that there is, or not of its end.
            guard knowsUs, memory.ended >= serial else { return [.refuse(new, .duplicate)] }
            steps.append(.release(current))
            connection = nil
        }
        var acceptance = ChannelAcceptance(serial: next, session: next)
        if let session {
            let (received, number) = (session.received, session.serial)
            let hasIt = knowsUs && memory.session == number
            // Whoever had it and has declared it dead has ended a connection of its number or a higher one.
            let hadNotHeard = !hasIt && (!knowsUs || memory.ended < number)
            // It has heard since, and so has said this before: what is true now, its next hello says.
            guard !hadNotHeard || received == 0 && session.acknowledged == 0 else { return steps + [.refuse(new, .duplicate)] }
            if hasIt || hadNotHeard {
                // Its hello may be older than what it has acknowledged since, over the connection that there was.
                let theirs = hasIt ? max(memory.received, session.acknowledged) : 0
                do throws(ChannelRefusal) {
                    let bytes = try self.session?.resume(theirs: theirs, skipped: received) ?? 0
                    steps.append(.freed(bytes: bytes))
                } catch {
                    return steps + end(releasing: false) + [.refuse(new, error)]
                }
                acceptance = ChannelAcceptance(
                    serial: next, session: number, received: received, skipped: theirs)
            } else {
                // It has declared it dead.
                steps += end(releasing: false)
            }
        }
        steps.append(.accept(new, acceptance))
        return steps + carry(by: new, serial: next, acceptance.session, life)
    }

    /// The other node has decided, in the life that its hello on this connection said.
    public mutating func follow(_ acceptance: ChannelAcceptance, on new: Connection, in life: ServerLife) -> [Step] {
        guard !decides, acceptance.session <= acceptance.serial else { return [.refuse(new, .unexpectedAcceptance)] }
        // Said before it began again, and heard after.
        guard life == latest else { return [.refuse(new, .staleLife)] }
        // A later one has been made meanwhile.
        guard acceptance.serial > serial else { return [.release(new)] }
        var steps: [Step] = []
        if let current = connection {
            steps.append(.release(current))
            connection = nil
        }
        if let known = session?.serial {
            if acceptance.session == known {
                do throws(ChannelRefusal) {
                    let bytes = try session?.resume(theirs: acceptance.received, skipped: acceptance.skipped) ?? 0
                    steps.append(.freed(bytes: bytes))
                } catch {
                    return steps + end(releasing: false) + [.refuse(new, error)]
                }
            } else {
                steps += end(releasing: false)
            }
        }
        guard session != nil || acceptance.session > serial else {
            // Declared dead since our hello.
            return steps + [.refuse(new, .deadSession)]
        }
        return steps + carry(by: new, serial: acceptance.serial, acceptance.session, life)
    }

    private mutating func carry(by new: Connection, serial next: UInt64, _ number: UInt64, _ life: ServerLife) -> [Step] {
        connection = new
        serial = next
        (deadline, lostAt) = (nil, nil)
        guard session == nil else { return [.resumed(new)] }
        session = ChannelSession(serial: number, life: life)
        return [.begun(new)]
    }

    // MARK: - Parting

    /// The connection is no more; the session waits for another one until the deadline.
    public mutating func lost(_ gone: Connection, at now: UInt64, deadline: UInt64) {
        guard connection == gone else { return }
        connection = nil
        guard session != nil else { return }
        (self.deadline, lostAt) = (deadline, now)
    }

    /// Nobody listens at the other side's address: what waits for it waits no longer than so long since the connection was lost.
    public mutating func hasten(to patience: UInt64) {
        guard let lostAt, let deadline else { return }
        self.deadline = min(deadline, lostAt + patience)
    }

    /// It is so late now.
    public mutating func expire(at now: UInt64) -> [Step] {
        guard let deadline, now >= deadline else { return [] }
        return end(releasing: true)
    }

    /// The session is over, and is refused for ever: no hello names it any more.
    public mutating func end(releasing: Bool) -> [Step] {
        var steps: [Step] = []
        if let connection, releasing { steps.append(.release(connection)) }
        connection = nil
        (deadline, lostAt) = (nil, nil)
        if session != nil { steps.append(.died) }
        session = nil
        return steps
    }

    // MARK: - Frames

    public mutating func keep(_ frame: [UInt8]) { session?.keep(frame) }

    /// For the connection that carries the session: nothing if there is none.
    public mutating func takeUnwritten() -> [[UInt8]] { connection == nil ? [] : session?.takeUnwritten() ?? [] }

    public mutating func takeAcknowledgement() -> UInt64? { connection == nil ? nil : session?.takeAcknowledgement() }

    public var isAcknowledgementDue: Bool { session?.isAcknowledgementDue ?? false }
    public var isAcknowledgementOpen: Bool { session?.isAcknowledgementOpen ?? false }

    /// False if it is to be dropped: it came before.
    public mutating func receive(bytes: Int) -> Bool { session?.receive(bytes: bytes) ?? false }

    public mutating func acknowledge(_ count: UInt64) throws(ChannelRefusal) -> Int { try session?.acknowledge(count) ?? 0 }
}
