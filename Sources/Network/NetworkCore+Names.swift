// Figure 2, between the nodes: who is asked for a name, and when the search is over.

import MasixKernel

extension NetworkCore {
    mutating func find(_ asker: UInt64, _ name: String, _ wait: UInt32, _ until: UInt64, _ actions: inout [NetworkAction]) {
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

    mutating func ask(_ peer: UInt32, _ search: Search, _ asker: UInt64, _ actions: inout [NetworkAction]) {
        guard let outstanding = peers[peer]?.requests.count, outstanding < bounds.lookUps else {
            return answeredNo(peer, asker, isSilent: true, &actions)
        }
        lastRequest += 1
        peers[peer]?.requests[lastRequest] = asker
        actions.append(.send(peer: peer, .lookUp(request: lastRequest, name: search.name, waitMilliseconds: search.wait)))
    }

    mutating func answeredNo(_ peer: UInt32, _ asker: UInt64, isSilent: Bool, _ actions: inout [NetworkAction]) {
        guard let known = searches[asker], known.waiting.contains(peer), !(isSilent && known.isPatient) else { return }
        searches[asker]?.waiting.remove(peer)
        if isSilent { searches[asker]?.silent.insert(peer) }
        guard let search = searches[asker], search.waiting.isEmpty else { return }
        searches[asker] = nil
        actions.append(.answer(asker: asker, nil, silent: search.silent.sorted()))
    }

    /// A peer knows the name, or another one was faster and the right is not needed.
    mutating func found(_ right: Landed, by peer: UInt32, for asker: UInt64, _ actions: inout [NetworkAction]) {
        guard searches.removeValue(forKey: asker) != nil else { return giveUp(right, from: peer, &actions) }
        var watched: [ProxyID] = []
        actions.append(.answer(asker: asker, localRight(right, from: peer, &watched), silent: []))
        for proxy in watched { watch(proxy, &actions) }
        if case .own(let port) = right { considerReleasing(port, &actions) }
    }

    mutating func resolved(_ peer: UInt32, _ request: UInt64, _ right: LocalRight, _ actions: inout [NetworkAction]) {
        guard peers[peer]?.questions.remove(request) != nil else { return }
        let right = export(right, to: peer, &actions)
        switch right {
        case .send, .back, .third: actions.append(.send(peer: peer, .found(request: request, right)))
        case .null, .dead, .once, .home: actions.append(.send(peer: peer, .unknown(request: request)))
        }
    }

    mutating func expire(_ time: UInt64, _ actions: inout [NetworkAction]) {
        for (asker, search) in searches.sorted(by: { $0.key < $1.key }) where search.until <= time {
            searches[asker] = nil
            actions.append(.answer(asker: asker, nil, silent: search.silent.union(search.waiting).sorted()))
        }
        for (number, barrier) in barriers.sorted(by: { $0.key < $1.key }) {
            guard let until = barrier.until else {
                barriers[number]?.until = time + bounds.barrierMilliseconds
                continue
            }
            if until <= time { pass(number, &actions) }
        }
    }
}
