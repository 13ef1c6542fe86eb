import Crypto
import Testing

@testable import MasixSecure

/// Figure 4, repaired: A asks N, N grants, A opens with B. Every attack that the defences are for is tried with all of them, and with its own taken away:
/// then, and only then, it must succeed.
@Suite struct LocalSessionTests {
    @Test func aSessionBegins() throws {
        var cast = try Cast()
        var pair = try cast.session()
        #expect(pair.parameters == [42])
        #expect(pair.said == Array("hello".utf8))
        let (identity, other) = (pair.asking.identity, pair.asked.identity)
        #expect(identity == other && identity.count == 32)
        let (asker, server, interface) = (pair.asked.asker, pair.asked.server, pair.asked.interface)
        #expect(asker == .server(cast.editor.name) && server == cast.files.name && interface == .server)
        var (record, heard): ([UInt8], [UInt8]) = ([], [])
        try pair.asked.sealer.seal([7], into: &record)
        #expect(try pair.asking.opener.open(record[2...], into: &heard) == .data)
        #expect(heard == [7])
        #expect(cast.requester.pendingCount == 0 && cast.acceptor.ticketCount == 1)
    }

    @Test func aClientHasNoKeyAndGetsTheClientInterface() throws {
        var cast = try Cast()
        let client = ClientIdentity(node: Cast.here, task: 5, uid: 1_000)
        let sender = Sender.client(task: 5, Attestation(uid: 1_000, executable: nil, isLaunched: false))
        var asking = TicketRequester(client: client)
        let question = try asking.resolve(Target(server: Cast.server("files")), .client, at: cast.now, random: &cast.chance)
        guard case .grant(let name, let grant) = try cast.issuer.resolve(question, from: sender, at: cast.now, random: &cast.chance) else {
            Issue.record("no grant")
            return
        }
        #expect(name == cast.files.name)
        let opening = try asking.granted(grant, at: cast.now, random: &cast.chance)
        let message = opening.message
        let pending = try cast.acceptor.accept(message, at: cast.now, random: &cast.chance)
        let who = pending.asker
        #expect(who == .client(client))
        _ = try SessionPair(opening, pending, at: cast.now)
    }

    // MARK: - What B refuses

