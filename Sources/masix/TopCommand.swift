import ArgumentParser
import Masix
import MasixKernel
import MasixLinux
import MasixTransport

/// `masix top`
struct TopCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Show the busiest tasks, again and again.",
        discussion:
            "REQ/S are requests to the nucleus and MSG/S messages that passed it; what takes a link costs the nucleus nothing and is not counted."
    )

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @Flag(name: .customLong("once"), help: "One table, of the time between two looks.")
    var isOnce = false
    @Option(name: .customLong("interval"), help: ArgumentHelp("Seconds between two tables.", valueName: "seconds"))
    var interval = 2.0

    func validate() throws {
        guard interval >= 0.05, interval <= 3600 else { throw ValidationError("--interval must be from 0.05 to 3600 seconds") }
    }

    private struct Sample {
        let time: UInt64
        let tasks: [TaskRow]
        let ticks: [TaskID: UInt64]
    }

    func perform() throws {
        let space = try node.attach()
        let tables = NodeTables(space: space)
        let isLive = Terminal.isTerminal(1) && !isOnce && !json.isOn
        var before = try sample(tables)
        let pause = FutexWord()
        while true {
            // Nobody changes the word: this is the time between two looks.
            _ = try? pause.wait(while: 0, timeoutNanoseconds: UInt64((isOnce ? min(interval, 0.5) : interval) * 1e9))
            let now = try sample(tables)
            let text = try show(before, now, tables, space)
            try Output.write((isLive ? "\u{1B}[H\u{1B}[J" : "") + text)
            before = now
            if isOnce { return }
        }
    }

    private func sample(_ tables: NodeTables) throws -> Sample {
        let tasks = try tables.tasks()
        var ticks: [TaskID: UInt64] = [:]
        for task in tasks {
            // It may have ended since.
            guard let statistics = try? ProcessStatistics.of(pid: task.identity.pid) else { continue }
            ticks[task.id] = statistics.userTicks + statistics.systemTicks
        }
        return Sample(time: Clock.monotonicNanoseconds(), tasks: tasks, ticks: ticks)
    }

    private func show(_ before: Sample, _ now: Sample, _ tables: NodeTables, _ space: Space) throws -> String {
        let seconds = Double(max(1, now.time - before.time)) / 1e9
        let old = Dictionary(uniqueKeysWithValues: before.tasks.map { ($0.id, $0) })
        let ports = try tables.ports()
        let queued = ports.reduce(0) { $0 + Int($1.queued) }
        let blocked = ports.reduce(0) { $0 + Int($1.blockedSenders) }
        let leases = ports.reduce(0) { $0 + Int($1.leaseCount) }
        var lines: [(row: TaskRow, requests: Double, messages: Double, processor: Double)] = []
        for row in now.tasks {
            let last = old[row.id]
            func rate(_ new: UInt64, _ old: UInt64?) -> Double { Double(new - min(new, old ?? 0)) / seconds }
            let ticks = Double((now.ticks[row.id] ?? 0) &- min(now.ticks[row.id] ?? 0, before.ticks[row.id] ?? now.ticks[row.id] ?? 0))
            lines.append(
                (
                    row, rate(row.requests, last?.requests), rate(row.received, last?.received),
                    ticks / Double(max(1, ProcessStatistics.ticksPerSecond)) / seconds * 100
                ))
        }
        lines.sort { ($0.messages, $0.requests, $1.row.id) > ($1.messages, $1.requests, $0.row.id) }
        if json.isOn {
            let tasks = lines.map { line in
                [
                    "task": JSON(line.row.id.raw), "name": JSON(line.row.identity.name), "pid": JSON(line.row.identity.pid),
                    "requests_per_s": JSON(line.requests), "messages_per_s": JSON(line.messages), "cpu_percent": JSON(line.processor),
                    "receive_rights": JSON(line.row.receiveRights), "links": JSON(line.row.links),
                ] as JSON
            }
            return JSON.object([
                ("tasks", JSON(tasks)), ("ports", JSON(ports.count)), ("queued", JSON(queued)), ("blocked_senders", JSON(blocked)),
                ("leases", JSON(leases)),
            ]).text + "\n"
        }
        var table = TextTable([
            ("TASK", .right), ("PID", .right), ("CPU %", .right), ("REQ/S", .right), ("MSG/S", .right), ("PORTS", .right),
            ("RIGHTS", .right), ("LINKS", .right), ("QUEUED", .right), ("NAME", .left),
        ])
        for line in lines {
            table.add([
                String(line.row.id.raw), String(line.row.identity.pid), Figure.decimals(line.processor, 0),
                Figure.decimals(line.requests, 0), Figure.decimals(line.messages, 0), String(line.row.receiveRights),
                String(line.row.sendRights + line.row.sendOnceRights), String(line.row.links),
                Figure.bytes(Int(clamping: line.row.chargedBytes)), line.row.identity.name,
            ])
        }
        return
            "node \(space.node)  \(now.tasks.count) tasks  \(ports.count) ports  \(queued) messages queued  \(blocked) senders blocked  \(leases) leases\n"
            + table.text
    }
}
