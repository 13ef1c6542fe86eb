import MasixKernel
import Testing

@testable import MasixNetwork

/// Who is asked for a name, who wins, and what is told without being asked (Documentation/Decisions/0022).
@Suite struct NameResolutionTests {
    private typealias Sample = NetworkFaultTests

    private static func id(_ number: UInt32) -> NodeID { NodeID(number: number, incarnation: 1) }
    private static func port(_ node: UInt32, _ counter: UInt64 = 20) -> PortUID { PortUID(birth: id(node), counter: counter) }
    private static func gift(_ node: UInt32, _ counter: UInt64 = 20, sequence: UInt64 = 1) -> NetworkRight {
        .send(port(node, counter), limit: 8, sequence: sequence, key: 7)
    }

    /// What others know our port by.
    private static func key(_ core: NetworkCore) -> UInt64 { core.exports[Sample.own]?.key ?? 0 }

    private static func core(_ peers: ClosedRange<UInt32> = 2...4, announcing: NameAnnouncements = []) -> NetworkCore {
        var core = NetworkCore(node: Sample.here, expecting: Set(peers))
        core.announcements = announcing
        for peer in peers { _ = core.handle(.up(id(peer))) }
        return core
    }

    /// Whom the core has asked, by its number of the question.
    private static func look(_ name: String, wait: UInt32 = 0, among: Set<UInt32>? = nil, asker: UInt64 = 1, _ core: inout NetworkCore)
        -> [UInt32: UInt64]
    {
        let actions = core.handle(.find(asker: asker, name: name, waitMilliseconds: wait, until: 2_000 + UInt64(wait), among: among))
        var asked: [UInt32: UInt64] = [:]
        for case .send(let peer, .lookUp(let request, name, _)) in actions { asked[peer] = request }
        return asked
    }

    private static func answer(_ actions: [NetworkAction], _ asker: UInt64 = 1) -> (right: RightForTask?, silent: [UInt32])? {
        for case .answer(asker, let right, let silent) in actions { return (right, silent) }
        return nil
    }

    private static func uid(_ right: RightForTask?, _ core: NetworkCore) -> PortUID? {
        guard case .proxy(let id)? = right else { return nil }
        return core.proxy(id)?.port
    }

    private static func frames(_ actions: [NetworkAction]) -> [UInt32: [NetworkFrame]] {
        var frames: [UInt32: [NetworkFrame]] = [:]
        for case .send(let peer, let frame) in actions { frames[peer, default: []].append(frame) }
        return frames
    }

    /// Everybody gives up what he has; nothing is left.
    private static func end(_ core: inout NetworkCore) {
        for peer in core.upPeers { _ = core.handle(.down(peer: peer.number)) }
        #expect(core.isEmpty)
    }

    // MARK: who wins

    @Test(
        "of several nodes that have the name the lowest wins, in whatever order they answer",
        arguments: [[2, 3, 4], [4, 3, 2], [3, 4, 2]])
    func lowestWins(order: [UInt32]) throws {
        var core = Self.core()
        let asked = Self.look("x", &core)
        #expect(asked.keys.sorted() == [2, 3, 4])
        var answered: PortUID?
        for peer in order {
            let request = try #require(asked[peer])
            let actions = core.handle(.frame(peer: peer, .found(request: request, Self.gift(peer))))
            if let answer = Self.answer(actions) {
                #expect(answered == nil)
                answered = Self.uid(answer.right, core)
                #expect(peer == 2)
            }
        }
        #expect(answered == Self.port(2))
        // The others' rights went back.
        #expect(core.proxies.count == 1)
        Self.end(&core)
    }

