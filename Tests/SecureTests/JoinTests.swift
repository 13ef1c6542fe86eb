import Crypto
import MasixWire
import Testing

@testable import MasixSecure

/// A cluster with one member, and a node that wants to join with a token.
private struct Doorway {
    var chance = SeededChance(41)
    let administrator: AdministratorKey
    let cluster: ClusterID
    let member = Digest256(of: [1])
    let joining = Digest256(of: [2])
    let token: JoinToken
    var ledger: JoinLedger
    let offer: JoinOffer
    let now = WallTime(seconds: 100)

    init() throws {
        administrator = AdministratorKey(random: &chance)
        cluster = ClusterID(random: &chance)
        token = JoinToken(for: administrator.publicKey, random: &chance)
        ledger = JoinLedger(cluster: cluster, administrator: administrator.publicKey)
        let node = try #require(
            ClusterNode(
                number: 1, name: Cast.here, fingerprint: member, address: "10.0.0.1:7117", epoch: 1, expires: WallTime(seconds: 900)))
        let roster = try ClusterRoster(
            cluster: cluster, version: 1, notBefore: WallTime(seconds: 0), notAfter: WallTime(seconds: 500), nodes: [node])
        offer = JoinOffer(
            administrator: administrator.publicKey, roster: SignedFile(roster, by: administrator).bytes, nonce: Nonce(random: &chance))
        try ledger.add(try grant(), at: now)
    }

    func grant(to: UInt64 = 200, number: UInt32 = 2) throws -> [UInt8] {
        SignedFile(
            try JoinGrant(
                cluster: cluster, notBefore: WallTime(seconds: 50), notAfter: WallTime(seconds: to), token: token.publicKey,
                number: number, name: Cast.there), by: administrator
        ).bytes
    }

    func request(_ fingerprint: Digest256? = nil, member: Digest256? = nil, offer: JoinOffer? = nil) throws -> JoinRequest {
        let joiner = Joiner(token: try JoinToken(text: token.text), fingerprint: fingerprint ?? joining, address: "10.0.0.2:7117")
        return try joiner.join(offer ?? self.offer, member: member ?? self.member, at: now).request
    }
}

@Suite struct JoinTests {
    @Test func aTokenLetsANodeIn() throws {
        var door = try Doorway()
        let request = try JoinRequest(wireBytes: try door.request().wireBytes)
        let who = try door.ledger.admit(request, peer: door.joining, member: door.member, nonce: door.offer.nonce, at: door.now)
        #expect(who.number == 2 && who.name == Cast.there && who.fingerprint == door.joining && who.address == "10.0.0.2:7117")
        // The same node may say it again: its first answer may have been lost.
        _ = try door.ledger.admit(request, peer: door.joining, member: door.member, nonce: door.offer.nonce, at: door.now)
    }

