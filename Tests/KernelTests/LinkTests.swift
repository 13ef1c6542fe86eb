import Testing

@testable import MasixKernel

/// How a link ends: faults, deaths, and exactly one answer per call (architecture rule 10; spec/mach.md T4).
@Suite struct LinkTests {
    var scene = Scene()
    let server: TaskID
    let client: TaskID
    let port: PortID
    /// The client's reply port.
    let reply: PortID
    let lease: Lease

    init() throws {
        server = scene.attach(name: "server")
        client = scene.attach(name: "client")
        port = scene.port(of: server, limit: 8)
        reply = scene.port(of: client, limit: 1)
        scene.give(.makeSend(port), of: server, to: client)
        lease = try scene.newLease(client, port, of: server)
    }

    /// A call by the link, as far as this state.
    private mutating func call(_ state: ModelWorld.Call.State) {
        #expect(scene.world.commit(lease.id, code: 1, Payload(place: 1, length: 1), reply: reply) == true)
        if state == .inSlot { return }
        _ = scene.world.take(lease.id)
        scene.world.calls[0].state = state
    }

    private static let answer = Frame(code: 90, payload: Payload(place: 90, length: 1))
    private static let dropped = Frame(code: 71, payload: .empty, isDropped: true)

    enum End: CaseIterable { case fault, calleeEnds, callerEnds, portDies, revoked }

    private mutating func bring(_ end: End) {
        switch end {
        case .fault: #expect(scene.ask(client, .linkFault(lease.link, .malformedFrame)) == .done)
        case .calleeEnds: scene.handle(.end(server))
        case .callerEnds: scene.handle(.end(client))
        case .portDies: scene.ask(server, .drop(.receive(port)))
        case .revoked: scene.handle(.revoke(nil))
        }
    }

    /// Whatever the server has of the call is answered as far as it can be; the codes that the caller gets.
    private mutating func finish() -> [UInt32] {
        let call = scene.world.calls[0]
        if scene.kernel.tasks[server] != nil {
            while let message = scene.kernel.ports[port].flatMap({ _ in scene.receive(port, by: server) }) {
                if case .sendOnce(let once, _) = message.reply { scene.send(80, to: .moveSendOnce(once), from: server) }
            }
            switch call.state {
            case .taken, .held: scene.world.calls[0].state = .answered(Frame(code: 80, payload: .empty))
            case .over:
                if case .arrived(.sendOnce(let once, _)) = scene.ask(
                    server, .claimReply(call.link, index: call.index, generation: call.generation))
                {
                    scene.send(80, to: .moveSendOnce(once), from: server)
                }
                for once in scene.kernel.tasks[server]?.sendOnces.sorted() ?? [] { scene.send(80, to: .moveSendOnce(once), from: server) }
            case .inSlot, .answered: break
            }
        }
        var codes: [UInt32] = []
        if case .answered(let frame) = scene.world.calls[0].state {
            codes.append(frame.isDropped ? 71 : frame.code)
            scene.world.calls[0].state = .over
        }
        guard scene.kernel.tasks[client] != nil else { return codes }
        return codes + scene.drain(reply, by: client)
    }

    @Test(
        "architecture rule 10, spec/mach.md T4: one answer per call, however the link ends and however far the call was",
        arguments: End.allCases, 0..<5)
    mutating func exactlyOneAnswer(_ end: End, _ progress: Int) {
        let states: [ModelWorld.Call.State] = [.inSlot, .taken, .held, .answered(Self.answer), .answered(Self.dropped)]
        call(states[progress])
        bring(end)
        let codes = finish()
        switch (end, progress) {
        case (.callerEnds, _): #expect(codes.isEmpty)
        case (.calleeEnds, 0...2), (.portDies, 0): #expect(codes == [71])
        case (_, 3): #expect(codes == [90])
        case (_, 4): #expect(codes == [71])
        default: #expect(codes == [80])
        }
        for task in [server, client] { scene.handle(.end(task)) }
        #expect(scene.kernel.leftovers == Leftovers())
    }

    @Test(
        "architecture rule 10: a right that was held or about to be waits for its callee, and only for it; once", arguments: [true, false])
    mutating func unclaimed(_ isHeld: Bool) {
        call(isHeld ? .held : .taken)
        bring(.fault)
        let call = scene.world.calls[0]
        let claim = Request.claimReply(call.link, index: call.index, generation: call.generation)
        #expect(scene.ask(client, claim) == .refused(.linkGone))
        #expect(scene.ask(server, .claimReply(call.link, index: call.index, generation: 99)) == .refused(.linkGone))
        guard case .arrived(.sendOnce(_, reply)) = scene.ask(server, claim) else { return _ = Issue.record("not claimed") }
        #expect(scene.ask(server, claim) == .refused(.linkGone))
    }

