import Logging
import Masix
import MasixKernel
import MasixLinux
import MasixNetwork
import MasixProtocols
import MasixTransport
import MasixWire
import SystemPackage

/// Who asks about tasks of this node: a task of it, or of another node, as that says.
struct TaskAsker: Sendable {
    /// 0 for this node.
    let node: UInt32
    let identity: TaskIdentity
    /// The words were brought by the network server without a name: nobody vouches for them.
    let isNameless: Bool

    init(node: UInt32, _ identity: TaskIdentity) {
        self.node = node
        self.identity = identity
        isNameless = node == 0 && identity.launched && identity.name == NetworkRequest.name
    }
}

// What there is on this node for whoever asks, here or on another node (Documentation/Decisions/0022).

extension Supervisor {
    /// Root and the node's own user, on whichever node: to them all is shown.
    func isOwn(_ asker: TaskAsker) -> Bool {
        guard !asker.isNameless else { return false }
        return [0, users.supervisor.uid, users[.nucleus].uid].contains(asker.identity.uid)
    }

    func names(after last: String) -> SupervisorAnswer {
        let (names, more) = deposits.records(after: last, max: NameAnswer.namesPerAnswerMax)
        return .names(names, more: more)
    }

    // MARK: tables

    func table(_ query: [UInt8], _ asker: TaskAsker) -> SupervisorAnswer {
        guard !asker.isNameless else { return .refused("nobody says who asks: who comes by way of a third node has no name here") }
        do {
            switch try Query(wireBytes: query) {
            case .tasks(let after): return .table(Answer.tasks(try tasks(after: after, for: asker)).wireBytes)
            case .ports(let after):
                guard isOwn(asker) else { return .refused(notShown("the ports", asker)) }
                return .table(try space.query(.ports(after: after)).wireBytes)
            case .links(let after):
                guard isOwn(asker) else { return .refused(notShown("the links", asker)) }
                return .table(try space.query(.links(after: after)).wireBytes)
            default: return .refused("of tables there are those of tasks, ports and links")
            }
        } catch {
            return .refused("the table cannot be read: \(error)")
        }
    }

    private func notShown(_ what: String, _ asker: TaskAsker) -> String {
        "\(what) of this node are shown to root and user \(users.supervisor); you are user \(asker.identity.uid)"
    }

    /// The next page of which the asker may see anything; empty at the end.
    private func tasks(after: TaskID?, for asker: TaskAsker) throws -> [TaskRow] {
        var last = after
        while true {
            guard case .tasks(let rows) = try space.query(.tasks(after: last)) else { throw MasixError.malformedMessage }
            let visible = rows.filter { maySee($0, asker) }
            if rows.isEmpty || !visible.isEmpty { return visible }
            last = rows.last?.id
        }
    }

    private func maySee(_ row: TaskRow, _ asker: TaskAsker) -> Bool { isOwn(asker) || row.identity.uid == asker.identity.uid }

    private func row(of task: TaskID) -> TaskRow? {
        guard task.node == 0, task.raw > 0, case .tasks(let rows)? = try? space.query(.tasks(after: TaskID(raw: task.raw - 1))),
            let row = rows.first, row.id == task
        else { return nil }
        return row
    }

    // MARK: ends

    private static let noTask = "there is no such task on this node, or it is not shown to you: `masix ps` lists those that are"

    /// Nil when the answer is due later; else why there is none, and the right by which to say so.
    func wait(
        for task: TaskID, _ asker: TaskAsker, _ reply: consuming SendOnceRight
    ) -> WatchRefusal? {
        guard !asker.isNameless, let row = row(of: task), maySee(row, asker) else { return WatchRefusal(Self.noTask, reply) }
        guard watched.hasRoom(node: asker.node, uid: asker.identity.uid) else {
            return WatchRefusal("too many wait for tasks of this node already", reply)
        }
        let entry: WatchedTasks.Entry
        if let known = watched[pid: row.identity.pid] {
            entry = known
        } else {
            guard let process = process(of: row) else { return WatchRefusal(Self.noTask, reply) }
            entry = watched.add(row.identity.pid, process)
            guard watch(entry.process.raw, as: entry.serial) else {
                _ = watched.remove(entry)
                return WatchRefusal("the task cannot be watched: the log of this node says why", reply)
            }
        }
        logger.info("waited for", metadata: ["task": "\(task)", "node": "\(asker.node)", "user": "\(asker.identity.uid)"])
        watched.wait(reply, node: asker.node, uid: asker.identity.uid, for: entry)
        return nil
    }

