/// What a page says of the tree: files that it names in backticks, declarations that it names behind them, and programs that it shows.
struct Mention: Equatable {
    let path: String
    /// What stands in backticks right behind the file: a declaration in it.
    let symbol: String?
    let line: Int
}

extension Mention {
    private static let endings = [".swift", ".md", ".sh", ".c", ".h", ".pml", ".py", ".service"]

    /// All mentions of a page, outside its blocks of code.
    static func all(in file: SourceFile) -> [Mention] {
        var found: [Mention] = []
        for (number, parts) in paragraphs(of: file) {
            // Odd places are what stands between backticks.
            for (place, part) in parts.enumerated() where place % 2 == 1 && isFile(part) {
                let follows = place + 2 < parts.count && parts[place + 1] == " "
                found.append(Mention(path: part, symbol: follows && isIdentifier(parts[place + 2]) ? parts[place + 2] : nil, line: number))
            }
        }
        return found
    }

    /// Lines that belong together, joined and cut at backticks, with the number of the first.
    private static func paragraphs(of file: SourceFile) -> [(Int, [String])] {
        var found: [(Int, [String])] = []
        var lines: [String] = []
        var isCode = false
        for (number, line) in file.lines.numbered {
            let isFence = line.hasPrefix("```")
            let begins = line.isEmpty || isFence || line.hasPrefix("|") || line.first?.isNumber == true || line.hasPrefix("- ")
            if begins, !lines.isEmpty {
                found.append((number - lines.count, cut(lines)))
                lines = []
            }
            if isFence { isCode.toggle() } else if !isCode, !line.isEmpty { lines.append(line) }
        }
        if !lines.isEmpty { found.append((file.lines.count - lines.count, cut(lines))) }
        return found
    }

    private static func cut(_ lines: [String]) -> [String] {
        lines.map { String($0.drop { $0 == " " }) }.joined(separator: " ").split(separator: "`", omittingEmptySubsequences: false).map(
            String.init)
    }

    private static func isFile(_ word: String) -> Bool {
        !word.contains(" ") && !word.contains("*") && !word.hasPrefix("/") && !word.hasPrefix(".")
            && endings.contains { word.hasSuffix($0) && word != $0 }
    }

    private static func isIdentifier(_ word: String) -> Bool {
        word.first?.isLetter == true && word.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
    }
}

extension Check {
    /// Files that a page names exist, and declare what it says that they declare. A name without a folder may be any file's.
    static func mentions(_ page: SourceFile, in tree: [SourceFile], exists: (String) -> Bool) -> [Complaint] {
        guard page.path.hasSuffix(".md") else { return [] }
        let folder = page.path.split(separator: "/").dropLast().map { $0 + "/" }.joined()
        return Mention.all(in: page).compactMap { mention in
            let candidates = tree.filter {
                $0.path == mention.path || $0.path == folder + mention.path || (!mention.path.contains("/") && $0.name == mention.path)
            }
            guard !candidates.isEmpty || exists(mention.path) || exists(folder + mention.path) else {
                return Complaint(path: page.path, line: mention.line, what: "names \(mention.path), which does not exist")
            }
            guard let symbol = mention.symbol, !candidates.contains(where: { declares($0, symbol) }) else { return nil }
            return Complaint(path: page.path, line: mention.line, what: "\(mention.path) does not declare \(symbol)")
        }
    }

    private static func declares(_ file: SourceFile, _ symbol: String) -> Bool {
        let keywords: Set<String> = ["func", "struct", "class", "enum", "protocol", "var", "let", "case", "actor"]
        return file.code.contains { line in
            let parts = words(of: line)
            return zip(parts, parts.dropFirst()).contains { keywords.contains($0) && $1 == symbol }
        }
    }

    /// A program that a page shows is the one in the tree: `<!-- file: PATH -->` stands before the block.
    static func quotations(_ page: SourceFile, text: (String) -> String?) -> [Complaint] {
        guard page.path.hasSuffix(".md") else { return [] }
        return page.lines.numbered.compactMap { number, line in
            guard line.hasPrefix("<!-- file: "), line.hasSuffix(" -->") else { return nil }
            let path = String(line.dropFirst(11).dropLast(4))
            let block = page.lines[number...]
            guard block.first?.hasPrefix("```") == true else { return Complaint(path: page.path, line: number, what: "no block follows") }
            let shown = block.dropFirst().prefix { $0 != "```" }.map { $0 + "\n" }.joined()
            guard text(path) != shown else { return nil }
            return Complaint(path: page.path, line: number, what: "what is shown is not \(path)")
        }
    }

    /// What a guide shows of Swift is compiled: each block that is no quotation stands, but for its indentation, in `source`.
    static func snippets(_ page: SourceFile, compiledIn source: SourceFile) -> [Complaint] {
        guard page.isUnder(["Documentation/Guides"]) else { return [] }
        let compiled = "\n" + stripped(source.lines).joined(separator: "\n")
        return page.lines.numbered.compactMap { number, line in
            guard line == "```swift", number < 2 || !page.lines[number - 2].hasPrefix("<!-- file: ") else { return nil }
            let block = stripped(Array(page.lines[number...].prefix { $0 != "```" }))
            if block.first?.hasPrefix("// swift-tools-version") == true { return nil }
            guard !block.isEmpty, !compiled.contains("\n" + block.joined(separator: "\n") + "\n") else { return nil }
            return Complaint(path: page.path, line: number, what: "shows lines that are not in \(source.path)")
        }
    }

    private static func stripped(_ lines: [String]) -> [String] {
        lines.map { String($0.drop { $0 == " " }) }.filter { !$0.isEmpty }
    }
}
