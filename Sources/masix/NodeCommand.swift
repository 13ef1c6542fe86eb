import ArgumentParser
import Masix
import MasixLinux
import MasixNetwork
import MasixProtocols
import SystemPackage

/// `masix node`
struct NodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Make, run, look at and stop a node.",
        subcommands: [
            NodeInitCommand.self, NodeSetCommand.self, NodeLineCommand.self, NodeRunCommand.self, NodeStatusCommand.self,
            NodePeersCommand.self,
            NodeStopCommand.self,
        ])
}

/// `masix node init`
struct NodeInitCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make a node's directory, with a configuration that starts no servers.",
        discussion: "`masix node run` does this too where it is missing; init is for those who want to edit servers.json first.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var state: StateOption
    @OptionGroup var json: JSONOption
    @Option(help: ArgumentHelp("Speak with other nodes, and listen for them here.", valueName: "host:port"))
    var listen: String?
    @Option(help: "The node's name among the other nodes.")
    var name: String?
    @Option(help: "The node's number among the other nodes.")
    var number: UInt32?
    @Flag(help: "Run a shell server, for those whom shell.permits names: nobody but you, at first.")
    var shell = false
    @Option(help: "What all other nodes are told of names: see `masix node set`.")
    var announce: AnnounceWords?

    func validate() throws {
        if announce != nil, listen == nil { throw ValidationError("--announce is for a node that speaks with others: --listen") }
        let given = [listen != nil, name != nil, number != nil].count { $0 }
        guard given == 0 || given == 3 else { throw ValidationError("--listen, --name and --number belong together") }
    }

    func perform() throws {
        let path = state.path(node)
        let configuration = path + "/servers.json"
        var network: NodeNetworkFile?
        if let listen, let name, let number {
            do throws(NodeRosterFault) {
                network = try NodeNetworkFile(number: number, name: name, listen: listen, announce: announce?.rawValue)
            } catch {
                throw Complaint("\(error)", .malformed)
            }
        }
        let servers = shell ? try Self.shellEntry(path) : ""
        do throws(Errno) {
            try Directory.makeAll(path, mode: 0o755)
            let file = try File.open(configuration, [.write, .create, .exclusive], mode: 0o644)
            try file.writeAll(Array("{\"servers\": [\(servers)]}\n".utf8))
        } catch .fileExists {
            // What the administrator has written stays as it is.
            if shell {
                throw Complaint(
                    "\(configuration) is there already: write into its list \(servers), and who may into \(path)/\(ShellProtocol.permitsFileName)",
                    .cannotCreate)
            }
            // A node that has been made can still learn to speak with others.
            if network == nil {
                throw Complaint("\(configuration) is there already: this directory has been made before", .cannotCreate)
            }
        } catch {
            throw Complaint(error, path)
        }
        if shell { try Self.makePermits(path) }
        let networkState = NetworkState(path)
        var line: NodeRosterEntry?
        if let network {
            try networkState.make(network)
            if NetworkState.canBeDialled(network) { line = try networkState.entry() }
        }
        if json.isOn {
            var members: [(String, JSON)] = [("directory", JSON(path)), ("configuration", JSON(configuration))]
            if network != nil { members.append(("line", JSON(line?.description))) }
            return try Output.line(JSON.object(members).text)
        }
        try Output.line("made \(path); `masix node run --node \(node.path)` runs it")
        guard network != nil else { return }
        if let line {
            try Output.line("the other nodes know it by this line, which `masix roster add` takes there:")
            try Output.line(line.description)
        } else {
            try Output.line("`masix node line --address HOST:PORT` prints the line by which the other nodes know it")
        }
    }
}

extension NodeInitCommand {
    /// The shell server as servers.json has it.
    private static func shellEntry(_ path: String) throws -> String {
        let state = try NodeRunCommand.absolute(path)
        let command = [try NodeRunCommand.absolute(try NodeRunCommand.daemon()), "shell", "--state", state]
        return JSON.object([("name", JSON(ShellProtocol.name)), ("command", JSON(command.map { JSON($0) }))]).text
    }

    /// One that is there says already who may.
    private static func makePermits(_ path: String) throws(Complaint) {
        let permits = "\(path)/\(ShellProtocol.permitsFileName)"
        let text = """
            # Who may have a shell on this node: one line each. Without a line nobody may but the server's own user on this node itself.
            #   permit NODE/UID [as UID] [by PROGRAM] [run PROGRAM]
            # NODE is a number or a name of the roster, or `here` for this node. `as` needs a server that root runs. `run` permits that
            # program and no shell.

            """
        do throws(Errno) {
            try File.open(permits, [.write, .create, .exclusive, .noFollow], mode: 0o644).writeAll(Array(text.utf8))
        } catch .fileExists {
            return
        } catch {
            throw Complaint(error, permits)
        }
    }
}

/// What is announced, on a command line.
enum AnnounceWords: String, ExpressibleByArgument, CaseIterable {
    case none, answers, senders, both
}

