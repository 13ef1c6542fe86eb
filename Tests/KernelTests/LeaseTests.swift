import Testing

@testable import MasixKernel

/// Leases: when they are given, what closes them, and that every message is accounted for (architecture rules 3 to 10).
@Suite struct LeaseTests {
    var scene = Scene()
    let server: TaskID
    let client: TaskID
    let port: PortID

    init() {
        server = scene.attach(name: "server")
        client = scene.attach(name: "client")
        port = scene.port(of: server, limit: 4)
        scene.give(.makeSend(port), of: server, to: client)
    }

    /// A payload that a test knows again.
    private func payload(_ number: UInt64) -> Payload { Payload(place: number, length: 1) }

    private mutating func commit(_ lease: Lease, _ codes: ClosedRange<UInt32>) {
        for code in codes { #expect(scene.world.commit(lease.id, code: code, payload(UInt64(code))) == true) }
    }

    // MARK: giving

    @Test("architecture rule 7: a lease is given when a message of its sender has been accepted and both halves are mapped")
    mutating func given() throws {
        #expect(scene.kernel.links.isEmpty)
        scene.send(to: .copySend(port), from: client)
        let link = try #require(scene.kernel.tasks[client]?.links[server])
        let open = try #require(scene.kernel.links[link])
        #expect(scene.actions.contains(.openLink(open)))
        #expect(open.first == server && open.second == client)
        #expect(scene.receive(port, by: server) != nil)
        #expect(scene.ask(client, .linkOffers) == .links([link]))
        #expect(scene.ask(client, .linkMapped(link)) == .done)
        #expect(scene.ask(client, .linkOffers) == .links([]))
        #expect(scene.ask(client, .linkPeer(link)) == .refused(.linkGone))
        #expect(scene.lease(client, port) == nil)
        #expect(scene.ask(server, .linkMapped(link)) == .done)
        #expect(scene.actions.contains(.sealLink(link)))
        let lease = try #require(scene.lease(client, port))
        #expect(scene.actions.contains(.grant(lease)))
        #expect(lease.senderHalf == 1 && lease.linkPlace == open.place(of: client))
        #expect(lease.sender == client && lease.receiver == server && lease.window == 4 && lease.isWhole)
        #expect(
            scene.ask(client, .linkPeer(link)) == .linkPeer(server, Scene.identity("server"), place: open.place(of: client), isChief: false)
        )
        #expect(scene.ask(client, .linkMapped(link)) == .done, "a second time changes nothing")
        #expect(scene.status(port)?.messages == 4 && scene.status(port)?.leases == 1)
    }

    @Test(
        "architecture rule 7: beside its sender's home messages a lease has the rest of the limit, and its frames come after them",
        arguments: [0, UInt32.max - 1])
    mutating func besideHomeMessages(received: UInt32) throws {
        scene.kernel.own()
        scene.kernel.ports[port]?.received = received
        for code: UInt32 in 1...3 { scene.send(code, to: .copySend(port), from: client) }
        scene.mapLinks()
        var lease = try #require(scene.lease(client, port))
        #expect(lease.window == 1 && lease.slots == 4 && lease.after == received &+ 3 && lease.isWhole)
        commit(lease, 4...4)
        #expect(scene.world.commit(lease.id, payload(5)) == false, "no credit")
        for code: UInt32 in 1...3 {
            #expect(scene.world.take(lease.id) == nil, "before what its sender sent first")
            #expect(scene.receive(port, by: server)?.code == code)
            lease = try #require(scene.lease(client, port))
            #expect(lease.window == code + 1 && scene.actions.contains(.reshape(lease)) && scene.actions.contains(.ring(client)))
            commit(lease, (code + 4)...(code + 4))
        }
        #expect((4...7).map { _ in scene.world.take(lease.id)?.code } == [4, 5, 6, 7])
    }

    @Test("architecture rule 3: a lease may begin with no credit at all; a whole home queue leaves none")
    mutating func noCredit() throws {
        for code: UInt32 in 1...4 { scene.send(code, to: .copySend(port), from: client) }
        scene.mapLinks()
        let lease = try #require(scene.lease(client, port))
        #expect(lease.window == 0 && lease.isWhole)
        #expect(scene.world.commit(lease.id, payload(5)) == false)
        // A message that no limit holds up takes nothing from it; its going gives nothing to it.
        scene.send(77, to: .makeSendOnce(port), from: server)
        #expect(scene.lease(client, port) == lease)
        _ = scene.receive(port, by: server)
        #expect(scene.lease(client, port)?.window == 0)
        _ = scene.receive(port, by: server)
        #expect(scene.lease(client, port)?.window == 1)
    }

