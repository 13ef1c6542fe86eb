/// The receiving end of one direction of a session. The first record that does not open ends it: what comes after is not looked at.
public struct RecordOpener: ~Copyable {
    private enum State { case open, closed, broken }

    private var counter: RecordCounter
    private var state = State.open

    init(_ key: CipherKey) { counter = RecordCounter(key) }

    init(_ counter: consuming RecordCounter) { self.counter = counter }

    /// Records opened so far.
    public var count: UInt64 { counter.next }

    /// Opens one record, without the length in front of it, and appends its payload to `output`; on a failure `output` is as it was.
    public mutating func open(
        _ record: ArraySlice<UInt8>, authenticating header: [UInt8] = [], into output: inout [UInt8]
    ) throws(SecurityRefusal) -> RecordKind {
        guard state == .open else { throw broken("a record after the end of the session") }
        guard (RecordLimit.overhead...Int(UInt16.max)).contains(record.count) else { throw broken("a record of \(record.count) bytes") }
        guard counter.begin(sealedBytes: record.count) else { throw broken("the numbers of records have run out") }
        let start = output.count
        output.append(contentsOf: record)
        guard counter.key.open(&output, from: start, counter: counter.next, authenticating: header) else {
            output.removeSubrange(start...)
            throw broken("record \(counter.next) does not open")
        }
        counter.advance()
        guard let kind = output.popLast().flatMap(RecordKind.init(rawValue:)), kind == .data || output.count == start else {
            output.removeSubrange(start...)
            throw broken("record \(counter.next - 1) is of no known kind")
        }
        if kind == .close { state = .closed }
        return kind
    }

    /// To be called when the stream has ended. Throws unless the other side had said that it would.
    public mutating func finish() throws(SecurityRefusal) {
        guard state == .closed else {
            state = .broken
            throw SecurityRefusal(.truncated, "the stream ended after \(counter.next) records without a close record")
        }
    }

    private mutating func broken(_ detail: String) -> SecurityRefusal {
        state = .broken
        return SecurityRefusal(.record, detail)
    }
}
