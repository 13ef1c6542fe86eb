/// Who asks for a shell, as his node says it.
public struct ShellAsker: Hashable, Sendable {
    /// 0 for this node.
    public let node: UInt32
    public let uid: UInt32
    /// The path of the program that asks, or "".
    public let executable: String
    /// The words were brought by the network server without a name: nobody vouches for them.
    public let isNameless: Bool

    public init(node: UInt32, uid: UInt32, executable: String, isNameless: Bool = false) {
        self.node = node
        self.uid = uid
        self.executable = executable
        self.isNameless = isNameless
    }
}

/// What is wrong with a line of `shell.permits`.
public struct ShellPermitFault: Error, Hashable, CustomStringConvertible {
    public let line: Int
    public let what: String

    public var description: String { "line \(line): \(what)" }
}

/// Who may have a shell on this node: `shell.permits` in its state directory.
///
/// ```
/// # NODE/UID as UID by PROGRAM; NODE is a number or a name of the roster, or `here` for this node.
/// permit a/1000 as 1001
/// permit 3/0 as 0 by /usr/bin/masix
/// permit here/1002
/// ```
/// Whoever no line names has none, but for one: a task of this node that is the very user that the server runs as, and not root, for it
/// gains nothing by it.
public struct ShellPermits: Hashable, Sendable {
    struct Line: Hashable, Sendable {
        let node: String
        let uid: UInt32
        /// Nil: as the user that the server runs as.
        let identity: UInt32?
        /// Nil: any program.
        let executable: String?
    }

    public enum Verdict: Hashable, Sendable {
        case permitted(uid: UInt32)
        /// Why not, for whoever asked and for the log.
        case refused(String)
    }

    let lines: [Line]

    /// Nobody but who is permitted without a line.
    public init() { lines = [] }

    public init(text: String) throws(ShellPermitFault) {
        var lines: [Line] = []
        for (index, whole) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let words = whole.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            if words.isEmpty { continue }
            lines.append(try Self.line(words, index + 1))
        }
        self.lines = lines
    }

    private static func line(_ words: [String], _ number: Int) throws(ShellPermitFault) -> Line {
        func fault(_ what: String) -> ShellPermitFault { ShellPermitFault(line: number, what: what) }
        guard words[0] == "permit", words.count >= 2 else { throw fault("a line is `permit NODE/UID`, `as UID`, `by PROGRAM`") }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let uid = UInt32(parts[1]) else { throw fault("'\(words[1])' is no NODE/UID") }
        var identity: UInt32?
        var executable: String?
        var rest = words.dropFirst(2)
        while let word = rest.popFirst() {
            guard let value = rest.popFirst() else { throw fault("nothing follows '\(word)'") }
            switch word {
            case "as":
                guard identity == nil, let number = UInt32(value) else { throw fault("'as \(value)' is no user's number") }
                identity = number
            case "by":
                guard executable == nil, value.hasPrefix("/") else { throw fault("'by \(value)' is no absolute path of a program") }
                executable = value
            default: throw fault("'\(word)' is neither `as` nor `by`")
            }
        }
        return Line(node: String(parts[0]), uid: uid, identity: identity, executable: executable)
    }

    /// Whether he may, and as whom. `name` is what the roster calls a node; `server` is the user that the server runs as, who alone can
    /// become another if he is root.
    public func verdict(on asker: ShellAsker, server: UInt32, name: (UInt32) -> String?) -> Verdict {
        guard !asker.isNameless else { return .refused("nobody says who asks: who comes by way of a third node has no name here") }
        let called = asker.node == 0 ? "here" : name(asker.node)
        let whom = "\(called ?? "\(asker.node)")/\(asker.uid)"
        let found = lines.first { line in
            guard line.uid == asker.uid, line.executable == nil || line.executable == asker.executable else { return false }
            // What is called `here` or 0 in somebody's roster is not this node.
            if asker.node == 0 { return line.node == "here" }
            return line.node != "here" && (line.node == "\(asker.node)" || line.node == called)
        }
        guard let found else {
            if asker.node == 0, asker.uid == server, server != 0 { return .permitted(uid: server) }
            let program = asker.executable.isEmpty ? "a program that its node cannot see" : asker.executable
            return .refused("\(whom) is not permitted: no line of shell.permits there names him, by \(program)")
        }
        switch found.identity {
        case let uid? where uid == server || server == 0: return .permitted(uid: uid)
        case let uid?:
            return .refused("the line for \(whom) says 'as \(uid)', but the shell server runs as user \(server) and cannot become another")
        case nil where server == 0: return .refused("the line for \(whom) does not say as whom: a shell as root must be written down")
        case nil: return .permitted(uid: server)
        }
    }
}
