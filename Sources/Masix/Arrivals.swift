import MasixKernel
import Synchronization

/// The messages of a port or a port set, one after the other, for `for try await`.
///
/// ```swift
/// for try await arrival in port.arrivals {
///     var message = arrival.take()
///     try message.takeReply()?.send(Message(text: "seen"))
/// }
/// ```
/// A message is taken when the loop asks for the next one and not before, so the queue limit keeps its senders back (spec/mach.md S6). Two
/// loops over one port share its messages. The loop holds no right: it ends when the receive right is let go or moved away (V2); a loop over
/// a set goes on while its members come and go. It throws `.cancelled` when its task is, and `.nodeGone` when the node has ended.
public struct Arrivals: AsyncSequence, Sendable {
    public typealias Element = Arrival
    public typealias Failure = MasixError

    private let space: Space
    private let attempt: @Sendable () throws(MasixError) -> Incoming?

    init(in space: Space, attempt: @escaping @Sendable () throws(MasixError) -> Incoming?) {
        self.space = space
        self.attempt = attempt
    }

    public func makeAsyncIterator() -> Iterator { Iterator(space: space, attempt: attempt) }

    /// One loop over the messages.
    public struct Iterator: AsyncIteratorProtocol, Sendable {
        fileprivate let space: Space
        fileprivate let attempt: @Sendable () throws(MasixError) -> Incoming?

        /// Suspends until the next message is there; nil when there will be none any more.
        public func next() async throws(MasixError) -> Arrival? {
            try space.checkFork()
            do throws(MasixError) {
                return Arrival(space.received(try await space.suspend(until: .never, attempt: attempt)))
            } catch .portDied {
                return nil
            }
        }

        public func next(isolation actor: isolated (any Actor)?) async throws(MasixError) -> Arrival? { try await next() }
    }
}

/// A message that a loop has received: it is taken out once, and released if nobody does.
///
/// It stands for the move-only `ReceivedMessage`, which no sequence can have as its element.
public final class Arrival: Sendable {
    private let message: Mutex<ReceivedMessage?>

    init(_ message: consuming ReceivedMessage) { self.message = Mutex(message) }

    /// The message, which is the caller's from now on. To take it twice is a mistake of the program, which ends it.
    public func take() -> ReceivedMessage {
        let taken = message.withLock { message in
            var taken: ReceivedMessage? = nil
            swap(&message, &taken)
            return taken
        }
        guard let taken else { preconditionFailure("an arrival is taken twice") }
        return taken
    }
}

extension ReceiveRight {
    /// What comes to this port. The loop does not keep the right: it ends when the right is let go.
    public var arrivals: Arrivals {
        let (space, entry) = (holder.space, holder.entry)
        return Arrivals(in: space) { () throws(MasixError) -> Incoming? in
            if let incoming = try space.take(from: entry) { return incoming }
            if entry.isGone { throw .portDied }
            return nil
        }
    }
}

extension PortSet {
    /// What comes to any member; `ReceivedMessage.port` says to which.
    public var arrivals: Arrivals {
        Arrivals(in: space) { [self] () throws(MasixError) -> Incoming? in try takeNext() }
    }
}
