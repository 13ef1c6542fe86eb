import ArgumentParser
import Masix
import MasixLinux
import MasixProtocols
import MasixWire
import SystemPackage

/// `masix serve`
struct ServeCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Start a program for each `masix connect` to a name.",
        discussion: """
            The program's standard input and output are the stream; its standard error is that of serve. It gets SIGHUP when its client \
            dies, and the signals that the client is sent. Example: masix serve backup -- tar x -C /srv/backup
            """)

    @OptionGroup var node: NodeOptions
    @Option(name: .customLong("sessions"), help: ArgumentHelp("Programs at a time; who comes when it is full is refused.", valueName: "n"))
    var sessions = 64
    @Flag(name: .customLong("once"), help: "End after the first session, with its program's exit code.")
    var isOnce = false
    @Argument(help: ArgumentHelp("The name to register.", valueName: "name"))
    var name: String
    @Argument(parsing: .postTerminator, help: ArgumentHelp("The program and its arguments, after --.", valueName: "command"))
    var command: [String]

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("say what to start: masix serve NAME -- COMMAND [ARGUMENT...]") }
        guard (1...4096).contains(sessions) else { throw ValidationError("--sessions must be from 1 to 4096") }
    }

    func perform() throws {
        let signals = try EndingSignals()
        guard Program.find(command[0]) != nil else { throw Complaint("\(command[0]): no such program", .noProgram) }
        let space = try node.attach()
        let port = try space.names.register(name, queueLimit: 64, timeout: .seconds(10))
        Output.remark("masix: \(name) starts \(command.joined(separator: " "))")
        let running = StreamSessions(max: sessions)
        try signals.onEach { number in
            running.endAll()
            Self.exit(withError: ExitCode(128 + number))
        }
        while true {
            var message = try port.receive()
            guard message.code == StreamProtocol.openingCode, let reply = message.takeReply() else { continue }
            let session = open(&message, space, running)
            switch session {
            case .failure(let refusal): try Self.answer(.refused(refusal.words), nil, reply)
            case .success(let session):
                try Self.answer(.accepted(pid: session.pid), session, reply)
                do throws(Errno) { try session.start() } catch { throw Complaint("no thread for a stream: \(error)", .internalFault) }
                if isOnce { throw ExitCode(session.waitForEnd()) }
            }
        }
    }

    private struct Refused: Error { let words: String }

    private func open(
        _ message: inout ReceivedMessage, _ space: Space, _ running: StreamSessions
    ) -> Result<StreamSession, Refused> {
        guard let opening = try? StreamOpening(wireBytes: message.bytes), opening.version == StreamProtocol.version,
            let client = message.takeSendRight()
        else { return .failure(Refused(words: "this is not how a stream is opened in version \(StreamProtocol.version)")) }
        guard running.begin() else { return .failure(Refused(words: "\(sessions) programs run already")) }
        do {
            // From this thread, which lives as long as the process: the program is told when serve dies.
            let session = try StreamSession(client: client, space, running, remark: { Output.remark("masix: \($0)") }, start: start)
            return .success(session)
        } catch {
            running.end(nil)
            return .failure(Refused(words: String(Complaint(any: error).words.prefix(200))))
        }
    }

    private func start() throws -> StreamProgram {
        let inward = try Self.onLinux { () throws(Errno) in try Pipe.make() }
        let outward = try Self.onLinux { () throws(Errno) in try Pipe.make() }
        let child = try Program.start(command, input: inward.reader.raw, output: outward.writer.raw, deathSignal: Signal.hangUp)
        return StreamProgram(child, input: inward.takeWriter(), output: outward.takeReader())
    }

    private static func onLinux<Result: ~Copyable>(_ body: () throws(Errno) -> Result) throws(Complaint) -> Result {
        do throws(Errno) { return try body() } catch { throw Complaint(error, "pipe") }
    }

    private static func answer(_ answer: StreamOpened, _ session: StreamSession?, _ reply: consuming SendOnceRight) throws {
        var message = Message(code: StreamProtocol.openingCode, bytes: answer.wireBytes)
        if let session {
            message.attach(try session.makeDataRight())
            message.attach(try session.makeControlRight())
        }
        do throws(MasixError) {
            try reply.send(message)
        } catch .nodeGone {
            throw MasixError.nodeGone
        } catch {
            Output.remark("masix: a client was not answered: \(error)")
        }
    }
}
