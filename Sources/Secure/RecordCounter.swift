/// One direction's key and counter. The counter never goes over the wire: what comes in another order does not open.
struct RecordCounter: ~Copyable {
    private(set) var key: CipherKey
    private(set) var next: UInt64 = 0
    private var records: UInt64 = 0
    private var bytes: UInt64 = 0
    private let recordsMax: UInt64
    private let bytesMax: UInt64

    init(_ key: CipherKey, recordsMax: UInt64 = RecordLimit.recordsOfKey, bytesMax: UInt64 = RecordLimit.bytesOfKey) {
        self.key = key
        self.recordsMax = recordsMax
        self.bytesMax = bytesMax
    }

    /// Both sides ask before each record, with the same length, so both change keys in front of the same one, and nothing is said about it.
    /// The counter goes on, so no nonce is used twice even under one key. False when numbers run out, which would take centuries.
    mutating func begin(sealedBytes: Int) -> Bool {
        guard next < .max - 1 else { return false }
        if records == recordsMax || bytes + UInt64(sealedBytes) > bytesMax {
            key = key.rekeyed()
            (records, bytes) = (0, 0)
        }
        records += 1
        bytes += UInt64(sealedBytes)
        return true
    }

    mutating func advance() { next += 1 }
}
