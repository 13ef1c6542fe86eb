public import MasixWire

// What name server and network server of a node say to each other about names of other nodes.

/// What a name server asks its node's network server, at the port of `NameRequest.connectNodes` (figure 2, step 2).
///
/// The answer is one of `NameAnswer`'s `found`, `unknown` and `silent` (step 7), by the send-once right that comes first in the message.
public enum ResolverRequest: Hashable, Sendable, WireCodable {
    /// The code of these messages.
    public static let code: UInt32 = 0x6E66_7365
    /// Nodes that an answer names.
    public static let nodesMax = 1_024

    /// 1: who among the other nodes knows this name, or will within so many milliseconds?
    case find(String, waitMilliseconds: UInt32)

    /// Writes tag, name and time.
    public func encode(into writer: inout WireWriter) {
        switch self {
        case .find(let name, let wait):
            writer.write(UInt8(1))
            writer.write(name)
            writer.write(wait)
        }
    }

    /// Reads what `encode` writes; anything else is a `WireError`.
    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .find(try reader.readName(), waitMilliseconds: try reader.read())
        case let tag: throw .unknownCase(of: "ResolverRequest", tag: UInt64(tag))
        }
    }
}

/// A question with the number that its answer bears. Layout: number UInt64, request.
public struct ResolverQuestion: Hashable, Sendable, WireCodable {
    /// Chosen by the name server.
    public let number: UInt64
    /// What is asked.
    public let request: ResolverRequest

    /// A question of these parts.
    public init(number: UInt64, _ request: ResolverRequest) {
        self.number = number
        self.request = request
    }

    /// Writes the layout that stands above.
    public func encode(into writer: inout WireWriter) {
        writer.write(number)
        writer.write(request)
    }

    /// Reads the layout that stands above; what does not fit it is a `WireError`.
    public init(from reader: inout WireReader) throws(WireError) {
        number = try reader.read()
        request = try reader.read()
    }
}

/// The network server's answer (figure 2, step 7). Layout: number UInt64, answer. With `found` the right comes first in the message.
public struct ResolverAnswer: Hashable, Sendable, WireCodable {
    /// That of the question.
    public let number: UInt64
    /// `found`, `unknown` or `silent`.
    public let answer: NameAnswer

    /// An answer of these parts.
    public init(number: UInt64, _ answer: NameAnswer) {
        self.number = number
        self.answer = answer
    }

    /// Writes the layout that stands above.
    public func encode(into writer: inout WireWriter) {
        writer.write(number)
        writer.write(answer)
    }

    /// Reads the layout that stands above; what does not fit it is a `WireError`.
    public init(from reader: inout WireReader) throws(WireError) {
        number = try reader.read()
        answer = try reader.read()
    }
}
