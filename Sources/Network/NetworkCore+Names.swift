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

    mutating func resolved(_ peer: UInt32, _ request: UInt64, _ right: LocalRight, _ actions: inout [NetworkAction]) {
        guard peers[peer]?.questions.remove(request) != nil else { return }
        switch export(right, to: peer, &actions) {
        case .send(let port, let limit, let sequence):
            actions.append(.send(peer: peer, .found(request: request, .send(port, limit: limit, sequence: sequence))))
        case .back(let port): actions.append(.send(peer: peer, .found(request: request, .back(port))))
        case .null, .dead, .once, .home: actions.append(.send(peer: peer, .unknown(request: request)))
        }
    }

    mutating func expire(_ time: UInt64, _ actions: inout [NetworkAction]) {
        for (asker, search) in searches.sorted(by: { $0.key < $1.key }) where search.until <= time {
            searches[asker] = nil
            actions.append(.answer(asker: asker, nil, silent: search.silent.union(search.waiting).sorted()))
        }
    }
}