/// `masix node set`
struct NodeSetCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Change what a node that speaks with others has written down, or print it.",
        discussion: """
            --announce says what all other nodes are told of this node's names: "answers", each name that one of them has asked for; \
            "senders", the names of each task that sends to one of them; "both"; or "none", as at first. A node that is set to "none" does \
            not hear what others announce either. Look-ups of announced names send nothing, and each announcement costs a message to \
            every node, and one more when the name ends. A node that runs is told of the change.
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var state: StateOption
    @OptionGroup var json: JSONOption
    @Option(help: "What all other nodes are told of names.")
    var announce: AnnounceWords?

    func perform() throws {
        let networkState = NetworkState(state.path(node))
        if let announce {
            try networkState.set(announce: announce.rawValue)
            node.reload()
        }
        let words = try networkState.announce()
        try Output.line(json.isOn ? JSON.object([("announce", JSON(words))]).text : "announce \(words)")
    }
}

/// `masix node run`
struct NodeRunCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the node in the foreground, until it is stopped.",
        discussion: "This becomes masixd, the one beside this program or else the one in PATH. What follows -- is passed on to it.")

    @OptionGroup var node: NodeOptions
    @Flag(name: .customLong("detach"), help: "Return when the node serves; it runs on by itself.")
    var detaches = false
    @Argument(parsing: .postTerminator, help: ArgumentHelp("For masixd.", valueName: "argument"))
    var rest: [String] = []

    func perform() throws {
        let executable = try Self.daemon()
        let arguments = ["masixd"] + (detaches ? [] : ["--foreground"]) + ["--directory", try Self.absolute(node.path)] + rest
        do throws(Errno) {
            try Program.become(executable, arguments: arguments)
        } catch {
            throw Complaint(error, executable)
        }
    }

    static func absolute(_ path: String) throws -> String {
        if path.hasPrefix("/") { return path }
        do throws(Errno) { return try Link.target(of: "/proc/self/cwd") + "/" + path } catch { throw Complaint(error, path) }
    }

    static func daemon() throws -> String {
        if let own = try? executablePath(ofPID: CurrentProcess.pid), let slash = own.lastIndex(of: "/") {
            let beside = own[...slash] + "masixd"
            if Program.isExecutable(String(beside)) { return String(beside) }
        }
        guard let found = Program.find("masixd") else {
            throw Complaint("masixd is neither beside this program nor in PATH: install it, or build it with `swift build`", .noProgram)
        }
        return found
    }
}

/// `masix node status`
struct NodeStatusCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Say how the node is.", discussion: "The exit code is 0 if it runs and 69 if it does not.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption

    func perform() throws {
        let space = try node.attach()
        let status = try SupervisorClient(space).status()
        if json.isOn { return try Output.line(Self.json(status).text) }
        try Output.line(
            "node \(status.number).\(status.incarnation) in \(status.directory), version \(status.version), up \(Figure.seconds(status.milliseconds &* 1_000_000))"
        )
        var table = TextTable([
            ("ROLE", .left), ("STATE", .left), ("PID", .right), ("UID", .right), ("FOR", .right), ("RESTARTS", .right), ("LAST END", .left),
        ])
        for role in status.roles {
            table.add([
                role.name, "\(role.state)", role.pid == 0 ? "-" : String(role.pid), String(role.uid),
                Figure.seconds(role.milliseconds &* 1_000_000), String(role.restarts), role.lastEnd,
            ])
        }
        try Output.write(table.text)
        for weakness in status.weaknesses { try Output.line("weaker here: \(weakness)") }
    }

    private static func json(_ status: NodeStatus) -> JSON {
        [
            "node": JSON("\(status.number).\(status.incarnation)"), "directory": JSON(status.directory), "version": JSON(status.version),
            "protocol": JSON(status.protocolVersion), "milliseconds": JSON(status.milliseconds),
            "roles": JSON(
                status.roles.map { role in
                    [
                        "name": JSON(role.name), "state": JSON("\(role.state)"), "pid": JSON(role.pid), "uid": JSON(role.uid),
                        "restarts": JSON(role.restarts), "milliseconds": JSON(role.milliseconds), "last_end": JSON(role.lastEnd),
                    ]
                }), "weaknesses": JSON(status.weaknesses.map { JSON($0) }),
        ]
    }
}

/// `masix node stop`
struct NodeStopCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "End the node in order, and wait until it has ended.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var timeout: TimeoutOption

    func perform() throws {
        let space = try node.attach()
        let supervisor = try SupervisorClient(space)
        let patience = Clock.monotonicNanoseconds() + UInt64((timeout.seconds ?? 20) * 1e9)
        do throws(MasixError) {
            try supervisor.stop()
        } catch {
            switch error {
            case .noReply, .nodeGone, .deadName: break  // It ended before its answer came.
            default: throw error
            }
        }
        // The node's socket takes nobody any more when it has ended.
        let word = FutexWord()
        while (try? Space.attach(directory: node.directory)) != nil {
            guard Clock.monotonicNanoseconds() < patience else { throw Complaint("the node has not ended in time", .timedOut) }
            _ = try? word.wait(while: 0, timeoutNanoseconds: 20_000_000)
        }
    }
}