    @Test("a lower node that says nothing is waited for no longer than the collection")
    func collectionEnds() throws {
        var core = Self.core()
        _ = core.handle(.time(1_000))
        let asked = Self.look("x", &core)
        #expect(Self.answer(core.handle(.frame(peer: 3, .found(request: asked[3]!, Self.gift(3))))) == nil)
        #expect(core.nextDeadline == 1_000 + NetworkCore.collection)
        #expect(Self.answer(core.handle(.time(1_000 + NetworkCore.collection - 1))) == nil)
        let actions = core.handle(.time(1_000 + NetworkCore.collection))
        #expect(Self.uid(Self.answer(actions)?.right, core) == Self.port(3))
        // It comes too late, and is given back.
        let late = core.handle(.frame(peer: 2, .found(request: asked[2]!, Self.gift(2))))
        #expect(Self.frames(late) == [2: [.clean(Self.port(2), sequence: 1)]])
        Self.end(&core)
    }

    @Test("a higher node is not waited for; a lower one that has not the name, or goes down, is not either", arguments: [false, true])
    func nobodyIsWaitedForInVain(goesDown: Bool) throws {
        var core = Self.core()
        let asked = Self.look("x", &core)
        #expect(Self.answer(core.handle(.frame(peer: 3, .found(request: asked[3]!, Self.gift(3))))) == nil)
        let actions = core.handle(goesDown ? .down(peer: 2) : .frame(peer: 2, .unknown(request: asked[2]!)))
        #expect(Self.uid(Self.answer(actions)?.right, core) == Self.port(3))
        Self.end(&core)
    }

    @Test("who waits for the name on a lower node holds up nobody who has it")
    func notYet() throws {
        var core = Self.core()
        let asked = Self.look("x", wait: 60_000, &core)
        #expect(Self.answer(core.handle(.frame(peer: 3, .found(request: asked[3]!, Self.gift(3))))) == nil)
        let actions = core.handle(.frame(peer: 2, .notYet(request: asked[2]!)))
        #expect(Self.uid(Self.answer(actions)?.right, core) == Self.port(3))
        // It is answered all the same when its time is over.
        #expect(core.handle(.frame(peer: 2, .unknown(request: asked[2]!))).isEmpty)
        #expect(core.handle(.frame(peer: 4, .unknown(request: asked[4]!))).isEmpty)
        Self.end(&core)
    }

    @Test("our own name that another node has for one of our ports counts as that node's")
    func ownPortOfAnother() throws {
        var core = Self.core()
        _ = core.handle(.frame(peer: 2, .lookUp(request: 1, name: "mine", waitMilliseconds: 0)))
        _ = core.handle(.resolved(peer: 2, request: 1, .send(Sample.own, limit: 4)))
        let asked = Self.look("x", &core)
        let actions = core.handle(.frame(peer: 2, .found(request: asked[2]!, .back(Sample.ownUID))))
        #expect(Self.answer(actions)?.right == .held(Sample.own))
        Self.end(&core)
    }

    // MARK: what vanishes

    @Test("a candidate that dies before it is chosen is passed over")
    func candidateDies() throws {
        var core = Self.core()
        let asked = Self.look("x", &core)
        _ = core.handle(.frame(peer: 3, .found(request: asked[3]!, Self.gift(3))))
        _ = core.handle(.frame(peer: 4, .found(request: asked[4]!, Self.gift(4))))
        let death = core.handle(.frame(peer: 3, .portDied(Self.port(3))))
        #expect(Self.answer(death) == nil)
        let actions = core.handle(.frame(peer: 2, .unknown(request: asked[2]!)))
        #expect(Self.uid(Self.answer(actions)?.right, core) == Self.port(4))
        Self.end(&core)
    }

    @Test("all that had it have died: nobody knows it")
    func allDie() throws {
        var core = Self.core(2...3)
        let asked = Self.look("x", &core)
        _ = core.handle(.frame(peer: 3, .found(request: asked[3]!, Self.gift(3))))
        _ = core.handle(.frame(peer: 3, .portDied(Self.port(3))))
        let actions = core.handle(.frame(peer: 2, .unknown(request: asked[2]!)))
        let answer = try #require(Self.answer(actions))
        #expect(answer.right == nil && answer.silent.isEmpty)
        Self.end(&core)
    }

