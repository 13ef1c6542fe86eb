/// A node as its administrator wrote it down: who it is, by which key it is known, and where it listens.
///
/// As a line of text: `node 2 b sha256:BASE64URL 127.0.0.2:7117 epoch 1 expires never`. There is one way to write each entry.
public struct NodeRosterEntry: Hashable, Sendable, CustomStringConvertible {
    /// The number that the administrator gave the node; 1 or more.
    public let number: UInt32
    /// Letters, digits, `.`, `-` and `_`; 1 to 63 of them.
    public let name: String
    /// SHA-256 of the SubjectPublicKeyInfo of the node's key: 32 bytes.
    public let fingerprint: [UInt8]
    /// A host name, or an address without brackets.
    public let host: String
    /// 1 or more.
    public let port: UInt16
    /// Counts what the administrator has said about this node: only a higher one replaces an entry.
    public let epoch: UInt64
    /// Seconds since 1970 from which on the entry counts no more; nil is never.
    public let expires: UInt64?

    public static let nameBytesMax = 63
    public static let hostBytesMax = 253
    public static let fingerprintBytes = 32

    /// Throws what is wrong with the first field that is wrong.
    public init(
        number: UInt32, name: String, fingerprint: [UInt8], host: String, port: UInt16, epoch: UInt64 = 1, expires: UInt64? = nil
    ) throws(NodeRosterFault) {
        guard number > 0 else { throw .number }
        guard Self.isName(name) else { throw .name }
        guard fingerprint.count == Self.fingerprintBytes else { throw .fingerprint }
        guard Self.isHost(host) else { throw .address }
        guard port > 0 else { throw .port }
        self.number = number
        self.name = name
        self.fingerprint = fingerprint
        self.host = host
        self.port = port
        self.epoch = epoch
        self.expires = expires
    }

    /// Reads exactly what `description` writes, without a newline.
    public init(line: some StringProtocol) throws(NodeRosterFault) {
        guard line.utf8.count <= Self.lineBytesMax else { throw .line }
        let fields = line.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count == 9, fields[0] == "node", fields[5] == "epoch", fields[7] == "expires" else { throw .line }
        guard let number = Self.decimal(UInt32.self, fields[1]) else { throw .number }
        guard fields[3].hasPrefix("sha256:"), let fingerprint = Base64URL.decode(fields[3].dropFirst(7).utf8) else { throw .fingerprint }
        let (host, port) = try Self.address(fields[4])
        guard let epoch = Self.decimal(UInt64.self, fields[6]) else { throw .epoch }
        var expires: UInt64?
        if fields[8] != "never" {
            guard let seconds = Self.decimal(UInt64.self, fields[8]) else { throw .expires }
            expires = seconds
        }
        try self.init(
            number: number, name: String(fields[2]), fingerprint: fingerprint, host: host, port: port, epoch: epoch, expires: expires)
    }

    static let lineBytesMax = 512

    public var description: String {
        "node \(number) \(name) \(fingerprintText) \(address) epoch \(epoch) expires \(expires.map { String($0) } ?? "never")"
    }

    /// `sha256:` and the fingerprint in base64url without padding.
    public var fingerprintText: String { Self.text(ofFingerprint: fingerprint) }

    public static func text(ofFingerprint fingerprint: [UInt8]) -> String { "sha256:" + Base64URL.encode(fingerprint) }

    /// `HOST:PORT`, with brackets around an IPv6 address.
    public var address: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Whether the entry counts at this time, in seconds since 1970.
    public func isLive(at seconds: UInt64) -> Bool { expires.map { seconds < $0 } ?? true }

    public static func isName(_ text: some StringProtocol) -> Bool {
        (1...nameBytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { isLetterOrDigit($0) || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains($0) }
    }

    /// Takes `HOST:PORT` and `[IPV6]:PORT` apart. Port 0 only where `zeroPort` allows it: "any that is free".
    public static func address(_ text: some StringProtocol, zeroPort: Bool = false) throws(NodeRosterFault) -> (host: String, port: UInt16)
    {
        guard let colon = text.lastIndex(of: ":") else { throw .address }
        guard let port = decimal(UInt16.self, text[text.index(after: colon)...]), port > 0 || zeroPort else { throw .port }
        let written = text[..<colon]
        let isBracketed = written.hasPrefix("[") && written.hasSuffix("]")
        let host = isBracketed ? String(written.dropFirst().dropLast()) : String(written)
        // Brackets belong around an address with colons and around nothing else.
        guard isHost(host), isBracketed == host.utf8.contains(UInt8(ascii: ":")) else { throw .address }
        return (host, port)
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        default: false
        }
    }

