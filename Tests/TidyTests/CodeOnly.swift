/// Swift source with comments and string literals replaced by blanks, line for line.
///
/// Code inside an interpolation stays, since it is code. Regex literals are not recognised; the tree has none that matter here.
func codeOnly(_ text: String) -> [String] {
    var reader = CodeReader(source: Array(text.utf8))
    return reader.read().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
}

private struct CodeReader {
    let source: [UInt8]
    var at = 0
    var output: [UInt8] = []

    /// A string literal that is open: how many `#` it has, whether it spans lines, and how many parentheses are open in its interpolation.
    private struct OpenString {
        var hashes: Int
        var multiline: Bool
        var parentheses = 0
    }

    init(source: [UInt8]) {
        self.source = source
        output.reserveCapacity(source.count)
    }

    mutating func read() -> [UInt8] {
        var open: [OpenString] = []
        while at < source.count {
            if starts("//") {
                while at < source.count, source[at] != UInt8(ascii: "\n") { blank() }
            } else if starts("/*") {
                skipBlockComment()
            } else if let literal = startOfString() {
                open.append(literal)
                if !readString(literal) { open.removeLast() }
            } else if let last = open.last, source[at] == UInt8(ascii: ")"), last.parentheses == 0 {
                keep()
                if !readString(last) { open.removeLast() }
            } else {
                if !open.isEmpty {
                    if source[at] == UInt8(ascii: "(") { open[open.count - 1].parentheses += 1 }
                    if source[at] == UInt8(ascii: ")") { open[open.count - 1].parentheses -= 1 }
                }
                keep()
            }
        }
        return output
    }

    /// Blanks the literal up to its end (false), or up to an interpolation, which it stops behind (true).
    private mutating func readString(_ literal: OpenString) -> Bool {
        let hashes = String(repeating: "#", count: literal.hashes)
        let end = (literal.multiline ? "\"\"\"" : "\"") + hashes
        while at < source.count {
            if starts("\\" + hashes + "(") {
                for _ in 0..<(2 + literal.hashes) { blank() }
                return true
            }
            if starts("\\" + hashes) {
                for _ in 0..<(2 + literal.hashes) where at < source.count { blank() }
                continue
            }
            if starts(end) {
                for _ in 0..<end.utf8.count { blank() }
                return false
            }
            if !literal.multiline, source[at] == UInt8(ascii: "\n") { return false }
            blank()
        }
        return false
    }

    private mutating func startOfString() -> OpenString? {
        var hashes = 0
        while at + hashes < source.count, source[at + hashes] == UInt8(ascii: "#") { hashes += 1 }
        guard at + hashes < source.count, source[at + hashes] == UInt8(ascii: "\"") else { return nil }
        for _ in 0..<hashes { blank() }
        let multiline = starts("\"\"\"")
        for _ in 0..<(multiline ? 3 : 1) { blank() }
        return OpenString(hashes: hashes, multiline: multiline)
    }

    private mutating func skipBlockComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                blank()
                blank()
            } else if starts("*/") {
                depth -= 1
                blank()
                blank()
            } else {
                blank()
            }
        } while depth > 0 && at < source.count
    }

    private func starts(_ prefix: String) -> Bool {
        let bytes = prefix.utf8
        return at + bytes.count <= source.count && source[at..<at + bytes.count].elementsEqual(bytes)
    }

    private mutating func keep() {
        output.append(source[at])
        at += 1
    }

    private mutating func blank() {
        output.append(source[at] == UInt8(ascii: "\n") ? source[at] : UInt8(ascii: " "))
        at += 1
    }
}
