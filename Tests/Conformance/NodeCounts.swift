import Masix
import MasixTestKit
import MasixTransport

/// What exists on a node, as it says itself.
struct NodeCounts: Equatable, CustomStringConvertible {
    private static let names = [
        "tasks", "ports", "links", "leases", "connections without hello", "message bytes kept", "memory objects kept",
    ]
    private let values: [UInt64]

    init(_ witness: Space) throws {
        let counters = try NodeCounts.counters(witness)
        values = Self.names.map { counters[$0] }
    }

    var description: String { zip(Self.names, values).map { "\($0) \($1)" }.joined(separator: ", ") }

    static func counters(_ witness: Space) throws -> NodeCounters {
        guard case .counters(let counters) = try witness.query(.counters) else { throw MasixError.notPermitted }
        return counters
    }

    /// Link faults of every kind.
    static func linkFaults(_ witness: Space) throws -> UInt64 {
        try counters(witness).entries.filter { $0.name.hasPrefix("link faults, ") }.reduce(0) { $0 + $1.value }
    }
}
