public import MasixKernel
public import MasixWire

// What the network servers of two nodes say to each other over a channel, once it is up. Little-endian; lists and texts counted
// (32 bits). The first byte says which; 0x80 and above belong to the channel itself (hello, ping, goodbye).
//
//   figure 2   3: lookUp    6: found, unknown
//   figure 3   message, chunk, abandoned, accepted
//   references clean, onceUnused, portDied; of third nodes: claim, granted, refused, settled
//   crashes    drain, drained
//   names      notYet, announced, withdrawn: 32 and above

/// A right inside a message between nodes (figure 3: what translation puts in the place of a local right).
public enum NetworkRight: Hashable, Sendable, WireCodable {
    case null
    case dead
    /// A send right to a port of the sender's node. `limit` is the port's queue limit; `sequence` numbers what is given away of this port,
    /// and rises. Who knows the key was given the port, by whomever.
    case send(PortUID, limit: UInt32, sequence: UInt64, key: UInt64)
    /// A send-once right that stays with the sender of the frame, who knows it by this number.
    case once(UInt64)
    /// The send-once right that the receiver of the frame knows by this number: it comes home.
    case home(UInt64)
    /// A send right to a port of the receiver's node: it comes home.
    case back(PortUID)
    /// A send right to a port of another node than the sender's, to be claimed there by its key. The sender keeps its own hold until it is
    /// told that this pin is settled.
    case third(PortUID, owner: NodeID, limit: UInt32, key: UInt64, pin: UInt64)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .null: writer.write(UInt8(0))
        case .dead: writer.write(UInt8(1))
        case .send(let port, let limit, let sequence, let key):
            writer.write(UInt8(2))
            writer.write(port)
            writer.write(limit)
            writer.write(sequence)
            writer.write(key)
        case .once(let number):
            writer.write(UInt8(3))
            writer.write(number)
        case .home(let number):
            writer.write(UInt8(4))
            writer.write(number)
        case .back(let port):
            writer.write(UInt8(5))
            writer.write(port)
        case .third(let port, let owner, let limit, let key, let pin):
            writer.write(UInt8(6))
            writer.write(port)
            writer.write(owner)
            writer.write(limit)
            writer.write(key)
            writer.write(pin)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 0: self = .null
        case 1: self = .dead
        case 2: self = .send(try reader.read(), limit: try reader.read(), sequence: try reader.read(), key: try reader.read())
        case 3: self = .once(try reader.read())
        case 4: self = .home(try reader.read())
        case 5: self = .back(try reader.read())
        case 6:
            self = .third(
                try reader.read(), owner: try reader.read(), limit: try reader.read(), key: try reader.read(), pin: try reader.read())
        case let tag: throw .unknownCase(of: "NetworkRight", tag: UInt64(tag))
        }
    }
}

/// A message as it crosses: everything but the content of its memory objects, which follows in chunks.
public struct NetworkMessage: Hashable, Sendable, WireCodable {
    public enum Destination: Hashable, Sendable, WireCodable {
        /// A port of the receiving node.
        case port(PortUID)
        /// The send-once right that the receiving node gave this number.
        case once(UInt64)

        public func encode(into writer: inout WireWriter) {
            switch self {
            case .port(let port):
                writer.write(UInt8(1))
                writer.write(port)
            case .once(let number):
                writer.write(UInt8(2))
                writer.write(number)
            }
        }

        public init(from reader: inout WireReader) throws(WireError) {
            switch try reader.read(UInt8.self) {
            case 1: self = .port(try reader.read())
            case 2: self = .once(try reader.read())
            case let tag: throw .unknownCase(of: "NetworkMessage.Destination", tag: UInt64(tag))
            }
        }
    }

    public var destination: Destination
    /// Who sent it: a task of the node that the frame comes from, by its own number there, and who that is. Nil for the network server
    /// itself, which brings the words of a third node.
    public var sender: Speaker?
    public var code: UInt32
    public var reply: NetworkRight
    public var rights: [NetworkRight]
    public var bytes: [UInt8]
    /// How they are laid out.
    public var format: BodyFormat
    /// Bytes of each memory object.
    public var memory: [UInt64]
    /// What its chunks are known by; 0 without memory.
    public var transfer: UInt64

