public import Masix
public import MasixWire

// What everybody may ask of a node's network server, at the port that the name server gives for `network`. Integers little-endian, texts
// and lists counted (32 bits).
//
//   call      code 0x7472_656E  payload  tag UInt8, for `measure` the number of the node UInt32
//   answer    code 0x7472_656E  payload  the status, or the ports; if they are over 64 KiB: no bytes, but memory object [0];
//                                        for `measure` nanoseconds UInt64, and no answer at all if that node is not up

/// What a network server is asked.
public enum NetworkRequest: Hashable, Sendable, WireCodable {
    public static let code: UInt32 = 0x7472_656E
    /// The name of the port.
    public static let name = "network"

    /// 1
    case status
    /// 2: how long a frame takes to the network server of that node and back.
    case measure(UInt32)
    /// 3: the ports that are shared with other nodes. Answered to root and to the network server's own user alone.
    case ports

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .status: writer.write(UInt8(1))
        case .measure(let number):
            writer.write(UInt8(2))
            writer.write(number)
        case .ports: writer.write(UInt8(3))
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .status
        case 2: self = .measure(try reader.read())
        case 3: self = .ports
        case let tag: throw .unknownCase(of: "NetworkRequest", tag: UInt64(tag))
        }
    }
}

/// How long a frame took there and back.
public struct NetworkRoundTrip: Hashable, Sendable, WireCodable {
    public let nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public func encode(into writer: inout WireWriter) { writer.write(nanoseconds) }

    public init(from reader: inout WireReader) throws(WireError) { nanoseconds = try reader.read() }
}

/// Another node, seen from this one.
public struct PeerStatus: Hashable, Sendable, WireCodable {
    public var number: UInt32
    public var name: String
    /// Where it is dialled.
    public var address: String
    public var isUp: Bool
    /// How long it has been up or down, in milliseconds; down since this node's network server began, if it has never been up.
    public var milliseconds: UInt64
    /// Of the channel's protocol, while it is up; else 0.
    public var version: UInt16
    /// Of the other node while it is up, as it says; else "".
    public var software: String
    /// Ports of this node that it holds rights to, and ports of its that tasks of this node hold rights to.
    public var exports: UInt32
    public var proxies: UInt32
    /// Since the network server began. Pings and the like are not counted.
    public var framesSent: UInt64
    public var framesReceived: UInt64
    /// Why it was last refused, or could last not be reached: a word that `masix explain` knows, a sentence, and how long ago in
    /// milliseconds. "" if that never happened.
    public var refusal: String
    public var words: String
    public var ago: UInt64

    public init(
        number: UInt32, name: String, address: String, isUp: Bool, milliseconds: UInt64, version: UInt16, software: String, exports: UInt32,
        proxies: UInt32, framesSent: UInt64, framesReceived: UInt64, refusal: String, words: String, ago: UInt64
    ) {
        self.number = number
        self.name = name
        self.address = address
        self.isUp = isUp
        self.milliseconds = milliseconds
        self.version = version
        self.software = software
        self.exports = exports
        self.proxies = proxies
        self.framesSent = framesSent
        self.framesReceived = framesReceived
        self.refusal = refusal
        self.words = words
        self.ago = ago
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(number)
        writer.write(name)
        writer.write(address)
        writer.write(isUp)
        writer.write(milliseconds)
        writer.write(version)
        writer.write(software)
        writer.write(exports)
        writer.write(proxies)
        writer.write(framesSent)
        writer.write(framesReceived)
        writer.write(refusal)
        writer.write(words)
        writer.write(ago)
    }

    static let textBytesMax = 1_024

    public init(from reader: inout WireReader) throws(WireError) {
        number = try reader.read()
        name = try reader.readText(limit: Self.textBytesMax, field: "name")
        address = try reader.readText(limit: Self.textBytesMax, field: "address")
        isUp = try reader.readBool()
        milliseconds = try reader.read()
        version = try reader.read()
        software = try reader.readText(limit: Self.textBytesMax, field: "software")
        exports = try reader.read()
        proxies = try reader.read()
        framesSent = try reader.read()
        framesReceived = try reader.read()
        refusal = try reader.readText(limit: Self.textBytesMax, field: "refusal")
        words = try reader.readText(limit: Self.textBytesMax, field: "words")
        ago = try reader.read()
    }
}

/// How the network server is.
public struct NetworkStatus: Hashable, Sendable, WireCodable {
    /// What this node is called among the others.
    public var name: String
    /// Every other node of the roster, by number.
    public var peers: [PeerStatus]
    /// The last callers whose key no node of the roster has, the latest last: a sentence each, with address and key.
    public var strangers: [String]

    public static let peersMax = 1_024
    public static let strangersMax = 8
    /// Of an answer.
    public static let bytesMax = 8 << 20

    public init(name: String, peers: [PeerStatus], strangers: [String]) {
        self.name = name
        self.peers = peers
        self.strangers = strangers
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(name)
        writer.write(list: peers)
        writer.write(UInt32(strangers.count))
        for words in strangers { writer.write(words) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        name = try reader.readText(limit: PeerStatus.textBytesMax, field: "name")
        peers = try reader.readList(limit: Self.peersMax, field: "peers")
        let count: UInt32 = try reader.read()
        guard count <= Self.strangersMax else { throw .malformed(field: "strangers") }
        strangers = []
        for _ in 0..<count { strangers.append(try reader.readText(limit: PeerStatus.textBytesMax, field: "stranger")) }
    }
}

/// The network server of a node, for programs that want to know which other nodes it speaks with.
public struct NetworkClient: ~Copyable, Sendable {
    private let port: SendRight

    /// Finds the network server by its name; `.unknown` if the node has none.
    public init(_ space: Space, timeout: Duration? = .seconds(10)) throws(NameError) {
        port = try space.names.lookUp(NetworkRequest.name, timeout: timeout)
    }

    /// That of another node.
    public init(of node: String, _ space: Space, timeout: Duration? = .seconds(10)) throws(NameError) {
        port = try space.names.lookUp("\(NetworkRequest.name)@\(node)", timeout: timeout)
    }

    public func status(timeout: Duration? = .seconds(10)) throws(MasixError) -> NetworkStatus {
        let bytes = try ask(.status, timeout: timeout)
        guard let status = try? NetworkStatus(wireBytes: bytes) else { throw .malformedMessage }
        return status
    }

    /// The bytes of the answer, wherever they are.
    func ask(_ request: NetworkRequest, timeout: Duration?) throws(MasixError) -> [UInt8] {
        var message = try port.call(Message(code: NetworkRequest.code, bytes: request.wireBytes), timeout: timeout)
        guard message.code == NetworkRequest.code else { throw .malformedMessage }
        guard let memory = message.takeMemory() else { return message.bytes }
        guard memory.count <= NetworkStatus.bytesMax else { throw .malformedMessage }
        return try memory.bytes()
    }

    /// Nanoseconds from this node's network server to that of the other and back; `.noReply` if that is not up, or goes down.
    public func measure(_ node: UInt32, timeout: Duration? = .seconds(10)) throws(MasixError) -> UInt64 {
        let answer = try port.call(
            Message(code: NetworkRequest.code, bytes: NetworkRequest.measure(node).wireBytes), timeout: timeout)
        guard answer.code == NetworkRequest.code, let measured = try? NetworkRoundTrip(wireBytes: answer.bytes) else {
            throw .malformedMessage
        }
        return measured.nanoseconds
    }
}
