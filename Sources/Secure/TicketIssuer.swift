import Crypto

/// What the nucleus and the supervisor say of a task that registers or asks.
public struct Attestation: Hashable, Sendable {
    public let uid: UInt32
    /// SHA-256 of what it was started from; all zeros where nobody has hashed it.
    public let executable: Digest256
    /// The supervisor launched it from the bytes that it had hashed.
    public let isLaunched: Bool

    public init(uid: UInt32, executable: Digest256?, isLaunched: Bool) {
        self.uid = uid
        self.executable = executable ?? Digest256.none
        self.isLaunched = isLaunched && executable != nil
    }
}

extension Digest256 {
    static var none: Digest256 {
        guard let digest = Digest256([UInt8](repeating: 0, count: DigestKind.count)) else { preconditionFailure("32 zeros are 32 bytes") }
        return digest
    }
}

/// Who asks, as the nucleus says it.
public enum Sender: Hashable, Sendable {
    /// A server that is registered here.
    case server(instance: UInt64)
    case client(task: UInt64, Attestation)
}

/// What a name server does about a question.
public enum Resolution: Sendable {
    /// GRANT, for whoever asked, with the right to the server beside it.
    case grant(InstanceName, [UInt8])
    /// FORWARD, for the network server.
    case forward([UInt8])
}

/// The name server's part, N of figures 4 and 5: who is registered, with which key, and who is given a ticket. Pure
/// (spec/security.md 2.4, steps 1 and 2; 2.5, steps 2, 4, 5, 7 and 8).
public struct TicketIssuer: Sendable {
    private struct Registration: Sendable {
        let name: InstanceName
        let key: InstanceKey
        let interfaces: Set<Interface>
        let attestation: Attestation
    }

    private struct Waiting: Sendable {
        let question: ResolveMessage
        let sender: Sender
        let server: ServerName
        let node: NodeName
        let deadline: BootTime
    }

    public let node: NodeName
    public let boot: BootID
    /// Whether this node's processor has instructions for AES.
    public let hasAES: Bool
    public var policy: Policy
    /// Whether servers that the supervisor did not launch may register: for developers, and marked wherever it shows.
    public let admitsUnattested: Bool
    private var registrations: [UInt64: Registration] = [:]
    private var names: [ServerName: UInt64] = [:]
    private var nextInstance: UInt64 = 1
    private var waiting: [RequestID: Waiting] = [:]
    private var rates: [Sender: TokenBucket] = [:]
    let defences: Defences

    public static let registrationsMax = 4_096
    public static let waitingMax = 256
    /// Questions of one sender: so many at once, and so many a second after that.
    public static let questionsAtOnce: UInt64 = 128
    public static let questionsPerSecond: UInt64 = 1_000
    static let ratesMax = 8_192

    public init(node: NodeName, boot: BootID, hasAES: Bool, policy: Policy = Policy(), admitsUnattested: Bool = false) {
        self.init(node: node, boot: boot, hasAES: hasAES, policy: policy, admitsUnattested: admitsUnattested, defences: .all)
    }

    init(node: NodeName, boot: BootID, hasAES: Bool, policy: Policy, admitsUnattested: Bool, defences: Defences) {
        self.node = node
        self.boot = boot
        self.hasAES = hasAES
        self.policy = policy
        self.admitsUnattested = admitsUnattested
        self.defences = defences
    }

    // MARK: - Who is registered

