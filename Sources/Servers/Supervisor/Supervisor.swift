import Logging
import Masix
import MasixLinux
import MasixNetwork
import MasixProtocols
import MasixTransport
import MasixWire
import SystemPackage

/// The node's first task: starts the others, watches them, starts them again, and holds what must outlive them.
///
/// It enforces nothing: what a task may do, the kernel decides. One thread does everything, whoever calls `run`, and sleeps until
/// something happens: a signal, the end of a child, a line of one, a message, or the time to start a server again.
public final class Supervisor {
    /// The node's own name server, among the servers.
    static let namesName = "names"
    static let nucleusName = "nucleus"
    /// The chief of the node, if it speaks with others.
    static let networkName = "network"

    let configuration: SupervisorConfiguration
    let users: NodeUsers
    let files: NodeFiles
    let logger: Logger
    private let log: NodeLog
    private let signals: SignalDescriptor
    private var poller: Poller
    let node: NodeID
    let start = Clock.monotonicNanoseconds() / 1_000_000
    let features: Features
    private let nursery: Nursery

    let nucleus: NucleusWatch
    let space: Space
    private let set: PortSet
    /// Where names are deposited, and where the bootstrap port comes when its name server dies.
    private let keeper: PortID
    /// Where we are asked: the port called `supervisor`.
    private let office: PortID
    /// While no name server has it.
    private var bootstrap: ReceiveRight?
    let deposits = Deposits()

    var roster = Roster()
    private(set) var children: [UInt64: ChildProcess] = [:]
    private var serverUsers: [String: NodeUsers.User] = [:]
    private var outputs: [UInt64: ChildOutput] = [:]
    private var lastSerial: UInt64 = 0
    private var readiness: Readiness
    /// Tasks whose end somebody waits for.
    let watched = WatchedTasks()
    private var isServing = false
    private var isNucleusGone = false
    private var phase = Phase.running

    private enum Phase: Equatable {
        case running
        /// The servers end.
        case stopping(success: Bool)
        /// The nucleus ends, and is killed at this time.
        case ending(success: Bool, killAt: UInt64)
        case over(success: Bool)
    }

    /// Makes a node: takes its directory, starts its nucleus and becomes its first task. Call it, and `run`, on the main thread, before
    /// there are others.
    public init(configuration: SupervisorConfiguration) throws(SupervisorError) {
        self.configuration = configuration
        readiness = configuration.readiness
        users = .ofThisProcess(base: configuration.userBase)
        features = .detect(environment: configuration.environmentByName)
        files = try NodeFiles(directory: configuration.directory, state: configuration.state ?? configuration.directory)
        let log = try NodeLog(directory: files.state)
        self.log = log
        let level = configuration.logLevel
        logger = Logger(label: "supervisor") { label in LineLogHandler(label: label, level: level) { log.write($0) } }
        let network = try files.network()
        node = try files.begin(number: configuration.number ?? network?.number)
        nursery = Nursery(configuration: configuration, users: users, node: "\(node)", features: features)
        logger.notice("node \(node) starts", metadata: ["directory": "\(configuration.directory)", "version": "\(MasixVersion.current)"])

        let listener = try files.makeSocket()
        let lastWords = try log.descriptorForLastWords()
        let socket: Int32
        do throws(Errno) {
            signals = try SignalDescriptor([Signal.terminate, Signal.interrupt, Signal.hangUp])
            try Signals.ignorePipe()
            poller = try Poller()
            let first = try MessageSocket.pair()
            let output = try Nursery.makeOutput(waits: false)
            nucleus = try NucleusWatch(
                nursery: nursery, listener: listener.raw, firstTask: first.second.raw, lastWords: lastWords,
                output: try output.writer.duplicate(), logger: logger)
            outputs[0] = ChildOutput(name: Self.nucleusName, isRole: true, pipe: output.takeReader())
            socket = first.takeFirst().relinquish()
        } catch {
            throw .system(doing: "starting the nucleus", error)
        }
        do throws(MasixError) {
            space = try Space.attach(rawSocket: socket)
            set = space.makePortSet()
            keeper = set.insert(try space.makePort(queueLimit: Limits.queueMessagesMax))
            office = set.insert(try space.makePort())
            let port = try space.makePort(queueLimit: Limits.queueMessagesMax)
            try space.setBootstrap(port)
            bootstrap = consume port
            // Found by its name like any other: the name server collects it with what was deposited.
            deposits.keep(
                NameRecord(name: SupervisorRequest.name, port: office, owner: NameOwner(space.task, space.identity)),
                try set.makeSendRight(to: office))
        } catch {
            throw .nucleus(error)
        }
    }