    private static func isHost(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard (1...hostBytesMax).contains(bytes.count) else { return false }
        if bytes.contains(UInt8(ascii: ":")) {
            let letters = Array("0123456789abcdefABCDEF:.".utf8)
            return bytes.count <= 45 && bytes.filter { $0 == UInt8(ascii: ":") }.count > 1 && bytes.allSatisfy { letters.contains($0) }
        }
        return bytes[0] != UInt8(ascii: "-") && bytes[0] != UInt8(ascii: ".")
            && bytes.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    /// Digits without sign and without leading zeros.
    private static func decimal<Integer: FixedWidthInteger>(_ type: Integer.Type, _ text: some StringProtocol) -> Integer? {
        let bytes = text.utf8
        guard let first = bytes.first, bytes.count <= 20, bytes.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            return nil
        }
        guard first != UInt8(ascii: "0") || bytes.count == 1 else { return nil }
        return Integer(text, radix: 10)
    }
}

/// What is wrong with an entry, or with the roster that it would make.
public enum NodeRosterFault: Error, Hashable, Sendable, CustomStringConvertible {
    case line, number, name, fingerprint, address, port, epoch, expires, announce
    /// The bytes are not UTF-8, or there are control characters.
    case notText
    case sameNumber(UInt32), sameName(String), sameFingerprint(other: String)
    /// There is an entry of this number whose epoch is not lower.
    case epochNotHigher(than: UInt64)
    case tooManyNodes, tooLong
    case byteOrder

    public var description: String {
        switch self {
        case .line: "a line is 'node NUMBER NAME sha256:FINGERPRINT HOST:PORT epoch NUMBER expires never', with single blanks"
        case .number: "the number of a node is 1 to 4294967295, in digits without leading zeros"
        case .name: "a name is 1 to 63 letters, digits, '.', '-' and '_'"
        case .fingerprint: "a fingerprint is 'sha256:' and 43 letters of base64url without padding"
        case .address: "an address is HOST:PORT, and an IPv6 address stands in brackets"
        case .port: "a port is 1 to 65535, in digits without leading zeros"
        case .epoch: "an epoch is a number in digits without leading zeros"
        case .expires: "expires is 'never', or seconds since 1970 in digits without leading zeros"
        case .announce: "what is announced is one of: \(NameAnnouncements.words.joined(separator: ", "))"
        case .notText: "this is not text"
        case .sameNumber(let number): "node \(number) is there already"
        case .sameName(let name): "a node '\(name)' is there already"
        case .sameFingerprint(let other): "the key is that of node '\(other)'"
        case .epochNotHigher(let epoch): "the entry that is there has epoch \(epoch), and only a higher one replaces it"
        case .byteOrder: "a byte order is 'little' or 'big'"
        case .tooManyNodes: "there are more than \(NodeRoster.entriesMax) nodes"
        case .tooLong: "there are more than \(NodeRoster.bytesMax) bytes"
        }
    }
}

/// RFC 4648, section 5, without padding; one text for each value.
enum Base64URL {
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var (held, bits): (UInt32, Int) = (0, 0)
        for byte in bytes {
            held = held << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(letters[Int(held >> UInt32(bits) & 63)])
            }
        }
        if bits > 0 { text.append(letters[Int(held << UInt32(6 - bits) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for other letters, and for unused bits that are not zero.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var (held, bits): (UInt32, Int) = (0, 0)
        for letter in text {
            guard let value = letters.firstIndex(of: letter) else { return nil }
            held = held << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: held >> UInt32(bits)))
                held &= (1 << UInt32(bits)) - 1
            }
        }
        return held == 0 && bits < 6 ? bytes : nil
    }
}
