import Foundation

/// One file of the repository: its path from the root, and its text.
///
/// Checks are functions from files to complaints, so that a test can plant a file that never was on disk.
struct SourceFile: Sendable {
    let path: String
    let lines: [String]
    /// The lines with comments and string literals blanked out: what the compiler acts on.
    let code: [String]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        code = path.hasSuffix(".swift") ? codeOnly(text) : lines
    }

    var name: String { String(path.split(separator: "/").last ?? "") }
    var stem: String { String(name.split(separator: ".").first ?? "") }
    var isSwift: Bool { path.hasSuffix(".swift") }

    func isUnder(_ prefixes: [String]) -> Bool {
        prefixes.contains { path == $0 || path.hasPrefix($0 + "/") }
    }
}

/// What is wrong, and where.
struct Complaint: Equatable, CustomStringConvertible {
    let path: String
    /// Counted from 1; 0 when the whole file is meant.
    let line: Int
    let what: String

    var description: String { "\(path):\(line): \(what)" }
}

/// The identifiers of a line, in order.
func words(of line: String) -> [String] {
    line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
}

/// The repository that this test was built from.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static let folders = [
        ".ci", "Benchmarks", "Documentation", "Examples", "Formal", "Fuzz", "Scripts", "Sources", "Tests",
    ]
    private static let endings: Set<String> = ["swift", "c", "h", "md", "pml", "sh", "py", "yml"]

    /// Every text file that people edit: known endings anywhere, and the scripts, which have none. Corpora and build products are not read.
    static func files() throws -> [SourceFile] {
        var found: [SourceFile] = []
        let manager = FileManager.default
        for folder in folders {
            let start = root.appendingPathComponent(folder)
            guard manager.fileExists(atPath: start.path) else { continue }
            guard let walk = manager.enumerator(at: start, includingPropertiesForKeys: [.isRegularFileKey]) else {
                throw CocoaError(.fileReadUnknown)
            }
            for case let file as URL in walk {
                if [".build", "Corpus", "FailCases"].contains(file.lastPathComponent) {
                    walk.skipDescendants()
                    continue
                }
                guard try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { continue }
                let isScript = file.pathExtension.isEmpty && [".ci", "Scripts"].contains(folder)
                guard isScript || endings.contains(file.pathExtension) else { continue }
                found.append(try read(String(file.path.dropFirst(root.path.count + 1))))
            }
        }
        for name in try manager.contentsOfDirectory(atPath: root.path) where name.hasSuffix(".md") || name == "Package.swift" {
            found.append(try read(name))
        }
        return found.sorted { $0.path < $1.path }
    }

    static func read(_ path: String) throws -> SourceFile {
        SourceFile(path: path, text: try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8))
    }
}
