import MasixSimulator
import MasixWire

@testable import MasixKernel
@testable import MasixNetwork

/// What a run is made from.
struct WorldPlan {
    var seed: UInt64
    var nodes: UInt32 = 2
    var steps = 4_000
    var defect: CoreDefect?
    /// Whether channels end and nodes crash.
    var isRough = true
    /// Whether channels are cut while both nodes live on.
    var hasCuts = true
    var bounds = NetworkCore.Bounds()
    var announcements: NameAnnouncements = []

    init(seed: UInt64, nodes: UInt32 = 2, defect: CoreDefect? = nil) {
        self.seed = seed
        self.nodes = nodes
        self.defect = defect
        isRough = seed % 3 != 0
        announcements = NameAnnouncements(rawValue: UInt8(seed / 3 % 4))
        hasCuts = seed % 4 < 2
        bounds.barrierMilliseconds = hasCuts ? 400 : .max / 2
        if seed % 2 == 0 { bounds.transfers = 1 }
        if seed % 5 == 0 { bounds.memoryBytes = 150_000 }
        if seed % 7 == 0 { (bounds.ports, bounds.onces, bounds.lookUps) = (2, 2, 1) }
    }
}

/// Several nodes and the channels between them, from one seed, with a book in which every message is written down when it is sent.
///
/// A run ends when everything that was sent has arrived and everything that was held has been let go: then nothing is left anywhere.
final class NetworkWorld {
    /// Kinds of events that the kernels have met, if somebody wants to know.
    var keepsSituations = false
    var situations: Set<String> = []

    let plan: WorldPlan
    var chance: Chance
    private(set) var nodes: [UInt32: NodeModel] = [:]
    private var channels: [Pair: ChannelModel] = [:]
    private var pairs: [Pair] = []
    private(set) var step = 0
    private(set) var failure: String?
    private(set) var tally = Tally()
    private var isEnding = false

    /// The port that a proxy, or a port for one message, stands for; one that stands for none is itself.
    var truth: [PortID: PortID] = [:]
    /// By the node in one life of it: what it said before it died may still be read when the next one numbers anew.
    private var onceTruth: [NodeID: [UInt64: PortID]] = [:]
    private var records: [UInt64: Record] = [:]
    private var lastToken: UInt64 = 0
    private var lastOf: [Stream: UInt64] = [:]
    private var fills: [UInt64: UInt8] = [:]
    private var lastMemory: UInt64 = 0
    private var oncesMade: [PortID: Int] = [:]
    private var oncesEnded: [PortID: Int] = [:]

    struct Tally {
        var messages = 0
        var remote = 0
        var memory = 0
        var answers = 0
        var noSenders = 0
        var deadNames = 0
        var lookUps = 0
        var downs = 0
        var crashes = 0
        var learnt = 0
        var frames = 0
        var thirds = 0
        var grants = 0
        var refusals = 0
    }

    struct Pair: Hashable, Comparable {
        let low: UInt32
        let high: UInt32
        init(_ one: UInt32, _ other: UInt32) { (low, high) = (min(one, other), max(one, other)) }
        static func < (left: Pair, right: Pair) -> Bool { (left.low, left.high) < (right.low, right.high) }
        func other(_ node: UInt32) -> UInt32 { node == low ? high : low }
        var ends: [UInt32] { [low, high] }
    }

    final class ChannelModel {
        /// Ends that take it to be up.
        var up: Set<UInt32> = []
        /// Whether frames still go through.
        var isSound = false
        var frames: [UInt32: [NetworkFrame]] = [:]
        /// Its node has died, and what it had sent may still be read.
        var dead: UInt32?
        /// When the last end learnt of the last ending.
        var disturbedAt = -1
        /// Messages not accepted, by sending end and port.
        var unaccepted: [UInt32: [PortID: Int]] = [:]
    }

    private struct Stream: Hashable {
        let sender: Sender
        let name: PortID
    }

    struct Sender: Hashable {
        let node: NodeID
        let task: TaskID
    }

    enum Gift: Hashable {
        case null
        case dead
        case send(PortID)
        case once(PortID)
    }

