import DequeModule
public import MasixKernel

/// What a network server knows and decides: which ports of ours other nodes hold, which proxies stand for theirs, what is under way.
///
/// Pure: it holds no right, reads no memory and owns no socket. Rights and ports are the shell's, under the names that are used here.
/// Everything belongs to a channel and ends with it: a node that is gone, or comes again, has nothing from before (spec/network.md
/// 1(c)). Ports have one identity for life, and their references are listed by node with the number of the latest gift (1(a)), so a
/// release that crosses a new gift is told from one that does not.
public struct NetworkCore: Sendable {
    public let node: NodeID
    /// Nodes that we may have to do with: a look-up waits for those that are being reached for.
    var expected: Set<UInt32>
    /// Those of them at whose address nobody answered the last time: nobody waits for them.
    var unreached: Set<UInt32> = []
    var peers: [UInt32: Peer] = [:]
    /// Our ports to which other nodes hold rights.
    var exports: [PortID: Export] = [:]
    /// Ports that stand for theirs.
    var proxies: [ProxyID: Proxy] = [:]
    var proxyOfPort: [KeyedPort: ProxyID] = [:]
    /// Proxies for ports of nodes that are being reached for.
    var unclaimed: [UInt32: Set<ProxyID>] = [:]
    /// Nodes that are down, and whose rights somebody may have.
    var barriers: [UInt64: Barrier] = [:]
    var searches: [UInt64: Search] = [:]
    /// Deliveries that the shell has not yet ended: whose window they take up.
    var deliveries: [UInt64: WindowPlace] = [:]
    var lastProxy: UInt64 = 0
    var lastDelivery: UInt64 = 0
    var lastRequest: UInt64 = 0
    var lastPin: UInt64 = 0
    var lastBarrier: UInt64 = 0
    /// For the keys of ports: nobody may guess them.
    var chance: any RandomNumberGenerator & Sendable
    var bounds = Bounds()
    var naming = Naming()

    /// Answers from a node that is up take no longer than this, in milliseconds, or it counts as silent.
    public static let patience: UInt64 = 1_500

    public init(
        node: NodeID, expecting peers: Set<UInt32> = [],
        chance: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.node = node
        self.chance = chance
        expected = peers
    }

    // MARK: what there is

    /// Everything is as it was before the first right crossed.
    public var isEmpty: Bool {
        exports.isEmpty && proxies.isEmpty && searches.isEmpty && deliveries.isEmpty && unclaimed.isEmpty && barriers.isEmpty
            && peers.values.allSatisfy {
                $0.given.isEmpty && $0.taken.isEmpty && $0.outgoing.isEmpty && $0.waiting.isEmpty && $0.incoming.isEmpty
                    && $0.questions.isEmpty && $0.requests.isEmpty && $0.pins.isEmpty && $0.granted.isEmpty
            }
    }

    /// Ports of this node that the peer holds rights to, and ports of its that tasks of this node hold rights to.
    public func counts(of peer: UInt32) -> (exports: Int, proxies: Int) {
        peers[peer].map { ($0.held.count, $0.proxies.count) } ?? (0, 0)
    }

    /// Our ports to which other nodes hold rights, and the numbers of these.
    public var exported: [(port: PortID, holders: [UInt32])] {
        exports.compactMap { port, export in
            export.holders.isEmpty || export.isDead ? nil : (port, export.holders.keys.sorted())
        }
    }

    public var upPeers: [NodeID] { peers.values.map(\.id).sorted() }
    public func proxy(_ id: ProxyID) -> (port: PortUID, peer: UInt32)? { proxies[id].map { ($0.port, $0.peer) } }
    /// When the next search or barrier is over; 0 if the time is to be told.
    public var nextDeadline: UInt64? {
        (searches.values.map { min($0.until, $0.decideAt ?? .max) } + barriers.values.map { $0.until ?? 0 }).min()
    }

    // MARK: events

