public import Logging
public import MasixKernel
public import MasixLinux
public import MasixTransport
public import SystemPackage

/// What a nucleus is started with. It owns the descriptors in it.
public struct NucleusConfiguration: ~Copyable, Sendable {
    public let node: NodeID
    public var limits = Limits()
    public var features = Features.assumed
    public var logger: Logger
    /// A listening message socket, non-blocking: whoever may connect to it becomes a task.
    public var listener: Descriptor?
    /// Our end of the kernel socket of the node's first task, the supervisor.
    public var firstTask: Descriptor?
    /// Our end of the socket to whoever keeps what must survive us; without one nothing does. What was kept of an earlier life is
    /// read from it first, up to the end marker: then listener and first task come from there, and those given here are closed.
    public var keeper: Descriptor?
    /// Bytes of journal after which a new one is begun.
    public var journalBytesMax = 8 << 20
    /// Tests only: called between the steps of handling, so that a test can stop there for ever.
    var onStep: (@Sendable (Step) -> Void)?
    /// Tests only: a kernel that does something wrong.
    var distortion: (any KernelDistortion)?
    /// Tests only: leases are closed at random.
    public var revocation: RevocationPlan?
    /// Tests only: the file to which each kind of situation is added when it is first met.
    public var situationsPath: String?
    /// Bytes of message contents that are kept at a time; beyond it sends are refused.
    public var storeBytesMax = 1 << 30
    /// Programs that have connected and not yet said hello; beyond it the user with the most of them loses the oldest.
    public var strangersMax = 64
    /// Tasks of one user that come by the listening socket; beyond it connections are closed. Each costs a handful of descriptors.
    public var tasksPerUserMax = 1_024

    public init(node: NodeID, logger: Logger) {
        self.node = node
        self.logger = logger
    }
}

/// Closes leases for no reason: architecture rule 1 says that nothing observable may change.
public struct RevocationPlan: Sendable {
    public var seed: UInt64
    /// The chance, 0 to 1, of a revocation before and after each event.
    public var probability: Double
    /// Also at random instants, at most this many milliseconds apart; 0 for not at all.
    public var pauseMillisecondsMax: Int

    public init(seed: UInt64, probability: Double, pauseMillisecondsMax: Int = 3) {
        self.seed = seed
        self.probability = probability
        self.pauseMillisecondsMax = pauseMillisecondsMax
    }
}

/// Small deterministic chance (SplitMix64): the same seed, the same revocations.
struct Chance: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func happens(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }
}

/// Where a nucleus can be killed while it handles an event: every boundary between two effects.
enum Step: CaseIterable, Sendable {
    case peeked, handled, kept, journaled, acted, replied, consumed, released
    /// While it takes over from an earlier one.
    case recovering
}

/// Why a nucleus cannot start.
public enum NucleusError: Error, Equatable, Sendable {
    case system(Errno)
    case keeper(KeeperError)
    /// What was kept does not lead to a state: the reason, for people.
    case journal(String)
}
