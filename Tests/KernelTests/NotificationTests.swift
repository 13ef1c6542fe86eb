import Testing

@testable import MasixKernel

/// What the kernel tells tasks (spec/mach.md 1.5).
@Suite struct NotificationTests {
    var scene = Scene.withoutLinks
    let server: TaskID
    let client: TaskID
    let port: PortID
    /// Where the notifications come to: one port of each task.
    let told: PortID
    let heard: PortID

    init() {
        server = scene.attach(name: "server")
        client = scene.attach(name: "client")
        port = scene.port(of: server)
        told = scene.port(of: server)
        heard = scene.port(of: client)
    }

    @discardableResult
    private mutating func request(_ kind: NotificationRequest.Kind, by task: TaskID, sync: UInt32 = 0, notify: Transfer) -> Response {
        scene.ask(task, .notify(NotificationRequest(kind, port: port, sync: sync, notify: notify)))
    }

    private mutating func listen(_ port: PortID, by task: TaskID) -> [Notification] {
        var list: [Notification] = []
        while let message = scene.receive(port, by: task) {
            #expect(message.sender == .kernel && message.code == message.notification?.code)
            if let notification = message.notification { list.append(notification) }
        }
        return list
    }

    // MARK: 65 and 72

    @Test("spec/mach.md 1.5, 72: the port under a name with a request dies")
    mutating func deadName() {
        scene.give(.makeSend(port), of: server, to: client)
        #expect(request(.deadName, by: client, notify: .makeSendOnce(heard)) == .arrived(.null))
        scene.ask(server, .drop(.receive(port)))
        #expect(listen(heard, by: client) == [.deadName(port, name: 0)])
        #expect(scene.kernel.sendOnces.isEmpty)
    }

    @Test("spec/mach.md 1.5, 65; D2: the name is freed while its port lives: dropped, sent to, sent on")
    mutating func portDeleted() {
        for way in 0..<3 {
            scene.give(.makeSend(port), of: server, to: client)
            request(.deadName, by: client, notify: .makeSendOnce(heard))
            switch way {
            case 0: scene.ask(client, .drop(.send(port)))
            case 1: scene.send(to: .moveSend(port), from: client)
            default: scene.send(to: .makeSend(scene.port(of: client)), from: client, rights: [.moveSend(port)])
            }
            #expect(listen(heard, by: client) == [.portDeleted(port, name: 0)])
        }
    }

    @Test("spec/mach.md T3: a request on a name that is dead already is out of range")
    mutating func alreadyDead() {
        scene.give(.makeSend(port), of: server, to: client)
        scene.ask(server, .drop(.receive(port)))
        #expect(request(.deadName, by: client, notify: .makeSendOnce(heard)) == .refused(.invalidValue))
    }

    // MARK: 70

    @Test("spec/mach.md 1.5, 70: the last send right goes")
    mutating func noSenders() {
        scene.give(.makeSend(port), of: server, to: client)
        request(.noSenders, by: server, notify: .makeSendOnce(told))
        #expect(scene.status(port)?.noSendersRequested == true)
        scene.ask(client, .drop(.send(port)))
        #expect(listen(told, by: server) == [.noSenders(makeSendCount: 1)])
        #expect(scene.status(port)?.noSendersRequested == false)
    }

    @Test("spec/mach.md 1.5, 70: what has been sent by a send-once right was no sender, and none goes when it is received")
    mutating func noSendersByOnces() {
        request(.noSenders, by: server, sync: 1, notify: .makeSendOnce(told))
        scene.send(to: .makeSendOnce(port), from: server)
        _ = scene.receive(port, by: server)
        #expect(scene.status(port)?.noSendersRequested == true)
        scene.send(to: .makeSend(port), from: server)
        _ = scene.receive(port, by: server)
        #expect(listen(told, by: server) == [.noSenders(makeSendCount: 1)])
    }

