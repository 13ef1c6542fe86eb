import MasixWire
import Testing

@testable import MasixKernel

/// The whole kernel as bytes, and journals of it (architecture rule 19).
@Suite struct SnapshotTests {
    /// A kernel with something in every table.
    private static func busy() throws -> Scene {
        var scene = Scene()
        let server = scene.attach(first: true, name: "server")
        let client = scene.attach(name: "client")
        let port = scene.port(of: server, limit: 4)
        let other = scene.port(of: server, limit: 1)
        let reply = scene.port(of: client)
        let moving = scene.port(of: client)
        scene.ask(server, .setBootstrap(port))
        for target in [port, other] { scene.give(.makeSend(target), of: server, to: client) }
        let lease = try scene.newLease(client, port, of: server)
        #expect(scene.world.commit(lease.id, Payload(place: 1, length: 1), reply: reply) == true)
        _ = scene.world.take(lease.id)
        scene.ask(client, .linkFault(lease.link, .malformedFrame))
        _ = try scene.newLease(client, port, of: server)
        scene.ask(client, .send(Outgoing(to: .copySend(other), rights: [.moveReceive(moving)], memory: [MemoryToken(place: 3, length: 9)])))
        scene.send(to: .copySend(other), from: client, rights: [.makeSendOnce(reply), .dead], blocks: true)
        for kind in [NotificationRequest.Kind.noSenders, .portDestroyed] {
            scene.ask(server, .notify(NotificationRequest(kind, port: other, notify: .makeSendOnce(port))))
        }
        scene.ask(client, .notify(NotificationRequest(.deadName, port: port, notify: .makeSendOnce(reply))))
        let dead = scene.port(of: server)
        scene.give(.makeSend(dead), of: server, to: client)
        scene.ask(server, .drop(.receive(dead)))
        scene.handle(.trace(scene.attach(), true))
        let kernel = scene.kernel
        #expect(!kernel.leases.isEmpty && !kernel.unclaimed.isEmpty && !kernel.transitPorts.isEmpty && !kernel.ticketPorts.isEmpty)
        return scene
    }

    @Test("a snapshot leads back to the same kernel and the same bytes")
    func roundTrip() throws {
        let kernel = try Self.busy().kernel
        let again = try Kernel(wireBytes: kernel.wireBytes)
        #expect(again == kernel)
        #expect(again.wireBytes == kernel.wireBytes)
    }

    @Test("both go on in the same way")
    func goesOn() throws {
        var scene = try Self.busy()
        var again = scene
        again.kernel = try Kernel(wireBytes: scene.kernel.wireBytes)
        for task in scene.kernel.tasks.keys.sorted() {
            #expect(scene.handle(.end(task)) == again.handle(.end(task)))
            #expect(scene.kernel == again.kernel)
        }
    }

    @Test("a snapshot that ends early, has something behind it, or is of another version is refused")
    func broken() throws {
        let bytes = try Self.busy().kernel.wireBytes
        #expect(throws: WireError.trailingBytes(count: 1)) { try Kernel(wireBytes: bytes + [0]) }
        for count in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: WireError.self) { try Kernel(wireBytes: Array(bytes.prefix(count))) }
        }
        var other = bytes
        other[0] ^= 0x80
        #expect(throws: WireError.self) { try Kernel(wireBytes: other) }
    }

    @Test("whatever byte is wrong, a snapshot that is taken is a sound kernel")
    func flipped() throws {
        let kernel = try Self.busy().kernel
        let bytes = kernel.wireBytes
        var refused = 0
        for place in stride(from: 4, to: bytes.count, by: 3) {
            var wrong = bytes
            wrong[place] ^= 0x11
            do throws(WireError) {
                let again = try Kernel(wireBytes: wrong)
                #expect(again != kernel)
                #expect(again.violations().isEmpty)
            } catch { refused += 1 }
        }
        #expect(refused > 0)
    }

    @Test("a kernel whose books do not add up is refused")
    func unsound() throws {
        var kernel = try Self.busy().kernel
        kernel.own()
        let port = try #require(kernel.ports.keys.min())
        kernel.ports[port]?.sendsInTransit += 1
        #expect(throws: WireError.malformed(field: "kernel")) { try Kernel(wireBytes: kernel.wireBytes) }
    }
}

