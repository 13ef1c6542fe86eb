import Testing

/// Each check, on a file planted to break it and on one that only looks as if it did.
@Suite struct ChecksCanFail {
    private func file(_ path: String, _ text: String) -> SourceFile { SourceFile(path: path, text: text) }

    @Test(arguments: ["struct PortManager {}", "final class RightHelper {", "enum Utils {", "public typealias FrameUtil = Int"])
    func bannedTypeNames(text: String) {
        #expect(Check.bannedNames(file("Sources/Kernel/Port.swift", text + "\n")).map(\.line) == [1])
    }

    @Test func bannedFileNames() {
        #expect(Check.bannedNames(file("Sources/Kernel/PortUtils.swift", "")).count == 1)
        #expect(Check.bannedNames(file("Scripts/helpers/Helper", "")).count == 1)
    }

    @Test(arguments: ["let manager = FileManager.default", "// struct PortManager", "let text = \"enum Utils\"", "struct Utilisation {}"])
    func innocentNames(text: String) {
        #expect(Check.bannedNames(file("Sources/masix/Copy.swift", text + "\n")).isEmpty)
    }

    @Test func lengthCountsLines() {
        let long = String(repeating: "x\n", count: Check.linesMax)
        #expect(Check.length(file("Sources/Kernel/Port.swift", long)).isEmpty)
        #expect(Check.length(file("Sources/Kernel/Port.swift", long + "x\n")).count == 1)
    }

    @Test(arguments: ["import Foundation", "public import struct Foundation.Data", "internal import FoundationEssentials"])
    func foundationBelow(text: String) {
        #expect(Check.foundation(file("Sources/Nucleus/Journal.swift", text + "\n")).count == 1)
        #expect(Check.foundation(file("Sources/masixd/main.swift", text + "\n")).isEmpty)
        #expect(Check.foundation(file("Sources/Nucleus/Journal.swift", "// \(text)\n")).isEmpty)
    }

    @Test(arguments: ["import Glibc", "internal import CLinux", "@preconcurrency import Glibc"])
    func secondDoor(text: String) {
        #expect(Check.cLibrary(file("Sources/Transport/Slot.swift", text + "\n")).count == 1)
        #expect(Check.cLibrary(file("Sources/Linux/Futex.swift", text + "\n")).isEmpty)
    }

    @Test(arguments: ["let x = unsafe p.pointee", "nonisolated(unsafe) var x = 0", "let s = \"a \\(unsafe p.pointee) b\""])
    func unsafeElsewhere(text: String) {
        #expect(Check.unsafe(file("Sources/Kernel/Port.swift", text + "\n")).count == 1)
        #expect(Check.unsafe(file("Sources/Linux/Mapping.swift", text + "\n")).isEmpty)
    }

    @Test(arguments: [
        "// unsafe", "/* unsafe /* nested */ unsafe */ let x = 1", "let s = \"unsafe\"", "let s = #\"a \" unsafe\"#", "let unsafely = 1",
    ])
    func unsafeOnlyInWords(text: String) {
        #expect(Check.unsafe(file("Sources/Kernel/Port.swift", text + "\n")).isEmpty)
    }

    @Test func multilineStringsAreNoCode() {
        let text = "let s = \"\"\"\n    unsafe \"quoted\" \\\"\"\" unsafe\n    \"\"\"\nlet t = unsafe p.pointee\n"
        #expect(Check.unsafe(file("Sources/Kernel/Port.swift", text)).map(\.line) == [4])
    }

