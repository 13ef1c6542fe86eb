import CLinux
public import SystemPackage

/// What /proc tells about a process.
public struct ProcessStatistics: Sendable, Hashable {
    /// In clock ticks, of which there are `ticksPerSecond`.
    public let userTicks: UInt64
    public let systemTicks: UInt64
    /// Of the main thread only: Linux counts per thread.
    public let voluntarySwitches: UInt64
    public let involuntarySwitches: UInt64
    /// Memory that only this process maps, clean and dirty. Nil when Linux does not let us see it.
    public let privateBytes: UInt64?

    public static var ticksPerSecond: Int { sysconf(Int32(_SC_CLK_TCK)) }

    /// `.noSuchProcess` when there is none.
    public static func of(pid: Int32) throws(Errno) -> ProcessStatistics {
        let stat = try text("stat", pid)
        // The name in parentheses may itself hold spaces and parentheses: fields are counted from the last one.
        guard let close = stat.lastIndex(of: ")") else { throw .ioError }
        let fields = stat[stat.index(after: close)...].split(separator: " ")
        guard fields.count > 12, let user = UInt64(fields[11]), let system = UInt64(fields[12]) else { throw .ioError }
        let status = try text("status", pid)
        return ProcessStatistics(
            userTicks: user, systemTicks: system, voluntarySwitches: field("voluntary_ctxt_switches:", of: status) ?? 0,
            involuntarySwitches: field("nonvoluntary_ctxt_switches:", of: status) ?? 0, privateBytes: try privateBytes(of: pid))
    }

    private static func privateBytes(of pid: Int32) throws(Errno) -> UInt64? {
        do {
            let rollup = try text("smaps_rollup", pid)
            guard let clean = field("Private_Clean:", of: rollup), let dirty = field("Private_Dirty:", of: rollup) else { return nil }
            return (clean + dirty) * 1024
        } catch {
            switch error {
            case .permissionDenied, .notPermitted, .noSuchFileOrDirectory, .noSuchProcess: return nil
            default: throw error
            }
        }
    }

    private static func field(_ name: String, of text: String) -> UInt64? {
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            return line.dropFirst(name.count).split(whereSeparator: { $0 == " " || $0 == "\t" }).first.flatMap { UInt64($0) }
        }
        return nil
    }

    static func text(_ file: String, _ pid: Int32) throws(Errno) -> String {
        do {
            return String(decoding: try File.contents(of: "/proc/\(pid)/\(file)", max: 1 << 20), as: UTF8.self)
        } catch {
            throw error == .noSuchFileOrDirectory ? .noSuchProcess : error
        }
    }
}

/// The name of the program's file that a process runs; " (deleted)" is appended by Linux when it is gone.
public func executablePath(ofPID pid: Int32) throws(Errno) -> String { try Link.target(of: "/proc/\(pid)/exe") }

/// The process's short name, at most 15 bytes, which it can choose itself.
public func commandName(ofPID pid: Int32) throws(Errno) -> String {
    let name = try ProcessStatistics.text("comm", pid)
    return name.hasSuffix("\n") ? String(name.dropLast()) : name
}

/// What this process has used.
public struct ResourceUsage: Sendable, Hashable {
    public let userNanoseconds: UInt64
    public let systemNanoseconds: UInt64
    public let voluntarySwitches: UInt64
    public let involuntarySwitches: UInt64
    public let peakResidentBytes: UInt64

    public var processorNanoseconds: UInt64 { userNanoseconds + systemNanoseconds }

    public static func current() throws(Errno) -> ResourceUsage {
        var usage = rusage()
        // The shim fills our variable.
        _ = try systemCall(.usage) { unsafe masix_getrusage(&usage) }
        return ResourceUsage(
            userNanoseconds: nanoseconds(usage.ru_utime), systemNanoseconds: nanoseconds(usage.ru_stime),
            voluntarySwitches: UInt64(usage.ru_nvcsw), involuntarySwitches: UInt64(usage.ru_nivcsw),
            peakResidentBytes: UInt64(usage.ru_maxrss) * 1024)
    }

    private static func nanoseconds(_ time: timeval) -> UInt64 { UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_usec) * 1000 }
}