/// Records are changed where they lie; the kernel is a value all the same.
@Suite struct ValueTests {
    @Test("what happens to a kernel does not happen to its copy, whichever of the two goes on")
    func copies() {
        var scene = Scene.withoutLinks
        let server = scene.attach()
        let client = scene.attach()
        let port = scene.port(of: server)
        scene.give(.makeSend(port), of: server, to: client)
        let copy = scene.kernel
        var other = scene
        scene.send(1, to: .copySend(port), from: client)
        #expect(copy == other.kernel && copy != scene.kernel)
        #expect(copy.ports[port]?.queue.count == 0 && copy.tasks[client]?.charge.messages == 0)
        other.send(1, to: .copySend(port), from: client)
        #expect(other.kernel == scene.kernel && copy != other.kernel)
        #expect(copy.violations().isEmpty)
    }

    @Test("equality sees every field of a task and of a port")
    func everyField() {
        var differences: Set<String> = []
        for seed: UInt64 in 700..<720 {
            let run = RandomRun(seed: seed)
            run.compares = true
            run.run(steps: 150)
            #expect(run.failure == nil)
            differences.formUnion(run.differences)
        }
        // Each has been the only difference between two records at least once, or goes with one that has.
        #expect(differences.isSuperset(of: ["queue", "leases", "leased", "receiver", "lastRequest", "sends", "charge", "links"]))
    }
}

/// Replays (Documentation/Decisions/0003).
@Suite struct JournalTests {
    /// A short history with a lease in it that was closed with a frame.
    private static func history() throws -> Scene {
        var scene = Scene()
        let server = scene.attach(first: true)
        let port = scene.port(of: server)
        scene.ask(server, .setBootstrap(port))
        let client = scene.attach()
        let lease = try scene.newLease(client, port, of: server)
        #expect(scene.world.commit(lease.id, code: 7, Payload(place: 1, length: 1)) == true)
        scene.handle(.revoke(port))
        #expect(scene.drain(port, by: server) == [7])
        return scene
    }

    @Test("a replay gives the identical kernel")
    func replay() throws {
        let scene = try Self.history()
        var again = Kernel(node: Scene.node)
        try again.replay(scene.records)
        #expect(again == scene.kernel)
        #expect(again.wireBytes == scene.kernel.wireBytes)
        var fromBytes = Kernel(node: Scene.node)
        try fromBytes.replay(encoded: scene.records.map(\.wireBytes))
        #expect(fromBytes == scene.kernel)
    }

