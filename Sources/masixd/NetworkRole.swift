import ArgumentParser
import Logging
import Masix
import MasixLinux
import MasixNetwork
import MasixNetworkServer
import MasixProtocols
import MasixSupervisor
import SystemPackage

/// The role that speaks with other nodes. It alone has the node's key, and no other power.
struct NetworkRole: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "network", shouldDisplay: false)

    @OptionGroup var start: RoleStart

    /// Where `network.json` and `nodes.roster` are.
    @Option(help: .hidden)
    var state: String

    func run() throws {
        // First of all: a roster may be to be read again at once.
        let signals = try SignalDescriptor([Signal.terminate, Signal.hangUp])
        _ = try LimitsOfProcess.raiseDescriptors(to: 65_536)
        Heap.keepFreed(8 << 20)
        let key = try Self.key()
        try start.begin(as: "network", diesWithSupervisor: true)
        let level = start.logLevel.level
        let logger = Logger(label: "network") { LineLogHandler.standardError(label: $0, level: level) }
        do {
            try serve(key, signals, logger)
        } catch {
            logger.error("ended: \(error)")
            throw ExitCode(1)
        }
    }

    private func serve(_ key: NodeKey, _ signals: consuming SignalDescriptor, _ logger: Logger) throws {
        guard let network = try NodeNetworkFile.read(in: state) else {
            throw SupervisorError.file(path: "\(state)/\(NodeNetworkFile.fileName)", .noSuchFileOrDirectory)
        }
        let address = try network.address()
        let space = try Space.attach()
        var configuration = NodeChannels.Configuration(
            node: space.node, name: network.name, key: key, roster: try roster(), listenHost: address.host,
            listenPort: address.port, software: MasixVersion.current, logger: logger)
        if let order = network.order { configuration.order = order }
        let server = NetworkServer(space: space, configuration: configuration, announcements: network.announcements)
        let end = End(counter: try EventCounter())
        try server.start { end.say() }
        logger.info("speaking with other nodes", metadata: ["name": "\(network.name)", "listen": "\(address.host):\(server.port ?? 0)"])
        while true {
            let (isEnded, isSignalled) = try Ready.pollTwo(
                end.counter.raw, for: .readable, signals.descriptor.raw, for: .readable, timeoutNanoseconds: nil)
            if isEnded { return }
            guard isSignalled, let number = try signals.next() else { continue }
            guard number == Signal.hangUp else {
                server.stop()
                return
            }
            do {
                let roster = try roster()
                server.replace(roster)
                if let network = try NodeNetworkFile.read(in: state) { server.announce(network.announcements) }
                logger.info("roster read", metadata: ["nodes": "\(roster.entries.count)"])
            } catch {
                logger.error("the roster stays as it was: \(error)")
            }
        }
    }

    /// The node is gone.
    private final class End: Sendable {
        let counter: EventCounter
        init(counter: consuming EventCounter) { self.counter = counter }
        func say() {
            do throws(Errno) { try counter.add() } catch { preconditionFailure("an event counter takes an event") }
        }
    }

    /// The other nodes; none if there is no file.
    private func roster() throws -> NodeRoster {
        let path = "\(state)/\(NodeNetworkFile.rosterFileName)"
        guard let text = try File.contentsIfThere(path, max: NodeRoster.bytesMax + 1) else { return NodeRoster() }
        return try NodeRoster(text: text)
    }

    private static func key() throws -> NodeKey {
        let file = Descriptor(owning: NetworkPlace.key)
        return try NodeKey(pem: String(decoding: try file.readBytes(max: 4_096), as: UTF8.self))
    }
}
