import Foundation
import Testing

/// The checks, on the tree as it is.
@Suite struct TreeIsTidy {
    let files: [SourceFile]

    init() throws { files = try Repository.files() }

    /// The planted strings of this module are no part of the tree that the textual checks judge.
    private var cited: [SourceFile] { files.filter { !$0.isUnder(["Tests/TidyTests"]) } }

    private func expectNone(_ complaints: [Complaint]) {
        #expect(complaints.isEmpty, "\(complaints.map(\.description).joined(separator: "\n"))")
    }

    @Test func theTreeWasFound() {
        #expect(files.contains { $0.path == "Package.swift" })
        #expect(files.contains { $0.path == "Tests/TidyTests/TreeIsTidy.swift" })
        #expect(files.contains { $0.path == ".ci/run" })
        #expect(files.contains { $0.path.hasPrefix("Sources/Kernel/") })
    }

    @Test func namesAreNouns() { expectNone(files.flatMap(Check.bannedNames)) }
    @Test func filesAreShort() { expectNone(files.flatMap(Check.length)) }
    @Test func foundationStaysAbove() { expectNone(files.flatMap(Check.foundation)) }
    @Test func linuxHasOneDoor() { expectNone(files.flatMap(Check.cLibrary)) }
    @Test func unsafeIsAPlace() { expectNone(files.flatMap(Check.unsafe)) }
    @Test func noTabsNoTrailingBlanks() { expectNone(files.flatMap(Check.blanks)) }
    @Test func importsPointDownward() { expectNone(files.flatMap(Check.importDirection)) }
    @Test func theKernelIsPure() { expectNone(files.flatMap(Check.purity)) }

    @Test func everyChoreIsListed() throws {
        let required: Set<String> = [
            "help", "demo", "test", "test-all", "bench", "fuzz", "simulate", "formal", "format", "lint", "docs", "doctor", "clean",
        ]
        expectNone(Check.chores(try Repository.read("Makefile"), required: required))
    }

    @Test func citedRulesExist() {
        let definitions = Definitions(in: files)
        expectNone(cited.flatMap { Check.citations($0, against: definitions) })
    }

    @Test func linksLeadSomewhere() {
        expectNone(
            cited.flatMap { file in
                Check.links(file) { FileManager.default.fileExists(atPath: Repository.root.appendingPathComponent($0).path) }
            })
    }

    @Test func namedFilesExist() {
        expectNone(
            cited.flatMap { page in
                Check.mentions(page, in: files) { FileManager.default.fileExists(atPath: Repository.root.appendingPathComponent($0).path) }
            })
    }

    @Test func shownProgramsAreThoseOfTheTree() {
        expectNone(cited.flatMap { page in Check.quotations(page) { path in (try? Repository.read(path))?.lines.joined(separator: "\n") } })
        #expect(files.filter { $0.path == "README.md" }.flatMap(\.lines).contains { $0.hasPrefix("<!-- file: ") })
    }

    @Test func guidesShowWhatCompiles() throws {
        let compiled = files.filter { $0.isUnder(["Examples/Sources/guides"]) }
        #expect(!compiled.isEmpty)
        let source = SourceFile(path: "Examples/Sources/guides", text: compiled.flatMap(\.lines).joined(separator: "\n"))
        expectNone(files.flatMap { Check.snippets($0, compiledIn: source) })
    }

    @Test func exemptionsAreStillNeeded() {
        for exemption in Exemption.unsafe + Exemption.cLibrary + Exemption.foundation {
            #expect(!exemption.why.isEmpty)
            #expect(files.contains { $0.isUnder([exemption.path]) }, "\(exemption.path) is exempt and does not exist")
        }
    }

    @Test(arguments: [
        ("mach", ["N": 6, "D": 5, "S": 8, "V": 8, "T": 5, "O": 3, "R": 5, "M": 3]), ("architecture-rules", ["": 22]),
    ])
    func specsHoldEveryRule(page: String, counts: [String: Int]) throws {
        let rules = try #require(Definitions(in: files).rules[page])
        for (letter, count) in counts {
            for number in 1...count { #expect(rules.contains("\(letter)\(number)"), "\(page) lacks \(letter)\(number)") }
            #expect(!rules.contains("\(letter)\(count + 1)"))
        }
    }
}
