import Masix
import MasixKernel
import MasixNameServer
import MasixNetwork
import MasixSimulator
import MasixWire

/// Nodes that look up each other's names over a network with a latency and a price for each message, from one seed.
public final class ResolutionWorld {
    let plan: ResolutionPlan
    private var chance: Chance
    private var queue = EventQueue<Happening>()
    private(set) var now: UInt64 = 0
    private var nodes: [ResolutionNode] = []
    private var tally = ResolutionTally()
    private var proxyCount = 0
    private var names: [Name] = []
    private var clients: [Int: TaskID] = [:]
    private var asked: [Question: Asked] = [:]
    /// When frames of each channel last arrive: they keep their order.
    private var lastArrival: [UInt64: UInt64] = [:]

    /// When each port stopped to be its name's.
    private var ended: [PortID: UInt64] = [:]

    enum Happening {
        case names(UInt32, NameTable.Event)
        case network(UInt32, NetworkEvent)
        case frame(to: UInt32, from: UInt32, NetworkFrame)
        /// The network server has the time for it.
        case handle(to: UInt32, from: UInt32, NetworkFrame)
        case answered(UInt32, UInt64, PortID?)
        case lookUp(user: UInt32, name: Int)
        case death(name: Int)
        case timer(UInt32)
    }

    private struct Name {
        let text: String
        /// On which nodes it is, and by which ports.
        var homes: [UInt32: PortID]
    }

    private struct Question: Hashable {
        let node: UInt32
        let asker: UInt64
    }

    private struct Asked {
        let name: String
        let start: UInt64
        let frames: Int
        /// Nil for what a server asks about who called it.
        let index: Int?
    }

    /// Runs it to its end.
    public static func run(_ plan: ResolutionPlan) -> ResolutionTally {
        let world = ResolutionWorld(plan)
        world.begin()
        while let (time, event) = world.queue.pop() {
            world.now = max(world.now, time)
            world.happen(event)
        }
        return world.tally
    }

    private init(_ plan: ResolutionPlan) {
        self.plan = plan
        chance = Chance(seed: plan.seed)
    }

    var milliseconds: UInt64 { now / 1_000 }
    private func node(_ number: UInt32) -> ResolutionNode { nodes[Int(number) - 1] }

    // MARK: the beginning

    private func begin() {
        let numbers = 1...UInt32(plan.nodes)
        for number in numbers {
            nodes.append(
                ResolutionNode(NodeID(number: number, incarnation: 1), in: self, expecting: Set(numbers).subtracting([number])))
        }
        for node in nodes { for other in nodes where other !== node { _ = node.core.handle(.up(other.id)) } }
        let users = plan.sharing.users(among: plan.nodes)
        let count = max(1, plan.lookUps / (users * (1 + plan.again)))
        for index in 0..<count {
            var homes = [UInt32(1 + chance.below(plan.nodes))]
            if plan.hasDuplicates { homes.append(UInt32(1 + chance.below(plan.nodes))) }
            names.append(Name(text: "name-\(index)", homes: [:]))
            for home in Set(homes).sorted() { register(index, on: home) }
            var others = numbers.filter { !homes.contains($0) }
            for _ in 0..<min(users, others.count) {
                let user = others.remove(at: chance.below(others.count))
                for _ in 0...plan.again { queue.push(.lookUp(user: user, name: index), at: UInt64(chance.below(Int(plan.duration)))) }
            }
            var deaths = Int(plan.deaths)
            if Double(chance.below(1_000)) < (plan.deaths - Double(deaths)) * 1_000 { deaths += 1 }
            for _ in 0..<deaths { queue.push(.death(name: index), at: UInt64(chance.below(Int(plan.duration)))) }
        }
    }

    private func register(_ index: Int, on home: UInt32) {
        let node = node(home)
        let port = node.newPort()
        node.open(port, of: TaskID(raw: UInt64(index) + 1))
        names[index].homes[home] = port
        let owner = NameOwner(uid: 0, task: TaskID(raw: UInt64(index) + 1), pid: 1, program: "server")
        node.names(.register(NameRecord(name: names[index].text, port: port, owner: owner), replace: true, by: node.newAsker))
    }

    /// The task of a node that calls, with a name of its own from its first call on.
    private func client(of number: UInt32) -> TaskID {
        if let known = clients[Int(number)] { return known }
        let task = TaskID(raw: 1_000_000)
        clients[Int(number)] = task
        let node = node(number)
        let port = node.newPort()
        node.open(port, of: task)
        let owner = NameOwner(uid: 0, task: task, pid: 1, program: "client")
        node.names(.register(NameRecord(name: "client-\(number)", port: port, owner: owner), replace: false, by: node.newAsker))
        return task
    }

    func names(of task: TaskID, on number: UInt32) -> [String] { clients[Int(number)] == task ? ["client-\(number)"] : [] }

    // MARK: time

