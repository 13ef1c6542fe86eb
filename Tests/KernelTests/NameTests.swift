import Testing

@testable import MasixKernel

/// What the kernel knows of names, sizes and bodies for interfaces that keep names of their own (Documentation/Decisions/0016).
@Suite struct NameTests {
    var scene = Scene.withoutLinks
    let server: TaskID
    let client: TaskID
    let port: PortID
    let heard: PortID

    init() {
        server = scene.attach(name: "server")
        client = scene.attach(name: "client")
        port = scene.port(of: server, limit: 1)
        heard = scene.port(of: client)
    }

    private mutating func listen() -> [Notification] {
        var list: [Notification] = []
        while let message = scene.receive(heard, by: client) { list += message.notification.map { [$0] } ?? [] }
        return list
    }

    private mutating func request(
        _ kind: NotificationRequest.Kind, of port: PortID, once: SendOnceID? = nil, name: UInt32, sync: UInt32 = 0
    ) -> Response {
        scene.ask(
            client, .notify(NotificationRequest(kind, port: port, once: once, name: name, sync: sync, notify: .makeSendOnce(heard))))
    }

    // MARK: 65 and 72

    @Test("spec/mach.md 1.5, 65, 72: of a send-once right, which is used, given up, or whose port dies", arguments: 0..<3)
    mutating func onceHasAName(way: Int) {
        let once = scene.giveOnce(port, of: server, to: client)
        #expect(request(.deadName, of: port, once: once, name: 9) == .arrived(.null))
        switch way {
        case 0:
            scene.send(to: .moveSendOnce(once), from: client)
            #expect(listen() == [.portDeleted(port, name: 9)])
        case 1:
            scene.ask(client, .drop(.sendOnce(once)))
            #expect(listen() == [.portDeleted(port, name: 9)])
        default:
            scene.ask(server, .drop(.receive(port)))
            #expect(listen() == [.deadName(port, name: 9)])
        }
    }

    @Test("spec/mach.md R3: of a receive right, which is moved, destroyed, or lost with its task", arguments: 0..<3)
    mutating func receiveHasAName(way: Int) {
        let mine = scene.port(of: client)
        #expect(request(.deadName, of: mine, name: 4) == .arrived(.null))
        switch way {
        case 0:
            scene.give(.makeSend(port), of: server, to: client)
            scene.send(to: .copySend(port), from: client, rights: [.moveReceive(mine)])
        case 1: scene.ask(client, .drop(.receive(mine)))
        default:
            // Told to somebody who lives: the notify port moves before its owner goes.
            scene.give(.moveReceive(heard), of: client, to: server)
            scene.handle(.end(client))
            #expect(scene.receive(heard, by: server)?.notification == .portDeleted(mine, name: 4))
            return
        }
        #expect(listen() == [.portDeleted(mine, name: 4)])
    }

    @Test("spec/mach.md N2: a name that was given with the request is kept by the receive right, a send right's own request is not")
    mutating func receiveRightKeepsTheName() {
        for name in [UInt32(0), 5] {
            let mine = scene.port(of: client)
            scene.give(.makeSend(mine), of: client, to: client)
            #expect(request(.deadName, of: mine, name: name) == .arrived(.null))
            scene.ask(client, .drop(.send(mine)))
            #expect(listen() == (name == 0 ? [.portDeleted(mine, name: 0)] : []))
            scene.ask(client, .drop(.receive(mine)))
            #expect(listen() == (name == 0 ? [] : [.portDeleted(mine, name: 5)]))
        }
    }

    @Test("spec/mach.md D2: a library says that a name is gone before the right is")
    mutating func nameFreed() {
        scene.give(.makeSend(port), of: server, to: client)
        #expect(request(.deadName, of: port, name: 3) == .arrived(.null))
        #expect(scene.ask(client, .nameFreed(port)) == .done)
        #expect(listen() == [.portDeleted(port, name: 3)])
        scene.ask(client, .drop(.send(port)))
        #expect(listen() == [])
    }

    @Test("spec/mach.md D2: the same for the name of a send-once right, which then moves without a word")
    mutating func onceNameFreed() {
        let once = scene.giveOnce(port, of: server, to: client)
        #expect(request(.deadName, of: port, once: once, name: 9) == .arrived(.null))
        #expect(scene.ask(client, .nameFreed(port)) == .done)
        #expect(listen() == [])
        #expect(scene.ask(client, .nameFreed(port, once: once)) == .done)
        #expect(listen() == [.portDeleted(port, name: 9)])
        scene.send(to: .moveSendOnce(once), from: client)
        #expect(listen() == [])
    }

    @Test("spec/mach.md T3: a name that is dead is told at once if it is asked for, else refused")
    mutating func deadAlready() {
        scene.give(.makeSend(port), of: server, to: client)
        scene.ask(server, .drop(.receive(port)))
        #expect(request(.deadName, of: port, name: 3) == .refused(.invalidValue))
        #expect(request(.deadName, of: port, name: 3, sync: 1) == .arrived(.null))
        #expect(listen() == [.deadName(port, name: 3)])
    }

    @Test("a send-once right says whether its port has died, and which it is; to its holder alone")
    mutating func askedOfAOnce() {
        let once = scene.giveOnce(port, of: server, to: client)
        #expect(scene.ask(client, .isDead(once)) == .done)
        #expect(scene.ask(client, .portOf(once)) == .arrived(.sendOnce(once, port)))
        #expect(scene.ask(server, .isDead(once)) == .refused(.invalidName))
        scene.ask(server, .drop(.receive(port)))
        #expect(scene.ask(client, .isDead(once)) == .refused(.invalidDestination))
        #expect(scene.ask(client, .portOf(once)) == .arrived(.dead))
    }

