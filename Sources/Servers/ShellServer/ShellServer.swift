public import Logging
public import Masix
import MasixLinux
import MasixNetwork
import MasixProtocols
import MasixWire
import SystemPackage

/// Gives a shell to whoever the node's administrator permits, here or on another node: an ordinary task, which the supervisor starts only
/// where it has been asked for.
///
/// Who asks is what the kernel says of a task of this node, and what its own node says of any other; no password is asked. Permits and
/// roster are read anew for each who asks.
public final class ShellServer {
    private let space: Space
    private let state: String
    private let logger: Logger
    private let sessions: StreamSessions
    private let max: Int
    private let port: ReceiveRight

    /// Registers its names. `state` is the node's state directory, where `shell.permits` is; `sessions` is how many there may be at a time.
    public init(_ space: Space, state: String, sessions: Int = 64, logger: Logger) throws {
        self.space = space
        self.state = state
        self.logger = logger
        self.sessions = StreamSessions(max: sessions)
        max = sessions
        port = try space.names.register(ShellProtocol.name, queueLimit: 64, timeout: .seconds(10))
    }

    /// The name under which other nodes find it. `node` is what this one is called among them.
    public func register(on node: String) throws(NameError) {
        let right: SendRight
        do throws(MasixError) { right = try port.makeSendRight() } catch { throw .node(error) }
        try space.names.register(ShellProtocol.name(on: node), right, timeout: .seconds(10))
    }

    /// Serves until the node is gone, which it says by its error. On a thread that lives as long as the process.
    public func run() throws(MasixError) {
        while true {
            var message = try port.receive()
            guard message.code == ShellProtocol.openingCode, let reply = message.takeReply() else { continue }
            switch open(&message) {
            case .failure(let refusal):
                logger.notice("refused", metadata: ["asker": "\(refusal.asker)", "why": "\(refusal.words)"])
                let answer = Message(code: StreamProtocol.openingCode, bytes: StreamOpened.refused(refusal.words).wireBytes)
                do throws(MasixError) { try reply.send(answer) } catch {
                    // Who asked has gone.
                    if error == .nodeGone { throw error }
                }
            case .success(let session):
                do {
                    try session.start()
                    try Self.answer(session, reply)
                } catch {
                    logger.error("a shell is hung up", metadata: ["pid": "\(session.pid)", "error": "\(error)"])
                    session.signal(Signal.hangUp)
                    if case MasixError.nodeGone = error { throw .nodeGone }
                }
            }
        }
    }

    private static func answer(_ session: StreamSession, _ reply: consuming SendOnceRight) throws(MasixError) {
        var answer = Message(code: StreamProtocol.openingCode, bytes: StreamOpened.accepted(pid: session.pid).wireBytes)
        answer.attach(try session.makeDataRight())
        answer.attach(try session.makeControlRight())
        try reply.send(answer)
    }

    /// SIGHUP to every shell.
    public func hangUp() { sessions.endAll() }

    // MARK: - Opening

    private struct Refusal: Error {
        let asker: String
        let words: String
    }

    private func open(_ message: inout ReceivedMessage) -> Result<StreamSession, Refusal> {
        let identity: TaskIdentity
        do throws(MasixError) { identity = try message.senderIdentity() } catch {
            return .failure(Refusal(asker: "\(message.sender)", words: "nobody says who asks: \(error)"))
        }
        let asker = ShellAsker(
            node: message.sender.node, uid: identity.uid, executable: identity.executable,
            isNameless: message.sender.node == 0 && identity.launched && identity.name == NetworkRequest.name)
        let whom = "user \(asker.uid) of \(asker.node == 0 ? "this node" : "node \(asker.node)")"
        func refused(_ words: String) -> Result<StreamSession, Refusal> {
            .failure(Refusal(asker: whom, words: String(words.prefix(300))))
        }
        let opening = try? ShellOpening(wireBytes: message.bytes)
        // Nobody's words but those of who may are looked at any closer.
        let program = opening?.isDirect == true ? opening.map { Self.program($0.command.first ?? "") } : nil
        let uid: UInt32
        switch verdict(on: asker, running: program) {
        case .permitted(let permitted): uid = permitted
        case .refused(let words): return refused(words)
        }
        guard let opening, opening.complaint == nil, let client = message.takeSendRight() else {
            return refused("this is not how a shell is asked for in version \(ShellProtocol.version)")
        }
        guard sessions.begin() else { return refused("\(max) shells run already") }
        let user = ShellUser.find(uid)
        do {
            let logger = logger
            let session = try StreamSession(
                client: client, space, sessions, remark: { logger.warning("\($0)") }, start: { try Self.start(opening, program, as: user) })
            logger.info("\(program ?? "a shell")", metadata: ["asker": "\(whom)", "as": "\(user.name) (\(uid))", "pid": "\(session.pid)"])
            return .success(session)
        } catch {
            sessions.end(nil)
            return refused("\(program ?? user.shell) could not be started: \(error)")
        }
    }