    public mutating func handle(_ event: NetworkEvent) -> [NetworkAction] {
        var actions: [NetworkAction] = []
        switch event {
        case .up(let peer): up(peer, &actions)
        case .down(let peer): down(peer, &actions)
        case .unreachable(let peer): unreachable(peer, &actions)
        case .frame(let peer, let frame):
            guard peers[peer] != nil else { break }
            do throws(Fault) {
                try take(frame, from: peer, &actions)
            } catch {
                // Nothing of the frame has been done.
                actions = [.refuse(peer: peer, error.fault)]
                down(peer, &actions)
            }
        case .congested(let peer): congest(peer, true, &actions)
        case .drained(let peer): congest(peer, false, &actions)
        case .sent(let proxy, let message, let transfer):
            introduce(message.sender, at: proxy, &actions)
            sent(message, to: proxy, transfer, &actions)
        case .answered(let key, let message, let transfer): answered(key, message, transfer, &actions)
        case .unused(let key):
            guard peers[key.peer]?.taken.remove(key.number) != nil else { break }
            actions.append(.send(peer: key.peer, .onceUnused(key.number)))
        case .noSenders(let proxy): noSenders(proxy, &actions)
        case .died(let port): died(port, &actions)
        case .delivered(let number): delivered(number, &actions)
        case .undelivered(let number):
            guard let place = deliveries.removeValue(forKey: number) else { break }
            exports[place.port]?.delivering -= 1
            ended(place.port, place.peer, &actions)
        case .received(let port, let count): received(port, count, &actions)
        case .unreadable(let peer, let transfer): unreadable(transfer, for: peer, &actions)
        case .find(let asker, let name, let wait, let until, let nodes): find(asker, name, wait, until, among: nodes, &actions)
        case .resolved(let peer, let request, let right): resolved(peer, request, right, &actions)
        case .named(let task, let names): named(names, of: task, &actions)
        case .withdrawn(let name): withdraw(name, &actions)
        case .time(let time): expire(time, &actions)
        }
        return actions
    }

    /// Roster changes: whom a look-up waits for from now on.
    public mutating func expect(_ peers: Set<UInt32>) -> [NetworkAction] {
        var actions: [NetworkAction] = []
        for asker in searches.keys where searches[asker]?.isPatient == true && searches[asker]?.isBounded == false {
            searches[asker]?.waiting.formUnion(peers.subtracting(expected))
        }
        expected = peers
        unreached.formIntersection(peers)
        for owner in unclaimed.keys.sorted() where !peers.contains(owner) { giveUpClaims(at: owner, &actions) }
        return actions
    }

    struct Fault: Error { let fault: NetworkFault }

