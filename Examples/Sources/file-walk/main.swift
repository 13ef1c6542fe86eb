import Masix
import MasixProtocols

// Walks what a file server serves (`masix files serve DIRECTORY`), and shows the first line of each file.
//
// An open file is a port of the server: `open` brings a send right, and the file is closed when the right is let go.

/// The first line of a file, or nil if it is no text.
func firstLine(of file: OpenedFile) throws -> String? {
    let bytes = try file.read(at: 0, count: 200)
    let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
    return String(validating: Array(line), as: UTF8.self)
}

func walk(_ server: String) throws {
    let space = try Space.attach()
    let files = Files(try space.names.lookUp(server), name: server)
    var count = 0
    var bytes: UInt64 = 0
    var shown: [String] = []
    var found: [(path: TreePath, info: FileInfo)] = []
    try files.walk(.root) { path, info in found.append((path, info)) }
    for (path, info) in found where info.kind == .regular {
        count += 1
        bytes += info.size
        let file = try files.open(path)
        shown.append("\(path): \(try firstLine(of: file) ?? "(no text)")")
    }
    for line in shown.sorted() { print(line) }
    print("\(count) files, \(bytes) bytes")

    // What is not there is an error with a reason, and so is a server that dies meanwhile.
    do {
        let nothing = try files.open(TreePath("no/such/file") ?? .root)
        print("opened \(nothing.path)?")
    } catch {
        print("\(error)")
    }
}

do {
    try walk(CommandLine.arguments.dropFirst().first ?? "files")
} catch {
    print("file-walk: \(error)")
}