    var now: UInt64 { Clock.monotonicNanoseconds() / 1_000_000 }

    // MARK: the loop

    /// Runs the node until it is told to end, or has to. True if that was in order.
    public func run() throws(SupervisorError) -> Bool {
        tellUsers()
        do throws(Errno) {
            try poller.add(signals.raw, token: Token.signals.bits, interest: .readable)
            try poller.add(try messages(), token: Token.messages.bits, interest: .readable)
            try poller.add(nucleus.raw, token: Token.nucleus.bits, interest: .readable)
            if let output = outputs[0] { try poller.add(output.raw, token: Token(.output, 0).bits, interest: .readable) }
        } catch {
            throw .system(doing: "watching the nucleus", error)
        }
        perform(.add(ServerSpecification(name: Self.namesName, command: [configuration.executable]), .node))
        startNetwork()
        loadServers()
        receive()
        while true {
            if case .over(let success) = phase { return end(success) }
            try wait()
        }
    }

    private func wait() throws(SupervisorError) {
        var deadline = roster.nextTime
        if case .ending(_, let killAt) = phase { deadline = min(deadline ?? .max, killAt) }
        let patience = deadline.map { Int(clamping: $0 - min($0, now)) }
        var ready: [Token] = []
        do throws(Errno) {
            _ = try poller.wait(timeoutMilliseconds: patience) { bits, _ in ready.append(Token(bits: bits)) }
        } catch {
            throw .system(doing: "waiting", error)
        }
        for token in ready {
            switch token.kind {
            case .signals: takeSignals()
            case .messages: receive()
            case .nucleus: nucleusEnded()
            case .child: childEnded(token.serial)
            case .output: readOutput(token.serial)
            case .watched: watchedEnded(token.serial)
            case nil: break
            }
        }
        if let deadline, deadline <= now {
            if case .ending(let success, let killAt) = phase, killAt <= now {
                logger.warning("the nucleus does not end; killed")
                do throws(Errno) { try nucleus.signal(Signal.kill) } catch { logger.error("it cannot be: \(error)") }
                phase = .ending(success: success, killAt: .max)
            }
            perform(.time)
        }
    }

    private func takeSignals() {
        do throws(Errno) {
            while let number = try signals.next() {
                if number == Signal.hangUp {
                    reload()
                } else {
                    stop("signal \(number)")
                }
            }
        } catch {
            logger.error("signals cannot be read", metadata: ["error": "\(error)"])
        }
    }

    // MARK: servers

    func perform(_ event: Roster.Event) {
        for action in roster.handle(event, at: now) {
            switch action {
            case .launch(let server): launch(server)
            case .terminate(let name): for child in children.values where child.name == name { signal(child, Signal.terminate) }
            case .kill(let name):
                logger.warning("a server does not end; killed", metadata: ["server": "\(name)"])
                for child in children.values where child.name == name { signal(child, Signal.kill) }
            case .forget(let name): logger.debug("forgotten", metadata: ["server": "\(name)"])
            case .allStopped: endNucleus()
            }
        }
    }

    private func signal(_ child: ChildProcess, _ number: Int32) {
        do throws(Errno) {
            try child.signal(number)
        } catch {
            logger.error("a signal cannot be sent", metadata: ["process": "\(child.name)", "signal": "\(number)", "error": "\(error)"])
        }
    }

    private func launch(_ server: ServerSpecification) {
        do throws(SupervisorError) {
            let isNames = server.name == Self.namesName
            let child = isNames ? try startNames() : server.name == Self.networkName ? try startNetworkServer() : try start(server)
            lastSerial += 1
            children[lastSerial] = child
            do throws(Errno) {
                try poller.add(child.raw, token: Token(.child, lastSerial).bits, interest: .readable)
            } catch {
                throw .system(doing: "watching a server", error)
            }
            logger.info("started", metadata: ["server": "\(server.name)", "pid": "\(child.pid)", "user": "\(child.user)"])
            perform(.started(server.name))
        } catch {
            logger.error("a server could not be started", metadata: ["server": "\(server.name)", "error": "\(error)"])
            perform(.failed(server.name, because: "\(error)"))
        }
    }

