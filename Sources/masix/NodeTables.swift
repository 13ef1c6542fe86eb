import Masix
import MasixKernel
import MasixTransport

/// The tables of a node, read page by page: of this one from its nucleus, of any by its supervisor.
struct NodeTables {
    /// Asks for one page.
    let ask: (Query) throws -> Answer

    init(space: Space) { ask = { try Self.ask($0, space) } }

    init(_ supervisor: NodeSupervisor) { ask = { try supervisor.ask($0) } }

    func tasks() throws -> [TaskRow] {
        try pages {
            .tasks(after: $0?.id)
        } read: {
            if case .tasks(let rows) = $0 { rows } else { nil }
        }
    }

    func ports() throws -> [PortRow] {
        try pages {
            .ports(after: $0?.id)
        } read: {
            if case .ports(let rows) = $0 { rows } else { nil }
        }
    }

    func links() throws -> [LinkRow] {
        try pages {
            .links(after: $0?.id)
        } read: {
            if case .links(let rows) = $0 { rows } else { nil }
        }
    }

    func counters() throws -> NodeCounters {
        guard case .counters(let counters) = try ask(.counters) else { throw MasixError.malformedMessage }
        return counters
    }

    private static func ask(_ query: Query, _ space: Space) throws -> Answer {
        switch try space.query(query) {
        case .notPermitted:
            throw Complaint(
                "only root and the user that the node's nucleus runs as may ask this (this is user \(space.identity.uid))", .notPermitted)
        case .notFound: throw Complaint("there is no such task or port on this node", .notFound)
        case let answer: return answer
        }
    }

    private func pages<Row>(_ query: (Row?) -> Query, read: (Answer) -> [Row]?) throws -> [Row] {
        var all: [Row] = []
        while true {
            guard let page = read(try ask(query(all.last))) else { throw MasixError.malformedMessage }
            if page.isEmpty { return all }
            all += page
        }
    }

    /// Names by the port behind them.
    static func namesByPort(_ records: [NameRecord]) -> [PortID: [String]] {
        var names: [PortID: [String]] = [:]
        for record in records { names[record.port, default: []].append(record.name) }
        return names
    }
}

extension TaskIdentity {
    /// For people: what it is called, and where it runs.
    var words: String { "\(name.isEmpty ? "?" : name) (pid \(pid))" }

    var json: JSON {
        [
            "uid": JSON(uid), "gid": JSON(gid), "pid": JSON(pid), "executable": JSON(executable), "name": JSON(name),
            "launched": JSON(launched),
        ]
    }
}

extension PortID {
    /// Short, within one node: its counter.
    var number: String { "\(node.number).\(node.incarnation):\(counter)" }

    /// What `number` shows, read back.
    init?(number text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let counter = UInt64(parts[1]) else { return nil }
        let node = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        guard node.count == 2, let number = UInt32(node[0]), let incarnation = UInt32(node[1]) else { return nil }
        self.init(node: NodeID(number: number, incarnation: incarnation), counter: counter)
    }
}
