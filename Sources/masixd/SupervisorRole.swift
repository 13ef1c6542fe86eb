import ArgumentParser
import Logging
import Masix
import MasixLinux
import MasixSupervisor
import SystemPackage

/// The role that is a node's first process.
struct SupervisorRole: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "supervisor", abstract: "Runs a node (what masixd does if no role is named).", shouldDisplay: false)

    @Option(help: "Where programs find the node, and where its files are. Default: /run/masix for root, else the user's own.")
    var directory: String?

    @Option(help: "Where the files are that outlive a restart of the machine: node.json, servers.json, node.log. Default: the directory.")
    var state: String?

    @Option(help: "The node's number among those it speaks with. Default: the one it had, or 1.")
    var number: UInt32?

    @Flag(help: "Stay in the foreground, and log to standard error too.")
    var foreground = false

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = LogLevel(level: .info)

    @Option(help: ArgumentHelp("Where the numbers of users without a name begin.", valueName: "uid"))
    var userBase = NodeUsers.baseDefault

    @Option(help: ArgumentHelp("A descriptor that gets a byte when the node serves.", valueName: "fd"))
    var readyFd: Int32?

    @Option(help: .hidden)
    var leases: LeaseChoice?

    @Option(help: .hidden)
    var situations: String?

    func validate() throws {
        if let readyFd, readyFd < 3 { throw ValidationError("--ready-fd must be 3 or more") }
    }

    func run() throws {
        let directory = NodeDirectory.path(directory)
        guard directory.hasPrefix("/") else { throw ValidationError("--directory must be an absolute path") }
        if let state, !state.hasPrefix("/") { throw ValidationError("--state must be an absolute path") }
        let program = try executablePath(ofPID: CurrentProcess.pid)
        if foreground { try runNode(directory, program) } else { try detach(directory, program) }
    }

    private func runNode(_ directory: String, _ program: String) throws {
        try Hardening.setDumpable(false)
        // Every child costs a few, every server a socket.
        _ = try LimitsOfProcess.raiseDescriptors(to: 65_536)
        var configuration = SupervisorConfiguration(directory: directory, executable: program)
        configuration.state = state
        configuration.number = number
        configuration.logLevel = logLevel.level
        configuration.userBase = userBase
        configuration.readiness = Readiness(descriptor: readyFd, notifySocket: CurrentProcess.environment("NOTIFY_SOCKET"))
        configuration.environment = CurrentProcess.environment.filter { entry in Self.passedOn.contains { entry.hasPrefix($0) } }
        if let leases { configuration.nucleusArguments += ["--leases", leases.rawValue] }
        if let situations { configuration.nucleusArguments += ["--situations", situations] }
        do {
            let supervisor = try Supervisor(configuration: configuration)
            if try !supervisor.run() { throw ExitCode(1) }
        } catch let error as SupervisorError {
            complain("masixd: \(error)")
            throw ExitCode(1)
        }
    }

    /// Variables that the roles of the node know: what is switched off, and what tools want to hear.
    private static let passedOn = [
        "MASIX_WITHOUT=", "TSAN_OPTIONS=", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "LLVM_PROFILE_FILE=", "SWIFT_BACKTRACE=",
    ]

    /// Starts the node as a process of its own, and waits until it serves.
    private func detach(_ directory: String, _ program: String) throws {
        let ready = try Pipe.make()
        let words = try Pipe.make()
        // Without the program's name, and with what makes the other a node.
        let arguments = ["masixd", "--foreground", "--ready-fd", "3"] + CommandLine.arguments.dropFirst()
        var launch = Launch(program, arguments: arguments, environment: CurrentProcess.environment)
        launch.placements = [.init(ready.writer.raw, at: 3), .init(words.writer.raw, at: 2)]
        launch.newSession = true
        let child = try launch.start()
        let (isReady, said) = try Self.listen(ready.takeReader(), words.takeReader())
        guard isReady else {
            _ = try child.process.wait()
            complain(said.hasSuffix("\n") ? String(said.dropLast()) : said)
            throw ExitCode(1)
        }
        print("node in \(directory), process \(child.pid)")
    }

    /// Whether it is ready, and what it said until then.
    private static func listen(_ ready: consuming Descriptor, _ words: consuming Descriptor) throws -> (Bool, String) {
        var said: [UInt8] = []
        while true {
            let (isReady, hasWords) = try Ready.pollTwo(ready.raw, for: .readable, words.raw, for: .readable, timeoutNanoseconds: nil)
            if isReady { return (try !ready.readBytes(max: 1).isEmpty, String(decoding: try said + rest(of: words), as: UTF8.self)) }
            if hasWords { said += try words.readBytes(max: 65_536) }
        }
    }

    /// What is there without waiting.
    private static func rest(of words: borrowing Descriptor) throws -> [UInt8] {
        guard try Ready.poll(words.raw, for: .readable, timeoutNanoseconds: 0) else { return [] }
        return try words.readBytes(max: 65_536)
    }
}

/// How links are treated, for tests (architecture rule 1).
enum LeaseChoice: String, ExpressibleByArgument, CaseIterable {
    case on, off, random
}

struct LogLevel: ExpressibleByArgument {
    let level: Logger.Level

    init(level: Logger.Level) { self.level = level }

    init?(argument: String) {
        guard let level = Logger.Level(rawValue: argument) else { return nil }
        self.level = level
    }

    var defaultValueDescription: String { level.rawValue }
}

/// On standard error, where nobody may read.
func complain(_ words: String) {
    do throws(Errno) {
        _ = try Descriptor.write(Array((words + "\n").utf8), to: 2)
    } catch {
        // Nobody reads.
    }
}