    @Test("spec/mach.md S6: a lease that is short of slots is never whole, for the nucleus may have more room than it")
    mutating func shortOfSlots() throws {
        let wide = scene.port(of: server, limit: UInt32(Limits.slotsPerDirection - 1))
        scene.give(.makeSend(wide), of: server, to: client)
        #expect(try scene.newLease(client, wide, of: server).isWhole)
        let lease = try scene.newLease(client, port, of: server)
        #expect(lease.slots == 1 && lease.window == 1 && !lease.isWhole)
        commit(lease, 1...1)
        #expect(scene.send(2, to: .copySend(port), from: client) == .sent)
        #expect(scene.drain(port, by: server) == [1, 2])
    }

    @Test("architecture rule 3: a lease ceases to be whole when another is given, and becomes whole again when that closes")
    mutating func whole() throws {
        let other = scene.attach()
        scene.give(.makeSend(port), of: server, to: other)
        let lease = try scene.newLease(client, port, of: server)
        #expect(lease.isWhole && lease.window == 4)
        // The other's first message takes one from it; when it has no more credit, both share.
        scene.send(9, to: .copySend(port), from: other)
        scene.mapLinks()
        #expect(scene.lease(client, port)?.window == 3 && scene.lease(client, port)?.isWhole == false)
        #expect(scene.lease(other, port)?.window == 0)
        scene.send(10, to: .copySend(port), from: other)
        #expect(scene.drain(port, by: server) == [9, 10])
        let one = try #require(scene.lease(client, port))
        let two = try #require(scene.lease(other, port))
        #expect(one.id != lease.id && one.window == 2 && two.window == 2 && !one.isWhole && !two.isWhole)
        scene.ask(other, .drop(.send(port)))
        let again = try #require(scene.lease(client, port))
        #expect(again.id == one.id && again.isWhole && again.window == 4)
        #expect(scene.actions.contains(.reshape(again)) && scene.actions.contains(.ring(client)))
    }

    @Test("architecture rule 3: room that comes free goes to all leases by turns, and one event looks at a bounded number of them")
    mutating func turns() throws {
        let count = Kernel.leasesGrownMax + 4
        let crowd = scene.port(of: server, limit: UInt32(count))
        let clients = (0..<count).map { _ in scene.attach() }
        for client in clients { scene.give(.makeSend(crowd), of: server, to: client) }
        for client in clients { scene.send(to: .copySend(crowd), from: client) }
        scene.mapLinks()
        #expect(clients.allSatisfy { scene.lease($0, crowd)?.window == 0 })
        for received in 1...count {
            _ = scene.receive(crowd, by: server)
            #expect(clients.filter { scene.lease($0, crowd)?.window == 1 }.count == received)
        }
    }

    @Test("architecture rule 1: without links nothing is ever leased")
    func switchedOff() {
        var scene = Scene.withoutLinks
        let server = scene.attach()
        let client = scene.attach()
        let port = scene.port(of: server)
        scene.give(.makeSend(port), of: server, to: client)
        #expect(scene.openLease(client, port, of: server) == nil)
        #expect(scene.kernel.links.isEmpty)
    }

    @Test("architecture rule 6: a sender whose right went with its message has none to lease on; nor has a task to itself")
    mutating func noRight() {
        scene.send(to: .moveSend(port), from: client)
        scene.ask(server, .make(.makeSend(port)))
        scene.send(to: .copySend(port), from: server)
        _ = scene.drain(port, by: server)
        #expect(scene.kernel.links.isEmpty)
        #expect(scene.kernel.ports[port]?.candidates.isEmpty == true)
    }

