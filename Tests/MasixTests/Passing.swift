import Masix
import Synchronization

/// Carries a move-only right into a closure.
final class Boxed: Sendable {
    private let right: Mutex<SendRight?>

    init(_ right: consuming SendRight) { self.right = Mutex(right) }

    func take() -> SendRight? { right.withLock { $0.take() } }
}
