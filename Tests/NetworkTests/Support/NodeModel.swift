import MasixSimulator
import MasixWire

@testable import MasixKernel
@testable import MasixNetwork

/// A whole node without a process: a kernel, a network core, and between them what the shell of a network server does, with the
/// kernel's own requests in the place of the library's calls.
///
/// The chief task has a control port, a port for every proxy, and ports for one message each. It holds one send right for every port
/// of which other nodes hold rights, and the send-once rights that they were given.
final class NodeModel {
    unowned let world: NetworkWorld
    let id: NodeID
    var kernel: Kernel
    var core: NetworkCore
    /// The node's first task: its name server.
    let first: TaskID
    let chief: TaskID
    /// Where the name server is asked.
    var nameport: PortID
    var control: PortID
    var clients: [TaskID] = []

    private var nextCounter: [TaskID: UInt64] = [:]

    // What the chief keeps.
    var references: [PortID: Int] = [:]
    var exported: [PortID: ExportModel] = [:]
    /// Given up while messages waited for room: they still go, in their order.
    var leftovers: [ExportModel] = []
    var proxyPort: [ProxyID: PortID] = [:]
    var proxyAt: [PortID: ProxyID] = [:]
    var made: [ProxyID: UInt32] = [:]
    var paused: Set<ProxyID> = []
    var onces: [UInt64: SendOnceID] = [:]
    var lastOnce: UInt64 = 0
    var single: [PortID: SingleUse] = [:]
    var singleFor: [OnceKey: PortID] = [:]
    var spares: [PortID] = []
    var outgoing: [UInt64: (token: UInt64, memory: [MemoryToken])] = [:]
    var lastTransfer: UInt64 = 0
    var incoming: [TransferKey: [IncomingModel]] = [:]
    var askers: [UInt64: (number: UInt64, reply: SendOnceID)] = [:]
    var lastAsker: UInt64 = 0
    var congested: Set<UInt32> = []
    private var stash: [PortID] = []
    private var events: [NetworkEvent] = []

    // What the name server keeps.
    var names: [Int: PortID] = [:]
    /// Names that other nodes have announced.
    var learnt: [Int: (port: PortID, proxy: ProxyID)] = [:]
    var questions: [UInt64: SendOnceID] = [:]
    private var lastQuestion: UInt64 = 0

    enum SingleUse {
        case once(OnceKey)
        case question(peer: UInt32, request: UInt64)
    }

    struct IncomingModel {
        let length: UInt64
        var count: UInt64 = 0
        var fill: UInt8?
    }

    /// A right to a port of this node, and the messages for it that wait for room in their order.
    final class ExportModel {
        let port: PortID
        let limit: UInt32
        var waiting: [Prepared] = []

        init(_ port: PortID, limit: UInt32) {
            self.port = port
            self.limit = limit
        }
    }

    struct Prepared {
        let number: UInt64
        let outgoing: Outgoing
        /// Send rights of the chief that are kept until it has gone.
        let kept: [PortID]
    }

    /// What the messages about names are known by; the tasks' own messages have codes below.
    enum Code {
        static let register: UInt32 = 1_000
        static let lookUp: UInt32 = 1_001
        static let lookUpHere: UInt32 = 1_002
        static let answer: UInt32 = 1_003
        static let find: UInt32 = 1_004
        static let found: UInt32 = 1_005
        static let learn: UInt32 = 1_006
        static let unlearn: UInt32 = 1_007
    }

    init(_ id: NodeID, in world: NetworkWorld, expecting peers: Set<UInt32>) {
        self.world = world
        self.id = id
        var limits = Limits()
        limits.linksEnabled = false
        kernel = Kernel(node: id, limits: limits)
        core = NetworkCore(
            node: id, expecting: peers, chance: Chance(seed: world.plan.seed &* 77 &+ UInt64(id.number) &* 1_000 &+ UInt64(id.incarnation)))
        core.bounds = world.plan.bounds
        core.announcements = world.plan.announcements
        _ = kernel.handle(.attach(Self.identity(1), first: true))
        first = TaskID(raw: 1)
        let nameport = PortID(node: id, counter: 1)
        self.nameport = nameport
        control = nameport
        chief = TaskID(raw: 2)
        let own = newPort(of: first, limit: 1_024)
        precondition(own == nameport)
        ask(first, .setBootstrap(nameport))
        _ = kernel.handle(.attach(Self.identity(2), first: false))
        control = newPort(of: chief, limit: 1_024)
        ask(first, .setChief(chief))
        // As the control message does that tells the name server of other nodes.
        ask(chief, .send(Outgoing(to: .copySend(nameport), code: 0, rights: [.makeSend(control)])))
        ask(first, .receive(nameport))
    }