    struct Record {
        let sender: Sender
        let destination: PortID
        /// The sender's name for it.
        let name: PortID
        let viaOnce: Bool
        let reply: Gift
        let rights: [Gift]
        let memory: [MemoryToken]
        let sentAt: Int
        /// The owners have granted everything that is named in it.
        let isGranted: Bool
        var hops = 0
        var isDelivered = false
        var isAbandoned = false
    }

    init(_ plan: WorldPlan) {
        self.plan = plan
        chance = Chance(seed: plan.seed &* 31 &+ UInt64(plan.nodes))
        for number in 1...plan.nodes { start(NodeID(number: number, incarnation: 1)) }
        for one in 1..<plan.nodes { for other in (one + 1)...plan.nodes { channels[Pair(one, other)] = ChannelModel() } }
        pairs = channels.keys.sorted()
        for pair in pairs { connect(pair) }
        // With many nodes it would take all the time there is until each has noticed each.
        if plan.nodes > 3 { for pair in pairs { for end in pair.ends { noticeUp(end, pair) } } }
    }

    func fail(_ words: String) {
        if failure == nil { failure = "seed \(plan.seed), \(plan.nodes) nodes, step \(step): \(words)" }
    }

    private func start(_ id: NodeID) {
        let node = NodeModel(id, in: self, expecting: Set(1...plan.nodes).subtracting([id.number]))
        nodes[id.number] = node
        for _ in 0..<3 { attachClient(to: node) }
    }

    private func attachClient(to node: NodeModel) {
        node.attachClient()
        guard let task = node.clients.last else { return }
        for limit in [20, UInt32(1 + chance.below(4))] { register(node.newPort(of: task, limit: limit), of: task, node) }
    }

    private func register(_ port: PortID, of task: TaskID, _ node: NodeModel) {
        node.ask(
            task,
            .send(
                Outgoing(
                    to: .copySend(node.nameport), code: NodeModel.Code.register, rights: [.makeSend(port)],
                    payload: Payload(place: UInt64(node.id.number) * 8 + UInt64(chance.below(4)), length: 8))))
    }

    // MARK: what ports are

    func `true`(_ port: PortID) -> PortID { truth[port] ?? port }
    func once(_ number: UInt64, of peer: NodeID) -> PortID? { onceTruth[peer]?[number] }
    func remember(once number: UInt64, of node: NodeID, to port: PortID) { onceTruth[node, default: [:]][number] = `true`(port) }

    func isAlive(_ port: PortID) -> Bool {
        guard let node = nodes[port.node.number], node.id == port.node else { return false }
        return node.isAlive(port)
    }

    /// Whether what one node calls so is connected with its port, over however many nodes.
    private func leads(_ name: PortID, of node: NodeModel) -> Bool {
        guard node.isAlive(name) else { return false }
        guard let proxy = node.proxyAt[name], let (port, peer) = node.core.proxy(proxy) else { return name.node == node.id }
        // What is not granted may be claimed in vain, if something was cut.
        guard node.core.proxies[proxy]?.isGranted == true || !isDisturbed(since: 0) else { return false }
        guard let next = nodes[peer], next.id == port.birth else { return false }
        return leads(port.port, of: next)
    }

    private func way(_ name: PortID, of node: NodeModel) -> String {
        let here =
            "\(name) \(node.isAlive(name)) \(node.exported[name] != nil) \(node.core.exports[name].map { "\($0)" } ?? "") \(node.kernel.ports[name]?.deadNames ?? [:])"
        guard let proxy = node.proxyAt[name], let (port, peer) = node.core.proxy(proxy), let next = nodes[peer] else { return here }
        return here + " - " + way(port.port, of: next)
    }

    // MARK: memory

    func newMemory(length: UInt64, fill: UInt8) -> MemoryToken {
        lastMemory += 1
        fills[lastMemory] = fill
        return MemoryToken(place: lastMemory, length: length)
    }

    func fill(of memory: MemoryToken) -> UInt8 { fills[memory.place] ?? 0 }
    func isUnreadable() -> Bool { plan.isRough && !isEnding && chance.oneIn(60) }
    func abandon(_ token: UInt64) { records[token]?.isAbandoned = true }
    func hop(_ token: UInt64) { records[token]?.hops += 1 }

