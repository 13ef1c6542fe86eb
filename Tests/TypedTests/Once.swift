import Synchronization

/// Carries a move-only value into a closure that runs once.
final class Once<Value: ~Copyable & Sendable>: Sendable {
    private let value: Mutex<Value?>

    init(_ value: consuming sending Value) { self.value = Mutex(value) }

    func take() -> sending Value? { value.withLock { $0.take() } }
}
