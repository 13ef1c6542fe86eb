import ArgumentParser
import Logging
import Masix
import MasixFileServer
import MasixSupervisor

/// A server of files, as an entry of servers.json starts it.
struct FilesRole: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "files", abstract: "Serves a directory tree to the tasks of a node, with the rights of its own user.")

    @Option(help: "The directory to serve.")
    var root: String

    @Option(help: "The name to be found under.")
    var name = "files"

    @Flag(help: "Let clients change the tree.")
    var writable = false

    @Option(help: ArgumentHelp("How many requests are served at a time.", valueName: "count"))
    var threads = 2

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = LogLevel(level: .info)

    func validate() throws {
        guard (1...64).contains(threads) else { throw ValidationError("--threads must be 1 to 64") }
    }

    func run() throws {
        let level = logLevel.level
        let logger = Logger(label: name) { LineLogHandler.standardError(label: $0, level: level) }
        let tree = try FileTree(path: root, isWritable: writable)
        let space = try Space.attach()
        let server = try FileServer(tree: tree, in: space, log: logger)
        try space.names.register(name, try server.makeSendRight(), timeout: .seconds(10))
        logger.info("serving \(root)")
        do throws(MasixError) {
            try server.serve(threads: threads)
        } catch {
            if error != .nodeGone { throw error }
        }
    }
}
