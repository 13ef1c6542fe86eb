public import Logging
public import Masix
import MasixLinux
import MasixProtocols
import MasixWire

/// The name server of a node: an ordinary task that receives on the bootstrap port.
///
/// What it decides, `NameTable` decides; here rights are held and messages sent. It outlives its process: the port, with everything
/// that waits in it, goes to the supervisor when it dies, and every name lies with the keeper before its owner is answered.
public final class NameServer {
    private let space: Space
    private let set: PortSet
    /// Where deaths of ports are told.
    private let deaths: PortID
    private let keeper: HeldRight?
    private let logger: Logger
    private var table: NameTable
    private var rights: [String: HeldRight] = [:]
    /// What the network server is found under, by us: nobody else may have this name.
    public static let networkName = "network"
    /// Where it answers: a send-once right to this port goes with every question.
    private let answers: PortID
    /// Who may say that it is the network server.
    private let isNetworkServer: @Sendable (TaskIdentity) -> Bool
    /// Rights to ports of other nodes.
    private var remembered: [String: HeldRight] = [:]
    /// Those that have just come, for whom.
    private var arrived: [NameTable.Asker: HeldRight] = [:]
    private var questions: [NameTable.Asker: Question] = [:]
    private var lastAsker: NameTable.Asker = 0
    /// What the network server is to be told and had no room for.
    private var notices: [String] = []
    private static let noticeMilliseconds: UInt64 = 5
    private let start = Clock.monotonicNanoseconds()

    /// A name server for the names of a node. `bootstrap` is the port that it answers on; `keeper` is where names are deposited, and
    /// got back from: without one they die with this process.
    public init(
        space: Space, bootstrap: consuming ReceiveRight, keeper: consuming SendRight?, limits: NameTable.Limits = .init(), logger: Logger,
        isNetworkServer: @escaping @Sendable (TaskIdentity) -> Bool = { $0.launched && $0.name == "network" }
    ) throws(MasixError) {
        self.isNetworkServer = isNetworkServer
        self.space = space
        self.logger = logger
        self.keeper = HeldRight(keeper.take())
        table = NameTable(limits: limits)
        set = space.makePortSet()
        // Known to the nucleus from the start, so that counts of ports do not depend on what has been asked for.
        let deathPort = try space.makePort(queueLimit: 1)
        try deathPort.leave()
        deaths = set.insert(deathPort)
        let answerPort = try space.makePort(queueLimit: 1)
        try answerPort.leave()
        answers = set.insert(answerPort)
        set.insert(bootstrap)
    }

    /// With the rights that the supervisor starts its name server with: the bootstrap port and the way to the keeper.
    public convenience init(startedIn space: Space, logger: Logger) throws(MasixError) {
        guard let bootstrap = space.takeInitialReceiveRight(at: 0), let keeper = space.takeInitialSendRight(at: 1) else {
            throw .invalidRight
        }
        try self.init(space: space, bootstrap: bootstrap, keeper: keeper, logger: logger)
    }

    /// Serves until the node is gone, which it says by its error.
    public func run() throws(MasixError) {
        try collect()
        if rights[Self.networkName] != nil { try perform(table.handle(.connected(true))) }
        try tell(.ready)
        logger.info("serving names", metadata: ["names": "\(table.count)"])
        while true {
            if !notices.isEmpty { try tellElsewhere() }
            let deadline = notices.isEmpty ? table.nextDeadline : min(table.nextDeadline ?? .max, now + Self.noticeMilliseconds)
            if let deadline, deadline <= now { try perform(table.handle(.time(now))) }
            table.advance(to: now)
            do throws(MasixError) {
                try take(try set.receive(timeout: deadline.map { .milliseconds($0 - min($0, now)) }))
            } catch .timedOut {
                continue
            }
        }
    }

    /// Milliseconds.
    private var now: UInt64 { (Clock.monotonicNanoseconds() - start) / 1_000_000 }

    // MARK: questions

    private func take(_ received: consuming ReceivedMessage) throws(MasixError) {
        var message = received
        if let notification = message.notification {
            // The others tell of requests of ours that were replaced, or whose right we gave up: nothing follows from them.
            if case .deadName(let port, _) = notification {
                let wasConnected = rights[Self.networkName] != nil
                try perform(table.handle(.died(port)))
                if wasConnected, rights[Self.networkName] == nil {
                    logger.notice("the network server is gone: names of other nodes are not found")
                    notices = []
                    try perform(table.handle(.connected(false)))
                }
            }
            return
        }
        if message.port == answers { return try takeAnswer(&message) }
        let reply = message.takeReply()
        let request: NameRequest
        do throws(WireError) {
            guard message.code == NameRequest.code else { throw .malformed(field: "code") }
            request = try NameRequest(wireBytes: message.bytes)
        } catch {
            // The reply right goes unanswered, which tells the asker.
            logger.info("a question that is none", metadata: ["task": "\(message.sender)", "error": "\(error)"])
            return
        }
        let identity: TaskIdentity
        do throws(MasixError) {
            identity = try message.senderIdentity()
        } catch .nodeGone {
            throw .nodeGone
        } catch {
            // It has died since it asked.
            return
        }
        lastAsker += 1
        let question = Question(reply, right: message.takeSendRight())
        switch request {
        case .connectNodes: return try connect(question, NameOwner(message.sender, identity), identity)
        case .learn(let name):
            guard isNetworkServer(identity), let right = question.right, !right.isDead else { return }
            arrived[lastAsker] = right
            try perform(table.handle(.learn(name, right.port, from: lastAsker)))
            arrived[lastAsker] = nil
            return
        case .unlearn(let names, let port):
            guard isNetworkServer(identity) else { return }
            return try perform(table.handle(.unlearn(names, port)))
        default: break
        }
        if case .register(Self.networkName, _) = request {
            return question.answer(.taken(NameOwner(space.task, space.identity)))
        }
        if let event = event(request, question, NameOwner(message.sender, identity)) {
            questions[lastAsker] = question
            try perform(table.handle(event))
        } else {
            question.answer(.noRight)
        }
    }

