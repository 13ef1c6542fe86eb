// Figure 2, between the nodes: who is asked for a name, who of those who have it wins, and when the search is over.

import MasixKernel

extension NetworkCore {
    /// A look-up of this node.
    struct Search: Sendable {
        let name: String
        let wait: UInt32
        let until: UInt64
        /// Only these nodes were to be asked, whoever else comes.
        let isBounded: Bool
        /// Who has not said that he has it, nor that he will not have it.
        var waiting: Set<UInt32>
        /// Who was asked and has said nothing at all yet.
        var asked: Set<UInt32> = []
        /// Who will not answer.
        var silent: Set<UInt32> = []
        /// Who has it: the right is pinned until one of them is chosen.
        var found: [UInt32: Landed] = [:]
        /// When the lowest of those is chosen, whoever is lower and has said nothing.
        var decideAt: UInt64?
        /// Who waits for a name waits for its node too: one that is not up is asked when it comes.
        var isPatient: Bool { wait > 0 }
    }

    /// A question of a peer.
    struct Question: Sendable {
        let name: String
        /// How long it is to wait after it has been told that the name is not there; 0 when it waits, or is not to.
        var rest: UInt32
        /// The name was withdrawn while the name server's answer was on its way: it may be of before.
        var isWithdrawn = false
    }

    /// How long after the first answer a lower node can still win, in milliseconds.
    public static let collection: UInt64 = 50

    /// Whether anything depends on the time: only then it need be told before frames are.
    public var isSearching: Bool { !searches.isEmpty }

    /// It is so late now, in milliseconds.
    public mutating func advance(to time: UInt64) { naming.now = max(naming.now, time) }

    // MARK: asking

    mutating func find(
        _ asker: UInt64, _ name: String, _ wait: UInt32, _ until: UInt64, among nodes: Set<UInt32>?, _ actions: inout [NetworkAction]
    ) {
        let wanted = nodes ?? expected
        var silent = unreached.intersection(wanted)
        // It may have come back.
        for peer in silent.sorted() { actions.append(.reach(peer: peer)) }
        if wait > 0 { silent = [] }
        let up = Set(peers.keys).intersection(nodes ?? Set(peers.keys))
        let search = Search(
            name: name, wait: wait, until: until, isBounded: nodes != nil, waiting: wanted.subtracting(silent).union(up), silent: silent)
        guard !search.waiting.isEmpty else { return actions.append(.answer(asker: asker, nil, silent: silent.sorted())) }
        searches[asker] = search
        for peer in up.sorted() { ask(peer, search, asker, &actions) }
    }

    mutating func ask(_ peer: UInt32, _ search: Search, _ asker: UInt64, _ actions: inout [NetworkAction]) {
        guard let outstanding = peers[peer]?.requests.count, outstanding < bounds.lookUps else {
            return answeredNo(peer, asker, isSilent: true, &actions)
        }
        lastRequest += 1
        peers[peer]?.requests[lastRequest] = asker
        searches[asker]?.asked.insert(peer)
        actions.append(.send(peer: peer, .lookUp(request: lastRequest, name: search.name, waitMilliseconds: search.wait)))
    }

    // MARK: answers of other nodes

    /// The peer has no such name, or its channel has ended.
    mutating func answeredNo(_ peer: UInt32, _ asker: UInt64, isSilent: Bool, _ actions: inout [NetworkAction]) {
        guard let known = searches[asker] else { return }
        searches[asker]?.asked.remove(peer)
        if let right = searches[asker]?.found.removeValue(forKey: peer) { giveUp(right, from: peer, &actions) }
        // What it had found has died with the channel, and may be there again when it comes back.
        if known.waiting.contains(peer) || known.found[peer] != nil {
            if isSilent, known.isPatient {
                searches[asker]?.waiting.insert(peer)
            } else {
                searches[asker]?.waiting.remove(peer)
                if isSilent { searches[asker]?.silent.insert(peer) }
            }
        }
        decide(asker, &actions)
    }

    mutating func notYet(_ request: UInt64, from peer: UInt32, _ actions: inout [NetworkAction]) throws(Fault) {
        guard let asker = peers[peer]?.requests[request] else { throw Fault(fault: .unknownRequest) }
        guard searches[asker]?.asked.remove(peer) != nil else { return }
        decide(asker, &actions)
    }

