import ArgumentParser
import Masix
import MasixKernel
import MasixLinux
import MasixProtocols

/// `masix resolve`
struct ResolveCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve", abstract: "Say which port a name is, and of which node, and how long it took to find.",
        discussion: """
            A name of this node goes before the same name elsewhere; of other nodes the one with the lowest number wins. NAME@NODE is the \
            name of that node and no other. A second look-up of a name of another node sends nothing: --repeat shows it.
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @OptionGroup var timeout: TimeoutOption
    @Flag(name: .customLong("wait"), help: "Wait until somebody registers it.")
    var waits = false
    @Option(name: .customLong("repeat"), help: ArgumentHelp("Look it up so often.", valueName: "count"))
    var count = 1
    @Argument(help: ArgumentHelp("The names.", valueName: "name"))
    var names: [String]

    func validate() throws {
        guard (1...100_000).contains(count) else { throw ValidationError("--repeat must be from 1 to 100000") }
    }

    func perform() throws {
        let space = try node.attach()
        let nodes = try AllNodes(space)
        for name in names {
            for _ in 0..<count {
                let start = Clock.monotonicNanoseconds()
                let right = try space.names.lookUp(name, wait: waits, timeout: timeout.duration ?? .seconds(10))
                let took = Clock.monotonicNanoseconds() - start
                let place = try place(of: right.port, space, nodes)
                if json.isOn {
                    try Output.line(
                        JSON.object([
                            ("name", JSON(name)), ("port", JSON(right.port.number)), ("uid", JSON(place.uid.number)),
                            ("node", JSON(place.node)), ("nanoseconds", JSON(took)),
                        ]).text)
                } else {
                    try Output.line("\(name) is port \(place.uid.number) of node \(place.node), found in \(Figure.microseconds(took))")
                }
            }
        }
    }

    /// The port's own identity, and the node on which it was born, as far as the network server tells it.
    private func place(of port: PortID, _ space: Space, _ nodes: AllNodes) throws -> (uid: PortID, node: String) {
        let uid = PortsCommand.shared(space)[port]?.uid ?? port
        let number = uid.node.number == space.node.number ? 0 : uid.node.number
        return (uid, nodes.places.first { $0.number == number }?.name ?? "\(uid.node.number)")
    }
}