    // MARK: channels

    func send(_ frame: NetworkFrame, from node: NodeModel, to peer: UInt32) {
        let pair = Pair(node.id.number, peer)
        guard let channel = channels[pair], channel.up.contains(node.id.number) else {
            return fail("\(node.id) sends \(frame) over a channel that is not up")
        }
        if case .message(let message) = frame, case .port(let uid) = message.destination {
            let port = uid.port
            let count = channel.unaccepted[node.id.number]?[port] ?? 0
            let limit = nodes[port.node.number].flatMap { $0.kernel.ports[port]?.queueLimit } ?? Limits.queueMessagesMax
            if count >= max(1, limit) { fail("\(count + 1) messages to \(port) exceed its window") }
            channel.unaccepted[node.id.number, default: [:]][port] = count + 1
        }
        guard channel.isSound else { return }
        guard plan.defect?.loses(frame) != true else { return }
        channel.frames[node.id.number, default: []].append(frame)
        if channel.frames[node.id.number, default: []].count > 12, node.congested.insert(peer).inserted {
            node.post(.congested(peer: peer))
        }
    }

    func refused(_ peer: UInt32, _ fault: NetworkFault, by node: NodeModel) {
        fail("\(node.id) refuses an honest node \(peer): \(fault)")
    }

    private func passFrame(from sender: UInt32, over pair: Pair) -> Bool {
        let receiver = pair.other(sender)
        guard let channel = channels[pair], channel.isSound || channel.dead == sender, channel.up.contains(receiver),
            let node = nodes[receiver],
            channel.frames[sender]?.isEmpty == false, let frame = channel.frames[sender]?.removeFirst()
        else { return false }
        tally.frames += 1
        if case .message(let message) = frame { for case .third in message.rights + [message.reply] { tally.thirds += 1 } }
        if case .granted = frame { tally.grants += 1 }
        if case .refused(let uid, _) = frame {
            tally.refusals += 1
            // Whoever gave it has held it until it was claimed, or all others had spoken.
            if !plan.hasCuts, plan.bounds.ports == NetworkLimits.portsMax, nodes[sender]?.isAlive(uid.port) == true {
                fail("\(uid), which lives, is refused to \(node.id)")
            }
        }
        if case .accepted(let uid, let count) = frame {
            let port = uid.port
            let left = (channel.unaccepted[receiver]?[port] ?? 0) - Int(count)
            if left < 0 { fail("\(port) has accepted more messages than were sent") }
            channel.unaccepted[receiver, default: [:]][port] = left == 0 ? nil : left
        }
        if channel.isSound, let sending = nodes[sender], channel.frames[sender, default: []].count < 4,
            sending.congested.remove(receiver) != nil
        {
            sending.handle(.drained(peer: receiver))
        }
        if case .chunk = frame {
            node.handle(.frame(peer: sender, frame))
        } else if let same = try? NetworkFrame(wireBytes: frame.wireBytes), same == frame {
            node.handle(.frame(peer: sender, same))
        } else {
            fail("\(frame) cannot be read")
        }
        return true
    }

    private func connect(_ pair: Pair) {
        guard let channel = channels[pair], !channel.isSound, channel.up.isEmpty else { return }
        channel.isSound = true
        channel.dead = nil
        channel.frames = [:]
        channel.unaccepted = [:]
    }

    /// One end learns that the channel is up.
    private func noticeUp(_ number: UInt32, _ pair: Pair) {
        guard let channel = channels[pair], channel.isSound, channel.up.insert(number).inserted, let node = nodes[number],
            let peer = nodes[pair.other(number)]
        else { return }
        node.congested.remove(peer.id.number)
        node.handle(.up(peer.id))
    }

    private func cut(_ pair: Pair) {
        guard let channel = channels[pair], channel.isSound else { return }
        channel.isSound = false
        channel.frames = [:]
        tally.downs += 1
        if channel.up.isEmpty { channel.disturbedAt = step }
    }

