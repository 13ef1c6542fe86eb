public import Masix
import MasixLinux
import MasixTestKit
import Synchronization

/// Where roles meet that are one task: in the process, so that no right leaves it on the way from one to the other.
///
/// With an `outing` every right that is left here is also taken to another task and back, at some moment of the story: its port leaves.
public final class Foyer: Sendable {
    private struct State: ~Copyable {
        var kept: [String: [Boxed<SendRight>]] = [:]
        var arrived: [String: Int] = [:]
    }

    private let state = Mutex(State())
    /// Rises with everything that somebody may wait for.
    private let changes = FutexWord()

    private let outing: Space?
    private let random: Mutex<UInt64>
    private let outingMax: UInt64

    /// A right goes out within so many microseconds.
    public init(outing: Space? = nil, seed: UInt64 = 1, within outingMax: UInt64 = 6_000) {
        self.outing = outing
        self.outingMax = outingMax
        random = Mutex(seed)
    }

    /// The next of a row of numbers (Knuth's multiplier), in microseconds.
    private func nextDelay() -> UInt64 {
        random.withLock { state in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % outingMax
        }
    }

    private func takeOut(_ right: consuming SendRight, in space: Space) throws {
        let boxed = Boxed(right)
        let delay = nextDelay()
        _ = try Background {
            let word = FutexWord()
            let end = Clock.monotonicNanoseconds() + delay * 1_000
            while case let now = Clock.monotonicNanoseconds(), now < end { _ = try word.wait(while: 0, timeoutNanoseconds: end - now) }
            guard let right = boxed.take() else { return }
            let place = MeetingPlace(space)
            let name = "out \(right.port)"
            // One whose port has died meanwhile comes back dead, or not at all.
            try place.leave(right, as: name)
            _ = try place.fetch(name)
        }
    }

    func leave(_ right: consuming SendRight, as name: String) throws {
        if let outing { try takeOut(right.copy(), in: outing) }
        let boxed = Boxed(right)
        state.withLock { $0.kept[name, default: []].append(boxed) }
        tell()
    }

    func fetch(_ name: String, timeout: Duration) throws(MasixError) -> SendRight {
        let right = try wait(timeout) { state -> Boxed<SendRight>? in
            guard let first = state.kept[name]?.first else { return nil }
            state.kept[name]?.removeFirst()
            return first
        }.take()
        guard let right else { throw .invalidRight }
        if right.isDead { throw .deadName }
        return right
    }

    /// Returns when `count` have come to this meeting.
    func meet(_ name: String, of count: Int, timeout: Duration) throws(MasixError) {
        let place = state.withLock { state in
            state.arrived[name, default: 0] += 1
            return state.arrived[name] ?? 0
        }
        tell()
        let last = (place + count - 1) / count * count
        _ = try wait(timeout) { state in (state.arrived[name] ?? 0) >= last ? true : nil }
    }

    private func tell() {
        changes.set(changes.value &+ 1)
        changes.wake(count: .max)
    }

    private func wait<Result: Sendable>(_ timeout: Duration, _ look: (inout State) -> Result?) throws(MasixError) -> Result {
        let end = Clock.monotonicNanoseconds() + UInt64(timeout.components.seconds) * 1_000_000_000
        while true {
            let seen = changes.value
            if let result = state.withLock({ look(&$0) }) { return result }
            let now = Clock.monotonicNanoseconds()
            guard now < end else { throw .timedOut }
            // Two that tell at once may raise the word by one only: looked at now and then in any case.
            _ = try? changes.wait(while: seen, timeoutNanoseconds: min(end - now, 10_000_000))
        }
    }
}
