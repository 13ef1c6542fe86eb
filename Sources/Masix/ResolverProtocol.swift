public import MasixWire

// What name server and network server of a node say to each other about names of other nodes.

/// What a name server asks its node's network server, at the port of `NameRequest.connectNodes` (figure 2, step 2): who among the other
/// nodes knows this name, or will in time? Layout: number UInt64, name, milliseconds UInt32.
///
/// The answer is a `ResolverAnswer` (step 7), by the send-once right that comes first in the message.
public struct ResolverQuestion: Hashable, Sendable, WireCodable {
    /// The code of question and answer.
    public static let code: UInt32 = 0x6E66_7365
    /// Nodes that an answer names.
    public static let nodesMax = 1_024

    /// Chosen by the name server; the answer bears it.
    public let number: UInt64
    /// What is looked for.
    public let name: String
    /// How long another node may wait until somebody registers the name there.
    public let waitMilliseconds: UInt32

    /// A question of these parts.
    public init(number: UInt64, name: String, waitMilliseconds: UInt32) {
        self.number = number
        self.name = name
        self.waitMilliseconds = waitMilliseconds
    }

    /// Writes the layout that stands above.
    public func encode(into writer: inout WireWriter) {
        writer.write(number)
        writer.write(name)
        writer.write(waitMilliseconds)
    }

    /// Reads the layout that stands above; what does not fit it is a `WireError`.
    public init(from reader: inout WireReader) throws(WireError) {
        number = try reader.read()
        name = try reader.readName()
        waitMilliseconds = try reader.read()
    }
}

/// The network server's answer (figure 2, step 7). Layout: number UInt64, answer. With `found` the right comes first in the message.
public struct ResolverAnswer: Hashable, Sendable, WireCodable {
    /// That of the question.
    public let number: UInt64
    /// `found`, `unknown`, `silent`, `noNode`, or `done` for a name of the node that asks: `NAME@NODE` with its own.
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

/// What a name server tells its node's network server, at the same port: a name that it was given with `lookUpHere` is its port's no more.
/// Layout: name. Not answered.
public struct ResolverNotice: Hashable, Sendable, WireCodable {
    /// The code of the message.
    public static let code: UInt32 = 0x6F6E_7365

    /// The name that was removed, has died, or is another port's now.
    public let name: String

    /// A notice about this name.
    public init(name: String) { self.name = name }

    /// Writes the layout that stands above.
    public func encode(into writer: inout WireWriter) { writer.write(name) }

    /// Reads the layout that stands above; what does not fit it is a `WireError`.
    public init(from reader: inout WireReader) throws(WireError) { name = try reader.readName() }
}
