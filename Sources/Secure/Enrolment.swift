import Crypto
public import MasixWire

/// The messages by which a node is enrolled with a password that is typed at both ends (spec/security.md 3.2).
public enum EnrolmentMessage: Hashable, Sendable, WireCodable {
    /// From the new node: its nonce, and Ya.
    case begin(nonce: [UInt8], element: [UInt8])
    /// From the member: its nonce, Yb, and that it knows the password.
    case answer(nonce: [UInt8], element: [UInt8], proof: [UInt8])
    /// From the new node: that it knows it too.
    case confirm(proof: [UInt8])

    static let nonceBytes = 16
    static let proofBytes = 32

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .begin(let nonce, let element):
            writer.write(UInt8(1))
            writer.write(raw: nonce)
            writer.write(raw: element)
        case .answer(let nonce, let element, let proof):
            writer.write(UInt8(2))
            writer.write(raw: nonce)
            writer.write(raw: element)
            writer.write(raw: proof)
        case .confirm(let proof):
            writer.write(UInt8(3))
            writer.write(raw: proof)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1:
            self = .begin(
                nonce: try reader.readRaw(count: Self.nonceBytes), element: try reader.readRaw(count: Sodium.elementBytes))
        case 2:
            self = .answer(
                nonce: try reader.readRaw(count: Self.nonceBytes), element: try reader.readRaw(count: Sodium.elementBytes),
                proof: try reader.readRaw(count: Self.proofBytes))
        case 3: self = .confirm(proof: try reader.readRaw(count: Self.proofBytes))
        case let tag: throw .unknownCase(of: "EnrolmentMessage", tag: UInt64(tag))
        }
    }
}

/// A password that was typed, made slow to guess. It is kept in memory as long as the window is open, and nowhere else.
public struct EnrolmentPassword: Sendable {
    let secret: SymmetricKey

    public static let bytesMax = 1_024

    /// The cluster is the salt. Throws if there is no memory for it, or for a password that is empty or too long.
    public init(_ password: [UInt8], cluster: ClusterID, cost: SealedAdministratorKey.Cost = .usual) throws(SecurityRefusal) {
        guard (1...Self.bytesMax).contains(password.count), cost.isBounded else {
            throw SecurityRefusal(.password, "a password has 1 to \(Self.bytesMax) bytes")
        }
        guard
            let secret = Sodium.argon2id(
                password: password, salt: cluster.bytes, operations: cost.operations, memoryKiB: cost.memoryKiB)
        else { throw SecurityRefusal(.password, "\(cost.memoryKiB / 1_024) MiB are needed to try a password, and are not there") }
        self.secret = secret
    }
}

/// What both sides hash with the password: the cluster and both keys of the connection, in place of a value that the TLS library would export.
private struct EnrolmentChannel {
    let joiner: Digest256
    let member: Digest256
    let cluster: ClusterID

    var bytes: [UInt8] { CPace.prefixed(cluster.bytes) + CPace.prefixed(joiner.bytes) + CPace.prefixed(member.bytes) }

    static func proof(_ key: SymmetricKey, _ label: String, _ transcript: [UInt8]) -> [UInt8] {
        let proving = HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Array(label.utf8), outputByteCount: 32)
        return Array(HMAC<SHA256>.authenticationCode(for: transcript, using: proving))
    }

    static func isProof(_ proof: [UInt8], _ key: SymmetricKey, _ label: String, _ transcript: [UInt8]) -> Bool {
        let proving = HKDF<SHA256>.deriveKey(inputKeyMaterial: key, info: Array(label.utf8), outputByteCount: 32)
        return HMAC<SHA256>.isValidAuthenticationCode(proof, authenticating: transcript, using: proving)
    }

    static let memberLabel = "masix/1/enrol-member"
    static let joinerLabel = "masix/1/enrol-joiner"
}

/// The new node's side of one attempt.
public struct EnrolmentJoiner: Sendable {
    private let password: EnrolmentPassword
    private let channel: EnrolmentChannel
    private let nonce: [UInt8]
    private let chance: [UInt8]

    /// `joiner` and `member` are the fingerprints of the keys that hold the connection.
    public init(
        _ password: EnrolmentPassword, cluster: ClusterID, joiner: Digest256, member: Digest256, random: inout some RandomNumberGenerator
    ) {
        self.password = password
        channel = EnrolmentChannel(joiner: joiner, member: member, cluster: cluster)
        nonce = random.bytes(EnrolmentMessage.nonceBytes)
        chance = random.bytes(64)
    }

    /// A member's nonce must be known before Ya can be made: the session is named by both.
    public func begin(memberNonce: [UInt8]) throws(SecurityRefusal) -> EnrolmentMessage {
        .begin(nonce: nonce, element: try share(memberNonce).element)
    }

    /// The member has answered: what it is told, after which it may believe us as we believe it.
    public func answered(_ message: EnrolmentMessage, memberNonce: [UInt8]) throws(SecurityRefusal) -> EnrolmentMessage {
        guard case .answer(let theirNonce, let element, let proof) = message, theirNonce == memberNonce else {
            throw SecurityRefusal(.unexpected, "not the answer of this attempt")
        }
        let (own, scalar) = try share(memberNonce)
        guard let secret = Sodium.multiply(scalar, element) else { throw SecurityRefusal(.malformed, "an answer that is no element") }
        let transcript = CPace.transcript((own, []), (element, []))
        let key = CPace.key(session: nonce + memberNonce, secret: secret, transcript: transcript)
        guard EnrolmentChannel.isProof(proof, key, EnrolmentChannel.memberLabel, transcript) else {
            throw SecurityRefusal(.password, "the member was given another password, or somebody stands in between")
        }
        return .confirm(proof: EnrolmentChannel.proof(key, EnrolmentChannel.joinerLabel, transcript))
    }