    @Test("architecture rule 10: an unclaimed right of a callee that ends yields its 71; one to a dead caller is claimed as a dead one")
    mutating func unclaimedEnds() {
        call(.taken)
        bring(.fault)
        let call = scene.world.calls[0]
        var other = scene
        scene.handle(.end(server))
        #expect(scene.drain(reply, by: client) == [71])
        other.handle(.end(client))
        #expect(other.ask(server, .claimReply(call.link, index: call.index, generation: call.generation)) == .arrived(.dead))
        #expect(other.kernel.unclaimed.isEmpty && other.kernel.sendOnces.isEmpty)
    }

    @Test(
        "architecture rule 10, spec/mach.md N4, T4: what is recalled counts, and is answered once, over a link that stays open",
        arguments: 0..<5)
    mutating func recalled(_ progress: Int) {
        let states: [ModelWorld.Call.State] = [.inSlot, .taken, .held, .answered(Self.answer), .answered(Self.dropped)]
        call(states[progress])
        #expect(scene.ask(server, .recallReplies(lease.link, reply)) == .refused(.invalidName), "only its receiver's to recall")
        for _ in 0..<2 { #expect(scene.ask(client, .recallReplies(lease.link, reply)) == .done) }
        #expect(scene.kernel.links[lease.link] != nil)
        // A 71 and an answer are messages to the right, and a right in a message counts.
        #expect(scene.kernel.ports[reply]?.sendOnces.count == 1)
        #expect(scene.kernel.ports[reply]?.queue.count == (progress < 3 ? 0 : 1))
        let codes = finish()
        #expect(codes == [progress < 3 ? 80 : progress == 3 ? 90 : 71])
        for task in [server, client] { scene.handle(.end(task)) }
        #expect(scene.kernel.leftovers == Leftovers())
    }

    @Test("architecture rule 10, spec/mach.md R1, D3: a recalled right follows the port, and dies with it", arguments: [true, false])
    mutating func recalledPortMoves(_ dies: Bool) {
        call(.held)
        let call = scene.world.calls[0]
        let claim = Request.claimReply(call.link, index: call.index, generation: call.generation)
        #expect(scene.ask(client, .recallReplies(lease.link, reply)) == .done)
        #expect(
            scene.actions.contains(
                .retire(
                    lease.link, caller: client, place: scene.kernel.links[lease.link]?.place(of: client) ?? .max, index: call.index,
                    generation: call.generation)))
        let heir = scene.attach()
        if dies {
            scene.ask(client, .drop(.receive(reply)))
            #expect(scene.ask(server, claim) == .arrived(.dead))
        } else {
            let inbox = scene.port(of: heir)
            scene.give(.makeSend(inbox), of: heir, to: client)
            scene.send(to: .copySend(inbox), from: client, rights: [.moveReceive(reply)])
            guard case .arrived(.sendOnce(let once, reply)) = scene.ask(server, claim) else { return _ = Issue.record("not claimed") }
            scene.send(81, to: .moveSendOnce(once), from: server)
            _ = scene.receive(inbox, by: heir)
            #expect(scene.drain(reply, by: heir) == [81])
        }
        for task in [server, client, heir] { scene.handle(.end(task)) }
        #expect(scene.kernel.leftovers == Leftovers())
    }

    @Test("architecture rule 10: a right over an open link is claimed by turning it into a real one")
    mutating func claimOpen() {
        call(.held)
        let call = scene.world.calls[0]
        let claim = Request.claimReply(call.link, index: call.index, generation: call.generation)
        guard case .arrived(.sendOnce(let once, reply)) = scene.ask(server, claim) else { return _ = Issue.record("not claimed") }
        #expect(scene.ask(server, claim) == .refused(.linkGone), "nobody can answer by the link any more")
        // It may go on to somebody else now.
        let other = scene.attach()
        let inbox = scene.port(of: other)
        scene.give(.makeSend(inbox), of: other, to: server)
        scene.send(to: .copySend(inbox), from: server, rights: [.moveSendOnce(once)])
        _ = scene.receive(inbox, by: other)
        scene.send(66, to: .moveSendOnce(once), from: other)
        #expect(scene.drain(reply, by: client) == [66])
    }

