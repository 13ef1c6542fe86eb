import ArgumentParser
import Logging
import Masix
import MasixNameServer
import MasixSupervisor

/// The role that keeps the names of a node.
struct NamesRole: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "names", shouldDisplay: false)

    @OptionGroup var start: RoleStart

    func run() throws {
        try start.begin(as: "names", diesWithSupervisor: true)
        let level = start.logLevel.level
        let logger = Logger(label: "names") { LineLogHandler.standardError(label: $0, level: level) }
        do throws(MasixError) {
            let space = try Space.attach()
            try NameServer(startedIn: space, logger: logger).run()
        } catch {
            // The end of the node is the end of its name server; anything else is worth a word.
            if error != .nodeGone { logger.error("ended: \(error)") }
            throw ExitCode(error == .nodeGone ? 0 : 1)
        }
    }
}
