import Logging
import Masix
import MasixLinux
import MasixProtocols
import MasixTransport

// What the supervisor says of its node, and who may change it.

extension Supervisor {
    func answer(to request: SupervisorRequest, from asker: TaskAsker) -> SupervisorAnswer {
        switch request {
        case .status: return .status(status())
        case .list: return .servers(entries())
        case .names(let last): return names(after: last)
        case .table(let query): return table(query, asker)
        case .signal(let task, let number): return signal(number, to: task, asker)
        case .add, .remove, .restart, .reload, .stop, .wait: break
        }
        guard asker.node == 0, !asker.isNameless else {
            return .refused("what runs on this node is changed on the node itself: log in there, or `masix shell`")
        }
        guard isOwn(asker) else {
            return .refused("only root and user \(users.supervisor) may change what runs on this node; you are user \(asker.identity.uid)")
        }
        switch request {
        case .status, .list, .stop, .names, .table, .signal, .wait: return .done
        case .reload:
            reload()
            return .done
        case .add(let server): return add(server)
        case .remove(let name):
            if let words = whyNot(name) { return .refused(words) }
            perform(.remove(name))
            return .done
        case .restart(let name):
            guard roster.servers[name] != nil else { return .refused(unknown(name)) }
            perform(.restart(name))
            return .done
        }
    }

    private func add(_ server: ServerSpecification) -> SupervisorAnswer {
        if let complaint = complaint(about: server) { return .refused(complaint) }
        if roster.servers[server.name] != nil { return .refused("there is a server called \(server.name) already") }
        if roster.servers.count >= ServerSpecification.serversMax {
            return .refused("a node has at most \(ServerSpecification.serversMax) servers")
        }
        perform(.add(server, .message))
        // Not kept trying at something that cannot be: whoever adds it is there to be told.
        if let added = roster.servers[server.name], case .waiting = added.state {
            perform(.remove(server.name))
            return .refused("\(server.name) \(added.lastEnd)")
        }
        return .done
    }

    private func whyNot(_ name: String) -> String? {
        guard let server = roster.servers[name] else { return unknown(name) }
        switch server.origin {
        case .message: return nil
        case .node: return "\(name) is part of the node"
        case .file: return "\(name) comes from servers.json: take it out there, then reload"
        }
    }

    private func unknown(_ name: String) -> String {
        let names = roster.servers.keys.sorted()
        return "no server is called \(name); there are: \(names.joined(separator: ", "))"
    }

    func status() -> NodeStatus {
        let own = RoleStatus(
            name: SupervisorRequest.name, state: .running, pid: CurrentProcess.pid, uid: users.supervisor.uid, restarts: 0,
            milliseconds: now - start, lastEnd: "")
        let kept = nucleus.status
        let nucleus = RoleStatus(
            name: Self.nucleusName, state: kept.isStopping ? .stopping : kept.isRunning ? .running : .waiting,
            pid: kept.isRunning ? kept.process.pid : 0, uid: kept.process.user.uid, restarts: kept.restarts, milliseconds: now - kept.since,
            lastEnd: kept.lastEnd)
        let servers = roster.servers.sorted { ($0.value.origin != .node ? 1 : 0, $0.key) < ($1.value.origin != .node ? 1 : 0, $1.key) }
        return NodeStatus(
            number: node.number, incarnation: node.incarnation, directory: configuration.directory, version: MasixVersion.current,
            protocolVersion: Hello.version, milliseconds: now - start,
            roles: [own, nucleus] + servers.map { role($0.key, $0.value) }, weaknesses: weaknesses)
    }

    private func entries() -> [ServerEntry] {
        roster.servers.filter { $0.value.origin != .node }.sorted { $0.key < $1.key }.map { name, server in
            ServerEntry(specification: server.specification, status: role(name, server), isFromFile: server.origin == .file)
        }
    }

    private func role(_ name: String, _ server: Roster.Server) -> RoleStatus {
        let child = children.values.first { $0.name == name }
        let state: RoleStatus.State =
            switch server.state {
            case .starting, .running: .running
            case .waiting: .waiting
            case .stopping, .killed: .stopping
            case .ended: .ended
            }
        return RoleStatus(
            name: name, state: state, pid: child?.pid ?? 0, uid: child?.user.uid ?? server.specification.uid ?? users.supervisor.uid,
            restarts: server.restarts, milliseconds: now - server.since, lastEnd: String(server.lastEnd.prefix(200)))
    }

    /// Promises that do not hold here.
    var weaknesses: [String] { users.weaknesses + features.absent.map(\.loss) }

    func tellUsers() {
        for role in [NodeUsers.Role.nucleus, .names] {
            let user = users[role]
            var words = "\(role.rawValue) runs as user \(user)"
            if users.areApart, user.name == nil { words += "; make a system user \(role.userName) to give it a name" }
            logger.info("\(words)")
        }
        for weakness in weaknesses { logger.warning("weaker here: \(weakness)") }
    }
}
