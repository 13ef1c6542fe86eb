import Testing

@testable import MasixKernel

/// Rights and dispositions (spec/mach.md 1.1 and 1.3).
@Suite struct RightsTests {
    var scene = Scene.withoutLinks
    let server: TaskID
    let client: TaskID
    let port: PortID
    /// The client's own port, to which the server may send.
    let inbox: PortID

    init() {
        server = scene.attach(name: "server")
        client = scene.attach(name: "client")
        port = scene.port(of: server)
        inbox = scene.port(of: client)
        scene.give(.makeSend(inbox), of: client, to: server)
    }

    /// What the client sees of a right that the server sends it this way.
    private mutating func pass(_ transfer: Transfer) -> Arrived? {
        #expect(scene.send(to: .copySend(inbox), from: server, rights: [transfer]) == .sent)
        return scene.receive(inbox, by: client)?.rights.first
    }

    @Test("spec/mach.md 1.2: a new port has no senders, an empty queue, no makings")
    func allocate() {
        let status = scene.status(port)
        #expect(status?.sendRights == 0 && status?.makeSendCount == 0 && status?.messages == 0 && status?.queueLimit == 5)
    }

    @Test("spec/mach.md 1.3: make-send leaves the receive right, counts a making, and arrives as a send right")
    mutating func makeSend() {
        #expect(pass(.makeSend(port)) == .send(port, index: 0))
        #expect(scene.status(port)?.sendRights == 1)
        #expect(scene.status(port)?.makeSendCount == 1)
        #expect(scene.kernel.tasks[server]?.receives[port] != nil)
    }

    @Test("spec/mach.md 1.3: copy-send keeps the sender's right and makes none")
    mutating func copySend() {
        scene.ask(server, .make(.makeSend(port)))
        guard case .send(port, _)? = pass(.copySend(port)) else { return _ = Issue.record("no send right") }
        #expect(scene.status(port)?.sendRights == 2)
        #expect(scene.status(port)?.makeSendCount == 1)
    }

    @Test("spec/mach.md 1.3: move-send takes the sender's right")
    mutating func moveSend() {
        scene.ask(server, .make(.makeSend(port)))
        guard case .send(port, _)? = pass(.moveSend(port)) else { return _ = Issue.record("no send right") }
        #expect(scene.status(port)?.sendRights == 1)
        #expect(scene.kernel.tasks[server]?.sends[port] == nil)
    }

    @Test("spec/mach.md 1.3: make-send-once and move-send-once: one right, wherever it goes")
    mutating func sendOnce() {
        guard case .sendOnce(let once, port)? = pass(.makeSendOnce(port)) else { return _ = Issue.record("no send-once right") }
        #expect(scene.status(port)?.sendOnceRights == 1)
        scene.give(.makeSend(port), of: server, to: client)
        #expect(scene.send(to: .copySend(port), from: client, rights: [.moveSendOnce(once)]) == .sent)
        #expect(scene.kernel.tasks[client]?.sendOnces.isEmpty == true)
        #expect(scene.receive(port, by: server)?.rights == [.sendOnce(once, port)])
        #expect(scene.status(port)?.sendOnceRights == 1)
    }

    @Test("spec/mach.md 1.3: move-receive takes the receive right and leaves the send right")
    mutating func moveReceive() {
        scene.ask(server, .make(.makeSend(port)))
        guard case .receive(port, _)? = pass(.moveReceive(port)) else { return _ = Issue.record("no receive right") }
        #expect(scene.kernel.tasks[server]?.receives[port] == nil)
        #expect(scene.kernel.tasks[server]?.sends[port] != nil)
        #expect(scene.ask(server, .status(port)) == .refused(.invalidRight))
        guard case .status = scene.ask(client, .status(port)) else { return _ = Issue.record("the right has not moved") }
    }

