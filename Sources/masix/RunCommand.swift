import ArgumentParser
import Masix
import MasixKernel

/// `masix run`
struct RunCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a program on another node, for those whom that node permits.",
        discussion: """
            The program's standard input and output are ours, and the exit code is its own, or 128+n if signal n ended it; 125 says that \
            masix itself failed, or that the node refused. SIGINT, SIGTERM and SIGHUP are passed on. Its errors come with its output, and it \
            can join that node by MASIX_NODE: then `masix ps --all-nodes` shows it, `masix stop` and `masix wait` reach it.

            Nobody may at first: the node's administrator runs the shell server (`masix node init --shell`), and writes a line into \
            shell.permits for each program that somebody may run, or for each who may have a shell and so run all of them:
              permit a/1000 run /usr/bin/make
            Example: masix run --node b -- /usr/bin/make -C /srv/build
            """)

    @Option(name: .customLong("node"), help: ArgumentHelp("The node's name in the roster; this node without it.", valueName: "name"))
    var target: String?
    @Option(name: .customLong("directory"), help: ArgumentHelp("The directory of this node.", valueName: "dir"))
    var directory: String?
    @Argument(parsing: .postTerminator, help: ArgumentHelp("The program and its arguments, after --.", valueName: "command"))
    var command: [String]

    func validate() throws {
        guard !command.isEmpty else { throw ValidationError("say what to run: masix run --node NAME -- PROGRAM [ARGUMENT...]") }
    }

    func perform() throws {
        let code: Int32
        do {
            let space = try Space.attach(directory: directory)
            code = try ShellTalk(target: target, wantsTerminal: false, command: command, isDirect: true).talk(space)
        } catch {
            // The exit codes below 125 belong to the program at the other end.
            throw Complaint(Complaint(any: error).words, .ownFailure)
        }
        guard code == 0 else { throw ExitCode(code) }
    }
}
