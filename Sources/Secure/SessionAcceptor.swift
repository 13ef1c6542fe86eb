import Crypto

/// The side that is asked, B of figures 4 and 5: a server that takes tickets (spec/security.md 2.4, steps 3 to 5).
public struct SessionAcceptor: Sendable {
    public let name: InstanceName
    private let boot: BootID
    private let key: InstanceKey
    private var cache: TicketCache
    let defences: Defences

    /// After the answer, the first record must come within this.
    public static let secondsToConfirm: UInt64 = 2

    /// As its name server registered it.
    public init(_ registered: RegisteredMessage) { self.init(registered, cache: TicketCache(), defences: .all) }

    init(_ registered: RegisteredMessage, cache: TicketCache, defences: Defences) {
        name = registered.name
        boot = registered.boot
        key = registered.key
        self.cache = cache
        self.defences = defences
    }

    /// Tickets that were used and have not expired.
    public var ticketCount: Int { cache.count }

    /// OPENING has come. The ticket is written down as used before anything is answered. `parameters` is what the server tells the other side of
    /// itself, at most `AnswerMessage.parameterBytesMax` bytes.
    public mutating func accept(
        _ message: [UInt8], parameters: [UInt8] = [], at now: BootTime, random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> PendingSession {
        guard parameters.count <= AnswerMessage.parameterBytesMax else {
            throw SecurityRefusal(.malformed, "parameters of \(parameters.count) bytes; at most \(AnswerMessage.parameterBytesMax)")
        }
        let opening = try OpeningMessage(message: message)
        let ticket = try Ticket(sealed: opening.ticket, key: key)
        try check(ticket, at: now)
        let prologue = SessionPrologue.bytes(
            ticket: opening.ticket, asker: ticket.asker, server: ticket.server, interface: ticket.interface, suite: ticket.suite, boot: boot
        )
        guard
            let responder = NoiseResponder(
                suite: ticket.suite, prologue: prologue, shared: ticket.secret, message: opening.handshake),
            responder.payload.isEmpty
        else { throw SecurityRefusal(.authentication, "an opening that is not \(ticket.asker)'s") }
        if defences.contains(.singleUse) {
            // Where expiry is taken away the cache keeps numbers for ever.
            let expires = defences.contains(.expiry) ? ticket.expires : BootTime(nanoseconds: .max)
            try cache.use(ticket.number, expires: expires, at: now)
        }
        guard let (answer, result) = responder.answer(ephemeral: Curve25519.KeyAgreement.PrivateKey(random: &random), payload: parameters)
        else { throw SecurityRefusal(.authentication, "an opening with a key that is none") }
        return PendingSession(
            result, ticket: ticket, answer: AnswerMessage(handshake: answer).message, deadline: now.later(seconds: Self.secondsToConfirm))
    }

    private func check(_ ticket: Ticket, at now: BootTime) throws(SecurityRefusal) {
        if defences.contains(.expiry) {
            guard now < ticket.expires else { throw SecurityRefusal(.expired, "the ticket of \(ticket.asker) has expired") }
            // Else the cache would have to remember it for longer than it is made for.
            guard ticket.expires <= now.later(seconds: Ticket.secondsMax) else {
                throw SecurityRefusal(.malformed, "a ticket for longer than \(Ticket.secondsMax) s")
            }
        }
        if defences.contains(.ownName) {
            guard ticket.server == name else { throw SecurityRefusal(.mismatch, "a ticket for \(ticket.server)") }
        }
        if defences.contains(.interfaces), ticket.interface == .server, case .client = ticket.asker {
            throw SecurityRefusal(.mismatch, "a client with a ticket for the interface of servers")
        }
    }
}

/// A session that was answered. The server may not act yet: only the first record shows that the other side is there now.
public struct PendingSession: ~Copyable {
    private let result: NoiseResult
    private let ticket: Ticket
    /// ANSWER.
    public let answer: [UInt8]
    public let deadline: BootTime

    init(_ result: NoiseResult, ticket: Ticket, answer: [UInt8], deadline: BootTime) {
        self.result = result
        self.ticket = ticket
        self.answer = answer
        self.deadline = deadline
    }

    /// Who it will be with.
    public var asker: Party { ticket.asker }

    /// The first record has come, without the length in front of it: its payload is appended to `output`, and the session begins.
    public consuming func confirm(
        _ record: ArraySlice<UInt8>, authenticating header: [UInt8] = [], at now: BootTime, into output: inout [UInt8]
    ) throws(SecurityRefusal) -> Session {
        guard now < deadline else { throw SecurityRefusal(.tooLate, "\(ticket.asker) did not go on in time") }
        var session = Session(result, asker: ticket.asker, server: ticket.server, interface: ticket.interface, begun: now)
        guard try session.opener.open(record, authenticating: header, into: &output) == .data else {
            throw SecurityRefusal(.sessionOver, "\(ticket.asker) closed before it said anything")
        }
        return session
    }
}