    mutating func take(_ frame: NetworkFrame, from peer: UInt32, _ actions: inout [NetworkAction]) throws(Fault) {
        switch frame {
        case .lookUp(let request, let name, let wait): try asked(name, wait, request, by: peer, &actions)
        case .found(let request, let right): try found(request, right, from: peer, &actions)
        case .unknown(let request):
            guard let asker = peers[peer]?.requests.removeValue(forKey: request) else { throw Fault(fault: .unknownRequest) }
            answeredNo(peer, asker, isSilent: false, &actions)
        case .notYet(let request): try notYet(request, from: peer, &actions)
        case .announced(let name, let uid, let limit, let sequence, let key):
            try heard(name, KeyedPort(uid: uid, key: key), limit, sequence, from: peer, &actions)
        case .withdrawn(let name, let uid, let key): withdrawn(name, KeyedPort(uid: uid, key: key), by: peer, &actions)
        case .message(let message): try arrive(message, from: peer, &actions)
        case .chunk(let transfer, let memory, let bytes): try arrive(bytes, memory: Int(memory), of: transfer, from: peer, &actions)
        case .abandoned(let transfer):
            guard let incoming = peers[peer]?.incoming.removeValue(forKey: transfer) else { throw Fault(fault: .unknownTransfer) }
            actions.append(.discard(TransferKey(peer: peer, number: transfer)))
            giveUp(incoming, from: peer, &actions)
        case .accepted(let uid, let count):
            try check(uid, isOf: peer)
            // Of a proxy that is gone meanwhile.
            guard let id = peers[peer]?.granted[uid], let proxy = proxies[id] else { return }
            guard count <= proxy.unaccepted else { throw Fault(fault: .miscounted) }
            proxies[id]?.unaccepted = proxy.unaccepted - count
            if !proxy.isDead { actions.append(.giveRoom(id, count: count)) }
            if proxy.isOverfull { pauseOrResume(id, &actions) }
            // Nobody had a right to it any more when the last message was still under way.
            if proxy.unaccepted == count, proxy.awaitsAcceptance {
                proxies[id]?.awaitsAcceptance = false
                watch(id, &actions)
            }
        case .clean(let uid, let sequence):
            let port = try held(uid, by: peer)
            let latest = exports[port]?.holders[peer]?.sequence ?? 0
            guard sequence > 0, sequence <= latest else { throw Fault(fault: .miscounted) }
            // A later gift is on its way there: it will be given back by itself.
            guard sequence == latest else { return }
            exports[port]?.holders[peer] = nil
            peers[peer]?.held.remove(port)
            considerReleasing(port, &actions)
        case .onceUnused(let number):
            guard peers[peer]?.given.remove(number) != nil else { throw Fault(fault: .unknownOnce) }
            actions.append(.drop(once: number))
        case .portDied(let uid):
            try check(uid, isOf: peer)
            guard let id = peers[peer]?.granted[uid] else { return }
            bury(id, &actions)
        case .claim(let uid, let key): claimed(uid, key, by: peer, &actions)
        case .granted(let uid, let key, let limit, let sequence):
            try granted(KeyedPort(uid: uid, key: key), limit, sequence, by: peer, &actions)
        case .refused(let uid, let key): refused(KeyedPort(uid: uid, key: key), by: peer, &actions)
        case .settled(let pin): try settled(pin, by: peer, &actions)
        case .drain(let number, let id): try drain(number, id, for: peer, &actions)
        case .drained(let number): drained(number, by: peer, &actions)
        }
    }

    // MARK: who may name what

    /// The port of this node that has this identity.
    func port(of uid: PortUID) -> PortID? { uid.birth == node ? uid.port : nil }

    func uid(of port: PortID) -> PortUID { PortUID(port) }

    /// The port of ours that a peer names: it must be one of its holders.
    func held(_ uid: PortUID, by peer: UInt32) throws(Fault) -> PortID {
        guard let port = port(of: uid) else { throw Fault(fault: uid.birth.number == node.number ? .stalePort : .foreignPort) }
        guard exports[port]?.holders[peer] != nil else { throw Fault(fault: .notGiven) }
        return port
    }

    /// A peer speaks of its own ports in its present life.
    func check(_ uid: PortUID, isOf peer: UInt32) throws(Fault) {
        guard uid.birth == peers[peer]?.id else { throw Fault(fault: uid.birth.number == peer ? .stalePort : .foreignPort) }
    }

    /// What one frame gives away.
    struct Gifts {
        var latest: [PortUID: UInt64] = [:]
        var keys: [PortUID: UInt64] = [:]
        /// For which there is no proxy yet.
        var newPorts = 0
    }

    /// A gift of a port has a higher number than all before it.
    func check(_ uid: PortUID, _ sequence: UInt64, _ key: UInt64, from peer: UInt32, _ gifts: inout Gifts) throws(Fault) {
        try check(uid, isOf: peer)
        let known = peers[peer]?.granted[uid].flatMap { proxies[$0] }
        guard sequence > gifts.latest[uid] ?? known?.sequence ?? 0, key == gifts.keys[uid] ?? known?.key ?? key else {
            throw Fault(fault: .miscounted)
        }
        if known == nil, gifts.latest[uid] == nil { gifts.newPorts += 1 }
        gifts.latest[uid] = sequence
        gifts.keys[uid] = key
    }

