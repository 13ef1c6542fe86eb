public import MasixWire

/// What may run under which names: one executable, as the administrator signs it (spec/security.md 3.3).
public struct ManifestEntry: Hashable, Sendable, WireCodable {
    /// SHA-256 of what is executed; of a script, that of the script.
    public let executable: Digest256
    /// At least one.
    public let names: [NamePattern]
    /// In the order of their numbers, each once.
    public let interfaces: [Interface]
    /// Where; empty is on every node.
    public let nodes: [NodeName]
    public let uid: UInt32
    /// The whole command line; empty is any.
    public let arguments: [String]
    /// SHA-256 of the program that reads a script; nil of what needs none.
    public let interpreter: Digest256?
    /// Shared libraries by path; empty of what is linked statically, or where they are not pinned.
    public let libraries: [ManifestLibrary]

    public static let namesMax = 64
    public static let nodesMax = 1_024
    public static let argumentsMax = 64
    public static let argumentBytesMax = 4_096
    public static let librariesMax = 256

    /// Throws what is wrong with the first field that is wrong.
    public init(
        executable: Digest256, names: [NamePattern], interfaces: Set<Interface>, nodes: [NodeName] = [], uid: UInt32,
        arguments: [String] = [],
        interpreter: Digest256? = nil, libraries: [ManifestLibrary] = []
    ) throws(WireError) {
        try self.init(
            executable, names, interfaces.sorted { $0.rawValue < $1.rawValue }, nodes, uid, arguments, interpreter, libraries)
    }

    private init(
        _ executable: Digest256, _ names: [NamePattern], _ interfaces: [Interface], _ nodes: [NodeName], _ uid: UInt32,
        _ arguments: [String],
        _ interpreter: Digest256?, _ libraries: [ManifestLibrary]
    ) throws(WireError) {
        guard executable != .none, interpreter != Digest256.none else { throw .malformed(field: "digest") }
        guard (1...Self.namesMax).contains(names.count), Set(names).count == names.count else { throw .malformed(field: "names") }
        guard !interfaces.isEmpty, zip(interfaces, interfaces.dropFirst()).allSatisfy({ $0.rawValue < $1.rawValue }) else {
            throw .malformed(field: "interfaces")
        }
        guard nodes.count <= Self.nodesMax, Set(nodes).count == nodes.count else { throw .malformed(field: "nodes") }
        guard arguments.count <= Self.argumentsMax,
            arguments.allSatisfy({ $0.utf8.count <= Self.argumentBytesMax && !$0.utf8.contains(0) })
        else { throw .malformed(field: "arguments") }
        guard libraries.count <= Self.librariesMax, Set(libraries.map(\.path)).count == libraries.count else {
            throw .malformed(field: "libraries")
        }
        self.executable = executable
        self.names = names
        self.interfaces = interfaces
        self.nodes = nodes
        self.uid = uid
        self.arguments = arguments
        self.interpreter = interpreter
        self.libraries = libraries
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(executable)
        writer.write(list: names)
        writer.write(list: interfaces)
        writer.write(list: nodes)
        writer.write(uid)
        writer.write(UInt32(arguments.count))
        for argument in arguments { writer.write(argument) }
        writer.write(interpreter ?? .none)
        writer.write(list: libraries)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let executable: Digest256 = try reader.read()
        let names: [NamePattern] = try reader.readList(limit: Self.namesMax, field: "names")
        let interfaces: [Interface] = try reader.readList(limit: Interface.allCases.count, field: "interfaces")
        let nodes: [NodeName] = try reader.readList(limit: Self.nodesMax, field: "nodes")
        let uid: UInt32 = try reader.read()
        var arguments: [String] = []
        for _ in 0..<(try reader.readCount(limit: Self.argumentsMax, field: "arguments")) {
            arguments.append(try reader.readText(limit: Self.argumentBytesMax, field: "argument"))
        }
        let interpreter: Digest256 = try reader.read()
        let libraries: [ManifestLibrary] = try reader.readList(limit: Self.librariesMax, field: "libraries")
        try self.init(executable, names, interfaces, nodes, uid, arguments, interpreter == .none ? nil : interpreter, libraries)
    }

