import ArgumentParser
import MasixSecure
import MasixWire

/// `masix manifest`
struct ManifestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "manifest", abstract: "Say which programs may be which servers, and sign it.",
        discussion:
            "Entries are added to a draft, which counts for nothing until it is signed. No node reads manifests yet: see Documentation/Security.md.",
        subcommands: [ManifestAddCommand.self, ManifestSignCommand.self, ManifestShowCommand.self, ManifestVerifyCommand.self])
}

/// `masix manifest add`
struct ManifestAddCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "add", abstract: "Add an entry to the draft.")

    @OptionGroup var cluster: ClusterOptions
    @Argument(help: "The executable, or the script.")
    var program: String
    @Option(name: .customLong("name"), help: "What it may be called; a '*' at the end stands for all that begin so. Several may be given.")
    var names: [String] = []
    @Option(name: .customLong("interface"), help: "client or server. Several may be given; client if none is.")
    var interfaces: [String] = []
    @Option(name: .customLong("on"), help: "A node where it may run; every node if none is given.")
    var nodes: [String] = []
    @Option(help: "The user that it must run as.")
    var uid: UInt32
    @Option(name: .customLong("argument"), help: "Its command line, word by word; any if none is given.")
    var arguments: [String] = []
    @Option(help: "The program that reads the script.")
    var interpreter: String?
    @Option(name: .customLong("library"), help: "A shared library that it may be linked with. Several may be given.")
    var libraries: [String] = []

    func perform() throws {
        let directory = cluster.directory
        let draft = try directory.draft()
        let entry = try entry()
        guard !draft.entries.contains(entry) else { throw Complaint("the draft has this entry already", .cannotCreate) }
        let longer: Manifest
        do throws(WireError) {
            longer = try Manifest(
                cluster: draft.cluster, version: draft.version, notBefore: draft.notBefore, notAfter: draft.notAfter,
                entries: draft.entries + [entry])
        } catch { throw Complaint("\(error)", .malformed) }
        try StateFile.replace(directory.draftPath, with: longer.wireBytes)
        try Output.line("the draft has \(longer.entries.count) entries; `masix manifest sign` makes them version \(longer.version)")
    }

    private func entry() throws -> ManifestEntry {
        let names = try names.map { text in
            guard let name = NamePattern(text) else {
                throw Complaint("'\(text)' is no name: letters, digits and . _ - / : @ + , with a '*' at the end or not", .malformed)
            }
            return name
        }
        let wanted = try interfaces.map { text in
            guard let interface = Interface.allCases.first(where: { $0.description == text }) else {
                throw Complaint("'\(text)' is no interface: client or server", .malformed)
            }
            return interface
        }
        let nodes = try nodes.map { text in
            guard let node = NodeName(text) else { throw Complaint("'\(text)' is no name of a node", .malformed) }
            return node
        }
        let libraries = try libraries.map { path in
            guard let library = ManifestLibrary(path: path, digest: try ClusterDirectory.digest(of: path)) else {
                throw Complaint("'\(path)' must be an absolute path", .malformed)
            }
            return library
        }
        let (executable, reader) = (try ClusterDirectory.digest(of: program), try interpreter.map { try ClusterDirectory.digest(of: $0) })
        do {
            return try ManifestEntry(
                executable: executable, names: names, interfaces: wanted.isEmpty ? [.client] : Set(wanted), nodes: nodes, uid: uid,
                arguments: arguments, interpreter: reader, libraries: libraries)
        } catch { throw Complaint("an entry needs at least one --name, each once: \(error)", .malformed) }
    }
}

/// `masix manifest sign`
struct ManifestSignCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "sign", abstract: "Sign the draft as the next version.")

    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var password: PasswordOption
    @Option(help: "For how many days it counts.")
    var days: UInt64 = 365

    func validate() throws {
        guard (1...36_500).contains(days) else { throw ValidationError("--days is 1 to 36500") }
    }

    func perform() throws {
        let directory = cluster.directory
        let last: SignedFile<Manifest>? = try directory.signed(directory.manifestPath)
        let draft = try directory.draft()
        let now = ClusterDirectory.now
        let end = try ClusterDirectory.later(than: now, seconds: days * 86_400)
        let manifest: Manifest
        do throws(WireError) {
            manifest = try Manifest(
                cluster: draft.cluster, version: (last?.content.version ?? 0) + 1, notBefore: now, notAfter: end, entries: draft.entries)
        } catch { throw Complaint("\(error)", .malformed) }
        let file = SignedFile(manifest, by: try directory.unlock(password))
        try StateFile.replace(directory.manifestPath, with: file.bytes)
        try Output.line("signed version \(manifest.version) with \(manifest.entries.count) entries")
    }
}

/// `masix manifest show`
struct ManifestShowCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "List the entries of the signed manifest, or of the draft.")

    @OptionGroup var cluster: ClusterOptions
    @Flag(help: "The draft instead of what was signed.")
    var draft = false
    @OptionGroup var json: JSONOption

    func perform() throws {
        let directory = cluster.directory
        let manifest: Manifest
        if draft {
            manifest = try directory.draft()
        } else {
            guard let file: SignedFile<Manifest> = try directory.signed(directory.manifestPath) else {
                throw Complaint("nothing has been signed: `masix manifest sign` does it", .notFound)
            }
            manifest = file.content
        }
        var table = TextTable([("NAMES", .left), ("INTERFACES", .left), ("UID", .right), ("NODES", .left), ("SHA-256", .left)])
        for entry in manifest.entries {
            let names = entry.names.map(\.description)
            let interfaces = entry.interfaces.map(\.description)
            let nodes = entry.nodes.map(\.description)
            let digest = Hexadecimal.encode(entry.executable.bytes)
            if json.isOn {
                try Output.line(
                    JSON.object([
                        ("names", JSON(names.map { JSON($0) })), ("interfaces", JSON(interfaces.map { JSON($0) })),
                        ("uid", JSON(entry.uid)),
                        ("nodes", JSON(nodes.map { JSON($0) })), ("sha256", JSON(digest)),
                        ("arguments", JSON(entry.arguments.map { JSON($0) })),
                        ("interpreter", JSON(entry.interpreter.map { Hexadecimal.encode($0.bytes) })),
                        ("libraries", JSON(entry.libraries.map { JSON($0.path) })), ("version", JSON(manifest.version)),
                    ]).text)
            } else {
                table.add([
                    names.joined(separator: ","), interfaces.joined(separator: ","), String(entry.uid),
                    nodes.isEmpty ? "all" : nodes.joined(separator: ","), digest,
                ])
            }
        }
        if !json.isOn { try Output.write(table.text) }
    }
}

/// `masix manifest verify`
struct ManifestVerifyCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check a manifest's signature, cluster and time; the exit code says the result.")

    @OptionGroup var cluster: ClusterOptions

    func perform() throws {
        let directory = cluster.directory
        guard let file: SignedFile<Manifest> = try directory.signed(directory.manifestPath) else {
            throw Complaint("nothing has been signed: `masix manifest sign` does it", .notFound)
        }
        let (manifest, now) = (file.content, ClusterDirectory.now)
        guard now >= manifest.notBefore, now < manifest.notAfter else {
            throw Complaint(
                "version \(manifest.version) counts from \(manifest.notBefore.words) to \(manifest.notAfter.words), and not now", .no)
        }
        try Output.line("version \(manifest.version), \(manifest.entries.count) entries, until \(manifest.notAfter.words)")
    }
}