    private func noticeDown(_ number: UInt32, _ pair: Pair) {
        guard let channel = channels[pair], !channel.isSound, channel.up.contains(number), let node = nodes[number] else { return }
        channel.disturbedAt = step
        channel.frames = [:]
        channel.dead = nil
        node.congested.remove(pair.other(number))
        node.handle(.down(peer: pair.other(number)))
        channel.up.remove(number)
    }

    private func crash(_ number: UInt32) {
        guard let old = nodes[number] else { return }
        tally.crashes += 1
        for pair in pairs where pair.ends.contains(number) {
            let frames = channels[pair]?.isSound == true ? channels[pair]?.frames[number] : nil
            cut(pair)
            channels[pair]?.up.remove(number)
            // What it had said before may have come already.
            channels[pair]?.frames = frames.map { [number: $0] } ?? [:]
            channels[pair]?.dead = frames == nil ? nil : number
            channels[pair]?.disturbedAt = step
        }
        start(NodeID(number: number, incarnation: old.id.incarnation + 1))
    }

    /// Whether what was sent then may have gone with a channel.
    private func isDisturbed(since then: Int) -> Bool {
        channels.values.contains { $0.disturbedAt >= then || (!$0.isSound && !$0.up.isEmpty) }
    }

    /// Names that are not granted may stand for what was lost earlier; send-once rights go over third nodes.
    private func isDisturbed(since record: Record) -> Bool {
        isDisturbed(since: plan.nodes == 2 || record.isGranted && !record.viaOnce ? record.sentAt : 0)
    }

    private func isGranted(_ transfers: [Transfer], _ node: NodeModel) -> Bool {
        transfers.allSatisfy { transfer in
            switch transfer {
            case .copySend(let port), .moveSend(let port):
                node.proxyAt[port].map { node.core.proxies[$0]?.isGranted == true } ?? true
            case .moveSendOnce: false
            default: true
            }
        }
    }

    /// A grown right is in the books of its owner, as long as both have a channel.
    private func checkHolds() {
        for (pair, channel) in channels where channel.isSound && channel.up.count == 2 {
            for number in pair.ends {
                guard let node = nodes[number], let owner = nodes[pair.other(number)], let peer = node.core.peers[owner.id.number] else {
                    continue
                }
                for (uid, id) in peer.granted {
                    guard let proxy = node.core.proxies[id], !proxy.isDead, let port = owner.core.port(of: uid) else { continue }
                    if proxy.sequence > owner.core.exports[port]?.holders[number]?.sequence ?? 0 {
                        fail("\(node.id) holds \(uid) by gift \(proxy.sequence), and \(owner.id) does not know it")
                    }
                }
            }
        }
    }

    // MARK: a run

    func run() -> String? {
        while step < plan.steps, failure == nil {
            step += 1
            act()
            if step % 10 == 0 { checkHolds() }
            if step % 100 == 0 { for node in nodes.values { for violation in node.kernel.violations() { fail(violation) } } }
        }
        if failure == nil { finish() }
        return failure
    }

    private func act() {
        guard let node = nodes[UInt32(1 + chance.below(Int(plan.nodes)))], let pair = chance.pick(pairs) else { return }
        switch chance.below(100) {
        case 0..<26:
            var (end, pair) = (pair.ends[chance.below(2)], pair)
            // Of many channels most are silent.
            for _ in 0..<8 where plan.nodes > 3 && channels[pair]?.frames[end]?.isEmpty != false {
                guard let other = chance.pick(pairs) else { break }
                (end, pair) = (other.ends[chance.below(2)], other)
            }
            for _ in 0...chance.below(3) { _ = passFrame(from: end, over: pair) }
        case 26..<46: for _ in 0...chance.below(3) { if let port = chance.pick(node.readyPorts) { node.takeMessage(at: port) } }
        case 46..<50: _ = node.retryAll()
        case 50..<57: _ = node.pump(pair.low == node.id.number ? pair.high : pair.low)
        case 57..<62: while node.serveNames() {}
        case 62..<64: disturb(pair)
        case 64: node.handle(.time(UInt64(step)))
        default: if let task = chance.pick(node.clients) { actAs(task, of: node) }
        }
    }