    public init(
        to destination: Destination, from sender: Speaker?, code: UInt32, reply: NetworkRight = .null, rights: [NetworkRight] = [],
        bytes: [UInt8] = [], format: BodyFormat = .plain, memory: [UInt64] = [], transfer: UInt64 = 0
    ) {
        self.destination = destination
        self.sender = sender
        self.code = code
        self.reply = reply
        self.rights = rights
        self.bytes = bytes
        self.format = format
        self.memory = memory
        self.transfer = transfer
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(destination)
        writer.write(optional: sender)
        writer.write(code)
        writer.write(reply)
        writer.write(list: rights)
        writer.write(counted: bytes)
        writer.write(format)
        writer.write(UInt32(memory.count))
        for length in memory { writer.write(length) }
        writer.write(transfer)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        destination = try reader.read()
        sender = try reader.readOptional()
        code = try reader.read()
        reply = try reader.read()
        rights = try reader.readList(limit: Limits.rightsPerMessageMax, field: "rights")
        bytes = try reader.readBytes(limit: Limits.inlineBytesMax, field: "bytes")
        format = try reader.read()
        let count = try reader.readCount(limit: Limits.memoryPerMessageMax, field: "memory")
        memory = []
        for _ in 0..<count {
            let length = try reader.read(UInt64.self)
            guard length <= NetworkLimits.memoryBytesMax else {
                throw .tooLarge(field: "memory", value: length, limit: NetworkLimits.memoryBytesMax)
            }
            memory.append(length)
        }
        transfer = try reader.read()
        // Without a number its chunks could not be told from those of another.
        guard (transfer == 0) == memory.isEmpty else { throw .malformed(field: "transfer") }
    }
}

/// One thing said from network server to network server.
public enum NetworkFrame: Hashable, Sendable, WireCodable {
    /// 1, figure 2 step 3: who knows this name? Wait for it so many milliseconds.
    case lookUp(request: UInt64, name: String, waitMilliseconds: UInt32)
    /// 2, figure 2 step 6: we do; a send right to the port comes with it.
    case found(request: UInt64, NetworkRight)
    /// 3, figure 2 step 6: we do not.
    case unknown(request: UInt64)
    /// 4, figure 3.
    case message(NetworkMessage)
    /// 5: the next bytes of a memory object.
    case chunk(transfer: UInt64, memory: UInt16, ArraySlice<UInt8>)
    /// 6: the memory could not be read; the message is void, and its rights with it.
    case abandoned(transfer: UInt64)
    /// 7: so many messages for this port have been received from it: their room is free (architecture rule 17).
    case accepted(PortUID, count: UInt32)
    /// 8: nobody here has a send right to this port any more, of all that came up to the one of this sequence.
    case clean(PortUID, sequence: UInt64)
    /// 9: the send-once right that you gave this number was destroyed unused.
    case onceUnused(UInt64)
    /// 10: this port of ours has died.
    case portDied(PortUID)
    /// 11: a third node has given us a right to this port of yours.
    case claim(PortUID, key: UInt64)
    /// 12: it is yours, as if we had given it.
    case granted(PortUID, key: UInt64, limit: UInt32, sequence: UInt64)
    /// 13: there is no such port any more.
    case refused(PortUID, key: UInt64)
    /// 14: the right that you gave under this pin has been claimed, or is dead: let go of your own if you like.
    case settled(pin: UInt64)
    /// 15: this node is down for us. When it is for you too, and you have claimed all that it gave you, say so by this number.
    case drain(UInt64, NodeID)
    /// 16: it is, and we have.
    case drained(UInt64)
    /// 32: we do not, and shall wait for it as you asked.
    case notYet(request: UInt64)
    /// 33, figure 2 step 6 and figure 3 step 10 as section 6.1 changes them: this name is this port's, with a send right to it.
    case announced(name: String, PortUID, limit: UInt32, sequence: UInt64, key: UInt64)
    /// 34: this name, which you were given, is not this port's any more. The port may live.
    case withdrawn(name: String, PortUID, key: UInt64)

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .lookUp(let request, let name, let wait):
            writer.write(UInt8(1))
            writer.write(request)
            writer.write(name)
            writer.write(wait)
        case .found(let request, let right):
            writer.write(UInt8(2))
            writer.write(request)
            writer.write(right)
        case .unknown(let request):
            writer.write(UInt8(3))
            writer.write(request)
        case .message(let message):
            writer.write(UInt8(4))
            writer.write(message)
        case .chunk(let transfer, let memory, let bytes):
            Self.beginChunk(transfer, memory, bytes.count, &writer)
            writer.write(raw: bytes)
        case .abandoned(let transfer):
            writer.write(UInt8(6))
            writer.write(transfer)
        case .accepted(let port, let count):
            writer.write(UInt8(7))
            writer.write(port)
            writer.write(count)
        case .clean(let port, let sequence):
            writer.write(UInt8(8))
            writer.write(port)
            writer.write(sequence)
        case .onceUnused(let number):
            writer.write(UInt8(9))
            writer.write(number)
        case .portDied(let port):
            writer.write(UInt8(10))
            writer.write(port)
        case .claim(let port, let key):
            writer.write(UInt8(11))
            writer.write(port)
            writer.write(key)
        case .granted(let port, let key, let limit, let sequence):
            writer.write(UInt8(12))
            writer.write(port)
            writer.write(key)
            writer.write(limit)
            writer.write(sequence)
        case .refused(let port, let key):
            writer.write(UInt8(13))
            writer.write(port)
            writer.write(key)
        case .settled(let pin):
            writer.write(UInt8(14))
            writer.write(pin)
        case .drain(let number, let node):
            writer.write(UInt8(15))
            writer.write(number)
            writer.write(node)
        case .drained(let number):
            writer.write(UInt8(16))
            writer.write(number)
        case .notYet(let request):
            writer.write(UInt8(32))
            writer.write(request)
        case .announced(let name, let port, let limit, let sequence, let key):
            writer.write(UInt8(33))
            writer.write(name)
            writer.write(port)
            writer.write(limit)
            writer.write(sequence)
            writer.write(key)
        case .withdrawn(let name, let port, let key):
            writer.write(UInt8(34))
            writer.write(name)
            writer.write(port)
            writer.write(key)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1:
            self = .lookUp(
                request: try reader.read(), name: try reader.readText(limit: NetworkLimits.nameBytesMax, field: "name"),
                waitMilliseconds: try reader.read())
        case 2:
            let (request, right): (UInt64, NetworkRight) = (try reader.read(), try reader.read())
            switch right {
            case .send, .back, .third: self = .found(request: request, right)
            case .null, .dead, .once, .home: throw .malformed(field: "found")
            }
        case 3: self = .unknown(request: try reader.read())
        case 4: self = .message(try reader.read())
        case 5:
            self = .chunk(
                transfer: try reader.read(), memory: try reader.read(),
                try reader.readSlice(limit: NetworkLimits.chunkBytesMax, field: "chunk"))
        case 6: self = .abandoned(transfer: try reader.read())
        case 7: self = .accepted(try reader.read(), count: try reader.read())
        case 8: self = .clean(try reader.read(), sequence: try reader.read())
        case 9: self = .onceUnused(try reader.read())
        case 10: self = .portDied(try reader.read())
        case 11: self = .claim(try reader.read(), key: try reader.read())
        case 12:
            self = .granted(try reader.read(), key: try reader.read(), limit: try reader.read(), sequence: try reader.read())
        case 13: self = .refused(try reader.read(), key: try reader.read())
        case 14: self = .settled(pin: try reader.read())
        case 15: self = .drain(try reader.read(), try reader.read())
        case 16: self = .drained(try reader.read())
        case 32: self = .notYet(request: try reader.read())
        case 33:
            self = .announced(
                name: try reader.readText(limit: NetworkLimits.nameBytesMax, field: "name"), try reader.read(), limit: try reader.read(),
                sequence: try reader.read(), key: try reader.read())
        case 34:
            self = .withdrawn(
                name: try reader.readText(limit: NetworkLimits.nameBytesMax, field: "name"), try reader.read(), key: try reader.read())
        case let tag: throw .unknownCase(of: "NetworkFrame", tag: UInt64(tag))
        }
    }
}

