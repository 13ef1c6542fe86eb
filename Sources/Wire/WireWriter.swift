/// Builds a byte string: fixed-width integers in little-endian order, counted bytes and texts.
///
/// The order is part of every format of Masix; see `WireReader` for the way back.
public struct WireWriter: Sendable {
    @usableFromInline var storage: [UInt8]
    /// What has been written so far.
    public var bytes: [UInt8] { storage }

    public init(capacity: Int = 128) {
        storage = []
        storage.reserveCapacity(capacity)
    }

    // Inlined into other modules, which makes it code for one type of integer instead of for any.
    @inlinable public mutating func write<Integer: FixedWidthInteger>(_ value: Integer) {
        var rest = value
        for _ in 0..<(Integer.bitWidth / 8) {
            storage.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    public mutating func write(_ value: Bool) {
        storage.append(value ? 1 : 0)
    }

    /// A 32-bit count, then the bytes.
    public mutating func write(counted value: some Collection<UInt8>) {
        write(UInt32(value.count))
        storage.append(contentsOf: value)
    }

    /// A 32-bit count, then UTF-8.
    public mutating func write(_ value: String) {
        write(counted: value.utf8)
    }

    /// The bytes alone: their number is known from elsewhere.
    public mutating func write(raw value: some Collection<UInt8>) {
        storage.append(contentsOf: value)
    }

    public mutating func write(_ value: some WireEncodable) {
        value.encode(into: &self)
    }

    /// One byte that says whether there is a value, then the value.
    public mutating func write<Value: WireEncodable>(optional value: Value?) {
        write(value != nil)
        if let value { write(value) }
    }

    /// A 32-bit count, then the elements.
    public mutating func write<Element: WireEncodable>(list: some Collection<Element>) {
        write(UInt32(list.count))
        for element in list { write(element) }
    }
}

/// A value with a fixed byte layout.
public protocol WireEncodable {
    func encode(into writer: inout WireWriter)
}

/// A value that can be read back; the initialiser checks everything.
public protocol WireDecodable {
    init(from reader: inout WireReader) throws(WireError)
}

public typealias WireCodable = WireEncodable & WireDecodable

extension WireEncodable {
    /// The encoding by itself.
    public var wireBytes: [UInt8] { wireBytes(capacity: 128) }

    /// The same where it is known how many bytes it will come to, more or less.
    public func wireBytes(capacity: Int) -> [UInt8] {
        var writer = WireWriter(capacity: capacity)
        encode(into: &writer)
        return writer.bytes
    }
}

extension WireDecodable {
    /// Decodes exactly these bytes; what is left over is an error.
    public init(wireBytes: [UInt8]) throws(WireError) {
        var reader = WireReader(wireBytes)
        try self.init(from: &reader)
        try reader.finish()
    }
}