    /// With the bootstrap port and the way to the keeper. The port comes back to the keeper should the name server die, however early.
    private func startNames() throws(SupervisorError) -> ChildProcess {
        guard let port = bootstrap.take() else { throw .nucleus(.portDied) }
        var rights = Message()
        do throws(MasixError) {
            try set.requestPortDestroyed(of: port, to: keeper)
            rights.attach(port)
            rights.attach(try set.makeSendRight(to: keeper))
        } catch {
            throw .nucleus(error)
        }
        let task: Nursery.BornTask
        do throws(Errno) { task = try nursery.startTask(.names) } catch { throw .system(doing: "starting", error) }
        return try introduce(task, running: configuration.executable, with: rights)
    }

    /// The network server is part of every node that has been made to speak with others.
    private func startNetwork() {
        do throws(SupervisorError) {
            guard let network = try files.network() else { return }
            guard network.number == node.number else {
                throw .unreadable(
                    path: files.state, why: "\(NodeNetworkFile.fileName) says node \(network.number), but this is node \(node.number)")
            }
            perform(.add(ServerSpecification(name: Self.networkName, command: [configuration.executable]), .node))
        } catch {
            logger.error("no other node is spoken with: \(error)")
        }
    }

    /// With the node's key, which it alone gets, and as the node's chief.
    private func startNetworkServer() throws(SupervisorError) -> ChildProcess {
        let key = try files.openKey()
        let task: Nursery.BornTask
        do throws(Errno) {
            task = try nursery.startTask(.network, ["--state", files.state], key: key.raw)
        } catch {
            throw .system(doing: "starting", error)
        }
        return try introduce(task, running: configuration.executable, with: Message(), isChief: true)
    }

    private func start(_ server: ServerSpecification) throws(SupervisorError) -> ChildProcess {
        let user = user(for: server)
        let task: Nursery.BornTask
        do throws(Errno) { task = try nursery.start(server, as: user) } catch { throw .system(doing: server.command.first ?? "", error) }
        return try introduce(task, running: server.command.first ?? "", with: Message())
    }

    /// Makes a process that runs a task of the node; with an error it runs no longer.
    private func introduce(
        _ task: consuming Nursery.BornTask, running executable: String, with rights: consuming Message, isChief: Bool = false
    ) throws(SupervisorError) -> ChildProcess {
        let (child, output) = (task.child, task.output)
        let identity = TaskIdentity(
            uid: child.user.uid, gid: child.user.gid, pid: child.pid,
            executable: executable.utf8.count > Limits.identityTextMax ? "" : executable,
            name: child.name, launched: true)
        var rights = rights
        do throws(MasixError) {
            let number = try space.introduce(identity, with: &rights, socket: task.socket.raw, process: child.raw)
            if isChief { try space.setChief(number) }
        } catch {
            signal(child, Signal.kill)
            throw .nucleus(error)
        }
        lastSerial += 1
        outputs[lastSerial] = output
        do throws(Errno) {
            try poller.add(output.raw, token: Token(.output, lastSerial).bits, interest: .readable)
        } catch {
            throw .system(doing: "reading what a server writes", error)
        }
        return child
    }

    private func user(for server: ServerSpecification) -> NodeUsers.User {
        if let uid = server.uid { return NodeUsers.User(uid: uid, gid: server.gid ?? uid, name: nil) }
        // A server that comes again keeps its number.
        if let known = serverUsers[server.name] { return known }
        let taken = Set(serverUsers.values.map(\.uid) + roster.servers.values.compactMap { $0.specification.uid })
        let user = users.userForServer(besides: taken)
        serverUsers[server.name] = user
        return user
    }

    private func childEnded(_ serial: UInt64) {
        guard let child = children[serial] else { return }
        do throws(Errno) {
            guard let end = try child.end() else { return }
            try poller.remove(child.raw)
            children[serial] = nil
            let level: Logger.Level = end.success || phase != .running ? .info : .warning
            logger.log(level: level, "\(child.name) \(end.how)", metadata: ["pid": "\(child.pid)"])
            tellEnd(of: child.pid, TaskEnd(words: end.how, code: end.code))
            perform(.ended(child.name, how: end.how, success: end.success))
        } catch {
            logger.error("a child cannot be waited for", metadata: ["server": "\(child.name)", "error": "\(error)"])
        }
    }

