import Crypto
import Testing

@testable import MasixSecure

/// Two nodes: A and its servers on a, B on b, and a channel between their network servers.
private struct TwoNodeCast {
    var cast: Cast
    var issuerThere: TicketIssuer
    let mail: RegisteredMessage
    var acceptor: SessionAcceptor
    var resolver: RemoteResolver
    var answerer: RemoteAnswerer

    static let channel: UInt64 = 3

    init(defences: Defences = .all, policy: String = "allow mail server from node a\n") throws {
        cast = try Cast(defences: defences)
        issuerThere = Cast.issuer(Cast.there, &cast.chance, policy: Cast.policy(policy), defences: defences)
        // Numbers on the two nodes are not the same.
        for name in ["x", "y"] { _ = try Cast.registered(name, at: &issuerThere, &cast.chance) }
        mail = try Cast.registered("mail", at: &issuerThere, &cast.chance)
        acceptor = SessionAcceptor(mail, cache: TicketCache(), defences: defences)
        resolver = RemoteResolver(node: Cast.here, defences: defences)
        answerer = RemoteAnswerer(node: Cast.there, defences: defences)
    }

    /// Steps 1 to 3: what R_a says to R_b.
    mutating func request() throws -> [UInt8] {
        let question = try cast.requester.resolve(
            Target(server: Cast.server("mail"), node: Cast.there), .server, at: cast.now, random: &cast.chance)
        guard
            case .forward(let forward) = try cast.issuer.resolve(
                question, from: .server(instance: cast.editor.name.instance), at: cast.now, random: &cast.chance)
        else { throw SecurityRefusal(.unexpected, "a grant") }
        return try resolver.forward(forward, on: Self.channel, at: cast.now)
    }

    /// Steps 4 to 6: what R_b says to R_a.
    mutating func reply(_ request: [UInt8], from peer: NodeName = Cast.here, on channel: UInt64 = Self.channel) throws -> [UInt8] {
        let request = try answerer.request(request, from: peer, on: channel, at: cast.now)
        return try answerer.answer(try issuerThere.answer(request, at: cast.now, random: &cast.chance), on: channel)
    }

    /// Steps 7 to 11.
    mutating func open(_ reply: [UInt8]) throws -> SessionPair {
        let passed = try resolver.reply(reply, on: Self.channel, at: cast.now)
        let (sender, server, grant) = try cast.issuer.replied(passed, at: cast.now, random: &cast.chance)
        #expect(sender == .server(instance: cast.editor.name.instance) && server == mail.name)
        let opening = try cast.requester.granted(grant, at: cast.now, random: &cast.chance)
        let message = opening.message
        return try SessionPair(opening, try acceptor.accept(message, at: cast.now, random: &cast.chance), at: cast.now)
    }
}

/// Figure 5, repaired.
@Suite struct RemoteSessionTests {
    @Test func aSessionBeginsBetweenNodes() throws {
        var two = try TwoNodeCast()
        let pair = try two.open(try two.reply(try two.request()))
        #expect(pair.said == Array("hello".utf8))
        let (asker, server) = (pair.asked.asker, pair.asked.server)
        #expect(asker == .server(two.cast.editor.name) && server == two.mail.name)
        #expect(two.resolver.pendingCount == 0 && two.answerer.pendingCount == 0 && two.cast.issuer.waitingCount == 0)
    }

    /// The channel's bytes hold neither key nor secret of A beyond what the ticket is for, and T stays closed for all but B.
    @Test func nothingButTheTicketsSecretCrosses() throws {
        var two = try TwoNodeCast()
        let request = try two.request()
        let reply = try two.reply(request)
        for secret in [two.cast.editor.key.root, two.mail.key.root] {
            let bytes = Sodium.bytes(of: secret)
            #expect(!contains(request, bytes) && !contains(reply, bytes))
        }
        let read = try RemoteReply(message: reply)
        #expect(!contains(read.ticket, Sodium.bytes(of: read.terms.secret)))
        #expect(throws: SecurityRefusal.self) { try Ticket(sealed: read.ticket, key: two.cast.editor.key) }
    }

