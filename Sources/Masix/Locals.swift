import MasixKernel
import Synchronization

/// The ports of this task that never left it (architecture rule 2): one lock for all of them, as the nucleus has one thread for all others.
///
/// So a local send is one step, whatever it moves. Taken under the core lock where both are needed, never the other way round; and
/// nothing is let go under it, for what is let go comes back here.
final class Locals: Sendable {
    /// What only the holder of the lock has: whoever changes a local port must show it.
    struct Key: ~Copyable {
        /// Ids of the block that no port has had yet.
        var fresh: Range<UInt64> = 0..<0
        /// Ids of ports that died here and that nobody was told of.
        var unseen: [UInt64] = []

        mutating func takeID() -> UInt64? {
            if let id = unseen.popLast() { return id }
            guard let id = fresh.first else { return nil }
            fresh = fresh.dropFirst()
            return id
        }
    }

    private let key = Mutex(Key())
    /// Kits of calls to local ports.
    let callKits = Mutex<[CallKit]>([])

    func withKey<Result: Sendable, Failure: Error>(
        _ body: (inout Key) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try key.withLock { key throws(Failure) in try body(&key) }
    }
}
