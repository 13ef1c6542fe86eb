import MasixKernel
import MasixLinux
import MasixTransport
import Synchronization
import SystemPackage

/// The links of this task, and those that are being made.
final class Links: Sendable {
    struct State {
        var ends: [LinkID: LinkEnd] = [:]
        /// Mapped by us; the peer's half is not yet to be had.
        var pending: [LinkID: MappedRegion] = [:]
        var broken: Set<LinkID> = []
    }

    let state = Mutex(State())
    /// The nucleus's count of links made and sealed, when we last looked.
    let seenOffers = Atomic<UInt32>(0)

    /// The nucleus has made or sealed a link since we last looked.
    func hasOffers(_ control: ControlMemory) -> Bool { control.offers.acquired != seenOffers.load(ordering: .relaxed) }
}

extension Space {
    /// The end over which this lease goes.
    func link(of entry: SendEntry, _ lease: OutgoingLease) throws(MasixError) -> LinkEnd? {
        if let link = entry.link.withLock({ $0 }), link.id == lease.link { return link }
        if links.state.withLock({ $0.ends[lease.link] == nil }) { try meetOffers() }
        guard let link = links.state.withLock({ $0.ends[lease.link] }) else { return nil }
        entry.link.withLock { $0 = link }
        return link
    }

    /// Maps our halves of new links, and the other halves of those that both ends have mapped.
    func meetOffers() throws(MasixError) {
        try connection.withCore { core throws(MasixError) in
            let seen = self.control.offers.acquired
            while true {
                var answer = try core.ask(.linkOffers)
                guard case .links(let offered) = answer.response, !offered.isEmpty, answer.descriptors.count > 0 else { break }
                for (index, link) in offered.enumerated() {
                    guard let descriptor = answer.descriptors.take(index) else { continue }
                    guard let half = try? MappedRegion(of: descriptor.raw, length: LinkHalf.length, writable: true) else {
                        _ = try core.ask(.linkFault(link, .unusableMemory))
                        continue
                    }
                    self.links.state.withLock { $0.pending[link] = half }
                    _ = try core.ask(.linkMapped(link))
                }
            }
            let pending = self.links.state.withLock { $0.pending }
            for (link, half) in pending.sorted(by: { $0.key < $1.key }) {
                var answer = try core.ask(.linkPeer(link))
                guard case .linkPeer(let task, _, let place, let isChief) = answer.response else { continue }
                self.links.state.withLock { $0.pending[link] = nil }
                guard let other = answer.descriptors.take(0), let status = answer.descriptors.take(1),
                    let bell = answer.descriptors.take(2),
                    let otherHalf = try? MappedRegion(of: other.raw, length: LinkHalf.length, writable: false),
                    let statusPage = try? MappedRegion(of: status.raw, length: StatusPage.length, writable: false)
                else {
                    _ = try core.ask(.linkFault(link, .unusableMemory))
                    continue
                }
                let end = LinkEnd(
                    id: link, place: place, peer: task, isOfChief: isChief, node: self.connection.node.number, own: half, other: otherHalf,
                    status: statusPage, bell: bell,
                    control: self.control)
                self.links.state.withLock { $0.ends[link] = end }
                self.reception.add(end)
            }
            self.dropClosedLinks(core.receives.values)
            self.links.seenOffers.store(seen, ordering: .relaxed)
        }
    }

    /// Links end with their peers: memory, bell and place in every list are let go. Whatever was under way comes by the nucleus.
    private func dropClosedLinks(_ receivers: some Sequence<ReceiveEntry>) {
        let closed = links.state.withLock { state -> [LinkEnd] in
            let closed = state.ends.values.filter { control.link(at: $0.place).acquired != $0.id.raw }
            for end in closed { state.ends[end.id] = nil }
            return closed
        }
        for end in closed {
            reception.remove(end.id)
            forgetWords(of: end)
        }
        guard !closed.isEmpty else { return }
        for receiver in receivers {
            // One whose answer is the nucleus's to bring, too: all of a closed link are.
            try? receiver.withAnswers { answers throws(MasixError) in for end in closed { answers.forget(end) } }
        }
    }

    /// The peer wrote nonsense: the link is given up, and what it carried comes by the nucleus.
    func report(_ fault: LinkFault, of link: LinkID) {
        reception.remove(link)
        links.state.withLock { $0.ends[link] = nil }
        whatever { core throws(MasixError) in _ = try core.ask(.linkFault(link, fault)) }
    }
}
