/// One line of a policy: what is opened, from where, by whom.
///
///     allow|deny TARGET client|server|any from local|remote|anywhere|node NAME [name SERVER] [uid NUMBER] [exe sha256:HEX] [unattested]
public struct PolicyRule: Hashable, Sendable, CustomStringConvertible {
    /// Where the asker must be.
    public enum Origin: Hashable, Sendable, CustomStringConvertible {
        case local
        case remote
        case anywhere
        case node(NodeName)

        public var description: String {
            switch self {
            case .local: "local"
            case .remote: "remote"
            case .anywhere: "anywhere"
            case .node(let name): "node \(name)"
            }
        }
    }

    /// Counted from 1.
    public let line: Int
    public let allows: Bool
    public let target: NamePattern
    /// Nil is both.
    public let interface: Interface?
    public let origin: Origin
    /// The server that asks; a client has no name.
    public let server: NamePattern?
    public let uid: UInt32?
    /// What the asker was started from: only an attested one can meet this.
    public let executable: Digest256?
    /// Whether a server that the supervisor did not launch is allowed too.
    public let admitsUnattested: Bool

    init(
        line: Int, allows: Bool, target: NamePattern, interface: Interface?, origin: Origin, server: NamePattern?, uid: UInt32?,
        executable: Digest256?, admitsUnattested: Bool
    ) {
        self.line = line
        self.allows = allows
        self.target = target
        self.interface = interface
        self.origin = origin
        self.server = server
        self.uid = uid
        self.executable = executable
        self.admitsUnattested = admitsUnattested
    }

    /// Why the rule says nothing about this question; nil if it decides it.
    func misfit(_ asker: Asker, opens name: ServerName, _ wanted: Interface, on node: NodeName) -> String? {
        guard target.fits(name) else { return "it is about \(target)" }
        if let interface, interface != wanted { return "it is about the \(interface) interface" }
        switch origin {
        case .local: if asker.node != node { return "it is about this node, and the asker is on \(asker.node)" }
        case .remote: if asker.node == node { return "it is about other nodes" }
        case .node(let named): if asker.node != named { return "it is about node \(named), and the asker is on \(asker.node)" }
        case .anywhere: break
        }
        if let server {
            guard let asking = asker.server else { return "it is about a server, and the asker is a client" }
            if !server.fits(asking) { return "it is about \(server), and the asker is \(asking)" }
        }
        if let uid, asker.uid != uid { return "it is about uid \(uid), and the asker has uid \(asker.uid)" }
        if let executable {
            guard asker.isAttested else { return "it is about an executable, and nobody attests the asker's" }
            if executable != asker.executable { return "it is about another executable" }
        }
        if allows, asker.server != nil, !asker.isAttested, !admitsUnattested {
            return "the asker is a server that the supervisor did not launch, and the rule does not say 'unattested'"
        }
        return nil
    }

    public var description: String {
        var words = [allows ? "allow" : "deny", target.description, interface?.description ?? "any", "from", origin.description]
        if let server { words += ["name", server.description] }
        if let uid { words += ["uid", String(uid)] }
        if let executable { words += ["exe", "sha256:" + Hexadecimal.encode(executable.bytes)] }
        if admitsUnattested { words.append("unattested") }
        return words.joined(separator: " ")
    }
}
