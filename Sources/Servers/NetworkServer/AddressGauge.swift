import NIOCore

/// How often each address may call: a bucket of tokens for each, for a bounded number of addresses.
struct AddressGauge {
    private struct Bucket {
        var tokens: Double
        var filled: NIODeadline
    }

    private var buckets: [String: Bucket] = [:]
    private let burst: Double
    private let perNanosecond: Double

    static let addressesMax = 1_024

    init(burst: Int, perSecond: Int) {
        self.burst = Double(max(1, burst))
        perNanosecond = Double(max(1, perSecond)) / 1e9
    }

    /// Whether this call is one of those that the address has free.
    mutating func admit(_ address: String, now: NIODeadline) -> Bool {
        if buckets[address] == nil, buckets.count >= Self.addressesMax {
            // Who has been quiet for long enough to have all his tokens is forgotten without loss.
            buckets = buckets.filter { level(of: $0.value, now: now) < burst }
            guard buckets.count < Self.addressesMax else { return false }
        }
        let tokens = buckets[address].map { level(of: $0, now: now) } ?? burst
        guard tokens >= 1 else { return false }
        buckets[address] = Bucket(tokens: tokens - 1, filled: now)
        return true
    }

    private func level(of bucket: Bucket, now: NIODeadline) -> Double {
        min(burst, bucket.tokens + Double((now - bucket.filled).nanoseconds) * perNanosecond)
    }
}
