@testable import MasixNetwork

/// A core that does one thing wrong: the book has to notice each of them.
enum CoreDefect: String, CaseIterable {
    case cleanIgnoresTheCount
    case pinsAreNotTaken
    case onceIsNotRemoved
    case transferDoesNotPause
    case deathIsNotTold
    case findingIsNoReception
    case acceptanceIsNotTold
    case unusedIsNotTold
    case givenIsNotDroppedAtTheEnd
    case proxiesOutliveTheChannel
    case portsAreNotReleased
    case proxyIsWatchedOnce
    case cleanDoesNotWait
    case withdrawalIsNotTold

    /// Among which it is found.
    var seeds: ClosedRange<UInt64> { self == .cleanDoesNotWait ? 28...50 : 1...20 }

    /// Whether the frame never comes out.
    func loses(_ frame: NetworkFrame) -> Bool {
        switch (self, frame) {
        case (.withdrawalIsNotTold, .withdrawn), (.deathIsNotTold, .portDied), (.acceptanceIsNotTold, .accepted),
            (.unusedIsNotTold, .onceUnused):
            true
        default: false
        }
    }

    func handle(_ event: NetworkEvent, of core: inout NetworkCore) -> [NetworkAction] {
        var event = event
        switch (self, event) {
        case (.cleanIgnoresTheCount, .frame(let peer, .clean(let port, _))):
            if let all = core.exports[port.port]?.holders[peer] { event = .frame(peer: peer, .clean(port, sequence: all.sequence)) }
        case (.cleanDoesNotWait, .noSenders(let proxy)): core.proxies[proxy]?.unaccepted = 0
        default: break
        }
        var actions = core.handle(event)
        switch (self, event) {
        case (.pinsAreNotTaken, .frame(_, .message)):
            for port in core.exports.keys { core.exports[port]?.pins = 0 }
            for proxy in core.proxies.keys { core.proxies[proxy]?.pins = 0 }
        case (.onceIsNotRemoved, .answered(let key, _, _)): core.peers[key.peer]?.taken.insert(key.number)
        case (.transferDoesNotPause, .sent(let proxy, let message, _)) where !message.memory.isEmpty:
            if core.proxies[proxy]?.pauses == .transfer {
                core.proxies[proxy]?.pauses = []
                core.proxies[proxy]?.isPaused = false
                actions.removeAll { $0 == .pause(proxy) }
            }
        case (.findingIsNoReception, .frame(_, .found(_, .send(let port, _, _, _)))):
            for (id, proxy) in core.proxies where proxy.port == port && proxy.sequence > 1 { core.proxies[id]?.sequence -= 1 }
        case (.givenIsNotDroppedAtTheEnd, .down): actions.removeAll { if case .drop = $0 { true } else { false } }
        case (.proxiesOutliveTheChannel, .down): actions.removeAll { if case .destroyProxy = $0 { true } else { false } }
        case (.portsAreNotReleased, _): actions.removeAll { if case .release = $0 { true } else { false } }
        case (.proxyIsWatchedOnce, .noSenders(let proxy)): core.proxies[proxy]?.isWatched = true
        default: break
        }
        return actions
    }
}