    private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: part) }
    }

    @Test func theSlowerSuiteWhereOneLacksInstructions() throws {
        var two = try TwoNodeCast()
        let request = try RemoteRequest(message: try two.request())
        let poor = RemoteRequest(
            request: request.request, from: request.from, asker: request.asker, server: request.server, interface: request.interface,
            hasAES: false)
        let reply = try RemoteReply(message: try two.reply(poor.message))
        #expect(reply.terms.suite == .chaCha20Poly1305)
        _ = try two.open(reply.message)
    }

    @Test func betweenNodesNothingIsOpenWithoutARule() throws {
        var two = try TwoNodeCast(policy: "")
        let request = try two.request()
        #expect(reason { _ = try two.reply(request) } == .policy)
    }

    @Test func aRefusalFindsItsWayBack() throws {
        var two = try TwoNodeCast()
        let request = try RemoteRequest(message: try two.request())
        _ = try two.answerer.request(request.message, from: Cast.here, on: TwoNodeCast.channel, at: two.cast.now)
        let refused = try two.answerer.answer(RefusedMessage(request: request.request).message, on: TwoNodeCast.channel)
        let passed = try two.resolver.reply(refused, on: TwoNodeCast.channel, at: two.cast.now)
        let (sender, told) = try two.cast.issuer.refused(passed)
        #expect(sender == .server(instance: two.cast.editor.name.instance))
        #expect(try two.cast.requester.refused(told))
        #expect(two.cast.requester.pendingCount == 0)
    }

    @Test func aChannelThatEndsAnswersNothing() throws {
        var two = try TwoNodeCast()
        let reply = try two.reply(try two.request())
        #expect(two.resolver.ended(TwoNodeCast.channel).count == 1)
        #expect(reason { _ = try two.open(reply) } == .unexpected)
    }

    @Test func aLateAnswerIsRefused() throws {
        var two = try TwoNodeCast()
        let reply = try two.reply(try two.request())
        two.cast.now = two.cast.now.later(seconds: RemoteResolver.seconds)
        #expect(reason { _ = try two.open(reply) } == .tooLate)
        #expect(two.cast.issuer.overdue(at: two.cast.now).count == 1)
    }

    @Test func anAnswerFromAnotherChannelIsRefused() throws {
        var two = try TwoNodeCast()
        let reply = try two.reply(try two.request())
        #expect(reason { _ = try two.resolver.reply(reply, on: 4, at: two.cast.now) } == .unexpected)
        _ = try two.open(reply)
    }

    @Test func anAnswerIsTakenOnce() throws {
        var two = try TwoNodeCast()
        let reply = try two.reply(try two.request())
        _ = try two.open(reply)
        #expect(reason { _ = try two.open(reply) } == .unexpected)
    }

    private func expect(
        _ attack: (inout TwoNodeCast) throws -> Void, stoppedBy defence: Defences, as expected: SecurityRefusal.Reason
    ) throws {
        var guarded = try TwoNodeCast()
        #expect(reason { try attack(&guarded) } == expected)
        var open = try TwoNodeCast(defences: Defences.all.subtracting(defence))
        #expect(reason { try attack(&open) } == nil, "the attack proves nothing: it does not succeed without the defence either")
    }

    /// Node c has registered an "editor" of its own and says that it is a's.
    @Test func aNodeSpeaksForItsOwnTasksAlone() throws {
        try expect(
            { two in _ = try two.reply(try two.request(), from: Cast.node("c"), on: 9) }, stoppedBy: .peerNode, as: .mismatch)
    }

    /// Somebody on the channel answers what was not asked: R_a must not pass it on.
    @Test func anAnswerWithoutAQuestionIsRefused() throws {
        try expect(
            { two in
                let reply = try RemoteReply(message: try two.reply(try two.request()))
                let ticket = Ticket(
                    number: TicketNumber(random: &two.cast.chance), asker: reply.terms.asker, server: reply.terms.server,
                    interface: .server,
                    suite: .aes256gcm, expires: two.cast.now.later(seconds: 9), secret: InstanceKey.secret(random: &two.cast.chance))
                let forged = RemoteReply(
                    request: RequestID(random: &two.cast.chance), terms: ticket, sealed: reply.ticket, boot: reply.boot)
                _ = try two.resolver.reply(forged.message, on: TwoNodeCast.channel, at: two.cast.now)
            }, stoppedBy: .outstanding, as: .unexpected)
    }

    @Test func questionsAreBounded() throws {
        var two = try TwoNodeCast()
        let request = try RemoteRequest(message: try two.request())
        for number in 0..<RemoteAnswerer.questionsOfChannelMax {
            let other = RemoteRequest(
                request: RequestID(random: &two.cast.chance), from: request.from, asker: request.asker, server: request.server,
                interface: request.interface, hasAES: true)
            #expect(
                reason { _ = try two.answerer.request(other.message, from: Cast.here, on: 1, at: two.cast.now) } == nil, "\(number)")
        }
        #expect(reason { _ = try two.answerer.request(request.message, from: Cast.here, on: 1, at: two.cast.now) } == .full)
        // Another node has its own room, and time makes room.
        _ = try two.answerer.request(request.message, from: Cast.here, on: 2, at: two.cast.now)
        _ = try two.answerer.request(request.message, from: Cast.here, on: 1, at: two.cast.now.later(seconds: RemoteResolver.seconds))
    }

    @Test func hellosAreTakenOnceInOrderAndFromTheirNode() throws {
        var chance = SeededChance(6)
        let (key, ticket) = (InstanceKey.secret(random: &chance), TicketNumber(random: &chance))
        let hello = DataHello(node: 2, ticket: ticket, counter: 5, key: key)
        #expect(hello.wireBytes.count == DataHello.bytes)
        #expect(try DataHello(wireBytes: hello.wireBytes) == hello)
        var taker = HelloGuard(node: 2, key: key)
        try taker.take(hello)
        #expect(reason { try taker.take(hello) } == .replayed)
        #expect(reason { try taker.take(DataHello(node: 2, ticket: ticket, counter: 4, key: key)) } == .replayed)
        #expect(reason { try taker.take(DataHello(node: 3, ticket: ticket, counter: 6, key: key)) } == .mismatch)
        let other = InstanceKey.secret(random: &chance)
        #expect(reason { try taker.take(DataHello(node: 2, ticket: ticket, counter: 6, key: other)) } == .authentication)
        try taker.take(DataHello(node: 2, ticket: ticket, counter: 6, key: key))
        for place in hello.wireBytes.indices {
            var wrong = hello.wireBytes
            wrong[place] ^= 1
            var fresh = HelloGuard(node: 2, key: key)
            #expect(reason { try fresh.take(try DataHello(wireBytes: wrong)) } != nil)
        }
    }
}