    private func disturb(_ pair: Pair) {
        guard let channel = channels[pair] else { return }
        let end = pair.ends[chance.below(2)]
        if channel.isSound {
            if channel.up.count < 2 { return noticeUp(end, pair) }
            guard plan.isRough else { return }
            if plan.hasCuts, chance.oneIn(12) { cut(pair) } else if chance.oneIn(plan.hasCuts ? 80 : 20) { crash(end) }
        } else if channel.up.isEmpty {
            connect(pair)
        } else {
            noticeDown(end, pair)
        }
    }

    // MARK: tasks

    private func actAs(_ task: TaskID, of node: NodeModel) {
        let own = node.receives(of: task)
        let sends = node.sends(of: task).filter { $0 != node.nameport }
        let isAlone = !sends.contains { node.proxyAt[$0] != nil }
        switch isAlone && chance.oneIn(6) ? 20 + chance.below(13) : chance.below(40) {
        case 0..<3: if own.count < 4 { _ = node.newPort(of: task, limit: UInt32(chance.oneIn(3) ? 1 + chance.below(3) : 20)) }
        case 3..<17: sendAs(task, of: node, own, sends)
        case 17..<27: for port in own { receive(at: port, of: task, node) }
        case 27..<30:
            if let port = chance.pick(own) { register(port, of: task, node) }
        case 30..<33:
            guard let port = chance.pick(own) else { return }
            tally.lookUps += 1
            // Of many nodes a few have what all look for.
            let servers = min(Int(plan.nodes), 5)
            let response = node.ask(
                task,
                .send(
                    Outgoing(
                        to: .copySend(node.nameport), reply: .makeSendOnce(port), code: NodeModel.Code.lookUp,
                        payload: Payload(place: UInt64(8 + chance.below(servers * 8)) & ~4, length: 8))))
            if response == .sent { oncesMade[port, default: 0] += 1 }
        case 33..<35: if let port = chance.pick(sends) { node.ask(task, .drop(.send(port))) }
        case 35: if let once = chance.pick(node.onces(of: task)) { node.ask(task, .drop(.sendOnce(once))) }
        case 36: if let port = chance.pick(own) { request(.noSenders, port, notify: port, task, node) }
        case 37: if let port = chance.pick(sends), let notify = chance.pick(own) { request(.deadName, port, notify: notify, task, node) }
        case 38: if chance.oneIn(3), let port = chance.pick(own) { node.ask(task, .drop(.receive(port))) }
        default:
            guard chance.oneIn(12) else { return }
            node.end(task)
            attachClient(to: node)
        }
    }

    private func request(_ kind: NotificationRequest.Kind, _ port: PortID, notify: PortID, _ task: TaskID, _ node: NodeModel) {
        guard case .arrived = node.ask(task, .notify(.init(kind, port: port, notify: .makeSendOnce(notify)))) else { return }
        oncesMade[notify, default: 0] += 1
    }

