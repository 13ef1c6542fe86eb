import MasixKernel
import MasixWire

/// A small node with three tasks, and what happens on it: the beginning of every kernel that is fed, and the source of the seeds.
enum Story {
    static let node = NodeID(number: 7, incarnation: 1)
    static let first = TaskID(raw: 1)
    static let second = TaskID(raw: 2)
    static let third = TaskID(raw: 3)

    /// Ports of the first task: the bootstrap port, and one with room for one message.
    static let well = port(1)
    static let narrow = port(2)
    /// A port of the second task, and one of the third.
    static let reply = port(65_537)
    static let other = port(131_073)
    static let link = LinkID(raw: 1)

    static func port(_ counter: UInt64) -> PortID { PortID(node: node, counter: counter) }

    static func identity(_ name: String) -> TaskIdentity {
        TaskIdentity(uid: 1_000, gid: 1_000, pid: 0, executable: "/bin/\(name)", name: name, launched: false)
    }

    /// The node as it is when the bytes begin to speak.
    static let opening: Stage = {
        var stage = Stage()
        stage.handle(.attach(identity("first"), first: true))
        for request in [Request.portBlock, .allocate(well, queueLimit: 4), .allocate(narrow, queueLimit: 1), .setBootstrap(well)] {
            stage.ask(first, request)
        }
        for (task, port) in [(second, reply), (third, other)] {
            stage.handle(.attach(identity("program"), first: false))
            stage.ask(task, .portBlock)
            stage.ask(task, .allocate(port, queueLimit: 5))
        }
        return stage
    }()

    /// Messages, links and leases, answers.
    static let talk: [(TaskID, Request)] = [
        (second, .send(Outgoing(to: .copySend(well), reply: .makeSendOnce(reply), code: 5, payload: Payload(place: 1, length: 9)))),
        (first, .linkOffers), (second, .linkOffers), (second, .linkMapped(link)), (first, .linkMapped(link)), (first, .linkPeer(link)),
        (first, .receive(well)), (first, .claimReply(link, index: 0, generation: 1)),
        (second, .send(Outgoing(to: .copySend(well), code: 6, memory: [MemoryToken(place: 4, length: 4_096)]))),
        (first, .receive(well)), (first, .receive(well)),
        (first, .send(Outgoing(to: .moveSendOnce(SendOnceID(raw: 1)), rights: [.makeSend(narrow), .null, .dead]))),
        (second, .receive(reply)), (second, .status(reply)), (second, .identity(first)),
        (second, .linkFault(link, .malformedFrame)), (second, .claimReply(link, index: 1, generation: 7)),
        (third, .send(Outgoing(to: .copySend(well), blocks: true))), (third, .linkMapped(LinkID(raw: 2))),
        (first, .linkMapped(LinkID(raw: 2))), (third, .rejected(.malformed)),
    ]

    /// Full queues, blocked sends, quota, receive rights that travel.
    static let crowd: [(TaskID, Request)] = [
        (first, .send(Outgoing(to: .makeSend(narrow), code: 1, rights: [.makeSend(narrow)]))),
        (second, .send(Outgoing(to: .copySend(well), rights: [.makeSend(reply), .moveReceive(reply)]))),
        (first, .send(Outgoing(to: .makeSend(narrow), code: 2, blocks: true, completion: 3))),
        (first, .send(Outgoing(to: .makeSend(narrow), code: 3, rights: [.makeSendOnce(well)], blocks: true, completion: 4))),
        (first, .cancelSend(Ticket(raw: 2))), (first, .setQueueLimit(narrow, 3)), (first, .setQueueLimit(narrow, 0)),
        (first, .receive(narrow)), (first, .receive(narrow)), (first, .receive(well)), (first, .drop(.receive(reply))),
        (second, .drop(.send(well))), (first, .drop(.sendOnce(SendOnceID(raw: 1)))),
        (third, .send(Outgoing(to: .copySend(well), rights: [.moveReceive(other)]))),
    ]

    /// Notifications and deaths.
    static let death: [(TaskID, Request)] = [
        (
            first,
            .several([
                .make(.makeSend(well)), .notify(NotificationRequest(.noSenders, port: well, sync: 1, notify: .makeSendOnce(well))),
                .drop(.send(well)), .receive(well), .drop(.sendOnce(SendOnceID(raw: 9))),
            ])
        ),
        (first, .make(.makeSend(narrow))), (first, .make(.makeSendOnce(narrow))),
        (first, .notify(NotificationRequest(.noSenders, port: narrow, sync: 1, notify: .makeSendOnce(well)))),
        (first, .notify(NotificationRequest(.portDestroyed, port: narrow, notify: .makeSendOnce(well)))),
        (second, .notify(NotificationRequest(.deadName, port: well, notify: .makeSendOnce(reply)))),
        (third, .notify(NotificationRequest(.deadName, port: well, notify: .makeSendOnce(other)))),
        (third, .notify(NotificationRequest(.deadName, port: well, notify: .null))),
        (first, .drop(.send(narrow))), (first, .drop(.receive(narrow))), (first, .receive(well)), (first, .receive(well)),
        (first, .introduce(identity("child"), rights: [.makeSend(well), .moveReceive(narrow)])),
        (first, .drop(.receive(well))), (second, .receive(reply)), (second, .drop(.send(well))),
    ]

