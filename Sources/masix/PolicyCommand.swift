import ArgumentParser
import MasixSecure

/// `masix policy`
struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Say who may open what.",
        discussion: "No node reads policies yet: see Documentation/Security.md. Documentation/Specs/security.md, section 6, has the rules.",
        subcommands: [PolicyCheckCommand.self])
}

/// `masix policy check`
struct PolicyCheckCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Read a policy, and say which rule decides a request and why.",
        discussion: "Without --open only the text is checked. The exit code is 0 if the request is allowed, and 1 if it is not.")

    @Argument(help: "The policy.")
    var file: String
    @Option(name: .customLong("open"), help: "The server that would be opened.")
    var target: String?
    @Flag(help: "Its interface for servers, instead of that for clients.")
    var server = false
    @Option(help: "The node of the server.")
    var on = "here"
    @Option(help: "The node of the asker, if it is another.")
    var from: String?
    @Option(help: "The server that asks; a client if there is none.")
    var name: String?
    @Option(help: "The user of the asker.")
    var uid: UInt32 = 0
    @Option(name: .customLong("exe"), help: ArgumentHelp("What the asker was started from, as sha256sum prints it.", valueName: "hex"))
    var executable: String?
    @Flag(help: "The supervisor has not launched the asker.")
    var unattested = false
    @OptionGroup var json: JSONOption

    func perform() throws {
        guard let bytes = try StateFile.contents(file, max: Policy.bytesMax + 1) else {
            throw Complaint("\(file): there is no such file", .notFound)
        }
        let policy: Policy
        do throws(PolicyError) { policy = try Policy(text: bytes) } catch { throw Complaint("\(file): \(error)", .malformed) }
        guard let target else {
            return try Output.line(
                json.isOn ? JSON.object([("rules", JSON(policy.rules.count))]).text : "\(file): \(policy.rules.count) rules")
        }
        guard let opened = ServerName(target) else { throw Complaint("'\(target)' is no name of a server", .malformed) }
        guard let node = NodeName(on) else { throw Complaint("'\(on)' is no name of a node", .malformed) }
        let decision = policy.explain(try asker(node), opens: opened, server ? .server : .client, on: node)
        if json.isOn {
            try Output.line(
                JSON.object([
                    ("allowed", JSON(decision.isAllowed)), ("line", decision.rule.map { JSON($0.line) } ?? .null),
                    ("why", JSON(decision.why)),
                    ("passed", JSON(decision.passed.map { JSON.object([("line", JSON($0.line)), ("why", JSON($0.why))]) })),
                ]).text)
        } else {
            for passed in decision.passed { try Output.line("line \(passed.line) does not decide: \(passed.why)") }
            try Output.line("\(decision.isAllowed ? "allowed" : "refused"): \(decision.why)")
        }
        if !decision.isAllowed { throw ExitMeaning.no.code }
    }

    private func asker(_ node: NodeName) throws(Complaint) -> Asker {
        var origin = node
        if let from {
            guard let other = NodeName(from) else { throw Complaint("'\(from)' is no name of a node", .malformed) }
            origin = other
        }
        var digest: Digest256?
        if let executable {
            digest = Hexadecimal.decode(executable.utf8).flatMap({ Digest256($0) })
            if digest == nil { throw Complaint("'\(executable)' is no SHA-256: 64 digits, as sha256sum prints them", .malformed) }
        }
        // Two parts of a policy's world that a question may leave open: they stand for a server that was launched from something else.
        let program = digest ?? Digest256(of: [])
        guard let name else {
            return Asker(
                party: .client(ClientIdentity(node: origin, task: 0, uid: uid)), uid: uid, executable: program,
                isAttested: digest != nil && !unattested)
        }
        guard let asking = ServerName(name) else { throw Complaint("'\(name)' is no name of a server", .malformed) }
        return Asker(
            party: .server(InstanceName(server: asking, node: origin, instance: 1)), uid: uid, executable: program, isAttested: !unattested)
    }
}