    private func sendAs(_ task: TaskID, of node: NodeModel, _ own: [PortID], _ sends: [PortID]) {
        let onces = node.onces(of: task)
        var taken: Set<SendOnceID> = []
        var moved: Set<PortID> = []
        let to: Transfer
        if chance.oneIn(5), let once = chance.pick(onces) {
            taken.insert(once)
            to = .moveSendOnce(once)
        } else if let port = chance.pick(sends.filter { node.proxyAt[$0] != nil || !chance.oneIn(3) }) {
            to = .copySend(port)
        } else if let port = chance.pick(own) {
            to = .makeSend(port)
        } else {
            return
        }
        func right() -> Transfer {
            switch chance.below(10) {
            case 0: return .null
            case 1: return .dead
            case 2..<4: if let port = chance.pick(own) { return .makeSendOnce(port) }
            case 4..<6: if let port = chance.pick(own) { return .makeSend(port) }
            case 6..<8: if let port = chance.pick(sends.filter { !moved.contains($0) }) { return .copySend(port) }
            case 8: if let once = chance.pick(onces.filter { !taken.contains($0) }) { taken.insert(once); return .moveSendOnce(once) }
            default:
                let free = sends.filter { port in !moved.contains(port) && to != .copySend(port) }
                if let port = chance.pick(free) { moved.insert(port); return .moveSend(port) }
            }
            return .null
        }
        var rights: [Transfer] = []
        // A copy after a move would be refused: the moves go last.
        for _ in 0..<chance.below(4) { rights.append(right()) }
        let reply: Transfer = chance.oneIn(2) ? right() : .null
        rights.sort { one, other in if case .moveSend = other { if case .moveSend = one { false } else { true } } else { false } }
        if case .moveSend(let port) = reply, rights.contains(.copySend(port)) { return }
        var memory: [MemoryToken] = []
        if chance.oneIn(5) {
            let lengths: [UInt64] = [0, 1, 100, 65_536, 65_537, 140_000]
            for _ in 0...chance.below(2) { memory.append(newMemory(length: lengths[chance.below(6)], fill: UInt8(1 + chance.below(200)))) }
        }
        lastToken += 1
        let name: PortID
        var viaOnce = false
        switch to {
        case .moveSendOnce(let once):
            viaOnce = true
            guard let port = node.kernel.sendOnces[once]?.port else {
                node.ask(task, .drop(.sendOnce(once)))
                return
            }
            name = port
        case .copySend(let port), .makeSend(let port): name = port
        default: return
        }
        let record = Record(
            sender: Sender(node: node.id, task: task), destination: `true`(name), name: name, viaOnce: viaOnce, reply: gift(reply, node),
            rights: rights.map { gift($0, node) }, memory: memory, sentAt: step,
            isGranted: isGranted([to, reply] + rights, node))
        let response = node.ask(
            task,
            .send(
                Outgoing(
                    to: to, reply: reply, code: 1, rights: rights, payload: Payload(place: lastToken, length: 8), memory: memory)))
        guard response == .sent else {
            switch response {
            case .refused(.full), .refused(.invalidDestination): return
            default: return fail("a send is refused: \(response) \(to) \(reply) \(rights)")
            }
        }
        tally.messages += 1
        if name != record.destination { tally.remote += 1 }
        if viaOnce { tally.answers += 1 }
        if !memory.isEmpty { tally.memory += 1 }
        records[lastToken] = record
        for case .makeSendOnce(let port) in rights + [reply] { oncesMade[port, default: 0] += 1 }
    }

    private func gift(_ transfer: Transfer, _ node: NodeModel) -> Gift {
        switch transfer {
        case .null: return .null
        case .dead, .moveReceive: return .dead
        case .makeSend(let port), .copySend(let port), .moveSend(let port): return node.isAlive(port) ? .send(`true`(port)) : .dead
        case .makeSendOnce(let port): return .once(port)
        case .moveSendOnce(let once): return (node.kernel.sendOnces[once]?.port).map { .once(`true`($0)) } ?? .dead
        }
    }

    @discardableResult
    private func receive(at port: PortID, of task: TaskID, _ node: NodeModel) -> Bool {
        guard case .message(let message) = node.ask(task, .receive(port)) else { return false }
        if let notification = message.notification {
            oncesEnded[port, default: 0] += 1
            switch notification {
            case .noSenders(let count): checkNoSenders(of: port, count, node)
            case .deadName(let dead, _):
                tally.deadNames += 1
                if isAlive(`true`(dead)), !isDisturbed(since: 0) {
                    fail("\(`true`(dead)) lives, and \(task) of \(node.id) is told of its death")
                }
            case .portDeleted, .sendPossible, .portDestroyed, .sendOnce: break
            }
        } else if message.code >= NodeModel.Code.register {
            oncesEnded[port, default: 0] += 1
        } else {
            check(message, node)
        }
        return true
    }

    // MARK: the book

