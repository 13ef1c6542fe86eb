import ArgumentParser
import Logging
import Masix
import MasixLinux
import MasixNucleus
import MasixSupervisor
import SystemPackage

/// The role that hosts the kernel of a node.
struct NucleusRole: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "nucleus", shouldDisplay: false)

    @OptionGroup var start: RoleStart

    /// The node and its life: `7.12`.
    @Option(help: .hidden)
    var node: NodeArgument

    /// Begins where one before has ended: listener and first task come from the keeper.
    @Flag(help: .hidden)
    var again = false

    @Option(help: .hidden)
    var leases = LeaseChoice.on

    @Option(help: .hidden)
    var situations: String?

    func run() throws {
        // Four or so for each task, and each right to memory on its way.
        _ = try LimitsOfProcess.raiseDescriptors(to: 1 << 20)
        try start.begin(as: "nucleus", diesWithSupervisor: false)
        let signals = try SignalDescriptor([Signal.terminate])
        let level = start.logLevel.level
        let logger = Logger(label: "nucleus") { LineLogHandler.standardError(label: $0, level: level) }

        var configuration = NucleusConfiguration(node: NodeID(number: node.number, incarnation: node.incarnation), logger: logger)
        configuration.features = .detect(environment: ["MASIX_WITHOUT": CurrentProcess.environment("MASIX_WITHOUT") ?? ""])
        if !again {
            configuration.listener = try Self.adopt(NucleusPlace.listener)
            configuration.firstTask = try Self.adopt(NucleusPlace.firstTask)
        }
        configuration.keeper = try Self.adopt(NucleusPlace.keeper)
        let lastWords = try Self.adopt(NucleusPlace.lastWords)
        configuration.limits.linksEnabled = leases != .off
        if leases == .random { configuration.revocation = RevocationPlan(seed: UInt64(node.incarnation), probability: 0.2) }
        configuration.situationsPath = situations
        let nucleus = try Nucleus(configuration: configuration)
        let stops = signals.descriptor.raw
        try DetachedThread.start("masix-signals") {
            do throws(Errno) {
                _ = try Ready.poll(stops, for: .readable, timeoutNanoseconds: nil)
            } catch {
                logger.error("signals cannot be waited for", metadata: ["error": "\(error)"])
            }
            nucleus.stop()
        }
        switch try nucleus.run() {
        case .stopped: break
        case .keeperLost:
            // Whoever wrote the log is gone: the reason why the node has ended goes there all the same.
            LineLogHandler.note("critical nucleus: the supervisor is gone; the node ends", to: lastWords.raw)
            throw ExitCode(1)
        }
        _ = consume signals
    }

    /// A descriptor that we were started with; programs that we might start do not get it.
    private static func adopt(_ raw: Int32) throws(Errno) -> Descriptor {
        let descriptor = Descriptor(owning: raw)
        try descriptor.setCloseOnExec(true)
        return descriptor
    }
}

struct NodeArgument: ExpressibleByArgument {
    let number: UInt32
    let incarnation: UInt32

    init?(argument: String) {
        let parts = argument.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = UInt32(parts[0]), let incarnation = UInt32(parts[1]) else { return nil }
        self.number = number
        self.incarnation = incarnation
    }
}