    /// Nil for a registration without a living right.
    private func event(_ request: NameRequest, _ question: Question, _ owner: NameOwner) -> NameTable.Event? {
        switch request {
        case .register(let name, let replace):
            guard let right = question.right, !right.isDead else { return nil }
            return .register(NameRecord(name: name, port: right.port, owner: owner), replace: replace, by: lastAsker)
        case .lookUp(let name, let wait): return lookUp(name, wait, here: false, owner.uid)
        case .lookUpHere(let name, let wait): return lookUp(name, wait, here: true, owner.uid)
        case .connectNodes, .learn, .unlearn: return nil
        case .namesOf(let task): return .namesOf(task, by: lastAsker)
        case .confirm(let name, let port): return .confirm(name, port, by: lastAsker)
        case .remove(let name): return .remove(name, uid: owner.uid, by: lastAsker)
        case .list(let last): return .list(after: last, by: lastAsker)
        }
    }

    private func lookUp(_ name: String, _ wait: UInt32, here: Bool, _ uid: UInt32) -> NameTable.Event {
        let wait = min(wait, NameRequest.waitMillisecondsMax)
        return .lookUp(name, uid: uid, until: wait == 0 ? nil : now + UInt64(wait), wait: wait, here: here, by: lastAsker)
    }

    // MARK: other nodes

    /// The network server has come. Like a name it outlives this process.
    private func connect(_ question: Question, _ owner: NameOwner, _ identity: TaskIdentity) throws(MasixError) {
        guard isNetworkServer(identity) else { return question.answer(.notOwner(NameOwner(space.task, space.identity))) }
        guard let right = question.right, !right.isDead else { return question.answer(.noRight) }
        questions[lastAsker] = question
        let record = NameRecord(name: Self.networkName, port: right.port, owner: owner)
        try perform(table.handle(.register(record, replace: true, by: lastAsker)))
        guard rights[Self.networkName]?.port == right.port else { return }
        logger.info("names of other nodes are found by the network server", metadata: ["pid": "\(identity.pid)"])
        try perform(table.handle(.connected(true)))
    }

    /// What could not be told yet is told later, and nothing is told out of order.
    private func tellElsewhere() throws(MasixError) {
        guard let resolver = rights[Self.networkName] else { return notices = [] }
        while let name = notices.first {
            do throws(MasixError) {
                try resolver.right.send(Message(code: ResolverNotice.code, bytes: ResolverNotice(name: name).wireBytes), timeout: .zero)
            } catch .timedOut {
                return
            } catch {
                if error == .nodeGone { throw error }
                // It has died, which ends all that it was told.
                return notices = []
            }
            notices.removeFirst()
        }
    }

    /// Figure 2, step 2. Without an answer the send-once right comes back unused, or the network server's death is told.
    private func ask(_ name: String, _ wait: UInt32, for asker: NameTable.Asker) throws(MasixError) {
        guard let resolver = rights[Self.networkName] else { return try perform(table.handle(.notElsewhere(asker, silent: []))) }
        let question = ResolverQuestion(number: asker, name: name, waitMilliseconds: wait)
        var message = Message(code: ResolverQuestion.code, bytes: question.wireBytes)
        message.attach(try set.makeSendOnceRight(to: answers))
        do throws(MasixError) {
            // It never waits for us for long; were it to, the asker would be told that nobody knows the name.
            try resolver.right.send(message, timeout: .zero)
        } catch {
            if error == .nodeGone { throw error }
            try perform(table.handle(.notElsewhere(asker, silent: [])))
        }
    }

    /// Figure 2, step 7.
    private func takeAnswer(_ message: inout ReceivedMessage) throws(MasixError) {
        guard message.code == ResolverQuestion.code, let answer = try? ResolverAnswer(wireBytes: message.bytes) else { return }
        let asker = answer.number
        switch answer.answer {
        case .found:
            guard let right = HeldRight(message.takeSendRight()), !right.isDead else {
                return try perform(table.handle(.diedElsewhere(asker)))
            }
            arrived[asker] = right
            try perform(table.handle(.foundElsewhere(asker, right.port, at: now)))
            arrived[asker] = nil
        case .silent(let nodes): try perform(table.handle(.notElsewhere(asker, silent: nodes)))
        case .done: try perform(table.handle(.isOwnNode(asker)))
        case .noNode(let node, let known): try perform(table.handle(.noNode(asker, node, known: known)))
        default: try perform(table.handle(.notElsewhere(asker, silent: [])))
        }
    }

