import Crypto
import Testing

@testable import MasixSecure

/// An administrator and his files.
private struct Office {
    var chance = SeededChance(21)
    let key: AdministratorKey
    let cluster: ClusterID

    init() {
        key = AdministratorKey(random: &chance)
        cluster = ClusterID(random: &chance)
    }

    func node(_ number: UInt32, epoch: UInt64 = 1, key: UInt8? = nil, expires: UInt64 = 9_000) throws -> ClusterNode {
        try #require(
            ClusterNode(
                number: number, name: Cast.node("n\(number)"), fingerprint: Digest256(of: [key ?? UInt8(number)]),
                address: "10.0.0.\(number):7117", epoch: epoch, expires: WallTime(seconds: expires)))
    }

    func roster(_ version: UInt64, _ nodes: [ClusterNode], revoked: [Digest256] = [], from: UInt64 = 0, to: UInt64 = 5_000) throws
        -> [UInt8]
    {
        let roster = try ClusterRoster(
            cluster: cluster, version: version, notBefore: WallTime(seconds: from), notAfter: WallTime(seconds: to), nodes: nodes,
            revoked: revoked)
        return SignedFile(roster, by: key).bytes
    }

    var keeper: VersionKeeper<ClusterRoster> { VersionKeeper(cluster: cluster, key: key.publicKey) }
}

@Suite struct SignedFileTests {
    private let office = Office()
    private let now = WallTime(seconds: 100)

    @Test func whatIsSignedIsRead() throws {
        let bytes = try office.roster(1, [office.node(1), office.node(2)])
        let file = try SignedFile<ClusterRoster>(stored: bytes, signedBy: office.key.publicKey)
        #expect(file.bytes == bytes && file.content.nodes.count == 2)
        #expect(file.content.node(with: Digest256(of: [2]), at: now)?.number == 2)
        #expect(file.content.node(with: Digest256(of: [2]), at: WallTime(seconds: 9_000)) == nil)
        #expect(file.content[name: Cast.node("n1")]?.number == 1)
    }

