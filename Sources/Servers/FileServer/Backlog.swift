import Masix
import MasixLinux
import Synchronization

/// Answers that are owed and take long: the thread that receives leaves them here for the others, which do nothing else.
///
/// Only one thread of the server receives and handles rights. Several would spend more on each other than on the files: all that a task
/// says to the nucleus goes through one connection.
final class Backlog: Sendable {
    typealias Work = @Sendable (consuming SendOnceRight) -> Void

    private struct State {
        var owed: [Owed] = []
        var waiting = 0
        var isOver = false
    }

    private struct Owed: Sendable {
        let reply: HeldReply
        let work: Work
    }

    private let state = Mutex(State())
    /// Rises with every change that a waiting thread may wait for; changed under the lock.
    private let changes = FutexWord()
    /// Leaves the work to another thread if one has nothing to do; else it is done before this returns. So no client fills our memory with
    /// what it asks without waiting for answers, and no processor waits while there is work.
    func leave(_ reply: consuming SendOnceRight, _ work: @escaping Work) {
        let held = HeldReply(reply)
        let isLeft = state.withLock { state -> Bool in
            guard state.waiting > state.owed.count, !state.isOver else { return false }
            state.owed.append(Owed(reply: held, work: work))
            changes.set(changes.value &+ 1)
            changes.wake()
            return true
        }
        if !isLeft, let reply = held.take() { work(reply) }
    }

    /// Works until the end.
    func work() {
        while let owed = next() {
            if let reply = owed.reply.take() { owed.work(reply) }
        }
    }

    /// Ends all who work here, after what they are doing. What nobody has begun is not answered.
    func end() {
        let rest = state.withLock { state in
            state.isOver = true
            changes.set(changes.value &+ 1)
            changes.wake(count: .max)
            defer { state.owed = [] }
            return state.owed
        }
        // Outside the lock: their callers are told now.
        _ = rest
    }

    private func next() -> Owed? {
        while true {
            let (owed, seen) = state.withLock { state -> (Owed?, UInt32?) in
                if state.isOver { return (nil, nil) }
                if !state.owed.isEmpty { return (state.owed.removeFirst(), nil) }
                state.waiting += 1
                return (nil, changes.value)
            }
            guard let seen else { return owed }
            // Whatever ends the sleep, the list is looked at again.
            _ = try? changes.wait(while: seen, timeoutNanoseconds: nil)
            state.withLock { $0.waiting -= 1 }
        }
    }
}

/// A reply right that waits in a list.
private final class HeldReply: Sendable {
    private let right: Mutex<SendOnceRight?>

    init(_ right: consuming SendOnceRight) { self.right = Mutex(right) }

    func take() -> SendOnceRight? { right.withLock { $0.take() } }
}
