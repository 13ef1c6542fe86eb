public import Crypto
import MasixWire

/// HELLO: 96 bytes in front of a direct connection between two nodes, by which the listening network server knows whom to hand it to
/// (spec/security.md 2.5, step 8'). It says nothing that is secret, and proves that it was made by the other end of a channel.
public struct DataHello: Hashable, Sendable {
    /// Number of the node that connects.
    public let node: UInt32
    /// The ticket that will follow.
    public let ticket: TicketNumber
    /// Higher than in every hello before on the same channel.
    public let counter: UInt64
    private let code: [UInt8]

    public static let bytes = 96
    private static let magic = Array("MSXHELO1".utf8)
    private static let reservedBytes = 16
    private static let codeBytes = 32
    private static let label = Array("masix/1/hello".utf8)

    /// `key` is H_ab, 32 bytes that the two network servers gave each other on their channel.
    public init(node: UInt32, ticket: TicketNumber, counter: UInt64, key: SymmetricKey) {
        self.node = node
        self.ticket = ticket
        self.counter = counter
        code = Array(HMAC<SHA256>.authenticationCode(for: Self.label + Self.said(node, ticket, counter), using: key))
    }

    private static func said(_ node: UInt32, _ ticket: TicketNumber, _ counter: UInt64) -> [UInt8] {
        var writer = WireWriter(capacity: bytes)
        writer.write(raw: magic)
        writer.write(UInt32(SecureFrame.version))
        writer.write(node)
        writer.write(raw: [UInt8](repeating: 0, count: reservedBytes))
        writer.write(ticket)
        writer.write(counter)
        return writer.bytes
    }

    public var wireBytes: [UInt8] { Self.said(node, ticket, counter) + code }

    /// Reads exactly 96 bytes; whether they are to be believed says `isMade`.
    public init(wireBytes: [UInt8]) throws(SecurityRefusal) {
        do throws(WireError) {
            var reader = WireReader(wireBytes)
            guard try reader.readRaw(count: Self.magic.count) == Self.magic else { throw .malformed(field: "magic") }
            guard try reader.read(UInt32.self) == UInt32(SecureFrame.version) else { throw .malformed(field: "version") }
            node = try reader.read()
            guard try reader.readRaw(count: Self.reservedBytes).allSatisfy({ $0 == 0 }) else { throw .malformed(field: "reserved") }
            ticket = try reader.read()
            counter = try reader.read()
            code = try reader.readRaw(count: Self.codeBytes)
            try reader.finish()
        } catch {
            throw SecurityRefusal(error, in: "HELLO")
        }
    }

    func isMade(with key: SymmetricKey) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: Self.label + Self.said(node, ticket, counter), using: key)
    }
}

/// The hellos of one channel: each is taken once, and in order.
public struct HelloGuard: Sendable {
    private let node: UInt32
    private let key: SymmetricKey
    private var counter: UInt64 = 0

    /// Of the channel with this node, with the key that it gave.
    public init(node: UInt32, key: SymmetricKey) {
        self.node = node
        self.key = key
    }

    /// Takes a hello, or refuses it.
    public mutating func take(_ hello: DataHello) throws(SecurityRefusal) {
        guard hello.isMade(with: key) else { throw SecurityRefusal(.authentication, "a hello that is not node \(node)'s") }
        guard hello.node == node else { throw SecurityRefusal(.mismatch, "a hello of node \(hello.node)") }
        guard hello.counter > counter else { throw SecurityRefusal(.replayed, "hello \(hello.counter) after \(counter)") }
        counter = hello.counter
    }
}
