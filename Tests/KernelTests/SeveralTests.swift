import MasixWire
import Testing

@testable import MasixKernel

/// Several requests in one go.
@Suite struct SeveralTests {
    @Test("each part has an answer of its own, and a refused one stops no other")
    func answers() {
        var scene = Scene.withoutLinks
        let server = scene.attach()
        let port = scene.port(of: server)
        let unknown = PortID(node: Scene.node, counter: 9_999)
        let response = scene.ask(
            server, .several([.make(.makeSend(port)), .drop(.send(unknown)), .receive(port), .drop(.send(port)), .drop(.send(port))]))
        guard case .several(let parts) = response else { return _ = Issue.record("\(response)") }
        #expect(parts.count == 5)
        guard case .arrived(.send(port, _)) = parts[0] else { return _ = Issue.record("\(parts[0])") }
        #expect(parts[1...] == [.refused(.invalidName), .empty, .done, .refused(.invalidName)])
        #expect(scene.kernel.tasks[server]?.lastRequest == 3)
    }

    @Test("what one part has caused, the next one finds: a dropped right's notification is received in the same event")
    func settled() {
        var scene = Scene.withoutLinks
        let server = scene.attach()
        let ports = (0..<3).map { _ in scene.port(of: server) }
        for port in ports { scene.ask(server, .make(.makeSend(port))) }
        let watched = scene.ask(
            server, .several(ports.map { .notify(NotificationRequest(.noSenders, port: $0, sync: 1, notify: .makeSendOnce($0))) }))
        // Nobody but ourselves has a right: that counts.
        #expect(watched == .several(ports.map { _ in .arrived(.null) }))
        let response = scene.ask(server, .several(ports.map { .drop(.send($0)) } + ports.map { .receive($0) }))
        guard case .several(let parts) = response else { return _ = Issue.record("\(response)") }
        #expect(parts[..<3] == [.done, .done, .done])
        for (port, part) in zip(ports, parts[3...]) {
            guard case .message(let message) = part else { return _ = Issue.record("\(part)") }
            #expect(message.port == port && message.notification == .noSenders(makeSendCount: 1))
        }
    }

    @Test("a part receives what is bare; anything else stays where it is, for a reception by itself")
    func bare() {
        var scene = Scene.withoutLinks
        let server = scene.attach()
        let client = scene.attach()
        let ports = (0..<4).map { _ in scene.port(of: server) }
        for port in ports { scene.give(.makeSend(port), of: server, to: client) }
        let reply = scene.port(of: client)
        scene.send(1, to: .copySend(ports[0]), from: client)
        scene.send(2, to: .copySend(ports[1]), from: client, payload: Payload(place: 7, length: 3))
        scene.send(3, to: .copySend(ports[2]), from: client, reply: .makeSendOnce(reply))
        scene.send(4, to: .copySend(ports[3]), from: client, rights: [.makeSend(reply)])
        let response = scene.ask(server, .several(ports.map { .receive($0) }))
        guard case .several(let parts) = response, case .message(let message) = parts[0] else { return _ = Issue.record("\(response)") }
        #expect(message.code == 1)
        #expect(parts[1...] == [.refused(.notBare), .refused(.notBare), .refused(.notBare)])
        for (code, port) in zip(UInt32(2)..., ports[1...]) { #expect(scene.receive(port, by: server)?.code == code) }
    }

    @Test("each task is woken once, after all that it is woken for")
    func wakes() {
        var scene = Scene.withoutLinks
        let server = scene.attach()
        let client = scene.attach()
        let ports = (0..<10).map { _ in scene.port(of: server) }
        for port in ports {
            scene.give(.makeSend(port), of: server, to: client)
            scene.ask(server, .notify(NotificationRequest(.noSenders, port: port, sync: 1, notify: .makeSendOnce(port))))
        }
        let number = (scene.kernel.tasks[client]?.lastRequest ?? 0) + 1
        let actions = scene.kernel.handle(.request(client, number: number, .several(ports.map { .drop(.send($0)) })))
        let rings = actions.indices.filter { actions[$0] == .ring(server) }
        let counts = actions.indices.filter { if case .homeCount(server, _, _, _) = actions[$0] { true } else { false } }
        #expect(rings.count == 1 && counts.count == 10)
        #expect((rings.first ?? 0) > (counts.last ?? .max))
    }

    @Test("a port that is made, given away and told of in one event: its places are prepared before they are written")
    func entries() {
        var scene = Scene.withoutLinks
        let server = scene.attach()
        let first = scene.port(of: server)
        let port = PortID(node: first.node, counter: first.counter + 1)
        let number = (scene.kernel.tasks[server]?.lastRequest ?? 0) + 1
        let actions = scene.kernel.handle(
            .request(
                server, number: number,
                .several([
                    .allocate(port, queueLimit: 1), .notify(NotificationRequest(.noSenders, port: port, notify: .makeSendOnce(port))),
                ])))
        let prepared = actions.firstIndex { if case .entries(server, .allocated) = $0 { true } else { false } }
        let counted = actions.firstIndex { if case .homeCount(server, _, 1, _) = $0 { true } else { false } }
        #expect((prepared ?? .max) < (counted ?? 0))
    }

    @Test("no lease is given and closed by one event", arguments: [false, true])
    func leases(drops: Bool) {
        var scene = Scene()
        let server = scene.attach()
        let client = scene.attach()
        let port = scene.port(of: server)
        scene.give(.makeSend(port), of: server, to: client)
        #expect(scene.openLease(client, port, of: server) != nil)
        scene.ask(client, .drop(.send(port)))
        scene.give(.makeSend(port), of: server, to: client)
        scene.send(to: .copySend(port), from: client)
        // Its reception offers a lease again; what follows would end it.
        scene.ask(server, .several(drops ? [.receive(port), .drop(.receive(port))] : [.receive(port)]))
        #expect(scene.kernel.leases.isEmpty == drops)
        #expect(scene.kernel.links.count == 1)
    }

    @Test("only some requests can be parts; the rest is no request at all")
    func codec() throws {
        let port = PortID(node: Scene.node, counter: 5)
        let good = Request.several([.receive(port), .drop(.send(port)), .make(.makeSend(port))])
        #expect(try Request(wireBytes: good.wireBytes) == good)
        let tooMany = Request.several(Array(repeating: .receive(port), count: Limits.requestsTogetherMax + 1))
        for bad: Request in [.several([]), .several([.portBlock]), .several([good]), .several([.receive(port), .linkOffers]), tooMany] {
            #expect(throws: WireError.self) { try Request(wireBytes: bad.wireBytes) }
            var scene = Scene.withoutLinks
            let task = scene.attach()
            #expect(scene.ask(task, bad) == .refused(.malformed))
        }
        // However deep: nothing is read that is not looked at first.
        var deep: [UInt8] = []
        for _ in 0..<20_000 { deep += [20, 1, 0, 0, 0] }
        #expect(throws: WireError.self) { try Request(wireBytes: deep) }
        #expect(throws: WireError.self) { try Response(wireBytes: [16, 1, 0, 0, 0] + Response.several([.done]).wireBytes) }
        let answer = Response.several([.done, .refused(.notBare), .empty, .arrived(.send(port, index: 3)), .allocated(index: 2)])
        #expect(try Response(wireBytes: answer.wireBytes) == answer)
    }
}