    private func readOutput(_ serial: UInt64) {
        guard let output = outputs[serial] else { return }
        do throws(Errno) {
            if let lines = try output.lines() {
                for line in lines { log.write(line) }
                return
            }
        } catch {
            logger.error("what a server writes cannot be read", metadata: ["server": "\(output.name)", "error": "\(error)"])
        }
        if let line = output.lastLine() { log.write(line) }
        do throws(Errno) { try poller.remove(output.raw) } catch { logger.error("cannot stop reading", metadata: ["error": "\(error)"]) }
        outputs[serial] = nil
    }

    // MARK: the configuration file

    /// What the administrator has written down counts from now on: the servers, and the other nodes.
    func reload() {
        loadServers()
        // A node may have been made to speak with others while it runs.
        if roster.servers[Self.networkName] == nil { startNetwork() }
        for child in children.values where child.name == Self.networkName { signal(child, Signal.hangUp) }
    }

    func loadServers() {
        let servers: [ServerSpecification]
        do throws(SupervisorError) {
            servers = try files.servers()
        } catch {
            logger.error("the servers stay as they are: \(error)")
            return
        }
        var good: [ServerSpecification] = []
        for server in servers {
            if let complaint = complaint(about: server) {
                logger.error("a server is left out: \(complaint)")
            } else if good.contains(where: { $0.name == server.name }) {
                logger.error("a server is left out: there are two called \(server.name)")
            } else if good.count + 1 >= ServerSpecification.serversMax {
                logger.error("a server is left out: a node has at most \(ServerSpecification.serversMax)")
            } else {
                good.append(server)
            }
        }
        logger.info("servers read", metadata: ["servers": "\(good.count)"])
        perform(.file(good))
    }

    /// Why this server cannot be one of ours.
    func complaint(about server: ServerSpecification) -> String? {
        if let complaint = server.complaint { return complaint }
        if [Self.namesName, Self.nucleusName, SupervisorRequest.name].contains(server.name) {
            return "the name \(server.name) is the node's own"
        }
        if !users.areApart {
            if let uid = server.uid, uid != users.supervisor.uid {
                return "\(server.name) is to run as user \(uid), but this node was not started by root"
            }
        }
        return nil
    }

    // MARK: the end

    /// Ends the node, in order.
    func stop(_ why: String) {
        guard phase == .running else { return }
        logger.notice("the node stops: \(why)")
        phase = .stopping(success: true)
        close()
    }

    private func nucleusEnded() {
        guard !isNucleusGone else { return }
        isNucleusGone = true
        do throws(Errno) { try poller.remove(nucleus.raw) } catch { logger.error("cannot stop watching: \(error)") }
        if case .ending(let success, _) = phase {
            phase = .over(success: success)
            return
        }
        // What every right of the node rests on is gone: nothing here can go on.
        phase = .stopping(success: false)
        close()
    }

    /// Nobody new comes in, and the servers end.
    private func close() {
        readiness.stopping(logger)
        do throws(SupervisorError) { try files.removeSocket() } catch { logger.error("the socket stays: \(error)") }
        perform(.stop)
    }

    private func endNucleus() {
        guard case .stopping(let success) = phase else { return }
        guard !isNucleusGone else {
            phase = .over(success: success)
            return
        }
        phase = .ending(success: success, killAt: now + Roster.graceMilliseconds)
        do throws(Errno) { try nucleus.stop() } catch { logger.error("the nucleus cannot be stopped: \(error)") }
    }

    private func end(_ success: Bool) -> Bool {
        // What the last ones wrote.
        for serial in outputs.keys.sorted() { readOutput(serial) }
        logger.notice("node \(node) has ended", metadata: ["in order": "\(success)"])
        return success
    }

    // MARK: messages

    private func receive() {
        while !isNucleusGone {
            do throws(MasixError) {
                let message = try set.receive(timeout: .zero)
                if message.port == keeper {
                    try takeKept(message)
                } else {
                    try answer(message)
                }
            } catch {
                if error == .timedOut { return }
                logger.error("messages cannot be received", metadata: ["error": "\(error)"])
                // The end of the nucleus is told by its process; until then this would be told again and again.
                if error == .nodeGone { unwatchMessages() }
                return
            }
        }
    }

    /// What says that messages may have come.
    private func messages() throws(Errno) -> Int32 {
        do throws(MasixError) { return try space.pollableDescriptor() } catch { throw .resourceTemporarilyUnavailable }
    }