    @Test func aTokenServesOneKey() throws {
        var door = try Doorway()
        _ = try door.ledger.admit(try door.request(), peer: door.joining, member: door.member, nonce: door.offer.nonce, at: door.now)
        let other = Digest256(of: [3])
        let second = try door.request(other)
        #expect(
            reason { _ = try door.ledger.admit(second, peer: other, member: door.member, nonce: door.offer.nonce, at: door.now) }
                == .replayed)
    }

    /// What another member has bound cannot be bound here to another key.
    @Test func membersTellEachOther() throws {
        var door = try Doorway()
        try door.ledger.add(try door.grant(), usedBy: Digest256(of: [3]), at: door.now)
        let request = try door.request()
        #expect(
            reason { _ = try door.ledger.admit(request, peer: door.joining, member: door.member, nonce: door.offer.nonce, at: door.now) }
                == .replayed)
        let again = try door.grant()
        #expect(reason { try door.ledger.add(again, usedBy: door.joining, at: door.now) } == .replayed)
        let changed = try door.grant(number: 3)
        #expect(reason { try door.ledger.add(changed, at: door.now) } == .fork)
    }

    @Test func aRequestIsForOneConnection() throws {
        var door = try Doorway()
        let request = try door.request()
        let (nonce, other) = (Nonce(random: &door.chance), Digest256(of: [9]))
        #expect(
            reason { _ = try door.ledger.admit(request, peer: other, member: door.member, nonce: door.offer.nonce, at: door.now) }
                == .mismatch)
        #expect(
            reason { _ = try door.ledger.admit(request, peer: door.joining, member: other, nonce: door.offer.nonce, at: door.now) }
                == .signature)
        #expect(
            reason { _ = try door.ledger.admit(request, peer: door.joining, member: door.member, nonce: nonce, at: door.now) } == .signature
        )
    }

    @Test func grantsEnd() throws {
        var door = try Doorway()
        let (request, late) = (try door.request(), WallTime(seconds: 200))
        #expect(
            reason { _ = try door.ledger.admit(request, peer: door.joining, member: door.member, nonce: door.offer.nonce, at: late) }
                == .expired)
        let old = try door.grant()
        #expect(reason { try door.ledger.add(old, at: late) } == .expired)
        let other = try Doorway().offer.administrator
        var elsewhere = JoinLedger(cluster: ClusterID(random: &door.chance), administrator: other)
        #expect(reason { try elsewhere.add(old, at: door.now) } == .cluster)
        #expect(elsewhere.count == 0)
    }

    // MARK: - What the new node refuses

    @Test func aNodeSaysNothingToAnotherCluster() throws {
        var chance = SeededChance(77)
        let door = try Doorway()
        let thief = AdministratorKey(random: &chance)
        let roster = try SignedFile<ClusterRoster>(stored: door.offer.roster, signedBy: door.administrator.publicKey).content
        let forged = JoinOffer(administrator: thief.publicKey, roster: SignedFile(roster, by: thief).bytes, nonce: door.offer.nonce)
        #expect(reason { _ = try door.request(offer: forged) } == .signature)
        let swapped = JoinOffer(
            administrator: door.administrator.publicKey, roster: SignedFile(roster, by: thief).bytes, nonce: door.offer.nonce)
        #expect(reason { _ = try door.request(offer: swapped) } == .signature)
        #expect(reason { _ = try door.request(member: Digest256(of: [8])) } == .unknown)
        #expect(try JoinOffer(wireBytes: door.offer.wireBytes) == door.offer)
    }

    // MARK: - Tokens as text

    @Test func tokensAreReadBack() throws {
        let door = try Doorway()
        #expect(door.token.text.utf8.count == JoinToken.textBytes)
        #expect(door.token.text.hasPrefix("msx1."))
        #expect(try JoinToken(text: door.token.text).publicKey == door.token.publicKey)
        var letters = Array(door.token.text)
        letters[6] = letters[6] == "a" ? "b" : "a"
        #expect(try !JoinToken(text: String(letters)).pins(door.administrator.publicKey))
    }

    @Test(arguments: ["", "msx1", "msx1..", "msx2." + String(repeating: "a", count: 79), String(repeating: "a", count: 84)])
    func otherTextsAreNoTokens(text: String) {
        #expect(reason { _ = try JoinToken(text: text) } == .malformed)
    }

    @Test func base32HasOneTextForEachValue() {
        #expect(Base32.encode(Array("foobar".utf8)) == "mzxw6ytboi")
        #expect(Base32.decode("mzxw6ytboi".utf8) == Array("foobar".utf8))
        #expect(Base32.decode("mzxw6ytbo".utf8) == nil)
        #expect(Base32.decode("mz".utf8) == nil)
        #expect(Base32.decode("m".utf8) == nil)
        #expect(Base32.decode("MY".utf8) == nil)
        #expect(Base32.decode("my".utf8) == [0x66])
    }
}

/// A password that is typed at both ends.
@Suite struct EnrolmentTests {
    private static let cost = SealedAdministratorKey.Cost(operations: 2, memoryKiB: 64 * 1_024)
    private let cluster: ClusterID
    private let member = Digest256(of: [1])
    private let joining = Digest256(of: [2])
    private let now = BootTime(nanoseconds: 1)
    private let right: EnrolmentPassword
    private let wrong: EnrolmentPassword

    init() throws {
        var chance = SeededChance(51)
        cluster = ClusterID(random: &chance)
        right = try EnrolmentPassword(Array("open sesame".utf8), cluster: cluster, cost: Self.cost)
        wrong = try EnrolmentPassword(Array("open barley".utf8), cluster: cluster, cost: Self.cost)
    }

