import DequeModule
public import MasixKernel

/// What a network server knows and decides: which ports of ours other nodes hold, which proxies stand for theirs, what is under way.
///
/// Pure: it holds no right, reads no memory and owns no socket. Rights and ports are the shell's, under the names that are used here.
/// Everything belongs to a channel and ends with it: a node that is gone, or comes again, has nothing from before (spec/network.md
/// 1(c)). References are listed by node with the number of receptions (1(a)), so a release that crosses a new gift is told from one
/// that does not.
public struct NetworkCore: Sendable {
    public let node: NodeID
    /// Nodes that we may have to do with: a look-up waits for those that are being reached for.
    private var expected: Set<UInt32>
    /// Those of them at whose address nobody answered the last time: nobody waits for them.
    private var unreached: Set<UInt32> = []
    var peers: [UInt32: Peer] = [:]
    /// Our ports to which other nodes hold rights.
    var exports: [PortID: Export] = [:]
    /// Ports that stand for theirs.
    var proxies: [ProxyID: Proxy] = [:]
    private var proxyOfPort: [PortID: ProxyID] = [:]
    private var searches: [UInt64: Search] = [:]
    /// Deliveries that the shell has not yet ended: whose window they take up.
    private(set) var deliveries: [UInt64: WindowPlace] = [:]
    private var lastProxy: UInt64 = 0
    private var lastDelivery: UInt64 = 0
    private var lastRequest: UInt64 = 0
    var bounds = Bounds()

    /// Answers from a node that is up take no longer than this, in milliseconds, or it counts as silent.
    public static let patience: UInt64 = 1_500

    public init(node: NodeID, expecting peers: Set<UInt32> = []) {
        self.node = node
        expected = peers
    }

    // MARK: what there is

    /// Everything is as it was before the first right crossed.
    public var isEmpty: Bool {
        exports.isEmpty && proxies.isEmpty && searches.isEmpty && deliveries.isEmpty
            && peers.values.allSatisfy {
                $0.given.isEmpty && $0.taken.isEmpty && $0.outgoing.isEmpty && $0.waiting.isEmpty && $0.incoming.isEmpty
                    && $0.questions.isEmpty && $0.requests.isEmpty
            }
    }

    /// Ports of this node that the peer holds rights to, and ports of its that tasks of this node hold rights to.
    public func counts(of peer: UInt32) -> (exports: Int, proxies: Int) {
        peers[peer].map { ($0.held.count, $0.proxies.count) } ?? (0, 0)
    }