    static func identity(_ number: UInt64) -> TaskIdentity {
        TaskIdentity(uid: 1, gid: 1, pid: 0, executable: "", name: "task \(number)", launched: false)
    }

    // MARK: the kernel

    /// Every event of the kernel; the world keeps what kinds of them there were.
    private func apply(_ event: Event) -> [Action] {
        if world.keepsSituations { world.situations.insert(kernel.situation(of: event).description) }
        return kernel.handle(event)
    }

    @discardableResult
    func ask(_ task: TaskID, _ request: Request) -> Response {
        let actions = apply(.request(task, number: kernel.lastRequest(of: task) + 1, request))
        for case .reply(task, _, let response) in actions { return response }
        return .empty
    }

    func attachClient() {
        let actions = apply(.attach(Self.identity(3), first: false))
        for case .attached(let task, _, _) in actions { clients.append(task) }
    }

    func end(_ task: TaskID) {
        clients.removeAll { $0 == task }
        _ = apply(.end(task))
    }

    func newPort(of task: TaskID, limit: UInt32) -> PortID {
        if nextCounter[task] == nil, case .portBlock(let first, _) = ask(task, .portBlock) { nextCounter[task] = first.counter }
        let port = PortID(node: id, counter: nextCounter[task] ?? 0)
        nextCounter[task] = port.counter + 1
        if case .refused(let refusal) = ask(task, .allocate(port, queueLimit: limit)) { world.fail("no port: \(refusal)") }
        return port
    }

    func isAlive(_ port: PortID) -> Bool { kernel.ports[port] != nil }
    func sends(of task: TaskID) -> [PortID] { kernel.tasks[task]?.sends.keys.sorted() ?? [] }
    func receives(of task: TaskID) -> [PortID] { kernel.tasks[task]?.receives.keys.sorted() ?? [] }
    func onces(of task: TaskID) -> [SendOnceID] { kernel.tasks[task]?.sendOnces.sorted() ?? [] }
    func queued(_ port: PortID) -> Int { kernel.ports[port]?.queue.count ?? 0 }

    // MARK: references of the chief

    private func retain(_ port: PortID) { references[port, default: 0] += 1 }

    private func release(_ port: PortID) {
        guard let count = references[port], count > 0 else { return world.fail("\(id) gives up a right to \(port) that it does not have") }
        references[port] = count == 1 ? nil : count - 1
        if count == 1 { ask(chief, .drop(.send(port))) }
    }

    // MARK: events and actions

    func handle(_ event: NetworkEvent) {
        events.append(event)
        runEvents()
    }

    /// To be handled after what is being done.
    func post(_ event: NetworkEvent) { events.append(event) }

    func runEvents() {
        while !events.isEmpty {
            let batch = events
            events = []
            for event in batch { perform(world.mutated(event, of: self)) }
        }
    }

    func perform(_ actions: [NetworkAction]) { for action in actions { perform(action) } }