    @Test("who waits asks again on the channel that replaces the one by which it was found")
    func candidateIsCutOff() throws {
        var core = Self.core(2...3)
        let asked = Self.look("x", wait: 60_000, &core)
        _ = core.handle(.frame(peer: 3, .found(request: asked[3]!, Self.gift(3))))
        #expect(Self.answer(core.handle(.down(peer: 3))) == nil)
        let again = core.handle(.up(Self.id(3)))
        guard case .send(3, .lookUp(let request, "x", _))? = again.last else {
            Issue.record("not asked again: \(again)")
            return
        }
        _ = core.handle(.frame(peer: 2, .notYet(request: asked[2]!)))
        let actions = core.handle(.frame(peer: 3, .found(request: request, Self.gift(3, sequence: 1))))
        #expect(Self.uid(Self.answer(actions)?.right, core) == Self.port(3))
        Self.end(&core)
    }

    // MARK: NAME@NODE, and directories

    @Test("of one node alone nobody else is asked, and a node that comes meanwhile is not either")
    func exactly() throws {
        var core = Self.core(2...3)
        #expect(Self.look("x", wait: 5_000, among: [3], &core).keys.sorted() == [3])
        _ = core.expect([2, 3, 4])
        #expect(Self.frames(core.handle(.up(Self.id(4)))).isEmpty)
        let answer = core.handle(.time(100_000))
        #expect(try #require(Self.answer(answer)).silent == [3])
        #expect(Self.answer(core.handle(.find(asker: 2, name: "x", waitMilliseconds: 0, until: 9, among: [])), 2) != nil)
        Self.end(&core)
    }

    // MARK: announcements

    @Test("without announcements one is answered and nobody else is told", arguments: [[], .senders] as [NameAnnouncements])
    func unicast(announcements: NameAnnouncements) {
        var core = Self.core(announcing: announcements)
        _ = core.handle(.frame(peer: 3, .lookUp(request: 1, name: "x", waitMilliseconds: 0)))
        let frames = Self.frames(core.handle(.resolved(peer: 3, request: 1, .send(Sample.own, limit: 4))))
        #expect(frames == [3: [.found(request: 1, .send(Sample.ownUID, limit: 4, sequence: 1, key: Self.key(core)))]])
        Self.end(&core)
    }

