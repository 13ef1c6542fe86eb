public import MasixWire

/// A name of a server, or, with a `*` at its end, all names that begin so.
public struct NamePattern: Hashable, Sendable, WireCodable, CustomStringConvertible {
    private let text: String
    public let isPrefix: Bool

    /// Nil if this is neither.
    public init?(_ pattern: some StringProtocol) {
        isPrefix = pattern.hasSuffix("*")
        text = String(isPrefix ? pattern.dropLast() : pattern[...])
        guard text.utf8.count <= ServerName.bytesMax, text.utf8.allSatisfy(ServerName.isByte), isPrefix || !text.isEmpty else { return nil }
    }

    public init(_ name: ServerName) {
        text = name.description
        isPrefix = false
    }

    public func fits(_ name: ServerName) -> Bool {
        isPrefix ? name.description.utf8.starts(with: text.utf8) : name.description == text
    }

    public var description: String { isPrefix ? text + "*" : text }

    public func encode(into writer: inout WireWriter) { writer.write(description) }

    public init(from reader: inout WireReader) throws(WireError) {
        guard let pattern = NamePattern(try reader.readText(limit: ServerName.bytesMax + 1, field: "pattern")) else {
            throw .malformed(field: "pattern")
        }
        self = pattern
    }
}
