/// The nodes that belong together, as the administrator wrote them down: one line a node, and comments that begin with `#`.
///
/// Numbers, names and keys are each unique. What was read is printed back as it was.
public struct NodeRoster: Hashable, Sendable, CustomStringConvertible {
    private enum Line: Hashable, Sendable {
        case remark(String)
        case node(NodeRosterEntry)
    }

    private var lines: [Line] = []
    /// In the order in which they are written.
    public private(set) var entries: [NodeRosterEntry] = []

    public static let entriesMax = 1_024
    public static let bytesMax = 1 << 20

    public init() {}

    /// Entries that do not contradict each other.
    public init(_ entries: [NodeRosterEntry]) throws(NodeRosterFault) {
        for entry in entries { try append(entry) }
    }

    /// Reads the whole text, or says which line is wrong and why. A last line without a newline counts too.
    public init(text: [UInt8]) throws(NodeRosterError) {
        guard text.count <= Self.bytesMax else { throw NodeRosterError(line: 0, fault: .tooLong) }
        var number = 0
        var start = 0
        while start < text.count {
            number += 1
            let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
            do throws(NodeRosterFault) {
                try read(Array(text[start..<end]))
            } catch {
                throw NodeRosterError(line: number, fault: error)
            }
            start = end + 1
        }
    }

    public init(text: String) throws(NodeRosterError) { try self.init(text: Array(text.utf8)) }

    private mutating func read(_ bytes: [UInt8]) throws(NodeRosterFault) {
        guard let line = String(validating: bytes, as: UTF8.self), bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { throw .notText }
        if line.isEmpty || line.utf8.first == UInt8(ascii: "#") {
            lines.append(.remark(line))
        } else {
            try append(try NodeRosterEntry(line: line))
        }
    }

    private mutating func append(_ entry: NodeRosterEntry) throws(NodeRosterFault) {
        guard entries.count < Self.entriesMax else { throw .tooManyNodes }
        guard self[number: entry.number] == nil else { throw .sameNumber(entry.number) }
        try checkOthers(than: entry)
        lines.append(.node(entry))
        entries.append(entry)
    }

    private func checkOthers(than entry: NodeRosterEntry) throws(NodeRosterFault) {
        for other in entries where other.number != entry.number {
            if other.name == entry.name { throw .sameName(entry.name) }
            if other.fingerprint == entry.fingerprint { throw .sameFingerprint(other: other.name) }
        }
    }

    public subscript(number number: UInt32) -> NodeRosterEntry? { entries.first { $0.number == number } }

    public subscript(name name: String) -> NodeRosterEntry? { entries.first { $0.name == name } }

    public subscript(fingerprint fingerprint: [UInt8]) -> NodeRosterEntry? { entries.first { $0.fingerprint == fingerprint } }

    /// With this entry at the end, or in the place of the one with its number, whose epoch must be lower.
    public func adding(_ entry: NodeRosterEntry) throws(NodeRosterFault) -> NodeRoster {
        var result = self
        guard let index = entries.firstIndex(where: { $0.number == entry.number }) else {
            try result.append(entry)
            return try result.bounded()
        }
        guard entries[index].epoch < entry.epoch else { throw .epochNotHigher(than: entries[index].epoch) }
        try checkOthers(than: entry)
        result.lines = lines.map { $0 == .node(entries[index]) ? .node(entry) : $0 }
        result.entries[index] = entry
        return try result.bounded()
    }

    private func bounded() throws(NodeRosterFault) -> NodeRoster {
        guard description.utf8.count <= Self.bytesMax else { throw .tooLong }
        return self
    }

    /// Without the entry of this name; nil if there is none.
    public func removing(name: String) -> NodeRoster? {
        guard let entry = self[name: name] else { return nil }
        var result = self
        result.lines.removeAll { $0 == .node(entry) }
        result.entries.removeAll { $0 == entry }
        return result
    }

    /// The text that is read back as this roster: every line with its newline.
    public var description: String {
        lines.map { line in
            switch line {
            case .remark(let text): text + "\n"
            case .node(let entry): entry.description + "\n"
            }
        }.joined()
    }
}

/// Which line of a roster is wrong, counted from 1, and why; line 0 is the whole text.
public struct NodeRosterError: Error, Hashable, Sendable, CustomStringConvertible {
    public let line: Int
    public let fault: NodeRosterFault

    public var description: String { line == 0 ? "\(fault)" : "line \(line): \(fault)" }
}