    @Test("spec/mach.md V7, T4: a claim over the quota is destroyed, and the caller gets its 71 within the limit's exception")
    func claimOverQuota() throws {
        var limits = Limits()
        limits.sendOncesPerTaskMax = 0
        var scene = Scene(limits: limits)
        let server = scene.attach()
        let client = scene.attach()
        let port = scene.port(of: server)
        let reply = scene.port(of: client)
        scene.give(.makeSend(port), of: server, to: client)
        let lease = try scene.newLease(client, port, of: server)
        // The reply port has a lease of its own, which the notification closes.
        scene.give(.makeSend(reply), of: client, to: server)
        _ = try scene.newLease(server, reply, of: client)
        #expect(scene.world.commit(lease.id, Payload(place: 1, length: 1), reply: reply) == true)
        _ = scene.world.take(lease.id)
        let call = scene.world.calls[0]
        #expect(scene.ask(server, .claimReply(call.link, index: call.index, generation: call.generation)) == .arrived(.null))
        #expect(scene.actions.contains(.shortage(server)))
        #expect(scene.drain(reply, by: client) == [71])
    }

    @Test("a reported fault closes the link with all its leases; after three of a pair there is no more")
    mutating func faults() throws {
        var link = lease.link
        for _ in 1..<Kernel.linkFaultsMax {
            #expect(scene.ask(client, .linkFault(link, .impossibleCount)) == .done)
            #expect(scene.actions.contains(.closeLink(link, .impossibleCount)))
            link = try scene.newLease(client, port, of: server).link
        }
        scene.ask(server, .linkFault(link, .impossibleCount))
        #expect(scene.openLease(client, port, of: server) == nil)
        #expect(scene.kernel.links.isEmpty)
        let stranger = scene.attach()
        #expect(scene.ask(stranger, .linkFault(link, .impossibleCount)) == .refused(.linkGone))
    }

    @Test("a fault found at a closing closes the link once, and the other leases with their frames")
    mutating func faultAtClosing() throws {
        let second = scene.port(of: server)
        scene.give(.makeSend(second), of: server, to: client)
        let other = try scene.newLease(client, second, of: server)
        #expect(other.link == lease.link)
        #expect(scene.world.commit(other.id, code: 5, Payload(place: 5, length: 1)) == true)
        scene.world.faults = [.missingFrames, .missingFrames]
        scene.handle(.revoke(port))
        #expect(scene.actions.filter { if case .closeLink = $0 { true } else { false } } == [.closeLink(lease.link, .missingFrames)])
        #expect(scene.kernel.tasks[client]?.linkFaults == [server: 1])
        #expect(scene.drain(second, by: server) == [5])
    }

    @Test("a link whose memory could not be made is given up, and its waiting senders go on by the nucleus")
    func memoryFails() throws {
        var scene = Scene()
        let server = scene.attach()
        let client = scene.attach()
        let port = scene.port(of: server)
        scene.give(.makeSend(port), of: server, to: client)
        scene.send(to: .copySend(port), from: client)
        _ = scene.receive(port, by: server)
        let link = try #require(scene.kernel.tasks[client]?.links[server])
        scene.handle(.linkFailed(link))
        #expect(scene.actions.contains(.closeLink(link, .unusableMemory)))
        #expect(scene.ask(client, .linkMapped(link)) == .refused(.linkGone))
        #expect(scene.send(4, to: .copySend(port), from: client) == .sent)
        #expect(scene.drain(port, by: server) == [4])
        #expect(scene.handle(.linkFailed(link)) == [])
    }

    @Test("the faults of a task that is gone are forgotten")
    mutating func faultsForgotten() {
        scene.ask(client, .linkFault(lease.link, .malformedFrame))
        scene.handle(.end(server))
        #expect(scene.kernel.tasks[client]?.linkFaults.isEmpty == true)
    }

    @Test("a link's fault at its task's end leaves the callee's rights to be released with the rest", arguments: [true, false])
    mutating func faultAtEnd(_ calleeEnds: Bool) {
        call(.held)
        scene.world.faults = [.missingFrames]
        scene.handle(.end(calleeEnds ? server : client))
        #expect(!calleeEnds || scene.drain(reply, by: client) == [71])
        scene.handle(.end(calleeEnds ? client : server))
        #expect(scene.kernel.leftovers == Leftovers())
    }
}
