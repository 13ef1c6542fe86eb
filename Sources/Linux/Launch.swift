import CLinux
public import SystemPackage

/// A program that was started.
@frozen
public struct Child: ~Copyable, Sendable {
    public let pid: Int32
    public var process: ProcessDescriptor

    public init(pid: Int32, process: consuming ProcessDescriptor) {
        self.pid = pid
        self.process = process
    }
}

/// How to start a program: everything that is not said here does not reach it.
///
/// The child gets default signal handling, an empty signal mask, and exactly the descriptors placed, at their numbers; of 0, 1 and 2 those
/// not placed are /dev/null.
public struct Launch: Sendable {
    /// A descriptor of ours (lent over `start`) and its number in the child.
    public struct Placement: Sendable, Hashable {
        public let source: Int32
        public let target: Int32

        public init(_ source: Int32, at target: Int32) {
            self.source = source
            self.target = target
        }
    }

    public struct Identity: Sendable, Hashable {
        public let uid: UInt32
        public let gid: UInt32

        public init(uid: UInt32, gid: UInt32) {
            self.uid = uid
            self.gid = gid
        }
    }

    /// A path; no search is made.
    public var executable: String
    /// With the program's name first.
    public var arguments: [String]
    /// `NAME=value` each.
    public var environment: [String]
    public var placements: [Placement] = []
    public var workingDirectory: String?
    /// Nil keeps ours; else real, effective and saved ids, with no supplementary groups.
    public var identity: Identity?
    /// The program can gain no privileges by executing another.
    public var noNewPrivileges = true
    public var noCoreDump = false
    /// Sent to the child when the *thread* that starts it ends: start from a thread that lives as long as the process.
    public var parentDeathSignal: Int32?
    public var newSession = false
    /// A placed number that becomes the controlling terminal; needs `newSession`.
    public var controllingTerminal: Int32?

    public init(_ executable: String, arguments: [String], environment: [String] = []) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }

    /// Starts the program; returns when it runs, or throws what failed in the child (`.noSuchFileOrDirectory`, `.permissionDenied`, ...),
    /// which is then already reaped.
    public func start(features: Features = .assumed) throws(Errno) -> Child {
        let executable = try checkedPath(executable)
        guard !arguments.isEmpty, !(arguments + environment).contains(where: { $0.utf8.contains(0) }) else { throw .invalidArgument }
        if let workingDirectory { _ = try checkedPath(workingDirectory) }
        guard placements.allSatisfy({ $0.source >= 0 && $0.target >= 0 }), Set(placements.map(\.target)).count == placements.count else {
            throw .invalidArgument
        }
        guard features.processDescriptor else { throw .noFunction }

        let null = try File.open("/dev/null", .readWrite)
        let placed = Set(placements.map(\.target))
        let all = placements + (0...2).filter { !placed.contains($0) }.map { Placement(null.raw, at: $0) }
        let failure = try Pipe.make()

        let argumentVector = CStrings(arguments)
        let environmentVector = CStrings(environment)
        let directory = CStrings(workingDirectory.map { [$0] } ?? [])
        let path = CStrings([executable])
        var sources = all.map(\.source)
        let targets = all.map(\.target)
        let failureRaw = failure.writer.raw
        var process: Int32 = -1

        // All vectors live until after the call; the child works on its own copy of them.
        let pid = try systemCall(.launch) {
            unsafe sources.withUnsafeMutableBufferPointer { sources in
                unsafe targets.withUnsafeBufferPointer { targets in
                    var what = unsafe masix_launch()
                    unsafe what.path = UnsafePointer(path.vector[0])
                    unsafe what.arguments = UnsafePointer(argumentVector.vector)
                    unsafe what.environment = UnsafePointer(environmentVector.vector)
                    unsafe what.working_directory = UnsafePointer(directory.vector[0])
                    unsafe what.sources = UnsafePointer(sources.baseAddress)
                    unsafe what.targets = targets.baseAddress
                    unsafe what.placement_count = targets.count
                    unsafe what.uid = identity?.uid ?? 0
                    unsafe what.gid = identity?.gid ?? 0
                    unsafe what.change_identity = identity == nil ? 0 : 1
                    unsafe what.no_new_privileges = noNewPrivileges ? 1 : 0
                    unsafe what.no_core_dump = noCoreDump ? 1 : 0
                    unsafe what.death_signal = parentDeathSignal ?? 0
                    unsafe what.new_session = newSession ? 1 : 0
                    unsafe what.controlling_terminal = controllingTerminal ?? -1
                    unsafe what.failure = failureRaw
                    unsafe what.use_clone3 = features.cloneProcessDescriptor ? 1 : 0
                    unsafe what.use_close_range = features.closeRange ? 1 : 0
                    return unsafe masix_launch(&what, &process)
                }
            }
        }
        let child = Child(pid: Int32(pid), process: ProcessDescriptor(Descriptor(owning: process)))
        try child.process.descriptor.setCloseOnExec(true)
        try Self.report(from: failure, child)
        return child
    }

    /// This process goes on as another program, with its descriptors (but those closed on exec), its environment and its signal mask.
    /// Returns only by throwing.
    public static func become(_ executable: String, arguments: [String]) throws(Errno) -> Never {
        let executable = try checkedPath(executable)
        guard !arguments.isEmpty, !arguments.contains(where: { $0.utf8.contains(0) }) else { throw .invalidArgument }
        let path = CStrings([executable])
        let vector = CStrings(arguments)
        // Both live until Linux has copied them.
        _ = try systemCall(.launch) { unsafe masix_execute(path.vector[0], vector.vector) }
        throw .ioError
    }

    /// Waits for exec, which closes the pipe, or for the error that prevented it.
    private static func report(from failure: consuming PipeEnds, _ child: borrowing Child) throws(Errno) {
        let reader = failure.consumeReader()
        let report = try reader.readBytes(max: 4)
        guard report.count == 4 else { return }
        _ = try child.process.wait()
        throw Errno(rawValue: Int32(littleEndian: report.reversed().reduce(0) { $0 << 8 | Int32($1) }))
    }
}

extension PipeEnds {
    /// Closes the writer.
    consuming func consumeReader() -> Descriptor { reader }

    /// Closes the reader.
    consuming func consumeWriter() -> Descriptor { writer }
}

/// A zero-ended vector of C strings, owned.
@safe
private struct CStrings: ~Copyable {
    let vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    let count: Int

    init(_ strings: [String]) {
        count = strings.count
        unsafe vector = .allocate(capacity: strings.count + 1)
        // One place per string and one for the end; freed in deinit.
        for (index, string) in strings.enumerated() { unsafe (vector + index).initialize(to: strdup(string)) }
        unsafe (vector + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { unsafe free(vector[index]) }
        unsafe vector.deallocate()
    }
}
