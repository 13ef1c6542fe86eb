import MasixKernel

/// Why a name could not be registered, found or removed. `description` says it in words, and what to do.
public enum NameError: Error, Hashable, Sendable {
    /// Nobody has registered this name. Some names that there are, and how many in all.
    case unknown(String, known: [String], count: Int)
    /// Nobody has registered this name on a node that answers; these nodes of the roster did not.
    case unanswered(String, silent: [String])
    /// `NAME@NODE` with a node that this node's roster does not have. Some that it has.
    case unknownNode(String, node: String, known: [String])
    /// Somebody has registered this name already.
    case taken(String, by: NameOwner)
    /// Only the owner's user, or root, may replace or remove the name.
    case notOwner(String, owner: NameOwner)
    /// The text cannot be a name.
    case invalidName(String)
    /// This user has as many names or waiting look-ups as one may have.
    case tooMany(limit: Int)
    /// The right that was to be registered is dead.
    case deadRight(String)
    /// The time was over: the name was not registered so long, or nobody answered.
    case timedOut(String)
    /// The node has no name server.
    case noNameServer
    /// Something else than names went wrong.
    case node(MasixError)
}

extension NameError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknown(let name, let known, let count):
            if count == 0 {
                "unknown name \(name); no name is known on this node"
            } else {
                "unknown name \(name); known: \(known.joined(separator: ", "))\(count > known.count ? " and \(count - known.count) more" : "")"
            }
        case .unanswered(let name, let silent):
            "unknown name \(name) on this node; no answer from \(silent.joined(separator: ", ")): see `masix node status` there, or `masix doctor`"
        case .unknownNode(let name, let node, let known):
            known.isEmpty
                ? "no node '\(node)' for \(name): this node speaks with no others"
                : "no node '\(node)' for \(name) is in this node's roster; known: \(known.joined(separator: ", "))"
        case .taken(let name, let owner): "the name \(name) is taken by \(owner)"
        case .notOwner(let name, let owner): "the name \(name) belongs to \(owner): only that user, or root, may replace or remove it"
        case .invalidName(let name):
            name.utf8.count > NameRequest.nameBytesMax
                ? "a name has at most \(NameRequest.nameBytesMax) bytes, this one \(name.utf8.count)"
                : "'\(name)' is no name: names are made of letters, digits and . _ - / : +; NAME@NODE is NAME on NODE, for look-ups alone"
        case .tooMany(let limit): "this user has \(limit) names or waiting look-ups already: remove some"
        case .deadRight(let name): "the port that was to be called \(name) has died"
        case .timedOut(let name): "no answer about \(name) in time: it was not registered so long, or the name server does not run"
        case .noNameServer: "this node has no name server"
        case .node(let error): error.description
        }
    }
}
