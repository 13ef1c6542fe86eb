import Crypto

@testable import MasixSecure

/// The cast of figures 4 and 5: tasks A and B, name servers, network servers, and an attacker who sees everything that is said. With `Defences` one
/// defence can be taken away.
struct Cast {
    static let here = node("a")
    static let there = node("b")

    static func node(_ text: String) -> NodeName {
        guard let name = NodeName(text) else { preconditionFailure("no name of a node: \(text)") }
        return name
    }

    static func server(_ text: String) -> ServerName {
        guard let name = ServerName(text) else { preconditionFailure("no name of a server: \(text)") }
        return name
    }

    var chance = SeededChance(11)
    var now = BootTime(nanoseconds: 1_000_000_000_000)
    let defences: Defences
    var issuer: TicketIssuer
    let editor: RegisteredMessage
    let files: RegisteredMessage
    var requester: TicketRequester
    var acceptor: SessionAcceptor

    static let attestation = Attestation(uid: 100, executable: Digest256(of: [1]), isLaunched: true)

    static func policy(_ text: String = "") -> Policy {
        guard let policy = try? Policy(text: Array(text.utf8)) else { preconditionFailure("no policy: \(text)") }
        return policy
    }

    static func manifest() -> Manifest {
        guard let every = NamePattern("*"), let cluster = ClusterID([UInt8](repeating: 1, count: 16)),
            let entry = try? ManifestEntry(executable: Digest256(of: [1]), names: [every], interfaces: [.client, .server], uid: 100),
            let manifest = try? Manifest(
                cluster: cluster, version: 1, notBefore: WallTime(seconds: 0), notAfter: WallTime(seconds: 9), entries: [entry])
        else { preconditionFailure("no manifest") }
        return manifest
    }

    static func issuer(
        _ node: NodeName, _ chance: inout SeededChance, policy: Policy = Policy(), defences: Defences = .all
    ) -> TicketIssuer {
        TicketIssuer(
            node: node, boot: BootID(random: &chance), hasAES: true, policy: policy, admitsUnattested: true, defences: defences)
    }

    static func registered(
        _ name: String, at issuer: inout TicketIssuer, _ chance: inout SeededChance, attestation: Attestation = Cast.attestation
    ) throws(SecurityRefusal) -> RegisteredMessage {
        try issuer.register(
            RegisterMessage(server: server(name), interfaces: [.client, .server]).message, as: attestation, manifest: manifest(),
            random: &chance)
    }

    init(defences: Defences = .all, policy: String = "") throws {
        self.defences = defences
        issuer = Self.issuer(Self.here, &chance, policy: Self.policy(policy), defences: defences)
        editor = try Self.registered("editor", at: &issuer, &chance)
        files = try Self.registered("files", at: &issuer, &chance)
        requester = TicketRequester(.server(editor.name), key: editor.key, defences: defences)
        acceptor = SessionAcceptor(files, cache: TicketCache(), defences: defences)
    }

    mutating func ask(_ name: String = "files", _ interface: Interface = .server) throws -> [UInt8] {
        try requester.resolve(Target(server: Self.server(name)), interface, at: now, random: &chance)
    }

    mutating func grant(_ question: [UInt8]) throws -> [UInt8] {
        guard
            case .grant(_, let grant) = try issuer.resolve(
                question, from: .server(instance: editor.name.instance), at: now, random: &chance)
        else { throw SecurityRefusal(.unexpected, "a forward") }
        return grant
    }

    /// A has opened a session with B, and said something.
    mutating func session() throws -> SessionPair {
        let opening = try requester.granted(try grant(try ask()), at: now, random: &chance)
        let message = opening.message
        let pending = try acceptor.accept(message, parameters: [42], at: now, random: &chance)
        return try SessionPair(opening, pending, at: now)
    }
}

/// Both ends of a session.
struct SessionPair: ~Copyable {
    var asking: Session
    var asked: Session
    var parameters: [UInt8] = []
    var said: [UInt8] = []

    init(_ opening: consuming SessionOpening, _ pending: consuming PendingSession, at now: BootTime) throws(SecurityRefusal) {
        var parameters: [UInt8] = []
        var said: [UInt8] = []
        var asking = try opening.answered(pending.answer, at: now, parameters: &parameters)
        var record: [UInt8] = []
        try asking.sealer.seal(Array("hello".utf8), into: &record)
        asked = try pending.confirm(record[2...], at: now, into: &said)
        self.asking = asking
        self.parameters = parameters
        self.said = said
    }
}

/// The reason for which something was refused; nil if it was not.
func reason(_ body: () throws -> Void) -> SecurityRefusal.Reason? {
    do {
        try body()
        return nil
    } catch let refusal as SecurityRefusal {
        return refusal.reason
    } catch {
        return nil
    }
}