    private func perform(_ action: NetworkAction) {
        switch action {
        case .send(let peer, let frame): world.send(frame, from: self, to: peer)
        case .refuse(let peer, let fault): world.refused(peer, fault, by: self)
        case .hold(let port): hold(port)
        case .release(let port):
            guard let export = exported.removeValue(forKey: port) else { return world.fail("\(port) is not held") }
            if export.waiting.isEmpty { release(port) } else { leftovers.append(export) }
        case .makeProxy(let proxy, let port, let limit):
            let local = newPort(of: chief, limit: limit)
            ask(chief, .keepRoom(local))
            proxyPort[proxy] = local
            proxyAt[local] = proxy
            made[proxy] = 0
            world.truth[local] = world.true(port.port)
        case .destroyProxy(let proxy):
            guard let local = proxyPort.removeValue(forKey: proxy) else { return world.fail("no \(proxy) to destroy") }
            proxyAt[local] = nil
            made[proxy] = nil
            paused.remove(proxy)
            ask(chief, .drop(.receive(local)))
        case .watch(let proxy):
            guard let local = proxyPort[proxy] else { return }
            register(.init(.noSenders, port: local, sync: made[proxy] ?? 0, notify: .makeSendOnce(local)))
        case .giveRoom(let proxy, let count):
            guard let local = proxyPort[proxy] else { return world.fail("room is given to \(proxy), which is not there") }
            if ask(chief, .giveRoom(local, count)) != .done { world.fail("\(count) rooms of \(proxy) are not kept") }
        case .setLimit(let proxy, let limit): if let local = proxyPort[proxy] { ask(chief, .setQueueLimit(local, limit)) }
        case .pause(let proxy): if proxyPort[proxy] != nil { paused.insert(proxy) }
        case .resume(let proxy): paused.remove(proxy)
        case .destroyOnce(let key):
            guard let port = singleFor.removeValue(forKey: key) else { return }
            single[port] = nil
            ask(chief, .drop(.receive(port)))
        case .drop(let once): if let right = onces.removeValue(forKey: once) { ask(chief, .drop(.sendOnce(right))) }
        case .deliver(let number, let delivery): deliver(number, delivery)
        case .collect(let key, let lengths):
            if incoming[key] != nil { world.fail("\(key) is collected twice") }
            incoming[key] = lengths.map { IncomingModel(length: $0) }
        case .append(let key, let memory, let bytes): append(bytes, to: memory, of: key)
        case .discard(let key): if incoming.removeValue(forKey: key) == nil { world.fail("\(key) is not collected") }
        case .forget(let transfer): if outgoing.removeValue(forKey: transfer) == nil { world.fail("transfer \(transfer) is not kept") }
        case .resolve(let peer, let request, let name, _):
            let port = singlePort(for: .question(peer: peer, request: request))
            ask(
                chief,
                .send(
                    Outgoing(
                        to: .copySend(nameport), reply: .makeSendOnce(port), code: Code.lookUpHere,
                        payload: Payload(place: UInt64(name) ?? 0, length: 8))))
        case .answer(let asker, let right, _): answer(asker, right)
        case .nameTask(let task):
            let own = names.filter { isAlive($0.value) && receives(of: task).contains($0.value) }.keys.sorted()
            handle(.named(task, own.map { String($0) }))
        case .learn(let name, let proxy):
            var kept: [PortID] = []
            let right = transfer(.proxy(proxy), isReply: false, &kept)
            ask(
                chief,
                .send(
                    Outgoing(
                        to: .copySend(nameport), code: Code.learn, rights: [right],
                        payload: Payload(place: (UInt64(name) ?? 0) | proxy.raw << 16, length: 8))))
            for port in kept { release(port) }
        case .unlearn(let name, _, .proxy(let proxy)):
            ask(
                chief,
                .send(
                    Outgoing(
                        to: .copySend(nameport), code: Code.unlearn,
                        payload: Payload(place: (UInt64(name) ?? 0) | proxy.raw << 16, length: 8))))
        case .unlearn: break
        case .reach: break
        }
    }

    @discardableResult
    private func register(_ request: NotificationRequest) -> Bool {
        switch ask(chief, .notify(request)) {
        case .arrived(.sendOnce(let previous, _)):
            // The request that it replaces tells its port so.
            ask(chief, .drop(.sendOnce(previous)))
            return true
        case .refused: return false
        default: return true
        }
    }

    private func hold(_ port: PortID) {
        guard stash.contains(port) else { return world.fail("a right to \(port) is to be held, and there is none") }
        retain(port)
        exported[port] = ExportModel(port, limit: limit(of: port) ?? 64)
        if !register(.init(.deadName, port: port, notify: .makeSendOnce(control))) { events.append(.died(port)) }
    }

    private func limit(of port: PortID) -> UInt32? {
        guard case .status(let status) = ask(chief, .status(port)) else { return nil }
        return status.queueLimit
    }

