import Testing

@testable import MasixKernel

/// Death and moving: of ports, of messages with rights in them, of tasks (spec/mach.md T5, 1.9, 1.11).
@Suite struct DeathTests {
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
        scene.give(.makeSend(port), of: server, to: client)
    }

    @Test("spec/mach.md T5: 71 for the no-senders request, then the queue, then the dead-name requests")
    mutating func order() {
        // All three tell the same port.
        scene.ask(client, .notify(NotificationRequest(.deadName, port: port, notify: .makeSendOnce(heard))))
        let nested = scene.port(of: client)
        scene.give(.makeSend(nested), of: client, to: server)
        let once = scene.giveOnce(heard, of: client, to: server)
        scene.ask(server, .notify(NotificationRequest(.deadName, port: nested, notify: .moveSendOnce(once))))
        // The queue holds a port whose death is told of, too.
        scene.send(to: .copySend(port), from: client, rights: [.moveReceive(nested)])
        let noSenders = scene.giveOnce(heard, of: client, to: server)
        scene.ask(server, .notify(NotificationRequest(.noSenders, port: port, notify: .moveSendOnce(noSenders))))
        scene.ask(server, .drop(.receive(port)))
        var told: [Notification?] = []
        while let message = scene.receive(heard, by: client) { told.append(message.notification) }
        #expect(told == [.sendOnce, .deadName(nested, name: 0), .deadName(port, name: 0)])
    }

    @Test("architecture rule 11: the marks at all holders come before any completion, wake-up or message")
    mutating func marksFirst() {
        let others = (0..<3).map { _ in scene.attach() }
        for other in others {
            scene.give(.makeSend(port), of: server, to: other)
            scene.send(to: .copySend(port), from: other, blocks: true)
        }
        scene.ask(client, .notify(NotificationRequest(.deadName, port: port, notify: .makeSendOnce(heard))))
        scene.ask(server, .drop(.receive(port)))
        let marks = scene.actions.indices.filter { if case .markDead = scene.actions[$0] { true } else { false } }
        let rest = scene.actions.indices.filter {
            switch scene.actions[$0] {
            case .complete, .ring, .homeCount: true
            default: false
            }
        }
        #expect(marks.count == 4)
        #expect((marks.max() ?? .max) < (rest.min() ?? .min))
    }

    @Test("spec/mach.md 1.11: rights in a destroyed message are released as if their receiver had dropped them")
    mutating func destroyedMessage() {
        let notify = scene.port(of: client)
        let guarded = scene.port(of: client)
        scene.ask(client, .notify(NotificationRequest(.noSenders, port: guarded, sync: 1, notify: .makeSendOnce(notify))))
        let nested = scene.port(of: client)
        let payload = Payload(place: 5, length: 3)
        scene.send(
            to: .copySend(port), from: client, rights: [.makeSend(guarded), .makeSendOnce(heard), .moveReceive(nested)], payload: payload)
        scene.ask(server, .drop(.receive(port)))
        #expect(scene.drain(heard, by: client) == [71])
        #expect(scene.drain(notify, by: client) == [70])
        #expect(scene.kernel.ports[nested] == nil)
        #expect(scene.actions.isEmpty == false)
        #expect(scene.kernel.tasks[client]?.charge == Charge())
    }

    @Test("spec/mach.md R1: a moved port starts its counts again and keeps queue, limit, senders and blocked senders")
    mutating func moves() {
        scene.send(1, to: .copySend(port), from: client)
        scene.send(2, to: .copySend(port), from: client, blocks: true)
        scene.give(.makeSend(heard), of: client, to: server)
        scene.send(to: .copySend(heard), from: server, rights: [.moveReceive(port)])
        // In transit: its senders may go on, as far as there is room.
        #expect(scene.status(port)?.makeSendCount == 0)
        #expect(scene.send(to: .copySend(port), from: client) == .refused(.full))
        #expect(scene.status(port)?.blockedSenders == 1)
        _ = scene.receive(heard, by: client)
        #expect(scene.status(port)?.queueLimit == 1)
        #expect(scene.drain(port, by: client) == [1, 2])
    }

    @Test("spec/mach.md R5: the destination of a queued message is the port, wherever it goes")
    mutating func destinationStays() {
        let third = scene.attach()
        let inbox = scene.port(of: third)
        scene.give(.makeSend(inbox), of: third, to: server)
        scene.send(41, to: .copySend(port), from: client)
        scene.send(to: .copySend(inbox), from: server, rights: [.moveReceive(port)])
        _ = scene.receive(inbox, by: third)
        #expect(scene.drain(port, by: third) == [41])
    }

    @Test("spec/mach.md R5: a receive right in a message that is never received dies with it")
    mutating func undelivered() {
        scene.give(.makeSend(heard), of: client, to: server)
        scene.send(to: .copySend(heard), from: server, rights: [.moveReceive(port)])
        scene.ask(client, .drop(.receive(heard)))
        #expect(scene.kernel.ports[port] == nil)
        #expect(scene.kernel.tasks[client]?.sends[port]?.isDead == true)
    }

    @Test("spec/mach.md 1.11: a chain of 100,000 receive rights, each in the queue of the next, dies without a deep stack")
    func deepChain() {
        let length = 100_000
        var limits = Limits()
        limits.queuedMessagesPerTaskMax = length
        var scene = Scene(limits: limits)
        scene.recounts = false
        let task = scene.attach()
        var place = scene.port(of: task)
        for _ in 1..<length {
            // The next is put into the queue of the one before, whose right has gone on: built from the outside in.
            let next = scene.port(of: task)
            scene.send(to: .makeSend(next), from: task, rights: [.moveReceive(place)])
            place = next
        }
        #expect(scene.kernel.ports.count == length)
        scene.ask(task, .drop(.receive(place)))
        #expect(scene.kernel.leftovers == Leftovers())
        #expect(scene.kernel.violations().isEmpty)
    }

    @Test("spec/mach.md O3: a task's end releases everything it had, whatever state it is in")
    mutating func taskEnd() {
        _ = scene.giveOnce(heard, of: client, to: server)
        scene.send(1, to: .copySend(port), from: client, rights: [.makeSend(heard)])
        scene.send(2, to: .copySend(port), from: client, rights: [.makeSendOnce(heard)], blocks: true)
        scene.ask(client, .notify(NotificationRequest(.deadName, port: port, notify: .makeSendOnce(heard))))
        scene.handle(.end(server))
        #expect(scene.actions.last == .gone(server))
        var told: [Notification?] = []
        while let message = scene.receive(heard, by: client) { told.append(message.notification) }
        #expect(told.contains(.deadName(port, name: 0)))
        #expect(told.filter { $0 == .sendOnce }.count == 2)
        #expect(scene.kernel.tasks[client]?.tickets.isEmpty == true)
        scene.handle(.end(client))
        #expect(scene.kernel.leftovers == Leftovers())
    }

    @Test("spec/mach.md O3: the messages of a task that has ended are still received; its blocked ones were never sent")
    mutating func senderEnds() {
        scene.send(1, to: .copySend(port), from: client)
        scene.send(2, to: .copySend(port), from: client, blocks: true)
        scene.handle(.end(client))
        #expect(scene.drain(port, by: server) == [1])
        #expect(scene.status(port)?.sendRights == 0)
    }

    @Test("an event about a task that is gone, or was never there, does nothing")
    mutating func endTwice() {
        scene.handle(.end(client))
        let before = scene.kernel
        #expect(scene.handle(.end(client)) == [])
        #expect(scene.handle(.end(TaskID(raw: 99))) == [])
        #expect(scene.handle(.trace(client, true)) == [])
        #expect(scene.handle(.request(client, number: 1, .portBlock)) == [])
        #expect(scene.kernel == before)
    }
}
