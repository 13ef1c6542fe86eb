public import MasixWire

/// Why something was refused. The other side learns one byte, always the same; the reason goes into the local log and is counted
/// (spec/security.md 2.7).
public struct SecurityRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is counted.
    public enum Reason: UInt8, CaseIterable, Hashable, Sendable {
        /// Bytes that are not the message they claim to be.
        case malformed = 1
        /// A message of another version than this one.
        case version
        /// Not sealed, signed or authenticated by whom it should be.
        case authentication
        /// A signature that is not the administrator's, over a file.
        case signature
        /// Nobody of this name, or no instance that lives, is registered here.
        case unknown
        /// The name is another's, or the manifest does not allow it.
        case registration
        /// An answer to a question that was not asked, or was answered already.
        case unexpected
        /// Names, interface or node are not those that were asked for, or not one's own.
        case mismatch
        case expired
        case notYetValid
        /// A ticket, a hello or a grant that was used before.
        case replayed
        /// A table is full; nothing is thrown out of it to make room.
        case full
        /// The policy says no.
        case policy
        /// Another asks too often.
        case rate
        /// Older than what is known already.
        case rollback
        /// Two files of one version that are not the same.
        case fork
        /// Of another cluster.
        case cluster
        /// A sealed key whose parameters or whose password are wrong.
        case password
        /// Nobody waits for a node at present.
        case window
        /// The other side did not go on in time.
        case tooLate
        /// A record that does not open: altered, replayed, left out, or in another order.
        case record
        /// The stream ended without a close record.
        case truncated
        /// The session has lived as long as it may.
        case sessionOver
    }

    public let reason: Reason
    /// Words for the local log. They hold no secret and no bytes of a peer that were not validated.
    public let detail: String

    public init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    public init(_ error: WireError, in what: StaticName) { self.init(.malformed, "\(what): \(error)") }

    public var description: String { "\(reason): \(detail)" }

    /// All that the other side is told.
    public static let outward: UInt8 = 0x15
}

/// Refusals by reason.
public struct SecurityRefusalCounts: Hashable, Sendable {
    private var counts = [UInt64](repeating: 0, count: SecurityRefusal.Reason.allCases.count + 1)

    public init() {}

    public mutating func count(_ refusal: SecurityRefusal) { counts[Int(refusal.reason.rawValue)] &+= 1 }

    public subscript(reason: SecurityRefusal.Reason) -> UInt64 { counts[Int(reason.rawValue)] }

    public var all: UInt64 { counts.reduce(0, &+) }
}

/// Decodes exactly these bytes, or refuses them.
func decode<Value: WireDecodable>(_ type: Value.Type, _ bytes: [UInt8], as what: StaticName) throws(SecurityRefusal) -> Value {
    do throws(WireError) { return try Value(wireBytes: bytes) } catch { throw SecurityRefusal(error, in: what) }
}