    private func append(_ bytes: ArraySlice<UInt8>, to memory: Int, of key: TransferKey) {
        guard var parts = incoming[key], memory < parts.count else { return world.fail("a chunk for \(key), which is not collected") }
        if let fill = parts[memory].fill, fill != bytes.first { world.fail("chunks of two memory objects in one") }
        if bytes.first != bytes.last { world.fail("a chunk of two memory objects") }
        parts[memory].fill = bytes.first
        parts[memory].count += UInt64(bytes.count)
        incoming[key] = parts
    }

    // MARK: in

    private func deliver(_ number: UInt64, _ delivery: Delivery) {
        var token = UInt64(0)
        for (place, byte) in delivery.bytes.prefix(8).enumerated() { token |= UInt64(byte) << (8 * UInt64(place)) }
        world.hop(token)
        var memory: [MemoryToken] = []
        if let key = delivery.transfer {
            guard let parts = incoming.removeValue(forKey: key), parts.count == delivery.memoryCount else {
                return world.fail("the memory of \(key) is not there")
            }
            for part in parts {
                if part.count != part.length { world.fail("\(part.count) of \(part.length) bytes are delivered") }
                memory.append(world.newMemory(length: part.length, fill: part.fill ?? 0))
            }
        }
        var kept: [PortID] = []
        var rights: [Transfer] = []
        for right in delivery.rights { rights.append(transfer(right, isReply: false, &kept)) }
        let reply = transfer(delivery.reply, isReply: true, &kept)
        let payload = Payload(place: token, length: 8)
        switch delivery.destination {
        case .held(let port):
            guard let export = exported[port] else { return world.fail("a delivery to \(port), which is not held") }
            export.waiting.append(
                Prepared(
                    number: number,
                    outgoing: Outgoing(
                        to: .copySend(port), reply: reply, code: delivery.code, rights: rights, payload: payload, memory: memory,
                        speaker: delivery.speaker), kept: kept))
            if export.waiting.count == 1 { retry(export) }
        case .once(let once):
            guard let right = onces.removeValue(forKey: once) else { return world.fail("send-once right \(once) is not kept") }
            let response = ask(
                chief,
                .send(
                    Outgoing(
                        to: .moveSendOnce(right), reply: reply, code: delivery.code, rights: rights, payload: payload, memory: memory,
                        speaker: delivery.speaker)))
            if response == .refused(.invalidDestination) {
                ask(chief, .drop(.sendOnce(right)))
                abandon(rights + [reply])
            } else if response != .sent {
                world.fail("an answer is refused: \(response)")
            }
            for port in kept { release(port) }
        }
    }

    /// The message has vanished with its port: what was made for it goes.
    private func abandon(_ transfers: [Transfer]) {
        for transfer in transfers {
            switch transfer {
            case .moveSendOnce(let once): ask(chief, .drop(.sendOnce(once)))
            case .makeSendOnce(let port):
                if case .arrived(.sendOnce(let once, _)) = ask(chief, .make(.makeSendOnce(port))) { ask(chief, .drop(.sendOnce(once))) }
            default: break
            }
        }
    }

    private func transfer(_ right: RightForTask, isReply: Bool, _ kept: inout [PortID]) -> Transfer {
        switch right {
        case .null: return .null
        case .dead: return .dead
        case .held(let port):
            guard exported[port] != nil else {
                world.fail("a copy of the right to \(port), which is not held")
                return .dead
            }
            retain(port)
            kept.append(port)
            return .copySend(port)
        case .proxy(let proxy):
            guard let local = proxyPort[proxy] else {
                world.fail("a right to \(proxy), which is not there")
                return .dead
            }
            made[proxy]? += 1
            guard case .arrived(.send) = ask(chief, .make(.makeSend(local))) else { return .dead }
            retain(local)
            kept.append(local)
            return .copySend(local)
        case .once(let key):
            let port = singlePort(for: .once(key))
            guard case .arrived(.sendOnce(let once, _)) = ask(chief, .make(.makeSendOnce(port))) else { return .dead }
            return .moveSendOnce(once)
        case .kept(let number):
            guard let once = onces.removeValue(forKey: number) else {
                world.fail("send-once right \(number), which comes home, is not kept")
                return .dead
            }
            return .moveSendOnce(once)
        }
    }

