import CLinux
public import SystemPackage

/// What a process takes away from itself.
public enum Hardening {
    /// False: other processes of this user cannot trace it or read its memory, and it leaves no core.
    public static func setDumpable(_ dumpable: Bool) throws(Errno) { _ = try control(PR_SET_DUMPABLE, dumpable ? 1 : 0) }

    public static func isDumpable() throws(Errno) -> Bool { try control(PR_GET_DUMPABLE, 0) == 1 }

    /// For ever: no program executed from here gains privileges.
    public static func noNewPrivileges() throws(Errno) { _ = try control(PR_SET_NO_NEW_PRIVS, 1) }

    /// The calling thread's short name; Linux keeps 15 bytes.
    public static func setProcessName(_ name: String) throws(Errno) {
        // A C string that lives over the call.
        _ = try systemCall(.processControl) { unsafe masix_set_name(name) }
    }

    /// Sent to this process when the thread that started it ends; nil for none.
    public static func setParentDeathSignal(_ number: Int32?) throws(Errno) { _ = try control(PR_SET_PDEATHSIG, UInt(number ?? 0)) }

    public static func limitCoreDumps() throws(Errno) {
        _ = try systemCall(.limits) { masix_setrlimit(Int32(RLIMIT_CORE.rawValue), 0, 0) }
    }

    /// Becomes another user for ever, in all threads, without supplementary groups. Checked: throws `.notPermitted` if a way back remains.
    public static func dropPrivileges(uid: UInt32, gid: UInt32) throws(Errno) {
        _ = try systemCall(.identity) { masix_set_groups_empty() }
        _ = try systemCall(.identity) { masix_set_gid(gid) }
        _ = try systemCall(.identity) { masix_set_uid(uid) }
        if uid != 0 && masix_set_uid(0) >= 0 { throw .notPermitted }
    }

    private static func control(_ option: Int32, _ argument: UInt) throws(Errno) -> Int {
        try systemCall(.processControl) { masix_prctl(option, argument) }
    }
}

/// Who this process is.
public enum CurrentProcess {
    public static var pid: Int32 { masix_getpid() }
    public static var parentPID: Int32 { masix_getppid() }
    public static var threadID: Int32 { masix_gettid() }
    /// Effective.
    public static var uid: UInt32 { masix_getuid() }
    /// Effective.
    public static var gid: UInt32 { masix_getgid() }
}
