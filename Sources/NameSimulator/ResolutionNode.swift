import Masix
import MasixKernel
import MasixNameServer
import MasixNetwork

/// A node as far as names go: the real books of its name server and the real core of its network server, and between them what both take
/// for granted: ports, who has rights to them, and messages that take their time.
final class ResolutionNode {
    let id: NodeID
    unowned let world: ResolutionWorld
    var table = NameTable()
    var core: NetworkCore
    /// Until then the network server has to do.
    var busyUntil: UInt64 = 0

    private var lastPort: UInt64 = 0
    /// Ports of this node that live, and the tasks that receive from them.
    private(set) var ports: [PortID: TaskID] = [:]
    private var held: Set<PortID> = []
    private var proxies: [ProxyID: PortID] = [:]
    private var proxyAt: [PortID: ProxyID] = [:]
    /// Rights of tasks of this node to proxies.
    private var references: [PortID: Int] = [:]
    private var watched: Set<ProxyID> = []
    private var remembered: [String: PortID] = [:]
    private var arrived: [UInt64: PortID] = [:]
    /// Questions of the network server to the name server.
    private var questions: [UInt64: (peer: UInt32, request: UInt64)] = [:]
    private var lastAsker: UInt64 = 0
    private var nextTimer: UInt64 = .max

    var proxyCount: Int { proxies.count }

    init(_ id: NodeID, in world: ResolutionWorld, expecting peers: Set<UInt32>) {
        self.id = id
        self.world = world
        core = NetworkCore(node: id, expecting: peers)
        core.announcements = world.plan.announcements
        _ = table.handle(.connected(true))
    }

    var newAsker: UInt64 {
        lastAsker += 1
        return lastAsker
    }

    func newPort() -> PortID {
        lastPort += 1
        return PortID(node: id, counter: lastPort)
    }

    // MARK: ports

    func open(_ port: PortID, of task: TaskID) { ports[port] = task }

    /// Its receiver has gone: whoever asked to be told is.
    func close(_ port: PortID) {
        ports[port] = nil
        world.later(.names(id.number, .died(port)))
        if held.contains(port) { world.later(.network(id.number, .died(port))) }
    }

    private func retain(_ port: PortID) { references[port, default: 0] += 1 }

    func release(_ port: PortID) {
        guard let count = references[port] else { return }
        references[port] = count == 1 ? nil : count - 1
        if count == 1, let proxy = proxyAt[port], watched.remove(proxy) != nil { world.later(.network(id.number, .noSenders(proxy))) }
    }

    /// The port itself, wherever it is.
    func identity(of port: PortID) -> PortID { proxyAt[port].flatMap { core.proxy($0)?.port.port } ?? port }

    // MARK: the name server

    func names(_ event: NameTable.Event) {
        table.advance(to: world.milliseconds)
        for action in table.handle(event) { perform(action) }
        // Rights that came with the event and were not kept.
        switch event {
        case .foundElsewhere(let asker, let port, _), .learn(_, let port, let asker):
            arrived[asker] = nil
            release(port)
        default: break
        }
        setTimer(table.nextDeadline)
    }

    private func perform(_ action: NameTable.Action) {
        switch action {
        case .give(let asker, let name): answer(asker, table[name]?.port)
        case .giveRemembered(let asker, let name): answer(asker, remembered[name])
        case .giveArrived(let asker): answer(asker, arrived[asker])
        case .answer(let asker, _): answer(asker, nil)
        case .askElsewhere(let asker, let name, let wait):
            let until = world.milliseconds + UInt64(wait) + NetworkCore.patience
            world.later(.network(id.number, .find(asker: asker, name: name, waitMilliseconds: wait, until: until)))
        case .remember(let name, let asker):
            guard let port = arrived[asker] else { return }
            if let old = remembered.updateValue(port, forKey: name) { release(old) }
            guard proxyAt[port] != nil || ports[port] != nil else { return world.later(.names(id.number, .died(port))) }
            retain(port)
        case .forgetRemembered(let name): if let port = remembered.removeValue(forKey: name) { release(port) }
        case .tellElsewhere(let name): world.later(.network(id.number, .withdrawn(name)))
        case .keep, .watch, .forget, .deposit, .withdraw: break
        }
    }

    private func answer(_ asker: UInt64, _ port: PortID?) {
        if let question = questions.removeValue(forKey: asker) {
            let right: LocalRight = port.map { .send($0, limit: 64) } ?? .null
            return world.later(.network(id.number, .resolved(peer: question.peer, request: question.request, right)))
        }
        if let port { retain(port) }
        world.later(.answered(id.number, asker, port))
    }

    // MARK: the network server