    @Test func nobodyActsBeforeTheFirstRecord() throws {
        var cast = try Cast()
        let opening = try cast.requester.granted(try cast.grant(try cast.ask()), at: cast.now, random: &cast.chance)
        let message = opening.message
        let pending = try cast.acceptor.accept(message, at: cast.now, random: &cast.chance)
        // Whoever has replayed the opening has no key: what he says does not open.
        var said: [UInt8] = []
        do throws(SecurityRefusal) {
            _ = try pending.confirm([UInt8](repeating: 1, count: 40)[...], at: cast.now, into: &said)
            Issue.record("a session began")
        } catch { #expect(error.reason == .record) }
        #expect(said == [])
    }

    @Test func theFirstRecordMustComeInTime() throws {
        var cast = try Cast()
        let opening = try cast.requester.granted(try cast.grant(try cast.ask()), at: cast.now, random: &cast.chance)
        let message = opening.message
        let pending = try cast.acceptor.accept(message, at: cast.now, random: &cast.chance)
        let late = pending.deadline
        #expect(late == cast.now.later(seconds: 2))
        do throws(SecurityRefusal) {
            _ = try SessionPair(opening, pending, at: late)
            Issue.record("a session began")
        } catch { #expect(error.reason == .tooLate) }
    }

    @Test func sessionsEnd() throws {
        var cast = try Cast()
        let pair = try cast.session()
        let (early, late) = (cast.now.later(seconds: 43_199), cast.now.later(seconds: 43_200))
        try pair.asking.check(at: early)
        #expect(throws: SecurityRefusal.self) { try pair.asking.check(at: late) }
        let (isWithEditor, isWithOther) = (
            pair.asking.isWith(cast.editor.name),
            pair.asking.isWith(InstanceName(server: Cast.server("files"), node: Cast.here, instance: 99))
        )
        #expect(isWithEditor && !isWithOther)
    }

    @Test func everyFlippedBitOfAnOpeningIsNoticed() throws {
        var cast = try Cast()
        let opening = try cast.requester.granted(try cast.grant(try cast.ask()), at: cast.now, random: &cast.chance)
        let message = opening.message
        for place in message.indices {
            var wrong = message
            wrong[place] ^= 0x10
            #expect(throws: SecurityRefusal.self) { _ = try cast.acceptor.accept(wrong, at: cast.now, random: &cast.chance).deadline }
        }
        // What does not belong to the ticket's owner uses nothing up.
        #expect(cast.acceptor.ticketCount == 0)
        _ = try cast.acceptor.accept(message, at: cast.now, random: &cast.chance).deadline
    }

    @Test func ticketsAreBoundedAndFailClosed() throws {
        var cache = TicketCache(countMax: 3)
        var chance = SeededChance(2)
        let now = BootTime(nanoseconds: 100)
        let first = TicketNumber(random: &chance)
        try cache.use(first, expires: now.later(seconds: 1), at: now)
        for _ in 0..<2 { try cache.use(TicketNumber(random: &chance), expires: now.later(seconds: 2), at: now) }
        #expect(reason { try cache.use(TicketNumber(random: &chance), expires: now.later(seconds: 3), at: now) } == .full)
        #expect(reason { try cache.use(first, expires: now.later(seconds: 1), at: now) } == .replayed)
        // The first has expired, and makes room for one.
        let later = now.later(seconds: 1)
        try cache.use(TicketNumber(random: &chance), expires: later.later(seconds: 3), at: later)
        #expect(reason { try cache.use(TicketNumber(random: &chance), expires: later.later(seconds: 3), at: later) } == .full)
        #expect(reason { try cache.use(first, expires: now.later(seconds: 1), at: later) } == .expired)
        #expect(cache.count == 3)
    }

    // MARK: - Attacks, with and without the defence

    private func expect(_ attack: (inout Cast) throws -> Void, stoppedBy defence: Defences, as expected: SecurityRefusal.Reason) throws {
        var guarded = try Cast()
        #expect(reason { try attack(&guarded) } == expected)
        var open = try Cast(defences: Defences.all.subtracting(defence))
        #expect(reason { try attack(&open) } == nil, "the attack proves nothing: it does not succeed without the defence either")
    }

    /// The attacker has a recorded opening and, later, the secret of its ticket: Denning and Sacco.
    @Test func anOldTicketWhoseSecretLeakedIsOfNoUse() throws {
        try expect(
            { cast in
                let question = try cast.ask()
                let grant = try cast.grant(question)
                let (leaked, ticket) = try Grant.open(grant, key: cast.editor.key)
                let opening = try cast.requester.granted(grant, at: cast.now, random: &cast.chance)
                let message = opening.message
                _ = try SessionPair(opening, try cast.acceptor.accept(message, at: cast.now, random: &cast.chance), at: cast.now)
                let forged = SessionOpening(leaked, ticket: ticket, ephemeral: .init(random: &cast.chance))
                let again = forged.message
                _ = try SessionPair(forged, try cast.acceptor.accept(again, at: cast.now, random: &cast.chance), at: cast.now)
            }, stoppedBy: .singleUse, as: .replayed)
    }

    @Test func anExpiredTicketIsOfNoUse() throws {
        try expect(
            { cast in
                let opening = try cast.requester.granted(try cast.grant(try cast.ask()), at: cast.now, random: &cast.chance)
                cast.now = cast.now.later(seconds: Ticket.secondsMax)
                let message = opening.message
                _ = try cast.acceptor.accept(message, at: cast.now, random: &cast.chance).deadline
            }, stoppedBy: .expiry, as: .expired)
    }

    /// Under one key: an instance that is handed the key of another cannot take its tickets either.
    @Test func aTicketForAnotherInstanceIsOfNoUse() throws {
        try expect(
            { cast in
                let grant = try Grant.open(try cast.grant(try cast.ask()), key: cast.editor.key)
                let other = RegisteredMessage(
                    name: InstanceName(server: Cast.server("mail"), node: Cast.here, instance: 77), boot: cast.issuer.boot,
                    key: cast.files.key)
                var acceptor = SessionAcceptor(other, cache: TicketCache(), defences: cast.defences)
                let opening = SessionOpening(grant.grant, ticket: grant.ticket, ephemeral: .init(random: &cast.chance))
                let message = opening.message
                _ = try acceptor.accept(message, at: cast.now, random: &cast.chance).deadline
            }, stoppedBy: .ownName, as: .mismatch)
    }

    /// Another task of the node speaks for a server, on whose socket it sits somehow, without its key.
    @Test func aQuestionWithoutTheKeyIsRefused() throws {
        try expect(
            { cast in
                let question = ResolveMessage(
                    party: .server(cast.editor.name), target: Target(server: Cast.server("files")), interface: .server,
                    nonce: Nonce(random: &cast.chance))
                _ = try cast.grant(question.message(key: InstanceKey(random: &cast.chance)))
            }, stoppedBy: .proof, as: .authentication)
    }

    /// A grant of an hour ago, with the address and the policy of an hour ago.
    @Test func aReplayedGrantIsRefused() throws {
        try expect(
            { cast in
                let grant = try cast.grant(try cast.ask())
                _ = try cast.requester.granted(grant, at: cast.now, random: &cast.chance).server
                _ = try cast.ask()
                _ = try cast.requester.granted(grant, at: cast.now, random: &cast.chance).server
            }, stoppedBy: .freshGrant, as: .unexpected)
    }

    /// A grant that was held back until its ticket is old.
    @Test func aLateGrantIsRefused() throws {
        try expect(
            { cast in
                let grant = try cast.grant(try cast.ask())
                cast.now = cast.now.later(seconds: TicketRequester.seconds)
                _ = try cast.requester.granted(grant, at: cast.now, random: &cast.chance).server
            }, stoppedBy: .deadline, as: .tooLate)
        #expect(TicketRequester.seconds < Ticket.secondsMax)
    }

    /// The name server's answer names another server than was asked for (substitution of the peer).
    @Test func aGrantForAnotherPeerIsRefused() throws {
        try expect(
            { cast in
                _ = try Cast.registered("mail", at: &cast.issuer, &cast.chance)
                let asked = try ResolveMessage.read(try cast.ask("files")).question
                let swapped = ResolveMessage(
                    party: asked.party, target: Target(server: Cast.server("mail")), interface: .server, nonce: asked.nonce)
                let grant = try cast.grant(swapped.message(key: cast.editor.key))
                _ = try cast.requester.granted(grant, at: cast.now, random: &cast.chance).server
            }, stoppedBy: .peerInGrant, as: .mismatch)
    }

    /// A local task that can write to A's socket makes a grant of its own, with a secret that it knows.
    @Test func aGrantThatIsNotSealedIsRefused() throws {
        try expect(
            { cast in
                let asked = try ResolveMessage.read(try cast.ask()).question
                let ticket = Ticket(
                    number: TicketNumber(random: &cast.chance), asker: asked.party, server: cast.files.name, interface: .server,
                    suite: .aes256gcm, expires: cast.now.later(seconds: 9), secret: InstanceKey.secret(random: &cast.chance))
                let forged = Grant(nonce: asked.nonce, terms: ticket, boot: cast.issuer.boot)
                let message = forged.message(ticket: ticket.sealed(for: cast.editor.key), for: nil, nonce: [])
                _ = try cast.requester.granted(message, at: cast.now, random: &cast.chance).server
            }, stoppedBy: .sealedGrant, as: .malformed)
    }

    @Test func aClientNeverGetsTheInterfaceOfServers() throws {
        try expect(
            { cast in
                // The policy refuses it too, and must not be what stops this.
                cast.issuer = Self.without(.policy, of: cast.issuer, cast.files, &cast.chance)
                let client = ClientIdentity(node: Cast.here, task: 5, uid: 100)
                let sender = Sender.client(task: 5, Attestation(uid: 100, executable: nil, isLaunched: false))
                let question = ResolveMessage(
                    party: .client(client), target: Target(server: Cast.server("files")), interface: .server,
                    nonce: Nonce(random: &cast.chance))
                _ = try cast.issuer.resolve(question.plainMessage, from: sender, at: cast.now, random: &cast.chance)
            }, stoppedBy: .interfaces, as: .policy)
    }

    private static func without(
        _ defence: Defences, of issuer: TicketIssuer, _ files: RegisteredMessage, _ chance: inout SeededChance
    ) -> TicketIssuer {
        var other = TicketIssuer(
            node: issuer.node, boot: issuer.boot, hasAES: true, policy: Policy(), admitsUnattested: true,
            defences: issuer.defences.subtracting(defence))
        _ = try? Cast.registered("files", at: &other, &chance)
        return other
    }

    @Test func theAcceptorRefusesAClientWithAServersTicketToo() throws {
        try expect(
            { cast in
                let client = Party.client(ClientIdentity(node: Cast.here, task: 5, uid: 100))
                let ticket = Ticket(
                    number: TicketNumber(random: &cast.chance), asker: client, server: cast.files.name, interface: .server,
                    suite: .aes256gcm, expires: cast.now.later(seconds: 9), secret: InstanceKey.secret(random: &cast.chance))
                let grant = Grant(nonce: Nonce(random: &cast.chance), terms: ticket, boot: cast.issuer.boot)
                let opening = SessionOpening(grant, ticket: ticket.sealed(for: cast.files.key), ephemeral: .init(random: &cast.chance))
                let message = opening.message
                _ = try cast.acceptor.accept(message, at: cast.now, random: &cast.chance).deadline
            }, stoppedBy: .interfaces, as: .mismatch)
    }

    @Test func theRulesAreAsked() throws {
        try expect(
            { cast in
                cast.issuer.policy = Cast.policy("deny files any from anywhere\n")
                _ = try cast.grant(try cast.ask())
            }, stoppedBy: .policy, as: .policy)
    }

    @Test func aLivingNameIsNotTakenAgain() throws {
        try expect(
            { cast in _ = try Cast.registered("files", at: &cast.issuer, &cast.chance) }, stoppedBy: .uniqueName, as: .registration)
    }

    @Test func aNameIsWorthNothingWithoutTheManifest() throws {
        try expect(
            { cast in
                let other = Attestation(uid: 100, executable: Digest256(of: [2]), isLaunched: true)
                _ = try Cast.registered("bank", at: &cast.issuer, &cast.chance, attestation: other)
            }, stoppedBy: .manifest, as: .registration)
    }

    // MARK: - The name server

    @Test func aDeadInstanceIsForgotten() throws {
        var cast = try Cast()
        let question = try cast.ask()
        let ended = cast.issuer.end(instance: cast.editor.name.instance)
        let revoke = try #require(ended)
        #expect(revoke.name == cast.editor.name)
        #expect(try RevokeMessage(message: revoke.message) == revoke)
        #expect(reason { _ = try cast.grant(question) } == .unknown)
        #expect(cast.issuer.end(instance: cast.editor.name.instance) == nil)
        // The name is free, and whoever takes it is another.
        let next = try Cast.registered("editor", at: &cast.issuer, &cast.chance)
        #expect(next.name.instance > cast.editor.name.instance)
        #expect(cast.issuer.instance(of: Cast.server("editor")) == next.name)
    }

    @Test func aManifestThatAllowsLessRevokes() throws {
        var cast = try Cast()
        let name = try #require(NamePattern("edi*"))
        let entry = try ManifestEntry(executable: Digest256(of: [1]), names: [name], interfaces: [.client, .server], uid: 100)
        let manifest = try Manifest(
            cluster: Cast.manifest().cluster, version: 2, notBefore: WallTime(seconds: 0), notAfter: WallTime(seconds: 9),
            entries: [entry])
        #expect(cast.issuer.check(against: manifest).map(\.name) == [cast.files.name])
        #expect(cast.issuer.registeredCount == 1)
    }

    @Test func whoeverAsksTooOftenIsRefused() throws {
        var cast = try Cast()
        var granted = 0
        for _ in 0..<300 {
            let question = ResolveMessage(
                party: .server(cast.editor.name), target: Target(server: Cast.server("files")), interface: .client,
                nonce: Nonce(random: &cast.chance))
            do { _ = try cast.grant(question.message(key: cast.editor.key)) } catch let refusal as SecurityRefusal {
                #expect(refusal.reason == .rate)
                continue
            }
            granted += 1
        }
        #expect(granted == Int(TicketIssuer.questionsAtOnce))
        cast.now = cast.now.later(seconds: 1)
        _ = try cast.grant(try cast.ask())
    }

    @Test func aRefusalEndsTheQuestionOnly() throws {
        var cast = try Cast()
        let question = try ResolveMessage.read(try cast.ask()).question
        _ = try cast.ask()
        #expect(try cast.requester.refused(RefusedMessage(request: question.request).message))
        #expect(try !cast.requester.refused(RefusedMessage(request: question.request).message))
        #expect(cast.requester.pendingCount == 1)
    }

    @Test func refusalsAreOneByteOutwardAndCountedByReason() {
        var counts = SecurityRefusalCounts()
        var chance = SeededChance(4)
        for reason in SecurityRefusal.Reason.allCases { counts.count(SecurityRefusal(reason, "words")) }
        counts.count(SecurityRefusal(.replayed, "again"))
        #expect(counts[.replayed] == 2 && counts[.policy] == 1)
        #expect(counts.all == UInt64(SecurityRefusal.Reason.allCases.count) + 1)
        #expect(RefusedMessage(request: RequestID(random: &chance)).message.count == SecureFrame.headerBytes + 16 + 1)
    }
}