    // MARK: actions

    private func perform(_ actions: [NameTable.Action]) throws(MasixError) {
        var dead: [PortID] = []
        for action in actions {
            switch action {
            case .keep(let name, let asker): rights[name] = questions[asker]?.right
            case .watch(let name): if let port = try watch(name) { dead.append(port) }
            case .forget(let name): rights[name] = nil
            case .deposit(let record):
                logger.debug("registered", metadata: ["name": "\(record.name)", "owner": "\(record.owner)"])
                try tell(.deposit(record))
            case .withdraw(let name):
                logger.debug("freed", metadata: ["name": "\(name)"])
                try tell(.withdraw(name))
            case .answer(let asker, let answer): questions.removeValue(forKey: asker)?.answer(answer)
            case .give(let asker, let name):
                guard let question = questions.removeValue(forKey: asker), let held = rights[name] else { continue }
                question.answer(.found, held)
            case .askElsewhere(let asker, let name, let wait): try ask(name, wait, for: asker)
            case .remember(let name, let asker):
                guard let right = arrived[asker] else { continue }
                remembered[name] = right
                do throws(MasixError) {
                    try set.requestDeadName(of: right.right, to: deaths)
                } catch .nodeGone {
                    throw .nodeGone
                } catch {
                    dead.append(right.port)
                }
            case .giveRemembered(let asker, let name):
                guard let question = questions.removeValue(forKey: asker), let held = remembered[name] else { continue }
                question.answer(.found, held)
            case .giveArrived(let asker):
                guard let question = questions.removeValue(forKey: asker), let held = arrived[asker] else { continue }
                question.answer(.found, held)
            case .forgetRemembered(let name): remembered[name] = nil
            case .tellElsewhere(let name):
                notices.append(name)
                try tellElsewhere()
            }
        }
        for port in dead { try perform(table.handle(.died(port))) }
    }

    /// The port behind the name, if it has died already.
    private func watch(_ name: String) throws(MasixError) -> PortID? {
        guard let held = rights[name] else { return nil }
        do throws(MasixError) {
            try set.requestDeadName(of: held.right, to: deaths)
            return nil
        } catch .nodeGone {
            throw .nodeGone
        } catch {
            return held.port
        }
    }

    // MARK: the keeper

    /// Waits for room with the keeper: what it was not told would be lost with us.
    private func tell(_ request: DepositRequest) throws(MasixError) {
        guard let keeper else { return }
        var message = Message(code: DepositRequest.code, bytes: request.wireBytes)
        if case .deposit(let record) = request {
            guard let held = rights[record.name] else { return }
            message.attach(held.right.copy())
        }
        try keeper.right.send(message)
    }

    /// The names of the name server before us.
    private func collect() throws(MasixError) {
        guard let keeper else { return }
        var last = ""
        while true {
            let question = Message(code: DepositRequest.code, bytes: DepositRequest.collect(after: last).wireBytes)
            var answer = try keeper.right.call(question)
            guard answer.code == DepositRequest.code, let kept = try? DepositedNames(wireBytes: answer.bytes) else {
                throw .malformedMessage
            }
            var dead: [NameRecord] = []
            for (index, record) in kept.names.enumerated() {
                guard let right = answer.takeSendRight(at: index) else {
                    dead.append(record)
                    continue
                }
                rights[record.name] = HeldRight(right)
                try perform(table.handle(.restore(record)))
            }
            // Ports that died while nobody watched them.
            for record in dead { try tell(.withdraw(record.name)) }
            guard kept.more, let next = kept.names.last?.name, next > last else { return }
            last = next
        }
    }
}

/// A send right in a table.
private final class HeldRight {
    let right: SendRight

    init(_ right: consuming SendRight) { self.right = right }

    /// Nil for nil.
    convenience init?(_ right: consuming SendRight?) {
        guard let right = right.take() else { return nil }
        self.init(right)
    }

    var port: PortID { right.port }
    var isDead: Bool { right.isDead }
}

/// Somebody who has asked and waits, and the right that came with it. Let go unanswered, it tells the asker so (spec/mach.md T4).
private final class Question {
    private var reply: SendOnceRight?
    let right: HeldRight?

    init(_ reply: consuming SendOnceRight?, right: consuming SendRight?) {
        self.reply = reply.take()
        self.right = HeldRight(right.take())
    }

    func answer(_ answer: NameAnswer, _ held: HeldRight? = nil) {
        guard let reply = reply.take() else { return }
        var message = Message(code: NameRequest.code, bytes: answer.wireBytes)
        if let held { message.attach(held.right.copy()) }
        do throws(MasixError) {
            try reply.send(message)
        } catch {
            // The asker, or the node, has gone: nobody is left to be told.
        }
    }
}
