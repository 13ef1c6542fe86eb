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
    // What belongs to three nodes and more (Documentation/Decisions/0020).
    case giverDoesNotPin
    case barrierIsSkipped
    case drainedIsSaidAtOnce
    case claimIsNotAnswered
    case claimerIsNotListed
    case settlingIsNotTold
    case refusalIsNotTold
    case claimsAreNotGivenUp

    /// Among which it is found.
    var seeds: ClosedRange<UInt64> {
        switch self {
        case .cleanDoesNotWait: 28...50
        // Seldom, with some room on both sides: a run with all from 1 finds them too.
        case .barrierIsSkipped: 188...240
        case .drainedIsSaidAtOnce: 119...170
        case .refusalIsNotTold: 14...60
        default: 1...40
        }
    }

    /// So many it takes.
    var nodes: UInt32 {
        switch self {
        case .giverDoesNotPin, .barrierIsSkipped, .drainedIsSaidAtOnce, .claimIsNotAnswered, .claimerIsNotListed, .settlingIsNotTold,
            .refusalIsNotTold, .claimsAreNotGivenUp:
            3
        default: 2
        }
    }

    /// Whether the frame never comes out.
    func loses(_ frame: NetworkFrame) -> Bool {
        switch (self, frame) {
        case (.withdrawalIsNotTold, .withdrawn), (.deathIsNotTold, .portDied), (.acceptanceIsNotTold, .accepted),
            (.unusedIsNotTold, .onceUnused), (.claimIsNotAnswered, .granted), (.settlingIsNotTold, .settled),
            (.refusalIsNotTold, .refused):
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
        case (.giverDoesNotPin, .frame(_, .settled)): return []
        case (.drainedIsSaidAtOnce, .frame(let peer, .drain(let number, _))): return [.send(peer: peer, .drained(number))]
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
        case (.giverDoesNotPin, _):
            for peer in core.peers.keys.sorted() {
                for (pin, proxy) in (core.peers[peer]?.pins ?? [:]).sorted(by: { $0.key < $1.key }) {
                    core.peers[peer]?.pins[pin] = nil
                    core.unpin(proxy, &actions)
                }
            }
        case (.barrierIsSkipped, .down): for number in core.barriers.keys.sorted() { core.pass(number, &actions) }
        case (.claimerIsNotListed, .frame(let peer, .claim(let port, _))): core.exports[port.port]?.holders[peer] = nil
        case (.claimsAreNotGivenUp, .down): actions.removeAll { if case .send(_, .drained) = $0 { true } else { false } }
        case (.proxyIsWatchedOnce, .noSenders(let proxy)): core.proxies[proxy]?.isWatched = true
        default: break
        }
        return actions
    }
}
