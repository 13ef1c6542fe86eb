/// The sending end of one direction of a session. It cannot be copied, so no number is used for two records.
public struct RecordSealer: ~Copyable {
    private var counter: RecordCounter
    public private(set) var isClosed = false

    init(_ key: CipherKey) { counter = RecordCounter(key) }

    init(_ counter: consuming RecordCounter) { self.counter = counter }

    /// Records sealed so far.
    public var count: UInt64 { counter.next }

    /// Appends a record to `output`. `header` goes another way and is authenticated with it: the receiver must give the same.
    public mutating func seal(_ payload: [UInt8], authenticating header: [UInt8] = [], into output: inout [UInt8]) throws(SecurityRefusal) {
        try seal(payload[...], .data, authenticating: header, into: &output)
    }

    /// Appends the last record: after it nothing more is sealed.
    public mutating func close(into output: inout [UInt8]) throws(SecurityRefusal) {
        try seal([], .close, authenticating: [], into: &output)
        isClosed = true
    }

    @inline(__always)
    private mutating func seal(
        _ payload: ArraySlice<UInt8>, _ kind: RecordKind, authenticating header: [UInt8], into output: inout [UInt8]
    ) throws(SecurityRefusal) {
        guard !isClosed else { throw SecurityRefusal(.sessionOver, "nothing is sealed after the close record") }
        guard payload.count <= RecordLimit.payloadBytesMax else {
            throw SecurityRefusal(.malformed, "a record of \(payload.count) bytes; at most \(RecordLimit.payloadBytesMax)")
        }
        let length = payload.count + RecordLimit.overhead
        guard counter.begin(sealedBytes: length) else { throw SecurityRefusal(.sessionOver, "the numbers of records have run out") }
        output.append(UInt8(truncatingIfNeeded: length))
        output.append(UInt8(truncatingIfNeeded: length >> 8))
        let start = output.count
        output.append(contentsOf: payload)
        output.append(kind.rawValue)
        let isSealed = counter.key.seal(&output, from: start, counter: counter.next, authenticating: header)
        precondition(isSealed, "sealing a record does not fail")
        counter.advance()
    }
}