    mutating func found(_ request: UInt64, _ right: NetworkRight, from peer: UInt32, _ actions: inout [NetworkAction]) throws(Fault) {
        guard let asker = peers[peer]?.requests[request] else { throw Fault(fault: .unknownRequest) }
        switch right {
        case .send(let uid, _, let sequence, let key): try check(uid, sequence, key, from: peer)
        // A port of ours that somebody there has registered.
        case .back(let uid): _ = try held(uid, by: peer)
        case .third: break
        case .null, .dead, .once, .home: throw Fault(fault: .unknownRequest)
        }
        peers[peer]?.requests[request] = nil
        let right = receive(right, from: peer, &actions)
        // It was decided without this node.
        guard searches[asker] != nil else { return giveUp(right, from: peer, &actions) }
        searches[asker]?.found[peer] = right
        searches[asker]?.asked.remove(peer)
        searches[asker]?.waiting.remove(peer)
        if searches[asker]?.decideAt == nil { searches[asker]?.decideAt = naming.now + Self.collection }
        decide(asker, &actions)
    }

    /// A gift that comes by itself, not in a message.
    func check(_ uid: PortUID, _ sequence: UInt64, _ key: UInt64, from peer: UInt32) throws(Fault) {
        var gifts = Gifts()
        try check(uid, sequence, key, from: peer, &gifts)
        try checkRoom(forPorts: gifts.newPorts, peer)
    }

    // MARK: who wins

    /// The lowest node that has the name, once no lower one can still say so in time.
    private mutating func decide(_ asker: UInt64, isLate: Bool = false, _ actions: inout [NetworkAction]) {
        // Those that have died meanwhile do not count: their names have vanished.
        for (peer, right) in (searches[asker]?.found ?? [:]).sorted(by: { $0.key < $1.key }) where isDead(right) {
            searches[asker]?.found[peer] = nil
            giveUp(right, from: peer, &actions)
        }
        guard let search = searches[asker] else { return }
        guard let (winner, right) = search.found.min(by: { $0.key < $1.key }) else {
            searches[asker]?.decideAt = nil
            guard search.waiting.isEmpty else { return }
            searches[asker] = nil
            return actions.append(.answer(asker: asker, nil, silent: search.silent.sorted()))
        }
        guard isLate || !search.asked.contains(where: { $0 < winner }) else { return }
        searches[asker] = nil
        var watched: [ProxyID] = []
        actions.append(.answer(asker: asker, localRight(right, from: winner, &watched), silent: []))
        for proxy in watched { watch(proxy, &actions) }
        if case .own(let port) = right { considerReleasing(port, &actions) }
        for (peer, other) in search.found.sorted(by: { $0.key < $1.key }) where peer != winner { giveUp(other, from: peer, &actions) }
    }

    private func isDead(_ right: Landed) -> Bool {
        switch right {
        case .proxy(let id): proxies[id]?.isDead ?? true
        case .own(let port): exports[port]?.isDead ?? true
        case .null, .dead, .once, .home: true
        }
    }

    mutating func expire(_ time: UInt64, _ actions: inout [NetworkAction]) {
        advance(to: time)
        for (asker, search) in searches.sorted(by: { $0.key < $1.key }) {
            if let decideAt = search.decideAt, decideAt <= time { decide(asker, isLate: true, &actions) }
            guard search.until <= time, searches[asker] != nil else { continue }
            decide(asker, isLate: true, &actions)
            guard let search = searches.removeValue(forKey: asker) else { continue }
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

    // MARK: answering other nodes

    mutating func asked(
        _ name: String, _ wait: UInt32, _ request: UInt64, by peer: UInt32, _ actions: inout [NetworkAction]
    ) throws(Fault) {
        guard let questions = peers[peer]?.questions, questions.count < NetworkLimits.lookUpsMax, questions[request] == nil else {
            throw Fault(fault: .tooManyLookUps)
        }
        peers[peer]?.questions[request] = Question(name: name, rest: wait)
        // First whether it is there: the others need not wait for our waiting.
        actions.append(.resolve(peer: peer, request: request, name: name, waitMilliseconds: 0))
    }

    mutating func resolved(_ peer: UInt32, _ request: UInt64, _ right: LocalRight, _ actions: inout [NetworkAction]) {
        if peer == node.number {
            guard let name = naming.own.removeValue(forKey: request) else { return }
            return announce(name, right, but: nil, &actions)
        }
        guard let question = peers[peer]?.questions.removeValue(forKey: request) else { return }
        let crossing = export(right, to: peer, &actions)
        switch crossing {
        case .send, .back, .third:
            actions.append(.send(peer: peer, .found(request: request, crossing)))
            if let port = keyed(right) { note(question.name, port, toldTo: peer, &actions) }
            if question.isWithdrawn { return withdraw(question.name, &actions) }
            if announcements.contains(.answers) { announce(question.name, right, but: peer, &actions) }
        case .null, .dead, .once, .home:
            guard question.rest > 0 else { return actions.append(.send(peer: peer, .unknown(request: request))) }
            peers[peer]?.questions[request] = Question(name: question.name, rest: 0)
            actions.append(.send(peer: peer, .notYet(request: request)))
            actions.append(.resolve(peer: peer, request: request, name: question.name, waitMilliseconds: question.rest))
        }
    }
}
