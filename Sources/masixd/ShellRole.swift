import ArgumentParser
import Logging
import Masix
import MasixLinux
import MasixNetwork
import MasixProtocols
import MasixShellServer
import MasixSupervisor
import SystemPackage

/// A server of shells, as an entry of servers.json starts it.
struct ShellRole: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell", abstract: "Gives a shell to those whom shell.permits in the state directory names, on this and other nodes.",
        discussion: """
            It runs as an entry of servers.json (`masix node init --shell` writes one), with the rights of its own user; as root it becomes \
            the user that the line says. A line of shell.permits is `permit NODE/UID [as UID] [by PROGRAM]`, where NODE is a number or a \
            name of the roster, or `here`. The file is read anew for each who asks.
            """)

    @Option(help: "The node's state directory.")
    var state: String

    @Option(help: ArgumentHelp("Shells at a time; who comes when it is full is refused.", valueName: "count"))
    var sessions = 64

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = LogLevel(level: .info)

    func validate() throws {
        guard state.hasPrefix("/") else { throw ValidationError("--state must be an absolute path") }
        guard (1...4096).contains(sessions) else { throw ValidationError("--sessions must be from 1 to 4096") }
    }

    func run() throws {
        let level = logLevel.level
        let logger = Logger(label: "shell") { LineLogHandler.standardError(label: $0, level: level) }
        // Whatever else runs as this user has no business with what is typed here.
        try Hardening.setDumpable(false)
        try Signals.ignorePipe()
        do {
            let space = try Space.attach()
            let server = try ShellServer(space, state: state, sessions: sessions, logger: logger)
            // What this node is called among the others; nothing if it speaks with none.
            let name = try NodeNetworkFile.read(in: state)?.name
            if let name { try server.register(on: name) }
            logger.info("giving shells", metadata: ["to": "those in \(state)/\(ShellProtocol.permitsFileName)", "node": "\(name ?? "-")"])
            do throws(MasixError) {
                try server.run()
            } catch {
                server.hangUp()
                if error != .nodeGone { throw error }
            }
        } catch {
            logger.error("ended: \(error)")
            throw ExitCode(1)
        }
    }
}
