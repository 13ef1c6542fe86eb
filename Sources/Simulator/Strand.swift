import MasixLinux
import SystemPackage

/// One real thread of a program on a `SimulatedMachine`.
///
/// It runs from its `resume` to its next `stop`, and everybody else stands still meanwhile. So whatever the machine and its strands share
/// needs no lock.
final class Strand: @unchecked Sendable {
    let number: Int
    let name: String
    /// Which program it belongs to: the threads of one have locks in common.
    let program: Int
    private let turn = FutexWord()
    private let stopped: FutexWord

    /// Nil: it can go on.
    var awaited: Awaited?
    var deadline: UInt64?
    /// It stands where it may have locks: no other thread of its program runs before it has gone on.
    var isLocked = false
    /// It has lost its processor, and everybody else goes on.
    var stalledUntil = 0
    var isOver = false

    init(_ number: Int, _ name: String, of program: Int, stopping stopped: FutexWord) {
        self.number = number
        self.name = name
        self.program = program
        self.stopped = stopped
    }

    /// The strand's own side: gives the turn back, and returns when it comes again.
    func stop() throws(Errno) {
        turn.set(0)
        giveBack()
        while turn.value == 0 { _ = try turn.waitInLinux(while: 0, timeoutNanoseconds: nil) }
    }

    /// Before anything else.
    func awaitFirstTurn() throws(Errno) {
        while turn.value == 0 { _ = try turn.waitInLinux(while: 0, timeoutNanoseconds: nil) }
    }

    /// Nothing follows.
    func end() {
        isOver = true
        giveBack()
    }

    private func giveBack() {
        stopped.set(1)
        stopped.wake()
    }

    /// The machine's side: returns when the strand stands still again. False if it does not: it waits for what the machine does not know of.
    func resume() throws(Errno) -> Bool {
        stopped.set(0)
        awaited = nil
        deadline = nil
        isLocked = false
        turn.set(1)
        turn.wake()
        let limit = Clock.monotonicNanoseconds() + 30_000_000_000
        while stopped.value == 0 {
            guard Clock.monotonicNanoseconds() < limit else { return false }
            _ = try stopped.waitInLinux(while: 0, timeoutNanoseconds: 1_000_000_000)
        }
        return true
    }

    var description: String {
        let waits =
            switch awaited {
            case nil: "can go on"
            case .change?: "waits for a word"
            case .readiness?: "waits for descriptors"
            case .answer?: "waits for the nucleus"
            }
        return "\(number) \(name): \(waits)\(deadline.map { " until \($0) ns" } ?? "")"
    }
}
