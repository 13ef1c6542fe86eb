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

/// Who may start programs on this node, and so stop them: `shell.permits` in its state directory.
///
/// ```
/// # NODE/UID as UID by PROGRAM run PROGRAM; NODE is a number or a name of the roster, or `here` for this node.
/// permit a/1000 as 1001
/// permit 3/0 as 0 by /usr/bin/masix
/// permit a/1000 run /usr/bin/make
/// permit here/1002
/// ```
/// A line with `run` permits that program alone, with whatever arguments; any other a shell, and every program.
/// Whoever no line names has none, but for one: a task of this node that is the very user that the server runs as, and not root, for it
/// gains nothing by it.
public struct ShellPermits: Hashable, Sendable {
    struct Line: Hashable, Sendable {
        let node: String
        let uid: UInt32
        /// Nil: as the user that the server runs as.
        let identity: UInt32?
        /// Nil: whatever program asks.
        let executable: String?
        /// Nil: a shell, and whatever may be started by one.
        let program: String?
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
        guard words[0] == "permit", words.count >= 2 else {
            throw fault("a line is `permit NODE/UID`, `as UID`, `by PROGRAM`, `run PROGRAM`")
        }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let uid = UInt32(parts[1]) else { throw fault("'\(words[1])' is no NODE/UID") }
        var identity: UInt32?
        var executable: String?
        var program: String?
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
            case "run":
                guard program == nil, value.hasPrefix("/") else { throw fault("'run \(value)' is no absolute path of a program") }
                program = value
            default: throw fault("'\(word)' is neither `as`, `by` nor `run`")
            }
        }
        return Line(node: String(parts[0]), uid: uid, identity: identity, executable: executable, program: program)
    }

    /// Whether he may, and as whom. `name` is what the roster calls a node; `server` is the user that the server runs as, who alone can
    /// become another if he is root. `running` is the path of the program that is to be started; nil for a shell.
    public func verdict(
        on asker: ShellAsker, running program: String? = nil, server: UInt32, name: (UInt32) -> String?
    ) -> Verdict {
        guard !asker.isNameless else { return .refused("nobody says who asks: who comes by way of a third node has no name here") }
        let called = asker.node == 0 ? "here" : name(asker.node)
        let whom = "\(called ?? "\(asker.node)")/\(asker.uid)"
        let found = lines.first { line in
            guard line.uid == asker.uid, line.executable == nil || line.executable == asker.executable,
                line.program == nil || line.program == program
            else { return false }
            // What is called `here` or 0 in somebody's roster is not this node.
            if asker.node == 0 { return line.node == "here" }
            return line.node != "here" && (line.node == "\(asker.node)" || line.node == called)
        }
        guard let found else {
            if asker.node == 0, asker.uid == server, server != 0 { return .permitted(uid: server) }
            let means = asker.executable.isEmpty ? "a program that its node cannot see" : asker.executable
            let what = program.map { ", to run \($0)" } ?? ""
            return .refused("\(whom) is not permitted: no line of shell.permits there names him\(what), by \(means)")
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

extension ShellPermits {
    /// Whether he may stop a task of this user that runs this program: who may start it may stop it, and who may have a shell as the user,
    /// or as root, may stop all of his. Nil if he may; else why not.
    public func complaint(
        about asker: ShellAsker, stopping program: String, of uid: UInt32, server: UInt32, name: (UInt32) -> String?
    ) -> String? {
        if case .permitted(let own) = verdict(on: asker, server: server, name: name), own == 0 || own == uid { return nil }
        switch verdict(on: asker, running: program, server: server, name: name) {
        case .permitted(uid): return nil
        case .permitted(let own): return "he may run \(program) as user \(own), and this is a task of user \(uid)"
        case .refused(let words): return words
        }
    }
}
