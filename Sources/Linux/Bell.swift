import CLinux
import Glibc
public import SystemPackage

/// Single bytes through a pipe: all that wakes a sleeping task.
public enum Bell {
    /// One byte. A full pipe has been rung already, and where nobody listens any more there is nobody to wake: neither is an error,
    /// and neither raises a signal.
    public static func ring(_ raw: Int32) {
        do throws(Errno) {
            _ = try systemCall(.write) { masix_ring(raw) }
        } catch {
            // Said above.
        }
    }

    /// Reads what has been rung, at most a few hundred rings at once; what is left is read the next time. Waits for the first if
    /// the descriptor is one that waits; `.resourceTemporarilyUnavailable` if not.
    ///
    /// `.interrupted` for a caught signal, if it is to be told.
    public static func listen(_ raw: Int32, isInterruptible: Bool = false) throws(Errno) {
        if ScheduledThread.current != nil { _ = try Ready.poll(raw, for: .readable, timeoutNanoseconds: nil) }
        // The shim reads into memory of its own.
        let count = try systemCall(.read, retryingInterrupts: !isInterruptible) { masix_read_rings(raw) }
        if count == 0 { throw .connectionReset }
    }

    /// Whether a ring waits to be read.
    public static func hasRung(_ raw: Int32) throws(Errno) -> Bool { try Ready.poll(raw, for: .readable, timeoutNanoseconds: 0) }
}