    /// Sends what waits while there is room; true if something went.
    @discardableResult
    func retry(_ export: ExportModel) -> Bool {
        var hasSent = false
        while let next = export.waiting.first {
            let response = ask(chief, .send(next.outgoing))
            if response == .refused(.full) { break }
            if response == .refused(.invalidDestination) {
                abandon(next.outgoing.rights + [next.outgoing.reply])
            } else if response != .sent {
                world.fail("a delivery is refused: \(response)")
            }
            export.waiting.removeFirst()
            for port in next.kept { release(port) }
            events.append(response == .sent ? .delivered(next.number) : .undelivered(next.number))
            hasSent = true
        }
        return hasSent
    }

    /// What the kernel says has been received of what the chief has sent.
    @discardableResult
    private func takeReceipts() -> Bool {
        guard case .receipts(let receipts) = ask(chief, .receipts), !receipts.isEmpty else { return false }
        for receipt in receipts { events.append(.received(receipt.place.port, count: UInt32(receipt.count))) }
        runEvents()
        return true
    }

    func retryAll() -> Bool {
        var hasSent = takeReceipts()
        for port in exported.keys.sorted() { if let export = exported[port], retry(export) { hasSent = true } }
        for export in leftovers where retry(export) {
            hasSent = true
            if export.waiting.isEmpty { release(export.port) }
        }
        leftovers.removeAll { $0.waiting.isEmpty }
        runEvents()
        return hasSent
    }

    private func singlePort(for use: SingleUse) -> PortID {
        let port = spares.popLast() ?? newPort(of: chief, limit: 1)
        single[port] = use
        if case .once(let key) = use {
            singleFor[key] = port
            world.truth[port] = core.peers[key.peer].flatMap { world.once(key.number, of: $0.id) }
        }
        return port
    }

    // MARK: out

    /// Ports of the chief at which a message lies that may be taken.
    var readyPorts: [PortID] {
        receives(of: chief).filter { port in queued(port) > 0 && proxyAt[port].map { !paused.contains($0) } ?? true }
    }

    func takeMessage(at port: PortID) {
        guard case .message(let message) = ask(chief, .receive(port)) else { return }
        takeReceipts()
        for right in [message.reply] + message.rights {
            if case .send(let port, _) = right {
                stash.append(port)
                retain(port)
            }
        }
        take(message)
        let dropped = stash
        stash = []
        for port in dropped { release(port) }
    }

    private func take(_ message: Delivered) {
        if let notification = message.notification { return take(notification, at: message.port) }
        if let proxy = proxyAt[message.port] {
            guard let peer = core.proxy(proxy)?.peer else { return world.fail("\(proxy) is unknown to the core") }
            let (local, transfer) = translate(message, for: peer)
            handle(.sent(to: proxy, local, transfer: transfer))
        } else if let use = single.removeValue(forKey: message.port) {
            spares.append(message.port)
            switch use {
            case .once(let key):
                singleFor[key] = nil
                let (local, transfer) = translate(message, for: key.peer)
                handle(.answered(key, local, transfer: transfer))
            case .question(let peer, let request):
                handle(.resolved(peer: peer, request: request, message.rights.first.map { local($0, for: peer) } ?? .null))
            }
        } else if message.port == control, message.code == Code.find, case .sendOnce(let reply, _)? = message.rights.first {
            lastAsker += 1
            askers[lastAsker] = (message.payload.place >> 16, reply)
            let name = message.payload.place & 0xFFFF
            // On many nodes questions to all would leave no time for anything else: NAME@NODE then.
            let nodes: Set<UInt32>? = world.plan.nodes > 8 ? Set([UInt32(name / 8)]).subtracting([id.number]) : nil
            handle(
                .find(asker: lastAsker, name: String(name), waitMilliseconds: 0, until: UInt64(world.step) + 400, among: nodes))
        } else {
            world.fail("a message for nobody at \(message.port)")
        }
    }

