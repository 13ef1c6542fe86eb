import MasixLinux
import Synchronization

/// Something that runs on a thread of its own while the test goes on; `wait` gives its result.
public final class Background<Success: Sendable>: Sendable {
    private let result = Mutex<Result<Success, any Error>?>(nil)
    private let done = FutexWord()

    public init(_ body: @escaping @Sendable () throws -> Success) throws {
        try DetachedThread.start("background") { [self] in
            let outcome = Result { try body() }
            result.withLock { $0 = outcome }
            done.set(1)
            done.wake(count: .max)
        }
    }

    public struct StillRunning: Error {}

    public var isDone: Bool { done.value != 0 }

    /// The result; throws what the body threw, or `StillRunning` when the time is over.
    public func wait(seconds: UInt64 = 20) throws -> Success {
        let deadline = Clock.monotonicNanoseconds() + seconds * 1_000_000_000
        while done.value == 0 {
            let now = Clock.monotonicNanoseconds()
            guard now < deadline else { throw StillRunning() }
            _ = try done.wait(while: 0, timeoutNanoseconds: deadline - now)
        }
        guard let result = result.withLock({ $0 }) else { throw StillRunning() }
        return try result.get()
    }
}

/// Runs what blocks on a thread of its own, and leaves those of Swift's concurrency, as few as there are processors, to whoever needs them.
public func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        do {
            try DetachedThread.start("test") { continuation.resume(with: Result { try body() }) }
        } catch {
            continuation.resume(throwing: error)
        }
    }
}