    @Test("spec/mach.md N2: send rights for one port are one entry, however they come")
    mutating func coalesce() {
        let first = pass(.makeSend(port))
        #expect(pass(.makeSend(port)) == first)
        scene.ask(server, .make(.makeSend(port)))
        #expect(pass(.copySend(port)) == first)
        #expect(scene.kernel.tasks[client]?.sends.count == 1)
        #expect(scene.status(port)?.sendRights == 2)
        #expect(scene.status(port)?.makeSendCount == 3)
    }

    @Test("spec/mach.md N2: every send-once right is one of its own")
    mutating func separate() {
        let one = pass(.makeSendOnce(port))
        let other = pass(.makeSendOnce(port))
        #expect(one != other)
        #expect(scene.status(port)?.sendOnceRights == 2)
    }

    @Test("spec/mach.md N4: rights inside messages count, that of the destination included")
    mutating func inMessages() {
        scene.give(.makeSend(port), of: server, to: client)
        scene.send(to: .copySend(port), from: client, rights: [.copySend(port), .copySend(port)])
        #expect(scene.status(port)?.sendRights == 4)
        _ = scene.receive(port, by: server)
        #expect(scene.status(port)?.sendRights == 2)
    }

    @Test("spec/mach.md D1: null and dead travel as themselves")
    mutating func nullAndDead() {
        #expect(pass(.null) == .null)
        #expect(pass(.dead) == .dead)
    }

    @Test("spec/mach.md D1: a dead name arrives as dead, and a moved one is used up")
    mutating func deadName() {
        let other = scene.port(of: client)
        scene.give(.makeSend(other), of: client, to: server)
        let once = scene.giveOnce(other, of: client, to: server)
        scene.ask(client, .drop(.receive(other)))
        #expect(pass(.copySend(other)) == .dead)
        #expect(scene.kernel.tasks[server]?.sends[other]?.isDead == true)
        #expect(pass(.moveSend(other)) == .dead)
        #expect(scene.kernel.tasks[server]?.sends[other] == nil)
        #expect(pass(.moveSendOnce(once)) == .dead)
        #expect(scene.kernel.tasks[server]?.sendOnces.isEmpty == true)
    }

    @Test("spec/mach.md D1: a dead name is no destination")
    mutating func deadDestination() {
        scene.ask(client, .drop(.receive(inbox)))
        #expect(scene.send(to: .copySend(inbox), from: server) == .refused(.invalidDestination))
    }

    @Test("spec/mach.md D3: a right whose port dies under way arrives as dead")
    mutating func diesUnderWay() {
        scene.send(to: .copySend(inbox), from: server, rights: [.makeSend(port), .makeSendOnce(port)])
        scene.ask(server, .drop(.receive(port)))
        #expect(scene.receive(inbox, by: client)?.rights == [.dead, .dead])
        #expect(scene.kernel.sendOnces.isEmpty)
    }

    @Test(
        "spec/mach.md D4, S2, S3: what is refused has changed nothing",
        arguments: [
            Transfer.moveSend(PortID(node: Scene.node, counter: 999)), .copySend(PortID(node: Scene.node, counter: 999)),
            .makeSend(PortID(node: Scene.node, counter: 999)), .makeSendOnce(PortID(node: Scene.node, counter: 999)),
            .moveReceive(PortID(node: Scene.node, counter: 999)), .moveSendOnce(SendOnceID(raw: 999)),
        ])
    mutating func refused(_ wrong: Transfer) {
        var before = scene.kernel
        let once = Transfer.makeSendOnce(port)
        #expect(scene.send(to: .moveSend(inbox), from: server, reply: once, rights: [.makeSend(port), wrong]) == .refused(.invalidRight))
        before.own()
        before.tasks[server]?.lastRequest += 1
        #expect(scene.kernel == before)
        let reply: Response = .refused(.invalidReply)
        #expect(scene.send(to: .moveSend(inbox), from: server, reply: wrong, rights: [.makeSend(port)]) == reply)
        before.tasks[server]?.lastRequest += 1
        #expect(scene.send(to: wrong, from: server, rights: [.makeSend(port)]) == .refused(.invalidDestination))
        before.tasks[server]?.lastRequest += 1
        #expect(scene.kernel == before)
    }