    // MARK: 66

    @Test("spec/mach.md S8: who has met the full queue is told once, when there is room")
    mutating func sendPossible() {
        scene.give(.makeSend(port), of: server, to: client)
        #expect(request(.sendPossible, of: port, name: 8) == .arrived(.null))
        scene.send(1, to: .copySend(port), from: client)
        _ = scene.receive(port, by: server)
        #expect(listen() == [])
        scene.send(2, to: .copySend(port), from: client)
        #expect(scene.send(3, to: .copySend(port), from: client) == .refused(.full))
        #expect(scene.ask(client, .awaitRoom(port)) == .done)
        #expect(listen() == [])
        _ = scene.receive(port, by: server)
        #expect(listen() == [.sendPossible(port, name: 8)])
        #expect(scene.ask(client, .awaitRoom(port)) == .refused(.invalidName))
    }

    @Test("spec/mach.md S8: at once where there is room meanwhile; not before those who are blocked; by death as 72")
    mutating func sendPossibleMeets() {
        scene.give(.makeSend(port), of: server, to: client)
        _ = request(.sendPossible, of: port, name: 8)
        #expect(scene.ask(client, .awaitRoom(port)) == .done)
        #expect(listen() == [.sendPossible(port, name: 8)])

        _ = request(.sendPossible, of: port, name: 8)
        scene.send(1, to: .copySend(port), from: client)
        scene.send(2, to: .copySend(port), from: client, blocks: true)
        #expect(scene.ask(client, .awaitRoom(port)) == .done)
        _ = scene.receive(port, by: server)
        #expect(listen() == [])
        _ = scene.receive(port, by: server)
        #expect(listen() == [.sendPossible(port, name: 8)])

        _ = request(.sendPossible, of: port, name: 8)
        scene.ask(server, .drop(.receive(port)))
        #expect(listen() == [.deadName(port, name: 8)])
    }

    @Test("spec/mach.md S8, 1.6: the kernel says whether a name has a request, and whether it had one when its port died")
    mutating func askedOfARequest() {
        scene.give(.makeSend(port), of: server, to: client)
        #expect(scene.ask(client, .hasRequest(port)) == .refused(.invalidName))
        _ = request(.sendPossible, of: port, name: 8)
        #expect(scene.ask(client, .hasRequest(port)) == .done)
        #expect(scene.ask(server, .hasRequest(port)) == .refused(.invalidName))
        #expect(scene.ask(client, .awaitRoom(port)) == .done)
        #expect(scene.ask(client, .hasRequest(port)) == .refused(.invalidName))
        _ = request(.sendPossible, of: port, name: 8)
        scene.ask(server, .drop(.receive(port)))
        #expect(scene.ask(client, .hasRequest(port)) == .done)
        scene.ask(client, .drop(.send(port)))
        #expect(scene.ask(client, .hasRequest(port)) == .refused(.invalidName))
    }

    @Test("architecture rule 3: where somebody awaits room there are no leases, and afterwards there are again")
    mutating func noLeasesMeanwhile() throws {
        scene = Scene()
        let (server, client) = (scene.attach(name: "server"), scene.attach(name: "client"))
        let port = scene.port(of: server, limit: 4)
        let heard = scene.port(of: client)
        scene.give(.makeSend(port), of: server, to: client)
        _ = try scene.newLease(client, port, of: server)
        for code in 1...4 { scene.send(UInt32(code), to: .copySend(port), from: client) }
        scene.ask(
            client, .notify(NotificationRequest(.sendPossible, port: port, name: 1, sync: 1, notify: .makeSendOnce(heard))))
        #expect(scene.lease(client, port) == nil)
        #expect(scene.receive(heard, by: client) == nil)
        _ = scene.receive(port, by: server)
        #expect(scene.receive(heard, by: client)?.notification == .sendPossible(port, name: 1))
        _ = scene.drain(port, by: server)
        scene.send(5, to: .copySend(port), from: client)
        _ = scene.drain(port, by: server)
        #expect(scene.lease(client, port) != nil)
    }

    // MARK: sizes and counts

    @Test("spec/mach.md V4: what needs more than there is room for stays, with its size; descriptors are counted unless the body has them")
    mutating func tooLarge() {
        let memory = [MemoryToken(place: 1, length: 8)]
        for (format, size) in [(BodyFormat.plain, UInt32(4 + 12 + 16 + 8)), (.complex, 8), (.typed, 8)] {
            scene.ask(
                server,
                .send(
                    Outgoing(
                        to: .makeSend(port), rights: [.null], payload: Payload(place: 1, length: 8, format: format), memory: memory)))
            #expect(scene.ask(server, .peek(port)) == .next(size: size, code: 0))
            #expect(scene.ask(server, .receive(port, room: size - 1)) == .tooLarge(size))
            guard case .message(let message) = scene.ask(server, .receive(port, room: size)) else {
                Issue.record("it fits")
                continue
            }
            #expect(message.payload.format == format && !message.isOnce)
        }
        #expect(scene.ask(server, .peek(port)) == .empty)
        scene.send(to: .makeSendOnce(port), from: server)
        #expect(scene.receive(port, by: server)?.isOnce == true)
    }

    @Test("spec/mach.md 1.2: set_mscount is plain assignment, for the receiver")
    mutating func makeSendCount() {
        scene.give(.makeSend(port), of: server, to: client)
        #expect(scene.ask(server, .setMakeSendCount(port, 70)) == .done)
        #expect(scene.status(port)?.makeSendCount == 70)
        #expect(scene.ask(client, .setMakeSendCount(port, 1)) == .refused(.invalidRight))
    }
}
