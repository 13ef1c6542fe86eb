import Synchronization

/// The places between two steps of the protocols of links and sleep, at which a test may hold a thread up.
///
/// A program pays one load for each, and never stops.
package enum Interlude {
    package enum Place: Int, CaseIterable, Sendable {
        // Of a send by a lease (architecture rule 4).
        case leaseSeen, frameWritten, committed, announced, askedWhetherToRing
        // Of an answer by a link (architecture rule 10).
        case answerWritten, answerUsed, answerAnnounced
        // Of a reception (architecture rule 5).
        case frameSeen, frameTaken, framePublished
        // Of falling asleep (architecture rule 14).
        case spun, saidAsleep, lookedAgain, woken
    }

    private static let isArmed = Atomic<Bool>(false)
    private static let pause = Mutex<(@Sendable (Place) -> Void)?>(nil)

    /// From now on every thread of this process calls `body` between two steps; nil ends that.
    package static func arm(_ body: (@Sendable (Place) -> Void)?) {
        pause.withLock { $0 = body }
        isArmed.store(body != nil, ordering: .releasing)
    }

    @inline(__always)
    static func at(_ place: Place) {
        if isArmed.load(ordering: .relaxed) { hold(place) }
    }

    @inline(never)
    private static func hold(_ place: Place) {
        // Called outside the lock: threads stop independently of each other.
        let body = pause.withLock { $0 }
        body?(place)
    }
}
