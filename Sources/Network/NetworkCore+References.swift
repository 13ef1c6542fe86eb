// Who holds rights to what on other nodes, and when nobody does any more.

import DequeModule
import MasixKernel

extension NetworkCore {
    mutating func noSenders(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard let proxy = proxies[id], !proxy.isDead else { return }
        proxies[id]?.isWatched = false
        // What its owner has not granted yet cannot be given back: when it has, we are told again.
        guard proxy.isGranted else { return }
        // A right that is about to be made is not counted in what we were told; when it has been, we are told again.
        guard proxy.pins == 0 else { return }
        // A proxy made anew would not know what is under way, and exceed the window.
        guard proxy.unaccepted == 0 else {
            proxies[id]?.awaitsAcceptance = true
            return
        }
        clean(id, &actions)
    }

    mutating func watch(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard let proxy = proxies[id] else { return }
        guard !proxy.isDead else { return considerCleaning(id, &actions) }
        guard !proxy.isWatched else { return }
        proxies[id]?.isWatched = true
        actions.append(.watch(id))
    }

    /// A proxy to which no right was ever made, or none will be any more.
    mutating func considerCleaning(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard let proxy = proxies[id], proxy.pins == 0, proxy.isGranted || proxy.isDead else { return }
        // If its last sender has gone while a right was on its way, that has been said in vain: it is to be said again.
        guard proxy.isDead || proxy.made == 0 else { return watch(id, &actions) }
        clean(id, &actions)
    }

    mutating func clean(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard let proxy = forget(id, &actions), proxy.isGranted else { return }
        actions.append(.send(peer: proxy.peer, .clean(proxy.port, sequence: proxy.sequence)))
    }

    /// The proxy is no more, whatever its owner is told.
    @discardableResult
    mutating func forget(_ id: ProxyID, _ actions: inout [NetworkAction]) -> Proxy? {
        guard let proxy = proxies.removeValue(forKey: id) else { return nil }
        proxyOfPort[KeyedPort(uid: proxy.port, key: proxy.key)] = nil
        peers[proxy.peer]?.proxies.remove(id)
        if proxy.isGranted { peers[proxy.peer]?.granted[proxy.port] = nil }
        unclaimed[proxy.peer]?.remove(id)
        if unclaimed[proxy.peer]?.isEmpty == true { unclaimed[proxy.peer] = nil }
        if !proxy.isDead { actions.append(.destroyProxy(id)) }
        settle(proxy.givers, &actions)
        return proxy
    }

    /// The port behind the proxy has died.
    mutating func bury(_ id: ProxyID, _ actions: inout [NetworkAction]) {
        guard proxies[id]?.isDead == false else { return }
        actions.append(.destroyProxy(id))
        proxies[id]?.isDead = true
        settle(proxies[id]?.givers ?? [], &actions)
        proxies[id]?.givers = []
        considerCleaning(id, &actions)
    }

    mutating func died(_ port: PortID, _ actions: inout [NetworkAction]) {
        guard exports[port]?.isDead == false else { return }
        exports[port]?.isDead = true
        exports[port]?.underWay = [:]
        exports[port]?.queued = []
        for peer in (exports[port]?.holders ?? [:]).keys.sorted() { actions.append(.send(peer: peer, .portDied(uid(of: port)))) }
        considerReleasing(port, &actions)
    }

    mutating func considerReleasing(_ port: PortID, _ actions: inout [NetworkAction]) {
        guard let export = exports[port], export.holders.isEmpty, export.ghosts.isEmpty, export.pins == 0, export.underWay.isEmpty,
            export.delivering == 0,
            export.queued.isEmpty
        else { return }
        exports[port] = nil
        actions.append(.release(port))
    }
}
