import ArgumentParser
import Logging
import MasixLinux
import SystemPackage

/// What every role that the supervisor starts is told, and its first steps.
struct RoleStart: ParsableArguments {
    @Option(help: .hidden)
    var logLevel = LogLevel(level: .info)

    /// Who must still be our parent.
    @Option(help: .hidden)
    var supervisorPid: Int32

    @Option(help: .hidden)
    var uid: UInt32?

    @Option(help: .hidden)
    var gid: UInt32?

    /// Becomes the role's user for ever, closed to others of that user.
    ///
    /// `diesWithSupervisor`: asked to end when the supervisor does. One who learns of that by itself wants the time to say so.
    func begin(as name: String, diesWithSupervisor: Bool) throws {
        try Hardening.setProcessName("masix-\(name)")
        if let uid { try Hardening.dropPrivileges(uid: uid, gid: gid ?? uid) }
        try Hardening.setDumpable(false)
        try Signals.ignorePipe()
        guard diesWithSupervisor else { return }
        try Hardening.setParentDeathSignal(Signal.terminate)
        // It may have gone before we asked.
        guard CurrentProcess.parentPID == supervisorPid else { throw ExitCode(1) }
    }
}
