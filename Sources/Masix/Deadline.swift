import MasixLinux
import Synchronization

/// An instant at which waiting ends: a timeout made absolute once, so that waiting again does not start it again.
package struct Deadline: Sendable {
    /// Monotonic nanoseconds; nil waits for ever.
    let instant: UInt64?

    /// Who is told that a signal has interrupted the wait, which is over then; nobody for most: they go on.
    package var interruption: Interruption?

    package static let never = Deadline(instant: nil)

    /// `timeout` nil waits for ever; zero and less only looks.
    package init(_ timeout: Duration?) {
        guard let timeout else {
            instant = nil
            return
        }
        let (seconds, attoseconds) = timeout.components
        guard seconds >= 0, attoseconds >= 0 else {
            instant = 0
            return
        }
        let wait = UInt64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let sum = wait.partialValue.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        let whole = wait.overflow || sum.overflow ? UInt64.max : sum.partialValue
        let end = Clock.monotonicNanoseconds().addingReportingOverflow(whole)
        instant = whole == 0 ? 0 : end.overflow ? nil : end.partialValue
    }

    /// Already over: only look.
    package static let now = Deadline(instant: 0)

    private init(instant: UInt64?) { self.instant = instant }

    /// The first of these; never, if none of them ends.
    static func earliest(_ deadlines: [Deadline]) -> Deadline { Deadline(instant: deadlines.compactMap(\.instant).min()) }

    /// Whether the caller does not want to wait at all.
    var isPoll: Bool { instant == 0 }

    var isOver: Bool { instant.map { $0 <= Clock.monotonicNanoseconds() } ?? false }

    /// nil for ever; 0 when it is over.
    var remaining: UInt64? {
        guard let instant else { return nil }
        let now = Clock.monotonicNanoseconds()
        return instant > now ? instant - now : 0
    }
}

/// A wait that a caught signal ends (spec/mach.md S6, V2).
package final class Interruption: Sendable {
    private let flag = Atomic<Bool>(false)

    package init() {}

    package var hasHappened: Bool { flag.load(ordering: .relaxed) }
    func happen() { flag.store(true, ordering: .relaxed) }
}
