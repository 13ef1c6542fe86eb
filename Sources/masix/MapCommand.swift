import ArgumentParser
import Masix
import MasixLinux
import MasixProtocols
import SystemPackage

/// `masix map`
struct MapCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "map", abstract: "Show nodes, tasks and ports, and who holds rights to what, on this node and all of its roster.",
        discussion: """
            A line is a port, its names, and the tasks that hold send rights to it: 7 is a task of the same node, 7@b one of node b. A proxy \
            is shown as the port that it stands for. Root and a node's own user may see it; a node that does not answer, or does not tell, is \
            named, and the rest is shown. --svg writes the same as a picture.
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @Option(name: .customLong("svg"), help: ArgumentHelp("Draw it into this file.", valueName: "file"))
    var drawing: String?

    func perform() throws {
        let space = try node.attach()
        let nodes = try AllNodes(space)
        var told: [(name: String, Result<NodeMap.Told, Complaint>)] = []
        for place in nodes.places {
            do {
                told.append((place.name, .success(try Self.ask(place, nodes, space))))
            } catch {
                if place.isOwn { throw error }
                told.append((place.name, .failure(Complaint(nodes.words(error, place), .died))))
            }
        }
        let own = nodes.places.first { $0.isOwn }?.name
        let map = NodeMap(told) { $0.node == own && $0.task == space.task }
        if let drawing { try Self.write(map.drawing, to: drawing) }
        if json.isOn {
            try Output.line(map.json.text)
        } else if drawing == nil {
            for line in map.lines { try Output.line(line) }
        }
        let silent = map.nodes.filter { $0.trouble != nil }
        for node in silent { Output.remark("masix: \(node.trouble ?? "")") }
        if !silent.isEmpty { throw ExitMeaning.died.code }
    }

    private static func ask(_ place: AllNodes.Place, _ nodes: AllNodes, _ space: Space) throws -> NodeMap.Told {
        let supervisor = try nodes.supervisor(of: place)
        let tables = NodeTables(supervisor)
        // First of all: whoever may not see it is told so in words.
        let ports = try tables.ports()
        var shared: [SharedPort] = []
        // A node for itself has no network server.
        if place.number > 0 || nodes.places.count > 1 {
            let client = place.isOwn ? try NetworkClient(space) : try NetworkClient(of: place.name, space)
            shared = try client.sharedPorts(timeout: .seconds(3))
        }
        return NodeMap.Told(
            status: try supervisor.status(), tasks: try tables.tasks(), ports: ports, names: try supervisor.names(),
            shared: Dictionary(shared.map { ($0.here, $0) }) { first, _ in first })
    }

    private static func write(_ text: String, to path: String) throws(Complaint) {
        do throws(Errno) {
            try File.open(path, [.write, .create, .truncate], mode: 0o644).writeAll(Array(text.utf8))
        } catch {
            throw Complaint(error, path)
        }
    }
}