    // MARK: - Who may

    private func verdict(on asker: ShellAsker, running program: String?) -> ShellPermits.Verdict {
        let permits: ShellPermits
        do throws(ShellPermits.Unreadable) {
            permits = try ShellPermits.read(in: state)
        } catch {
            // What cannot be read permits nobody: a line that was to be the last word may be missing.
            logger.error("\(error)")
            return .refused("the list of those who are permitted cannot be read there: the log of that node says why")
        }
        let roster = roster()
        return permits.verdict(on: asker, running: program, server: CurrentProcess.uid) { roster[number: $0]?.name }
    }

    /// For the names of nodes; without one there are numbers.
    private func roster() -> NodeRoster {
        let path = "\(state)/\(NodeNetworkFile.rosterFileName)"
        guard let bytes = try? File.contents(of: path, max: NodeRoster.bytesMax + 1) else { return NodeRoster() }
        do throws(NodeRosterError) { return try NodeRoster(text: bytes) } catch {
            logger.warning("\(path): \(error)")
            return NodeRoster()
        }
    }

    // MARK: - The program

    /// As a line of `shell.permits` writes it: a name without a slash is looked for where a shell would.
    private static func program(_ name: String) -> String {
        guard !name.contains("/") else { return name }
        let path = CurrentProcess.environment("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { candidate in
            guard let status = try? File.status(candidate) else { return false }
            return status.kind == .regular && status.mode & 0o111 != 0
        } ?? name
    }

    /// The program itself, or the user's shell, perhaps with a command.
    private static func start(_ opening: ShellOpening, _ program: String?, as user: ShellUser) throws -> StreamProgram {
        var launch = Launch(
            program ?? user.shell, arguments: program == nil ? user.arguments(opening.command) : opening.command,
            environment: user.environment(kind: opening.terminal == nil ? nil : opening.kind))
        // As the server's own user it keeps the server's groups.
        if user.uid != CurrentProcess.uid { launch.identity = .init(uid: user.uid, gid: user.gid) }
        launch.workingDirectory = user.home
        launch.newSession = true
        launch.parentDeathSignal = Signal.hangUp
        guard let size = opening.terminal else {
            let inward = try Pipe.make()
            let outward = try Pipe.make()
            launch.placements = [.init(inward.reader.raw, at: 0), .init(outward.writer.raw, at: 1), .init(outward.writer.raw, at: 2)]
            let child = try startAtHome(launch)
            return StreamProgram(child, input: inward.takeWriter(), output: outward.takeReader())
        }
        let terminal = try PseudoTerminal.open()
        try Terminal.setSize(terminal.master.raw, columns: Int(size.columns), rows: Int(size.rows))
        let slave = try File.open(terminal.slavePath, [.readWrite, .noControllingTerminal])
        // Its user may do with his terminal what he likes, and nobody else.
        if user.uid != CurrentProcess.uid { try Terminal.giveAway(slave.raw, uid: user.uid, gid: user.gid) }
        launch.placements = (0...2).map { .init(slave.raw, at: $0) }
        launch.controllingTerminal = 0
        let child = try startAtHome(launch)
        return try StreamProgram(child, terminal: terminal.takeMaster())
    }

    /// A user whose home is not there, or not his, is at the root of all files.
    private static func startAtHome(_ launch: Launch) throws(Errno) -> Child {
        do throws(Errno) { return try launch.start() } catch {
            guard launch.workingDirectory != "/" else { throw error }
            var launch = launch
            launch.workingDirectory = "/"
            return try launch.start()
        }
    }
}

extension PseudoTerminal {
    fileprivate consuming func takeMaster() -> Descriptor { master }
}