    func checkRoom(forPorts count: Int, _ peer: UInt32) throws(Fault) {
        guard let state = peers[peer], state.proxies.count + count <= NetworkLimits.portsMax else { throw Fault(fault: .tooManyPorts) }
    }

    // MARK: channels

    mutating func up(_ id: NodeID, _ actions: inout [NetworkAction]) {
        if peers[id.number] != nil { down(id.number, &actions) }
        peers[id.number] = Peer(id: id)
        unreached.remove(id.number)
        claimAll(of: id, &actions)
        // Who searches already waits for it.
        for (asker, search) in searches.sorted(by: { $0.key < $1.key }) where search.waiting.contains(id.number) {
            ask(id.number, search, asker, &actions)
        }
    }

    /// The death of every port that the peer's end of the channel stood for, and of every hold that it had.
    mutating func down(_ number: UInt32, _ actions: inout [NetworkAction]) {
        guard let peer = peers.removeValue(forKey: number) else { return }
        for id in peer.proxies.sorted() {
            guard let proxy = proxies.removeValue(forKey: id) else { continue }
            proxyOfPort[KeyedPort(uid: proxy.port, key: proxy.key)] = nil
            if !proxy.isDead { actions.append(.destroyProxy(id)) }
            settle(proxy.givers, &actions)
        }
        for once in peer.taken.sorted() { actions.append(.destroyOnce(OnceKey(peer: number, number: once))) }
        for once in peer.given.sorted() { actions.append(.drop(once: once)) }
        for transfer in peer.outgoing { actions.append(.forget(transfer: transfer.number)) }
        for message in peer.waiting {
            giveUp(message.local, message.transfer, &actions)
            unpin(message, &actions)
        }
        for (transfer, incoming) in peer.incoming.sorted(by: { $0.key < $1.key }) {
            actions.append(.discard(TransferKey(peer: number, number: transfer)))
            for right in [incoming.reply] + incoming.rights { giveUp(right, from: number, &actions) }
            // It was used, and so is no longer among those that were given.
            if case .once(let once) = incoming.message.destination { actions.append(.drop(once: once)) }
        }
        // Its messages that are still to be received are nobody's: a later channel of the same node knows nothing of them.
        for delivery in deliveries.keys where deliveries[delivery]?.peer == number { deliveries[delivery]?.peer = nil }
        // What it gave to others is settled with it, and what others wait for from us has come.
        for id in proxies.keys { proxies[id]?.givers.removeAll { $0.peer == number } }
        for other in peers.keys { peers[other]?.mourners.removeAll { $0.peer == number } }
        mourn(peer, &actions)
        for barrier in barriers.keys.sorted() { drained(barrier, by: number, &actions) }
        for mourner in peer.mourners where peers[mourner.peer] != nil {
            actions.append(.send(peer: mourner.peer, .drained(mourner.number)))
        }
        for port in exports.keys.sorted() {
            exports[port]?.forget(number)
            considerReleasing(port, &actions)
        }
        for asker in searches.keys.sorted() { answeredNo(number, asker, isSilent: true, &actions) }
        naming.forget(number)
    }

    mutating func unreachable(_ peer: UInt32, _ actions: inout [NetworkAction]) {
        guard peers[peer] == nil else { return }
        unreached.insert(peer)
        giveUpClaims(at: peer, &actions)
        for asker in searches.keys.sorted() { answeredNo(peer, asker, isSilent: true, &actions) }
    }

    mutating func congest(_ peer: UInt32, _ isCongested: Bool, _ actions: inout [NetworkAction]) {
        guard peers[peer] != nil else { return }
        peers[peer]?.isCongested = isCongested
        for id in (peers[peer]?.proxies ?? []).sorted() { pauseOrResume(id, &actions) }
    }
}
