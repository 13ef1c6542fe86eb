// Rights to ports of third nodes: given with a key, claimed at the owner, and kept by the giver until then (Decisions/0020).

import MasixKernel

extension NetworkCore {
    /// A right to a port of the owner, given by somebody else.
    mutating func receive(
        _ port: KeyedPort, of owner: NodeID, _ limit: UInt32, from giver: Giver, _ actions: inout [NetworkAction]
    ) -> Landed {
        if owner.number == node.number || self.port(of: port.uid) != nil {
            // It comes home. The key decides whether it is one that we have given.
            settle([giver], &actions)
            guard let own = self.port(of: port.uid), let export = exports[own], export.key == port.key else { return .dead }
            exports[own]?.pins += 1
            return .own(own)
        }
        guard let id = proxyOfPort[port] ?? claim(port, of: owner, limit, &actions) else {
            settle([giver], &actions)
            return .dead
        }
        proxies[id]?.pins += 1
        if proxies[id]?.isGranted == true || proxies[id]?.isDead == true {
            settle([giver], &actions)
        } else {
            proxies[id]?.givers.append(giver)
        }
        return .proxy(id)
    }

    /// A proxy for a port that is yet to be granted; nil if its owner cannot be asked.
    private mutating func claim(_ port: KeyedPort, of owner: NodeID, _ limit: UInt32, _ actions: inout [NetworkAction]) -> ProxyID? {
        if let peer = peers[owner.number] {
            guard peer.id == owner, peer.proxies.count < bounds.ports else { return nil }
            let id = makeProxy(port, of: owner, limit, 0, &actions)
            actions.append(.send(peer: owner.number, .claim(port.uid, key: port.key)))
            return id
        }
        guard expected.contains(owner.number), unclaimed[owner.number, default: []].count < bounds.ports else { return nil }
        let id = makeProxy(port, of: owner, limit, 0, &actions)
        unclaimed[owner.number, default: []].insert(id)
        actions.append(.reach(peer: owner.number))
        return id
    }

    /// The owner is there, or another life of it is.
    mutating func claimAll(of owner: NodeID, _ actions: inout [NetworkAction]) {
        for id in (unclaimed.removeValue(forKey: owner.number) ?? []).sorted() {
            guard let proxy = proxies[id] else { continue }
            if proxy.owner == owner {
                peers[owner.number]?.proxies.insert(id)
                pauseOrResume(id, &actions)
                actions.append(.send(peer: owner.number, .claim(proxy.port, key: proxy.key)))
            } else {
                bury(id, &actions)
            }
        }
    }

    /// The owner cannot be asked.
    mutating func giveUpClaims(at owner: UInt32, _ actions: inout [NetworkAction]) {
        for id in (unclaimed.removeValue(forKey: owner) ?? []).sorted() { bury(id, &actions) }
    }

    // MARK: the owner

    mutating func claimed(_ uid: PortUID, _ key: UInt64, by peer: UInt32, _ actions: inout [NetworkAction]) {
        guard let port = port(of: uid), let export = exports[port], export.key == key,
            let held = peers[peer]?.held, held.count < NetworkLimits.portsMax || held.contains(port), let sequence = give(port, to: peer)
        else {
            // A wrong key may have been told by somebody else: whoever brings it is not to blame.
            actions.append(.send(peer: peer, .refused(uid, key: key)))
            return
        }
        actions.append(.send(peer: peer, .granted(uid, key: key, limit: export.limit, sequence: sequence)))
    }

    // MARK: the answer

    /// The latest gift of the port is this.
    mutating func grant(_ id: ProxyID, _ limit: UInt32, _ sequence: UInt64, _ actions: inout [NetworkAction]) {
        guard let proxy = proxies[id] else { return }
        let limit = min(limit, UInt32(Limits.queueMessagesMax))
        if limit != proxy.limit {
            proxies[id]?.isOverfull = proxy.isOverfull || limit < proxy.limit
            proxies[id]?.limit = limit
            if !proxy.isDead { actions.append(.setLimit(id, limit)) }
        }
        proxies[id]?.sequence = sequence
        proxies[id]?.givers = []
        peers[proxy.peer]?.granted[proxy.port] = id
        settle(proxy.givers, &actions)
        pauseOrResume(id, &actions)
    }

    mutating func granted(
        _ port: KeyedPort, _ limit: UInt32, _ sequence: UInt64, by peer: UInt32, _ actions: inout [NetworkAction]
    ) throws(Fault) {
        try check(port.uid, isOf: peer)
        guard let id = proxyOfPort[port], proxies[id]?.peer == peer else {
            // Nobody waits for it any more.
            actions.append(.send(peer: peer, .clean(port.uid, sequence: sequence)))
            return
        }
        guard sequence > proxies[id]?.sequence ?? 0 else { throw Fault(fault: .miscounted) }
        grant(id, limit, sequence, &actions)
        considerCleaning(id, &actions)
    }

    mutating func refused(_ port: KeyedPort, by peer: UInt32, _ actions: inout [NetworkAction]) {
        // It may have been given by the owner itself meanwhile.
        guard let id = proxyOfPort[port], let proxy = proxies[id], proxy.peer == peer, !proxy.isGranted else { return }
        bury(id, &actions)
    }

    // MARK: the giver

    mutating func settle(_ givers: [Giver], _ actions: inout [NetworkAction]) {
        for giver in givers where peers[giver.peer] != nil { actions.append(.send(peer: giver.peer, .settled(pin: giver.pin))) }
    }

    mutating func settled(_ pin: UInt64, by peer: UInt32, _ actions: inout [NetworkAction]) throws(Fault) {
        guard let id = peers[peer]?.pins.removeValue(forKey: pin) else { throw Fault(fault: .unknownPin) }
        unpin(id, &actions)
    }

    mutating func unpin(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        proxies[id]?.pins -= 1
        considerCleaning(id, &actions)
    }
}
