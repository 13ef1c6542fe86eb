// A node is down, and what it has given away is still on its way: nobody is said to have gone before the others have spoken
// (Decisions/0020).

import MasixKernel

extension NetworkCore {
    /// What the node held stays until every other one has read what came from it.
    ///
    /// So do our own holds for what we had given it, and what was kept for its sake when another node went down.
    mutating func mourn(_ peer: Peer, _ actions: inout [NetworkAction]) {
        let others = Set(peers.keys)
        var ports = peer.held
        var pins = peer.pins.keys.sorted().compactMap { peer.pins[$0] }
        for (_, barrier) in barriers.sorted(by: { $0.key < $1.key }) where barrier.awaited.contains(peer.id.number) {
            ports.formUnion(barrier.ports)
            for pin in barrier.pins where proxies[pin] != nil {
                proxies[pin]?.pins += 1
                pins.append(pin)
            }
        }
        ports = ports.filter { exports[$0] != nil }
        guard !others.isEmpty, !ports.isEmpty || !pins.isEmpty else {
            for pin in pins { unpin(pin, &actions) }
            return
        }
        lastBarrier += 1
        barriers[lastBarrier] = Barrier(awaited: others, ports: ports.sorted(), pins: pins, until: nil)
        for port in ports { exports[port]?.ghosts.insert(lastBarrier) }
        for other in others.sorted() { actions.append(.send(peer: other, .drain(lastBarrier, peer.id))) }
    }

    /// Somebody wants to know when that node is down for us.
    mutating func drain(_ number: UInt64, _ id: NodeID, for peer: UInt32, _ actions: inout [NetworkAction]) throws(Fault) {
        guard let other = peers[id.number], other.id == id, id.number != peer else {
            // All that it gave us has been claimed as it came.
            actions.append(.send(peer: peer, .drained(number)))
            return
        }
        guard other.mourners.count < NetworkLimits.drainsMax else { throw Fault(fault: .tooManyDrains) }
        peers[id.number]?.mourners.append(Mourner(peer: peer, number: number))
    }

    mutating func drained(_ number: UInt64, by peer: UInt32, _ actions: inout [NetworkAction]) {
        // It may have come too late.
        guard barriers[number]?.awaited.remove(peer) != nil, barriers[number]?.awaited.isEmpty == true else { return }
        pass(number, &actions)
    }

    /// Nobody else has anything from there.
    mutating func pass(_ number: UInt64, _ actions: inout [NetworkAction]) {
        guard let barrier = barriers.removeValue(forKey: number) else { return }
        for port in barrier.ports {
            exports[port]?.ghosts.remove(number)
            considerReleasing(port, &actions)
        }
        for pin in barrier.pins { unpin(pin, &actions) }
    }
}
