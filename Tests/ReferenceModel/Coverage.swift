/// How often the model came to what: the counts of a run.
public struct Coverage: Sendable {
    public struct Answer: Hashable, Sendable {
        public let call: String
        public let code: Code
    }

    public var codes: [Answer: Int] = [:]
    /// By disposition, of rights that were taken.
    public var moves: [UInt32: Int] = [:]
    /// By id, of notifications that were sent.
    public var notifications: [UInt32: Int] = [:]
    /// By letter.
    public var rules: [String: Int] = [:]

    public init() {}

    public mutating func add(_ other: Coverage) {
        codes.merge(other.codes, uniquingKeysWith: +)
        moves.merge(other.moves, uniquingKeysWith: +)
        notifications.merge(other.notifications, uniquingKeysWith: +)
        rules.merge(other.rules, uniquingKeysWith: +)
    }

    public func count(of code: Code) -> Int { codes.reduce(0) { $0 + ($1.key.code == code ? $1.value : 0) } }

    /// One line for each code, with the calls that gave it; then dispositions, notifications and rules.
    public var table: String {
        var lines: [String] = []
        for (code, name) in Code.names.sorted(by: { $0.key < $1.key }) {
            let calls = codes.filter { $0.key.code == code }.sorted { $0.key.call < $1.key.call }
            let list = calls.map { "\($0.key.call) \($0.value)" }.joined(separator: ", ")
            lines.append("\(padded(name, 20)) \(padded(count(of: code), 8))  \(list)")
        }
        for (move, count) in moves.sorted(by: { $0.key < $1.key }) { lines.append("disposition \(padded(move, 8)) \(padded(count, 8))") }
        for (id, count) in notifications.sorted(by: { $0.key < $1.key }) {
            lines.append("notification \(padded(id, 7)) \(padded(count, 8))")
        }
        for (letter, count) in rules.sorted(by: { $0.key < $1.key }) { lines.append("rule \(padded(letter, 15)) \(padded(count, 8))") }
        return lines.joined(separator: "\n")
    }

    private func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
    private func padded(_ number: some BinaryInteger, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
