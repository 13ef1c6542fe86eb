import CLinux
public import SystemPackage

/// A set of signal numbers, 1 to 63.
public struct SignalSet: Sendable, Hashable, ExpressibleByArrayLiteral {
    let bits: UInt64

    public init(_ numbers: [Int32]) {
        precondition(numbers.allSatisfy { (1...63).contains($0) })
        bits = numbers.reduce(0) { $0 | 1 << UInt64($1) }
    }

    public init(arrayLiteral elements: Int32...) { self.init(elements) }

    public func contains(_ number: Int32) -> Bool { (1...63).contains(number) && bits >> UInt64(number) & 1 == 1 }
}

/// Signal numbers by name.
public enum Signal {
    public static let hangUp = SIGHUP
    public static let interrupt = SIGINT
    public static let quit = SIGQUIT
    public static let abort = SIGABRT
    public static let kill = SIGKILL
    public static let user1 = SIGUSR1
    public static let user2 = SIGUSR2
    public static let pipe = SIGPIPE
    public static let terminate = SIGTERM
    public static let child = SIGCHLD
    public static let `continue` = SIGCONT
    public static let stop = SIGSTOP
    public static let windowChange = SIGWINCH
}

public enum Signals {
    /// Writing to a pipe without a reader is an error from now on, not a death. For the whole process.
    public static func ignorePipe() throws(Errno) { _ = try systemCall(.signals) { masix_ignore_pipe_signal() } }

    /// Holds signals back on this thread and threads it starts from now on.
    public static func block(_ signals: SignalSet) throws(Errno) {
        _ = try systemCall(.signals) { masix_signal_mask(SIG_BLOCK, signals.bits) }
    }

    public static func unblock(_ signals: SignalSet) throws(Errno) {
        _ = try systemCall(.signals) { masix_signal_mask(SIG_UNBLOCK, signals.bits) }
    }

    /// Sends a signal to the calling thread.
    public static func raise(_ number: Int32) throws(Errno) { _ = try systemCall(.signals) { masix_signal_thread(number) } }
}

/// Signals as something to read (signalfd).
public struct SignalDescriptor: ~Copyable, Sendable {
    public let descriptor: Descriptor

    /// Blocks the signals on this thread; call before other threads start, or those still die of them. Reading does not wait.
    public init(_ signals: SignalSet) throws(Errno) {
        try Signals.block(signals)
        descriptor = Descriptor(owning: Int32(try systemCall(.signalDescriptor) { masix_signalfd(signals.bits) }))
    }

    public var raw: Int32 { descriptor.raw }

    /// The next signal's number; nil when none is waiting.
    public borrowing func next() throws(Errno) -> Int32? {
        do {
            // struct signalfd_siginfo: 128 bytes, the number in the first four; it is below 64.
            return try descriptor.readBytes(max: 128).first.map { Int32($0) }
        } catch {
            if error.meansWouldBlock { return nil }
            throw error
        }
    }
}