    private var window: EnrolmentWindow { EnrolmentWindow(right, cluster: cluster, member: member, closes: now.later(seconds: 600)) }

    private func attempt(
        _ password: EnrolmentPassword, at window: inout EnrolmentWindow, _ connection: UInt64, _ chance: inout SeededChance,
        seen: Digest256? = nil
    ) throws -> Digest256 {
        let nonce = try window.connected(connection, joiner: joining, at: now, random: &chance)
        // Whoever stands in between holds another key towards the new node.
        let joiner = EnrolmentJoiner(password, cluster: cluster, joiner: joining, member: seen ?? member, random: &chance)
        let answer = try window.begun(try joiner.begin(memberNonce: nonce), on: connection, at: now, random: &chance)
        return try window.confirmed(try joiner.answered(answer, memberNonce: nonce), on: connection, at: now)
    }

    @Test func theRightPasswordEnrols() throws {
        var (window, chance) = (window, SeededChance(52))
        #expect(try attempt(right, at: &window, 1, &chance) == joining)
        #expect(!window.isOpen(at: now))
        #expect(reason { _ = try attempt(right, at: &window, 2, &chance) } == .window)
    }

    /// The member proves itself first: a wrong guess learns nothing but that it is wrong, and has cost an attempt when its connection ends.
    @Test func fiveFailuresCloseTheWindow() throws {
        var (window, chance) = (window, SeededChance(53))
        for connection in 0..<UInt64(EnrolmentWindow.failuresMax) {
            #expect(window.isOpen(at: now))
            #expect(reason { _ = try attempt(wrong, at: &window, connection, &chance) } == .password)
            window.ended(connection)
        }
        #expect(window.failures == 5 && !window.isOpen(at: now))
        #expect(reason { _ = try attempt(right, at: &window, 9, &chance) } == .window)
    }

    @Test func aWrongProofIsAFailure() throws {
        var (window, chance) = (window, SeededChance(54))
        let nonce = try window.connected(1, joiner: joining, at: now, random: &chance)
        let joiner = EnrolmentJoiner(wrong, cluster: cluster, joiner: joining, member: member, random: &chance)
        _ = try window.begun(try joiner.begin(memberNonce: nonce), on: 1, at: now, random: &chance)
        #expect(
            reason { _ = try window.confirmed(.confirm(proof: [UInt8](repeating: 0, count: 32)), on: 1, at: now) } == .password)
        #expect(window.failures == 1)
        window.ended(1)
        #expect(window.failures == 1)
    }

    /// Many attempts at a time are not more guesses.
    @Test func attemptsUnderWayCount() throws {
        var (window, chance) = (window, SeededChance(55))
        for connection in 0..<UInt64(4) {
            #expect(reason { _ = try attempt(wrong, at: &window, connection, &chance) } == .password)
        }
        #expect(reason { _ = try window.connected(9, joiner: joining, at: now, random: &chance) } == .full)
        window.ended(0)
        window.ended(1)
        // Two have failed and two are under way: the fifth is the last.
        #expect(reason { _ = try attempt(wrong, at: &window, 10, &chance) } == .password)
        #expect(reason { _ = try attempt(wrong, at: &window, 11, &chance) } == .full)
    }

    @Test func aManInTheMiddleIsNoticed() throws {
        var (window, chance) = (window, SeededChance(56))
        #expect(reason { _ = try attempt(right, at: &window, 1, &chance, seen: Digest256(of: [9])) } == .password)
    }

    @Test func whatIsNoElementIsRefused() throws {
        var (window, chance) = (window, SeededChance(57))
        _ = try window.connected(1, joiner: joining, at: now, random: &chance)
        let zero = EnrolmentMessage.begin(nonce: [UInt8](repeating: 1, count: 16), element: [UInt8](repeating: 0, count: 32))
        #expect(reason { _ = try window.begun(zero, on: 1, at: now, random: &chance) } == .malformed)
        #expect(window.failures == 1)
    }

    @Test func theWindowCloses() throws {
        var (window, chance) = (window, SeededChance(58))
        let late = now.later(seconds: 600)
        #expect(!window.isOpen(at: late))
        #expect(reason { _ = try window.connected(1, joiner: joining, at: late, random: &chance) } == .window)
    }
}
