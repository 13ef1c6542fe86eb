import CFloors
public import Measure

/// A floor: what the machine itself can do, in C processes.
public struct Floor: Contender {
    /// The ways to get from one process to another.
    public enum Kind: String, CaseIterable, Sendable {
        case sharedMemory = "shared-memory"
        case eventfd
        case seqpacket
        case pipe
        case ring
        case descriptor
        case memory
        case tcp
        case tcpRelays = "tcp-relays"

        var code: floors_kind {
            switch self {
            case .sharedMemory: FLOORS_SHARED_MEMORY
            case .eventfd: FLOORS_EVENTFD
            case .seqpacket: FLOORS_SEQPACKET
            case .pipe: FLOORS_PIPE
            case .ring: FLOORS_RING
            case .descriptor: FLOORS_DESCRIPTOR
            case .memory: FLOORS_MEMORY
            case .tcp: FLOORS_TCP
            case .tcpRelays: FLOORS_TCP_RELAYS
            }
        }
    }

    /// A round that takes longer is killed and fails.
    public static let deadlineMilliseconds: UInt32 = 60_000

    public let kind: Kind
    private let setup: floors_setup
    private let operationsPerSample: Int

    public var name: String { kind.rawValue }

    /// - Throws: if the mode needs more processors than there are.
    public init(_ kind: Kind, for setting: Setting, on processors: Processors) throws(LinuxFault) {
        let pair = try processors.pair(for: setting.mode)
        self.kind = kind
        operationsPerSample = setting.operationsPerSample
        setup = floors_setup(
            kind: kind.code, size: UInt32(setting.size), caller_cpu: pair?.caller ?? -1, peer_cpu: pair?.peer ?? -1,
            depth: UInt32(setting.depth ?? 0), batch: UInt32(setting.operationsPerSample), warmup: 0, samples: 0,
            think_ns: UInt64(setting.thinkMicroseconds ?? 0) * 1000, deadline_ms: Floor.deadlineMilliseconds)
    }

    public func run(samples: Int) throws -> Samples {
        var setup = self.setup
        setup.samples = UInt32(samples)
        setup.warmup = UInt32(min(max(samples / 10, 5), 1000))
        let columns = Int(floors_columns(setup.kind))
        var times = [UInt64](repeating: 0, count: samples * columns)
        var outcome = floors_outcome()
        // The array has room for as many columns as `floors_columns` says, and all three outlive the call.
        guard unsafe floors_run(&setup, &times, &outcome) else {
            throw LinuxFault(errno: outcome.error, step: "\(name), \(outcome.failedStep)")
        }

        let named: [(floors_stage, String)] = [
            (FLOORS_CREATE, "create"), (FLOORS_FILL, "fill"), (FLOORS_SEAL, "seal"), (FLOORS_UNMAP, "unmap"), (FLOORS_RELEASE, "release"),
        ]
        var stages: [String: [UInt64]] = [:]
        for (stage, name) in named where Int(stage.rawValue) < columns {
            stages[name] = Array(times[Int(stage.rawValue) * samples..<(Int(stage.rawValue) + 1) * samples])
        }
        return Samples(
            nanoseconds: Array(times.prefix(samples)), operationsPerSample: operationsPerSample,
            processorNanoseconds: outcome.caller_cpu_ns + outcome.peer_cpu_ns + outcome.relay_cpu_ns, stages: stages)
    }
}

extension floors_outcome {
    /// What failed, and on which side.
    var failedStep: String {
        // A C array arrives as a tuple; the text in it ends with a zero, as snprintf and strcpy write it.
        unsafe withUnsafeBytes(of: step) { bytes in unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
