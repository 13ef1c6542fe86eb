/// What `Documentation` defines: the rules of each page of `Specs`, and the numbers of `Decisions`.
struct Definitions {
    private(set) var rules: [String: Set<String>] = [:]
    private(set) var decisions: Set<String> = []

    /// A page defines a rule by `**S4.**` at the start of a line, by a heading that starts with a number, or by a heading `Rule 7.`.
    init(in files: [SourceFile]) {
        for file in files {
            if file.isUnder(["Documentation/Decisions"]) { decisions.insert(String(file.name.prefix(4))) }
            guard file.isUnder(["Documentation/Specs"]), file.path.hasSuffix(".md") else { continue }
            rules[file.stem] = Set(file.lines.compactMap(Self.rule(definedBy:)))
        }
    }

    private static func rule(definedBy line: String) -> String? {
        if line.hasPrefix("**") {
            let name = line.dropFirst(2).prefix { $0 != "." }
            guard line.hasPrefix("**\(name).**"), let first = name.first, first.isLetter, !name.dropFirst().isEmpty,
                name.dropFirst().allSatisfy(\.isNumber)
            else { return nil }
            return String(name)
        }
        guard line.hasPrefix("#") else { return nil }
        let title = line.drop { $0 == "#" }.drop { $0 == " " }
        let word = title.hasPrefix("Rule ") ? title.dropFirst(5).prefix { $0 != "." } : title.prefix { $0 != " " }
        return word.first?.isNumber == true ? String(word) : nil
    }
}

/// A mention of a rule: `spec/mach.md S4, S5`, `Specs/network.md 1(a)`, `architecture rules 3 and 4`, `decision 0001`.
struct Citation: Equatable {
    let page: String
    /// nil when only the page is meant.
    let rule: String?
}

extension Citation {
    /// All citations on one line of text.
    static func all(in line: String) -> [Citation] {
        let tokens = tokenize(line)
        var found: [Citation] = []
        for (index, token) in tokens.enumerated() {
            if let page = page(of: token) {
                let rules = list(tokens[(index + 1)...], ofSections: true)
                found += rules.isEmpty ? [Citation(page: page, rule: nil)] : rules.map { Citation(page: page, rule: $0) }
            } else if token.lowercased() == "architecture", index + 1 < tokens.count {
                switch tokens[index + 1] {
                case "rule":
                    found += list(tokens[(index + 2)...], ofSections: false).prefix(1).map { Citation(page: architecture, rule: $0) }
                case "rules": found += list(tokens[(index + 2)...], ofSections: false).map { Citation(page: architecture, rule: $0) }
                default: break
                }
            } else if ["decision", "decisions"].contains(token.lowercased()), index + 1 < tokens.count, tokens[index + 1].count == 4,
                tokens[index + 1].allSatisfy(\.isNumber)
            {
                found.append(Citation(page: "Decisions", rule: tokens[index + 1]))
            }
        }
        return found
    }

    static let architecture = "architecture-rules"

    /// Words, with the punctuation that joins a list kept apart.
    private static func tokenize(_ line: String) -> [String] {
        var tokens: [String] = []
        for part in line.split(whereSeparator: { " `\"*[]{}".contains($0) }) {
            var word = part.drop { "(".contains($0) }
            var tail: [String] = []
            while let last = word.last, ",;:.)–-".contains(last), !word.hasSuffix(closedSection(word)) {
                if last == "," { tail.append(",") } else { tail.append(";") }
                word.removeLast()
            }
            if let range = rangeParts(word) { tokens += [range.0, "-", range.1] } else if !word.isEmpty { tokens.append(String(word)) }
            tokens += tail
        }
        return tokens
    }

    /// The `(a)` of a section such as `1(a)`, which is no closing parenthesis of the sentence; else something that no word ends with.
    private static func closedSection(_ word: Substring) -> String {
        guard word.count >= 4, word.hasSuffix(")"), let open = word.lastIndex(of: "("), word.distance(from: open, to: word.endIndex) == 3
        else {
            return "\n"
        }
        return String(word[open...])
    }

    private static func rangeParts(_ word: Substring) -> (String, String)? {
        for joint in ["...", "..", "–", "-"] {
            guard let first = word.first, first.isLetter || first.isNumber, let cut = word.ranges(of: joint).first else { continue }
            let (low, high) = (word[..<cut.lowerBound], word[cut.upperBound...])
            if isRule(low), isRule(high) { return (String(low), String(high)) }
        }
        return nil
    }

    private static func page(of token: String) -> String? {
        guard token.hasSuffix(".md"), let folder = ["Specs/", "specs/", "spec/"].first(where: token.contains) else { return nil }
        guard let cut = token.ranges(of: folder).last else { return nil }
        return String(token[cut.upperBound...].dropLast(3))
    }

    private static func list(_ tokens: ArraySlice<String>, ofSections: Bool) -> [String] {
        var rules: [String] = []
        var rest = tokens
        while let token = rest.first, isRule(token[...]), rules.isEmpty || isUnmistakable(token, ofSections: ofSections) {
            rules.append(token)
            rest = rest.dropFirst()
            while let joint = rest.first, [",", "and", "or", "to", "-"].contains(joint) { rest = rest.dropFirst() }
        }
        return rules
    }

    /// `S4`, `1.2`, `1(a)`, `7`.
    private static func isRule(_ word: Substring) -> Bool {
        guard let first = word.first else { return false }
        let rest = word.dropFirst()
        if first.isLetter { return first.isUppercase && !rest.isEmpty && rest.allSatisfy(\.isNumber) }
        return first.isNumber && word.allSatisfy { $0.isNumber || ".()".contains($0) || $0.isLowercase }
            && word.filter(\.isLowercase).count <= 1
    }

    /// Behind the first rule of a page a bare number may belong to the sentence.
    private static func isUnmistakable(_ word: String, ofSections: Bool) -> Bool {
        !ofSections || word.contains(".") || word.contains("(") || word.first?.isLetter == true
    }
}

extension Check {
    /// Code cites rules, so a rule that is cited must exist.
    static func citations(_ file: SourceFile, against definitions: Definitions) -> [Complaint] {
        file.lines.numbered.flatMap { number, line in
            Citation.all(in: line).compactMap { citation -> Complaint? in
                guard !definitions.define(citation) else { return nil }
                return Complaint(path: file.path, line: number, what: "cites \(citation.page) \(citation.rule ?? ""), which does not exist")
            }
        }
    }

    /// Every relative link of a page leads to something. `exists` is asked with a path from the root.
    static func links(_ file: SourceFile, exists: (String) -> Bool) -> [Complaint] {
        guard file.path.hasSuffix(".md") else { return [] }
        let folder = file.path.split(separator: "/").dropLast().map(String.init)
        return file.lines.numbered.flatMap { number, line in
            line.ranges(of: "](").compactMap { open -> Complaint? in
                let target = line[open.upperBound...].prefix { $0 != ")" && $0 != "#" && $0 != " " }
                guard !target.isEmpty, !target.contains(":") else { return nil }
                var path = folder
                for step in target.split(separator: "/") where step != "." {
                    if step == ".." { _ = path.popLast() } else { path.append(String(step)) }
                }
                guard !exists(path.joined(separator: "/")) else { return nil }
                return Complaint(path: file.path, line: number, what: "links to \(target), which does not exist")
            }
        }
    }
}

extension Definitions {
    func define(_ citation: Citation) -> Bool {
        if citation.page == "Decisions" { return citation.rule.map(decisions.contains) ?? true }
        guard let page = rules[citation.page] else { return false }
        return citation.rule.map(page.contains) ?? true
    }
}
