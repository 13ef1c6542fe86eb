import MasixKernel
import MasixTransport
import MasixWire

extension Target {
    /// What travels on a task's socket, both ways.
    static let kernelSocket: Target = {
        let requests = Story.all.flatMap { $0.map(\.1) }
        var stage = Story.opening
        var responses: [Response] = [
            .linkPeer(Story.first, Story.identity("peer"), place: 3, isChief: true), .links([Story.link]), .empty, .introduced(Story.third),
            .returned(
                Delivered(
                    sender: .kernel, port: Story.well, code: 72, reply: .sendOnce(SendOnceID(raw: 3), Story.reply),
                    rights: [.dead, .receive(Story.narrow, index: 1), .send(Story.well, index: 2)], payload: .empty,
                    memory: [MemoryToken(place: 1, length: 2)], notification: .deadName(Story.well, name: 7))),
        ]
        for (task, request) in Story.all.joined() {
            stage.ask(task, request)
            guard let record = stage.records.last else { continue }
            var kernel = stage.kernel
            for case .reply(_, _, let response) in kernel.handle(record.event) { responses.append(response) }
        }
        for notification in [
            Notification.portDeleted(Story.well, name: 1), .sendPossible(Story.well, name: 2), .portDestroyed, .noSenders(makeSendCount: 4),
            .sendOnce,
        ] {
            responses.append(
                .message(
                    Delivered(
                        sender: .kernel, port: Story.well, code: notification.code, reply: .null, rights: [], payload: .empty, memory: [],
                        notification: notification)))
        }
        return .decoders(
            "kernel-socket", share: 170,
            [
                .exact([Hello()]),
                .exact([
                    Welcome(
                        task: Story.second, node: Story.node, identity: Story.identity("program"), bootstrap: .send(Story.well, index: 0),
                        initial: [.null, .dead, .receive(Story.other, index: 1)])
                ]),
                .exact(requests.map { Envelope(number: 4, content: $0, payload: Array("hello".utf8)) }),
                .exact(responses.map { Envelope(number: 4, content: $0) }),
                .exact(queries.map { Envelope(number: Query.numberBit | 7, content: $0) }) { envelope in
                    if case .subscribeTrace(let filter) = envelope.content { _ = filter.admits(TraceEvent(.sent, task: Story.first)) }
                },
                .exact(answers.map { Envelope(number: Query.numberBit | 7, content: $0) }),
            ])
    }()

    private static let queries: [Query] = [
        .tasks(after: nil), .tasks(after: Story.first), .ports(after: Story.well), .links(after: Story.link), .counters,
        .revoke(Story.well), .trace(Story.second, true), .subscribeTrace(TraceFilter(tasks: [Story.first], ports: [Story.well])),
        .unsubscribeTrace, .readTrace,
    ]

    private static let answers: [Answer] = {
        let events = TraceEvent.Kind.allCases.map {
            TraceEvent($0, task: Story.first, peer: Story.second, port: Story.well, code: 1, count: 2, detail: "send right")
        }
        var stage = Story.opening
        for (task, request) in Story.talk.prefix(5) { stage.ask(task, request) }
        return [
            .done, .notPermitted, .notFound, .trace(Array(events.prefix(8)), dropped: 1), .trace(Array(events.dropFirst(8)), dropped: 0),
            .counters(
                NodeCounters(node: Story.node, uptimeNanoseconds: 5, entries: [NodeCounters.Entry("requests", 7)])),
            .tasks(stage.kernel.taskRows(after: nil, limit: Answer.rowsMax)),
            .ports(stage.kernel.portRows(after: nil, limit: Answer.rowsMax)),
            .links(stage.kernel.linkRows(after: nil, limit: Answer.rowsMax)),
        ]
    }()

    /// What the nucleus and whoever keeps its descriptors say.
    static let keeperSocket = Target.decoders(
        "keeper-socket", share: 10, longest: 128,
        [.exact([KeeperMessage.keep(KeptKey(.listener)), .forget(KeptKey(.object, 7)), .end])])

