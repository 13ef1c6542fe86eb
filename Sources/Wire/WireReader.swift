/// Takes values out of untrusted bytes, in order, never past the end.
///
/// Every count is compared with a limit before anything is allocated for it.
public struct WireReader: Sendable {
    @usableFromInline let bytes: [UInt8]
    @usableFromInline var position: Int

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = 0
    }

    /// Starts in the middle of a larger buffer.
    public init(_ bytes: [UInt8], from position: Int) {
        self.bytes = bytes
        self.position = min(max(0, position), bytes.count)
    }

    @inlinable public var remaining: Int { bytes.count - position }

    // Inlined into other modules, which makes it code for one type of integer instead of for any.
    @inlinable public mutating func read<Integer: FixedWidthInteger>(_ type: Integer.Type = Integer.self) throws(WireError) -> Integer {
        let width = Integer.bitWidth / 8
        guard remaining >= width else { throw .truncated }
        var value: Integer = 0
        for offset in 0..<width {
            value |= Integer(truncatingIfNeeded: bytes[position + offset]) << (8 * offset)
        }
        position += width
        return value
    }

    public mutating func readBool() throws(WireError) -> Bool {
        switch try read(UInt8.self) {
        case 0: return false
        case 1: return true
        case let tag: throw .unknownCase(of: "Bool", tag: UInt64(tag))
        }
    }

    public mutating func readCount(limit: Int, field: StaticName) throws(WireError) -> Int {
        let count = try read(UInt32.self)
        guard Int(count) <= limit else { throw .tooLarge(field: field, value: UInt64(count), limit: UInt64(limit)) }
        return Int(count)
    }

    public mutating func readBytes(limit: Int, field: StaticName) throws(WireError) -> [UInt8] {
        let count = try readCount(limit: limit, field: field)
        return try readRaw(count: count)
    }

    /// The same without a copy: it keeps what is read from alive.
    public mutating func readSlice(limit: Int, field: StaticName) throws(WireError) -> ArraySlice<UInt8> {
        let count = try readCount(limit: limit, field: field)
        guard remaining >= count else { throw .truncated }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    public mutating func readRaw(count: Int) throws(WireError) -> [UInt8] {
        guard count >= 0, remaining >= count else { throw .truncated }
        defer { position += count }
        return Array(bytes[position..<(position + count)])
    }

    public mutating func readText(limit: Int, field: StaticName) throws(WireError) -> String {
        let raw = try readBytes(limit: limit, field: field)
        guard let text = String(validating: raw, as: UTF8.self) else { throw .notText(field: field) }
        return text
    }

    public mutating func read<Value: WireDecodable>(_ type: Value.Type = Value.self) throws(WireError) -> Value {
        try Value(from: &self)
    }

    public mutating func readOptional<Value: WireDecodable>(_ type: Value.Type = Value.self) throws(WireError) -> Value? {
        try readBool() ? try Value(from: &self) : nil
    }

    public mutating func readList<Element: WireDecodable>(
        of type: Element.Type = Element.self, limit: Int, field: StaticName
    ) throws(WireError) -> [Element] {
        let count = try readCount(limit: limit, field: field)
        var list: [Element] = []
        // An element has at least one byte: a lying count cannot make us reserve more than what is there.
        list.reserveCapacity(min(count, remaining))
        for _ in 0..<count { list.append(try Element(from: &self)) }
        return list
    }

    /// The rest of the bytes, whatever they are.
    public mutating func readRest() -> [UInt8] {
        defer { position = bytes.count }
        return Array(bytes[position...])
    }

    /// Demands that nothing is left.
    public func finish() throws(WireError) {
        if remaining > 0 { throw .trailingBytes(count: remaining) }
    }
}
