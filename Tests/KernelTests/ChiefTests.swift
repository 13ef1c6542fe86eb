import Testing

@testable import MasixKernel

/// What the node's chief may do, and that what it receives for others keeps its room (architecture rule 17).
@Suite struct ChiefTests {
    var scene = Scene()
    let first: TaskID
    let chief: TaskID
    let client: TaskID
    /// A proxy: the chief's, with room for four.
    let proxy: PortID

    init() {
        first = scene.attach(first: true, name: "first")
        chief = scene.attach(name: "chief")
        client = scene.attach(name: "client")
        proxy = scene.port(of: chief, limit: 4)
        scene.give(.makeSend(proxy), of: chief, to: client)
        scene.ask(first, .setChief(chief))
        scene.ask(chief, .keepRoom(proxy))
    }

    private func payload(_ number: UInt64) -> Payload { Payload(place: number, length: 1) }
    private let speaker = Speaker(TaskID(raw: 9 << 32 | 3), Scene.identity("far"))
    private var messages: UInt32? { scene.status(proxy)?.messages }

    @Test("only the first task makes a chief, and only the chief keeps room, gives it and asks for receipts")
    mutating func privileges() {
        #expect(scene.ask(client, .setChief(client)) == .refused(.notPermitted))
        #expect(scene.ask(first, .setChief(TaskID(raw: 99))) == .refused(.invalidName))
        let own = scene.port(of: client)
        for request in [Request.keepRoom(own), .giveRoom(own, 0), .receipts] {
            #expect(scene.ask(client, request) == .refused(.notPermitted))
        }
        #expect(scene.ask(chief, .keepRoom(own)) == .refused(.invalidName))
        #expect(scene.ask(chief, .giveRoom(own, 0)) == .refused(.invalidName))
        #expect(scene.ask(chief, .giveRoom(proxy, 1)) == .refused(.invalidValue))
    }

