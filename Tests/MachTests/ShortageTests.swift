import Masix
import MasixKernel
import MasixLinux
import MasixMach
import MasixNucleus
import MasixTestKit
import Testing

/// What a task meets that has as many names as it may have.
@Suite struct ShortageTests {
    private struct NoMemory: TaskMemory {
        func read(_ address: UInt64, _ count: Int) -> [UInt8]? { nil }
        func capture(_ address: UInt64, _ count: Int) -> MemoryObject? { nil }
        func place(_ bytes: [UInt8]) -> UInt64? { nil }
        func map(_ object: MemoryObject) -> UInt64? { nil }
        func read(_ object: MemoryObject, at offset: Int, _ count: Int) -> [UInt8]? { nil }
        func deallocate(_ address: UInt64, _ count: Int) {}
    }

    private let node: TestNode
    private let server: MachTask
    private let door: PortName
    private let right: SendReference

    init() throws {
        node = try TestNode()
        server = MachTask(space: try node.attach(), memory: NoMemory(), namesMax: 3)
        door = try server.allocate(RightKind.receive.rawValue)
        guard case .send(let made) = try server.makeSend(door) else { throw MasixError.invalidRight }
        right = made
    }

    private func receive() throws -> MachReceived {
        guard
            case .message(let received) = server.receive(
                from: door, room: 1_000, keepsLarge: false, MachPatience(timeout: 10_000), .xnu)
        else { throw MasixError.timedOut }
        return received
    }

    @Test("spec/mach.md 1.2 allocate: NO_SPACE, and room again when a name is free")
    func names() throws {
        let names = try (0..<2).map { _ in try server.allocate(RightKind.receive.rawValue) }
        #expect(throws: MachReturn.noSpace) { _ = try server.allocate(RightKind.receive.rawValue) }
        #expect(throws: MachReturn.noSpace) { _ = try server.allocate(RightKind.portSet.rawValue) }
        try server.destroy(names[0])
        _ = try server.allocate(RightKind.deadName.rawValue)
        node.stop()
    }

    @Test("spec/mach.md V7: no name for the reply right: a header with HEADER_ERROR, all else destroyed, and told")
    func header() throws {
        for _ in 0..<2 { _ = try server.allocate(RightKind.receive.rawValue) }
        let client = try node.attach()
        let reply = try client.makeHolder(queueLimit: 5)
        let gift = try client.makePort()
        guard let own = SendRight(.send(right.copy())) else { throw MasixError.invalidRight }
        let toDoor = try node.pass(own, from: server.space, to: client).share()
        var message = Message(code: 9, text: "words")
        message.attach(try gift.makeSendRight())
        message.reply = .makeOnce(reply.making)
        try client.send(&message, to: toDoor, deadline: Deadline(.seconds(10)))
        let received = try receive()
        #expect(received.outcome.rawValue == 0x1000_400B | 0x2000)
        #expect(received.header.id == 9)
        #expect(received.header.remote == .null)
        #expect(received.header.local == door)
        #expect(received.body.isEmpty)
        let news = try client.receive(from: reply, room: .max, deadline: Deadline(.seconds(10)), isOver: {}, taken: {})?.notification
        #expect(news == .sendOnce)
        #expect(try gift.status().sendRights == 0)
        node.stop()
    }

    @Test("spec/mach.md V7: no name for a right of the body: BODY_ERROR, the right let go, the rest delivered")
    func body() throws {
        _ = try server.allocate(RightKind.receive.rawValue)
        let client = try node.attach()
        let first = try client.makePort()
        let second = try client.makePort()
        guard let own = SendRight(.send(right.copy())) else { throw MasixError.invalidRight }
        let toDoor = try node.pass(own, from: server.space, to: client).share()
        var message = Message(code: 9, text: "words")
        message.attach(try first.makeSendRight())
        message.attach(try second.makeSendRight())
        try client.send(&message, to: toDoor, deadline: Deadline(.seconds(10)))
        let received = try receive()
        #expect(received.outcome.rawValue == 0x1000_400C | 0x2000)
        #expect(received.body.suffix(8).prefix(5) == Array("words".utf8)[...])
        #expect(try first.status().sendRights == 1)
        #expect(try second.status().sendRights == 0)
        node.stop()
    }

    @Test("spec/mach.md 1.2 get_receive_status: RESOURCE_SHORTAGE, when the node may not take a port over with all that lies in it")
    func quota() throws {
        try TestNode.run(configure: { $0.limits.queuedMessagesPerTaskMax = 3 }) { node in
            let task = MachTask(space: try node.attach(), memory: NoMemory())
            let port = try task.allocate(RightKind.receive.rawValue)
            let header = MachHeader(bits: Disposition.makeSend.rawValue, remote: port, local: .null, id: 7)
            for _ in 0..<5 {
                let sent = OwnMemory.lend([]) { task.send(header, $0, MachPatience(timeout: 0), .xnu) }
                guard case .sent = sent else { throw MasixError.timedOut }
            }
            #expect(throws: MachReturn.resourceShortage) { _ = try task.receiveStatus(of: port) }
        }
    }
}
