import ArgumentParser
import Masix
import MasixLinux
import MasixProtocols
import MasixWire
import Synchronization
import SystemPackage

/// `masix connect`
struct ConnectCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect", abstract: "Join standard input and output to the program that a `masix serve` starts.",
        discussion: """
            The exit code is that program's, or 128+n if signal n ended it; 125 to 127 say that masix itself failed. SIGINT, SIGTERM and \
            SIGHUP are passed on to it; the third one ends connect. With -- COMMAND, that local program's standard input and output take \
            the place of ours. Example: tar c . | masix connect backup
            """)

    @OptionGroup var node: NodeOptions
    @Flag(name: .customLong("wait"), help: "Wait until somebody serves the name.")
    var waits = false
    @Argument(help: ArgumentHelp("The name that is served.", valueName: "name"))
    var name: String
    @Argument(parsing: .postTerminator, help: ArgumentHelp("A local program, after --.", valueName: "command"))
    var command: [String] = []

    func perform() throws {
        let code: Int32
        do {
            code = try connect()
        } catch {
            // The exit codes below 125 belong to the program at the other end.
            let complaint = Complaint(any: error)
            switch complaint.exit {
            case .noProgram, .cannotExecute: throw complaint
            default: throw Complaint(complaint.words, .ownFailure)
            }
        }
        guard code == 0 else { throw ExitCode(code) }
    }

    private func connect() throws -> Int32 {
        let signals = try EndingSignals()
        let space = try node.attach()
        let server = try space.names.lookUp(name, wait: waits, timeout: waits ? nil : .seconds(10))
        let stream = try ConnectedStream(name, server, space)
        let count = SignalCount()
        try signals.onEach { number in
            if count.next() >= 3 { Self.exit(withError: ExitCode(128 + number)) }
            stream.signal(number)
        }
        guard !command.isEmpty else {
            try stream.startSending { () throws(Errno) in try Descriptor.duplicate(of: 0) }
            return try stream.receive(into: 1)
        }
        let inward = try Pipe.make()
        let outward = try Pipe.make()
        let child = try Program.start(command, input: inward.reader.raw, output: outward.writer.raw)
        let fromChild = SharedDescriptor(outward.takeReader())
        try stream.startSending { () throws(Errno) in try Descriptor.duplicate(of: fromChild.descriptor.raw) }
        let remote = try Self.receive(stream, into: inward.takeWriter())
        // Its input has ended; it ends when it likes.
        let own: Int32
        do throws(Errno) {
            switch try child.process.wait() {
            case .exited(let code): own = code
            case .signalled(let number, _): own = 128 + number
            case nil: own = 0
            }
        } catch {
            throw Complaint("process \(child.pid): \(error)", .internalFault)
        }
        return remote != 0 ? remote : own
    }

    /// Closes the descriptor afterwards.
    private static func receive(_ stream: ConnectedStream, into target: consuming Descriptor) throws -> Int32 {
        try stream.receive(into: target.raw)
    }
}

/// A descriptor that several closures hold.
final class SharedDescriptor: Sendable {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
}

/// The client's end of a stream.
final class ConnectedStream: Sendable {
    private let name: String
    private let incoming: ReceiveRight
    private let data: SendRight
    private let control: SendRight
    /// The program at the other end reads no more.
    private let isUnwanted = Atomic<Bool>(false)

    convenience init(_ name: String, _ server: borrowing SendRight, _ space: Space) throws {
        try self.init(name, server, space, opening: Message(code: StreamProtocol.openingCode, bytes: StreamOpening().wireBytes)) { _ in }
    }

