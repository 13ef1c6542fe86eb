import MasixWire
import Testing

@testable import MasixKernel

/// Sending: limits, waiting, taking back, order (spec/mach.md 1.4 and 1.8).
@Suite struct SendTests {
    var scene = Scene.withoutLinks
    let server: TaskID
    let client: TaskID
    let port: PortID

    init() {
        server = scene.attach(name: "server")
        client = scene.attach(name: "client")
        port = scene.port(of: server, limit: 2)
        scene.give(.makeSend(port), of: server, to: client)
    }

    private mutating func fill() {
        for code in 1...2 { #expect(scene.send(UInt32(code), to: .copySend(port), from: client) == .sent) }
    }

    private mutating func block(_ code: UInt32, from task: TaskID, rights: [Transfer] = []) -> Ticket {
        guard case .blocked(let ticket) = scene.send(code, to: .copySend(port), from: task, rights: rights, blocks: true) else {
            Issue.record("not blocked")
            return Ticket(raw: 0)
        }
        return ticket
    }

    @Test("spec/mach.md S1: inline bytes over the limit are refused")
    mutating func tooLarge() {
        let payload = Payload(place: 1, length: UInt32(Limits.inlineBytesMax) + 1)
        #expect(scene.send(to: .copySend(port), from: client, payload: payload) == .refused(.tooLarge))
    }

    @Test("spec/mach.md S6: the limit is exact; the one more waits or is refused")
    mutating func limit() {
        fill()
        #expect(scene.send(to: .copySend(port), from: client) == .refused(.full))
        _ = block(3, from: client)
        #expect(scene.status(port)?.messages == 2 && scene.status(port)?.blockedSenders == 1)
    }

    @Test("spec/mach.md S6: messages to send-once rights and notifications go over the limit")
    mutating func overLimit() {
        fill()
        for code in 3...4 {
            let once = scene.giveOnce(port, of: server, to: client)
            #expect(scene.send(UInt32(code), to: .moveSendOnce(once), from: client) == .sent)
        }
        let unused = scene.giveOnce(port, of: server, to: client)
        scene.ask(client, .drop(.sendOnce(unused)))
        #expect(scene.status(port)?.messages == 5)
        // Room for send rights comes back only under the limit, which the others count for.
        _ = scene.receive(port, by: server)
        #expect(scene.send(to: .copySend(port), from: client) == .refused(.full))
        #expect(scene.drain(port, by: server) == [2, 3, 4, 71])
    }

    @Test("spec/mach.md 1.14: a limit of 0 accepts only what no limit holds up")
    mutating func limitZero() {
        #expect(scene.ask(server, .setQueueLimit(port, 0)) == .done)
        #expect(scene.send(to: .copySend(port), from: client) == .refused(.full))
        let once = scene.giveOnce(port, of: server, to: client)
        #expect(scene.send(9, to: .moveSendOnce(once), from: client) == .sent)
        #expect(scene.drain(port, by: server) == [9])
    }

    @Test("spec/mach.md 1.2: a raised limit wakes one blocked sender per new slot; a lowered one drops nothing")
    mutating func setLimit() {
        fill()
        _ = block(3, from: client)
        _ = block(4, from: client)
        scene.ask(server, .setQueueLimit(port, 3))
        #expect(scene.status(port)?.blockedSenders == 1)
        scene.ask(server, .setQueueLimit(port, 1))
        #expect(scene.status(port)?.messages == 3)
        #expect(scene.ask(server, .setQueueLimit(port, UInt32(Limits.queueMessagesMax) + 1)) == .refused(.invalidValue))
        #expect(scene.ask(client, .setQueueLimit(port, 3)) == .refused(.invalidRight))
        #expect(scene.drain(port, by: server) == [1, 2, 3, 4])
    }

    @Test("spec/mach.md O1, O2: blocked senders are let in, first come first served, and told")
    mutating func fairness() {
        let other = scene.attach()
        scene.give(.makeSend(port), of: server, to: other)
        fill()
        let tickets = [block(3, from: client), block(4, from: other), block(5, from: client)]
        // Nobody overtakes them.
        #expect(scene.send(6, to: .copySend(port), from: other) == .refused(.full))
        for ticket in tickets {
            _ = scene.receive(port, by: server)
            #expect(scene.actions.contains { if case .complete(_, 0, ticket) = $0 { true } else { false } })
        }
        #expect(scene.drain(port, by: server) == [4, 5])
    }

    @Test("spec/mach.md O1: what one task sends to one port comes in its order")
    mutating func order() {
        scene.ask(server, .setQueueLimit(port, 100))
        for code in 1...100 { scene.send(UInt32(code), to: .copySend(port), from: client) }
        #expect(scene.drain(port, by: server) == Array(1...100))
    }

    @Test("spec/mach.md S4: a sender blocked on a port that dies has succeeded, and its rights are released")
    mutating func dies() {
        let mine = scene.port(of: client)
        fill()
        let ticket = block(3, from: client, rights: [.makeSendOnce(mine)])
        scene.ask(server, .drop(.receive(port)))
        #expect(scene.actions.contains(.complete(client, completion: 0, ticket)))
        #expect(scene.drain(mine, by: client) == [71])
        #expect(scene.ask(client, .cancelSend(ticket)) == .sent)
    }

    @Test("spec/mach.md S7: a send that is taken back returns its rights as a reception would")
    mutating func cancel() {
        let mine = scene.port(of: client)
        let moved = scene.port(of: client)
        fill()
        let ticket = block(3, from: client, rights: [.makeSend(mine), .moveReceive(moved), .makeSendOnce(mine)])
        #expect(scene.kernel.tasks[client]?.receives[moved] == nil)
        guard case .returned(let message) = scene.ask(client, .cancelSend(ticket)) else { return _ = Issue.record("not returned") }
        #expect(message.code == 3 && message.rights.count == 4)
        // A copied destination right comes back to the entry that is there; a made one leaves an extra right.
        #expect(message.rights[0] == .send(port, index: 0))
        guard case .send(mine, _) = message.rights[1], case .receive(moved, _) = message.rights[2],
            case .sendOnce(_, mine) = message.rights[3]
        else { return _ = Issue.record("\(message.rights)") }
        #expect(scene.kernel.tasks[client]?.receives[moved] != nil)
        #expect(scene.status(port)?.sendRights == 3)
        #expect(scene.kernel.tasks[client]?.charge.messages == 2)
        #expect(scene.ask(client, .cancelSend(ticket)) == .sent)
    }

    @Test("spec/mach.md S7: a moved destination right comes back; the payload is given back to the shell")
    mutating func cancelMoved() {
        fill()
        let payload = Payload(place: 77, length: 9)
        guard case .blocked(let ticket) = scene.send(to: .moveSend(port), from: client, payload: payload, blocks: true) else {
            return _ = Issue.record("not blocked")
        }
        #expect(scene.kernel.tasks[client]?.sends[port] == nil)
        guard case .returned(let message) = scene.ask(client, .cancelSend(ticket)) else { return _ = Issue.record("not returned") }
        guard case .send(port, _) = message.rights[0] else { return _ = Issue.record("\(message.rights)") }
        #expect(scene.actions.contains(.release(payload)))
    }

    @Test("spec/mach.md S7: as many rights as a message takes come back, and one")
    mutating func cancelFull() throws {
        fill()
        let ticket = block(3, from: client, rights: Array(repeating: .copySend(port), count: Limits.rightsPerMessageMax))
        let response = scene.ask(client, .cancelSend(ticket))
        #expect(try Response(wireBytes: response.wireBytes) == response)
    }

    @Test("spec/mach.md S7: only the sender takes its send back")
    mutating func cancelOthers() {
        fill()
        let ticket = block(3, from: client)
        #expect(scene.ask(server, .cancelSend(ticket)) == .sent)
        #expect(scene.status(port)?.blockedSenders == 1)
    }

    @Test("spec/mach.md S5, R4: a message that carries the port it goes to is destroyed with success")
    mutating func circleDirect() {
        scene.ask(server, .make(.makeSend(port)))
        #expect(scene.send(to: .copySend(port), from: server, rights: [.moveReceive(port)]) == .sent)
        #expect(scene.kernel.ports[port] == nil)
    }

    @Test("spec/mach.md S5, R4: also when the queue is full, for a circle is seen before room is asked for")
    mutating func circleFull() {
        fill()
        #expect(scene.send(to: .makeSend(port), from: server, rights: [.moveReceive(port)]) == .sent)
        #expect(scene.kernel.ports[port] == nil)
    }

    @Test("spec/mach.md S5, R4: through a chain of rights in transit", arguments: [2, 3, 10])
    mutating func circleChain(_ length: Int) {
        let chain = (0..<length).map { _ in scene.port(of: server) }
        // Each port's right lies in the queue of the next.
        for (cargo, place) in zip(chain, chain.dropFirst()) {
            #expect(scene.send(to: .makeSend(place), from: server, rights: [.moveReceive(cargo)]) == .sent)
        }
        #expect(scene.kernel.ports.count == length + 1)
        scene.give(.makeSend(chain[length - 1]), of: server, to: client)
        // The last into the first closes the circle. A right to the first has to be there before it went.
        var step = Step()
        scene.kernel.ports[chain[0]]?.sendsInTransit += 1
        _ = scene.kernel.arrive(.send(chain[0]), in: server, &step)
        #expect(scene.send(to: .copySend(chain[0]), from: server, rights: [.moveReceive(chain[length - 1])]) == .sent)
        #expect(scene.kernel.ports.count == 1, "the whole circle is dead")
    }

    @Test("spec/mach.md R4: a blocked message's cargo counts: it will be in the queue")
    mutating func circleBlocked() {
        let cargo = scene.port(of: client)
        scene.give(.makeSend(cargo), of: client, to: server)
        fill()
        _ = block(3, from: client, rights: [.moveReceive(cargo)])
        #expect(scene.send(to: .copySend(cargo), from: server, rights: [.moveReceive(port)]) == .sent)
        #expect(scene.kernel.ports.isEmpty)
    }

    @Test("spec/mach.md V5: the destination right is used up by reception: until then a queued message is a sender")
    mutating func consumed() {
        let notify = scene.port(of: server)
        scene.ask(server, .notify(NotificationRequest(.noSenders, port: port, notify: .makeSendOnce(notify))))
        scene.send(to: .moveSend(port), from: client)
        #expect(scene.drain(notify, by: server).isEmpty)
        _ = scene.receive(port, by: server)
        #expect(scene.drain(notify, by: server) == [70])
    }

    @Test("spec/mach.md V1, V2: receiving needs the receive right; an empty queue says so")
    mutating func receive() {
        #expect(scene.ask(client, .receive(port)) == .refused(.invalidName))
        #expect(scene.ask(server, .receive(port)) == .empty)
    }

    @Test("spec/mach.md V3: reception wakes a blocked sender and shows the new count")
    mutating func counts() {
        fill()
        _ = scene.receive(port, by: server)
        #expect(scene.actions.contains(.homeCount(server, index: 0, count: 1, received: 1)))
    }
}