    public var upPeers: [NodeID] { peers.values.map(\.id).sorted() }
    public func proxy(_ id: ProxyID) -> (port: PortID, peer: UInt32)? { proxies[id].map { ($0.port, $0.peer) } }
    /// When the next search is over.
    public var nextDeadline: UInt64? { searches.values.map(\.until).min() }

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
        case .sent(let proxy, let message, let transfer): sent(message, to: proxy, transfer, &actions)
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
        case .find(let asker, let name, let wait, let until): find(asker, name, wait, until, &actions)
        case .resolved(let peer, let request, let right): resolved(peer, request, right, &actions)
        case .time(let time): expire(time, &actions)
        }
        return actions
    }

    /// Roster changes: whom a look-up waits for from now on.
    public mutating func expect(_ peers: Set<UInt32>) {
        for asker in searches.keys where searches[asker]?.isPatient == true {
            searches[asker]?.waiting.formUnion(peers.subtracting(expected))
        }
        expected = peers
        unreached.formIntersection(peers)
    }

    struct Fault: Error { let fault: NetworkFault }

    private mutating func take(_ frame: NetworkFrame, from peer: UInt32, _ actions: inout [NetworkAction]) throws(Fault) {
        switch frame {
        case .lookUp(let request, let name, let wait):
            guard let count = peers[peer]?.questions.count, count < NetworkLimits.lookUpsMax,
                peers[peer]?.questions.insert(request).inserted == true
            else { throw Fault(fault: .tooManyLookUps) }
            actions.append(.resolve(peer: peer, request: request, name: name, waitMilliseconds: wait))
        case .found(let request, let port, let limit):
            guard let asker = peers[peer]?.requests[request] else { throw Fault(fault: .unknownRequest) }
            if port.node == node {
                // A port of ours that somebody there has registered.
                guard exports[port]?.holders[peer] != nil else { throw Fault(fault: .notGiven) }
                peers[peer]?.requests[request] = nil
                guard searches.removeValue(forKey: asker) != nil else { return }
                return actions.append(.answer(asker: asker, .held(port), silent: []))
            }
            guard port.node == peers[peer]?.id else { throw Fault(fault: .foreignPort) }
            try checkRoom(forPorts: proxyOfPort[port] == nil ? 1 : 0, peer)
            peers[peer]?.requests[request] = nil
            let proxy = adopt(port, limit, from: peer, &actions)
            if searches.removeValue(forKey: asker) != nil {
                proxies[proxy]?.made &+= 1
                actions.append(.answer(asker: asker, .proxy(proxy), silent: []))
                watch(proxy, &actions)
            } else {
                // Another node was faster.
                considerCleaning(proxy, &actions)
            }
        case .unknown(let request):
            guard let asker = peers[peer]?.requests.removeValue(forKey: request) else { throw Fault(fault: .unknownRequest) }
            answeredNo(peer, asker, isSilent: false, &actions)
        case .message(let message): try arrive(message, from: peer, &actions)
        case .chunk(let transfer, let memory, let bytes): try arrive(bytes, memory: Int(memory), of: transfer, from: peer, &actions)
        case .abandoned(let transfer):
            guard let incoming = peers[peer]?.incoming.removeValue(forKey: transfer) else { throw Fault(fault: .unknownTransfer) }
            actions.append(.discard(TransferKey(peer: peer, number: transfer)))
            giveUp(incoming.message, from: peer, &actions)
        case .accepted(let port, let count):
            guard let id = proxyOfPort[port], let proxy = proxies[id], proxy.peer == peer else {
                // Of a proxy that is gone meanwhile.
                guard port.node == peers[peer]?.id else { throw Fault(fault: .foreignPort) }
                return
            }
            guard count <= proxy.unaccepted else { throw Fault(fault: .miscounted) }
            proxies[id]?.unaccepted = proxy.unaccepted - count
            if !proxy.isDead { actions.append(.giveRoom(id, count: count)) }
            // Nobody had a right to it any more when the last message was still under way.
            if proxy.unaccepted == count, proxy.awaitsAcceptance {
                proxies[id]?.awaitsAcceptance = false
                watch(id, &actions)
            }
        case .clean(let port, let receptions):
            guard let given = exports[port]?.holders[peer] else { throw Fault(fault: .notGiven) }
            guard receptions > 0, receptions <= given else { throw Fault(fault: .miscounted) }
            exports[port]?.holders[peer] = given == receptions ? nil : given - receptions
            if given == receptions { peers[peer]?.held.remove(port) }
            considerReleasing(port, &actions)
        case .onceUnused(let number):
            guard peers[peer]?.given.remove(number) != nil else { throw Fault(fault: .unknownOnce) }
            actions.append(.drop(once: number))
        case .portDied(let port):
            guard port.node == peers[peer]?.id else { throw Fault(fault: .foreignPort) }
            guard let id = proxyOfPort[port] else { return }
            bury(id, &actions)
        }
    }

    func checkRoom(forPorts count: Int, _ peer: UInt32) throws(Fault) {
        guard let state = peers[peer], state.proxies.count + count <= NetworkLimits.portsMax else { throw Fault(fault: .tooManyPorts) }
    }

    // MARK: channels

    private mutating func up(_ id: NodeID, _ actions: inout [NetworkAction]) {
        if peers[id.number] != nil { down(id.number, &actions) }
        peers[id.number] = Peer(id: id)
        unreached.remove(id.number)
        // Who searches already waits for it.
        for (asker, search) in searches.sorted(by: { $0.key < $1.key }) where search.waiting.contains(id.number) {
            ask(id.number, search, asker, &actions)
        }
    }

    /// The death of every port that the peer's end of the channel stood for, and of every hold that it had.
    private mutating func down(_ number: UInt32, _ actions: inout [NetworkAction]) {
        guard let peer = peers.removeValue(forKey: number) else { return }
        for id in peer.proxies.sorted() {
            guard let proxy = proxies.removeValue(forKey: id) else { continue }
            proxyOfPort[proxy.port] = nil
            if !proxy.isDead { actions.append(.destroyProxy(id)) }
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
            for right in [incoming.message.reply] + incoming.message.rights {
                if case .home(let once) = right { actions.append(.drop(once: once)) }
            }
            // It was used, and so is no longer among those that were given.
            if case .once(let once) = incoming.message.destination { actions.append(.drop(once: once)) }
            for port in homePorts(in: incoming.message) { exports[port]?.pins -= 1 }
        }
        // Its messages that are still to be received are nobody's: a later channel of the same node knows nothing of them.
        for delivery in deliveries.keys where deliveries[delivery]?.peer == number { deliveries[delivery]?.peer = nil }
        for port in exports.keys.sorted() {
            exports[port]?.forget(number)
            considerReleasing(port, &actions)
        }
        for asker in searches.keys.sorted() { answeredNo(number, asker, isSilent: true, &actions) }
    }

    private mutating func unreachable(_ peer: UInt32, _ actions: inout [NetworkAction]) {
        guard peers[peer] == nil else { return }
        unreached.insert(peer)
        for asker in searches.keys.sorted() { answeredNo(peer, asker, isSilent: true, &actions) }
    }

    private mutating func congest(_ peer: UInt32, _ isCongested: Bool, _ actions: inout [NetworkAction]) {
        guard peers[peer] != nil else { return }
        peers[peer]?.isCongested = isCongested
        for id in (peers[peer]?.proxies ?? []).sorted() { pauseOrResume(id, &actions) }
    }

    // MARK: names

    private mutating func find(_ asker: UInt64, _ name: String, _ wait: UInt32, _ until: UInt64, _ actions: inout [NetworkAction]) {
        var silent = unreached.intersection(expected)
        // It may have come back.
        for peer in silent.sorted() { actions.append(.reach(peer: peer)) }
        if wait > 0 { silent = [] }
        let search = Search(
            name: name, wait: wait, until: until, waiting: expected.subtracting(silent).union(peers.keys), silent: silent)
        guard !search.waiting.isEmpty else { return actions.append(.answer(asker: asker, nil, silent: silent.sorted())) }
        searches[asker] = search
        for peer in peers.keys.sorted() { ask(peer, search, asker, &actions) }
    }

    private mutating func ask(_ peer: UInt32, _ search: Search, _ asker: UInt64, _ actions: inout [NetworkAction]) {
        guard let outstanding = peers[peer]?.requests.count, outstanding < bounds.lookUps else {
            return answeredNo(peer, asker, isSilent: true, &actions)
        }
        lastRequest += 1
        peers[peer]?.requests[lastRequest] = asker
        actions.append(.send(peer: peer, .lookUp(request: lastRequest, name: search.name, waitMilliseconds: search.wait)))
    }

    private mutating func answeredNo(_ peer: UInt32, _ asker: UInt64, isSilent: Bool, _ actions: inout [NetworkAction]) {
        guard let known = searches[asker], known.waiting.contains(peer), !(isSilent && known.isPatient) else { return }
        searches[asker]?.waiting.remove(peer)
        if isSilent { searches[asker]?.silent.insert(peer) }
        guard let search = searches[asker], search.waiting.isEmpty else { return }
        searches[asker] = nil
        actions.append(.answer(asker: asker, nil, silent: search.silent.sorted()))
    }

    private mutating func resolved(_ peer: UInt32, _ request: UInt64, _ right: LocalRight, _ actions: inout [NetworkAction]) {
        guard peers[peer]?.questions.remove(request) != nil else { return }
        switch export(right, to: peer, &actions) {
        case .send(let port, let limit): actions.append(.send(peer: peer, .found(request: request, port, limit: limit)))
        case .null, .dead, .once, .home: actions.append(.send(peer: peer, .unknown(request: request)))
        }
    }

    private mutating func expire(_ time: UInt64, _ actions: inout [NetworkAction]) {
        for (asker, search) in searches.sorted(by: { $0.key < $1.key }) where search.until <= time {
            searches[asker] = nil
            actions.append(.answer(asker: asker, nil, silent: search.silent.union(search.waiting).sorted()))
        }
    }

    // MARK: out (figure 3, this node's side)

    private mutating func sent(_ local: LocalMessage, to id: ProxyID, _ transfer: UInt64, _ actions: inout [NetworkAction]) {
        guard let proxy = proxies[id], !proxy.isDead, peers[proxy.peer] != nil else {
            return giveUp(local, transfer, &actions)
        }
        guard Self.total(local.memory) <= bounds.memoryBytes else {
            actions.append(.giveRoom(id, count: 1))
            return giveUp(local, transfer, &actions)
        }
        proxies[id]?.unaccepted += 1
        if !local.memory.isEmpty { proxies[id]?.pauses.insert(.transfer) }
        pauseOrResume(id, &actions)
        dispatch(WaitingMessage(local: local, destination: .proxy(id), transfer: transfer), to: proxy.peer, &actions)
    }

    private mutating func answered(_ key: OnceKey, _ local: LocalMessage, _ transfer: UInt64, _ actions: inout [NetworkAction]) {
        guard peers[key.peer]?.taken.remove(key.number) != nil else { return giveUp(local, transfer, &actions) }
        guard Self.total(local.memory) <= bounds.memoryBytes else {
            // Its owner is told that nothing came of it.
            actions.append(.send(peer: key.peer, .onceUnused(key.number)))
            return giveUp(local, transfer, &actions)
        }
        dispatch(WaitingMessage(local: local, destination: .once(key.number), transfer: transfer), to: key.peer, &actions)
    }

    /// The destination is gone: the message vanishes (spec/mach.md S4), and its rights with it.
    private mutating func giveUp(_ local: LocalMessage, _ transfer: UInt64, _ actions: inout [NetworkAction]) {
        for right in [local.reply] + local.rights {
            switch right {
            case .once(let number): actions.append(.drop(once: number))
            case .onceHome(let key):
                guard peers[key.peer]?.taken.remove(key.number) != nil else { continue }
                actions.append(.send(peer: key.peer, .onceUnused(key.number)))
            case .null, .dead, .send, .proxy: break
            }
        }
        if !local.memory.isEmpty { actions.append(.forget(transfer: transfer)) }
    }

    private mutating func translate(
        _ local: LocalMessage, to destination: NetworkMessage.Destination, peer: UInt32, _ transfer: UInt64,
        _ actions: inout [NetworkAction]
    ) -> NetworkMessage {
        let reply = export(local.reply, to: peer, &actions)
        var rights: [NetworkRight] = []
        for right in local.rights { rights.append(export(right, to: peer, &actions)) }
        return NetworkMessage(
            to: destination, from: local.sender, code: local.code, reply: reply, rights: rights, bytes: local.bytes,
            memory: local.memory, transfer: local.memory.isEmpty ? 0 : transfer)
    }

    /// What the peer is told in the place of a local right; from here on it holds it.
    private mutating func export(_ right: LocalRight, to peer: UInt32, _ actions: inout [NetworkAction]) -> NetworkRight {
        switch right {
        case .null: return .null
        case .dead: return .dead
        case .once(let number):
            guard let given = peers[peer]?.given.count, given < bounds.onces else {
                actions.append(.drop(once: number))
                return .dead
            }
            peers[peer]?.given.insert(number)
            return .once(number)
        case .onceHome(let key):
            // Only its own node can have it back.
            guard peers[key.peer]?.taken.remove(key.number) != nil else { return .dead }
            guard key.peer == peer else {
                actions.append(.send(peer: key.peer, .onceUnused(key.number)))
                return .dead
            }
            return .home(key.number)
        case .send(let port, let limit):
            guard let held = peers[peer]?.held, held.count < bounds.ports || held.contains(port) else { return .dead }
            if exports[port] == nil {
                exports[port] = Export(limit: limit)
                actions.append(.hold(port))
            }
            guard exports[port]?.isDead == false else { return .dead }
            exports[port]?.holders[peer, default: 0] += 1
            peers[peer]?.held.insert(port)
            return .send(port, limit: exports[port]?.limit ?? limit)
        case .proxy(let id):
            guard let proxy = proxies[id], !proxy.isDead else { return .dead }
            // A port of a third node is exported as the shell's own port: it says `.send` for it.
            return proxy.peer == peer ? .send(proxy.port, limit: proxy.limit) : .dead
        }
    }

    private mutating func dispatch(_ message: WaitingMessage, to peer: UInt32, _ actions: inout [NetworkAction]) {
        guard let state = peers[peer] else { return }
        guard message.local.memory.isEmpty || state.waiting.isEmpty && hasRoom(for: message, state) else {
            pin(message, &actions)
            peers[peer]?.waiting.append(message)
            return
        }
        begin(message, to: peer, &actions)
    }

    private func hasRoom(for message: WaitingMessage, _ peer: Peer) -> Bool {
        guard peer.outgoing.count < bounds.transfers else { return false }
        let underWay = peer.outgoing.reduce(0) { $0 + Self.total($1.lengths) }
        return underWay + Self.total(message.local.memory) <= bounds.memoryBytes
    }

    /// Never more than so many lengths can be.
    private static func total(_ lengths: [UInt64]) -> UInt64 { lengths.reduce(0) { $0 + min($1, NetworkLimits.memoryBytesMax) } }

    private mutating func begin(_ message: WaitingMessage, to peer: UInt32, _ actions: inout [NetworkAction]) {
        let destination: NetworkMessage.Destination
        var source: ProxyID?
        switch message.destination {
        case .once(let number): destination = .once(number)
        case .proxy(let id):
            // It may have died while the message waited.
            guard let proxy = proxies[id], !proxy.isDead else { return giveUp(message.local, message.transfer, &actions) }
            destination = .port(proxy.port)
            source = id
        }
        let translated = translate(message.local, to: destination, peer: peer, message.transfer, &actions)
        actions.append(.send(peer: peer, .message(translated)))
        guard !translated.memory.isEmpty else { return }
        peers[peer]?.outgoing.append(OutgoingTransfer(number: message.transfer, proxy: source, lengths: translated.memory))
    }

    private mutating func beginWaiting(for peer: UInt32, _ actions: inout [NetworkAction]) {
        while let state = peers[peer], let message = state.waiting.first, hasRoom(for: message, state) {
            peers[peer]?.waiting.removeFirst()
            begin(message, to: peer, &actions)
            unpin(message, &actions)
        }
    }

    /// What the message goes to and what it takes along stays until it has gone.
    private mutating func pin(_ message: WaitingMessage, _ actions: inout [NetworkAction]) {
        if case .proxy(let id) = message.destination { proxies[id]?.pins += 1 }
        for right in [message.local.reply] + message.local.rights {
            switch right {
            case .null, .dead, .once, .onceHome: break
            case .proxy(let id): proxies[id]?.pins += 1
            case .send(let port, let limit):
                if exports[port] == nil {
                    exports[port] = Export(limit: limit)
                    actions.append(.hold(port))
                }
                exports[port]?.pins += 1
            }
        }
    }

    private mutating func unpin(_ message: WaitingMessage, _ actions: inout [NetworkAction]) {
        var ids: [ProxyID] = []
        if case .proxy(let id) = message.destination { ids.append(id) }
        for right in [message.local.reply] + message.local.rights {
            switch right {
            case .null, .dead, .once, .onceHome: break
            case .proxy(let id): ids.append(id)
            case .send(let port, _):
                exports[port]?.pins -= 1
                considerReleasing(port, &actions)
            }
        }
        for id in ids { proxies[id]?.pins -= 1 }
        for id in ids { considerCleaning(id, &actions) }
    }

    /// The next piece of memory for this peer, by turns among what is under way; the shell asks while the channel takes more.
    public mutating func nextChunk(for peer: UInt32) -> (order: ChunkOrder?, actions: [NetworkAction]) {
        var actions: [NetworkAction] = []
        while var transfer = peers[peer]?.outgoing.popFirst() {
            while transfer.memory < transfer.lengths.count, transfer.offset == transfer.lengths[transfer.memory] {
                (transfer.memory, transfer.offset) = (transfer.memory + 1, 0)
            }
            guard transfer.memory < transfer.lengths.count else {
                end(transfer, of: peer, &actions)
                continue
            }
            let count = Int(min(UInt64(NetworkLimits.chunkBytesMax), transfer.lengths[transfer.memory] - transfer.offset))
            let order = ChunkOrder(transfer: transfer.number, memory: transfer.memory, offset: transfer.offset, count: count)
            transfer.offset += UInt64(count)
            peers[peer]?.outgoing.append(transfer)
            return (order, actions)
        }
        return (nil, actions)
    }

    private mutating func end(_ transfer: OutgoingTransfer, of peer: UInt32, _ actions: inout [NetworkAction]) {
        actions.append(.forget(transfer: transfer.number))
        if let proxy = transfer.proxy {
            proxies[proxy]?.pauses.remove(.transfer)
            pauseOrResume(proxy, &actions)
        }
        beginWaiting(for: peer, &actions)
    }

    private mutating func unreadable(_ number: UInt64, for peer: UInt32, _ actions: inout [NetworkAction]) {
        guard let place = peers[peer]?.outgoing.firstIndex(where: { $0.number == number }),
            let transfer = peers[peer]?.outgoing.remove(at: place)
        else { return }
        actions.append(.send(peer: peer, .abandoned(transfer: number)))
        end(transfer, of: peer, &actions)
    }

    // MARK: in (figure 3, the other side)

    private mutating func arrive(_ message: NetworkMessage, from peer: UInt32, _ actions: inout [NetworkAction]) throws(Fault) {
        try check(message, from: peer)
        switch message.destination {
        case .port(let port): exports[port]?.underWay[peer, default: 0] += 1
        case .once(let number): peers[peer]?.given.remove(number)
        }
        for right in [message.reply] + message.rights { receive(right, from: peer, &actions) }
        guard !message.memory.isEmpty else { return deliver(message, from: peer, &actions) }
        var incoming = IncomingTransfer(message: message)
        incoming.skipWhatIsComplete()
        let key = TransferKey(peer: peer, number: message.transfer)
        actions.append(.collect(key, lengths: message.memory))
        if incoming.isComplete { return deliver(message, from: peer, &actions) }
        peers[peer]?.incoming[message.transfer] = incoming
    }

    /// Everything that can be wrong with it, before anything is done.
    private func check(_ message: NetworkMessage, from peer: UInt32) throws(Fault) {
        guard let state = peers[peer] else { return }
        switch message.destination {
        case .port(let port):
            guard let export = exports[port], export.holders[peer] != nil else { throw Fault(fault: .notGiven) }
            guard export.underWay[peer, default: 0] < max(1, export.limit) else { throw Fault(fault: .windowExceeded) }
        case .once(let number):
            guard state.given.contains(number) else { throw Fault(fault: .unknownOnce) }
        }
        if let sender = message.sender {
            guard sender.task != .kernel, TaskID(node: peer, task: sender.task) != nil else { throw Fault(fault: .strangeSender) }
        }
        var ports: Set<PortID> = []
        var onces: Set<UInt64> = []
        var homes: Set<UInt64> = []
        if case .once(let number) = message.destination { homes.insert(number) }
        for right in [message.reply] + message.rights {
            switch right {
            case .null, .dead: break
            case .once(let number):
                guard !state.taken.contains(number), onces.insert(number).inserted else { throw Fault(fault: .repeatedOnce) }
            case .home(let number):
                guard state.given.contains(number), homes.insert(number).inserted else { throw Fault(fault: .unknownOnce) }
            case .send(let port, _):
                if port.node == state.id {
                    if proxyOfPort[port] == nil { ports.insert(port) }
                } else {
                    guard exports[port]?.holders[peer] != nil else { throw Fault(fault: port.node == node ? .notGiven : .foreignPort) }
                }
            }
        }
        try checkRoom(forPorts: ports.count, peer)
        guard state.taken.count + onces.count <= NetworkLimits.oncesMax else { throw Fault(fault: .tooManyOnces) }
        guard !message.memory.isEmpty else { return }
        guard state.incoming[message.transfer] == nil else { throw Fault(fault: .repeatedTransfer) }
        guard state.incoming.count < NetworkLimits.transfersMax else { throw Fault(fault: .tooManyTransfers) }
        let underWay = state.incoming.values.reduce(0) { $0 + Self.total($1.message.memory) }
        guard message.memory.allSatisfy({ $0 <= NetworkLimits.memoryBytesMax }),
            underWay + Self.total(message.memory) <= NetworkLimits.memoryUnderWayMax
        else { throw Fault(fault: .tooMuchMemory) }
    }

    /// The right is ours from now on, and stays until its message has been delivered.
    private mutating func receive(_ right: NetworkRight, from peer: UInt32, _ actions: inout [NetworkAction]) {
        switch right {
        case .null, .dead: break
        case .once(let number): peers[peer]?.taken.insert(number)
        case .home(let number): peers[peer]?.given.remove(number)
        case .send(let port, let limit):
            if exports[port] != nil, port.node == node {
                exports[port]?.pins += 1
            } else {
                let proxy = adopt(port, limit, from: peer, &actions)
                proxies[proxy]?.pins += 1
            }
        }
    }

    /// The proxy for a port of the peer, one for all the rights to it; one more reception.
    private mutating func adopt(_ port: PortID, _ limit: UInt32, from peer: UInt32, _ actions: inout [NetworkAction]) -> ProxyID {
        let id: ProxyID
        if let known = proxyOfPort[port] {
            id = known
        } else {
            lastProxy += 1
            id = ProxyID(raw: lastProxy)
            let limit = min(limit, UInt32(Limits.queueMessagesMax))
            proxies[id] = Proxy(port: port, peer: peer, limit: limit)
            proxyOfPort[port] = id
            peers[peer]?.proxies.insert(id)
            actions.append(.makeProxy(id, port: port, limit: limit))
            pauseOrResume(id, &actions)
        }
        proxies[id]?.receptions += 1
        return id
    }

    private mutating func arrive(
        _ bytes: [UInt8], memory: Int, of transfer: UInt64, from peer: UInt32, _ actions: inout [NetworkAction]
    ) throws(Fault) {
        guard var incoming = peers[peer]?.incoming[transfer] else { throw Fault(fault: .unknownTransfer) }
        guard memory == incoming.memory, !bytes.isEmpty, UInt64(bytes.count) <= incoming.message.memory[memory] - incoming.offset else {
            throw Fault(fault: .tooMuchMemory)
        }
        let key = TransferKey(peer: peer, number: transfer)
        actions.append(.append(key, memory: memory, bytes))
        incoming.offset += UInt64(bytes.count)
        incoming.skipWhatIsComplete()
        guard incoming.isComplete else {
            peers[peer]?.incoming[transfer] = incoming
            return
        }
        peers[peer]?.incoming[transfer] = nil
        deliver(incoming.message, from: peer, &actions)
    }

    /// What a local task gets in the place of a right between nodes.
    private mutating func localRight(_ right: NetworkRight, from peer: UInt32, _ watched: inout [ProxyID]) -> RightForTask {
        switch right {
        case .null: return .null
        case .dead: return .dead
        case .once(let number): return .once(OnceKey(peer: peer, number: number))
        case .home(let number): return .kept(number)
        case .send(let port, _):
            if port.node == node, let export = exports[port] {
                exports[port]?.pins -= 1
                return export.isDead ? .dead : .held(port)
            }
            guard let id = proxyOfPort[port] else { return .dead }
            proxies[id]?.pins -= 1
            watched.append(id)
            guard proxies[id]?.isDead == false else { return .dead }
            proxies[id]?.made &+= 1
            return .proxy(id)
        }
    }

    private mutating func deliver(_ message: NetworkMessage, from peer: UInt32, _ actions: inout [NetworkAction]) {
        var watched: [ProxyID] = []
        let speaker = message.sender.flatMap { sender in
            TaskID(node: peer, task: sender.task).map { Speaker($0, sender.identity) }
        }
        lastDelivery += 1
        let destination: Delivery.Destination
        var isDead = false
        switch message.destination {
        case .port(let port):
            destination = .held(port)
            isDead = exports[port]?.isDead ?? true
            if !isDead {
                deliveries[lastDelivery] = WindowPlace(peer: peer, port: port)
                exports[port]?.delivering += 1
            }
        case .once(let number): destination = .once(number)
        }
        if isDead {
            giveUpRights(of: message, from: peer, &actions)
            if !message.memory.isEmpty { actions.append(.discard(TransferKey(peer: peer, number: message.transfer))) }
            if case .port(let port) = message.destination { ended(port, peer, &actions) }
            return
        }
        let reply = localRight(message.reply, from: peer, &watched)
        var rights: [RightForTask] = []
        for right in message.rights { rights.append(localRight(right, from: peer, &watched)) }
        let homePorts = homePorts(in: message)
        actions.append(
            .deliver(
                lastDelivery,
                Delivery(
                    destination: destination, speaker: speaker, code: message.code, bytes: message.bytes, reply: reply, rights: rights,
                    transfer: message.memory.isEmpty ? nil : TransferKey(peer: peer, number: message.transfer),
                    memoryCount: message.memory.count)))
        for proxy in watched { watch(proxy, &actions) }
        for port in homePorts { considerReleasing(port, &actions) }
    }

    /// A message that will not be delivered after all.
    private mutating func giveUp(_ message: NetworkMessage, from peer: UInt32, _ actions: inout [NetworkAction]) {
        giveUpRights(of: message, from: peer, &actions)
        switch message.destination {
        case .port(let port): ended(port, peer, &actions)
        // It was used: its owner is told that nothing came of it.
        case .once(let number): actions.append(.drop(once: number))
        }
    }

    private mutating func giveUpRights(of message: NetworkMessage, from peer: UInt32, _ actions: inout [NetworkAction]) {
        for right in [message.reply] + message.rights {
            switch right {
            case .null, .dead: break
            case .once(let number):
                peers[peer]?.taken.remove(number)
                actions.append(.send(peer: peer, .onceUnused(number)))
            case .home(let number): actions.append(.drop(once: number))
            case .send(let port, _):
                if port.node == node, exports[port] != nil {
                    exports[port]?.pins -= 1
                    considerReleasing(port, &actions)
                } else if let id = proxyOfPort[port] {
                    proxies[id]?.pins -= 1
                    considerCleaning(id, &actions)
                }
            }
        }
    }

    private func homePorts(in message: NetworkMessage) -> [PortID] {
        ([message.reply] + message.rights).compactMap { right in
            guard case .send(let port, _) = right, port.node == node, exports[port] != nil else { return nil }
            return port
        }
    }

    private mutating func delivered(_ number: UInt64, _ actions: inout [NetworkAction]) {
        guard let place = deliveries.removeValue(forKey: number) else { return }
        exports[place.port]?.delivering -= 1
        // Nothing is counted of a port that has died.
        guard exports[place.port]?.isDead == false else { return considerReleasing(place.port, &actions) }
        guard exports[place.port]?.early == 0 else {
            exports[place.port]?.early -= 1
            return ended(place.port, place.peer, &actions)
        }
        exports[place.port]?.queued.append(place.peer)
    }

    /// Messages of ours have been received, the first of them first.
    private mutating func received(_ port: PortID, _ count: UInt32, _ actions: inout [NetworkAction]) {
        for _ in 0..<count {
            guard exports[port]?.queued.isEmpty == false else {
                exports[port]?.early += 1
                continue
            }
            ended(port, exports[port]?.queued.removeFirst(), &actions)
        }
    }

    private mutating func ended(_ port: PortID, _ peer: UInt32?, _ actions: inout [NetworkAction]) {
        guard let peer, let count = exports[port]?.underWay[peer] else { return considerReleasing(port, &actions) }
        exports[port]?.underWay[peer] = count == 1 ? nil : count - 1
        if case .send(peer, .accepted(port, let before))? = actions.last {
            actions[actions.count - 1] = .send(peer: peer, .accepted(port, count: before + 1))
        } else {
            actions.append(.send(peer: peer, .accepted(port, count: 1)))
        }
        considerReleasing(port, &actions)
    }

    // MARK: references

    private mutating func noSenders(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard let proxy = proxies[id], !proxy.isDead else { return }
        proxies[id]?.isWatched = false
        // A right that is about to be made is not counted in what we were told; when it has been, we are told again.
        guard proxy.pins == 0 else { return }
        // A proxy made anew would not know what is under way, and exceed the window.
        guard proxy.unaccepted == 0 else {
            proxies[id]?.awaitsAcceptance = true
            return
        }
        clean(id, &actions)
    }

    private mutating func watch(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard let proxy = proxies[id] else { return }
        guard !proxy.isDead else { return considerCleaning(id, &actions) }
        guard !proxy.isWatched else { return }
        proxies[id]?.isWatched = true
        actions.append(.watch(id))
    }

    /// A proxy to which no right was ever made, or none will be any more.
    private mutating func considerCleaning(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard let proxy = proxies[id], proxy.pins == 0 else { return }
        // If its last sender has gone while a right was on its way, that has been said in vain: it is to be said again.
        guard proxy.isDead || proxy.made == 0 else { return watch(id, &actions) }
        clean(id, &actions)
    }

    private mutating func clean(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard let proxy = proxies.removeValue(forKey: id) else { return }
        proxyOfPort[proxy.port] = nil
        peers[proxy.peer]?.proxies.remove(id)
        if !proxy.isDead { actions.append(.destroyProxy(id)) }
        actions.append(.send(peer: proxy.peer, .clean(proxy.port, receptions: proxy.receptions)))
    }

    /// The port behind the proxy has died.
    private mutating func bury(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard proxies[id]?.isDead == false else { return }
        actions.append(.destroyProxy(id))
        proxies[id]?.isDead = true
        considerCleaning(id, &actions)
    }

    private mutating func died(_ port: PortID, _ actions: inout [NetworkAction]) {
        guard exports[port]?.isDead == false else { return }
        exports[port]?.isDead = true
        exports[port]?.underWay = [:]
        exports[port]?.queued = []
        for peer in (exports[port]?.holders ?? [:]).keys.sorted() { actions.append(.send(peer: peer, .portDied(port))) }
        considerReleasing(port, &actions)
    }

    private mutating func considerReleasing(_ port: PortID, _ actions: inout [NetworkAction]) {
        guard let export = exports[port], export.holders.isEmpty, export.pins == 0, export.underWay.isEmpty, export.delivering == 0,
            export.queued.isEmpty
        else { return }
        exports[port] = nil
        actions.append(.release(port))
    }

    // MARK: back-pressure

    private mutating func pauseOrResume(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard var proxy = proxies[id] else { return }
        if peers[proxy.peer]?.isCongested == true { proxy.pauses.insert(.congestion) } else { proxy.pauses.remove(.congestion) }
        proxies[id] = proxy
        guard proxy.isPaused == proxy.pauses.isEmpty else { return }
        proxies[id]?.isPaused.toggle()
        actions.append(proxy.isPaused ? .resume(id) : .pause(id))
    }
}
