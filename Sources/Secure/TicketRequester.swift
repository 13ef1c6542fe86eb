import Crypto

/// The asking side, A of figures 4 and 5: a task that asks its name server for a session with a server, and opens it. Pure: bytes in, bytes out
/// (spec/security.md 2.4, steps 1 to 5).
public struct TicketRequester: Sendable {
    public let party: Party
    /// Nil of a client.
    private let key: InstanceKey?
    /// By the questions that have no answer yet.
    private var questions: [Nonce: Question] = [:]
    let defences: Defences

    private struct Question: Sendable {
        let target: Target
        let interface: Interface
        let deadline: BootTime
    }

    /// Questions at a time.
    public static let questionsMax = 64
    /// A grant that comes later is not taken: less than a ticket lives, so that nobody is given one whose secret may be old
    /// (`Formal/ticket.pml`, `DEADLINE`).
    public static let seconds: UInt64 = 15

    /// A server, as its name server registered it.
    public init(_ registered: RegisteredMessage) { self.init(.server(registered.name), key: registered.key, defences: .all) }

    /// A task that is no server.
    public init(client: ClientIdentity) { self.init(.client(client), key: nil, defences: .all) }

    init(_ party: Party, key: InstanceKey?, defences: Defences) {
        self.party = party
        self.key = key
        self.defences = defences
    }

    public var pendingCount: Int { questions.count }

    /// RESOLVE, for the name server.
    public mutating func resolve(
        _ target: Target, _ interface: Interface, at now: BootTime, random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> [UInt8] {
        questions = questions.filter { now < $0.value.deadline }
        guard questions.count < Self.questionsMax else {
            throw SecurityRefusal(.full, "\(Self.questionsMax) questions are without an answer")
        }
        let question = ResolveMessage(party: party, target: target, interface: interface, nonce: Nonce(random: &random))
        questions[question.nonce] = Question(target: target, interface: interface, deadline: now.later(seconds: Self.seconds))
        return key.map(question.message(key:)) ?? question.plainMessage
    }

    /// GRANT has come: the way to the server, which is the right beside it, and what to say there.
    public mutating func granted(
        _ message: [UInt8], at now: BootTime, random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> SessionOpening {
        let (grant, ticket) = try open(message)
        if defences.contains(.freshGrant) {
            guard let question = questions[grant.nonce] else {
                throw SecurityRefusal(.unexpected, "a grant for a question that was not asked, or was answered")
            }
            guard now < question.deadline || !defences.contains(.deadline) else {
                throw SecurityRefusal(.tooLate, "a grant after \(Self.seconds) s")
            }
            try check(grant, answers: question)
            questions[grant.nonce] = nil
        }
        return SessionOpening(grant, ticket: ticket, ephemeral: Curve25519.KeyAgreement.PrivateKey(random: &random))
    }

    private func open(_ message: [UInt8]) throws(SecurityRefusal) -> (grant: Grant, ticket: [UInt8]) {
        if !defences.contains(.sealedGrant), SecureFrame.kind(of: message) == .plainGrant { return try Grant.open(message, key: nil) }
        return try Grant.open(message, key: key)
    }

    private func check(_ grant: Grant, answers question: Question) throws(SecurityRefusal) {
        guard grant.terms.asker == party else { throw SecurityRefusal(.mismatch, "a grant for \(grant.terms.asker)") }
        guard defences.contains(.peerInGrant) else { return }
        guard question.target.isMet(by: grant.terms.server), grant.terms.interface == question.interface else {
            throw SecurityRefusal(
                .mismatch,
                "a grant for \(grant.terms.server), \(grant.terms.interface), where \(question.target), \(question.interface) was asked for"
            )
        }
    }

    /// REFUSED has come. False if no question is known by this.
    public mutating func refused(_ message: [UInt8]) throws(SecurityRefusal) -> Bool {
        let refused = try RefusedMessage(message: message)
        guard let nonce = questions.keys.first(where: { $0.bytes.starts(with: refused.request.bytes) }) else { return false }
        questions[nonce] = nil
        return true
    }
}

/// What is said to the server first, and what its answer is read with.
public struct SessionOpening: ~Copyable {
    private let initiator: NoiseInitiator
    private let asker: Party
    public let server: InstanceName
    public let interface: Interface
    /// OPENING.
    public let message: [UInt8]

    init(_ grant: Grant, ticket: [UInt8], ephemeral: Curve25519.KeyAgreement.PrivateKey) {
        let prologue = SessionPrologue.bytes(
            ticket: ticket, asker: grant.terms.asker, server: grant.terms.server, interface: grant.terms.interface,
            suite: grant.terms.suite, boot: grant.boot)
        initiator = NoiseInitiator(suite: grant.terms.suite, prologue: prologue, shared: grant.terms.secret, ephemeral: ephemeral)
        asker = grant.terms.asker
        server = grant.terms.server
        interface = grant.terms.interface
        message = OpeningMessage(ticket: ticket, handshake: initiator.message).message
    }

    /// ANSWER has come: the server is who it should be. Its parameters are appended to `parameters`.
    public consuming func answered(
        _ message: [UInt8], at now: BootTime, parameters: inout [UInt8]
    ) throws(SecurityRefusal) -> Session {
        let answer = try AnswerMessage(message: message)
        guard let (payload, result) = initiator.finish(answer.handshake) else {
            throw SecurityRefusal(.authentication, "an answer that is not \(server)'s")
        }
        parameters += payload
        return Session(result, asker: asker, server: server, interface: interface, begun: now)
    }
}

extension Curve25519.KeyAgreement.PrivateKey {
    /// By chance: a new one for each handshake.
    init(random: inout some RandomNumberGenerator) {
        var bytes = random.bytes(32)
        defer { Sodium.wipe(&bytes) }
        guard let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: bytes) else {
            preconditionFailure("32 bytes are always a key")
        }
        self = key
    }
}
