/// What a record carries.
public enum RecordKind: UInt8, Hashable, Sendable {
    case data = 1
    /// The last one of its direction: whoever sees the stream end without it has been cut off by somebody else.
    case close = 2
}

/// The limits of records (spec/security.md 2.6).
public enum RecordLimit {
    /// In front of a record, little-endian: how long it is.
    public static let lengthBytes = 2
    /// What a record has besides its payload: its kind and the tag.
    public static let overhead = 1 + CipherKey.tagBytes
    public static let payloadBytesMax = Int(UInt16.max) - overhead
    /// A key serves for so many records,
    public static let recordsOfKey: UInt64 = 1 << 20
    /// or for so many bytes, whichever is first.
    public static let bytesOfKey: UInt64 = 1 << 30
}