    private func take(_ notification: Notification, at port: PortID) {
        switch notification {
        case .noSenders(let count):
            guard let proxy = proxyAt[port] else { return }
            guard count == made[proxy] else { return perform([.watch(proxy)]) }
            handle(.noSenders(proxy))
        case .sendOnce:
            guard let use = single.removeValue(forKey: port) else { return }
            spares.append(port)
            switch use {
            case .once(let key):
                singleFor[key] = nil
                handle(.unused(key))
            case .question(let peer, let request): handle(.resolved(peer: peer, request: request, .null))
            }
        case .deadName(let dead, _): handle(.died(dead))
        case .portDeleted, .sendPossible, .portDestroyed: break
        }
    }

    private func translate(_ message: Delivered, for peer: UInt32) -> (LocalMessage, transfer: UInt64) {
        var speaker: Speaker?
        // What the chief has brought itself is a task's of a third node.
        if message.sender.node == 0, message.sender != chief, case .identity(let identity) = ask(chief, .identity(message.sender)) {
            speaker = Speaker(message.sender, identity)
        }
        var bytes: [UInt8] = []
        for place in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: message.payload.place >> (8 * UInt64(place)))) }
        var result = LocalMessage(from: speaker, code: message.code, bytes: bytes)
        result.reply = local(message.reply, for: peer)
        result.rights = message.rights.map { local($0, for: peer) }
        guard !message.memory.isEmpty else { return (result, 0) }
        result.memory = message.memory.map(\.length)
        lastTransfer += 1
        outgoing[lastTransfer] = (message.payload.place, message.memory)
        return (result, lastTransfer)
    }

    private func local(_ right: Arrived, for peer: UInt32) -> LocalRight {
        switch right {
        case .null: return .null
        case .dead, .receive: return .dead
        case .sendOnce(let once, let port):
            if case .once(let key)? = single[port], key.peer == peer {
                // It stands for one of that node, and goes home.
                single[port] = nil
                singleFor[key] = nil
                ask(chief, .drop(.receive(port)))
                ask(chief, .drop(.sendOnce(once)))
                return .onceHome(key)
            }
            lastOnce += 1
            onces[lastOnce] = once
            world.remember(once: lastOnce, of: id, to: port)
            return .once(lastOnce)
        case .send(let port, _):
            if let proxy = proxyAt[port] { return .proxy(proxy) }
            if let known = exported[port] { return .send(port, limit: known.limit) }
            guard let limit = limit(of: port) else { return .dead }
            return .send(port, limit: limit)
        }
    }

    /// One piece of memory to this peer; false if there is none.
    func pump(_ peer: UInt32) -> Bool {
        guard !congested.contains(peer) else { return false }
        let (order, actions) = core.nextChunk(for: peer)
        perform(actions)
        defer { runEvents() }
        guard let order else { return !actions.isEmpty }
        guard let (token, memory) = outgoing[order.transfer], order.memory < memory.count else {
            world.fail("transfer \(order.transfer) is not kept")
            return false
        }
        if world.isUnreadable() {
            world.abandon(token)
            handle(.unreadable(peer: peer, transfer: order.transfer))
            return true
        }
        let bytes = ArraySlice(repeating: world.fill(of: memory[order.memory]), count: order.count)
        world.send(.chunk(transfer: order.transfer, memory: UInt16(order.memory), bytes), from: self, to: peer)
        return true
    }

    // MARK: names

    private func answer(_ number: UInt64, _ right: RightForTask?) {
        guard let asker = askers.removeValue(forKey: number) else { return world.fail("nobody asks by \(number)") }
        var kept: [PortID] = []
        let rights = right.map { [transfer($0, isReply: false, &kept)] } ?? []
        ask(
            chief,
            .send(
                Outgoing(to: .moveSendOnce(asker.reply), code: Code.found, rights: rights, payload: Payload(place: asker.number, length: 8))
            ))
        for port in kept { release(port) }
    }

    /// The name server takes one message; false if there is none.
    func serveNames() -> Bool {
        guard case .message(let message) = ask(first, .receive(nameport)) else { return false }
        guard message.notification == nil else { return true }
        let place = message.payload.place
        switch message.code {
        case Code.register:
            guard case .send(let port, _)? = message.rights.first else { break }
            unregister(Int(place), because: port)
            names[Int(place)] = port
        case Code.lookUp, Code.lookUpHere:
            guard case .sendOnce(let reply, _) = message.reply else { break }
            if let port = names[Int(place)], isAlive(port) {
                answer(reply, [.copySend(port)])
            } else if message.code == Code.lookUp, let port = learnt[Int(place)]?.port, isAlive(port) {
                answer(reply, [.copySend(port)])
            } else if message.code == Code.lookUpHere {
                answer(reply, [])
            } else {
                lastQuestion += 1
                questions[lastQuestion] = reply
                ask(
                    first,
                    .send(
                        Outgoing(
                            to: .copySend(control), code: Code.find, rights: [.makeSendOnce(nameport)],
                            payload: Payload(place: place | lastQuestion << 16, length: 8))))
            }
        case Code.found:
            guard let reply = questions.removeValue(forKey: place) else { break }
            var rights: [Transfer] = []
            if case .send(let port, _)? = message.rights.first {
                rights = [isKept(port) ? .copySend(port) : .moveSend(port)]
            }
            answer(reply, rights)
        case Code.learn:
            guard case .send(let port, _)? = message.rights.first else { break }
            let old = learnt.updateValue((port, ProxyID(raw: place >> 16)), forKey: Int(place & 0xFFFF))
            if let old, !isKept(old.port) { ask(first, .drop(.send(old.port))) }
        case Code.unlearn:
            guard learnt[Int(place & 0xFFFF)]?.proxy == ProxyID(raw: place >> 16) else { break }
            forgetLearnt(Int(place & 0xFFFF))
        default: break
        }
        return true
    }

    private func answer(_ reply: SendOnceID, _ rights: [Transfer]) {
        guard ask(first, .send(Outgoing(to: .moveSendOnce(reply), code: Code.answer, rights: rights))) != .sent else { return }
        // Whoever asked is gone.
        ask(first, .drop(.sendOnce(reply)))
        for case .moveSend(let port) in rights { ask(first, .drop(.send(port))) }
    }

    private func isKept(_ port: PortID) -> Bool { names.values.contains(port) || learnt.values.contains { $0.port == port } }

    private func unregister(_ name: Int, because new: PortID?) {
        guard let old = names.removeValue(forKey: name), old != new else { return }
        if !isKept(old) { ask(first, .drop(.send(old))) }
        handle(.withdrawn(String(name)))
    }

    private func forgetLearnt(_ name: Int) {
        guard let old = learnt.removeValue(forKey: name), !isKept(old.port) else { return }
        ask(first, .drop(.send(old.port)))
    }

    func unregisterAll() {
        for name in names.keys.sorted() { unregister(name, because: nil) }
        for name in learnt.keys.sorted() { forgetLearnt(name) }
    }

    // MARK: what is left

    /// What the chief should not have any more when nobody has anything of another node.
    var remains: [String] {
        var found: [String] = []
        if !core.isEmpty { found.append("the core of \(id) is not empty: \(core.exports) \(core.proxies) \(core.peers)") }
        if !exported.isEmpty || !leftovers.isEmpty { found.append("\(id) holds \(exported.keys.sorted())") }
        if !references.isEmpty { found.append("\(id) has references \(references)") }
        if !proxyPort.isEmpty || !proxyAt.isEmpty { found.append("\(id) has proxies \(proxyPort)") }
        if !onces.isEmpty { found.append("\(id) keeps send-once rights \(onces)") }
        if !single.isEmpty || !singleFor.isEmpty { found.append("\(id) keeps ports for one message \(single)") }
        if !outgoing.isEmpty || !incoming.isEmpty { found.append("\(id) keeps memory") }
        if !askers.isEmpty || !questions.isEmpty { found.append("\(id) has askers \(askers) \(questions)") }
        let ports = Set(receives(of: chief)).subtracting(spares).subtracting([control])
        if !ports.isEmpty { found.append("the chief of \(id) has ports \(ports)") }
        let rights = sends(of: chief).filter { $0 != nameport }
        if !rights.isEmpty { found.append("the chief of \(id) has rights to \(rights)") }
        if !onces(of: chief).isEmpty { found.append("the chief of \(id) has send-once rights") }
        return found + kernel.violations()
    }
}
