public import MasixWire

/// What the two ends of a channel say to each other besides frames.
///
/// Inside TLS everything is a 32-bit length in little-endian order and then so many bytes. The highest bit of the length says that the
/// bytes are one of these; all others are frames, of which the channel knows nothing.
public enum ChannelControl: Hashable, Sendable, WireCodable {
    /// The first of each side, and only the first.
    case hello(ChannelHello)
    /// From the node with the lower number, which decides: this connection is the channel.
    case acceptance(ChannelAcceptance)
    /// Nothing else has been said for a while.
    case ping
    /// The node stops.
    case goodbye
    /// The connection is closed for a reason that the other side may know, by its number.
    case refusal(UInt8)
    /// So many frames of the session have come: they need not be kept any longer.
    case acknowledgement(UInt64)

    public static let lengthBit: UInt32 = 1 << 31
    /// Of the longest, a hello.
    public static let bytesMax = 256

    private var tag: UInt8 {
        switch self {
        case .hello: 1
        case .acceptance: 2
        case .ping: 3
        case .goodbye: 4
        case .refusal: 5
        case .acknowledgement: 6
        }
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(tag)
        switch self {
        case .hello(let hello): writer.write(hello)
        case .acceptance(let acceptance): writer.write(acceptance)
        case .ping, .goodbye: break
        case .refusal(let kind): writer.write(kind)
        case .acknowledgement(let count): writer.write(count)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .hello(try reader.read(ChannelHello.self))
        case 2: self = .acceptance(try reader.read())
        case 3: self = .ping
        case 4: self = .goodbye
        case 5: self = .refusal(try reader.read())
        case 6: self = .acknowledgement(try reader.read())
        case let tag: throw .unknownCase(of: "ChannelControl", tag: UInt64(tag))
        }
    }

    /// Reads the bytes of a peer, or says what they are instead.
    public static func read(_ bytes: [UInt8]) throws(ChannelRefusal) -> ChannelControl {
        do throws(WireError) {
            return try ChannelControl(wireBytes: bytes)
        } catch .unknownCase(of: "ChannelControl", let tag) {
            throw .unknownControl(UInt8(truncatingIfNeeded: tag))
        } catch {
            throw bytes.first == 1 ? .malformedHello : .malformedControl
        }
    }
}
