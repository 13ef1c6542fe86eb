import DequeModule
import Logging
import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
public import SystemPackage

/// The one trusted process of a node: hosts the kernel, carries messages, hands out descriptors.
///
/// It parses no configuration, speaks no crypto and has no policy. One thread does everything: whoever calls `run`.
///
/// Sendable without a check: all state belongs to the thread inside `run`, except the stop bell, which any thread may ring.
@safe
public final class Nucleus: @unchecked Sendable {
    /// Why `run` returned.
    public enum End: Equatable, Sendable {
        case stopped
        /// The supervisor is gone, and with it what the node would need to go on.
        case keeperLost
    }

    let node: NodeID
    let features: Features
    let logger: Logger
    let listener: HeldDescriptor?
    let keeper: HeldDescriptor?
    let strangersMax: Int
    let situationsPath: String?
    private let stopBell: EventCounter
    var poller: Poller

    var kernel: Kernel
    let tables: NodeTables
    var strangers: [UInt64: Stranger] = [:]
    var lastStranger: UInt64 = 0
    var lastObject: UInt64 = 0
    /// The task that the event under way will attach.
    var arrival: Arrival?
    /// Events that carrying out actions has caused, such as the end of a task that does not read its answers.
    private var caused: Deque<Event> = []
    private var isHandling = false
    var counters = NucleusCounters()
    private var situations: Set<Situation> = []
    var subscribers: [TaskID: Subscription] = [:]
    var lastTraceEvent: UInt64 = 0
    let startNanoseconds = Clock.monotonicNanoseconds()
    var revocation: Revocation?
    var isListening = false
    private var end: End?
    let buffer: UnsafeMutableRawBufferPointer
    /// Requests stay in their sockets until they are answered, for whoever comes after us.
    let peeks: Bool
    let ownUID = CurrentProcess.uid

    /// Makes a nucleus; `run` makes it work. Throws what Linux says when a descriptor cannot be made or watched.
    public init(configuration: consuming NucleusConfiguration) throws(Errno) {
        node = configuration.node
        features = configuration.features
        logger = configuration.logger
        strangersMax = configuration.strangersMax
        situationsPath = configuration.situationsPath
        stopBell = try EventCounter()
        poller = try Poller(eventsMax: 64)
        var limits = configuration.limits
        // Without the seal a half would have two writers: no links (architecture rule 12).
        if !configuration.features.futureWriteSeal { limits.linksEnabled = false }
        kernel = Kernel(node: configuration.node, limits: limits)
        tables = NodeTables(store: PayloadStore(bytesMax: configuration.storeBytesMax, features: configuration.features))
        revocation = configuration.revocation.map { Revocation($0) }
        unsafe buffer = .allocate(byteCount: Envelope<Request>.bytesMax, alignment: 16)
        let firstTask = HeldDescriptor(configuration.firstTask.take())
        listener = HeldDescriptor(configuration.listener.take())
        keeper = HeldDescriptor(configuration.keeper.take())
        peeks = keeper != nil
        try poller.add(stopBell.raw, token: Token.stop.bits, interest: .readable)
        if let raw = keeper?.raw { try poller.add(raw, token: Token.keeper.bits, interest: .readable) }
        if let firstTask { try admit(firstTask, isFirst: true) }
        try listen()
    }

    deinit { unsafe buffer.deallocate() }

    /// Ends `run` soon; from any thread, any number of times.
    public func stop() {
        do { try stopBell.add() } catch { logger.error("the stop bell does not ring", metadata: ["error": "\(error)"]) }
    }

    /// Serves until stopped. Throws only what makes going on impossible.
    public func run() throws(Errno) -> End {
        while end == nil {
            var ready: [(UInt64, Readiness)] = []
            _ = try poller.wait(timeoutMilliseconds: revocation?.pauseMilliseconds()) { ready.append(($0, $1)) }
            if revocation?.isDue() == true { revokeAtRandom() }
            for (token, readiness) in ready { serve(Token(bits: token), readiness) }
        }
        // Whoever still waits for an answer learns that there will be none.
        for record in tables.tasks.values { try? MessageSocket.end(record.socket.raw) }
        writeSituations()
        return end ?? .stopped
    }

    private func writeSituations() {
        guard let situationsPath else { return }
        do {
            let file = try File.open(situationsPath, [.write, .create, .append])
            try file.writeAll(Array(situations.sorted().map { $0.description + "\n" }.joined().utf8))
        } catch {
            logger.error("the situations cannot be written", metadata: ["path": "\(situationsPath)", "error": "\(error)"])
        }
    }

    private func serve(_ token: Token, _ readiness: Readiness) {
        switch token.kind {
        case .stop: end = end ?? .stopped
        case .keeper:
            logger.critical("the supervisor is gone; the node ends")
            end = .keeperLost
        case .listener: acceptStrangers()
        case .stranger: greet(token.number)
        case .task: receive(from: TaskID(raw: token.number))
        case .process: endTask(TaskID(raw: token.number), .processEnded)
        case nil: break
        }
    }

    // MARK: events

    /// Lets the kernel handle an event and carries out what it says, and then whatever that has caused.
    func submit(_ event: Event) { submit(event, of: nil) {} }

    /// A request is consumed from its socket after it has been answered and before anything else (Documentation/Decisions/0004).
    func submit(_ event: Event, of request: Request?, consume: () -> Void) {
        guard !isHandling else {
            caused.append(event)
            return
        }
        isHandling = true
        defer { isHandling = false }
        revokeByChance()
        handle(event, request)
        consume()
        while let next = caused.popFirst() { handle(next, nil) }
        revokeByChance()
    }

    func handle(_ event: Event, _ request: Request?) {
        counters.count(event)
        if situationsPath != nil { situations.insert(kernel.situation(of: event)) }
        var world = RecordingWorld(WatchedWorld(SharedLeaseWorld(MappedMemory(tables: tables))))
        let actions = kernel.handle(event, world: &world)
        counters.count(world.observations)
        trace(event, actions, closed: world.world.closed)
        carryOut(actions, of: request)
    }

    func endTask(_ id: TaskID, _ reason: EndReason) {
        guard let record = tables.tasks[id] else { return }
        counters.ends[reason, default: 0] += 1
        let metadata: Logger.Metadata = ["task": "\(id.raw)", "name": "\(record.identity.name)", "reason": "\(reason)"]
        switch reason {
        case .endOfFile, .processEnded: logger.debug("task ended", metadata: metadata)
        case .malformed, .misnumbered, .unreadAnswers, .deadly: logger.warning("task ended by the nucleus", metadata: metadata)
        }
        submit(.end(id))
    }
}

/// What a watched descriptor is.
struct Token {
    enum Kind: UInt8 { case stop = 1, keeper, listener, stranger, task, process }

    let bits: UInt64

    init(bits: UInt64) { self.bits = bits }
    init(_ kind: Kind, _ number: UInt64 = 0) { bits = UInt64(kind.rawValue) << 56 | number & 0x00FF_FFFF_FFFF_FFFF }

    var kind: Kind? { Kind(rawValue: UInt8(truncatingIfNeeded: bits >> 56)) }
    var number: UInt64 { bits & 0x00FF_FFFF_FFFF_FFFF }

    static let stop = Token(.stop)
    static let keeper = Token(.keeper)
    static let listener = Token(.listener)
}