    /// The process is the task's only if the task is there after the descriptor is: a number alone may have come to mean another process.
    private func process(of row: TaskRow) -> ProcessDescriptor? {
        do throws(Errno) {
            let process = try ProcessDescriptor.open(pid: row.identity.pid, features: features)
            guard self.row(of: row.id) != nil else { return nil }
            return process
        } catch {
            return nil
        }
    }

    func watchedEnded(_ serial: UInt64) {
        guard let entry = watched[serial] else { return }
        // How a child of ours has ended is told when it is reaped.
        guard !children.values.contains(where: { $0.pid == entry.pid }) else { return unwatch(entry.process.raw) }
        tellEnd(of: entry.pid, TaskEnd(words: "has ended", code: nil))
    }

    func tellEnd(of pid: Int32, _ end: TaskEnd) {
        guard let entry = watched[pid: pid] else { return }
        let waiters = watched.remove(entry)
        for waiter in waiters {
            guard let reply = waiter.take() else { continue }
            do throws(MasixError) { try send(.ended(end), to: reply) } catch {
                logger.info("nobody is told of the end of a task", metadata: ["pid": "\(pid)", "error": "\(error)"])
            }
        }
    }

    // MARK: signals

    /// Root and the node's own user may on the node itself; from other nodes who is permitted in `shell.permits`.
    func signal(_ number: Int32, to task: TaskID, _ asker: TaskAsker) -> SupervisorAnswer {
        guard [Signal.terminate, Signal.kill, Signal.interrupt, Signal.hangUp].contains(number) else {
            return .refused("signal \(number) is none that ends a task")
        }
        guard !asker.isNameless, let row = row(of: task) else { return .refused(Self.noTask) }
        if let words = complaint(about: asker, stopping: row) { return .refused(words) }
        let isRole = row.isFirst || row.identity.launched && [Self.namesName, Self.networkName].contains(row.identity.name)
        guard !isRole else { return .refused("\(row.identity.name) is part of the node: `masix node stop` there ends all of it") }
        guard let process = process(of: row) else { return .refused(Self.noTask) }
        do throws(Errno) {
            try process.sendSignal(number)
        } catch {
            return .refused("the signal cannot be sent: \(error)")
        }
        logger.notice(
            "signalled",
            metadata: [
                "task": "\(task)", "pid": "\(row.identity.pid)", "signal": "\(number)", "node": "\(asker.node)",
                "user": "\(asker.identity.uid)",
            ])
        return .done
    }

    private func complaint(about asker: TaskAsker, stopping row: TaskRow) -> String? {
        if asker.node == 0 {
            if isOwn(asker) || asker.identity.uid == row.identity.uid { return nil }
            return "the task is one of user \(row.identity.uid), and you are user \(asker.identity.uid)"
        }
        guard let shell = children.values.first(where: { $0.name == ShellProtocol.name }) else {
            return "nobody of another node may stop tasks here: this node gives no shells (`masix node init --shell`)"
        }
        let permits: ShellPermits
        do throws(ShellPermits.Unreadable) { permits = try ShellPermits.read(in: files.state) } catch {
            logger.error("\(error)")
            return "the list of those who are permitted cannot be read there: the log of that node says why"
        }
        let roster = (try? File.contents(of: "\(files.state)/\(NodeNetworkFile.rosterFileName)", max: NodeRoster.bytesMax + 1))
            .flatMap { try? NodeRoster(text: $0) }
        return permits.complaint(
            about: ShellAsker(node: asker.node, uid: asker.identity.uid, executable: asker.identity.executable),
            stopping: row.identity.executable, of: row.identity.uid, server: shell.user.uid
        ) { roster?[number: $0]?.name }
    }
}

/// Why nobody can be told of a task's end, and by what right that is said.
struct WatchRefusal: ~Copyable {
    let words: String
    let reply: SendOnceRight

    init(_ words: String, _ reply: consuming SendOnceRight) {
        self.words = words
        self.reply = reply
    }
}
