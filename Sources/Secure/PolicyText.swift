/// What is wrong with a policy, where, and what to write instead.
public struct PolicyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Counted from 1; 0 is the whole file.
    public let line: Int
    /// In bytes, counted from 1.
    public let column: Int
    public let what: String

    public var description: String { line == 0 ? what : "line \(line), column \(column): \(what)" }
}

extension Policy {
    public static let bytesMax = 1 << 20
    public static let lineBytesMax = 1_024

    /// Reads the whole text or says what is first wrong with it. A line is empty, a comment that begins with `#`, or a rule, with a comment behind it
    /// or not.
    public init(text: [UInt8]) throws(PolicyError) {
        guard text.count <= Self.bytesMax else {
            throw PolicyError(line: 0, column: 0, what: "the file has \(text.count) bytes; at most \(Self.bytesMax)")
        }
        var rules: [PolicyRule] = []
        var number = 0
        for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            number += 1
            var reader = try PolicyLine(line, number: number)
            guard let rule = try reader.rule() else { continue }
            guard rules.count < Self.rulesMax else {
                throw PolicyError(line: number, column: 1, what: "there are more than \(Self.rulesMax) rules; patterns with '*' need fewer")
            }
            rules.append(rule)
        }
        self.init(rules: rules)
    }

    /// The rules as text that is read back as the same rules.
    public var text: String { rules.map { "\($0)\n" }.joined() }
}

/// The words of one line, with the columns in which they begin.
private struct PolicyLine {
    private struct Word { let text: String, column: Int }

    private let number: Int
    private var words: ArraySlice<Word> = []
    /// Where the next word would have stood.
    private var end = 1

    init(_ line: ArraySlice<UInt8>, number: Int) throws(PolicyError) {
        self.number = number
        guard line.count <= Policy.lineBytesMax else {
            throw PolicyError(line: number, column: Policy.lineBytesMax + 1, what: "the line has more than \(Policy.lineBytesMax) bytes")
        }
        var word: [UInt8] = []
        var isComment = false
        for (offset, byte) in line.enumerated() {
            if byte == UInt8(ascii: "#"), word.isEmpty { isComment = true }
            if isComment { continue }
            if byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") {
                add(&word, before: offset)
                continue
            }
            guard (0x21...0x7E).contains(byte) else {
                throw PolicyError(
                    line: number, column: offset + 1,
                    what: "outside of comments there are only printable characters of ASCII, blanks and tabs")
            }
            word.append(byte)
        }
        add(&word, before: line.count)
    }

    private mutating func add(_ word: inout [UInt8], before offset: Int) {
        guard !word.isEmpty else { return }
        words.append(Word(text: String(decoding: word, as: UTF8.self), column: offset - word.count + 1))
        end = offset + 2
        word = []
    }

    /// Nil of a line without words.
    mutating func rule() throws(PolicyError) -> PolicyRule? {
        guard !words.isEmpty else { return nil }
        let allows = try choose("a rule begins with", ["allow", "deny"]) == "allow"
        let target = try pattern("what is opened: a name, or the beginning of names and '*'")
        let word = try choose("the interface is", ["client", "server", "any"])
        let interface = Interface.allCases.first { $0.description == word }
        _ = try choose("in front of where the asker is stands", ["from"])
        let origin = try origin()
        var (server, uid, executable, admits): (NamePattern?, UInt32?, Digest256?, Bool) = (nil, nil, nil, false)
        while let word = words.first {
            switch word.text {
            case "name":
                try once(server == nil)
                server = try pattern("the name of the server that asks, or the beginning of names and '*'")
            case "uid":
                try once(uid == nil)
                uid = try user()
            case "exe":
                try once(executable == nil)
                executable = try digest()
            case "unattested":
                try once(!admits)
                admits = true
            default: throw error(word, "'\(word.text)' is no condition: 'name SERVER', 'uid NUMBER', 'exe sha256:HEX' or 'unattested'")
            }
        }
        return PolicyRule(
            line: number, allows: allows, target: target, interface: interface, origin: origin, server: server, uid: uid,
            executable: executable, admitsUnattested: admits)
    }

    private mutating func origin() throws(PolicyError) -> PolicyRule.Origin {
        let word = try next("where the asker is: 'local', 'remote', 'anywhere' or 'node NAME'")
        switch word.text {
        case "local": return .local
        case "remote": return .remote
        case "anywhere": return .anywhere
        case "node":
            let name = try next("the name of a node")
            guard let node = NodeName(name.text) else {
                throw error(name, "'\(name.text)' is no name of a node: 1 to \(NodeName.bytesMax) letters, digits, '.', '-' and '_'")
            }
            return .node(node)
        default: throw error(word, "'\(word.text)' is no place: 'local', 'remote', 'anywhere' or 'node NAME'")
        }
    }

    private mutating func pattern(_ what: String) throws(PolicyError) -> NamePattern {
        let word = try next(what)
        guard let pattern = NamePattern(word.text) else {
            throw error(word, "'\(word.text)' is no name: letters, digits and . _ - / : @ + , with a '*' at the end or not")
        }
        return pattern
    }

    private mutating func user() throws(PolicyError) -> UInt32 {
        let word = try next("a number")
        guard word.text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let uid = UInt32(word.text),
            String(uid) == word.text
        else { throw error(word, "'\(word.text)' is no uid: 0 to 4294967295, without leading zeros") }
        return uid
    }

    private mutating func digest() throws(PolicyError) -> Digest256 {
        let word = try next("'sha256:' and 64 digits, as sha256sum prints them")
        guard word.text.hasPrefix("sha256:"), let bytes = Hexadecimal.decode(word.text.utf8.dropFirst(7)), let digest = Digest256(bytes)
        else {
            throw error(word, "'\(word.text)' is no digest: 'sha256:' and 64 digits, as sha256sum prints them")
        }
        return digest
    }

    private mutating func choose(_ what: String, _ choices: [String]) throws(PolicyError) -> String {
        let list = choices.map { "'\($0)'" }.joined(separator: " or ")
        let word = try next("\(list)")
        guard choices.contains(word.text) else { throw error(word, "'\(word.text)' cannot stand here: \(what) \(list)") }
        return word.text
    }

    /// The word at the front is a condition; it may stand once.
    private mutating func once(_ isFirst: Bool) throws(PolicyError) {
        guard let word = words.popFirst() else { return }
        if !isFirst { throw error(word, "'\(word.text)' stands twice in this rule; write two rules") }
    }

    private mutating func next(_ what: String) throws(PolicyError) -> Word {
        guard let word = words.popFirst() else {
            throw PolicyError(line: number, column: end, what: "the line ends too early; here stands \(what)")
        }
        return word
    }

    private func error(_ word: Word, _ what: String) -> PolicyError { PolicyError(line: number, column: word.column, what: what) }
}