    /// Names, sizes and room (Documentation/Decisions/0016).
    static let names: [(TaskID, Request)] = [
        (second, .notify(NotificationRequest(.sendPossible, port: narrow, name: 5, notify: .makeSendOnce(reply)))),
        (second, .awaitRoom(narrow)),
        (first, .notify(NotificationRequest(.deadName, port: well, name: 6, sync: 1, notify: .makeSendOnce(well)))),
        (first, .setMakeSendCount(well, 9)), (first, .peek(well)), (first, .receive(well, room: 3)), (first, .nameFreed(well)),
        (second, .hasRequest(narrow)),
        (first, .isDead(SendOnceID(raw: 1))), (first, .portOf(SendOnceID(raw: 1))),
        (
            second,
            .notify(
                NotificationRequest(.deadName, port: narrow, once: SendOnceID(raw: 1), name: 7, notify: .makeSendOnce(reply)))
        ),
    ]

    static let all = [names, talk, crowd, death, crowd + talk, talk + crowd + death]

    static let events: [Event] = [
        .attach(identity("late"), first: false), .request(second, number: 9, .portBlock), .trace(second, true), .trace(second, false),
        .revoke(nil), .revoke(well), .linkFailed(link), .end(second), .end(third), .end(first),
    ]
}

/// A kernel, how far its tasks have counted, and what a journal would hold.
struct Stage: Sendable {
    var kernel = Kernel(node: Story.node)
    var world = HostileWorld(seed: 0)
    var records: [JournalRecord] = []
    private var numbers: [TaskID: UInt64] = [:]

    @discardableResult
    mutating func ask(_ task: TaskID, _ request: Request) -> [Action] {
        numbers[task, default: 0] += 1
        return handle(.request(task, number: numbers[task] ?? 0, request))
    }

    @discardableResult
    mutating func handle(_ event: Event) -> [Action] {
        var recording = RecordingWorld(world)
        let actions = kernel.handle(event, world: &recording)
        world = recording.world
        records.append(JournalRecord(event: event, observations: recording.observations))
        return actions
    }
}

/// Shared memory in which the tasks have scribbled: within what a closing can find at all, everything is possible.
struct HostileWorld: LeaseWorld, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    private mutating func draw(below limit: UInt64) -> UInt64 {
        // Knuth's constants.
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) % max(1, limit)
    }

    private mutating func somePort() -> PortID {
        switch draw(below: 8) {
        case 0: Story.port(draw(below: 1 << 32))
        case 1, 2: Story.other
        case 3: Story.well
        default: Story.reply
        }
    }

    private mutating func frame() -> Frame {
        let length = UInt32(draw(below: 449))
        let payload = length == 0 ? .empty : Payload(place: draw(below: 1_000) + 1, length: length)
        return Frame(code: UInt32(draw(below: 9)), payload: payload, replyPort: draw(below: 2) == 0 ? somePort() : nil)
    }

    mutating func close(_ lease: Lease) -> Closing {
        let count = draw(below: UInt64(lease.window) + 1)
        let fault = draw(below: 4) == 0 ? LinkFault(rawValue: UInt8(draw(below: 8))) : nil
        return Closing(frames: (0..<count).map { _ in frame() }, fault: fault, slotsInUse: draw(below: 2) == 0)
    }

    mutating func settleReplies(of link: Link) -> [Settlement] {
        (0..<draw(below: 6)).map { number in
            let outcome: Settlement.Outcome =
                switch draw(below: 4) {
                case 0: .held
                case 1: .unclaimed
                case 2: .answered(Frame(code: 0, payload: .empty, isDropped: true))
                default: .answered(Frame(code: 1, payload: Payload(place: 3, length: 5)))
                }
            return Settlement(
                caller: draw(below: 2) == 0 ? link.first : link.second, port: somePort(), index: UInt16(number),
                generation: UInt32(draw(below: 3)), outcome: outcome)
        }
    }

    mutating func promoteReply(of link: Link, callee: TaskID, index: UInt16, generation: UInt32) -> PortID? {
        draw(below: 3) == 0 ? nil : somePort()
    }

    mutating func recallReplies(of link: Link, caller: TaskID, port: PortID) -> [Settlement] { settleReplies(of: link) }
}
