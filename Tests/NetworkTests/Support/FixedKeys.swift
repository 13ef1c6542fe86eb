import MasixKernel
import MasixSimulator

@testable import MasixNetwork

/// Every port has the same key, so that tests can say it.
struct FixedKeys: RandomNumberGenerator, Sendable {
    static let key: UInt64 = 7
    mutating func next() -> UInt64 { Self.key }
}

extension Chance: RandomNumberGenerator {}

extension NetworkRight {
    /// With the key that all ports of these tests have.
    static func send(_ port: PortUID, limit: UInt32, sequence: UInt64) -> NetworkRight {
        .send(port, limit: limit, sequence: sequence, key: FixedKeys.key)
    }
}