    private func check(_ message: Delivered, _ node: NodeModel) {
        let token = message.payload.place
        guard let record = records[token] else { return fail("a message that nobody sent") }
        if record.isDelivered { return fail("message \(token) arrives twice") }
        records[token]?.isDelivered = true
        if record.viaOnce { oncesEnded[message.port, default: 0] += 1 }
        if record.destination != message.port { return fail("message \(token) for \(record.destination) arrives at \(message.port)") }
        let sender: TaskID?
        switch record.hops {
        case 0: sender = record.sender.task
        case 1: sender = TaskID(node: record.sender.node.number, task: record.sender.task)
        default: sender = node.chief
        }
        if message.sender != sender { fail("message \(token) of \(record.sender) comes from \(message.sender)") }
        if message.sender.node != 0, case .refused = node.ask(node.first, .identity(message.sender)) {
            fail("nobody knows who \(message.sender) is")
        }
        if !record.viaOnce {
            let stream = Stream(sender: record.sender, name: record.destination)
            if let last = lastOf[stream], last > token { fail("message \(token) arrives after \(last)") }
            lastOf[stream] = token
        }
        guard message.rights.count == record.rights.count else { return fail("message \(token) has \(message.rights.count) rights") }
        compare(message.reply, record.reply, record, node)
        for (arrived, gift) in zip(message.rights, record.rights) { compare(arrived, gift, record, node) }
        guard message.memory.count == record.memory.count else {
            return fail("message \(token) has \(message.memory.count) memory objects")
        }
        for (arrived, sent) in zip(message.memory, record.memory) {
            if arrived.length != sent.length || (sent.length > 0 && fill(of: arrived) != fill(of: sent)) { fail("other memory arrives") }
        }
    }

    private func compare(_ arrived: Arrived, _ gift: Gift, _ record: Record, _ node: NodeModel) {
        switch (gift, arrived) {
        case (.null, .null), (.dead, .dead): return
        case (.send(let port), .send(let here, _)):
            if `true`(here) != port { fail("a right to \(port) arrives as one to \(`true`(here))") }
            if port.node == node.id, here != port { fail("\(port) comes home as \(here)") }
        case (.once(let port), .sendOnce(_, let here)):
            if `true`(here) != port { fail("a send-once right to \(port) arrives as one to \(`true`(here))") }
        case (.send(let port), .dead), (.once(let port), .dead):
            // Over the bound of rights.
            if plan.bounds.ports < NetworkLimits.portsMax { return }
            if isAlive(port), !isDisturbed(since: record) {
                fail("a right to \(port), which lives, arrives dead at \(node.id)")
            }
        default: fail("\(gift) arrives as \(arrived)")
        }
    }

    /// It does not cross, and goes as if its port had died.
    private func isTooLarge(_ record: Record) -> Bool {
        record.memory.reduce(0) { $0 + $1.length } > plan.bounds.memoryBytes
    }

    private func checkNoSenders(of port: PortID, _ count: UInt32, _ node: NodeModel) {
        tally.noSenders += 1
        // Only if none has been made since does it say anything of now.
        guard node.kernel.ports[port]?.makeSendCount == count else { return }
        // One end of a channel may know of its end before the other.
        guard channels.values.allSatisfy({ $0.isSound || $0.up.isEmpty }) else { return }
        for other in nodes.values {
            for task in other.clients + [other.first] {
                for name in other.sends(of: task) where `true`(name) == port && leads(name, of: other) {
                    fail("\(port) has no senders, and \(task) of \(other.id) has a right to it")
                }
            }
        }
        for (token, record) in records where !record.isDelivered && !record.isAbandoned {
            guard isAlive(record.destination), !isDisturbed(since: record) else { continue }
            if isTooLarge(record) || plan.bounds.ports < NetworkLimits.portsMax { continue }
            if record.destination == port && !record.viaOnce || (record.rights + [record.reply]).contains(.send(port)) {
                fail("\(port) has no senders, and message \(token) is under way")
            }
        }
    }

    // MARK: the end