    func later(_ event: Happening, hops: UInt64 = 1) { queue.push(event, at: now + hops * plan.hop) }
    func at(_ time: UInt64, _ event: Happening) { queue.push(event, at: max(now, time)) }
    func proxies(by change: Int) {
        proxyCount += change
        tally.proxies = max(tally.proxies, proxyCount)
    }
    func fault(_ words: String) { if tally.faults.count < 10 { tally.faults.append(words) } }

    private func happen(_ event: Happening) {
        switch event {
        case .names(let number, let event): node(number).names(event)
        case .network(let number, let event): node(number).network(event)
        case .frame(let number, let sender, let frame):
            let node = node(number)
            node.busyUntil = max(node.busyUntil, now) + plan.cost
            count(processor: plan.cost, of: frame)
            queue.push(.handle(to: number, from: sender, frame), at: node.busyUntil)
        case .handle(let number, let sender, let frame): node(number).network(.frame(peer: sender, frame))
        case .answered(let number, let asker, let port): answered(Question(node: number, asker: asker), port)
        case .lookUp(let user, let index):
            _ = client(of: user)
            look(names[index].text, on: user, index)
        case .death(let index): die(index)
        case .timer(let number): node(number).time()
        }
    }

    // MARK: what is asked

    private func look(_ name: String, on number: UInt32, _ index: Int?) {
        let asker = node(number).newAsker
        asked[Question(node: number, asker: asker)] = Asked(name: name, start: now, frames: tally.frames, index: index)
        later(.names(number, .lookUp(name, uid: 0, until: nil, by: asker)))
    }

    private func answered(_ question: Question, _ port: PortID?) {
        guard let asked = asked.removeValue(forKey: question) else { return }
        tally.lookUps += 1
        let node = node(question.node)
        guard let port else {
            tally.notFound += 1
            return
        }
        let took = now - asked.start
        tally.latencies.append(took)
        if took <= 2 * plan.hop { tally.local += 1 }
        let identity = node.identity(of: port)
        if let ended = ended[identity], ended < asked.start {
            tally.stale += 1
            tally.stalest = max(tally.stalest, asked.start - ended)
        }
        if let index = asked.index {
            judge(identity, names[index], asked.start)
            if plan.callBacks > 0, let task = clients[Int(question.node)] { node.send(to: port, from: Self.speaker(task)) }
        }
        node.release(port)
    }

    /// If the name has been on these nodes all the time, the lowest of them.
    private func judge(_ port: PortID, _ name: Name, _ start: UInt64) {
        guard plan.hasDuplicates, plan.deaths == 0, let lowest = name.homes.keys.min() else { return }
        if name.homes[lowest] != port { tally.wrong += 1 }
    }

    private static func speaker(_ task: TaskID) -> Speaker {
        Speaker(task, TaskIdentity(uid: 0, gid: 0, pid: 1, executable: "", name: "client", launched: false))
    }

    func received(_ speaker: Speaker?, at number: UInt32) {
        guard let task = speaker?.task, chance.below(100) < plan.callBacks else { return }
        look("client-\(task.node)", on: number, nil)
    }

    // MARK: what ends

    private func die(_ index: Int) {
        guard let (home, port) = names[index].homes.min(by: { $0.key < $1.key }) else { return }
        tally.deaths += 1
        ended[port] = now
        // Half of them die, and of the others only the name moves on, while the port lives.
        if chance.oneIn(2) { node(home).close(port) }
        register(index, on: home)
    }

    // MARK: the network

    func transmit(_ frame: NetworkFrame, from sender: ResolutionNode, to peer: UInt32, isFirst: Bool) {
        sender.busyUntil = max(sender.busyUntil, now) + plan.cost
        count(processor: plan.cost, of: frame)
        if let kind = Self.kind(of: frame) {
            tally.frames += 1
            tally.kinds[kind, default: 0] += 1
            tally.bytes += frame.wireBytes.count + ResolutionPlan.overhead
            if isFirst { tally.broadcasts += 1 }
        }
        let channel = UInt64(sender.id.number) << 32 | UInt64(peer)
        let arrival = sender.busyUntil + plan.latency + UInt64(chance.below(Int(plan.jitter) + 1))
        let inOrder = max(arrival, lastArrival[channel] ?? 0)
        lastArrival[channel] = inOrder
        queue.push(.frame(to: peer, from: sender.id.number, frame), at: inOrder)
    }

    private func count(processor: UInt64, of frame: NetworkFrame) { if Self.kind(of: frame) != nil { tally.processor += processor } }

    /// What the frame does for names; nil for what the messages themselves cost.
    private static func kind(of frame: NetworkFrame) -> String? {
        switch frame {
        case .lookUp: "lookUp"
        case .found: "found"
        case .unknown: "unknown"
        case .notYet: "notYet"
        case .announced: "announced"
        case .withdrawn: "withdrawn"
        case .clean: "clean"
        case .portDied: "portDied"
        default: nil
        }
    }
}