    private func unwatchMessages() {
        do throws(Errno) {
            try poller.remove(try messages())
        } catch {
            logger.error("cannot stop receiving", metadata: ["error": "\(error)"])
        }
    }

    /// From the name server, or from the kernel about its port.
    private func takeKept(_ message: consuming ReceivedMessage) throws(MasixError) {
        if case .portDestroyed? = message.notification {
            guard let port = message.takeReceiveRight() else { return }
            logger.debug("the bootstrap port is back")
            bootstrap = consume port
            return
        }
        guard message.notification == nil, message.code == DepositRequest.code,
            let request = try? DepositRequest(wireBytes: message.bytes)
        else { return }
        switch request {
        case .deposit(let record):
            if let right = message.takeSendRight() { deposits.keep(record, right) }
        case .withdraw(let name): deposits.forget(name)
        case .collect(let last):
            guard let reply = message.takeReply() else { return }
            try reply.send(deposits.page(after: last))
        case .ready: serve()
        }
    }

    /// The name server answers: the node serves.
    private func serve() {
        guard !isServing, phase == .running else { return }
        isServing = true
        do throws(SupervisorError) {
            try files.publishSocket()
        } catch {
            logger.critical("nobody can attach: \(error)")
            stop("nobody can attach")
            return
        }
        logger.notice("node \(node) serves", metadata: ["milliseconds": "\(now - start)"])
        readiness.ready("serving in \(configuration.directory)", logger)
    }

    private func answer(_ message: consuming ReceivedMessage) throws(MasixError) {
        guard message.notification == nil, let reply = message.takeReply() else { return }
        guard message.code == SupervisorRequest.code, let request = try? SupervisorRequest(wireBytes: message.bytes) else {
            // The reply right goes unanswered, which tells the asker.
            logger.info("a question that is none", metadata: ["task": "\(message.sender)"])
            return
        }
        let identity: TaskIdentity
        do throws(MasixError) {
            identity = try message.senderIdentity()
        } catch {
            if error == .nodeGone { throw error }
            return
        }
        let asker = TaskAsker(node: message.sender.node, identity)
        if case .wait(let task) = request {
            guard let refusal = wait(for: task, asker, reply) else { return }
            return try send(.refused(refusal.words), to: refusal.reply)
        }
        let answer = answer(to: request, from: asker)
        try send(answer, to: reply)
        if case .stop = request, case .done = answer { stop("asked by \(identity.name) (pid \(identity.pid), uid \(identity.uid))") }
    }

    func send(_ answer: SupervisorAnswer, to reply: consuming SendOnceRight) throws(MasixError) {
        var words = Message(code: SupervisorRequest.code, bytes: answer.wireBytes)
        if words.bytes.count > Limits.inlineBytesMax {
            let memory = try MemoryObject(bytes: words.bytes)
            words.bytes = []
            words.attach(memory)
        }
        do throws(MasixError) {
            try reply.send(words)
        } catch {
            logger.info("an answer could not be given", metadata: ["error": "\(error)"])
        }
    }

    // MARK: tasks that somebody waits for

    /// The end of a process that is watched is heard of here. False if it cannot be.
    func watch(_ raw: Int32, as serial: UInt64) -> Bool {
        do throws(Errno) {
            try poller.add(raw, token: Token(.watched, serial).bits, interest: .readable)
            return true
        } catch {
            logger.error("a task cannot be watched", metadata: ["error": "\(error)"])
            return false
        }
    }

    func unwatch(_ raw: Int32) {
        do throws(Errno) { try poller.remove(raw) } catch { logger.error("cannot stop watching", metadata: ["error": "\(error)"]) }
    }
}

/// What a watched descriptor is.
private struct Token {
    enum Kind: UInt64 { case signals = 1, messages, nucleus, child, output, watched }

    let bits: UInt64

    init(bits: UInt64) { self.bits = bits }
    init(_ kind: Kind, _ serial: UInt64) { bits = kind.rawValue << 56 | serial }

    var kind: Kind? { Kind(rawValue: bits >> 56) }
    var serial: UInt64 { bits & 0x00FF_FFFF_FFFF_FFFF }

    static let signals = Token(.signals, 0)
    static let messages = Token(.messages, 0)
    static let nucleus = Token(.nucleus, 0)
}
