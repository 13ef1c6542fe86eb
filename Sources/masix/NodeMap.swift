import Masix
import MasixKernel
import MasixProtocols
import MasixTransport

/// Nodes, tasks, ports, and who holds rights to what: what each node's supervisor and network server tell, put together.
struct NodeMap {
    /// A task, with the node that it is of.
    struct Member: Hashable, Comparable {
        let node: String
        let task: TaskID
        static func < (left: Self, right: Self) -> Bool { (left.node, left.task) < (right.node, right.task) }
    }

    struct Port {
        /// Its identity among all nodes.
        let uid: PortID
        let names: [String]
        let queued: UInt32
        /// Tasks with send rights, here and on other nodes.
        var holders: [Member]
        /// Send rights inside messages, and holders that a row of the table has no room for.
        let unseen: Int
    }

    struct Task {
        let id: TaskID
        let identity: TaskIdentity
        var ports: [Port] = []
    }

    struct Node {
        let name: String
        let id: NodeID?
        var tasks: [Task] = []
        /// Why nothing is known of it.
        let trouble: String?
    }

    private(set) var nodes: [Node] = []

    /// What one node says of itself.
    struct Told {
        let status: NodeStatus
        let tasks: [TaskRow]
        let ports: [PortRow]
        let names: [NameRecord]
        /// By what they are called there.
        let shared: [PortID: SharedPort]
    }

    /// `isHidden` leaves out a task of a node, with its ports and its rights.
    init(_ told: [(name: String, Result<Told, Complaint>)], hiding isHidden: (Member) -> Bool) {
        var abroad: [PortID: [Member]] = [:]
        for (name, result) in told {
            guard case .success(let node) = result else { continue }
            for row in node.ports {
                guard let shared = node.shared[row.id], shared.uid != row.id else { continue }
                abroad[shared.uid, default: []] += row.senders.map { Member(node: name, task: $0) }.filter { !isHidden($0) }
            }
        }
        for (name, result) in told {
            switch result {
            case .failure(let complaint): nodes.append(Node(name: name, id: nil, trouble: complaint.words))
            case .success(let node): nodes.append(Self.node(name, node, abroad, isHidden))
            }
        }
    }

    private static func node(
        _ name: String, _ told: Told, _ abroad: [PortID: [Member]], _ isHidden: (Member) -> Bool
    ) -> Node {
        let names = NodeTables.namesByPort(told.names)
        var tasks: [TaskID: Task] = [:]
        for row in told.tasks where !isHidden(Member(node: name, task: row.id)) { tasks[row.id] = Task(id: row.id, identity: row.identity) }
        let network = told.tasks.first { $0.identity.launched && $0.identity.name == NetworkRequest.name }?.id
        for row in told.ports {
            guard let receiver = row.receiver, tasks[receiver] != nil else { continue }
            // A proxy is no port of its own: it stands for one of another node.
            if let shared = told.shared[row.id], shared.uid != row.id { continue }
            let far = abroad[row.id] ?? []
            let own = row.senders.map { Member(node: name, task: $0) }.filter { member in
                // The network server holds it for those of the other nodes, who are shown themselves.
                !isHidden(member) && member.task != receiver && (far.isEmpty || member.task != network)
            }
            let port = Port(
                uid: row.id, names: names[row.id] ?? [], queued: row.queued, holders: (own + far).sorted(),
                unseen: Int(row.sendRightsInTransit) + Int(row.senderCount) - row.senders.count)
            guard !port.names.isEmpty || !port.holders.isEmpty || port.unseen > 0 else { continue }
            tasks[receiver]?.ports.append(port)
        }
        let status = told.status
        return Node(
            name: name, id: NodeID(number: status.number, incarnation: status.incarnation), tasks: tasks.values.sorted { $0.id < $1.id },
            trouble: nil)
    }

    // MARK: as text

    var lines: [String] {
        nodes.flatMap { node -> [String] in
            guard let id = node.id else { return ["node \(node.name): \(TextTable.printable(node.trouble ?? ""))"] }
            return ["node \(node.name) (\(id))"]
                + node.tasks.flatMap { task in
                    ["  task \(task.id.raw) \(TextTable.printable(task.identity.words)), uid \(task.identity.uid)"]
                        + task.ports.map { "    " + Self.line($0, of: node.name) }
                }
        }
    }

    private static func line(_ port: Port, of node: String) -> String {
        var words = port.uid.number
        if !port.names.isEmpty { words += " " + port.names.joined(separator: ", ") }
        let holders = port.holders.map { $0.node == node ? "\($0.task.raw)" : "\($0.task.raw)@\($0.node)" }
        words += " <- " + (holders.isEmpty ? "nobody" : holders.joined(separator: ", "))
        if port.unseen > 0 { words += " and \(port.unseen) more" }
        if port.queued > 0 { words += " (\(port.queued) queued)" }
        return TextTable.printable(words)
    }

    // MARK: as JSON

    var json: JSON {
        [
            "nodes": JSON(
                nodes.map { node in
                    [
                        "name": JSON(node.name), "node": JSON(node.id.map { "\($0)" }), "error": JSON(node.trouble),
                        "tasks": JSON(
                            node.tasks.map { task in
                                [
                                    "task": JSON(task.id.raw), "identity": task.identity.json,
                                    "ports": JSON(
                                        task.ports.map { port in
                                            [
                                                "port": JSON(port.uid.number), "names": JSON(port.names.map { JSON($0) }),
                                                "queued": JSON(port.queued), "unseen": JSON(port.unseen),
                                                "holders": JSON(
                                                    port.holders.map { ["node": JSON($0.node), "task": JSON($0.task.raw)] }),
                                            ]
                                        }),
                                ]
                            }),
                    ]
                })
        ]
    }
}
