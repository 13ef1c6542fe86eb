/// Cuts a stream of bytes into records. It holds less than one record and what was given last.
public struct RecordBuffer: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0

    public init() {}

    /// What is there and no whole record yet.
    public var count: Int { bytes.count - start }

    /// Takes what the stream had. Whoever gives more than was asked for pays for it: take the records out first.
    public mutating func append(_ more: some Collection<UInt8>) {
        if start > 0 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    /// The next whole record without its length, or nil. Throws for a length that no record has.
    public mutating func next() throws(SecurityRefusal) -> ArraySlice<UInt8>? {
        guard count >= RecordLimit.lengthBytes else { return nil }
        let length = Int(bytes[start]) | Int(bytes[start + 1]) << 8
        guard length >= RecordLimit.overhead else { throw SecurityRefusal(.record, "a record of \(length) bytes") }
        guard count >= RecordLimit.lengthBytes + length else { return nil }
        let first = start + RecordLimit.lengthBytes
        start = first + length
        return bytes[first..<start]
    }
}
