import MasixLinux
import SystemPackage

/// Programs of this machine, by name.
enum Program {
    /// A name with a slash is a path; any other is looked for along PATH.
    static func find(_ name: String) -> String? {
        if name.contains("/") { return isExecutable(name) ? name : nil }
        let path = CurrentProcess.environment("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
        for directory in path.split(separator: ":", omittingEmptySubsequences: false) {
            let candidate = (directory.isEmpty ? "." : String(directory)) + "/" + name
            if isExecutable(candidate) { return candidate }
        }
        return nil
    }

    static func isExecutable(_ path: String) -> Bool {
        guard let status = try? File.status(path) else { return false }
        return status.kind == .regular && status.mode & 0o111 != 0
    }

    /// This process goes on as another program.
    static func become(_ executable: String, arguments: [String]) throws(Errno) -> Never {
        try Launch.become(executable, arguments: arguments)
    }

    /// Starts a program with these descriptors as its standard input and output; our standard error is its own.
    static func start(_ command: [String], input: Int32, output: Int32, deathSignal: Int32? = nil) throws(Complaint) -> Child {
        guard let name = command.first else { throw Complaint("there is no program to start", .usage) }
        guard let executable = find(name) else { throw Complaint("\(name): no such program", .noProgram) }
        var launch = Launch(executable, arguments: command, environment: CurrentProcess.environment)
        launch.placements = [.init(input, at: 0), .init(output, at: 1), .init(2, at: 2)]
        launch.noNewPrivileges = false
        launch.parentDeathSignal = deathSignal
        do throws(Errno) { return try launch.start() } catch { throw Complaint("\(name): \(error)", .cannotExecute) }
    }
}
