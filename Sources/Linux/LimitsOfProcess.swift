import CLinux
public import SystemPackage

/// How many descriptors this process may have open (RLIMIT_NOFILE).
public struct LimitsOfProcess: Sendable, Hashable {
    public let descriptors: UInt64
    public let descriptorsMax: UInt64

    public static func current() throws(Errno) -> LimitsOfProcess {
        var (soft, hard): (UInt64, UInt64) = (0, 0)
        // The shim stores two numbers.
        _ = try systemCall(.limits) { unsafe masix_getrlimit(Int32(RLIMIT_NOFILE.rawValue), &soft, &hard) }
        return LimitsOfProcess(descriptors: soft, descriptorsMax: hard)
    }

    /// Raises the limit towards `wanted`, as far as it may; answers what holds now. Never lowers.
    public static func raiseDescriptors(to wanted: UInt64) throws(Errno) -> LimitsOfProcess {
        let now = try current()
        let target = min(wanted, now.descriptorsMax)
        guard target > now.descriptors else { return now }
        _ = try systemCall(.limits) { masix_setrlimit(Int32(RLIMIT_NOFILE.rawValue), target, now.descriptorsMax) }
        return try current()
    }
}