    func network(_ event: NetworkEvent) {
        core.advance(to: world.milliseconds)
        perform(core.handle(event))
        setTimer(core.nextDeadline)
    }

    func perform(_ actions: [NetworkAction]) {
        var said: Set<String> = []
        for action in actions {
            switch action {
            case .send(let peer, let frame):
                // A word to all: the first of them stands for it.
                let isFirst: Bool =
                    switch frame {
                    case .lookUp(_, let name, _): said.insert("lookUp \(name)").inserted
                    // The answer is in the word to all.
                    case .found, .announced: said.insert("answer").inserted
                    case .withdrawn(let name, _, _): said.insert("withdrawn \(name)").inserted
                    case .portDied(let port): said.insert("died \(port)").inserted
                    default: true
                    }
                world.transmit(frame, from: self, to: peer, isFirst: isFirst)
            case .refuse(let peer, let fault): world.fault("node \(id.number) refuses node \(peer): \(fault)")
            case .hold(let port):
                held.insert(port)
                if ports[port] == nil { world.later(.network(id.number, .died(port))) }
            case .release(let port): held.remove(port)
            case .makeProxy(let proxy, _, _):
                let port = newPort()
                proxies[proxy] = port
                proxyAt[port] = proxy
                world.proxies(by: 1)
            case .destroyProxy(let proxy):
                watched.remove(proxy)
                guard let port = proxies.removeValue(forKey: proxy) else { continue }
                proxyAt[port] = nil
                world.proxies(by: -1)
                world.later(.names(id.number, .died(port)))
            case .watch(let proxy):
                guard let port = proxies[proxy] else { continue }
                if references[port] == nil { world.later(.network(id.number, .noSenders(proxy))) } else { watched.insert(proxy) }
            case .answer(let asker, let right, let silent):
                switch right {
                case .proxy(let proxy)?: bring(proxies[proxy], to: asker) { .foundElsewhere(asker, $0, at: world.milliseconds) }
                case .held(let port)?: bring(port, to: asker) { .foundElsewhere(asker, $0, at: world.milliseconds) }
                default: world.later(.names(id.number, .notElsewhere(asker, silent: silent.map { "\($0)" })))
                }
            case .learn(let name, let proxy):
                let asker = newAsker
                bring(proxies[proxy], to: asker) { .learn(name, $0, from: asker) }
            case .unlearn(let name, let peer, let right):
                let port: PortID? =
                    switch right {
                    case .proxy(let proxy): proxies[proxy]
                    case .held(let port): port
                    default: nil
                    }
                if let port { world.later(.names(id.number, .unlearn([name, "\(name)@\(peer)"], port))) }
            case .nameTask(let task):
                let names = world.names(of: task, on: id.number)
                world.later(.network(id.number, .named(task, names)), hops: 2)
            case .resolve(let peer, let request, let name, let wait):
                let asker = newAsker
                questions[asker] = (peer, request)
                let until = wait == 0 ? nil : world.milliseconds + UInt64(wait)
                world.later(.names(id.number, .lookUp(name, uid: 0, until: until, wait: wait, here: true, by: asker)))
            case .deliver(let number, let delivery):
                guard case .held(let port) = delivery.destination, ports[port] != nil else {
                    world.later(.network(id.number, .undelivered(number)))
                    continue
                }
                world.later(.network(id.number, .delivered(number)))
                world.later(.network(id.number, .received(port, count: 1)), hops: 2)
                world.received(delivery.speaker, at: id.number)
            case .giveRoom, .setLimit, .pause, .resume, .destroyOnce, .drop, .collect, .append, .discard, .forget, .reach: break
            }
        }
    }

    /// A right on its way to the name server.
    private func bring(_ port: PortID?, to asker: UInt64, _ event: (PortID) -> NameTable.Event) {
        guard let port else { return }
        arrived[asker] = port
        retain(port)
        world.later(.names(id.number, event(port)))
    }

    /// A message of a task to what it has found.
    func send(to port: PortID, from speaker: Speaker) {
        guard let proxy = proxyAt[port] else { return }
        network(.sent(to: proxy, LocalMessage(from: speaker, code: 1), transfer: 0))
    }

    // MARK: time

    private func setTimer(_ deadline: UInt64?) {
        guard let deadline, deadline < nextTimer else { return }
        nextTimer = deadline
        world.at(deadline * 1_000, .timer(id.number))
    }

    func time() {
        nextTimer = .max
        if let deadline = table.nextDeadline, deadline <= world.milliseconds { names(.time(world.milliseconds)) }
        if let deadline = core.nextDeadline, deadline <= world.milliseconds { network(.time(world.milliseconds)) }
        setTimer(table.nextDeadline)
        setTimer(core.nextDeadline)
    }
}
