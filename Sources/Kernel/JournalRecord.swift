public import MasixWire

/// One event and what the world said while it was handled: all that is needed to do it again.
public struct JournalRecord: Hashable, Sendable, WireCodable {
    public let event: Event
    public let observations: [Observation]

    public init(event: Event, observations: [Observation]) {
        self.event = event
        self.observations = observations
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(event)
        writer.write(list: observations)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        event = try reader.read()
        observations = try reader.readList(limit: 1 << 20, field: "observations")
    }
}

/// Why a journal does not lead on from a kernel. `record` counts from 0.
public enum ReplayError: Error, Hashable, Sendable {
    /// The bytes are not a record.
    case unreadable(record: Int, WireError)
    /// The kernel asked the world something else than was recorded.
    case differentQuestion(record: Int)
    /// The world was recorded saying more than the kernel asks.
    case unusedObservations(record: Int, count: Int)
}

extension Kernel {
    /// Handles one recorded event again. The actions are those of the first time.
    ///
    /// On an error the kernel is of no further use: the event has been handled with answers that are not its own.
    public mutating func replay(_ record: JournalRecord, number: Int = 0) throws(ReplayError) -> [Action] {
        var world = ReplayedWorld(record.observations)
        let actions = handle(record.event, world: &world)
        if world.isBroken { throw .differentQuestion(record: number) }
        if !world.isUsedUp { throw .unusedObservations(record: number, count: world.remaining) }
        return actions
    }

    /// Handles a journal again, from the state in which it began. The actions are not repeated.
    public mutating func replay(_ records: some Sequence<JournalRecord>) throws(ReplayError) {
        for (number, record) in records.enumerated() { _ = try replay(record, number: number) }
    }

    /// The same from the bytes of each record.
    public mutating func replay(encoded records: some Sequence<[UInt8]>) throws(ReplayError) {
        for (number, bytes) in records.enumerated() {
            let record: JournalRecord
            do throws(WireError) { record = try JournalRecord(wireBytes: bytes) } catch {
                throw .unreadable(record: number, error)
            }
            _ = try replay(record, number: number)
        }
    }
}