    @Test("architecture rule 22: over the quota of links the nucleus path goes on")
    func linkQuota() throws {
        var limits = Limits()
        limits.linksPerTaskMax = 1
        var scene = Scene(limits: limits)
        let server = scene.attach()
        let port = scene.port(of: server)
        let clients = (0..<2).map { _ in scene.attach() }
        for client in clients { scene.give(.makeSend(port), of: server, to: client) }
        #expect(scene.openLease(clients[0], port, of: server) != nil)
        #expect(scene.openLease(clients[1], port, of: server) == nil)
        #expect(scene.send(8, to: .copySend(port), from: clients[1]) == .sent)
        #expect(scene.drain(port, by: server) == [8])
    }

    @Test("architecture rule 3: unspent credit and queue never exceed the limit; several senders share it")
    mutating func share() throws {
        let other = scene.attach()
        scene.give(.makeSend(port), of: server, to: other)
        scene.send(to: .copySend(port), from: client)
        scene.send(to: .copySend(port), from: other)
        _ = scene.drain(port, by: server)
        scene.mapLinks()
        let one = try #require(scene.lease(client, port))
        let two = try #require(scene.lease(other, port))
        #expect(Int(one.window) + Int(two.window) <= 4)
        #expect(!one.isWhole && !two.isWhole)
    }

    // MARK: closing

    @Test("architecture rule 7: a nucleus message closes the lease; what was committed before comes first, once")
    mutating func harvest() throws {
        let lease = try scene.newLease(client, port, of: server)
        commit(lease, 1...3)
        #expect(scene.world.take(lease.id)?.code == 1)
        #expect(scene.send(9, to: .copySend(port), from: client) == .sent)
        #expect(scene.kernel.leases[lease.id] == nil)
        #expect(scene.world.commit(lease.id, payload(10)) == false, "a closed lease takes nothing")
        #expect(scene.drain(port, by: server) == [2, 3, 9])
        let again = try #require(scene.lease(client, port))
        #expect(again.id != lease.id && again.id.epoch != lease.id.epoch)
    }

    @Test("spec/mach.md S6: another sender's message closes leases until it fits; committed frames keep their room")
    mutating func makesRoom() throws {
        let other = scene.attach()
        scene.give(.makeSend(port), of: server, to: other)
        let lease = try scene.newLease(client, port, of: server)
        commit(lease, 1...4)
        #expect(scene.send(9, to: .copySend(port), from: other) == .refused(.full))
        #expect(scene.kernel.leases[lease.id] == nil)
        #expect(scene.lease(client, port)?.window == 0)
        guard case .blocked = scene.send(9, to: .copySend(port), from: other, blocks: true) else { return _ = Issue.record("sent") }
        #expect(scene.kernel.leases.isEmpty, "no lease beside a blocked sender")
        #expect(scene.drain(port, by: server) == [1, 2, 3, 4, 9])
    }

    @Test("architecture rule 3: a send-once message, a notification and a lowered limit close leases first")
    mutating func closers() throws {
        for way in 0..<3 {
            let lease = try scene.newLease(client, port, of: server)
            commit(lease, 1...2)
            switch way {
            case 0: scene.send(77, to: .makeSendOnce(port), from: server)
            case 1: scene.ask(client, .drop(.sendOnce(scene.giveOnce(port, of: server, to: client))))
            default: scene.ask(server, .setQueueLimit(port, 2))
            }
            #expect(scene.kernel.leases[lease.id] == nil)
            // Where the other message stands among them is free (O1).
            #expect(scene.drain(port, by: server).filter { $0 <= 2 } == [1, 2])
        }
    }

    @Test("trace and revoke close leases; a traced task gets none")
    mutating func traceAndRevoke() throws {
        var lease = try scene.newLease(client, port, of: server)
        commit(lease, 1...1)
        scene.handle(.revoke(port))
        #expect(scene.kernel.leases[lease.id] == nil)
        #expect(scene.drain(port, by: server) == [1])
        lease = try #require(scene.lease(client, port))
        scene.handle(.revoke(nil))
        #expect(scene.kernel.leases[lease.id] == nil)
        // Nothing was committed: it is given again at once.
        lease = try #require(scene.lease(client, port))
        for task in [client, server] {
            scene.handle(.trace(task, true))
            #expect(scene.openLease(client, port, of: server) == nil)
            scene.handle(.trace(task, false))
            #expect(scene.openLease(client, port, of: server) != nil)
        }
    }