    private func share(_ memberNonce: [UInt8]) throws(SecurityRefusal) -> (element: [UInt8], scalar: [UInt8]) {
        var secret = Sodium.bytes(of: password.secret)
        defer { Sodium.wipe(&secret) }
        guard memberNonce.count == EnrolmentMessage.nonceBytes, let scalar = Sodium.scalar(from: chance),
            let generator = CPace.generator(password: secret, channel: channel.bytes, session: nonce + memberNonce),
            let element = Sodium.multiply(scalar, generator)
        else { throw SecurityRefusal(.malformed, "an attempt that cannot be made") }
        return (element, scalar)
    }
}

/// A member that waits for a new node: for a time, and for five wrong passwords at most. Somebody attends it (spec/security.md 3.2).
public struct EnrolmentWindow: Sendable {
    private struct Attempt: Sendable {
        let nonce: [UInt8]
        let joiner: Digest256
        /// Nil until the new node has begun.
        var expected: (key: SymmetricKey, transcript: [UInt8])?
    }

    private let password: EnrolmentPassword
    private let cluster: ClusterID
    private let member: Digest256
    public let closes: BootTime
    public private(set) var failures = 0
    private var isClosed = false
    /// By connection. One that has begun and says nothing more has had its guess as well.
    private var attempts: [UInt64: Attempt] = [:]

    public static let failuresMax = 5
    static let attemptsMax = 4

    /// `member` is the fingerprint of this node's key.
    public init(_ password: EnrolmentPassword, cluster: ClusterID, member: Digest256, closes: BootTime) {
        self.password = password
        self.cluster = cluster
        self.member = member
        self.closes = closes
    }

    public func isOpen(at now: BootTime) -> Bool { !isClosed && failures < Self.failuresMax && now < closes }

    /// Somebody has connected, with this key: the nonce that he is told.
    public mutating func connected(
        _ connection: UInt64, joiner: Digest256, at now: BootTime, random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> [UInt8] {
        guard isOpen(at: now) else { throw SecurityRefusal(.window, "nobody waits for a node") }
        guard attempts.count < Self.attemptsMax, attempts[connection] == nil else {
            throw SecurityRefusal(.full, "\(Self.attemptsMax) attempts are under way")
        }
        let nonce = random.bytes(EnrolmentMessage.nonceBytes)
        attempts[connection] = Attempt(nonce: nonce, joiner: joiner)
        return nonce
    }

    /// `begin` has come.
    public mutating func begun(
        _ message: EnrolmentMessage, on connection: UInt64, at now: BootTime, random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> EnrolmentMessage {
        guard isOpen(at: now) else { throw SecurityRefusal(.window, "nobody waits for a node") }
        guard case .begin(let theirNonce, let element) = message, let attempt = attempts[connection], attempt.expected == nil else {
            throw SecurityRefusal(.unexpected, "not the beginning of an attempt")
        }
        // Attempts under way count as if they were wrong, so that many at once are not more guesses.
        guard failures + attempts.values.count(where: { $0.expected != nil }) < Self.failuresMax else {
            throw SecurityRefusal(.full, "as many attempts are under way as may fail")
        }
        var secret = Sodium.bytes(of: password.secret)
        defer { Sodium.wipe(&secret) }
        let channel = EnrolmentChannel(joiner: attempt.joiner, member: member, cluster: cluster)
        let session = theirNonce + attempt.nonce
        guard let scalar = Sodium.scalar(from: random.bytes(64)),
            let generator = CPace.generator(password: secret, channel: channel.bytes, session: session),
            let own = Sodium.multiply(scalar, generator)
        else { throw SecurityRefusal(.malformed, "an attempt that cannot be made") }
        guard let shared = Sodium.multiply(scalar, element) else {
            attempts[connection] = nil
            throw failed(.malformed, "an attempt with what is no element")
        }
        let transcript = CPace.transcript((element, []), (own, []))
        let key = CPace.key(session: session, secret: shared, transcript: transcript)
        attempts[connection]?.expected = (key, transcript)
        return .answer(
            nonce: attempt.nonce, element: own, proof: EnrolmentChannel.proof(key, EnrolmentChannel.memberLabel, transcript))
    }

    /// `confirm` has come: the fingerprint of the node that knows the password. The window is closed then.
    public mutating func confirmed(
        _ message: EnrolmentMessage, on connection: UInt64, at now: BootTime
    ) throws(SecurityRefusal) -> Digest256 {
        guard case .confirm(let proof) = message, let attempt = attempts[connection], let expected = attempt.expected else {
            throw SecurityRefusal(.unexpected, "not the end of an attempt")
        }
        attempts[connection] = nil
        guard isOpen(at: now) else { throw SecurityRefusal(.window, "nobody waits for a node") }
        guard EnrolmentChannel.isProof(proof, expected.key, EnrolmentChannel.joinerLabel, expected.transcript) else {
            throw failed(.password, "a wrong password")
        }
        isClosed = true
        attempts = [:]
        return attempt.joiner
    }

    /// A connection has ended. One that was answered has had its guess.
    public mutating func ended(_ connection: UInt64) {
        if attempts.removeValue(forKey: connection)?.expected != nil { _ = failed(.password, "") }
    }

    private mutating func failed(_ reason: SecurityRefusal.Reason, _ detail: String) -> SecurityRefusal {
        failures += 1
        let left = max(0, Self.failuresMax - failures)
        if left == 0 {
            isClosed = true
            attempts = [:]
        }
        return SecurityRefusal(reason, "\(detail); \(left) attempts are left")
    }
}
