import CFloors
import Glibc

/// A call into Linux that failed.
public struct LinuxFault: Error, CustomStringConvertible {
    public let errno: Int32
    public let step: String

    public init(errno: Int32, step: String) {
        self.errno = errno
        self.step = step
    }

    public var description: String {
        // strerror's text is copied at once, on the one thread that measures.
        unsafe "\(step): \(String(cString: strerror(errno)))"
    }
}

/// The processors that a run may use.
public struct Processors: Sendable {
    /// In ascending order, never empty.
    public let allowed: [Int32]

    /// Those that the calling thread may use.
    public init() throws(LinuxFault) {
        var cpus = [Int32](repeating: 0, count: Int(FLOORS_PROCESSORS_MAX))
        // The array outlives the call and is as long as said.
        let count = unsafe floors_processors(&cpus, FLOORS_PROCESSORS_MAX)
        guard count > 0 else { throw LinuxFault(errno: -count, step: "sched_getaffinity") }
        allowed = Array(cpus.prefix(Int(count)))
    }

    /// Where caller and peer belong; nil: anywhere.
    public func pair(for mode: Mode) throws(LinuxFault) -> (caller: Int32, peer: Int32)? {
        switch mode {
        case .spin:
            guard allowed.count >= 2 else { throw LinuxFault(errno: ENODEV, step: "two processors, one for each side that spins") }
            return (allowed[0], allowed[1])
        case .pinned: return (allowed[0], allowed[0])
        case .untuned: return nil
        }
    }

    /// Confines the calling thread, and what it starts from now on, to one processor.
    public static func pin(to processor: Int32) throws(LinuxFault) {
        let result = floors_pin(processor)
        guard result == 0 else { throw LinuxFault(errno: -result, step: "sched_setaffinity") }
    }

    /// Undoes `pin`.
    public func unpin() throws(LinuxFault) {
        // The array outlives the call and is as long as said.
        let result = unsafe floors_allow(allowed, Int32(allowed.count))
        guard result == 0 else { throw LinuxFault(errno: -result, step: "sched_setaffinity") }
    }
}

/// A process that was not started for a round, and takes part in it.
public struct OtherProcess: Sendable {
    public let pid: Int32

    public init(pid: Int32) { self.pid = pid }

    /// Confines all its threads to these processors.
    public func place(on processors: [Int32]) throws(LinuxFault) {
        // The array outlives the call and is as long as said.
        let result = unsafe floors_place(pid, processors, Int32(processors.count))
        guard result == 0 else { throw LinuxFault(errno: -result, step: "sched_setaffinity of process \(pid)") }
    }

    /// So far, all its threads, in nanoseconds.
    public var processorTime: UInt64 { floors_cpu_of(pid) }
}

/// Somebody else's work: a process that computes without end on each processor, at nice 0, for as long as the value lives.
public struct Load: ~Copyable {
    private let processes: [pid_t]

    public init(on processors: Processors) throws(LinuxFault) {
        var pids = [pid_t](repeating: 0, count: processors.allowed.count)
        // Both arrays outlive the call and are as long as said.
        let result = unsafe floors_load_start(processors.allowed, Int32(pids.count), &pids)
        guard result == 0 else { throw LinuxFault(errno: -result, step: "starting the load") }
        processes = pids
    }

    deinit {
        // The array outlives the call and is as long as said.
        unsafe floors_load_stop(processes, Int32(processes.count))
    }
}

/// Nanoseconds of the clock all samples are taken with.
public func now() -> UInt64 { floors_now() }

/// Processor time of this process so far, all its threads, in nanoseconds.
public func processorTime() -> UInt64 { floors_process_cpu() }

/// Sleeps as the callers of the floors do when they think, without the usual 50 us of timer slack.
public func think(nanoseconds: UInt64) { floors_think(nanoseconds) }
