import DequeModule
import Masix
import MasixKernel
import MasixLinux
import MasixNetwork
import Synchronization

/// A move-only value in a table.
final class Held<Value: ~Copyable & Sendable>: Sendable {
    private let value: Mutex<Value?>
    init(_ value: consuming Value) { self.value = Mutex(value) }
    func take() -> Value? { value.withLock { $0.take() } }
}

/// A message that has been put together and not yet accepted.
struct PreparedMessage: ~Copyable, Sendable {
    let number: UInt64
    var message: Message
    var reply: Space.ReplyRight
    /// What the reply right is a copy of: it must be held until the message has gone.
    let keptForReply: Held<SendRight>?
    let speaker: Speaker?
}

/// The right to a port of this node of which other nodes hold rights, and what waits for room in its queue.
///
/// The event loop waits for nobody: what finds the queue full goes to a thread that does, one message after the other, and ends when
/// none is left.
final class ExportedRight: Sendable {
    let right: SendRight
    let limit: UInt32
    private let waiting = Mutex<Deque<Held<PreparedMessage>>?>(nil)

    /// Something waits: what comes now waits behind it.
    var isBusy: Bool { waiting.withLock { $0 != nil } }

    init(_ right: consuming SendRight, limit: UInt32) {
        self.right = right
        self.limit = limit
    }

    /// Sends, or lets wait; `tell` is called once, here or on another thread, when it has been accepted or has vanished with its
    /// port.
    func deliver(
        _ prepared: consuming PreparedMessage, in space: Space, tell: @escaping @Sendable (NetworkEvent) -> Void
    ) throws(MasixError) {
        var prepared = prepared
        let number = prepared.number
        let isFirst = !isBusy
        if isFirst {
            do throws(MasixError) {
                if try space.speak(&prepared.message, to: right, reply: prepared.reply, as: prepared.speaker) {
                    return tell(.delivered(number))
                }
            } catch .deadName {
                return tell(.undelivered(number))
            } catch .resourceShortage {
                // Too much of ours is under way: it waits like one for whom there is no room.
            } catch .invalidRight where prepared.reply.isAlive {
                // Its reply right has just died; the thread below sends it without.
            }
        }
        let held = Held(prepared)
        waiting.withLock { queue in
            if queue == nil { queue = [] }
            queue?.append(held)
        }
        guard isFirst else { return }
        do {
            try DetachedThread.start("masix-deliver") { [self] in deliverWaiting(in: space, tell) }
        } catch {
            throw .resourceShortage
        }
    }

    private func deliverWaiting(in space: Space, _ tell: @Sendable (NetworkEvent) -> Void) {
        while let next = waiting.withLock({ queue -> Held<PreparedMessage>? in
            let first = queue?.popFirst()
            if first == nil { queue = nil }
            return first
        }) {
            guard var prepared = next.take() else { continue }
            tell(deliver(&prepared, in: space) ? .delivered(prepared.number) : .undelivered(prepared.number))
        }
    }

    /// False if the port, or the node, is gone, and the message with it.
    private func deliver(_ prepared: inout PreparedMessage, in space: Space) -> Bool {
        let pause = FutexWord()
        while true {
            do throws(MasixError) {
                try space.speakWaiting(&prepared.message, to: right, reply: prepared.reply, as: prepared.speaker)
                return true
            } catch {
                switch error {
                // The port that it was to be answered at has died meanwhile: the message is as good, only its reply right is dead (D3).
                case .invalidRight where prepared.reply.isAlive: prepared.reply = .dead
                case .timedOut, .resourceShortage: _ = try? pause.wait(while: 0, timeoutNanoseconds: 2_000_000)
                default: return false
                }
            }
        }
    }
}
