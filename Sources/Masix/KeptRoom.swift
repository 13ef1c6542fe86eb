import MasixTransport
import Synchronization

/// What a chief has received from a proxy by leases and whose room it has not given back, lease by lease.
///
/// Room is given by the link as long as the lease is open; once it has closed, the nucleus has counted what was kept and is to be told
/// (Documentation/Decisions/0013).
final class KeptRoom: Sendable {
    private struct Part {
        let link: LinkEnd
        let lease: IncomingLease
        let takeIndex: UInt32
        let epoch: UInt32
        var count: UInt32
    }

    private let parts = Mutex<[Part]>([])

    /// One more has been received.
    func add(_ frame: ReadyFrame, takeIndex: UInt32, on link: LinkEnd) {
        parts.withLock { parts in
            if let place = parts.firstIndex(where: { $0.takeIndex == takeIndex && $0.epoch == frame.word.epoch && $0.link === link }) {
                parts[place].count += 1
            } else {
                parts.append(Part(link: link, lease: frame.lease, takeIndex: takeIndex, epoch: frame.word.epoch, count: 1))
            }
        }
    }

    /// Gives the room of so many messages back, by links as far as it can; what is left is for the nucleus.
    func give(_ count: UInt32) -> UInt32 {
        parts.withLock { parts in
            var left = count
            while left > 0, let part = parts.first {
                let share = min(left, part.count)
                guard Self.give(share, of: part) else {
                    // It has closed, and all that it kept is the nucleus's, which is asked for as much of it as anybody's.
                    parts.removeFirst()
                    continue
                }
                left -= share
                if share == part.count { parts.removeFirst() } else { parts[0].count -= share }
            }
            return left
        }
    }

    /// False if the lease has closed.
    private static func give(_ count: UInt32, of part: Part) -> Bool {
        let mustRing = part.link.receiver.withLock { receiver -> Bool? in
            let isGiven = receiver.give(UInt64(count), of: part.lease, takeIndex: part.takeIndex, epoch: part.epoch)
            return isGiven ? receiver.peerWaits() : nil
        }
        if mustRing == true { part.link.ring() }
        return mustRing != nil
    }
}
