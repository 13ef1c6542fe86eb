import ArgumentParser
import Masix
import MasixNetwork
import MasixProtocols

/// `masix roster`
struct RosterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roster", abstract: "Say which other nodes this node speaks with.",
        discussion:
            "The roster is nodes.roster in the node's state directory. A line of it is what `masix node line` prints on another node. A node that runs is told of each change.",
        subcommands: [RosterAddCommand.self, RosterListCommand.self, RosterRemoveCommand.self])
}

/// `masix node line`
struct NodeLineCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "line", abstract: "Print the line by which other nodes know this one.",
        discussion: "It is no secret, but must come to the others unchanged: it says whose key is believed.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var state: StateOption
    @Option(help: ArgumentHelp("Where others find the node, if not where it listens.", valueName: "host:port"))
    var address: String?
    @Option(help: "Higher than in the line that this one replaces.")
    var epoch: UInt64 = 1
    @Option(help: ArgumentHelp("When the line shall count no more, in seconds since 1970.", valueName: "seconds"))
    var expires: UInt64?
    @OptionGroup var json: JSONOption

    func perform() throws {
        let entry = try NetworkState(state.path(node)).entry(address: address, epoch: epoch, expires: expires)
        try Output.line(json.isOn ? entry.json(isOwn: true).text : entry.description)
    }
}

/// `masix roster add`
struct RosterAddCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Take a node into the roster, or replace its line by one of a higher epoch.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var state: StateOption
    @Argument(help: ArgumentHelp("What `masix node line` prints there, in quotes or not.", valueName: "line"))
    var line: [String]

    func perform() throws {
        let entry: NodeRosterEntry
        do throws(NodeRosterFault) { entry = try NodeRosterEntry(line: line.joined(separator: " ")) } catch {
            throw Complaint("the line is not one of a roster: \(error)", .malformed)
        }
        try NetworkState(state.path(node)).changeRoster { roster throws(Complaint) in
            do throws(NodeRosterFault) { return try roster.adding(entry) } catch { throw Complaint("\(error)", .cannotCreate) }
        }
        node.reload()
    }
}

/// `masix roster list`
struct RosterListCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the nodes of the roster.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var state: StateOption
    @OptionGroup var json: JSONOption

    func perform() throws {
        let state = NetworkState(state.path(node))
        let own = state.ownFingerprint
        let roster = try state.roster()
        var table = TextTable([
            ("NUMBER", .right), ("NAME", .left), ("ADDRESS", .left), ("EPOCH", .right), ("EXPIRES", .left), ("KEY", .left),
        ])
        for entry in roster.entries {
            if json.isOn {
                try Output.line(entry.json(isOwn: entry.fingerprint == own).text)
            } else {
                table.add([
                    String(entry.number), entry.name + (entry.fingerprint == own ? " (this node)" : ""), entry.address, String(entry.epoch),
                    entry.expires.map { String($0) } ?? "never", entry.fingerprintText,
                ])
            }
        }
        if !json.isOn { try Output.write(table.text) }
    }
}

/// `masix roster remove`
struct RosterRemoveCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "remove", abstract: "Take a node out of the roster.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var state: StateOption
    @Argument(help: "The node's name.")
    var name: String

    func perform() throws {
        try NetworkState(state.path(node)).changeRoster { roster throws(Complaint) in
            if let less = roster.removing(name: name) { return less }
            let close = Closeness.names(like: name, among: roster.entries.map(\.name))
            let hint = close.isEmpty ? "" : "; did you mean \(close.map { "'\($0)'" }.joined(separator: " or "))?"
            throw Complaint("no node '\(name)' is in the roster\(hint)", .notFound)
        }
        node.reload()
    }
}

extension NodeOptions {
    /// If the node runs, what has been written down counts from now on. If it cannot be told so, that is a remark and no failure: the file
    /// counts from its next start.
    func reload() {
        do throws(MasixError) {
            let space = try Space.attach(directory: path)
            do { try SupervisorClient(space).reload() } catch {
                Output.remark("masix: the node runs and has not been told of the change: \(error)")
            }
        } catch {
            if case .noNode = error { return }
            Output.remark("masix: the node has not been told of the change: \(error)")
        }
    }
}

extension NodeRosterEntry {
    func json(isOwn: Bool) -> JSON {
        [
            "number": JSON(number), "name": JSON(name), "fingerprint": JSON(fingerprintText), "host": JSON(host), "port": JSON(port),
            "epoch": JSON(epoch), "expires": expires.map { JSON($0) } ?? .null, "own": JSON(isOwn), "line": JSON(description),
        ]
    }
}
