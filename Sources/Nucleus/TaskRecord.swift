import MasixKernel
import MasixTransport

/// What the nucleus holds for one task.
final class TaskRecord {
    let id: TaskID
    let identity: TaskIdentity
    let isFirst: Bool
    /// It came by itself, and counts against what its user may have.
    var isVisitor: Bool { !identity.launched && !isFirst }
    let socket: HeldDescriptor
    /// The process, watched; nil where its end is learnt from the socket alone.
    let process: HeldDescriptor?
    let memory: TaskMemory
    /// What its program is told once it has said hello.
    var welcome: Welcome?
    /// An earlier nucleus may have told it.
    var mayBeWelcomed = false
    /// The number of its last request.
    var lastRequest: UInt64 = 0
    /// Messages handed to it.
    var received: UInt64 = 0
    /// Sent to it since it last had read everything, at most.
    var descriptorsUnderWay = 0
    var subscription: Subscription?
    var isTracedByRequest = false

    init(_ id: TaskID, _ arrival: Arrival) {
        self.id = id
        identity = arrival.identity
        isFirst = arrival.isFirst
        socket = arrival.socket
        process = arrival.process
        memory = arrival.memory
    }
}

/// A connection over which nobody has said hello yet.
struct Stranger {
    let socket: HeldDescriptor
    let isFirst: Bool
    let uid: UInt32

    func key(_ number: UInt64) -> KeptKey { KeptKey(isFirst ? .firstStranger : .stranger, number) }
}

/// A task that is about to be: everything that could fail has been done before the kernel hears of it.
struct Arrival {
    let identity: TaskIdentity
    let isFirst: Bool
    /// Its program is at the other end already and waits for a welcome.
    let isStranger: Bool
    let socket: HeldDescriptor
    let process: HeldDescriptor?
    let memory: TaskMemory
}

/// Why a task was ended.
enum EndReason: UInt8, CaseIterable, Hashable {
    /// Its socket was closed: by it, or by its death.
    case endOfFile
    /// Its process ended while the socket was still open somewhere.
    case processEnded
    /// A datagram that is no request.
    case malformed
    /// A request out of turn.
    case misnumbered
    /// It sends requests and does not read the answers.
    case unreadAnswers
    /// It killed the nucleus twice (architecture rule 19).
    case deadly
}