    @Test("spec/mach.md 1.3: nothing is made from a receive right that the same message has moved")
    mutating func movedOnce() {
        for after in [Transfer.moveReceive(port), .makeSend(port), .makeSendOnce(port)] {
            #expect(scene.send(to: .copySend(inbox), from: server, rights: [.moveReceive(port), after]) == .refused(.invalidRight))
        }
        #expect(scene.send(to: .copySend(inbox), from: server, rights: [.makeSend(port), .moveReceive(port)]) == .sent)
        let delivered = scene.receive(inbox, by: client)
        #expect(delivered?.rights.count == 2)
        #expect(scene.status(port)?.sendRights == 1)
    }

    @Test("spec/mach.md D5: copy then move of one right in the header; not move then copy, nor move twice")
    mutating func sameName() {
        #expect(scene.send(to: .moveSend(inbox), from: server, reply: .copySend(inbox)) == .refused(.invalidReply))
        #expect(scene.send(to: .moveSend(inbox), from: server, reply: .moveSend(inbox)) == .refused(.invalidReply))
        #expect(scene.send(to: .copySend(inbox), from: server, reply: .moveSend(inbox)) == .sent)
        guard case .send(inbox, _)? = scene.receive(inbox, by: client)?.reply else { return _ = Issue.record("no reply right") }
        #expect(scene.kernel.tasks[server]?.sends[inbox] == nil)
        let once = scene.giveOnce(inbox, of: client, to: server)
        #expect(scene.send(to: .moveSendOnce(once), from: server, reply: .moveSendOnce(once)) == .refused(.invalidReply))
        #expect(scene.kernel.tasks[server]?.sendOnces == [once])
    }

    @Test("spec/mach.md S2: a receive right is neither destination nor reply")
    mutating func receiveInHeader() {
        #expect(scene.send(to: .moveReceive(port), from: server) == .refused(.invalidDestination))
        #expect(scene.send(to: .copySend(inbox), from: server, reply: .moveReceive(port)) == .refused(.invalidReply))
        #expect(scene.send(to: .null, from: server) == .refused(.invalidDestination))
        #expect(scene.send(to: .dead, from: server) == .refused(.invalidDestination))
    }

    @Test("spec/mach.md 1.6: send and receive right: the receive right dies, the send right is a dead name until it is dropped")
    mutating func deadNameStays() {
        scene.ask(server, .make(.makeSend(port)))
        #expect(scene.ask(server, .drop(.receive(port))) == .done)
        #expect(scene.kernel.tasks[server]?.sends[port]?.isDead == true)
        #expect(scene.ask(server, .drop(.send(port))) == .done)
        #expect(scene.kernel.tasks[server]?.sends.count == 1)
        #expect(scene.ask(server, .drop(.send(port))) == .refused(.invalidName))
    }

    @Test("spec/mach.md 1.2: dropping what is not held")
    mutating func dropNothing() {
        for right in [Right.null, .dead, .send(port), .receive(inbox), .sendOnce(SendOnceID(raw: 5))] {
            #expect(scene.ask(server, .drop(right)) == .refused(.invalidName))
        }
    }

    @Test("spec/mach.md 1.2: making is from one's own port, for oneself")
    mutating func make() {
        #expect(scene.ask(client, .make(.makeSend(port))) == .refused(.invalidRight))
        #expect(scene.ask(server, .make(.moveReceive(port))) == .refused(.invalidRight))
        #expect(scene.ask(server, .make(.copySend(inbox))) == .refused(.invalidRight))
        guard case .arrived(.sendOnce(_, port)) = scene.ask(server, .make(.makeSendOnce(port))) else { return _ = Issue.record("none") }
    }
}