    func isMet(by wanted: RegisterMessage, _ attestation: Attestation, on node: NodeName) -> Bool {
        executable == attestation.executable && uid == attestation.uid && (nodes.isEmpty || nodes.contains(node))
            && names.contains { $0.fits(wanted.server) } && Set(interfaces).isSuperset(of: wanted.interfaces)
    }
}

/// A shared library that an executable may be linked with.
public struct ManifestLibrary: Hashable, Sendable, WireCodable {
    /// Absolute.
    public let path: String
    public let digest: Digest256

    public static let pathBytesMax = 4_095

    /// Nil if the path is not absolute, too long, or has a zero byte.
    public init?(path: String, digest: Digest256) {
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count <= Self.pathBytesMax, !path.utf8.contains(0) else { return nil }
        self.path = path
        self.digest = digest
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(path)
        writer.write(digest)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        guard
            let library = ManifestLibrary(
                path: try reader.readText(limit: Self.pathBytesMax, field: "path"), digest: try reader.read())
        else { throw .malformed(field: "path") }
        self = library
    }
}

/// All that may register, signed: a name is worth nothing without its executable, its user and the administrator's signature.
public struct Manifest: SignedContent, Hashable {
    public static var magic: StaticString { "MSXMANI1" }
    public static var label: StaticString { "masix/1/manifest" }
    public static var payloadBytesMax: Int { 4 << 20 }

    public let cluster: ClusterID
    public let version: UInt64
    public let notBefore: WallTime
    public let notAfter: WallTime
    public let entries: [ManifestEntry]

    public static let entriesMax = 4_096

    /// Throws what contradicts itself.
    public init(
        cluster: ClusterID, version: UInt64, notBefore: WallTime, notAfter: WallTime, entries: [ManifestEntry]
    ) throws(WireError) {
        guard version > 0 else { throw .malformed(field: "version") }
        guard notBefore < notAfter else { throw .malformed(field: "time") }
        guard entries.count <= Self.entriesMax else {
            throw .tooLarge(field: "entries", value: UInt64(entries.count), limit: UInt64(Self.entriesMax))
        }
        self.cluster = cluster
        self.version = version
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.entries = entries
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(cluster)
        writer.write(version)
        writer.write(notBefore.seconds)
        writer.write(notAfter.seconds)
        writer.write(list: entries)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        try self.init(
            cluster: try reader.read(), version: try reader.read(), notBefore: WallTime(seconds: try reader.read()),
            notAfter: WallTime(seconds: try reader.read()), entries: try reader.readList(limit: Self.entriesMax, field: "entries"))
    }

    public func fault(after earlier: Manifest) -> String? { nil }

    /// Throws unless an entry allows all that a server wants to be.
    public func check(_ wanted: RegisterMessage, _ attestation: Attestation, on node: NodeName) throws(SecurityRefusal) {
        guard attestation.isLaunched else { throw SecurityRefusal(.registration, "\(wanted.server) was not launched by the supervisor") }
        guard !entries.contains(where: { $0.isMet(by: wanted, attestation, on: node) }) else { return }
        throw SecurityRefusal(.registration, "version \(version) of the manifest: \(misfit(wanted, attestation, on: node))")
    }

    /// The nearest that can be said of why not.
    private func misfit(_ wanted: RegisterMessage, _ attestation: Attestation, on node: NodeName) -> String {
        let known = entries.filter { $0.executable == attestation.executable }
        if known.isEmpty { return "no entry has the executable of \(wanted.server)" }
        let named = known.filter { $0.names.contains { $0.fits(wanted.server) } }
        if named.isEmpty { return "the executable may not be called \(wanted.server)" }
        if !named.contains(where: { $0.uid == attestation.uid }) { return "\(wanted.server) may not run as uid \(attestation.uid)" }
        if !named.contains(where: { $0.nodes.isEmpty || $0.nodes.contains(node) }) { return "\(wanted.server) may not run on node \(node)" }
        return "\(wanted.server) may not have these interfaces, or not in this combination of name, user and node"
    }
}
