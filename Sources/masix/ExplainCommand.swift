import ArgumentParser

/// `masix explain`
struct ExplainCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Explain an error: what it means, what leads to it, what to do.",
        discussion:
            "ERROR is a name, as in deadName, or a number: of a refusal, a link fault, a notification or an exit code. Without one, all are listed."
    )

    @OptionGroup var json: JSONOption
    @Argument(help: ArgumentHelp("A name or a number.", valueName: "error"))
    var error: String?

    func perform() throws {
        guard let error else { return try list() }
        let found = Explanation.find(error)
        guard !found.isEmpty else {
            let close = Closeness.names(like: error, among: Explanation.all.map(\.name))
            let hint = close.isEmpty ? "`masix explain` lists all" : "did you mean \(close.joined(separator: " or "))?"
            throw Complaint("no error is called '\(error)'; \(hint)", .notFound)
        }
        for (index, explanation) in found.enumerated() {
            if json.isOn {
                try Output.line(explanation.json.text)
                continue
            }
            if index > 0 { try Output.line() }
            try Output.line("\(explanation.name)\(explanation.number.map { " (\($0))" } ?? ""), \(explanation.kind)")
            try Output.line("  means: \(explanation.meaning)")
            try Output.line("  cause: \(explanation.cause)")
            try Output.line("  do:    \(explanation.remedy)")
        }
    }

    private func list() throws {
        var table = TextTable([("NAME", .left), ("NUMBER", .right), ("KIND", .left), ("MEANING", .left)])
        for explanation in Explanation.all {
            if json.isOn { try Output.line(explanation.json.text) }
            table.add([explanation.name, explanation.number.map { String($0) } ?? "", explanation.kind, explanation.meaning])
        }
        if !json.isOn { try Output.write(table.text) }
    }
}

extension Explanation {
    var json: JSON {
        [
            "name": JSON(name), "number": number.map { JSON($0) } ?? .null, "kind": JSON(kind), "meaning": JSON(meaning),
            "cause": JSON(cause), "remedy": JSON(remedy),
        ]
    }
}
