import Crypto
public import MasixWire

/// What a member shows first: the administrator's key, the roster, and a value by chance for this connection (spec/security.md 3.1).
public struct JoinOffer: Hashable, Sendable, WireCodable {
    public let administrator: VerificationKey
    /// A signed roster, as it is stored.
    public let roster: [UInt8]
    /// nonce_s
    public let nonce: Nonce

    public init(administrator: VerificationKey, roster: [UInt8], nonce: Nonce) {
        self.administrator = administrator
        self.roster = roster
        self.nonce = nonce
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(raw: administrator.bytes)
        writer.write(counted: roster)
        writer.write(nonce)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        guard let key = VerificationKey(try reader.readRaw(count: VerificationKey.count)) else { throw .malformed(field: "administrator") }
        administrator = key
        roster = try reader.readBytes(limit: SignedFile<ClusterRoster>.bytesMax, field: "roster")
        nonce = try reader.read()
    }
}

/// JOIN: the new node's key, signed with the token's. Of no use to anybody else, and for no other connection.
public struct JoinRequest: Hashable, Sendable, WireCodable {
    public let token: VerificationKey
    /// SHA-256 of the new node's SubjectPublicKeyInfo.
    public let fingerprint: Digest256
    /// Where others will find it.
    public let address: String
    let signature: [UInt8]

    public func encode(into writer: inout WireWriter) {
        writer.write(raw: token.bytes)
        writer.write(fingerprint)
        writer.write(address)
        writer.write(raw: signature)
    }

    init(token: VerificationKey, fingerprint: Digest256, address: String, signature: [UInt8]) {
        self.token = token
        self.fingerprint = fingerprint
        self.address = address
        self.signature = signature
    }

    public init(from reader: inout WireReader) throws(WireError) {
        guard let key = VerificationKey(try reader.readRaw(count: VerificationKey.count)) else { throw .malformed(field: "token") }
        token = key
        fingerprint = try reader.read()
        address = try reader.readText(limit: ClusterNode.addressBytesMax, field: "address")
        signature = try reader.readRaw(count: VerificationKey.signatureBytes)
    }

    static func said(cluster: ClusterID, fingerprint: Digest256, member: Digest256, nonce: Nonce, address: String) -> [UInt8] {
        var writer = WireWriter(capacity: 512)
        writer.write(raw: "masix/1/join".utf8)
        writer.write(cluster)
        writer.write(fingerprint)
        writer.write(member)
        writer.write(nonce)
        writer.write(address)
        return writer.bytes
    }
}

/// The new node. It says nothing before it has seen that this is its cluster.
public struct Joiner: Sendable {
    private let token: JoinToken
    private let fingerprint: Digest256
    private let address: String

    /// `fingerprint` is that of the key which this node has just made.
    public init(token: JoinToken, fingerprint: Digest256, address: String) {
        self.token = token
        self.fingerprint = fingerprint
        self.address = address
    }

    /// What the member has shown: JOIN for it, and the roster that counts from now on. `member` is the fingerprint of the key by which it holds the
    /// connection.
    public func join(
        _ offer: JoinOffer, member: Digest256, at now: WallTime
    ) throws(SecurityRefusal) -> (request: JoinRequest, roster: SignedFile<ClusterRoster>) {
        guard token.pins(offer.administrator) else {
            throw SecurityRefusal(.signature, "the administrator of this cluster is not the one who made the token")
        }
        let roster = try SignedFile<ClusterRoster>(stored: offer.roster, signedBy: offer.administrator)
        guard now < roster.content.notAfter else { throw SecurityRefusal(.expired, "the roster that was shown counts no more") }
        guard roster.content.node(with: member, at: now) != nil else {
            throw SecurityRefusal(.unknown, "whoever answers is no node of the roster that it shows")
        }
        let said = JoinRequest.said(
            cluster: roster.content.cluster, fingerprint: fingerprint, member: member, nonce: offer.nonce, address: address)
        let request = JoinRequest(
            token: token.publicKey, fingerprint: fingerprint, address: address, signature: token.key.signature(of: said))
        return (request, roster)
    }
}

/// What members know of grants: each is for the first key that comes with its token (spec/security.md 3.1).
public struct JoinLedger: Sendable {
    private struct Entry: Sendable {
        let grant: JoinGrant
        var key: Digest256?
    }

    private let cluster: ClusterID
    private let administrator: VerificationKey
    private var entries: [VerificationKey: Entry] = [:]

    public static let grantsMax = 1_024

    public init(cluster: ClusterID, administrator: VerificationKey) {
        self.cluster = cluster
        self.administrator = administrator
    }

    /// A grant was stored here, or told by another member, with the key that it was used by if it was.
    public mutating func add(_ stored: [UInt8], usedBy key: Digest256? = nil, at now: WallTime) throws(SecurityRefusal) {
        let grant = try SignedFile<JoinGrant>(stored: stored, signedBy: administrator).content
        guard grant.cluster == cluster else { throw SecurityRefusal(.cluster, "a grant of another cluster") }
        guard now < grant.notAfter else { throw SecurityRefusal(.expired, "a grant that has expired") }
        entries = entries.filter { now < $0.value.grant.notAfter }
        if let earlier = entries[grant.token] {
            guard earlier.grant == grant else { throw SecurityRefusal(.fork, "two grants for one token") }
            guard let key else { return }
            try bind(grant.token, to: key)
            return
        }
        guard entries.count < Self.grantsMax else { throw SecurityRefusal(.full, "\(Self.grantsMax) grants have not expired") }
        entries[grant.token] = Entry(grant: grant, key: key)
    }

    /// JOIN has come on a connection that the key `peer` holds; `member` is this node's own, and `nonce` what it had offered. Gives who the new node is.
    public mutating func admit(
        _ request: JoinRequest, peer: Digest256, member: Digest256, nonce: Nonce, at now: WallTime
    ) throws(SecurityRefusal) -> (number: UInt32, name: NodeName, fingerprint: Digest256, address: String) {
        guard let grant = entries[request.token]?.grant else { throw SecurityRefusal(.unknown, "no grant is known for this token") }
        guard now >= grant.notBefore, now < grant.notAfter else {
            throw SecurityRefusal(.expired, "the grant for \(grant.name) has expired")
        }
        guard request.fingerprint == peer else {
            throw SecurityRefusal(.mismatch, "the key that would join as \(grant.name) is not the one that holds the connection")
        }
        let said = JoinRequest.said(
            cluster: cluster, fingerprint: request.fingerprint, member: member, nonce: nonce, address: request.address)
        guard request.token.isSignature(request.signature, of: said) else {
            throw SecurityRefusal(.signature, "a request to join as \(grant.name) that is not signed with its token")
        }
        try bind(request.token, to: request.fingerprint)
        return (grant.number, grant.name, request.fingerprint, request.address)
    }

    private mutating func bind(_ token: VerificationKey, to key: Digest256) throws(SecurityRefusal) {
        guard let entry = entries[token] else { return }
        if let first = entry.key, first != key {
            throw SecurityRefusal(.replayed, "the token for \(entry.grant.name) was used by another key before: somebody else has it")
        }
        entries[token]?.key = key
    }

    public var count: Int { entries.count }
}