    @Test("architecture rule 8: a moved receive right takes what was committed with it")
    mutating func moves() throws {
        let lease = try scene.newLease(client, port, of: server)
        let inbox = scene.port(of: client)
        scene.give(.makeSend(inbox), of: client, to: server)
        commit(lease, 1...2)
        scene.send(to: .copySend(inbox), from: server, rights: [.moveReceive(port)])
        #expect(scene.kernel.leases[lease.id] == nil && scene.lease(client, port) == nil)
        #expect(scene.send(3, to: .copySend(port), from: client) == .sent)
        _ = scene.receive(inbox, by: client)
        #expect(scene.drain(port, by: client) == [1, 2, 3])
    }

    @Test("architecture rule 9: a send right that goes, by drop, move or death, takes its lease with it")
    mutating func rightGoes() throws {
        for way in 0..<3 {
            if scene.kernel.tasks[client]?.sends[port] == nil { scene.give(.makeSend(port), of: server, to: client) }
            let lease = try scene.newLease(client, port, of: server)
            commit(lease, 1...2)
            switch way {
            case 0: scene.ask(client, .drop(.send(port)))
            case 1: scene.send(3, to: .moveSend(port), from: client)
            default: scene.handle(.end(client))
            }
            #expect(scene.kernel.leases.isEmpty)
            #expect(scene.status(port)?.sendRights == (way == 1 ? 3 : 2))
            #expect(scene.drain(port, by: server).prefix(2) == [1, 2])
            #expect(scene.status(port)?.sendRights == 0)
        }
    }

    @Test("spec/mach.md T5: with a port die its leases and what was committed on them")
    mutating func portDies() throws {
        let lease = try scene.newLease(client, port, of: server)
        commit(lease, 1...2)
        scene.ask(server, .drop(.receive(port)))
        #expect(scene.actions.contains(.release(payload(1))) && scene.actions.contains(.release(payload(2))))
        #expect(scene.kernel.tasks[client]?.charge == Charge())
        #expect(scene.kernel.leases.isEmpty)
    }

    @Test("architecture rule 5: slots of a lease that may still be read are not lent again while the link lives")
    mutating func slotsInUse() throws {
        let first = try scene.newLease(client, port, of: server)
        scene.world.slotsInUse = true
        scene.handle(.revoke(port))
        scene.world.slotsInUse = false
        let second = try #require(scene.lease(client, port))
        #expect(second.firstSlot >= first.firstSlot + first.window)
        scene.handle(.revoke(port))
        #expect(scene.lease(client, port)?.firstSlot == second.firstSlot)
    }

    @Test("a world that finds more frames than the window has: the rest is given back")
    mutating func tooManyFrames() throws {
        struct Liar: LeaseWorld {
            mutating func close(_ lease: Lease) -> Closing {
                Closing(frames: (1...6).map { Frame(code: $0, payload: Payload(place: UInt64($0), length: 1)) })
            }
            mutating func settleReplies(of link: Link) -> [Settlement] { [] }
            mutating func promoteReply(of link: Link, callee: TaskID, index: UInt16, generation: UInt32) -> PortID? { nil }
            mutating func recallReplies(of link: Link, caller: TaskID, port: PortID) -> [Settlement] { [] }
        }
        _ = try scene.newLease(client, port, of: server)
        var liar = Liar()
        let actions = scene.kernel.handle(.revoke(port), world: &liar)
        #expect(scene.status(port)?.messages == 4)
        #expect(actions.contains(.release(payload(5))) && actions.contains(.release(payload(6))))
        #expect(scene.kernel.violations().isEmpty)
    }

    @Test("spec/mach.md O1: a lease's call is harvested with its reply right made real")
    mutating func harvestCall() throws {
        let reply = scene.port(of: client)
        let lease = try scene.newLease(client, port, of: server)
        #expect(scene.world.commit(lease.id, code: 1, payload(1), reply: reply) == true)
        // A reply port that is not the sender's is dead to the receiver.
        #expect(scene.world.commit(lease.id, code: 2, payload(2), reply: port) == true)
        scene.handle(.revoke(port))
        guard case .sendOnce(let once, reply)? = scene.receive(port, by: server)?.reply else { return _ = Issue.record("no reply right") }
        #expect(scene.receive(port, by: server)?.reply == .dead)
        #expect(scene.send(50, to: .moveSendOnce(once), from: server) == .sent)
        #expect(scene.drain(reply, by: client) == [50])
    }
}
