// The map as a picture: SVG, a column for each node, a box for each task with its ports in it, a line from each holder to each port.

import MasixKernel

extension NodeMap {
    private static let width = 300
    private static let gap = 140
    private static let row = 18

    /// A document that stands alone.
    var drawing: String {
        var shapes: [String] = []
        /// Where lines end: the left edge of a port's row, and where they begin: the box of a task.
        var ports: [(x: Int, y: Int, port: Port)] = []
        var boxes: [Member: (x: Int, y: Int)] = [:]
        var height = 0
        for (column, node) in nodes.enumerated() {
            let x = 20 + column * (Self.width + Self.gap)
            var y = 30
            shapes.append(text("node \(node.name)\(node.id.map { " (\($0))" } ?? "")", x, y, "node"))
            y += 14
            if let trouble = node.trouble {
                shapes.append(text(trouble, x, y + Self.row, "trouble"))
                y += 2 * Self.row
            }
            for task in node.tasks {
                let tall = (1 + task.ports.count) * Self.row + 8
                shapes.append("<rect x=\"\(x)\" y=\"\(y)\" width=\"\(Self.width)\" height=\"\(tall)\" rx=\"4\"/>")
                shapes.append(text("\(task.id.raw) \(task.identity.words)", x + 8, y + Self.row - 4, "task"))
                boxes[Member(node: node.name, task: task.id)] = (x: x + Self.width, y: y + Self.row / 2 + 2)
                for (place, port) in task.ports.enumerated() {
                    let line = y + (place + 1) * Self.row + 2
                    ports.append((x: x, y: line + Self.row / 2, port: port))
                    shapes.append("<circle cx=\"\(x + 12)\" cy=\"\(line + Self.row / 2)\" r=\"3\"/>")
                    let names = port.names.isEmpty ? "" : " " + port.names.joined(separator: ", ")
                    shapes.append(text(port.uid.number + names, x + 22, line + Self.row - 5, "port"))
                }
                y += tall + 10
            }
            height = max(height, y)
        }
        let wide = 40 + nodes.count * Self.width + max(0, nodes.count - 1) * Self.gap + Self.gap
        let lines = ports.flatMap { end in
            end.port.holders.compactMap { holder in boxes[holder].map { line(from: $0, to: (x: end.x, y: end.y)) } }
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(wide) \(height + 20)" font-family="sans-serif" font-size="12">
            <style>rect{fill:#f4f6f8;stroke:#9aa5b1}circle{fill:#c2410c}path{fill:none;stroke:#2563eb;stroke-opacity:.55}\
            .node{font-size:15px;font-weight:bold}.task{font-weight:bold}.trouble{fill:#b91c1c}</style>
            \((lines + shapes).joined(separator: "\n"))
            </svg>

            """
    }

    /// From the right edge of the holder's box to the left edge of the port's.
    private func line(from start: (x: Int, y: Int), to end: (x: Int, y: Int)) -> String {
        let bend = max(40, abs(end.x - start.x) / 2)
        return "<path d=\"M\(start.x) \(start.y) C\(start.x + bend) \(start.y) \(end.x - bend) \(end.y) \(end.x + 9) \(end.y)\"/>"
    }

    private func text(_ words: String, _ x: Int, _ y: Int, _ kind: String) -> String {
        let shown = TextTable.printable(String(words.prefix(48)))
        let safe = shown.map { ["&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;"][$0] ?? String($0) }.joined()
        return "<text x=\"\(x)\" y=\"\(y)\" class=\"\(kind)\">\(safe)</text>"
    }
}