extension NetworkFrame {
    private static func beginChunk(_ transfer: UInt64, _ memory: UInt16, _ count: Int, _ writer: inout WireWriter) {
        writer.write(UInt8(5))
        writer.write(transfer)
        writer.write(memory)
        writer.write(UInt32(count))
    }

    /// A chunk of `count` zeros, which are the last of its bytes: what is to be there instead need not be copied into it.
    public static func emptyChunk(transfer: UInt64, memory: UInt16, count: Int) -> [UInt8] {
        var writer = WireWriter()
        beginChunk(transfer, memory, count, &writer)
        let beginning = writer.bytes
        var bytes = [UInt8](repeating: 0, count: beginning.count + count)
        bytes.replaceSubrange(..<beginning.count, with: beginning)
        return bytes
    }

    /// About so many bytes its encoding has.
    public var bytesExpected: Int {
        switch self {
        case .chunk(_, _, let bytes): bytes.count + 32
        case .message(let message): message.bytes.count + 512
        default: 128
        }
    }
}

/// What is bounded between nodes. Whoever goes over a bound loses its channel: an honest node never does.
public enum NetworkLimits {
    /// Bytes of one chunk of memory: small enough that a small message waits little behind it.
    public static let chunkBytesMax = 65_536
    /// Bytes of one memory object.
    public static let memoryBytesMax: UInt64 = 1 << 40
    /// Messages with memory under way at a time, in one direction of a channel.
    public static let transfersMax = 64
    /// Bytes of all of these together. A message with more does not cross: it vanishes as if its port had died.
    public static let memoryUnderWayMax: UInt64 = 1 << 32
    /// Bytes of a name.
    public static let nameBytesMax = 255
    /// Look-ups of one node that another one may have to answer at a time.
    public static let lookUpsMax = 1_024
    /// Names that other nodes have announced and one node keeps. What is over it is given back.
    public static let namesHeardMax = 16_384
    /// Ports of which one node has given another a right, in one direction. For each of them, and each of the rights below, the network
    /// server of the other needs a port, of which it has 100 000 for all nodes. What is over the bound arrives as a dead right.
    public static let portsMax = 65_536
    /// Send-once rights of one node that another one holds.
    public static let oncesMax = 16_384
    /// Nodes that are down for another one, and that this one is asked about, each once for each time.
    public static let drainsMax = 1_024
    /// Milliseconds for which the rights of a node that is down are kept for those who have them from it and have not said so.
    public static let barrierMilliseconds: UInt64 = 5_000
}
