import ArgumentParser
import Masix
import MasixKernel
import MasixProtocols
import MasixTransport

/// `masix ps`
struct PsCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "ps", abstract: "List the tasks of the node, or of all nodes.",
        discussion: """
            Root and the node's own user see all tasks; others see their own. MESSAGES is what passed the nucleus, not the links. With \
            --all-nodes the nodes of the roster are asked as well, and whoever does not answer is named on standard error; with a task's \
            number and its node, as in 7@b, it can be stopped and waited for.
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @OptionGroup var allNodes: AllNodesOption

    private static let columns: [(String, TextTable.Alignment)] = [
        ("TASK", .right), ("PID", .right), ("UID", .right), ("PORTS", .right), ("RIGHTS", .right), ("LINKS", .right), ("QUEUED", .right),
        ("MESSAGES", .right), ("", .left), ("NAME", .left),
    ]

    func perform() throws {
        let space = try node.attach()
        guard allNodes.isOn else {
            var table = TextTable(Self.columns)
            try show(try NodeTables(space: space).tasks(), of: nil, own: space.task, &table)
            if !json.isOn { try Output.write(table.text) }
            return
        }
        let nodes = try AllNodes(space)
        var table = TextTable([("NODE", .left)] + Self.columns)
        try nodes.each(json, { try NodeTables($0).tasks() }) { tasks, node in
            try show(tasks, of: node.name, own: node.isOwn ? space.task : nil, &table)
        }
        if !json.isOn { try Output.write(table.text) }
        try nodes.end()
    }

    private func show(_ rows: [TaskRow], of node: String?, own: TaskID?, _ table: inout TextTable) throws {
        for row in rows {
            let isSelf = row.id == own
            if json.isOn {
                try Output.line(
                    JSON.object(
                        (node.map { [("node", JSON($0))] } ?? []) + [
                            ("task", JSON(row.id.raw)), ("identity", row.identity.json), ("chief", row.chief.map { JSON($0.raw) } ?? .null),
                            ("first", JSON(row.isFirst)), ("traced", JSON(row.isTraced)), ("receive_rights", JSON(row.receiveRights)),
                            ("send_rights", JSON(row.sendRights)), ("send_once_rights", JSON(row.sendOnceRights)),
                            ("blocked_sends", JSON(row.blockedSends)), ("links", JSON(row.links)),
                            ("charged_bytes", JSON(row.chargedBytes)),
                            ("charged_messages", JSON(row.chargedMessages)), ("charged_memory", JSON(row.chargedMemory)),
                            ("requests", JSON(row.requests)), ("received", JSON(row.received)), ("self", JSON(isSelf)),
                        ]
                    ).text)
                continue
            }
            let marks = [
                row.isFirst ? "first" : "", row.isTraced ? "traced" : "", row.identity.launched ? "launched" : "", isSelf ? "this" : "",
            ]
            table.add(
                (node.map { [$0] } ?? []) + [
                    String(row.id.raw), String(row.identity.pid), String(row.identity.uid), String(row.receiveRights),
                    String(row.sendRights + row.sendOnceRights), String(row.links), Figure.bytes(Int(clamping: row.chargedBytes)),
                    String(row.received), marks.filter { !$0.isEmpty }.joined(separator: ","), row.identity.name,
                ])
        }
    }
}

/// `masix names`
struct NamesCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "names", abstract: "List the names of the node, or of all nodes, with their owners.",
        discussion: """
            A name is looked up as it stands here; NAME@NODE is the one of that node and no other. `masix resolve` says which one is found.
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @OptionGroup var allNodes: AllNodesOption

    private static let columns: [(String, TextTable.Alignment)] = [
        ("NAME", .left), ("TASK", .right), ("PID", .right), ("UID", .right), ("PROGRAM", .left),
    ]

    func perform() throws {
        let space = try node.attach()
        guard allNodes.isOn else {
            var table = TextTable(Self.columns)
            try show(try space.names.list(timeout: .seconds(10)), of: nil, &table)
            guard !json.isOn else { return }
            if table.isEmpty { return Output.remark("no name is registered on this node") }
            return try Output.write(table.text)
        }
        let nodes = try AllNodes(space)
        var table = TextTable([("NODE", .left)] + Self.columns)
        try nodes.each(json, { try $0.names() }) { names, node in try show(names, of: node.name, &table) }
        if !json.isOn { try Output.write(table.text) }
        try nodes.end()
    }

    private func show(_ records: [NameRecord], of node: String?, _ table: inout TextTable) throws {
        for record in records {
            if json.isOn {
                try Output.line(
                    JSON.object(
                        (node.map { [("node", JSON($0))] } ?? []) + [
                            ("name", JSON(record.name)), ("task", JSON(record.owner.task.raw)), ("pid", JSON(record.owner.pid)),
                            ("uid", JSON(record.owner.uid)), ("program", JSON(record.owner.program)),
                        ]
                    ).text)
                continue
            }
            table.add(
                (node.map { [$0] } ?? []) + [
                    record.name, String(record.owner.task.raw), String(record.owner.pid), String(record.owner.uid), record.owner.program,
                ])
        }
    }
}

