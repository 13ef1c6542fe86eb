import MasixLinux
import Synchronization
import SystemPackage

/// Sees what a thread that is blocked in its pipe cannot: that the node is gone, and that the time to wait is over.
///
/// So a sleep costs one system call, the read that also empties the pipe. One thread for all waits of a space, started with the first
/// sleep; it wakes when the node ends or, at most once in the time of the shortest wait, to look at the clock.
final class Watch: Sendable {
    private enum Thread { case none, runs, cannotStart }

    private struct State {
        var thread = Thread.none
        /// When it rings next, in monotonic nanoseconds.
        var next = UInt64.max
        var ends: Ends?
    }

    private let state = Mutex(State())
    private let gone = Atomic<Bool>(false)
    private let running = Atomic<Bool>(false)

    /// Whether the node has ended this task, or itself.
    var isGone: Bool { gone.load(ordering: .acquiring) }

    /// Sees to it that the pipe behind `bell` is rung when the node ends, and at `instant` or a little before. False if there is no
    /// thread to be had: then whoever waits must look for itself.
    func covers(_ instant: UInt64?, bell: Int32, kernelSocket: Int32) -> Bool {
        if instant == nil, running.load(ordering: .relaxed) { return true }
        return state.withLock { state in
            switch state.thread {
            case .cannotStart: return false
            case .none:
                state.next = instant ?? .max
                guard let ends = start(bell: bell, kernelSocket: kernelSocket) else {
                    state.thread = .cannotStart
                    return false
                }
                state.ends = ends
                state.thread = .runs
                running.store(true, ordering: .relaxed)
            case .runs:
                if let instant, instant < state.next {
                    state.next = instant
                    // A counter that cannot be added to is full, and wakes just as well.
                    try? state.ends?.changes.add(1)
                }
            }
            return true
        }
    }

    /// On duplicates of both descriptors: the thread ends some time after the space does.
    private func start(bell: Int32, kernelSocket: Int32) -> Ends? {
        do throws(Errno) {
            let ends = Ends(
                bell: try Descriptor.duplicate(of: bell), socket: try Descriptor.duplicate(of: kernelSocket), changes: try EventCounter())
            try DetachedThread.start("masix-watch") { self.run(ends) }
            return ends
        } catch {
            return nil
        }
    }

    private final class Ends: Sendable {
        let bell: Descriptor
        let socket: Descriptor
        /// A shorter wait has begun.
        let changes: EventCounter

        init(bell: consuming Descriptor, socket: consuming Descriptor, changes: consuming EventCounter) {
            self.bell = bell
            self.socket = socket
            self.changes = changes
        }
    }

    private func run(_ ends: Ends) {
        while watchOnce(ends) {}
        gone.store(true, ordering: .releasing)
        Bell.ring(ends.bell.raw)
    }

    /// False when the node is gone.
    private func watchOnce(_ ends: Ends) -> Bool {
        let next = state.withLock { $0.next }
        let now = Clock.monotonicNanoseconds()
        do throws(Errno) {
            let seen = try Ready.pollTwo(
                ends.socket.raw, for: .ended, ends.changes.raw, for: .readable,
                timeoutNanoseconds: next == .max ? nil : next > now ? next - now : 0)
            if seen.first { return false }
            if seen.second { _ = try ends.changes.take() }
        } catch {
            return false
        }
        let isTime = state.withLock { state in
            guard state.next <= Clock.monotonicNanoseconds() else { return false }
            state.next = .max
            return true
        }
        if isTime { Bell.ring(ends.bell.raw) }
        return true
    }
}
