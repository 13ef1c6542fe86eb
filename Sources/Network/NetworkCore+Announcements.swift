// Names that are told without being asked for (section 6.1 changes steps 6 and 10), and that are taken back when they end before their ports do
// (Documentation/Decisions/0022).

import MasixKernel

extension NetworkCore {
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

    /// What all nodes know the port by.
    func keyed(_ right: LocalRight) -> KeyedPort? {
        switch right {
        case .send(let port, _): exports[port].map { KeyedPort(uid: uid(of: port), key: $0.key) }
        case .proxy(let id): proxies[id].map { KeyedPort(uid: $0.port, key: $0.key) }
        case .null, .dead, .once, .onceHome: nil
        }
    }

    mutating func note(_ name: String, _ port: KeyedPort, toldTo peer: UInt32, _ actions: inout [NetworkAction]) {
        // The name has moved to another port, and that has not been said yet.
        if let told = naming.told[name], told.port != port { withdraw(name, &actions) }
        naming.told[name, default: Naming.Told(port: port)].peers.insert(peer)
    }

    // MARK: the optimisations of section 6.1

    /// Everybody who holds no right to the port gets one, under this name.
    mutating func announce(_ name: String, _ right: LocalRight, but asker: UInt32?, _ actions: inout [NetworkAction]) {
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
