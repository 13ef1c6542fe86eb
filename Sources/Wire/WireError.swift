/// Why bytes are not the value they claim to be.
///
/// Everything that crosses a trust boundary is decoded completely before anything is done with it; the first thing that
/// does not fit ends the decoding with one of these, and nothing has been changed.
public enum WireError: Error, Hashable, Sendable {
    /// The bytes end before the value does.
    case truncated
    /// Bytes are left over behind the value.
    case trailingBytes(count: Int)
    /// A tag names no known case of the type.
    case unknownCase(of: StaticName, tag: UInt64)
    /// A count or a length is above the limit of its field.
    case tooLarge(field: StaticName, value: UInt64, limit: UInt64)
    /// Text is not UTF-8.
    case notText(field: StaticName)
    /// A field has a value that its type forbids.
    case malformed(field: StaticName)
}

/// A name fixed at compile time, for errors: it never carries bytes of a peer.
public struct StaticName: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    public let description: String

    public init(stringLiteral value: StaticString) {
        description = value.description
    }
}
