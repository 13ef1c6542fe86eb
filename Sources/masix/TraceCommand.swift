import ArgumentParser
import Masix
import MasixKernel
import MasixLinux
import MasixTransport

/// `masix trace`
struct TraceCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Show live what tasks send, receive and hold, one line an event.",
        discussion: """
            Filters add up: an event is shown if it concerns one of the tasks, or one of the ports or names. While a task is traced its \
            leases are closed, so that every message passes the nucleus and is seen: that costs it time (--links leaves them open, and then \
            shows only what does not take a link). Contents of messages are never shown.

            --resolving traces the name server and the network server, and so the steps by which a name is found (figure 2 of the paper): \
            1, 2, 3, 6, 7 and 8 on the node that asks, 3, 4, 5 and 6 on the node that knows. Steps 3 and 6 are frames between the nodes, \
            of which the network server tells.
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @Option(name: .customLong("task"), help: ArgumentHelp("Events of this task.", valueName: "number"))
    var tasks: [UInt64] = []
    @Option(name: .customLong("port"), help: ArgumentHelp("Events of this port, as `masix ports` shows it.", valueName: "port"))
    var ports: [String] = []
    @Option(name: .customLong("name"), help: ArgumentHelp("Events of the port of this name.", valueName: "name"))
    var names: [String] = []
    @Flag(name: .customLong("resolving"), help: "Events of the name server and the network server.")
    var isResolving = false
    @Flag(name: .customLong("links"), help: "Leave the leases of traced tasks open.")
    var leavesLinks = false
    @Option(name: .customLong("count"), help: ArgumentHelp("End after so many events.", valueName: "n"))
    var count: Int?
    @Option(name: .customLong("for"), help: ArgumentHelp("End after so many seconds.", valueName: "seconds"))
    var seconds: Double?

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count must be 1 or more") }
        if let seconds, !(seconds > 0 && seconds < 1e9) { throw ValidationError("--for must be a number of seconds above 0") }
    }

    func perform() throws {
        let space = try node.attach()
        let tables = NodeTables(space: space)
        var filter = TraceFilter(tasks: tasks.map { TaskID(raw: $0) }, closesLeases: !leavesLinks)
        for text in ports {
            guard let port = PortID(number: text) else {
                throw Complaint("'\(text)' is no port: `masix ports` shows them, as 1.1:7", .malformed)
            }
            filter.ports.append(port)
        }
        for name in names { filter.ports.append(try space.names.lookUp(name, timeout: .seconds(10)).port) }
        let rows = try tables.tasks()
        if isResolving {
            filter.tasks += rows.filter { $0.identity.launched && ["names", "network"].contains($0.identity.name) }.map(\.id)
        }
        for task in filter.tasks where !rows.contains(where: { $0.id == task }) {
            throw Complaint("there is no \(task): `masix ps` lists the tasks", .notFound)
        }
        _ = try tables.ask(.subscribeTrace(filter))
        Output.remark(Self.preface(filter, rows))
        try follow(space, tables, Dictionary(uniqueKeysWithValues: rows.map { ($0.id, $0.identity) }))
    }

    private static func preface(_ filter: TraceFilter, _ rows: [TaskRow]) -> String {
        guard filter.closesLeases else { return "trace: leases stay open; messages that take a link are not shown" }
        let who =
            filter.tasks.isEmpty
            ? "of every task that is traced"
            : "of " + filter.tasks.map { task in "\(task) (\(rows.first { $0.id == task }?.identity.name ?? "?"))" }.joined(separator: ", ")
        return "trace: the leases \(who) are closed while this runs; every message passes the nucleus"
    }

    private func follow(_ space: Space, _ tables: NodeTables, _ known: [TaskID: TaskIdentity]) throws {
        var people = known
        let own = space.task
        let start = Clock.monotonicNanoseconds()
        let end = seconds.map { start + UInt64($0 * 1e9) }
        var shown = 0
        let pause = FutexWord()
        while true {
            guard case .trace(let events, let dropped) = try tables.ask(.readTrace) else { throw MasixError.malformedMessage }
            if dropped > 0 { Output.remark("trace: \(dropped) events were dropped: too much happened at once") }
            for event in events where event.task != own {
                for task in [event.task, event.peer ?? event.task] where people[task] == nil && task != .kernel {
                    people[task] = try? space.identity(of: task)
                }
                try Output.line(json.isOn ? Self.json(event, people).text : Self.line(event, people, since: start))
                shown += 1
                if shown == count { return }
            }
            if let end, Clock.monotonicNanoseconds() >= end { return }
            // Nobody changes the word: this is a rest between two looks.
            if events.isEmpty { _ = try? pause.wait(while: 0, timeoutNanoseconds: 50_000_000) }
        }
    }

    /// `12.345678  task 4 echo        sent        -> port 1.1:9  64 bytes, code 7`
    static func line(_ event: TraceEvent, _ people: [TaskID: TaskIdentity], since start: UInt64) -> String {
        func who(_ task: TaskID) -> String { task == .kernel ? "kernel" : "\(task.raw) \(people[task]?.name ?? "?")" }
        func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
        let time = Figure.decimals(Double(event.nanoseconds &- min(start, event.nanoseconds)) / 1e9, 6)
        let port = event.port.map(\.number)
        var words: [String]
        switch event.kind {
        case .sent: words = ["-> \(port ?? "?")", "\(event.count) bytes", "code \(event.code)"]
        case .blocked: words = ["waits for room in \(port ?? "?")"]
        case .received:
            words = ["<- \(port ?? "?")", event.peer.map { "from \(who($0))" } ?? "", "\(event.count) bytes", "code \(event.code)"]
        case .notified: words = ["at \(port ?? "?")", Self.notification(event.code)]
        case .leaseGranted: words = ["may send to \(port ?? "?") by a link", "\(event.count) messages"]
        case .leaseClosed: words = ["lease on \(port ?? "?") closed", "\(event.count) messages taken over"]
        case .rightArrived, .rightGone, .attached, .ended, .linkOpened, .linkClosed, .portDied, .refused, .done:
            words = [port ?? "", event.peer.map { "with \(who($0))" } ?? ""]
        case .frameSent, .frameReceived: words = ["\(event.count) bytes"]
        }
        words.append(event.detail)
        if let step = ResolutionStep(event, people) { words.append(step.words) }
        let rest = words.filter { !$0.isEmpty }.joined(separator: ", ")
        return TextTable.printable("\(padded(time, 10)) \(padded(who(event.task), 16)) \(padded(Self.verb(event.kind), 14)) \(rest)")
    }

    private static func verb(_ kind: TraceEvent.Kind) -> String {
        switch kind {
        case .attached: "attached"
        case .ended: "ended"
        case .sent: "sent"
        case .blocked: "blocked"
        case .received: "received"
        case .rightArrived: "right came"
        case .rightGone: "right went"
        case .notified: "notified"
        case .leaseGranted: "lease granted"
        case .leaseClosed: "lease closed"
        case .linkOpened: "link opened"
        case .linkClosed: "link closed"
        case .portDied: "port died"
        case .refused: "refused"
        case .done: "done"
        case .frameSent: "frame sent"
        case .frameReceived: "frame came"
        }
    }

    private static func notification(_ code: UInt32) -> String {
        switch code {
        case 65: "port deleted (65)"
        case 69: "port destroyed (69)"
        case 70: "no senders (70)"
        case 71: "send-once (71)"
        case 72: "dead name (72)"
        default: "notification \(code)"
        }
    }

    private static func json(_ event: TraceEvent, _ people: [TaskID: TaskIdentity]) -> JSON {
        [
            "sequence": JSON(event.sequence), "nanoseconds": JSON(event.nanoseconds), "kind": JSON("\(event.kind)"),
            "task": JSON(event.task.raw), "peer": event.peer.map { JSON($0.raw) } ?? .null, "port": JSON(event.port?.number),
            "code": JSON(event.code), "count": JSON(event.count), "detail": JSON(event.detail),
            "step": ResolutionStep(event, people).map { JSON($0.rawValue) } ?? .null,
        ]
    }
}
