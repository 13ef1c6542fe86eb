import Logging
import MasixLinux
import MasixProtocols
import SystemPackage

/// The numbers at which a nucleus finds its descriptors.
public enum NucleusPlace {
    /// The node's listening socket.
    public static let listener: Int32 = 3
    /// The kernel socket of the node's first task.
    public static let firstTask: Int32 = 4
    /// Ends when the supervisor does.
    public static let keeper: Int32 = 5
    /// The node's log, for the case that it does.
    public static let lastWords: Int32 = 6
}

/// The number at which a network server finds the node's key, which nobody else can read.
public enum NetworkPlace {
    public static let key: Int32 = 4
}

/// How the processes of a node are started: as whom, with which descriptors, and what they know of the world.
struct Nursery: Sendable {
    let configuration: SupervisorConfiguration
    let users: NodeUsers
    let node: String
    let features: Features

    /// Where a task finds its kernel socket: what `MASIX_SOCKET` says.
    private static let kernelSocket: Int32 = 3

    /// A program that runs, what it writes, and the node's end of its kernel socket.
    struct BornTask: ~Copyable {
        let child: ChildProcess
        let output: ChildOutput
        let socket: Descriptor
    }

    /// The nucleus, with descriptors that are lent. All but the first life of it get listener and first task from the keeper.
    func startNucleus(first: (listener: Int32, task: Int32)?, keeper: Int32, lastWords: Int32, output: Int32) throws(Errno) -> ChildProcess
    {
        var placements: [Launch.Placement] = [.init(keeper, at: NucleusPlace.keeper), .init(lastWords, at: NucleusPlace.lastWords)]
        if let first {
            placements += [.init(first.listener, at: NucleusPlace.listener), .init(first.task, at: NucleusPlace.firstTask)]
        }
        let arguments = ["--node", node] + (first == nil ? ["--again"] : []) + configuration.nucleusArguments
        return try startRole("nucleus", arguments, as: users[.nucleus], placements, environment: [], output: output)
    }

    /// Where a process writes, and where that is read. No role waits for our reading its log, least of all the nucleus.
    static func makeOutput(waits: Bool) throws(Errno) -> PipeEnds {
        let pipe = try Pipe.make()
        try pipe.reader.setNonBlocking(true)
        if !waits { try pipe.writer.setNonBlocking(true) }
        return pipe
    }

    /// A role that is a task: its socket is made here, the node's end handed out. `key` is lent.
    func startTask(_ role: NodeUsers.Role, _ arguments: [String] = [], key: Int32? = nil) throws(Errno) -> BornTask {
        let pair = try MessageSocket.pair()
        let output = try Self.makeOutput(waits: false)
        let child = try startRole(
            role.rawValue, arguments, as: users[role],
            [.init(pair.second.raw, at: Self.kernelSocket)] + (key.map { [.init($0, at: NetworkPlace.key)] } ?? []),
            environment: taskEnvironment, output: output.writer.raw)
        return BornTask(
            child: child, output: ChildOutput(name: role.rawValue, isRole: true, pipe: output.takeReader()), socket: pair.takeFirst())
    }

    /// A server of the administrator's.
    func start(_ server: ServerSpecification, as user: NodeUsers.User) throws(Errno) -> BornTask {
        let pair = try MessageSocket.pair()
        var launch = Launch(
            server.command.first ?? "", arguments: server.command, environment: baseEnvironment + taskEnvironment + server.environment)
        if users.areApart { launch.identity = .init(uid: user.uid, gid: user.gid) }
        // Asked to end with us; it has a node no longer, whatever it does.
        launch.parentDeathSignal = Signal.terminate
        let output = try Self.makeOutput(waits: true)
        let child = try start(launch, server.name, user, [.init(pair.second.raw, at: Self.kernelSocket)], output: output.writer.raw)
        return BornTask(
            child: child, output: ChildOutput(name: server.name, isRole: false, pipe: output.takeReader()), socket: pair.takeFirst())
    }

    /// Roles start as we are and become their user themselves, with their first step: the program need not be readable to them.
    private func startRole(
        _ role: String, _ arguments: [String], as user: NodeUsers.User, _ placements: [Launch.Placement], environment: [String],
        output: Int32
    ) throws(Errno) -> ChildProcess {
        var words =
            ["masixd", role, "--log-level", configuration.logLevel.rawValue, "--supervisor-pid", "\(CurrentProcess.pid)"] + arguments
        if users.areApart { words += ["--uid", "\(user.uid)", "--gid", "\(user.gid)"] }
        let launch = Launch(
            configuration.executable, arguments: words, environment: baseEnvironment + environment + configuration.environment)
        return try start(launch, role, user, placements, output: output)
    }

    private func start(
        _ launch: Launch, _ name: String, _ user: NodeUsers.User, _ placements: [Launch.Placement], output: Int32
    ) throws(Errno) -> ChildProcess {
        var launch = launch
        launch.placements = placements + [.init(output, at: 1), .init(output, at: 2)]
        // Away from the terminal's signals: the order of the end is ours.
        launch.newSession = true
        launch.noCoreDump = true
        return ChildProcess(name: name, user: user, try launch.start(features: features))
    }

    private var baseEnvironment: [String] {
        ["PATH", "LANG", "LC_ALL", "TZ"].compactMap { name in CurrentProcess.environment(name).map { "\(name)=\($0)" } }
    }

    private var taskEnvironment: [String] { ["MASIX_NODE=\(configuration.directory)", "MASIX_SOCKET=\(Self.kernelSocket)"] }
}

extension SocketPair {
    /// Closes the other.
    consuming func takeFirst() -> Descriptor { first }
}
