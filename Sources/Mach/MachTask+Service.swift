package import Masix
import MasixLinux

// The task's own port, by which others change its names (spec/mach.md 1.2), and what stands on the same footing.

extension MachTask {
    /// From now on this is the task's own port.
    package func serve(_ holder: ReceiveHolder) {
    }

    /// A right of the task's for a call of another kind than messages.
    package func copySend(_ name: PortName) throws(MachReturn) -> OwnedRight {
        try withNames { names throws(MachReturn) in try self.take(name, .copySend, &names) }
    }

    package func makeSend(_ name: PortName) throws(MachReturn) -> OwnedRight {
        try withNames { names throws(MachReturn) in try self.take(name, .makeSend, &names) }
    }
}
