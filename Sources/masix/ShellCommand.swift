import ArgumentParser
import Masix
import MasixLinux
import MasixProtocols
import MasixWire
import SystemPackage

/// `masix shell`
struct ShellCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell", abstract: "A shell on a node, for those whom that node permits.",
        discussion: """
            Without NODE it is a shell on this node. What is typed and printed, the size of the window and the end go as messages between \
            ports; there is no other connection. The exit code is that of the shell or of COMMAND, or 128+n if signal n ended it; 125 \
            says that masix itself failed, or that the node refused.

            Standard input decides: a terminal is passed on as it is typed (every key goes to the other side, ^C too) and the shell has a \
            terminal there; else it has pipes, and its errors come with its output. -t makes a terminal all the same.

            Nobody may at first: the node's administrator runs the shell server (`masix node init --shell`) and writes a line for \
            each who may into shell.permits. Example: masix shell b -- uname -a
            """)

    @OptionGroup var node: NodeOptions
    @Flag(name: [.customShort("t"), .customLong("terminal")], help: "A terminal there, even if standard input is none here.")
    var wantsTerminal = false
    @Argument(help: ArgumentHelp("The node's name in the roster.", valueName: "node"))
    var target: String?
    @Argument(parsing: .postTerminator, help: ArgumentHelp("A program there and its arguments, after --.", valueName: "command"))
    var command: [String] = []

    func perform() throws {
        let code: Int32
        do {
            code = try ShellTalk(target: target, wantsTerminal: wantsTerminal, command: command, isDirect: false).talk(try node.attach())
        } catch {
            // The exit codes below 125 belong to the program at the other end.
            throw Complaint(Complaint(any: error).words, .ownFailure)
        }
        guard code == 0 else { throw ExitCode(code) }
    }
}

/// A session with a node's shell server, from its opening to the last word.
struct ShellTalk {
    /// The node as the roster calls it; nil for this one.
    let target: String?
    let wantsTerminal: Bool
    let command: [String]
    /// The program itself, without a shell around it.
    let isDirect: Bool

    /// The exit code of what ran there.
    func talk(_ space: Space) throws -> Int32 {
        let signals = try EndingSignals([Signal.interrupt, Signal.quit, Signal.terminate, Signal.hangUp, Signal.windowChange])
        let isTyped = Terminal.isTerminal(0)
        let hasTerminal = isTyped || wantsTerminal
        let opening = ShellOpening(
            terminal: hasTerminal ? Self.size() : nil, kind: CurrentProcess.environment("TERM") ?? "dumb", command: command,
            isDirect: isDirect)
        if let complaint = opening.complaint { throw Complaint(complaint, .usage) }
        let place = try ShellPlace(target, space)
        let stream = try place.open(opening, space)
        // From here on the user's terminal is raw, and restored however this ends.
        let terminal = isTyped ? try Self.makeRaw() : nil
        defer { terminal?.restore() }
        let count = SignalCount()
        try signals.onEach { number in
            if number == Signal.windowChange {
                if hasTerminal { stream.resize(to: Self.size()) }
                return
            }
            // What is typed comes as bytes: whoever signals us means us. Our end hangs up there.
            if isTyped || count.next() >= 3 {
                terminal?.restore()
                ShellCommand.exit(withError: ExitCode(128 + number))
            }
            stream.signal(number)
        }
        try stream.startSending { () throws(Errno) in try Descriptor.duplicate(of: 0) }
        return try stream.receive(into: 1)
    }

    private static func size() -> TerminalSize {
        let known = Terminal.size(0) ?? Terminal.size(1) ?? (columns: 80, rows: 24)
        return TerminalSize(columns: known.columns, rows: known.rows)
    }

    private static func makeRaw() throws(Complaint) -> RawTerminal {
        do throws(Errno) { return try RawTerminal(0) } catch { throw Complaint(error, "the terminal") }
    }
}

/// A node on which a shell is wanted, and how to be sure that it is the node's own shell server that answers.
private struct ShellPlace {
    /// As the user calls it.
    let words: String
    let name: String
    /// 0 for this node.
    let number: UInt32

    init(_ target: String?, _ space: Space) throws {
        guard let target else {
            (words, name, number) = ("this node", ShellProtocol.name, 0)
            return
        }
        let status = try NodePeersCommand.status(of: space)
        if target == status.name {
            (words, name, number) = ("this node", ShellProtocol.name, 0)
            return
        }
        guard let peer = status.peers.first(where: { $0.name == target }) else {
            let close = Closeness.names(like: target, among: status.peers.map(\.name) + [status.name])
            let hint = close.isEmpty ? "" : "; did you mean \(close.map { "'\($0)'" }.joined(separator: " or "))?"
            throw Complaint("no node '\(target)' is in this node's roster\(hint)", .notFound)
        }
        (words, name, number) = ("node '\(target)'", ShellProtocol.name(on: target), peer.number)
    }

    private var nobody: Complaint {
        Complaint("\(words) gives no shells: its administrator has not asked for it (`masix node init --shell` there)", .notFound)
    }

    func open(_ opening: ShellOpening, _ space: Space) throws -> ConnectedStream {
        let server: SendRight
        do throws(NameError) {
            server = try space.names.lookUp(name, timeout: .seconds(10))
        } catch .unknown {
            throw nobody
        } catch .unanswered {
            throw Complaint("\(words) does not answer: `masix doctor` with its name says why", .died)
        }
        return try ConnectedStream(name, server, space, opening: Message(code: ShellProtocol.openingCode, bytes: opening.wireBytes)) {
            answer in
            // Anybody may register a name. What is typed may be a secret, and is for nobody else.
            if number == 0, answer.sender.node != 0 { throw nobody }
            let identity = try? answer.senderIdentity()
            guard answer.sender.node == number, let identity, identity.launched, identity.name == ShellProtocol.name else {
                let who = identity.map { "user \($0.uid), \($0.executable)" } ?? "nobody knows who"
                let place = answer.sender.node == 0 ? "this node" : "node \(answer.sender.node)"
                throw Complaint(
                    "'\(name)' is answered by \(TextTable.printable(who)) of \(place), which is not the shell server of \(words)",
                    .notPermitted)
            }
        }
    }
}
