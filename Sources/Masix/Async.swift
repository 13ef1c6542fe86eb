import MasixKernel
import Synchronization

// The same calls for `async` code: no thread of the concurrency runtime is ever blocked.

extension ReceiveRight {
    /// The next message; suspends until it is there. A message is taken only when somebody asks for it, so the queue limit keeps
    /// its senders back.
    public func next(timeout: Duration? = nil) async throws(MasixError) -> ReceivedMessage {
        let holder = self.holder
        let space = holder.space
        try space.checkFork()
        let incoming = try await space.suspend(until: Deadline(timeout)) { () throws(MasixError) -> Incoming? in
            if let incoming = try space.take(from: holder.entry) { return incoming }
            if holder.entry.isGone { throw .portDied }
            return nil
        }
        return space.received(incoming)
    }
}

extension PortSet {
    /// The next message for any member; suspends until it is there.
    public func next(timeout: Duration? = nil) async throws(MasixError) -> ReceivedMessage {
        try space.checkFork()
        let incoming = try await space.suspend(until: Deadline(timeout)) { () throws(MasixError) -> Incoming? in
            try self.takeNext()
        }
        return space.received(incoming)
    }
}

extension SendRight {
    /// Sends; suspends while the queue is full.
    public func send(_ message: consuming Message, timeout: Duration? = nil) async throws(MasixError) {
        let box = MessageBox(message)
        let reference = self.reference
        let deadline = Deadline(timeout)
        do throws(MasixError) {
            try box.use { (message) throws(MasixError) in try reference.space.send(&message, to: reference.entry, deadline: .now) }
        } catch .timedOut where !deadline.isPoll {
            try await onOwnThread { () throws(MasixError) in
                try box.use { (message) throws(MasixError) in try reference.space.send(&message, to: reference.entry, deadline: deadline) }
            }
        }
    }

    /// Sends and suspends until the one answer is there.
    public func call(_ message: consuming Message, timeout: Duration? = nil) async throws(MasixError) -> ReceivedMessage {
        let box = MessageBox(message)
        let reference = self.reference
        let space = reference.space
        let deadline = Deadline(timeout)
        try space.checkFork()
        let call: PendingCall
        do throws(MasixError) {
            call = try box.use { (message) throws(MasixError) in try space.begin(&message, to: reference.entry, deadline: .now) }
        } catch .timedOut where !deadline.isPoll {
            call = try await onOwnThread { () throws(MasixError) in
                try box.use { (message) throws(MasixError) in try space.begin(&message, to: reference.entry, deadline: deadline) }
            }
        }
        let incoming: Incoming
        do throws(MasixError) {
            incoming = try await space.suspend(until: deadline) { () throws(MasixError) -> Incoming? in try space.poll(call) }
        } catch {
            space.giveUp(call)
            throw error
        }
        return try space.finish(call, incoming)
    }
}

/// Carries a move-only message over a suspension.
private final class MessageBox: Sendable {
    private let message: Mutex<Message>

    init(_ message: consuming Message) { self.message = Mutex(message) }

    func use<Result: Sendable>(_ body: (inout Message) throws(MasixError) -> Result) throws(MasixError) -> Result {
        try message.withLock { message throws(MasixError) in try body(&message) }
    }
}