    @Test("what is received keeps its room until it is given back, by whatever right it waits")
    mutating func homeRoom() {
        for code: UInt32 in 1...4 { scene.send(code, to: .copySend(proxy), from: client) }
        #expect(scene.drain(proxy, by: chief) == [1, 2, 3, 4])
        #expect(scene.send(5, to: .copySend(proxy), from: client) == .refused(.full))
        guard case .blocked = scene.send(6, to: .copySend(proxy), from: client, blocks: true) else { return #expect(Bool(false)) }
        #expect(scene.receive(proxy, by: chief) == nil)
        #expect(scene.ask(chief, .giveRoom(proxy, 1)) == .done)
        #expect(scene.drain(proxy, by: chief) == [6])
        // A send-once right has no room to keep.
        scene.send(7, to: .makeSendOnce(proxy), from: chief)
        #expect(scene.drain(proxy, by: chief) == [7])
        #expect(scene.ask(chief, .giveRoom(proxy, 5)) == .refused(.invalidValue))
        #expect(scene.ask(chief, .giveRoom(proxy, 4)) == .done)
        #expect(scene.kernel.ports[proxy]?.held == 0)
    }

    @Test("by a lease as well; what is kept when it closes is the kernel's to give back")
    mutating func leasedRoom() throws {
        let lease = try scene.newLease(client, proxy, of: chief)
        #expect(lease.keepsRoom && lease.window == 3, "one is kept of the message that brought it about")
        for code: UInt64 in 1...3 { #expect(scene.world.commit(lease.id, code: UInt32(code), payload(code)) == true) }
        #expect(scene.world.take(lease.id)?.code == 1)
        #expect(scene.world.take(lease.id)?.code == 2)
        #expect(scene.world.commit(lease.id, payload(4)) == false, "received, not given back")
        #expect(scene.world.give(lease.id) == true)
        #expect(scene.world.commit(lease.id, code: 4, payload(4)) == true)
        scene.handle(.revoke(proxy))
        // 3 and 4 in the queue; 2 kept of the lease, and the first one.
        #expect(scene.kernel.ports[proxy]?.held == 2 && messages == 4)
        #expect(scene.send(5, to: .copySend(proxy), from: client) == .refused(.full))
        #expect(scene.ask(chief, .giveRoom(proxy, 2)) == .done)
        #expect(scene.drain(proxy, by: chief) == [3, 4])
        #expect(scene.kernel.ports[proxy]?.held == 2)
    }

    @Test("a port that goes to somebody else keeps nothing any more")
    mutating func moved() {
        scene.send(1, to: .copySend(proxy), from: client)
        #expect(scene.drain(proxy, by: chief) == [1])
        #expect(scene.kernel.ports[proxy]?.held == 1)
        let inbox = scene.port(of: client)
        scene.give(.makeSend(inbox), of: client, to: chief)
        scene.send(to: .copySend(inbox), from: chief, rights: [.moveReceive(proxy)])
        _ = scene.receive(inbox, by: client)
        #expect(scene.kernel.ports[proxy]?.held == 0 && scene.kernel.ports[proxy]?.keepsRoom == false)
    }

    @Test("the chief has no lease where it keeps no room: there it would be the one that is asked")
    mutating func otherPorts() {
        let other = scene.port(of: chief)
        scene.give(.makeSend(other), of: chief, to: client)
        #expect(scene.openLease(client, other, of: chief) == nil)
    }

    @Test(
        "what the chief sends by a lease is its speaker's, if it comes to the home queue after all; what others say of themselves is not believed"
    )
    mutating func speakers() throws {
        let inbox = scene.port(of: client, limit: 4)
        scene.give(.makeSend(inbox), of: client, to: chief)
        let lease = try scene.newLease(chief, inbox, of: client)
        #expect(scene.world.commit(lease.id, code: 1, payload(1), as: speaker) == true)
        let home = try scene.newLease(client, proxy, of: chief)
        #expect(scene.world.commit(home.id, code: 2, payload(2), as: speaker) == true)
        scene.handle(.revoke(nil))
        let received = scene.receive(inbox, by: client)
        let message = try #require(received)
        #expect(message.sender == speaker.task)
        #expect(scene.ask(client, .identity(message.sender)) == .identity(Scene.identity("far")))
        #expect(scene.receive(proxy, by: chief)?.sender == client)
    }

    @Test("receipts: of the home queue since they were asked for last, of a lease in its whole life, once it has closed")
    mutating func receipts() throws {
        let inbox = scene.port(of: client, limit: 4)
        scene.give(.makeSend(inbox), of: client, to: chief)
        let lease = try scene.newLease(chief, inbox, of: client)
        #expect(scene.ask(chief, .receipts) == .receipts([Receipt(.init(inbox), 1)]))
        for code: UInt64 in 1...3 { #expect(scene.world.commit(lease.id, payload(code)) == true) }
        for _ in 1...2 { #expect(scene.world.take(lease.id) != nil) }
        #expect(scene.ask(chief, .receipts) == .receipts([]), "the chief sees it on the link")
        scene.handle(.revoke(inbox))
        #expect(scene.actions.contains(.receipts(chief, ports: 1)))
        #expect(scene.drain(inbox, by: client).count == 1)
        #expect(
            scene.ask(chief, .receipts) == .receipts([Receipt(.init(inbox), 1), Receipt(.init(inbox, lease: lease.id), 2)]))
        // What others send is nobody's to know.
        #expect(scene.kernel.receipts.isEmpty)
    }

    @Test("another chief begins without links and receipts; the old one is a task like any other")
    mutating func successor() throws {
        let inbox = scene.port(of: client, limit: 4)
        scene.give(.makeSend(inbox), of: client, to: chief)
        _ = try scene.newLease(chief, inbox, of: client)
        let link = try #require(scene.kernel.links.keys.first)
        #expect(!scene.kernel.receipts.isEmpty)
        let next = scene.attach(name: "next")
        #expect(scene.ask(first, .setChief(next)) == .done)
        #expect(scene.kernel.receipts.isEmpty && scene.kernel.links[link] == nil)
        #expect(scene.ask(chief, .receipts) == .refused(.notPermitted))
        #expect(scene.ask(next, .receipts) == .receipts([]))
        scene.handle(.end(next))
        #expect(scene.kernel.chief == nil)
    }
}
