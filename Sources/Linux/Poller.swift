import CLinux
public import SystemPackage

/// What a descriptor is watched for.
public struct Interest: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let readable = Interest(rawValue: 0x001)
    public static let writable = Interest(rawValue: 0x004)
    /// The other side of a socket ended its sending.
    public static let peerClosed = Interest(rawValue: 0x2000)
    /// Report changes only, not states.
    public static let edge = Interest(rawValue: 1 << 31)
    /// Report once, then wait for `modify`.
    public static let once = Interest(rawValue: 1 << 30)
}

/// What a watched descriptor is ready for.
public struct Readiness: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let readable = Readiness(rawValue: 0x001)
    public static let writable = Readiness(rawValue: 0x004)
    public static let error = Readiness(rawValue: 0x008)
    /// The other side is gone; what it sent can still be read.
    public static let hangUp = Readiness(rawValue: 0x010)
    public static let peerClosed = Readiness(rawValue: 0x2000)
}

/// Waits for many descriptors at once (epoll).
///
/// A descriptor must be removed before it is closed if duplicates of it live elsewhere: Linux watches the open file, not the number.
@safe
public struct Poller: ~Copyable, @unchecked Sendable {
    private let descriptor: Descriptor
    private let events: UnsafeMutablePointer<masix_event>
    private let capacity: Int32

    /// Reports at most `eventsMax` events per wait.
    public init(eventsMax: Int = 64) throws(Errno) {
        precondition(eventsMax > 0 && eventsMax <= 65_536)
        descriptor = Descriptor(owning: Int32(try systemCall(.pollerCreate) { masix_epoll_create() }))
        unsafe events = .allocate(capacity: eventsMax)
        unsafe events.initialize(repeating: masix_event(), count: eventsMax)
        capacity = Int32(eventsMax)
    }

    deinit { unsafe events.deallocate() }

    /// Readable when an event is waiting: pollers nest.
    public var raw: Int32 { descriptor.raw }

    /// `.fileExists` when it is watched already.
    public borrowing func add(_ raw: Int32, token: UInt64, interest: Interest) throws(Errno) {
        try control(EPOLL_CTL_ADD, raw, token, interest)
    }

    /// `.noSuchFileOrDirectory` when it is not watched.
    public borrowing func modify(_ raw: Int32, token: UInt64, interest: Interest) throws(Errno) {
        try control(EPOLL_CTL_MOD, raw, token, interest)
    }

    public borrowing func remove(_ raw: Int32) throws(Errno) { try control(EPOLL_CTL_DEL, raw, 0, []) }

    private borrowing func control(_ operation: Int32, _ raw: Int32, _ token: UInt64, _ interest: Interest) throws(Errno) {
        let poller = descriptor.raw
        _ = try systemCall(.pollerControl) { masix_epoll_control(poller, operation, raw, interest.rawValue, token) }
    }

    /// Waits for events and hands each to `body`; answers how many there were. Nil waits for ever; 0 events when time ran out.
    ///
    /// `body` may add, modify and remove. An event of a descriptor removed meanwhile can still come in the same round: tokens of ended
    /// things must be recognised.
    public mutating func wait(timeoutMilliseconds: Int?, _ body: (UInt64, Readiness) -> Void) throws(Errno) -> Int {
        let count = try collect(timeoutMilliseconds: timeoutMilliseconds)
        for index in 0..<count {
            // Below `count` the shim has filled the events.
            let event = unsafe events[index]
            body(event.token, Readiness(rawValue: event.events))
        }
        return count
    }

    private borrowing func collect(timeoutMilliseconds: Int?) throws(Errno) -> Int {
        let poller = descriptor.raw
        let (events, capacity) = unsafe (events, capacity)
        let deadline = timeoutMilliseconds.map { Clock.monotonicNanoseconds() + UInt64(max(0, $0)) * 1_000_000 }
        var remaining: Int32 = timeoutMilliseconds.map { Int32(clamping: max(0, $0)) } ?? -1
        while true {
            do {
                let remaining = remaining
                // Room for `capacity` events, ours alone while this call mutates the poller.
                return try systemCall(.pollerWait, retryingInterrupts: false) {
                    unsafe masix_epoll_wait(poller, events, capacity, remaining)
                }
            } catch {
                guard error == .interrupted else { throw error }
                if let deadline { remaining = Int32(clamping: (deadline - min(deadline, Clock.monotonicNanoseconds())) / 1_000_000) }
            }
        }
    }
}