    private func finish() {
        isEnding = true
        for _ in 0..<4 {
            for pair in pairs {
                for end in pair.ends { noticeDown(end, pair) }
                connect(pair)
                for end in pair.ends { noticeUp(end, pair) }
            }
        }
        guard settle(dropping: false) else { return }
        for (token, record) in records.sorted(by: { $0.key < $1.key }) where !record.isDelivered && !record.isAbandoned {
            if isTooLarge(record) { continue }
            let isNamed =
                plan.nodes == 2 || record.viaOnce && !isDisturbed(since: 0)
                || !record.viaOnce && nodes[record.sender.node.number]?.isAlive(record.name) == true
            if isNamed, isAlive(record.destination), !isDisturbed(since: record) {
                return fail(
                    "message \(token) of \(record.sender) to \(record.destination) is lost: \(nodes[record.sender.node.number].map { way(record.name, of: $0) } ?? ""), \(record)"
                )
            }
        }
        for node in nodes.values {
            for task in node.clients {
                for name in node.sends(of: task) where node.isAlive(name) && !isAlive(`true`(name)) {
                    return fail("\(`true`(name)) has died, and \(task) of \(node.id) does not see it: \(way(name, of: node))")
                }
            }
        }
        for node in nodes.values {
            for (name, learnt) in node.learnt where node.isAlive(learnt.port) {
                tally.learnt += 1
                guard let (uid, peer) = node.core.proxy(learnt.proxy) else { continue }
                if nodes[peer]?.names[name] != uid.port {
                    return fail(
                        "\(node.id) has learnt that \(name) is \(uid), and it is \(nodes[peer]?.names[name].map { "\($0)" } ?? "nobody")")
                }
            }
        }
        guard settle(dropping: true) else { return }
        for node in nodes.values.sorted(by: { $0.id < $1.id }) {
            for task in node.clients { for port in node.receives(of: task) { checkEnd(of: port, node) } }
            for remain in node.remains { fail(remain) }
        }
    }

    private func checkEnd(of port: PortID, _ node: NodeModel) {
        guard let record = node.kernel.ports[port] else { return }
        if record.sendRights != 0 {
            fail("\(port) has \(record.sendRights) senders in the end: \(record.senders.sorted())\(nodes.values.flatMap(\.remains))")
        }
        if record.noSenders != nil { fail("nobody was told that \(port) has no senders") }
        if !record.sendOnces.isEmpty { fail("\(port) has send-once rights in the end") }
        let (made, ended) = (oncesMade[port, default: 0], oncesEnded[port, default: 0])
        if made != ended { fail("\(made) send-once rights to \(port) were made and \(ended) have ended") }
    }

    /// Until nothing moves any more.
    private func settle(dropping: Bool) -> Bool {
        for round in 0..<20_000 {
            step += 1
            var moves = false
            for pair in pairs { for end in pair.ends { while passFrame(from: end, over: pair) { moves = true } } }
            for number in nodes.keys.sorted() {
                guard let node = nodes[number] else { continue }
                for port in node.readyPorts where !moves || chance.oneIn(2) {
                    // What it takes may pause another one, or destroy it.
                    guard node.readyPorts.contains(port) else { continue }
                    node.takeMessage(at: port)
                    moves = true
                }
                if node.retryAll() { moves = true }
                for peer in 1...plan.nodes where peer != number { while node.pump(peer) { moves = true } }
                while node.serveNames() { moves = true }
                for task in node.clients {
                    for port in node.receives(of: task) { while receive(at: port, of: task, node) { moves = true } }
                    guard dropping else { continue }
                    for port in node.sends(of: task) where port != node.nameport {
                        node.ask(task, .drop(.send(port)))
                        moves = true
                    }
                    for once in node.onces(of: task) {
                        node.ask(task, .drop(.sendOnce(once)))
                        moves = true
                    }
                }
                if dropping, !node.names.isEmpty || !node.learnt.isEmpty {
                    node.unregisterAll()
                    moves = true
                }
            }
            if failure != nil { return false }
            if !moves {
                // Whoever still waits for a name waits no longer.
                let waits = nodes.values.contains { !$0.askers.isEmpty || !$0.core.barriers.isEmpty }
                for number in nodes.keys.sorted() { nodes[number]?.handle(.time(UInt64(step) + 10_000)) }
                if !waits || round > 19_000 { return failure == nil }
            }
        }
        fail("it never ends")
        return false
    }

    // MARK: defects

    func mutated(_ event: NetworkEvent, of node: NodeModel) -> [NetworkAction] {
        guard let defect = plan.defect else { return node.core.handle(event) }
        return defect.handle(event, of: &node.core)
    }
}
