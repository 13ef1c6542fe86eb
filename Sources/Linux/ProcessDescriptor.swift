import CLinux
public import SystemPackage

/// How a child ended.
public enum ExitStatus: Sendable, Hashable {
    case exited(code: Int32)
    case signalled(Int32, coreDumped: Bool)

    public var isSuccess: Bool { self == .exited(code: 0) }
}

/// One process, for as long as the value lives (pidfd): unlike a number it never comes to mean another one.
public struct ProcessDescriptor: ~Copyable, Sendable {
    public var descriptor: Descriptor

    public init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    public var raw: Int32 { descriptor.raw }

    public consuming func relinquish() -> Descriptor { descriptor }

    /// `.noSuchProcess` when there is none; `.noFunction` before Linux 5.3.
    public static func open(pid: Int32, features: Features = .assumed) throws(Errno) -> ProcessDescriptor {
        guard features.processDescriptor else { throw .noFunction }
        return ProcessDescriptor(Descriptor(owning: Int32(try systemCall(.pidfdOpen) { masix_pidfd_open(pid) })))
    }

    /// Signal 0 only asks whether one could.
    public borrowing func sendSignal(_ number: Int32) throws(Errno) {
        let raw = self.raw
        _ = try systemCall(.pidfdSignal) { masix_pidfd_send_signal(raw, number) }
    }

    /// Whether it has ended, reaped or not. The descriptor is readable from then on: a poller can wait for it.
    public borrowing func hasExited() throws(Errno) -> Bool { try Ready.poll(raw, for: .readable, timeoutNanoseconds: 0) }

    /// Reaps a child. Nil when it still runs and `block` is false; `.noChildProcess` for what is no child or was reaped.
    public borrowing func wait(block: Bool = true) throws(Errno) -> ExitStatus? {
        let raw = self.raw
        var (kind, status): (Int32, Int32) = (0, 0)
        let options = WEXITED | (block ? 0 : WNOHANG)
        // The shim stores two numbers.
        _ = try systemCall(.wait) { unsafe masix_wait_pidfd(raw, options, &kind, &status) }
        switch kind {
        case 0: return nil
        case 1: return .exited(code: status)  // CLD_EXITED
        default: return .signalled(status, coreDumped: kind == 3)  // CLD_KILLED, CLD_DUMPED
        }
    }
}
