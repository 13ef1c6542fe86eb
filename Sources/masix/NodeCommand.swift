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
            NodeInitCommand.self, NodeLineCommand.self, NodeRunCommand.self, NodeStatusCommand.self, NodePeersCommand.self,
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

    func validate() throws {
        let given = [listen != nil, name != nil, number != nil].count { $0 }
        guard given == 0 || given == 3 else { throw ValidationError("--listen, --name and --number belong together") }
    }

    func perform() throws {
        let path = state.path(node)
        let configuration = path + "/servers.json"
        var network: NodeNetworkFile?
        if let listen, let name, let number {
            do throws(NodeRosterFault) {
                network = try NodeNetworkFile(number: number, name: name, listen: listen)
            } catch {
                throw Complaint("\(error)", .malformed)
            }
        }
        do throws(Errno) {
            try Directory.makeAll(path, mode: 0o755)
            let file = try File.open(configuration, [.write, .create, .exclusive], mode: 0o644)
            try file.writeAll(Array("{\"servers\": []}\n".utf8))
        } catch .fileExists {
            // A node that has been made can still learn to speak with others.
            if network == nil {
                throw Complaint("\(configuration) is there already: this directory has been made before", .cannotCreate)
            }
        } catch {
            throw Complaint(error, path)
        }
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

    private static func absolute(_ path: String) throws -> String {
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