    @Test func everyFlippedBitIsNoticed() throws {
        let bytes = try office.roster(1, [office.node(1)])
        for place in bytes.indices {
            for bit in 0..<8 {
                var wrong = bytes
                wrong[place] ^= 1 << UInt8(bit)
                #expect(throws: SecurityRefusal.self) { try SignedFile<ClusterRoster>(stored: wrong, signedBy: office.key.publicKey) }
            }
        }
        #expect(throws: SecurityRefusal.self) { try SignedFile<ClusterRoster>(stored: bytes + [0], signedBy: office.key.publicKey) }
        for count in 0..<bytes.count {
            #expect(throws: SecurityRefusal.self) {
                try SignedFile<ClusterRoster>(stored: Array(bytes.prefix(count)), signedBy: office.key.publicKey)
            }
        }
    }

    /// A signature over one kind of file is none over another, also where the bytes of the payload are the same.
    @Test func oneKindIsNotTakenForAnother() throws {
        let roster = try office.roster(1, [])
        var wrong = roster
        wrong.replaceSubrange(0..<8, with: Array("MSXMANI1".utf8))
        #expect(reason { _ = try SignedFile<Manifest>(stored: wrong, signedBy: office.key.publicKey) } == .signature)
    }

    @Test func anotherAdministratorIsNobody() throws {
        var chance = SeededChance(5)
        let bytes = try office.roster(1, [office.node(1)])
        let other = AdministratorKey(random: &chance).publicKey
        #expect(reason { _ = try SignedFile<ClusterRoster>(stored: bytes, signedBy: other) } == .signature)
    }

    // MARK: - Versions

    @Test func filesOnlyGoForward() throws {
        var keeper = office.keeper
        let (first, second) = (try office.roster(1, [office.node(1)]), try office.roster(2, [office.node(1), office.node(2)]))
        #expect(try keeper.take(first, at: now))
        #expect(try !keeper.take(first, at: now))
        #expect(try keeper.take(second, at: now))
        #expect(reason { _ = try keeper.take(first, at: now) } == .rollback)
        #expect(keeper.mark.version == 2 && keeper.content(at: now)?.nodes.count == 2)
        // Also after a restart, in which only the mark was kept.
        var restarted = VersionKeeper<ClusterRoster>(cluster: office.cluster, key: office.key.publicKey, highest: keeper.highest)
        #expect(reason { _ = try restarted.take(first, at: now) } == .rollback)
        #expect(try restarted.take(second, at: now))
    }

    @Test func twoFilesOfOneVersionAreAnAlarm() throws {
        var keeper = office.keeper
        #expect(try keeper.take(try office.roster(1, [office.node(1)]), at: now))
        let other = try office.roster(1, [office.node(2)])
        #expect(reason { _ = try keeper.take(other, at: now) } == .fork)
        #expect(keeper.content(at: now)?.nodes.map(\.number) == [1])
    }

    @Test func filesCountForATime() throws {
        var keeper = office.keeper
        let bytes = try office.roster(1, [office.node(1)], from: 50, to: 150)
        #expect(reason { _ = try keeper.take(bytes, at: WallTime(seconds: 49)) } == .notYetValid)
        #expect(reason { _ = try keeper.take(bytes, at: WallTime(seconds: 150)) } == .expired)
        #expect(try keeper.take(bytes, at: WallTime(seconds: 149)))
        // Whoever keeps a node from hearing of later ones gains the time of this one, and no more.
        #expect(keeper.content(at: WallTime(seconds: 149)) != nil)
        #expect(keeper.content(at: WallTime(seconds: 150)) == nil)
        #expect(keeper.content(at: WallTime(seconds: 49)) == nil)
    }

    @Test func anotherClustersFileIsRefused() throws {
        var chance = SeededChance(9)
        var keeper = VersionKeeper<ClusterRoster>(cluster: ClusterID(random: &chance), key: office.key.publicKey)
        let bytes = try office.roster(1, [])
        #expect(reason { _ = try keeper.take(bytes, at: now) } == .cluster)
    }

    @Test func epochsOnlyRise() throws {
        var keeper = office.keeper
        #expect(try keeper.take(try office.roster(1, [office.node(1, epoch: 3)]), at: now))
        let back = try office.roster(2, [office.node(1, epoch: 2)])
        #expect(reason { _ = try keeper.take(back, at: now) } == .malformed)
        let changed = try office.roster(2, [office.node(1, epoch: 3, key: 9)])
        #expect(reason { _ = try keeper.take(changed, at: now) } == .malformed)
        #expect(try keeper.take(try office.roster(2, [office.node(1, epoch: 4, key: 9)]), at: now))
    }

    @Test func whatIsRevokedStaysRevoked() throws {
        var keeper = office.keeper
        let gone = Digest256(of: [2])
        let first = try ClusterRoster(
            cluster: office.cluster, version: 1, notBefore: WallTime(seconds: 0), notAfter: WallTime(seconds: 500),
            nodes: [office.node(1), office.node(2), office.node(3)])
        let second = try ClusterRoster(
            cluster: office.cluster, version: 2, notBefore: WallTime(seconds: 0), notAfter: WallTime(seconds: 500),
            nodes: [office.node(1), office.node(3, epoch: 2)], revoked: [gone])
        #expect(second.ended(since: first).map(\.number) == [2, 3])
        #expect(try keeper.take(SignedFile(second, by: office.key).bytes, at: now))
        let forgotten = try office.roster(3, [office.node(1)])
        #expect(reason { _ = try keeper.take(forgotten, at: now) } == .malformed)
        #expect(throws: (any Error).self) { try office.roster(3, [office.node(2)], revoked: [gone]) }
    }

    @Test func marksAreCompared() throws {
        let marks = [(1, 1), (2, 1), (2, 2)].map { VersionMark(version: $0.0, digest: Digest256(of: [$0.1])) }
        #expect(marks[1].compare(with: marks[0]) == .send)
        #expect(marks[0].compare(with: marks[1]) == .ask)
        #expect(marks[1].compare(with: marks[1]) == .same)
        #expect(marks[1].compare(with: marks[2]) == .fork)
        #expect(VersionMark.nothing.compare(with: marks[0]) == .ask)
    }

    @Test func contradictionsAreNoRoster() throws {
        let (one, two) = (try office.node(1), try office.node(1, key: 2))
        #expect(throws: (any Error).self) { try office.roster(1, [one, two]) }
        #expect(throws: (any Error).self) { try office.roster(0, [one]) }
        #expect(throws: (any Error).self) { try office.roster(1, [one], from: 5, to: 5) }
        #expect(throws: (any Error).self) { try office.roster(1, [office.node(1, key: 7), office.node(2, key: 7)]) }
        #expect(
            ClusterNode(
                number: 0, name: Cast.node("x"), fingerprint: Digest256(of: []), address: "a:1", epoch: 1, expires: WallTime(seconds: 1)
            ) == nil)
        #expect(
            ClusterNode(
                number: 1, name: Cast.node("x"), fingerprint: Digest256(of: []), address: "a b:1", epoch: 1,
                expires: WallTime(seconds: 1))
                == nil)
    }

    // MARK: - The manifest

    @Test func theManifestSaysWhoMayBeCalledWhat() throws {
        let names = try #require(NamePattern("mail/*"))
        let entry = try ManifestEntry(
            executable: Digest256(of: [1]), names: [names], interfaces: [.client], nodes: [Cast.here], uid: 7, arguments: ["mail", "-x"],
            interpreter: Digest256(of: [3]), libraries: [try #require(ManifestLibrary(path: "/lib/x.so", digest: Digest256(of: [4])))])
        let manifest = try Manifest(
            cluster: office.cluster, version: 1, notBefore: WallTime(seconds: 0), notAfter: WallTime(seconds: 500), entries: [entry]
        )
        let file = SignedFile(manifest, by: office.key)
        #expect(try SignedFile<Manifest>(stored: file.bytes, signedBy: office.key.publicKey).content == manifest)
        func words(
            _ name: String = "mail/in", _ interfaces: Set<Interface> = [.client], uid: UInt32 = 7, program: [UInt8] = [1],
            launched: Bool = true,
            on node: NodeName = Cast.here
        ) -> String? {
            let attestation = Attestation(uid: uid, executable: Digest256(of: program), isLaunched: launched)
            do throws(SecurityRefusal) {
                try manifest.check(RegisterMessage(server: Cast.server(name), interfaces: interfaces), attestation, on: node)
                return nil
            } catch {
                #expect(error.reason == .registration)
                return error.detail
            }
        }
        #expect(words() == nil)
        #expect(words("bank")?.contains("may not be called bank") == true)
        #expect(words(program: [2])?.contains("no entry has the executable") == true)
        #expect(words(uid: 8)?.contains("may not run as uid 8") == true)
        #expect(words(on: Cast.there)?.contains("may not run on node b") == true)
        #expect(words("mail/in", [.client, .server])?.contains("interfaces") == true)
        #expect(words(launched: false)?.contains("not launched") == true)
    }

    // MARK: - The sealed key

    @Test func aKeyIsSealedUnderAPassword() throws {
        var chance = SeededChance(31)
        let cost = SealedAdministratorKey.Cost(operations: 2, memoryKiB: 64 * 1_024)
        let stored = try SealedAdministratorKey.seal(office.key, password: Array("correct".utf8), cost: cost, random: &chance)
        #expect(stored.count == SealedAdministratorKey.bytes)
        #expect(try SealedAdministratorKey.cost(of: stored) == cost)
        #expect(try SealedAdministratorKey.open(stored, password: Array("correct".utf8)).publicKey == office.key.publicKey)
        #expect(reason { _ = try SealedAdministratorKey.open(stored, password: Array("wrong".utf8)) } == .password)
        #expect(!stored.indices.contains { stored[$0...].starts(with: office.key.seed) })
        // One byte of each field: salt, nonce, commitment, seed and tag.
        for place in [17, 33, 57, 89, 121, stored.count - 1] {
            var wrong = stored
            wrong[place] ^= 1
            #expect(reason { _ = try SealedAdministratorKey.open(wrong, password: Array("correct".utf8)) } == .password)
        }
    }

    /// What it would cost is bounded before it is paid.
    @Test(arguments: [(UInt32(1), UInt32(65_536)), (11, 65_536), (2, 65_535), (2, 1_048_577), (.max, .max)]) func costsAreBounded(
        operations: UInt32, memory: UInt32
    ) throws {
        var chance = SeededChance(32)
        let cost = SealedAdministratorKey.Cost(operations: operations, memoryKiB: memory)
        #expect(reason { _ = try SealedAdministratorKey.seal(office.key, password: [1], cost: cost, random: &chance) } == .password)
        var stored = [UInt8](repeating: 0, count: SealedAdministratorKey.bytes)
        stored.replaceSubrange(0..<8, with: Array("MSXSEAL1".utf8))
        stored[8] = 1
        for (offset, value) in [(9, operations), (13, memory)] {
            for byte in 0..<4 { stored[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(byte))) }
        }
        let clock = ContinuousClock()
        let began = clock.now
        #expect(reason { _ = try SealedAdministratorKey.open(stored, password: [1]) } == .malformed)
        #expect(clock.now - began < .seconds(5))
    }
}
