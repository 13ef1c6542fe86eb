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
    var listener: HeldDescriptor?
    let keeper: Keeper?
    var journal: Journal?
    let journalBytesMax: Int
    let onStep: (@Sendable (Step) -> Void)?
    let distortion: (any KernelDistortion)?
    let strangersMax: Int
    let tasksPerUserMax: Int
    let situationsPath: String?
    private let stopBell: EventCounter
    var poller: Poller

    var kernel: Kernel
    let tables: NodeTables
    var strangers: [UInt64: Stranger] = [:]
    var lastStranger: UInt64 = 0
    var lastObject: UInt64 = 0
    /// While an earlier nucleus's work is taken over.
    var recoveredWelcomes: [TaskID: Welcome] = [:]
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
    var end: End?
    let buffer: UnsafeMutableRawBufferPointer
    /// Requests stay in their sockets until they are answered, for whoever comes after us.
    let peeks: Bool
    let ownUID = CurrentProcess.uid

    /// Makes a nucleus; `run` makes it work. With a keeper it waits until the keeper has said all that it holds, and goes on where an
    /// earlier nucleus was.
    public init(configuration: consuming NucleusConfiguration) throws(NucleusError) {
        node = configuration.node
        features = configuration.features
        logger = configuration.logger
        strangersMax = configuration.strangersMax
        tasksPerUserMax = configuration.tasksPerUserMax
        situationsPath = configuration.situationsPath
        journalBytesMax = configuration.journalBytesMax
        onStep = configuration.onStep
        distortion = configuration.distortion
        do {
            stopBell = try EventCounter()
            poller = try Poller(eventsMax: 64)
        } catch {
            throw .system(error)
        }
        var limits = configuration.limits
        // Without the seal a half would have two writers: no links (architecture rule 12).
        if !configuration.features.futureWriteSeal { limits.linksEnabled = false }
        kernel = Kernel(node: configuration.node, limits: limits)
        tables = NodeTables(store: PayloadStore(bytesMax: configuration.storeBytesMax, features: configuration.features))
        revocation = configuration.revocation.map { Revocation($0) }
        unsafe buffer = .allocate(byteCount: Envelope<Request>.bytesMax, alignment: 16)
        let firstTask = HeldDescriptor(configuration.firstTask.take())
        listener = HeldDescriptor(configuration.listener.take())
        keeper = Keeper(HeldDescriptor(configuration.keeper.take()), logger: configuration.logger)
        peeks = keeper != nil
        do {
            try poller.add(stopBell.raw, token: Token.stop.bits, interest: .readable)
            tables.store.segmentMade = { [keeper] number, raw in keeper?.keep(KeptKey(.segment, UInt64(number)), raw) }
            try begin(firstTask)
            if let raw = keeper?.raw { try poller.add(raw, token: Token.keeper.bits, interest: .readable) }
            try listen()
        } catch let error as Errno {
            throw .system(error)
        } catch let error as KeeperError {
            throw .keeper(error)
        } catch let error as NucleusError {
            throw error
        } catch {
            throw .journal("\(error)")
        }
    }

    /// From nothing, or from where an earlier nucleus was.
    private func begin(_ firstTask: HeldDescriptor?) throws {
        if let keeper {
            let inherited = try keeper.inherit()
            if inherited[KeptKey(.journal)] != nil { return try recover(inherited) }
            try beginJournal()
            if let raw = listener?.raw { keeper.keep(KeptKey(.listener), raw) }
        }
        if let firstTask { try admit(firstTask, isFirst: true) }
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
        // With a keeper another nucleus goes on with the same sockets.
        if keeper == nil || end == .keeperLost { endSockets() }
        return end ?? .stopped
    }

    /// Whoever still waits for an answer learns that there will be none.
    private func endSockets() {
        for record in tables.tasks.values {
            do {
                try MessageSocket.end(record.socket.raw)
            } catch {
                logger.debug("a socket was gone before its task", metadata: ["task": "\(record.id.raw)", "error": "\(error)"])
            }
        }
    }

    /// Each kind once, and at once: a nucleus that is killed has met what it has met.
    private func note(_ situation: Situation) {
        guard let situationsPath, situations.insert(situation).inserted else { return }
        do {
            let file = try File.open(situationsPath, [.write, .create, .append])
            try file.writeAll(Array((situation.description + "\n").utf8))
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

    /// A datagram is consumed from its socket after it has been answered, and before anything else (Documentation/Decisions/0004).
    func submit(_ event: Event, of request: Request?, consume: () -> Void) {
        guard !isHandling else {
            caused.append(event)
            return
        }
        isHandling = true
        defer { isHandling = false }
        revokeByChance()
        handle(event, request, consume: consume)
        while let next = caused.popFirst() { handle(next, nil) {} }
        revokeByChance()
        renewJournal()
    }

    /// One event: what the world and the kernel say, the journal, what is to be done, the answer. A kill between any two of these
    /// leaves a state from which the next nucleus comes to the same.
    func handle(_ event: Event, _ request: Request?, consume: () -> Void) {
        var event = event
        distortion?.before(&event, &kernel)
        counters.count(event)
        if situationsPath != nil { note(kernel.situation(of: event)) }
        journal?.underWay = underWay(event)
        onStep?(.peeked)
        var world = RecordingWorld(WatchedWorld(SharedLeaseWorld(MappedMemory(tables: tables))))
        var actions = kernel.handle(event, world: &world)
        distortion?.after(event, &kernel, &actions)
        onStep?(.handled)
        counters.count(world.observations)
        trace(event, actions, closed: world.world.closed)
        keepArrival(actions)
        onStep?(.kept)
        record(JournalRecord(event: event, observations: world.observations))
        onStep?(.journaled)
        let answer = carryOut(actions)
        onStep?(.acted)
        if let answer { give(answer, to: request) }
        onStep?(.replied)
        consume()
        journal?.underWay = .nothing
        onStep?(.consumed)
        if let answer { release(answer, request) }
        onStep?(.released)
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