    /// REGISTER has come on the socket of a server that was launched with it. `manifest` says what it may be called; without one, no server that was
    /// launched may be called anything.
    public mutating func register(
        _ message: [UInt8], as attestation: Attestation, manifest: Manifest?, random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> RegisteredMessage {
        let wanted = try RegisterMessage(message: message)
        if defences.contains(.manifest), attestation.isLaunched {
            guard let manifest else { throw SecurityRefusal(.registration, "there is no manifest, and \(wanted.server) was launched") }
            try manifest.check(wanted, attestation, on: node)
        } else if defences.contains(.manifest) {
            guard admitsUnattested else {
                throw SecurityRefusal(
                    .registration, "\(wanted.server) was not launched by the supervisor, and this node admits no such servers")
            }
        }
        if defences.contains(.uniqueName), let holder = names[wanted.server] {
            throw SecurityRefusal(.registration, "\(wanted.server) is the name of instance \(holder), which lives")
        }
        guard registrations.count < Self.registrationsMax else {
            throw SecurityRefusal(.full, "\(Self.registrationsMax) servers are registered")
        }
        let name = InstanceName(server: wanted.server, node: node, instance: nextInstance)
        let key = InstanceKey(random: &random)
        nextInstance += 1
        registrations[name.instance] = Registration(
            name: name, key: key, interfaces: Set(wanted.interfaces), attestation: attestation)
        names[name.server] = name.instance
        return RegisteredMessage(name: name, boot: boot, key: key)
    }

    /// The instance has ended, or may not be what it was any more: its key is gone, its name is free. REVOKE, for its peers and the network server.
    public mutating func end(instance: UInt64) -> RevokeMessage? {
        guard let gone = registrations.removeValue(forKey: instance) else { return nil }
        if names[gone.name.server] == instance { names[gone.name.server] = nil }
        forget(.server(instance: instance))
        return RevokeMessage(name: gone.name, boot: boot)
    }

    /// A task that is no server has ended.
    public mutating func end(_ sender: Sender) { forget(sender) }

    private mutating func forget(_ sender: Sender) {
        rates[sender] = nil
        waiting = waiting.filter { $0.value.sender != sender }
    }

    /// A new manifest: what it does not allow any more is revoked.
    public mutating func check(against manifest: Manifest) -> [RevokeMessage] {
        let wrong = registrations.values.filter { registration in
            guard registration.attestation.isLaunched else { return false }
            let wanted = RegisterMessage(server: registration.name.server, interfaces: registration.interfaces)
            do throws(SecurityRefusal) {
                try manifest.check(wanted, registration.attestation, on: node)
                return false
            } catch { return true }
        }
        return wrong.sorted { $0.name.instance < $1.name.instance }.compactMap { end(instance: $0.name.instance) }
    }

    public func instance(of server: ServerName) -> InstanceName? { names[server].flatMap { registrations[$0]?.name } }

    public var registeredCount: Int { registrations.count }
    public var waitingCount: Int { waiting.count }

    // MARK: - Questions of this node's tasks

    /// RESOLVE has come from a task that the nucleus names.
    public mutating func resolve(
        _ message: [UInt8], from sender: Sender, at now: BootTime, random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> Resolution {
        try take(from: sender, at: now)
        let (question, proof) = try ResolveMessage.read(message)
        let asker = try asker(question, proof: proof, from: sender)
        if let other = question.target.node, other != node {
            return .forward(try forward(question, asker, to: other, from: sender, at: now, random: &random))
        }
        let (ticket, sealed) = try issue(
            to: asker, question.target.server, question.interface, hasAES: true, at: now, random: &random)
        let grant = Grant(nonce: question.nonce, terms: ticket, boot: boot)
        return .grant(ticket.server, grant.message(ticket: sealed, for: key(of: sender), nonce: random.bytes(Sodium.extendedNonceBytes)))
    }

    private mutating func take(from sender: Sender, at now: BootTime) throws(SecurityRefusal) {
        guard rates[sender] != nil || rates.count < Self.ratesMax else { throw SecurityRefusal(.full, "too many tasks have asked") }
        guard
            rates[sender, default: TokenBucket(capacity: Self.questionsAtOnce, perSecond: Self.questionsPerSecond, at: now)].take(at: now)
        else { throw SecurityRefusal(.rate, "\(sender) asks too often") }
    }

    private func key(of sender: Sender) -> InstanceKey? {
        guard case .server(let instance) = sender else { return nil }
        return registrations[instance]?.key
    }

    /// Who asks: what the question says must be what the nucleus says, and a server must have its key.
    private func asker(
        _ question: ResolveMessage, proof: ResolveMessage.Proof?, from sender: Sender
    ) throws(SecurityRefusal) -> Asker {
        switch sender {
        case .server(let instance):
            guard let registration = registrations[instance] else {
                throw SecurityRefusal(.unknown, "instance \(instance) is not registered")
            }
            if defences.contains(.proof) {
                guard let proof, proof.isMade(with: registration.key) else {
                    throw SecurityRefusal(.authentication, "a question that was not made with the key of \(registration.name)")
                }
            }
            guard question.party == .server(registration.name) else {
                throw SecurityRefusal(.mismatch, "\(registration.name) asks as \(question.party)")
            }
            return Asker(
                party: question.party, uid: registration.attestation.uid, executable: registration.attestation.executable,
                isAttested: registration.attestation.isLaunched)
        case .client(let task, let attestation):
            let client = ClientIdentity(node: node, task: task, uid: attestation.uid)
            guard proof == nil, question.party == .client(client) else {
                throw SecurityRefusal(.mismatch, "\(client) asks as \(question.party)")
            }
            return Asker(
                party: question.party, uid: attestation.uid, executable: attestation.executable, isAttested: attestation.isLaunched)
        }
    }

    private mutating func issue(
        to asker: Asker, _ server: ServerName, _ interface: Interface, hasAES askerHasAES: Bool, at now: BootTime,
        random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> (ticket: Ticket, sealed: [UInt8]) {
        guard let instance = names[server], let registration = registrations[instance] else {
            throw SecurityRefusal(.unknown, "no \(server) is registered on \(node)")
        }
        guard registration.interfaces.contains(interface) else {
            throw SecurityRefusal(.unknown, "\(registration.name) has no \(interface) interface")
        }
        if defences.contains(.interfaces), interface == .server, asker.server == nil {
            throw SecurityRefusal(.policy, "\(asker) is a client, and wants the interface of servers")
        }
        if defences.contains(.policy) {
            let decision = policy.decide(asker, opens: server, interface, on: node)
            guard decision.isAllowed else { throw SecurityRefusal(.policy, "\(asker) opens \(registration.name): \(decision.why)") }
        }
        let ticket = Ticket(
            number: TicketNumber(random: &random), asker: asker.party, server: registration.name, interface: interface,
            suite: hasAES && askerHasAES ? .aes256gcm : .chaCha20Poly1305, expires: now.later(seconds: Ticket.secondsMax),
            secret: InstanceKey.secret(random: &random))
        return (ticket, ticket.sealed(for: registration.key))
    }

    // MARK: - Between nodes: the asking side

    private mutating func forward(
        _ question: ResolveMessage, _ asker: Asker, to other: NodeName, from sender: Sender, at now: BootTime,
        random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> [UInt8] {
        if defences.contains(.interfaces), question.interface == .server, asker.server == nil {
            throw SecurityRefusal(.policy, "\(asker) is a client, and wants the interface of servers")
        }
        guard waiting.count < Self.waitingMax else { throw SecurityRefusal(.full, "\(Self.waitingMax) questions wait for other nodes") }
        let request = RequestID(random: &random)
        waiting[request] = Waiting(
            question: question, sender: sender, server: question.target.server, node: other,
            deadline: now.later(seconds: RemoteResolver.seconds))
        return ForwardMessage(
            request: request, asker: asker, server: question.target.server, node: other, interface: question.interface, hasAES: hasAES
        ).message
    }

    /// RREP has come from the network server: GRANT for whoever asked.
    public mutating func replied(
        _ message: [UInt8], at now: BootTime, random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> (sender: Sender, server: InstanceName, grant: [UInt8]) {
        let reply = try RemoteReply(message: message)
        guard let waiter = waiting.removeValue(forKey: reply.request) else {
            throw SecurityRefusal(.unexpected, "an answer to a question that was not asked, or was answered")
        }
        guard now < waiter.deadline else { throw SecurityRefusal(.tooLate, "an answer after \(RemoteResolver.seconds) s") }
        guard reply.terms.asker == waiter.question.party, reply.terms.server.server == waiter.server,
            reply.terms.server.node == waiter.node,
            reply.terms.interface == waiter.question.interface
        else { throw SecurityRefusal(.mismatch, "an answer for \(reply.terms.server) where \(waiter.question.target) was asked for") }
        if case .server(let instance) = waiter.sender, registrations[instance] == nil {
            throw SecurityRefusal(.unknown, "instance \(instance) is not registered any more")
        }
        let grant = Grant(nonce: waiter.question.nonce, terms: reply.terms, boot: reply.boot)
        let bytes = grant.message(ticket: reply.ticket, for: key(of: waiter.sender), nonce: random.bytes(Sodium.extendedNonceBytes))
        return (waiter.sender, reply.terms.server, bytes)
    }

    /// REFUSED has come from the network server: REFUSED for whoever asked.
    public mutating func refused(_ message: [UInt8]) throws(SecurityRefusal) -> (sender: Sender, refused: [UInt8]) {
        let refused = try RefusedMessage(message: message)
        guard let waiter = waiting.removeValue(forKey: refused.request) else {
            throw SecurityRefusal(.unexpected, "a refusal of a question that was not asked, or was answered")
        }
        return (waiter.sender, RefusedMessage(request: waiter.question.request).message)
    }

    /// Questions that nobody will answer any more: REFUSED for each.
    public mutating func overdue(at now: BootTime) -> [(sender: Sender, refused: [UInt8])] {
        let over = waiting.filter { $0.value.deadline <= now }
        for request in over.keys { waiting[request] = nil }
        return over.values.map { ($0.sender, RefusedMessage(request: $0.question.request).message) }
    }

    // MARK: - Between nodes: the side that is asked

    /// RREQ has come from the network server, which has held it against the channel: RREP.
    public mutating func answer(
        _ request: RemoteRequest, at now: BootTime, random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> [UInt8] {
        guard request.asker.node != node else {
            throw SecurityRefusal(.mismatch, "\(request.asker) is of this node, and asks from another")
        }
        let (ticket, sealed) = try issue(
            to: request.asker, request.server, request.interface, hasAES: request.hasAES, at: now, random: &random)
        return RemoteReply(request: request.request, terms: ticket, sealed: sealed, boot: boot).message
    }
}

extension InstanceKey {
    static func secret(random: inout some RandomNumberGenerator) -> SymmetricKey {
        var bytes = random.bytes(Self.bytes)
        defer { Sodium.wipe(&bytes) }
        return SymmetricKey(data: bytes)
    }
}
