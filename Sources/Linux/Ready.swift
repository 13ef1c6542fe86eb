import CLinux
public import SystemPackage

/// Waiting for one or few descriptors.
public enum Ready {
    public enum Direction: Sendable {
        case readable, writable
        /// Only that the other side has gone.
        case ended

        var events: Int16 {
            switch self {
            case .readable: Int16(POLLIN)
            case .writable: Int16(POLLOUT)
            case .ended: 0
            }
        }
    }

    public struct Request: Sendable {
        public let raw: Int32
        public let direction: Direction

        public init(_ raw: Int32, for direction: Direction) {
            self.raw = raw
            self.direction = direction
        }
    }

    /// Waits until the descriptor can be read or written without waiting, which includes "will fail" and "has ended".
    ///
    /// Nil waits for ever, 0 only looks. False when time ran out. `.badFileDescriptor` for a closed number.
    public static func poll(_ raw: Int32, for direction: Direction, timeoutNanoseconds: UInt64?) throws(Errno) -> Bool {
        let timeoutNanoseconds = rest(of: timeoutNanoseconds, [Request(raw, for: direction)])
        var waiting = pollfd(fd: raw, events: direction.events, revents: 0)
        // One element, ours, over the call.
        let count = try untilDeadline(timeoutNanoseconds) { unsafe masix_poll(&waiting, 1, $0) }
        guard waiting.revents & Int16(POLLNVAL) == 0 else { throw .badFileDescriptor }
        return count > 0
    }

    /// Waits for the first of two; tells which are ready. Both false when time ran out.
    public static func pollTwo(
        _ first: Int32, for firstDirection: Direction, _ second: Int32, for secondDirection: Direction, timeoutNanoseconds: UInt64?,
        isInterruptible: Bool = false
    ) throws(Errno) -> (first: Bool, second: Bool) {
        let timeoutNanoseconds = rest(of: timeoutNanoseconds, [Request(first, for: firstDirection), Request(second, for: secondDirection)])
        var waiting = (
            pollfd(fd: first, events: firstDirection.events, revents: 0), pollfd(fd: second, events: secondDirection.events, revents: 0)
        )
        // Two elements next to each other, ours, over the call.
        _ = try untilDeadline(timeoutNanoseconds, isInterruptible: isInterruptible) { timeout in
            unsafe withUnsafeMutableBytes(of: &waiting) {
                unsafe masix_poll($0.assumingMemoryBound(to: pollfd.self).baseAddress, 2, timeout)
            }
        }
        guard (waiting.0.revents | waiting.1.revents) & Int16(POLLNVAL) == 0 else { throw .badFileDescriptor }
        return (waiting.0.revents != 0, waiting.1.revents != 0)
    }

    /// Waits for the first of several; answers the indices that are ready, none when time ran out.
    public static func poll(_ requests: [Request], timeoutNanoseconds: UInt64?) throws(Errno) -> [Int] {
        let timeoutNanoseconds = rest(of: timeoutNanoseconds, requests)
        var waiting = requests.map { pollfd(fd: $0.raw, events: $0.direction.events, revents: 0) }
        // The array's elements, over the call.
        _ = try untilDeadline(timeoutNanoseconds) { timeout in
            unsafe waiting.withUnsafeMutableBufferPointer { unsafe masix_poll($0.baseAddress, $0.count, timeout) }
        }
        guard !waiting.contains(where: { $0.revents & Int16(POLLNVAL) != 0 }) else { throw .badFileDescriptor }
        return waiting.indices.filter { waiting[$0].revents != 0 }
    }

    /// How long Linux is to wait: a thread that is scheduled elsewhere has waited there, and only looks.
    private static func rest(of timeoutNanoseconds: UInt64?, _ requests: @autoclosure () -> [Request]) -> UInt64? {
        guard timeoutNanoseconds != 0, let schedule = ScheduledThread.current else { return timeoutNanoseconds }
        schedule.wait(for: .readiness(requests()), until: timeoutNanoseconds.flatMap { Clock.deadline(after: $0) })
        return 0
    }

    /// Repeats an interrupted call with the time that is left.
    private static func untilDeadline(
        _ timeoutNanoseconds: UInt64?, isInterruptible: Bool = false, _ call: (Int64) -> Int
    ) throws(Errno) -> Int {
        let deadline = timeoutNanoseconds.flatMap { Clock.deadline(after: $0) }
        var remaining: Int64 = timeoutNanoseconds == 0 ? 0 : deadline == nil ? -1 : Int64(clamping: timeoutNanoseconds ?? 0)
        while true {
            do {
                let remaining = remaining
                return try systemCall(.poll, retryingInterrupts: false) { call(remaining) }
            } catch {
                guard error == .interrupted, !isInterruptible else { throw error }
                if let deadline { remaining = Int64(clamping: deadline - min(deadline, Clock.monotonicNanoseconds())) }
            }
        }
    }
}
