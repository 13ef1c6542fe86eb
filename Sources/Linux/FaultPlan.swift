import CLinux
import Synchronization
public import SystemPackage

/// A call that a test can make fail.
public enum FaultPoint: String, Sendable, CaseIterable {
    case duplicate, descriptorFlags, read, write, pipe, changeMode
    case memfdCreate, seal, truncate, map, advise
    case socket, bind, connect, listen, accept, send, receive, socketOption
    case pidfdOpen, pidfdSignal, wait, launch, peerProcessDescriptor
    case pollerCreate, pollerControl, pollerWait, poll, futexWait, eventCounter
    case pin, signals, signalDescriptor, processControl, limits, random, identity, usage
    case open, status, readAt, writeAt, synchronize, directory, link, unlink, rename, modify, copyRange, sendFile, fileSystem
    case terminal
}

/// Forced failures for tests: armed for the duration of a closure, on the calling thread or in the whole process.
///
///     try FaultPlan(.memfdCreate, fails: .noMemory).armed { ... }
public struct FaultPlan: Sendable {
    public enum Occasion: Sendable, Equatable {
        case always
        /// Only the n-th call after arming, counted from 1.
        case nth(Int)
    }

    public enum Scope: Sendable, Equatable { case thread, process }

    struct Rule: Sendable {
        let point: FaultPoint
        let error: Errno
        let occasion: Occasion
        var callsSeen = 0
    }

    struct Armed: Sendable {
        let identity: UInt64
        /// Nil for every thread.
        let thread: Int32?
        var rules: [Rule]
    }

    struct Registry: Sendable {
        var plans: [Armed] = []
        var nextIdentity: UInt64 = 1
    }

    static let armedCount = Atomic<Int>(0)
    static let registry = Mutex(Registry())

    var rules: [Rule] = []

    public init() {}

    public init(_ point: FaultPoint, fails error: Errno, _ occasion: Occasion = .always) {
        add(point, fails: error, occasion)
    }

    public mutating func add(_ point: FaultPoint, fails error: Errno, _ occasion: Occasion = .always) {
        rules.append(Rule(point: point, error: error, occasion: occasion))
    }

    /// Runs `body` with this plan in force. Plans nest; the one armed last is asked first.
    public func armed<Result: ~Copyable, Failure: Error>(
        _ scope: Scope = .thread, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let thread: Int32? = scope == .thread ? masix_gettid() : nil
        let identity = Self.registry.withLock { registry in
            let identity = registry.nextIdentity
            registry.nextIdentity += 1
            registry.plans.append(Armed(identity: identity, thread: thread, rules: rules))
            return identity
        }
        Self.armedCount.add(1, ordering: .relaxed)
        defer {
            Self.armedCount.subtract(1, ordering: .relaxed)
            Self.registry.withLock { registry in registry.plans.removeAll { $0.identity == identity } }
        }
        return try body()
    }

    static func forcedError(at point: FaultPoint) -> Errno? {
        let thread = masix_gettid()
        return registry.withLock { registry in
            for plan in registry.plans.indices.reversed() where registry.plans[plan].thread == nil || registry.plans[plan].thread == thread
            {
                for rule in registry.plans[plan].rules.indices where registry.plans[plan].rules[rule].point == point {
                    registry.plans[plan].rules[rule].callsSeen += 1
                    let armed = registry.plans[plan].rules[rule]
                    if armed.occasion == .always || armed.occasion == .nth(armed.callsSeen) { return armed.error }
                }
            }
            return nil
        }
    }
}
