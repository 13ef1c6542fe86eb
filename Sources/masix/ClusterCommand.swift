import ArgumentParser
import MasixNetwork
import MasixSecure
import MasixWire

/// `masix cluster`
struct ClusterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Make a cluster: an administrator's key, and what it signs.",
        discussion: "The files are for the administrator alone. No node uses them yet: see Documentation/Security.md.",
        subcommands: [ClusterInitCommand.self, ClusterShowCommand.self])
}

/// `masix cluster init`
struct ClusterInitCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make the administrator's key and sign the first roster.",
        discussion:
            "Each line is what `masix node line` prints on a node. The key is sealed under a password that is asked for, and is never overwritten."
    )

    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var password: PasswordOption
    @Option(help: "For how many days the roster counts.")
    var days: UInt64 = 365
    @Argument(help: ArgumentHelp("Lines of nodes, each in quotes.", valueName: "line"))
    var lines: [String] = []

    func validate() throws {
        guard (1...36_500).contains(days) else { throw ValidationError("--days is 1 to 36500") }
    }

    func perform() throws {
        let directory = cluster.directory
        if try StateFile.contents(directory.keyPath, max: 4_096) != nil {
            throw Complaint("\(directory.keyPath) is there already: a key is never overwritten", .cannotCreate)
        }
        let now = ClusterDirectory.now
        let end = try ClusterDirectory.later(than: now, seconds: days * 86_400)
        var random = SystemRandomNumberGenerator()
        let id = ClusterID(random: &random)
        let key = AdministratorKey(random: &random)
        let roster: ClusterRoster
        do {
            roster = try ClusterRoster(
                cluster: id, version: 1, notBefore: now, notAfter: end, nodes: try lines.map { try Self.node($0, until: end) })
        } catch let error as WireError {
            throw Complaint("the lines contradict each other: \(error)", .malformed)
        }
        let words = try password.read("new password of the administrator")
        let sealed: [UInt8]
        do throws(SecurityRefusal) { sealed = try SealedAdministratorKey.seal(key, password: words, random: &random) } catch {
            throw Complaint(error, directory.keyPath)
        }
        try StateFile.create(directory.keyPath, sealed, mode: 0o600, or: "a key is never overwritten")
        let identity = ClusterDirectory.Identity(cluster: id, key: key.publicKey)
        try StateFile.replace(directory.identityPath, with: Array(identity.text.utf8))
        try StateFile.replace(directory.rosterPath, with: SignedFile(roster, by: key).bytes)
        try Output.line("made cluster \(Hexadecimal.encode(id.bytes)) with \(roster.nodes.count) nodes in \(directory.path)")
    }

    private static func node(_ line: String, until end: WallTime) throws -> ClusterNode {
        let entry: NodeRosterEntry
        do throws(NodeRosterFault) { entry = try NodeRosterEntry(line: line) } catch {
            throw Complaint("'\(line)' is no line of a node: \(error)", .malformed)
        }
        guard let name = NodeName(entry.name), let fingerprint = Digest256(entry.fingerprint),
            let node = ClusterNode(
                number: entry.number, name: name, fingerprint: fingerprint, address: entry.address, epoch: entry.epoch,
                expires: entry.expires.map { WallTime(seconds: $0) } ?? end)
        else { throw Complaint("'\(line)' cannot be a node of a cluster: its epoch must be 1 or more", .malformed) }
        return node
    }
}

/// `masix cluster show`
struct ClusterShowCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Check the signed roster and list its nodes.")

    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var json: JSONOption

    func perform() throws {
        let directory = cluster.directory
        guard let file: SignedFile<ClusterRoster> = try directory.signed(directory.rosterPath) else {
            throw Complaint("\(directory.path) is no cluster: `masix cluster init` makes one", .notFound)
        }
        let roster = file.content
        var table = TextTable([("NUMBER", .right), ("NAME", .left), ("ADDRESS", .left), ("EPOCH", .right), ("KEY", .left)])
        for node in roster.nodes {
            if json.isOn {
                try Output.line(
                    JSON.object([
                        ("number", JSON(node.number)), ("name", JSON(node.name.description)), ("address", JSON(node.address)),
                        ("epoch", JSON(node.epoch)), ("key", JSON(Hexadecimal.encode(node.fingerprint.bytes))),
                        ("version", JSON(roster.version)),
                    ]).text)
            } else {
                table.add([
                    String(node.number), node.name.description, node.address, String(node.epoch),
                    Hexadecimal.encode(node.fingerprint.bytes),
                ])
            }
        }
        if !json.isOn { try Output.write(table.text) }
    }
}

/// `masix token`
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Let a new node join a cluster.", subcommands: [TokenNewCommand.self])
}

/// `masix token new`
struct TokenNewCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Print a token for one new node, and sign the grant that members know it by.",
        discussion: "The token is printed once and stored nowhere. Whoever has it can be that node: it serves once, and not for long.")

    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var password: PasswordOption
    @Option(name: .customLong("name"), help: "The new node's name.")
    var name: String
    @Option(help: "The new node's number.")
    var number: UInt32
    @Option(help: "For how many minutes the token serves.")
    var minutes: UInt64 = 15

    func validate() throws {
        guard (1...10_080).contains(minutes) else { throw ValidationError("--minutes is 1 to 10080") }
    }

    func perform() throws {
        let directory = cluster.directory
        guard let node = NodeName(name) else { throw Complaint("a name is 1 to 63 letters, digits, '.', '-' and '_'", .malformed) }
        if let roster: SignedFile<ClusterRoster> = try directory.signed(directory.rosterPath) {
            if roster.content.nodes.contains(where: { $0.name == node || $0.number == number }) {
                throw Complaint("the roster has a node '\(name)' or a node \(number) already", .cannotCreate)
            }
        }
        let key = try directory.unlock(password)
        var random = SystemRandomNumberGenerator()
        let token = JoinToken(for: key.publicKey, random: &random)
        let now = ClusterDirectory.now
        let end = try ClusterDirectory.later(than: now, seconds: minutes * 60)
        let id = try directory.identity().cluster
        let grant: JoinGrant
        do throws(WireError) {
            grant = try JoinGrant(cluster: id, notBefore: now, notAfter: end, token: token.publicKey, number: number, name: node)
        } catch { throw Complaint("\(error)", .malformed) }
        try StateFile.replace(directory.grantPath(node), with: SignedFile(grant, by: key).bytes)
        try Output.line(token.text)
    }
}
