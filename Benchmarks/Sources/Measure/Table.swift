/// The rows for a reader, printed one by one as they are measured.
public struct Table: Sendable {
    private static let columns: [(title: String, width: Int, toTheRight: Bool)] = [
        ("case", 15, false), ("size", 5, true), ("where", 14, false), ("mode", 8, false), ("detail", 21, false),
        ("p50 us", 9, true), ("p99 us", 9, true), ("cpu us", 9, true),
        ("floor", 14, false), ("p50 us", 9, true), ("p99 us", 9, true), ("cpu us", 9, true),
        ("rounds' p50 us", 18, true), ("ratio", 7, true),
    ]

    public init() {}

    public var head: String {
        let titles = Table.line(Table.columns.map(\.title))
        return titles + "\n" + String(repeating: "-", count: titles.count)
    }

    /// The row, and below it the stages and counters it has.
    public func text(_ row: Row) -> String {
        var detail: [String] = []
        if let depth = row.depth { detail.append("depth \(depth)") }
        if let members = row.members { detail.append("\(members) members") }
        if let think = row.thinkMicroseconds, think > 0 { detail.append("think \(think) us") }
        if row.loaded == true { detail.append("loaded") }
        if row.interface == .c { detail.append("in C") }
        let line = Table.line([
            row.name.rawValue, Table.size(row.size), row.place.rawValue, row.mode.rawValue, detail.joined(separator: ", "),
            Table.time(row.p50), Table.time(row.p99), Table.time(row.processor),
            row.floor, Table.time(row.floorP50), Table.time(row.floorP99), Table.time(row.floorProcessor),
            "\(Table.time(row.floorSpread[0]))-\(Table.time(row.floorSpread[1]))", row.ratio.map { Table.fixed($0, places: 2) } ?? "",
        ])
        return ([line] + Table.notes("stages", row.stages) + Table.notes("floor's stages", row.floorStages) + Table.notes(row.counters))
            .joined(separator: "\n")
    }

    private static func notes(_ title: String, _ stages: [String: Double]?) -> [String] {
        guard let stages else { return [] }
        let parts = stages.sorted { $0.key < $1.key }.map { "\($0.key) \(time($0.value))" }
        return ["    \(title), p50 us: " + parts.joined(separator: ", ")]
    }

    private static func notes(_ counters: [String: UInt64]?) -> [String] {
        guard let counters else { return [] }
        return ["    " + counters.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")]
    }

    private static func line(_ cells: [String]) -> String {
        var line = ""
        for (cell, column) in zip(cells, columns) {
            let padding = String(repeating: " ", count: max(column.width - cell.count, 0))
            line += (column.toTheRight ? padding + cell : cell + padding) + " "
        }
        return line
    }

    private static func size(_ bytes: Int) -> String { bytes >= 1 << 20 && bytes % (1 << 20) == 0 ? "\(bytes >> 20)M" : "\(bytes)" }

    private static func time(_ microseconds: Double?) -> String {
        guard let microseconds else { return "" }
        return fixed(microseconds, places: microseconds < 10 ? 3 : microseconds < 1000 ? 1 : 0)
    }

    private static func fixed(_ number: Double, places: Int) -> String {
        var scale = 1
        for _ in 0..<places { scale *= 10 }
        let units = Int((number * Double(scale)).rounded())
        guard places > 0 else { return "\(units)" }
        let fraction = String(units % scale)
        return "\(units / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
    }
}
