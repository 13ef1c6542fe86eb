import ArgumentParser
import Masix
import MasixKernel
import MasixProtocols
import MasixTransport
import MasixWire

struct AllNodesOption: ParsableArguments {
    @Flag(name: .customLong("all-nodes"), help: "Of this node and all nodes of its roster.")
    var isOn = false
}

/// A node's supervisor, to be asked for what there is on the node.
final class NodeSupervisor: Sendable {
    private let client: SupervisorClient
    private let patience: Duration = .seconds(3)

    /// That of this node for nil.
    init(_ node: String?, _ space: Space) throws(NameError) {
        client = try Self.client(of: node, space)
    }

    private static func client(of node: String?, _ space: Space) throws(NameError) -> SupervisorClient {
        guard let node else { return try SupervisorClient(space) }
        return try SupervisorClient(of: node, space, timeout: .seconds(3))
    }

    func ask(_ query: Query) throws -> Answer {
        let bytes = try client.table(query.wireBytes, timeout: patience)
        guard let answer = try? Answer(wireBytes: bytes) else { throw MasixError.malformedMessage }
        return answer
    }

    func names() throws(MasixError) -> [NameRecord] { try client.names(timeout: patience) }
    func status() throws(MasixError) -> NodeStatus { try client.status(timeout: patience) }
    func wait(for task: TaskID, timeout: Duration?) throws(MasixError) -> TaskEnd { try client.wait(for: task, timeout: timeout) }
    func signal(_ task: TaskID, _ number: Int32) throws(MasixError) { try client.signal(task, number) }
}

/// The nodes that are looked at as one: this one, and those of its roster.
final class AllNodes {
    struct Place {
        let name: String
        /// 0 for a node that speaks with no others.
        let number: UInt32
        let isOwn: Bool
        /// Nobody hears it now.
        let isDown: Bool
    }

    let places: [Place]
    private let space: Space
    private var silent: [String] = []

    init(_ space: Space) throws {
        self.space = space
        places = try Self.places(space)
    }

    private static func places(_ space: Space) throws -> [Place] {
        guard let status = try network(space) else { return [Place(name: "-", number: 0, isOwn: true, isDown: false)] }
        return [Place(name: status.name, number: 0, isOwn: true, isDown: false)]
            + status.peers.map { Place(name: $0.name, number: $0.number, isOwn: false, isDown: !$0.isUp) }
    }

    /// Nil for a node by itself.
    private static func network(_ space: Space) throws -> NetworkStatus? {
        do throws(NameError) {
            let client = try NetworkClient(space)
            do throws(MasixError) { return try client.status() } catch { throw .node(error) }
        } catch {
            if case .unknown = error { return nil }
            throw error
        }
    }

    func supervisor(of place: Place) throws -> NodeSupervisor {
        if place.isDown { throw NameError.unanswered(SupervisorRequest.name, silent: [place.name]) }
        return try NodeSupervisor(place.isOwn ? nil : place.name, space)
    }

    /// Asks each node, and shows what it says. One that does not answer is named, and the others are shown all the same.
    func each<Told>(_ json: JSONOption, _ ask: (NodeSupervisor) throws -> Told, show: (Told, Place) throws -> Void) throws {
        for place in places {
            let told: Told
            do {
                told = try ask(try supervisor(of: place))
            } catch {
                // The error of this node is that of the command.
                if place.isOwn { throw error }
                let words = self.words(error, place)
                silent.append(place.name)
                Output.remark("masix: \(words)")
                if json.isOn { try Output.line(JSON.object([("node", JSON(place.name)), ("error", JSON(words))]).text) }
                continue
            }
            try show(told, place)
        }
    }

    /// Why a node is left out, and what to do about it.
    func words(_ error: any Error, _ place: Place) -> String {
        let complaint = Complaint(any: error)
        switch error {
        case MasixError.refusedByServer(let words): return "node \(place.name) refuses: \(words)"
        case NameError.unanswered, NameError.timedOut, MasixError.noReply, MasixError.deadName, MasixError.timedOut:
            return "node \(place.name) does not answer: `masix doctor \(place.name)` says why"
        default: return "node \(place.name): \(complaint.words)"
        }
    }

    /// What the command says in the end of those who were left out.
    func end() throws {
        guard !silent.isEmpty else { return }
        throw ExitMeaning.died.code
    }
}

/// A task on the command line: its number, and behind an `@` the node that it is of.
struct TaskPlace: ExpressibleByArgument {
    let task: TaskID
    /// Nil for this node.
    let node: String?

    init?(argument: String) {
        let parts = argument.split(separator: "@", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let number = UInt64(parts[0]), (1...UInt64(UInt32.max)).contains(number),
            parts.count == 1 || !parts[1].isEmpty
        else { return nil }
        task = TaskID(raw: number)
        node = parts.count == 2 ? String(parts[1]) : nil
    }

    var words: String { node.map { "task \(task.raw) of node \($0)" } ?? "task \(task.raw)" }

    func supervisor(_ space: Space) throws -> NodeSupervisor {
        do throws(NameError) { return try NodeSupervisor(node, space) } catch {
            guard let node, case .unanswered = error else { throw error }
            throw Complaint("node \(node) does not answer: `masix doctor \(node)` says why", .died)
        }
    }
}
