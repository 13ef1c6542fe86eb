import Logging
public import Masix
import MasixKernel
import MasixLinux
import MasixNameServer
public import MasixNucleus
import MasixTransport
import Synchronization
import SystemPackage

/// A node for the length of a test: a nucleus on a thread of this process, without supervisor and servers.
///
/// `attach` gives as many tasks as the test wants; a server under test runs on a thread of its own (`Background`) with one of them. Its
/// clients get to it by `pass`, or by its name, if the node is made with `names`.
public final class TestNode: Sendable {
    /// The node's directory, as `Space.attach(directory:)` takes it.
    public let directory: String
    private let nucleus: Nucleus
    private let ended: Ending
    private let isOver: FutexWord
    /// The node's first task: it keeps what `pass` hands over. Nil on a node with names, which `pass` uses then.
    private let exchange: Exchange?
    private let passed = Atomic<Int>(0)
    private let first: Space

    /// How the node treats leases: the same test must pass with each (architecture rule 1).
    public enum Leases: String, CaseIterable, Sendable, CustomStringConvertible {
        case off, on, revokedAtRandom
        public var description: String { rawValue }
    }

    /// Starts a node. With `names` it has a name server, so that `Space.names` works as on any other. Nodes that speak with each other
    /// need numbers of their own.
    public init(
        leases: Leases = .on, seed: UInt64 = 1, names: Bool = false, number: UInt32 = 1,
        _ configure: (inout NucleusConfiguration) throws -> Void = { _ in }
    ) throws {
        directory = "/tmp/masix-test-\(CurrentProcess.pid)-\(try RandomBytes.uint64())"
        try Directory.make(directory, mode: 0o755)
        var configuration = NucleusConfiguration(
            node: NodeID(number: number, incarnation: 1), logger: Logger(label: "nucleus") { _ in SwiftLogNoOpLogHandler() })
        configuration.listener = try MessageSocket.listen(path: directory + "/" + NodeDirectory.socketName)
        configuration.limits.linksEnabled = leases != .off
        configuration.situationsPath = SituationsFile.next
        if leases == .revokedAtRandom { configuration.revocation = RevocationPlan(seed: seed, probability: 0.2) }
        try configure(&configuration)
        let pair = try MessageSocket.pair()
        let ours = pair.first.relinquish()
        configuration.firstTask = Descriptor(owning: pair.second.relinquish())
        let nucleus = try Nucleus(configuration: configuration)
        self.nucleus = nucleus
        let (ended, isOver) = (Ending(), FutexWord())
        self.ended = ended
        self.isOver = isOver
        try DetachedThread.start("nucleus") {
            do {
                let end = try nucleus.run()
                ended.end.withLock { $0 = end }
            } catch {
                // A nucleus never fails in a test: whoever waits for it would wait for ever.
                fatalError("the nucleus of a test failed: \(error)")
            }
            isOver.set(1)
            isOver.wake(count: .max)
        }
        let first = try Space.attach(rawSocket: ours)
        self.first = first
        exchange = names ? nil : try Exchange(first)
        if names { try Self.startNameServer(first) }
    }

    /// The name server of a bare node: `space` is its first task.
    package static func startNameServer(_ space: Space) throws {
        let port = try space.makePort(queueLimit: 256)
        try space.setBootstrap(port)
        let boxed = Mutex<ReceiveRight?>(port)
        try DetachedThread.start("names") {
            guard let port = boxed.withLock({ $0.take() }) else { return }
            do throws(MasixError) {
                let server = try NameServer(
                    space: space, bootstrap: port, keeper: nil, logger: Logger(label: "names") { _ in SwiftLogNoOpLogHandler() },
                    isNetworkServer: { _ in true })
                try server.run()
            } catch {
                // The node has stopped: a name server serves as long as there is one.
            }
        }
    }

    /// Gives a send right of one task to another.
    public func pass(_ right: consuming SendRight, from giver: Space, to taker: Space) throws -> SendRight {
        let number = passed.add(1, ordering: .relaxed).newValue
        guard exchange != nil else {
            try giver.names.register("passed-\(number)", right)
            let passed = try taker.names.lookUp("passed-\(number)")
            try giver.names.remove("passed-\(number)")
            return passed
        }
        let name = "passed \(number)"
        try MeetingPlace(giver).leave(right, as: name)
        return try MeetingPlace(taker).fetch(name)
    }

    /// Leaves a send right under a number that another process of the node knows.
    public static func deposit(_ right: consuming SendRight, as number: UInt32, from giver: Space) throws {
        try MeetingPlace(giver).leave(right, as: "number \(number)")
    }

    /// Takes what lies under this number; nil while nothing does.
    public static func withdraw(_ number: UInt32, for taker: Space) throws -> SendRight? {
        try MeetingPlace(taker).fetchIfThere("number \(number)")
    }

    /// A new task of this node.
    public func attach() throws -> Space { try Space.attach(directory: directory) }

    /// A new task that is the node's chief, as its network server is.
    public func attachChief() throws -> Space {
        let chief = try attach()
        try first.setChief(chief.task)
        return chief
    }

    /// What the node has done so far, by the names that `masix top` shows: "sends by the nucleus", "links opened" and so on.
    public func counters() throws -> [String: UInt64] {
        guard case .counters(let counters) = try attach().query(.counters) else { throw MasixError.notPermitted }
        return Dictionary(counters.entries.map { ($0.name, $0.value) }) { $1 }
    }

    /// Stops the nucleus, and waits until it has; says why it ended.
    @discardableResult
    public func stop() -> Nucleus.End? {
        nucleus.stop()
        while isOver.value == 0 { _ = try? isOver.wait(while: 0, timeoutNanoseconds: 10_000_000_000) }
        try? Directory.removeAll(directory)
        return ended.end.withLock { $0 }
    }

    /// Runs a test with a node and stops it afterwards.
    public static func run<Result>(
        leases: Leases = .on, seed: UInt64 = 1, names: Bool = false, configure: (inout NucleusConfiguration) throws -> Void = { _ in },
        _ body: (TestNode) throws -> Result
    ) throws -> Result {
        let node = try TestNode(leases: leases, seed: seed, names: names, configure)
        defer { node.stop() }
        return try body(node)
    }
}

private final class Ending: Sendable {
    let end = Mutex<Nucleus.End?>(nil)
}