    @Test("spec/mach.md T2: without senders it is sent at once if the make-send count has reached sync; else it waits")
    mutating func noSendersSync() {
        request(.noSenders, by: server, sync: 0, notify: .makeSendOnce(told))
        #expect(listen(told, by: server) == [.noSenders(makeSendCount: 0)])
        request(.noSenders, by: server, sync: 1, notify: .makeSendOnce(told))
        #expect(listen(told, by: server).isEmpty)
        scene.give(.makeSend(port), of: server, to: client)
        scene.ask(client, .drop(.send(port)))
        #expect(listen(told, by: server) == [.noSenders(makeSendCount: 1)])
        // With senders it waits whatever sync says.
        scene.give(.makeSend(port), of: server, to: client)
        request(.noSenders, by: server, sync: 0, notify: .makeSendOnce(told))
        #expect(listen(told, by: server).isEmpty)
    }

    @Test("spec/mach.md R2: a no-senders request goes with the receive right")
    mutating func noSendersMoves() {
        scene.give(.makeSend(port), of: server, to: client)
        request(.noSenders, by: server, notify: .makeSendOnce(told))
        scene.give(.makeSend(heard), of: client, to: server)
        scene.send(to: .copySend(heard), from: server, rights: [.moveReceive(port)])
        _ = scene.receive(heard, by: client)
        scene.ask(client, .drop(.send(port)))
        #expect(listen(told, by: server) == [.noSenders(makeSendCount: 0)])
    }

    // MARK: 69

    @Test("spec/mach.md 1.5, 69: the receive right is not destroyed but comes to the backup, with its queue and senders")
    mutating func portDestroyed() {
        scene.give(.makeSend(port), of: server, to: client)
        scene.send(11, to: .copySend(port), from: client)
        let once = scene.giveOnce(heard, of: client, to: server)
        request(.portDestroyed, by: server, notify: .moveSendOnce(once))
        scene.ask(server, .drop(.receive(port)))
        let message = scene.receive(heard, by: client)
        #expect(message?.notification == .portDestroyed)
        guard case .receive(port, _)? = message?.rights.first else { return _ = Issue.record("no receive right") }
        #expect(scene.drain(port, by: client) == [11])
        #expect(scene.status(port)?.portDestroyedRequested == false)
        #expect(scene.kernel.tasks[client]?.sends[port]?.isDead == false)
    }

    @Test("spec/mach.md 1.5, 69: sync must be 0")
    mutating func portDestroyedSync() {
        #expect(request(.portDestroyed, by: server, sync: 1, notify: .makeSendOnce(told)) == .refused(.invalidValue))
    }

    @Test("spec/mach.md 1.5, 69; R4: a backup inside the queue that would move is none: the port dies and the right yields its 71")
    mutating func circularBackup() {
        // Its own port, then a port whose right lies in its queue.
        request(.portDestroyed, by: server, notify: .makeSendOnce(port))
        scene.ask(server, .drop(.receive(port)))
        #expect(scene.kernel.ports[port] == nil)
        let outer = scene.port(of: server)
        let inner = scene.port(of: server)
        scene.ask(server, .notify(NotificationRequest(.portDestroyed, port: outer, notify: .makeSendOnce(inner))))
        scene.send(to: .makeSend(outer), from: server, rights: [.moveReceive(inner)])
        scene.ask(server, .drop(.receive(outer)))
        #expect(scene.kernel.ports[outer] == nil && scene.kernel.ports[inner] == nil)
        #expect(scene.kernel.sendOnces.isEmpty)
    }

    @Test("spec/mach.md R5, 69: a receive right in a destroyed message goes to its backup too")
    mutating func backupFromMessage() {
        let carrier = scene.port(of: server)
        let once = scene.giveOnce(heard, of: client, to: server)
        request(.portDestroyed, by: server, notify: .moveSendOnce(once))
        scene.send(to: .makeSend(carrier), from: server, rights: [.moveReceive(port)])
        scene.ask(server, .drop(.receive(carrier)))
        #expect(scene.receive(heard, by: client)?.notification == .portDestroyed)
        #expect(scene.kernel.ports[port]?.receiver == .task(client))
    }

    @Test("spec/mach.md 1.5, 69: a dead backup is none")
    mutating func deadBackup() {
        let once = scene.giveOnce(heard, of: client, to: server)
        request(.portDestroyed, by: server, notify: .moveSendOnce(once))
        scene.ask(client, .drop(.receive(heard)))
        scene.ask(server, .drop(.receive(port)))
        #expect(scene.kernel.ports[port] == nil && scene.kernel.sendOnces.isEmpty)
    }

