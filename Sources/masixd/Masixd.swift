import ArgumentParser
import MasixProtocols

/// The daemon. Without a role it is the supervisor, which starts the others.
struct Masixd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "masixd",
        abstract: "Runs a Masix node: one nucleus, its name server, and the servers of its servers.json.",
        discussion: """
            Ends in order with SIGTERM or SIGINT; reads servers.json again with SIGHUP. Started by root, its processes run as users of their \
            own: masix-nucleus, masix-names and masix-files where they exist, else numbers from --user-base on.
            """,
        version: MasixVersion.current,
        subcommands: [SupervisorRole.self, NucleusRole.self, NamesRole.self, NetworkRole.self, FilesRole.self, ShellRole.self],
        defaultSubcommand: SupervisorRole.self)
}
