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

    /// What is known of names beside searches.
    struct Naming: Sendable {
        var announcements: NameAnnouncements = []
        /// Milliseconds.
        var now: UInt64 = 0
        /// Names of this node that others were given: the port, and who was. As many as the name server has at the most.
        var told: [String: Told] = [:]
        /// Names that others have announced, and were believed.
        var heard: [String: Heard] = [:]
        /// Names that we have asked our own name server for, to announce them.
        var own: [UInt64: String] = [:]
        var lastOwn: UInt64 = 0

        struct Told: Sendable {
            let port: KeyedPort
            var peers: Set<UInt32> = []
        }

        struct Heard: Sendable {
            let peer: UInt32
            let port: KeyedPort
        }

        static let ownMax = 1_024

        mutating func forget(_ peer: UInt32) {
            for name in told.keys { told[name]?.peers.remove(peer) }
            heard = heard.filter { $0.value.peer != peer }
        }
    }

    /// What is announced to all nodes, and whether announcements of others are taken: nobody takes any who makes none.
    public var announcements: NameAnnouncements {
        get { naming.announcements }
        set { naming.announcements = newValue }
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
    private func check(_ uid: PortUID, _ sequence: UInt64, _ key: UInt64, from peer: UInt32) throws(Fault) {
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

    /// What all nodes know the port by.
    private func keyed(_ right: LocalRight) -> KeyedPort? {
        switch right {
        case .send(let port, _): exports[port].map { KeyedPort(uid: uid(of: port), key: $0.key) }
        case .proxy(let id): proxies[id].map { KeyedPort(uid: $0.port, key: $0.key) }
        case .null, .dead, .once, .onceHome: nil
        }
    }

    private mutating func note(_ name: String, _ port: KeyedPort, toldTo peer: UInt32, _ actions: inout [NetworkAction]) {
        // The name has moved to another port, and that has not been said yet.
        if let told = naming.told[name], told.port != port { withdraw(name, &actions) }
        naming.told[name, default: Naming.Told(port: port)].peers.insert(peer)
    }

    // MARK: the optimisations of section 6.1

    /// Everybody who holds no right to the port gets one, under this name.
    private mutating func announce(_ name: String, _ right: LocalRight, but asker: UInt32?, _ actions: inout [NetworkAction]) {
        guard case .send(let port, _) = right else { return }
        for peer in peers.keys.sorted() where peer != asker && exports[port]?.holders[peer] == nil {
            guard case .send(let uid, let limit, let sequence, let key) = export(right, to: peer, &actions) else { continue }
            actions.append(.send(peer: peer, .announced(name: name, uid, limit: limit, sequence: sequence, key: key)))
            note(name, KeyedPort(uid: uid, key: key), toldTo: peer, &actions)
        }
    }

    /// Step 10: who sends to this port for the first time is made known.
    mutating func introduce(_ sender: Speaker?, at proxy: ProxyID, _ actions: inout [NetworkAction]) {
        guard announcements.contains(.senders), let task = sender?.task, proxies[proxy]?.introduced.insert(task).inserted == true else {
            return
        }
        actions.append(.nameTask(task))
    }

    mutating func named(_ names: [String], of task: TaskID, _ actions: inout [NetworkAction]) {
        for name in names where naming.own.count < Naming.ownMax {
            guard naming.told[name]?.peers.isSuperset(of: peers.keys) != true else { continue }
            naming.lastOwn += 1
            naming.own[naming.lastOwn] = name
            actions.append(.resolve(peer: node.number, request: naming.lastOwn, name: name, waitMilliseconds: 0))
        }
    }

    /// A peer has announced a name: it is learnt if no lower node has announced the same, and its port lives.
    mutating func heard(
        _ name: String, _ port: KeyedPort, _ limit: UInt32, _ sequence: UInt64, from peer: UInt32, _ actions: inout [NetworkAction]
    ) throws(Fault) {
        try check(port.uid, sequence, port.key, from: peer)
        let proxy = adopt(port, limit, sequence, from: peer, &actions)
        guard !announcements.isEmpty, proxies[proxy]?.isDead == false, hasRoom(for: name, of: peer) else {
            return considerCleaning(proxy, &actions)
        }
        naming.heard[name] = Naming.Heard(peer: peer, port: port)
        proxies[proxy]?.made &+= 1
        actions.append(.learn(name: name, proxy))
        watch(proxy, &actions)
    }

    private mutating func hasRoom(for name: String, of peer: UInt32) -> Bool {
        if let known = naming.heard[name] { return peer <= known.peer || !lives(known) }
        guard naming.heard.count >= NetworkLimits.namesHeardMax else { return true }
        let alive = naming.heard.filter { lives($0.value) }
        naming.heard = alive
        return alive.count < NetworkLimits.namesHeardMax
    }

    private func lives(_ heard: Naming.Heard) -> Bool { proxyOfPort[heard.port].flatMap { proxies[$0] }?.isDead == false }

    // MARK: names that end before their ports do

    mutating func withdraw(_ name: String, _ actions: inout [NetworkAction]) {
        for peer in peers.keys {
            for (request, question) in peers[peer]?.questions ?? [:] where question.name == name {
                peers[peer]?.questions[request]?.isWithdrawn = true
            }
        }
        for (request, asked) in naming.own where asked == name { naming.own[request] = nil }
        guard let told = naming.told.removeValue(forKey: name) else { return }
        for peer in told.peers.sorted() where peers[peer] != nil {
            actions.append(.send(peer: peer, .withdrawn(name: name, told.port.uid, key: told.port.key)))
        }
    }

    /// Of a port that nobody here has a right to there is nothing to forget.
    mutating func withdrawn(_ name: String, _ port: KeyedPort, by peer: UInt32, _ actions: inout [NetworkAction]) {
        if naming.heard[name]?.peer == peer { naming.heard[name] = nil }
        if let id = proxyOfPort[port], proxies[id]?.isDead == false {
            actions.append(.unlearn(name: name, peer: peer, .proxy(id)))
        } else if let own = self.port(of: port.uid), exports[own]?.key == port.key {
            actions.append(.unlearn(name: name, peer: peer, .held(own)))
        }
    }
}