    // MARK: 71

    @Test("spec/mach.md 1.5, 71; T4: a send-once right that is dropped, destroyed in a message, or ends with its task yields one 71")
    mutating func sendOnce() {
        let dropped = scene.giveOnce(told, of: server, to: client)
        scene.ask(client, .drop(.sendOnce(dropped)))
        #expect(listen(told, by: server) == [.sendOnce])
        scene.send(to: .makeSend(heard), from: client, rights: [.moveSendOnce(scene.giveOnce(told, of: server, to: client))])
        scene.ask(client, .drop(.receive(heard)))
        #expect(listen(told, by: server) == [.sendOnce])
        _ = scene.giveOnce(told, of: server, to: client)
        scene.handle(.end(client))
        #expect(listen(told, by: server) == [.sendOnce])
        #expect(scene.kernel.sendOnces.isEmpty)
    }

    // MARK: registering

    @Test("spec/mach.md T1: registering replaces and gives the previous right back; null cancels")
    mutating func replace() {
        let first = scene.giveOnce(heard, of: client, to: server)
        request(.portDestroyed, by: server, notify: .moveSendOnce(first))
        #expect(scene.kernel.tasks[server]?.sendOnces.isEmpty == true)
        #expect(request(.portDestroyed, by: server, notify: .makeSendOnce(told)) == .arrived(.sendOnce(first, heard)))
        guard case .arrived(.sendOnce(_, told)) = request(.portDestroyed, by: server, notify: .null) else {
            return _ = Issue.record("nothing came back")
        }
        #expect(request(.portDestroyed, by: server, notify: .null) == .arrived(.null))
        scene.ask(server, .drop(.receive(port)))
        #expect(scene.kernel.ports[port] == nil)
    }

    @Test("spec/mach.md T1: errors, with nothing changed")
    mutating func errors() {
        for kind in [NotificationRequest.Kind.noSenders, .portDestroyed] {
            #expect(request(kind, by: client, notify: .makeSendOnce(heard)) == .refused(.invalidRight))
        }
        #expect(request(.deadName, by: client, notify: .makeSendOnce(heard)) == .refused(.invalidName))
        for wrong in [Transfer.dead, .makeSend(told), .copySend(told), .moveReceive(told), .makeSendOnce(heard)] {
            #expect(request(.noSenders, by: server, notify: wrong) == .refused(.invalidCapability))
        }
        let dead = scene.giveOnce(heard, of: client, to: server)
        scene.ask(client, .drop(.receive(heard)))
        #expect(request(.noSenders, by: server, notify: .moveSendOnce(dead)) == .refused(.invalidCapability))
        #expect(scene.kernel.tasks[server]?.sendOnces == [dead])
    }

    @Test("spec/mach.md T4: a request whose notify port has died fires into nothing and is forgotten")
    mutating func notifyPortDied() {
        scene.give(.makeSend(port), of: server, to: client)
        request(.noSenders, by: server, notify: .makeSendOnce(told))
        scene.ask(server, .drop(.receive(told)))
        scene.ask(client, .drop(.send(port)))
        #expect(scene.kernel.sendOnces.isEmpty)
        #expect(scene.status(port)?.noSendersRequested == false)
    }

    @Test("T4, R4: a send-once right whose message was circular has gone unused, if its port lives on with a backup")
    func circularSendOnce() throws {
        var scene = Scene.withoutLinks
        let task = scene.attach()
        let port = scene.port(of: task)
        let backup = scene.port(of: task)
        scene.ask(task, .notify(NotificationRequest(.portDestroyed, port: port, notify: .makeSendOnce(backup))))
        let once = scene.giveOnce(port, of: task, to: task)
        #expect(scene.send(1, to: .moveSendOnce(once), from: task, rights: [.moveReceive(port)]) == .sent)
        let saved = scene.receive(backup, by: task)
        #expect(saved?.notification == .portDestroyed)
        #expect(scene.receive(port, by: task)?.notification == .sendOnce)
        #expect(scene.receive(port, by: task) == nil)
    }
}
