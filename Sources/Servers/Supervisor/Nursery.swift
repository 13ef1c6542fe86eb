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

/// How the processes of a node are started: as whom, with which descriptors, and what they know of the world.
struct Nursery: Sendable {
    let configuration: SupervisorConfiguration
    let users: NodeUsers
    let node: String
    let features: Features

    /// Where a task finds its kernel socket: what `MASIX_SOCKET` says.
    private static let kernelSocket: Int32 = 3

    /// A program that runs, and what it writes.
    struct Born {
        let child: ChildProcess
        let output: ChildOutput
    }

    /// A program that runs, and the node's end of its kernel socket.
    struct BornTask: ~Copyable {
        let born: Born
        let socket: Descriptor
    }

    /// The nucleus, with its descriptors (lent). One that takes over finds the first two with its keeper.
    func startNucleus(listener: Int32?, firstTask: Int32?, keeper: Int32, lastWords: Int32) throws(Errno) -> Born {
        var placements: [Launch.Placement] = [.init(keeper, at: NucleusPlace.keeper), .init(lastWords, at: NucleusPlace.lastWords)]
        if let listener { placements.append(.init(listener, at: NucleusPlace.listener)) }
        if let firstTask { placements.append(.init(firstTask, at: NucleusPlace.firstTask)) }
        let successor = listener == nil ? ["--takes-over"] : []
        return try startRole(
            "nucleus", ["--node", node] + successor + configuration.nucleusArguments, as: users[.nucleus], placements, environment: [])
    }

    /// A role that is a task: its socket is made here, the node's end handed out.
    func startTask(_ role: NodeUsers.Role) throws(Errno) -> BornTask {
        let pair = try MessageSocket.pair()
        let born = try startRole(
            role.rawValue, [], as: users[role], [.init(pair.second.raw, at: Self.kernelSocket)], environment: taskEnvironment)
        return BornTask(born: born, socket: pair.takeFirst())
    }

    /// A server of the administrator's.
    func start(_ server: ServerSpecification, as user: NodeUsers.User) throws(Errno) -> BornTask {
        let pair = try MessageSocket.pair()
        var launch = Launch(
            server.command.first ?? "", arguments: server.command, environment: baseEnvironment + taskEnvironment + server.environment)
        if users.areApart { launch.identity = .init(uid: user.uid, gid: user.gid) }
        // Asked to end with us; it has a node no longer, whatever it does.
        launch.parentDeathSignal = Signal.terminate
        let born = try start(launch, server.name, user, [.init(pair.second.raw, at: Self.kernelSocket)], isRole: false)
        return BornTask(born: born, socket: pair.takeFirst())
    }

    /// Roles start as we are and become their user themselves, with their first step: the program need not be readable to them.
    private func startRole(
        _ role: String, _ arguments: [String], as user: NodeUsers.User, _ placements: [Launch.Placement], environment: [String]
    ) throws(Errno) -> Born {
        var words = ["masixd", role, "--log-level", configuration.logLevel.rawValue, "--supervisor-pid", "\(CurrentProcess.pid)"] + arguments
        if users.areApart { words += ["--uid", "\(user.uid)", "--gid", "\(user.gid)"] }
        let launch = Launch(
            configuration.executable, arguments: words, environment: baseEnvironment + environment + configuration.environment)
        return try start(launch, role, user, placements, isRole: true)
    }

    private func start(
        _ launch: Launch, _ name: String, _ user: NodeUsers.User, _ placements: [Launch.Placement], isRole: Bool
    ) throws(Errno) -> Born {
        let pipe = try Pipe.make()
        try pipe.reader.setNonBlocking(true)
        // No role waits for our reading its log, least of all the nucleus.
        if isRole { try pipe.writer.setNonBlocking(true) }
        var launch = launch
        launch.placements = placements + [.init(pipe.writer.raw, at: 1), .init(pipe.writer.raw, at: 2)]
        // Away from the terminal's signals: the order of the end is ours.
        launch.newSession = true
        launch.noCoreDump = true
        let child = ChildProcess(name: name, user: user, try launch.start(features: features))
        return Born(child: child, output: ChildOutput(name: name, isRole: isRole, pipe: pipe.takeReader()))
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

extension PipeEnds {
    fileprivate consuming func takeReader() -> Descriptor { reader }
}