    @Test func blanks() {
        #expect(Check.blanks(file("a.md", "fine\n")).isEmpty)
        #expect(
            Check.blanks(file("a.md", "\tx\ny \nz\r\nno end")).map(\.what) == [
                "tab", "trailing blank", "carriage return", "no newline at the end",
            ])
    }

    @Test(arguments: [
        ("Sources/Kernel/Port.swift", "import MasixLinux"), ("Sources/Kernel/Port.swift", "import MasixTransport"),
        ("Sources/Kernel/Port.swift", "import Synchronization"), ("Sources/Wire/Reader.swift", "import MasixKernel"),
        ("Sources/Servers/NameServer/Names.swift", "import MasixFileServer"),
        ("Sources/Servers/NameServer/Names.swift", "import MasixKernel"),
        ("Sources/Masix/Port.swift", "import MasixNucleus"), ("Sources/Novelty/New.swift", "let x = 1"),
    ])
    func importsUpward(path: String, text: String) {
        #expect(Check.importDirection(file(path, text + "\n")).count == 1)
    }

    @Test(arguments: [("Sources/Kernel/Port.swift", "import DequeModule"), ("Sources/Masix/Port.swift", "public import MasixWire")])
    func importsDownward(path: String, text: String) {
        #expect(Check.importDirection(file(path, text + "\n")).isEmpty)
    }

    @Test func impureKernel() {
        #expect(Check.purity(file("Sources/Kernel/Port.swift", "let now = ContinuousClock().now\n")).count == 1)
        #expect(Check.purity(file("Sources/Kernel/Port.swift", "// no ContinuousClock here\n")).isEmpty)
        #expect(Check.purity(file("Sources/Nucleus/Loop.swift", "let now = ContinuousClock().now\n")).isEmpty)
    }

    @Test func hiddenChores() {
        let makefile = file("Makefile", "NAME ?=\n.PHONY: a b\na: ## does it\n\techo a: b\nb:\n\techo\n")
        #expect(Check.chores(makefile, required: ["a", "b"]).map(\.line) == [5])
        #expect(Check.chores(makefile, required: ["a", "b", "c"]).map(\.line) == [5, 0])
    }

    private var definitions: Definitions {
        Definitions(in: [
            file("Documentation/Specs/mach.md", "## 1.2 Calls\n**S4.** Text.\n**S5.** Text.\n**Bold.** Text.\n"),
            file("Documentation/Specs/network.md", "### 1(a) References\n"),
            file("Documentation/Specs/architecture-rules.md", "### Rule 7. Order\n### Rule 8. Nobody\n"),
            file("Documentation/Decisions/0001-words.md", "# 0001\n"),
        ])
    }

    @Test(arguments: [
        "// spec/mach.md S6", "// spec/mach.md S4, S9 and more", "// spec/mach.md S3..S5", "// (spec/mach.md 1.3)", "// spec/l3.md",
        "// spec/network.md 1(b)", "// architecture rule 9.", "// Architecture rules 7, 8 and 9", "// architecture rules 6-8",
        "// decision 0002",
        "// Documentation/Specs/mach.md S6",
    ])
    func citationOfNothing(text: String) {
        #expect(
            Check.citations(file("Sources/Kernel/Port.swift", text + "\n"), against: definitions).count == 1, "\(Citation.all(in: text))")
    }

    @Test(arguments: [
        "// spec/mach.md S4, S5.", "// see spec/mach.md S4, 9 times", "// spec/mach.md S4-S5", "// (spec/mach.md 1.2, S4)",
        "// spec/network.md 1(a)",
        "// (spec/network.md 1(a))", "// architecture rules 7 and 8", "// architecture rule 7, 99 of them", "// decision 0001: two words",
        "// spec/mach.md",
    ])
    func citationOfSomething(text: String) {
        #expect(Check.citations(file("Sources/Kernel/Port.swift", text + "\n"), against: definitions).isEmpty, "\(Citation.all(in: text))")
        #expect(!Citation.all(in: text).isEmpty)
    }

    @Test func brokenLinks() {
        let page = file("Documentation/a.md", "[a](../README.md#top) [b](Specs/none.md) [c](https://swift.org) [d](#here)\n")
        #expect(Check.links(page) { $0 == "README.md" }.map(\.what) == ["links to Specs/none.md, which does not exist"])
    }

    @Test(arguments: [
        ("see `Sources/Kernel/None.swift`", "names Sources/Kernel/None.swift, which does not exist"),
        ("see `None.swift`", "names None.swift, which does not exist"),
        ("1. `Sources/Kernel/Port.swift` `nothing`: text", "Sources/Kernel/Port.swift does not declare nothing"),
        ("`Sources/Kernel/Port.swift`\n`nothing`", "Sources/Kernel/Port.swift does not declare nothing"),
    ])
    func mentionOfNothing(text: String, what: String) {
        let tree = [file("Sources/Kernel/Port.swift", "func enqueue() { nothing() }\n")]
        #expect(Check.mentions(file("a.md", text + "\n"), in: tree) { _ in false }.map(\.what) == [what])
    }

    @Test(arguments: [
        "`Sources/Kernel/Port.swift` `enqueue`", "`Port.swift` and `nothing`", "`Port.swift`", "`*.swift`", "`swift test`", "`run.sh`",
        "```\n`None.swift`\n```",
    ])
    func mentionOfSomething(text: String) {
        let tree = [file("Sources/Kernel/Port.swift", "mutating func enqueue() {}\n")]
        #expect(Check.mentions(file("Formal/a.md", text + "\n"), in: tree) { $0 == "Formal/run.sh" }.isEmpty)
    }

    @Test func staleQuotations() {
        let page = file("README.md", "<!-- file: a -->\n```swift\nlet x = 1\n```\n<!-- file: b -->\n```\nold\n```\n<!-- file: c -->\n")
        let texts = ["a": "let x = 1\n", "b": "new\n", "c": ""]
        #expect(Check.quotations(page) { texts[$0] }.map(\.line) == [5, 9])
    }

    @Test func snippetsOfNothing() {
        let source = file("Examples/Sources/guides/main.swift", "func f() {\n    let x = 1\n\n    let y = 2\n}\n")
        let text = "```swift\nlet x = 1\nlet y = 2\n```\n```swift\nlet x\n```\n<!-- file: b -->\n```swift\nz\n```\n"
        let page = file("Documentation/Guides/a.md", text)
        #expect(Check.snippets(page, compiledIn: source).map(\.line) == [5])
    }
}