    /// `opening` says what is wanted; `judge` throws if it is the wrong one who answers, who is then told nothing more.
    init(
        _ name: String, _ server: borrowing SendRight, _ space: Space, opening: consuming Message,
        judge: (borrowing ReceivedMessage) throws -> Void
    ) throws {
        self.name = name
        incoming = try space.makePort(queueLimit: StreamProtocol.queueLimit)
        var opening = opening
        opening.attach(try incoming.makeSendRight())
        try incoming.requestNoSenders(sync: 1, to: incoming)
        var answer: ReceivedMessage
        do throws(MasixError) {
            answer = try server.call(opening, timeout: .seconds(30))
        } catch {
            if error == .noReply && !server.isDead { throw Complaint("'\(name)' did not answer: it is no stream", .malformed) }
            throw error
        }
        try judge(answer)
        guard answer.code == StreamProtocol.openingCode, let opened = try? StreamOpened(wireBytes: answer.bytes) else {
            throw Complaint("'\(name)' is no stream", .malformed)
        }
        if case .refused(let why) = opened { throw Complaint("'\(name)' refused: \(TextTable.printable(why))", .ownFailure) }
        if answer.isDead(at: 0) { throw MasixError.deadName }
        guard let data = answer.takeSendRight(at: 0), let control = answer.takeSendRight(at: 1) else { throw MasixError.malformedMessage }
        self.data = data
        self.control = control
    }

    func signal(_ number: Int32) {
        guard let number = UInt8(exactly: number) else { return }
        urge(.signal(number))
    }

    func resize(to size: TerminalSize) { urge(.resized(size)) }

    /// What does not wait behind bytes. If it cannot be said, the other end has died, which the receiver learns.
    private func urge(_ word: StreamMessage) {
        do throws(MasixError) {
            try control.send(Message(code: StreamProtocol.dataCode, bytes: word.wireBytes), timeout: .seconds(1))
        } catch {
            Output.remark("masix: '\(name)' was not told: \(error)")
        }
    }

    /// Sends what the descriptor gives, on a thread of its own, until its end or until nobody reads it.
    func startSending(_ open: @escaping @Sendable () throws(Errno) -> Descriptor) throws {
        do throws(Errno) {
            try DetachedThread.start("stream-out") { [self] in
                do throws(Errno) { try sendAll(from: open()) } catch { Output.remark("masix: standard input: \(error)") }
            }
        } catch {
            throw Complaint("no thread for the stream: \(error)", .internalFault)
        }
    }

    private func sendAll(from source: consuming Descriptor) throws(Errno) {
        var words = StreamMessage.end
        repeat {
            words = .end
            do throws(Errno) {
                let bytes = try source.readBytes(max: StreamProtocol.pieceBytesMax)
                if !bytes.isEmpty { words = .data(bytes) }
            } catch .wouldBlock, .resourceTemporarilyUnavailable {
                _ = try Ready.poll(source.raw, for: .readable, timeoutNanoseconds: nil)
                continue
            }
            do throws(MasixError) {
                try data.send(Message(code: StreamProtocol.dataCode, bytes: words.wireBytes))
            } catch {
                // The other end has died, which the receiver learns and tells.
                return
            }
        } while words != .end && !isUnwanted.load(ordering: .relaxed)
    }

    /// Writes what comes until the last word; its exit code.
    func receive(into target: Int32) throws -> Int32 {
        var isWanted = true
        while true {
            let message = try incoming.receive()
            if message.notification != nil {
                throw Complaint("the other end of '\(name)' died before its program had ended", .died)
            }
            guard message.code == StreamProtocol.dataCode, let word = try? StreamMessage(wireBytes: message.bytes) else {
                throw Complaint("the other end of '\(name)' sent nonsense", .malformed)
            }
            switch word {
            case .data(let bytes):
                guard isWanted else { continue }
                do throws(Complaint) { try Output.write(bytes, to: target) } catch {
                    // Whoever read our output has gone: the program is to learn it as in a pipeline.
                    guard error.isBrokenOutput else { throw error }
                    isWanted = false
                    urge(.closed)
                }
            case .end, .signal, .resized: break
            case .closed: isUnwanted.store(true, ordering: .relaxed)
            case .exited(let code): return Int32(code)
            case .killed(let signal): return 128 + Int32(signal)
            }
        }
    }
}
