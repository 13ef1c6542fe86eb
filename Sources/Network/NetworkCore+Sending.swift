// Figure 3, this node's side: what leaves it, rights translated, memory in pieces.

import DequeModule
import MasixKernel

extension NetworkCore {
    mutating func sent(_ local: LocalMessage, to id: ProxyID, _ transfer: UInt64, _ actions: inout [NetworkAction]) {
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

    mutating func answered(_ key: OnceKey, _ local: LocalMessage, _ transfer: UInt64, _ actions: inout [NetworkAction]) {
        guard peers[key.peer]?.taken.remove(key.number) != nil else { return giveUp(local, transfer, &actions) }
        guard Self.total(local.memory) <= bounds.memoryBytes else {
            // Its owner is told that nothing came of it.
            actions.append(.send(peer: key.peer, .onceUnused(key.number)))
            return giveUp(local, transfer, &actions)
        }
        dispatch(WaitingMessage(local: local, destination: .once(key.number), transfer: transfer), to: key.peer, &actions)
    }

    /// The destination is gone: the message vanishes (spec/mach.md S4), and its rights with it.
    mutating func giveUp(_ local: LocalMessage, _ transfer: UInt64, _ actions: inout [NetworkAction]) {
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

    /// Our hold of a port of ours that other nodes are told of, and what is known of it.
    mutating func hold(_ port: PortID, limit: UInt32, _ actions: inout [NetworkAction]) {
        guard exports[port] == nil else { return }
        exports[port] = Export(limit: limit, key: chance.next())
        actions.append(.hold(port))
    }

    /// One more right to it for a node, which holds it from here on; nil if it has died.
    mutating func give(_ port: PortID, to peer: UInt32) -> UInt64? {
        guard exports[port]?.isDead == false else { return nil }
        let sequence = (exports[port]?.gifts ?? 0) + 1
        exports[port]?.gifts = sequence
        exports[port]?.holders[peer] = Holder(sequence: sequence)
        peers[peer]?.held.insert(port)
        return sequence
    }

    mutating func translate(
        _ local: LocalMessage, to destination: NetworkMessage.Destination, peer: UInt32, _ transfer: UInt64,
        _ actions: inout [NetworkAction]
    ) -> NetworkMessage {
        let reply = export(local.reply, to: peer, &actions)
        var rights: [NetworkRight] = []
        for right in local.rights { rights.append(export(right, to: peer, &actions)) }
        return NetworkMessage(
            to: destination, from: local.sender, code: local.code, reply: reply, rights: rights, bytes: local.bytes, format: local.format,
            memory: local.memory, transfer: local.memory.isEmpty ? 0 : transfer)
    }

    /// What the peer is told in the place of a local right; from here on it holds it.
    mutating func export(_ right: LocalRight, to peer: UInt32, _ actions: inout [NetworkAction]) -> NetworkRight {
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
            hold(port, limit: limit, &actions)
            guard let sequence = give(port, to: peer), let export = exports[port] else { return .dead }
            return .send(uid(of: port), limit: export.limit, sequence: sequence, key: export.key)
        case .proxy(let id):
            guard let proxy = proxies[id], !proxy.isDead else { return .dead }
            if proxy.peer == peer, proxy.isGranted { return .back(proxy.port) }
            guard let pins = peers[peer]?.pins.count, pins < bounds.ports else { return .dead }
            lastPin += 1
            peers[peer]?.pins[lastPin] = id
            proxies[id]?.pins += 1
            return .third(proxy.port, owner: proxy.owner, limit: proxy.limit, key: proxy.key, pin: lastPin)
        }
    }

    mutating func dispatch(_ message: WaitingMessage, to peer: UInt32, _ actions: inout [NetworkAction]) {
        guard let state = peers[peer] else { return }
        guard message.local.memory.isEmpty || state.waiting.isEmpty && hasRoom(for: message, state) else {
            pin(message, &actions)
            peers[peer]?.waiting.append(message)
            return
        }
        begin(message, to: peer, &actions)
    }

    func hasRoom(for message: WaitingMessage, _ peer: Peer) -> Bool {
        guard peer.outgoing.count < bounds.transfers else { return false }
        let underWay = peer.outgoing.reduce(0) { $0 + Self.total($1.lengths) }
        return underWay + Self.total(message.local.memory) <= bounds.memoryBytes
    }

    /// Never more than so many lengths can be.
    static func total(_ lengths: [UInt64]) -> UInt64 { lengths.reduce(0) { $0 + min($1, NetworkLimits.memoryBytesMax) } }

    mutating func begin(_ message: WaitingMessage, to peer: UInt32, _ actions: inout [NetworkAction]) {
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

    mutating func beginWaiting(for peer: UInt32, _ actions: inout [NetworkAction]) {
        while let state = peers[peer], let message = state.waiting.first, hasRoom(for: message, state) {
            peers[peer]?.waiting.removeFirst()
            begin(message, to: peer, &actions)
            unpin(message, &actions)
        }
    }

    /// What the message goes to and what it takes along stays until it has gone.
    mutating func pin(_ message: WaitingMessage, _ actions: inout [NetworkAction]) {
        if case .proxy(let id) = message.destination { proxies[id]?.pins += 1 }
        for right in [message.local.reply] + message.local.rights {
            switch right {
            case .null, .dead, .once, .onceHome: break
            case .proxy(let id): proxies[id]?.pins += 1
            case .send(let port, let limit):
                hold(port, limit: limit, &actions)
                exports[port]?.pins += 1
            }
        }
    }

    mutating func unpin(_ message: WaitingMessage, _ actions: inout [NetworkAction]) {
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

    mutating func end(_ transfer: OutgoingTransfer, of peer: UInt32, _ actions: inout [NetworkAction]) {
        actions.append(.forget(transfer: transfer.number))
        if let proxy = transfer.proxy {
            proxies[proxy]?.pauses.remove(.transfer)
            pauseOrResume(proxy, &actions)
        }
        beginWaiting(for: peer, &actions)
    }

    mutating func unreadable(_ number: UInt64, for peer: UInt32, _ actions: inout [NetworkAction]) {
        guard let place = peers[peer]?.outgoing.firstIndex(where: { $0.number == number }),
            let transfer = peers[peer]?.outgoing.remove(at: place)
        else { return }
        actions.append(.send(peer: peer, .abandoned(transfer: number)))
        end(transfer, of: peer, &actions)
    }

    mutating func pauseOrResume(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard var proxy = proxies[id], !proxy.isDead else { return }
        proxy.pauses.set(.congestion, peers[proxy.peer]?.isCongested == true)
        proxy.pauses.set(.grant, !proxy.isGranted)
        proxy.pauses.set(.window, proxy.isOverfull && proxy.unaccepted >= max(1, proxy.limit))
        proxies[id] = proxy
        guard proxy.isPaused == proxy.pauses.isEmpty else { return }
        proxies[id]?.isPaused.toggle()
        actions.append(proxy.isPaused ? .resume(id) : .pause(id))
    }
}