    @Test("an answer is announced to all who hold no right to the port, each with a gift of its own")
    func answersAreAnnounced() {
        var core = Self.core(announcing: .answers)
        _ = core.handle(.frame(peer: 3, .lookUp(request: 1, name: "x", waitMilliseconds: 0)))
        let frames = Self.frames(core.handle(.resolved(peer: 3, request: 1, .send(Sample.own, limit: 4))))
        #expect(
            frames == [
                3: [.found(request: 1, .send(Sample.ownUID, limit: 4, sequence: 1, key: Self.key(core)))],
                2: [.announced(name: "x", Sample.ownUID, limit: 4, sequence: 2, key: Self.key(core))],
                4: [.announced(name: "x", Sample.ownUID, limit: 4, sequence: 3, key: Self.key(core))],
            ])
        // Once: they know it. Who has let it go is told again.
        _ = core.handle(.frame(peer: 4, .clean(Sample.ownUID, sequence: 3)))
        _ = core.handle(.frame(peer: 3, .lookUp(request: 2, name: "x", waitMilliseconds: 0)))
        let again = Self.frames(core.handle(.resolved(peer: 3, request: 2, .send(Sample.own, limit: 4))))
        #expect(again.keys.sorted() == [3, 4])
        // Its death is told to all of them.
        #expect(Self.frames(core.handle(.died(Sample.own))).keys.sorted() == [2, 3, 4])
        Self.end(&core)
    }

    @Test("a task that sends to another node is announced by its names, once")
    func sendersAreAnnounced() throws {
        var core = Self.core(2...4, announcing: .senders)
        let asked = Self.look("x", among: [2], &core)
        let found = core.handle(.frame(peer: 2, .found(request: asked[2]!, Self.gift(2))))
        guard case .proxy(let proxy)? = Self.answer(found)?.right else {
            Issue.record("not found")
            return
        }
        let message = LocalMessage(from: Sample.speaker, code: 1)
        #expect(core.handle(.sent(to: proxy, message, transfer: 0)).contains(.nameTask(Sample.speaker.task)))
        #expect(!core.handle(.sent(to: proxy, message, transfer: 0)).contains(.nameTask(Sample.speaker.task)))
        let questions = core.handle(.named(Sample.speaker.task, ["me"]))
        guard case .resolve(1, let request, "me", 0)? = questions.first else {
            Issue.record("\(questions)")
            return
        }
        let frames = Self.frames(core.handle(.resolved(peer: 1, request: request, .send(Sample.own, limit: 4))))
        #expect(frames.keys.sorted() == [2, 3, 4])
        // All have been told.
        #expect(core.handle(.named(Sample.speaker.task, ["me"])).isEmpty)
        Self.end(&core)
    }

    @Test("who announces nothing hears nothing: the gift goes back")
    func deaf() {
        var core = Self.core()
        let actions = core.handle(.frame(peer: 2, .announced(name: "x", Self.port(2), limit: 4, sequence: 1, key: 7)))
        #expect(!actions.contains { if case .learn = $0 { true } else { false } })
        #expect(Self.frames(actions) == [2: [.clean(Self.port(2), sequence: 1)]])
        Self.end(&core)
    }

    @Test("of two nodes that announce one name the lower is believed, whoever came first, until its port dies")
    func lowerIsBelieved() {
        func isLearnt(_ peer: UInt32, _ sequence: UInt64, _ core: inout NetworkCore) -> Bool {
            core.handle(.frame(peer: peer, .announced(name: "x", Self.port(peer), limit: 4, sequence: sequence, key: 7)))
                .contains { if case .learn("x", _) = $0 { true } else { false } }
        }
        var core = Self.core(announcing: .answers)
        let learnt = [isLearnt(3, 1, &core), isLearnt(2, 1, &core), isLearnt(4, 1, &core)]
        #expect(learnt == [true, true, false])
        _ = core.handle(.frame(peer: 2, .portDied(Self.port(2))))
        let later = isLearnt(4, 2, &core)
        #expect(later)
        Self.end(&core)
    }

    @Test("of announced names there are no more than may be, and one that has died makes room")
    func bounded() {
        var core = Self.core(2...2, announcing: .answers)
        var sequence: UInt64 = 0
        func announce(_ name: String) -> Bool {
            sequence += 1
            return core.handle(.frame(peer: 2, .announced(name: name, Self.port(2), limit: 4, sequence: sequence, key: 7)))
                .contains { if case .learn = $0 { true } else { false } }
        }
        for number in 0..<NetworkLimits.namesHeardMax where !announce("n\(number)") {
            Issue.record("\(number) is not learnt")
            return
        }
        let full = announce("one-more")
        let known = announce("n1")
        #expect(!full && known)
        _ = core.handle(.frame(peer: 2, .portDied(Self.port(2))))
        _ = core.handle(.down(peer: 2))
        _ = core.handle(.up(Self.id(2)))
        let room = announce("one-more")
        #expect(room)
        Self.end(&core)
    }

    // MARK: withdrawn names

    @Test("a name that is withdrawn is withdrawn from all who were given it, and from nobody else")
    func withdrawal() {
        var core = Self.core()
        _ = core.handle(.frame(peer: 3, .lookUp(request: 1, name: "x", waitMilliseconds: 0)))
        _ = core.handle(.resolved(peer: 3, request: 1, .send(Sample.own, limit: 4)))
        #expect(core.handle(.withdrawn("y")).isEmpty)
        let key = Self.key(core)
        #expect(Self.frames(core.handle(.withdrawn("x"))) == [3: [.withdrawn(name: "x", Sample.ownUID, key: key)]])
        #expect(core.handle(.withdrawn("x")).isEmpty)
        Self.end(&core)
    }

    @Test("a withdrawal that overtakes the name server's answer goes out behind the name")
    func overtakenAnswer() {
        var core = Self.core(announcing: .answers)
        _ = core.handle(.frame(peer: 3, .lookUp(request: 1, name: "x", waitMilliseconds: 0)))
        #expect(core.handle(.withdrawn("x")).isEmpty)
        let frames = Self.frames(core.handle(.resolved(peer: 3, request: 1, .send(Sample.own, limit: 4))))
        let gift = NetworkRight.send(Sample.ownUID, limit: 4, sequence: 1, key: Self.key(core))
        #expect(frames == [3: [.found(request: 1, gift), .withdrawn(name: "x", Sample.ownUID, key: Self.key(core))]])
        Self.end(&core)
    }

    @Test("a name that moves to another port is withdrawn from those who have the old one")
    func replacement() {
        var core = Self.core()
        _ = core.handle(.frame(peer: 3, .lookUp(request: 1, name: "x", waitMilliseconds: 0)))
        _ = core.handle(.resolved(peer: 3, request: 1, .send(Sample.own, limit: 4)))
        _ = core.handle(.frame(peer: 2, .lookUp(request: 1, name: "x", waitMilliseconds: 0)))
        let other = PortID(node: Sample.here, counter: 77)
        let frames = Self.frames(core.handle(.resolved(peer: 2, request: 1, .send(other, limit: 4))))
        #expect(frames[3] == [.withdrawn(name: "x", Sample.ownUID, key: Self.key(core))])
        Self.end(&core)
    }

    @Test("the peer's withdrawal concerns its own ports, and those of ours that it holds")
    func strangersWithdraw() throws {
        var core = Self.core()
        let asked = Self.look("x", among: [3], &core)
        let found = core.handle(.frame(peer: 3, .found(request: asked[3]!, Self.gift(3))))
        guard case .proxy(let proxy)? = Self.answer(found)?.right else {
            Issue.record("not found")
            return
        }
        // Whoever has not been given the port does not know its key.
        #expect(core.handle(.frame(peer: 2, .withdrawn(name: "x", Self.port(3), key: 8))).isEmpty)
        #expect(
            core.handle(.frame(peer: 3, .withdrawn(name: "x", Self.port(3), key: 7))) == [.unlearn(name: "x", peer: 3, .proxy(proxy))])
        #expect(core.handle(.frame(peer: 3, .withdrawn(name: "x", Self.port(3, 99), key: 7))).isEmpty)
        Self.end(&core)
    }

    // MARK: bad input

    @Test("an announcement of what is not the peer's to give costs the channel")
    func badAnnouncements() {
        for (frame, fault) in [
            (NetworkFrame.announced(name: "x", Self.port(3), limit: 1, sequence: 1, key: 7), NetworkFault.foreignPort),
            (.announced(name: "x", Sample.ownUID, limit: 1, sequence: 1, key: 7), .foreignPort),
            (
                .announced(name: "x", PortUID(birth: NodeID(number: 2, incarnation: 0), counter: 1), limit: 1, sequence: 1, key: 7),
                .stalePort
            ),
            (.announced(name: "x", Self.port(2), limit: 1, sequence: 0, key: 7), .miscounted), (.notYet(request: 7), .unknownRequest),
        ] {
            var core = Self.core(announcing: .both)
            #expect(core.handle(.frame(peer: 2, frame)).first == .refuse(peer: 2, fault))
            Self.end(&core)
        }
    }
}