    /// Three tasks that ask for whatever they like, over shared memory that they scribble in. The kernel stays sound.
    ///
    /// Layout: 8 bytes for the world's chance; then, as often as there is something: who, a byte, 0 to 2 for a task and its request,
    /// else an event of the shell.
    static let kernel = Target(
        name: "kernel", share: 100, longest: 4_096,
        seeds: {
            Story.all.flatMap { story in
                Story.events.map { event in
                    var writer = WireWriter()
                    writer.write(UInt64(story.count))
                    for (task, request) in story {
                        writer.write(UInt8(task.raw - 1))
                        writer.write(request)
                    }
                    writer.write(UInt8(3))
                    writer.write(event)
                    return writer.bytes
                }
            }
        },
        feed: { bytes in
            var reader = WireReader(bytes)
            guard let seed = try? reader.read(UInt64.self) else { return }
            var stage = Story.opening
            stage.records = []
            stage.world = HostileWorld(seed: seed)
            var steps = 0
            while let who = try? reader.read(UInt8.self) {
                let actions: [Action]
                if who & 3 < 3 {
                    guard let request = try? reader.read(Request.self) else { break }
                    actions = stage.ask(TaskID(raw: UInt64(who & 3) + 1), request)
                } else {
                    guard let event = try? reader.read(Event.self) else { break }
                    actions = stage.handle(event)
                }
                for case .reply(_, _, let response) in actions {
                    require(decoded(Response.self, response.wireBytes) == response, "a response that nobody can read")
                }
                steps += 1
                if steps % 8 == 0 { stage.check() }
            }
            stage.check()
        })

    /// The state that a restarted nucleus begins from. What is taken is sound, and goes on.
    static let snapshot = Target(
        name: "snapshot", share: 120, longest: 6_000,
        seeds: {
            Story.all.flatMap { story in
                var stage = Story.opening
                var seeds = [stage.kernel.wireBytes]
                for (number, (task, request)) in story.enumerated() {
                    stage.ask(task, request)
                    if number % 5 == 4 { seeds.append(stage.kernel.wireBytes) }
                }
                return seeds
            }
        },
        feed: { bytes in
            guard var kernel = decoded(Kernel.self, bytes) else { return }
            require(kernel.wireBytes == bytes, "other bytes come back")
            var world = HostileWorld(seed: UInt64(bytes.count))
            for event in [Event.attach(Story.identity("late"), first: false), .trace(Story.third, true), .revoke(nil)] {
                _ = kernel.handle(event, world: &world)
            }
            for (task, request) in [(Story.second, Request.portBlock)] + Story.crowd + Story.talk {
                _ = kernel.handle(.request(task, number: kernel.lastRequest(of: task) + 1, request), world: &world)
            }
            for row in kernel.taskRows(after: nil, limit: 8) { _ = kernel.handle(.end(row.id), world: &world) }
            let violations = kernel.violations()
            require(violations.isEmpty, violations.joined(separator: "\n"))
        })

    /// The records of a journal: each begins with its length, 16 bits.
    static let journal = Target(
        name: "journal", share: 100, longest: 4_096,
        seeds: {
            Story.all.map { story in
                var stage = Story.opening
                stage.records = []
                for (task, request) in story { stage.ask(task, request) }
                for event in Story.events { stage.handle(event) }
                var writer = WireWriter()
                for record in stage.records {
                    let bytes = record.wireBytes
                    writer.write(UInt16(bytes.count))
                    writer.write(raw: bytes)
                }
                return writer.bytes
            }
        },
        feed: { bytes in
            var reader = WireReader(bytes)
            var records: [[UInt8]] = []
            while let count = try? reader.read(UInt16.self), let record = try? reader.readRaw(count: min(Int(count), reader.remaining)) {
                records.append(record)
                guard let value = decoded(JournalRecord.self, record) else { break }
                require(value.wireBytes == record, "other bytes come back")
            }
            var kernel = Story.opening.kernel
            do throws(ReplayError) {
                try kernel.replay(encoded: records)
            } catch {
                // It is said of what use the kernel is then: none.
                return
            }
        })
}

extension Stage {
    func check() {
        let violations = kernel.violations()
        require(violations.isEmpty, violations.joined(separator: "\n"))
    }
}