/// `masix ports`
struct PortsCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "ports", abstract: "List the ports of the node, and who holds rights to them.",
        discussion: """
            RECEIVER and SENDERS are task numbers (`masix ps`); "+n" are send rights that are inside messages. A port of which no right has \
            left its task, and the ports of this command itself, are not shown unless --all is given. ELSEWHERE, where a network server runs: \
            "is N.L:P" for a proxy, which stands for port P of node N in its life L, and "at N" for a port to which node N holds rights.
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @Option(name: .customLong("task"), help: ArgumentHelp("Only ports that this task receives on or may send to.", valueName: "number"))
    var task: UInt64?
    @Option(name: .customLong("name"), help: ArgumentHelp("Only the port of this name.", valueName: "name"))
    var name: String?
    @Flag(name: .customLong("all"), help: "Also the ports that this command itself makes.")
    var showsAll = false

    func perform() throws {
        let space = try node.attach()
        let tables = NodeTables(space: space)
        let names = NodeTables.namesByPort(try space.names.list(timeout: .seconds(5)))
        let wanted = try name.map { (name) throws in try space.names.lookUp(name, timeout: .seconds(5)).port }
        let own = space.task
        let shared = Self.shared(space)
        let rows = try tables.ports().filter { row in
            if let wanted, row.id != wanted { return false }
            if let task, row.receiver?.raw != task, !row.senders.contains(where: { $0.raw == task }) { return false }
            return showsAll || row.receiver != own
        }
        if json.isOn {
            for row in rows { try Output.line(Self.json(row, names[row.id] ?? [], shared[row.id], without: showsAll ? nil : own).text) }
            return
        }
        var columns: [(String, TextTable.Alignment)] = [
            ("PORT", .left), ("RECEIVER", .right), ("QUEUE", .right), ("LIMIT", .right), ("SENDERS", .left), ("ONCE", .right),
            ("LEASES", .right), ("", .left), ("NAME", .left),
        ]
        if !shared.isEmpty { columns.insert(("ELSEWHERE", .left), at: 8) }
        var table = TextTable(columns)
        for row in rows {
            let senders = row.senders.filter { showsAll || $0 != own }
            var holders = senders.prefix(6).map { String($0.raw) }.joined(separator: ",")
            if senders.count > 6 { holders += ",... (\(row.senderCount))" }
            if row.sendRightsInTransit > 0 { holders += "\(holders.isEmpty ? "" : " ")+\(row.sendRightsInTransit)" }
            let marks = [
                row.isBootstrap ? "bootstrap" : "", row.noSendersRequested ? "no-senders" : "", row.portDestroyedRequested ? "backup" : "",
                row.deadNameRequests > 0 ? "watched" : "", row.blockedSenders > 0 ? "blocked:\(row.blockedSenders)" : "",
            ]
            var cells = [
                row.id.number, row.receiver.map { String($0.raw) } ?? "moving", String(row.queued), String(row.queueLimit),
                holders.isEmpty ? "-" : holders, String(row.sendOnceRights), String(row.leaseCount),
                marks.filter { !$0.isEmpty }.joined(separator: ","), (names[row.id] ?? []).joined(separator: ","),
            ]
            if !shared.isEmpty { cells.insert(shared[row.id].map(Self.words) ?? "-", at: 8) }
            table.add(cells)
        }
        try Output.write(table.text)
    }

    /// What is shared with other nodes, by what it is called here; nothing where there is no network server, or it does not tell us.
    static func shared(_ space: Space) -> [PortID: SharedPort] {
        guard let client = try? NetworkClient(space, timeout: .seconds(5)), let ports = try? client.sharedPorts(timeout: .seconds(5)) else {
            return [:]
        }
        return Dictionary(ports.map { ($0.here, $0) }) { first, _ in first }
    }

    private static func words(_ port: SharedPort) -> String {
        port.uid == port.here ? "at " + port.holders.map { String($0) }.joined(separator: ",") : "is \(port.uid.number)"
    }

    private static func json(_ row: PortRow, _ names: [String], _ shared: SharedPort?, without own: TaskID?) -> JSON {
        let senders = row.senders.filter { $0 != own }
        return [
            "port": JSON(row.id.number), "names": JSON(names.map { JSON($0) }), "receiver": row.receiver.map { JSON($0.raw) } ?? .null,
            "bootstrap": JSON(row.isBootstrap), "queue_limit": JSON(row.queueLimit), "queued": JSON(row.queued),
            "blocked_senders": JSON(row.blockedSenders), "make_send_count": JSON(row.makeSendCount),
            "senders": JSON(senders.map { JSON($0.raw) }),
            "sender_count": JSON(Int(row.senderCount) - (row.senders.count - senders.count)),
            "send_rights_in_transit": JSON(row.sendRightsInTransit), "send_once_rights": JSON(row.sendOnceRights),
            "leases": JSON(row.leaseCount), "uid": JSON((shared?.uid ?? row.id).number),
            "holding_nodes": JSON((shared?.holders ?? []).map { JSON($0) }), "no_senders_requested": JSON(row.noSendersRequested),
            "port_destroyed_requested": JSON(row.portDestroyedRequested), "dead_name_requests": JSON(row.deadNameRequests),
        ]
    }
}

/// `masix links`
struct LinksCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "links", abstract: "List the links: shared memory by which two tasks exchange plain messages without the nucleus.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption

    func perform() throws {
        let space = try node.attach()
        var table = TextTable([("LINK", .right), ("TASKS", .left), ("READY", .left), ("LEASES", .right), ("FAULTS", .right)])
        for row in try NodeTables(space: space).links() {
            if json.isOn {
                try Output.line(
                    JSON.object([
                        ("link", JSON(row.id.raw)), ("first", JSON(row.first.raw)), ("second", JSON(row.second.raw)),
                        ("ready", JSON(row.isReady)), ("leases", JSON(row.leaseCount)), ("faults", JSON(row.faults)),
                    ]).text)
                continue
            }
            table.add([
                String(row.id.raw), "\(row.first.raw) - \(row.second.raw)", row.isReady ? "yes" : "no", String(row.leaseCount),
                String(row.faults),
            ])
        }
        guard !json.isOn else { return }
        if table.isEmpty { return Output.remark("no two tasks of this node have a link now") }
        try Output.write(table.text)
    }
}
