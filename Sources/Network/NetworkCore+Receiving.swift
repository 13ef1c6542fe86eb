// Figure 3, the other side: what comes in, checked before anything is done, and what becomes of it.

import DequeModule
import MasixKernel

extension NetworkCore {
    mutating func arrive(_ message: NetworkMessage, from peer: UInt32, _ actions: inout [NetworkAction]) throws(Fault) {
        try check(message, from: peer)
        switch message.destination {
        case .port(let uid): if let port = port(of: uid) { exports[port]?.underWay[peer, default: 0] += 1 }
        case .once(let number): peers[peer]?.given.remove(number)
        }
        let reply = receive(message.reply, from: peer, &actions)
        var rights: [Landed] = []
        for right in message.rights { rights.append(receive(right, from: peer, &actions)) }
        var incoming = IncomingTransfer(message: message, reply: reply, rights: rights)
        guard !message.memory.isEmpty else { return deliver(incoming, from: peer, &actions) }
        incoming.skipWhatIsComplete()
        let key = TransferKey(peer: peer, number: message.transfer)
        actions.append(.collect(key, lengths: message.memory))
        if incoming.isComplete { return deliver(incoming, from: peer, &actions) }
        peers[peer]?.incoming[message.transfer] = incoming
    }

    /// Everything that can be wrong with it, before anything is done.
    func check(_ message: NetworkMessage, from peer: UInt32) throws(Fault) {
        guard let state = peers[peer] else { return }
        switch message.destination {
        case .port(let uid):
            guard let export = exports[try held(uid, by: peer)] else { throw Fault(fault: .notGiven) }
            guard export.underWay[peer, default: 0] < max(1, export.limit) else { throw Fault(fault: .windowExceeded) }
        case .once(let number):
            guard state.given.contains(number) else { throw Fault(fault: .unknownOnce) }
        }
        if let sender = message.sender {
            guard sender.task != .kernel, TaskID(node: peer, task: sender.task) != nil else { throw Fault(fault: .strangeSender) }
        }
        var gifts = Gifts()
        var onces: Set<UInt64> = []
        var homes: Set<UInt64> = []
        if case .once(let number) = message.destination { homes.insert(number) }
        for right in [message.reply] + message.rights {
            switch right {
            case .null, .dead, .third: break
            case .once(let number):
                guard !state.taken.contains(number), onces.insert(number).inserted else { throw Fault(fault: .repeatedOnce) }
            case .home(let number):
                guard state.given.contains(number), homes.insert(number).inserted else { throw Fault(fault: .unknownOnce) }
            case .send(let uid, _, let sequence, let key): try check(uid, sequence, key, from: peer, &gifts)
            case .back(let uid): _ = try held(uid, by: peer)
            }
        }
        try checkRoom(forPorts: gifts.newPorts, peer)
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
    mutating func receive(_ right: NetworkRight, from peer: UInt32, _ actions: inout [NetworkAction]) -> Landed {
        switch right {
        case .null: return .null
        case .dead: return .dead
        case .once(let number):
            peers[peer]?.taken.insert(number)
            return .once(number)
        case .home(let number):
            peers[peer]?.given.remove(number)
            return .home(number)
        case .send(let uid, let limit, let sequence, let key):
            let proxy = adopt(KeyedPort(uid: uid, key: key), limit, sequence, from: peer, &actions)
            proxies[proxy]?.pins += 1
            return .proxy(proxy)
        case .back(let uid):
            guard let port = port(of: uid) else { return .dead }
            exports[port]?.pins += 1
            return .own(port)
        case .third(let uid, let owner, let limit, let key, let pin):
            return receive(KeyedPort(uid: uid, key: key), of: owner, limit, from: Giver(peer: peer, pin: pin), &actions)
        }
    }

    /// The proxy for a port of the peer, one for all the rights to it; the gift is the latest.
    mutating func adopt(
        _ port: KeyedPort, _ limit: UInt32, _ sequence: UInt64, from peer: UInt32, _ actions: inout [NetworkAction]
    ) -> ProxyID {
        let id = proxyOfPort[port] ?? makeProxy(port, of: peers[peer]?.id ?? port.uid.birth, limit, sequence, &actions)
        grant(id, limit, sequence, &actions)
        return id
    }

    mutating func makeProxy(
        _ port: KeyedPort, of owner: NodeID, _ limit: UInt32, _ sequence: UInt64, _ actions: inout [NetworkAction]
    ) -> ProxyID {
        lastProxy += 1
        let id = ProxyID(raw: lastProxy)
        let limit = min(limit, UInt32(Limits.queueMessagesMax))
        proxies[id] = Proxy(port: port.uid, key: port.key, owner: owner, limit: limit, sequence: sequence)
        proxyOfPort[port] = id
        peers[owner.number]?.proxies.insert(id)
        actions.append(.makeProxy(id, port: port.uid, limit: limit))
        pauseOrResume(id, &actions)
        return id
    }

    mutating func arrive(
        _ bytes: ArraySlice<UInt8>, memory: Int, of transfer: UInt64, from peer: UInt32, _ actions: inout [NetworkAction]
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
        deliver(incoming, from: peer, &actions)
    }

    /// What a local task gets in the place of a right between nodes.
    mutating func localRight(_ right: Landed, from peer: UInt32, _ watched: inout [ProxyID]) -> RightForTask {
        switch right {
        case .null: return .null
        case .dead: return .dead
        case .once(let number): return .once(OnceKey(peer: peer, number: number))
        case .home(let number): return .kept(number)
        case .own(let port):
            guard let export = exports[port] else { return .dead }
            exports[port]?.pins -= 1
            return export.isDead ? .dead : .held(port)
        case .proxy(let id):
            proxies[id]?.pins -= 1
            watched.append(id)
            guard proxies[id]?.isDead == false else { return .dead }
            proxies[id]?.made &+= 1
            return .proxy(id)
        }
    }

    mutating func deliver(_ incoming: IncomingTransfer, from peer: UInt32, _ actions: inout [NetworkAction]) {
        let message = incoming.message
        var watched: [ProxyID] = []
        let speaker = message.sender.flatMap { sender in
            TaskID(node: peer, task: sender.task).map { Speaker($0, sender.identity) }
        }
        lastDelivery += 1
        let destination: Delivery.Destination
        switch message.destination {
        case .port(let uid):
            guard let port = port(of: uid), exports[port]?.isDead == false else {
                giveUpRights(of: incoming, from: peer, &actions)
                if !message.memory.isEmpty { actions.append(.discard(TransferKey(peer: peer, number: message.transfer))) }
                if let port = port(of: uid) { ended(port, peer, &actions) }
                return
            }
            destination = .held(port)
            deliveries[lastDelivery] = WindowPlace(peer: peer, port: port)
            exports[port]?.delivering += 1
        case .once(let number): destination = .once(number)
        }
        let reply = localRight(incoming.reply, from: peer, &watched)
        var rights: [RightForTask] = []
        for right in incoming.rights { rights.append(localRight(right, from: peer, &watched)) }
        actions.append(
            .deliver(
                lastDelivery,
                Delivery(
                    destination: destination, speaker: speaker, code: message.code, bytes: message.bytes, format: message.format,
                    reply: reply, rights: rights,
                    transfer: message.memory.isEmpty ? nil : TransferKey(peer: peer, number: message.transfer),
                    memoryCount: message.memory.count)))
        for proxy in watched { watch(proxy, &actions) }
        for case .own(let port) in [incoming.reply] + incoming.rights { considerReleasing(port, &actions) }
    }

    /// A message that will not be delivered after all.
    mutating func giveUp(_ incoming: IncomingTransfer, from peer: UInt32, _ actions: inout [NetworkAction]) {
        giveUpRights(of: incoming, from: peer, &actions)
        switch incoming.message.destination {
        case .port(let uid): if let port = port(of: uid) { ended(port, peer, &actions) }
        // It was used: its owner is told that nothing came of it.
        case .once(let number): actions.append(.drop(once: number))
        }
    }

    mutating func giveUpRights(of incoming: IncomingTransfer, from peer: UInt32, _ actions: inout [NetworkAction]) {
        for right in [incoming.reply] + incoming.rights { giveUp(right, from: peer, &actions) }
    }

    mutating func giveUp(_ right: Landed, from peer: UInt32, _ actions: inout [NetworkAction]) {
        switch right {
        case .null, .dead: break
        case .once(let number):
            // The channel may have ended, and this right with it.
            guard peers[peer]?.taken.remove(number) != nil else { return }
            actions.append(.send(peer: peer, .onceUnused(number)))
        case .home(let number): actions.append(.drop(once: number))
        case .own(let port):
            exports[port]?.pins -= 1
            considerReleasing(port, &actions)
        case .proxy(let id):
            proxies[id]?.pins -= 1
            considerCleaning(id, &actions)
        }
    }

    mutating func delivered(_ number: UInt64, _ actions: inout [NetworkAction]) {
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
    mutating func received(_ port: PortID, _ count: UInt32, _ actions: inout [NetworkAction]) {
        for _ in 0..<count {
            guard exports[port]?.queued.isEmpty == false else {
                exports[port]?.early += 1
                continue
            }
            ended(port, exports[port]?.queued.removeFirst(), &actions)
        }
    }

    mutating func ended(_ port: PortID, _ peer: UInt32?, _ actions: inout [NetworkAction]) {
        guard let peer, let count = exports[port]?.underWay[peer] else { return considerReleasing(port, &actions) }
        exports[port]?.underWay[peer] = count == 1 ? nil : count - 1
        let uid = uid(of: port)
        if case .send(peer, .accepted(uid, let before))? = actions.last {
            actions[actions.count - 1] = .send(peer: peer, .accepted(uid, count: before + 1))
        } else {
            actions.append(.send(peer: peer, .accepted(uid, count: 1)))
        }
        considerReleasing(port, &actions)
    }
}
