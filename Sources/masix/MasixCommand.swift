import ArgumentParser
import Masix
import MasixLinux
import MasixProtocols
import SystemPackage

/// The command `masix`: looks at a node, uses its servers, and joins unmodified programs to it.
@main
struct MasixCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "masix",
        abstract: "Look at a Masix node, use its servers, and join programs to it.",
        discussion: """
            A node is found by --node, else by MASIX_NODE, else at the usual place: /run/masix for root, masix in XDG_RUNTIME_DIR for \
            others. `masix node run` starts one. `masix help exit-codes` lists the exit codes; `masix explain ERROR` explains any of them.
            """,
        version: "masix \(MasixVersion.current)",
        groupedSubcommands: [
            CommandGroup(name: "The node:", subcommands: [NodeCommand.self, RosterCommand.self, DoctorCommand.self]),
            CommandGroup(
                name: "The cluster:", subcommands: [ClusterCommand.self, TokenCommand.self, ManifestCommand.self, PolicyCommand.self]),
            CommandGroup(
                name: "What is on it:",
                subcommands: [
                    PsCommand.self, NamesCommand.self, ResolveCommand.self, PortsCommand.self, LinksCommand.self, MapCommand.self,
                    TopCommand.self, TraceCommand.self, StopCommand.self, WaitCommand.self,
                ]),
            CommandGroup(
                name: "Talking:",
                subcommands: [
                    CallCommand.self, PingCommand.self, AnswerCommand.self, ServeCommand.self, ConnectCommand.self, ShellCommand.self,
                    RunCommand.self,
                ]),
            CommandGroup(name: "Files:", subcommands: [FilesCommand.self, LsCommand.self, GetCommand.self, PutCommand.self]),
            CommandGroup(name: "Help:", subcommands: [ExplainCommand.self, ExitCodesCommand.self]),
        ])

    static func main() {
        // A partner's closed pipe is an error to be told, not a death.
        do throws(Errno) { try Signals.ignorePipe() } catch { Output.remark("masix: \(error)") }
        // `masix help exit-codes` is a page, not the help of a command.
        if CommandLine.arguments.dropFirst().elementsEqual(["help", "exit-codes"]) { return main(["exit-codes"]) }
        main(nil)
    }
}

/// A command whose errors become words on standard error and an exit code.
protocol ReportingCommand: ParsableCommand {
    func perform() throws
}

extension ReportingCommand {
    func run() throws {
        do {
            try perform()
        } catch let error as ExitCode {
            throw error
        } catch {
            let complaint = Complaint(any: error)
            // The reader of our output went away: nobody is interested in why we end.
            if complaint.isBrokenOutput { throw ExitCode(128 + Signal.pipe) }
            Output.remark("masix: \(complaint.words)")
            throw complaint.exit.code
        }
    }
}

extension Complaint {
    init(any error: any Error) {
        switch error {
        case let complaint as Complaint: self = complaint
        case let error as NameError: self.init(error)
        case let error as FilesError: self.init(error)
        case let error as MasixError: self.init(error)
        default: self.init("\(error)", .internalFault)
        }
    }

    var isBrokenOutput: Bool { words.hasPrefix("output: ") && words.hasSuffix("(errno \(Errno.brokenPipe.rawValue))") }
}

/// Which node.
struct NodeOptions: ParsableArguments {
    @Option(name: .customLong("node"), help: ArgumentHelp("The node's directory.", valueName: "dir"))
    var directory: String?

    var path: String { NodeDirectory.path(directory) }

    func attach() throws(MasixError) -> Space { try Space.attach(directory: directory) }
}

struct JSONOption: ParsableArguments {
    @Flag(name: .customLong("json"), help: "Print JSON: one object, or one a line where there are many.")
    var isOn = false
}

/// A time on the command line, in seconds.
struct TimeoutOption: ParsableArguments {
    @Option(name: .customLong("timeout"), help: ArgumentHelp("Give up after so many seconds.", valueName: "seconds"))
    var seconds: Double?

    func validate() throws {
        if let seconds, !(seconds >= 0 && seconds < 1e9) { throw ValidationError("--timeout must be a number of seconds, 0 or more") }
    }

    var duration: Duration? { seconds.map { .nanoseconds(Int64($0 * 1e9)) } }
}

struct ExitCodesCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "exit-codes", abstract: "List the exit codes.")

    @OptionGroup var json: JSONOption

    func perform() throws {
        if json.isOn {
            for meaning in ExitMeaning.allCases {
                try Output.line(
                    JSON.object([("code", JSON(meaning.rawValue)), ("name", JSON(meaning.name)), ("meaning", JSON(meaning.meaning))]).text)
            }
            return
        }
        var table = TextTable([("CODE", .right), ("NAME", .left), ("MEANING", .left)])
        for meaning in ExitMeaning.allCases { table.add([String(meaning.rawValue), meaning.name, meaning.meaning]) }
        table.add(["128+n", "signal", "signal n ended the program at the other end of connect, or masix itself"])
        try Output.write(table.text)
        try Output.line()
        try Output.line(
            "The exit code of `masix connect` and `masix shell` is that of the program at the other end; 125 to 127 say that masix failed.")
    }
}