    @Test("a replay from a snapshot in the middle gives it too, with the actions of the first time")
    func fromTheMiddle() throws {
        let scene = try Self.history()
        for middle in scene.records.indices {
            var kernel = Kernel(node: Scene.node)
            try kernel.replay(scene.records[..<middle])
            var again = try Kernel(wireBytes: kernel.wireBytes)
            try again.replay(scene.records[middle...])
            #expect(again == scene.kernel)
        }
        var again = Kernel(node: Scene.node)
        for (number, record) in scene.records.enumerated() {
            let actions = try again.replay(record, number: number)
            if number == scene.records.count - 1 { #expect(actions == scene.actions) }
        }
    }

    @Test("a record that asks or says something else is named")
    func blame() throws {
        let records = try Self.history().records
        let place = try #require(records.firstIndex { !$0.observations.isEmpty })
        func replay(_ observations: [Observation]) -> ReplayError? {
            var changed = records
            changed[place] = JournalRecord(event: records[place].event, observations: observations)
            var kernel = Kernel(node: Scene.node)
            do throws(ReplayError) { try kernel.replay(changed) } catch { return error }
            return nil
        }
        #expect(replay([]) == .differentQuestion(record: place))
        #expect(replay([.settlements([])]) == .differentQuestion(record: place))
        #expect(replay(records[place].observations + [.promotion(nil)]) == .unusedObservations(record: place, count: 1))
        #expect(replay(records[place].observations) == nil)
    }

    @Test("a record that cannot be read is named, with what is wrong with it")
    func unreadable() throws {
        var bytes = try Self.history().records.map(\.wireBytes)
        bytes[3] += [0]
        var kernel = Kernel(node: Scene.node)
        #expect(throws: ReplayError.unreadable(record: 3, .trailingBytes(count: 1))) { try kernel.replay(encoded: bytes) }
    }

    @Test("every kind of event, observation and frame survives its encoding")
    func records() throws {
        let port = PortID(node: Scene.node, counter: 5)
        let identity = Scene.identity("someone")
        let transfers: [Transfer] = [
            .null, .dead, .moveReceive(port), .moveSend(port), .copySend(port), .makeSend(port), .makeSendOnce(port),
            .moveSendOnce(SendOnceID(raw: 8)),
        ]
        let outgoing = Outgoing(
            to: .copySend(port), reply: .makeSendOnce(port), code: 9, rights: transfers, payload: Payload(place: 1, length: 2),
            memory: [MemoryToken(place: 3, length: 4)], blocks: true, completion: 255)
        let link = LinkID(raw: 4)
        var requests: [Request] = [
            .portBlock, .allocate(port, queueLimit: 5), .send(outgoing), .cancelSend(Ticket(raw: 1)), .receive(port),
            .setQueueLimit(port, 8),
            .status(port), .identity(TaskID(raw: 3)), .linkOffers, .linkMapped(link), .linkPeer(link),
            .claimReply(link, index: 3, generation: 4), .recallReplies(link, port), .setChief(TaskID(raw: 3)), .keepRoom(port),
            .giveRoom(port, 3), .receipts, .nameFreed(port), .nameFreed(port, once: SendOnceID(raw: 5)), .hasRequest(port),
            .setBootstrap(port), .introduce(identity, rights: transfers),
        ]
        requests += transfers.map { .make($0) }
        requests += [Right.null, .dead, .send(port), .sendOnce(SendOnceID(raw: 2)), .receive(port)].map { .drop($0) }
        requests += LinkFault.allCases.map { .linkFault(link, $0) }
        requests += [NotificationRequest.Kind.portDestroyed, .noSenders, .deadName].map {
            .notify(NotificationRequest($0, port: port, sync: 7, notify: .makeSendOnce(port)))
        }
        requests.append(.several(requests.filter(\.isPart)))
        var events: [Event] = requests.map { .request(TaskID(raw: 3), number: 6, $0) }
        events += [
            .linkFailed(link), .request(TaskID(raw: 3), number: 7, .rejected(.invalidMemory)), .attach(identity, first: true),
            .end(TaskID(raw: 2)), .trace(TaskID(raw: 2), true), .revoke(nil), .revoke(port),
        ]
        let frame = Frame(
            code: 4, payload: Payload(place: 6, length: 7), replyPort: port, isDropped: true,
            speaker: Speaker(TaskID(raw: 1 << 33), identity))
        let settlements = [Settlement.Outcome.answered(frame), .held, .unclaimed].map {
            Settlement(caller: TaskID(raw: 1), port: port, index: 2, generation: 3, outcome: $0)
        }
        let observations: [Observation] = [
            .closing(Closing(frames: [frame], fault: .missingFrames, slotsInUse: true, kept: 3, received: 1 << 33)),
            .settlements(settlements), .promotion(port),
            .promotion(nil),
        ]
        for event in events {
            let record = JournalRecord(event: event, observations: observations)
            #expect(try JournalRecord(wireBytes: record.wireBytes) == record)
            for count in 0..<record.wireBytes.count {
                #expect(throws: WireError.self) { try JournalRecord(wireBytes: Array(record.wireBytes.prefix(count))) }
            }
        }
    }
}
