/// The inline bytes of a message in the library's own hands. Few of them lie in the value itself, so that a short message needs no
/// memory of its own on its way from a slot to its user.
public struct MessageBytes: ~Copyable, Sendable {
    /// As many as lie in the value.
    @inlinable public static var fewMax: Int { 64 }

    /// `fewMax` bytes. A tuple, which is copied as such wherever it goes.
    @usableFromInline typealias Few = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

    @usableFromInline var few: Few
    /// How many of `few` count, unless there are `many`. What lies behind them is no part of the message, and nobody's to see.
    @usableFromInline var fewCount: Int
    @usableFromInline var many: [UInt8]?

    /// None.
    @inlinable @inline(__always)
    public init() {
        few = (0, 0, 0, 0, 0, 0, 0, 0)
        fewCount = 0
        many = nil
    }

    /// The bytes of an array, which is shared and not copied.
    @inlinable @inline(__always)
    public init(_ array: [UInt8]) {
        few = (0, 0, 0, 0, 0, 0, 0, 0)
        fewCount = 0
        many = array
    }

    /// A copy.
    @inlinable
    public init(copying bytes: Span<UInt8>) {
        self.init()
        if bytes.count <= Self.fewMax {
            fewCount = bytes.count
            // Few have room, and are other memory than what is copied.
            unsafe withUnsafeMutableBytes(of: &few) { to in unsafe bytes.withUnsafeBytes { from in unsafe to.copyMemory(from: from) } }
        } else {
            many = Self.copy(bytes)
        }
    }

    /// A copy of bytes that are no array's.
    @inlinable
    public init(copying bytes: RawSpan) {
        self.init(copying: Span(_bytes: bytes))
    }

    /// So many of the bytes, at most `fewMax`, of which there are as many to be read.
    @inlinable @inline(__always)
    init(few bytes: UnsafeRawBufferPointer, _ count: Int) {
        precondition(count <= Self.fewMax && bytes.count >= Self.fewMax)
        unsafe few = bytes.loadUnaligned(as: Few.self)
        fewCount = count
        many = nil
    }

    @inlinable @inline(__always)
    public var count: Int { many?.count ?? fewCount }

    /// The bytes as an array: a new one, where they are few.
    @inlinable
    public var array: [UInt8] {
        if let many { return many }
        return fewCount == 0 ? [] : withSpan { Self.copy($0) }
    }

    @usableFromInline
    static func copy(_ bytes: Span<UInt8>) -> [UInt8] {
        unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// Lends the bytes for the time of the call.
    @inlinable @inline(__always)
    public func withSpan<Result: ~Copyable, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if let many { return try body(many.span) }
        // The span is gone when the call is over.
        return try unsafe withUnsafeBytes(of: few) { bytes throws(Failure) in
            try body(unsafe Span(_unsafeBytes: UnsafeRawBufferPointer(start: bytes.baseAddress, count: fewCount)))
        }
    }

    /// The same, for who takes them as memory.
    @inlinable @inline(__always)
    public func withRawSpan<Result: ~Copyable, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // Bytes are whatever their bits are.
        try withSpan { bytes throws(Failure) in try body(unsafe bytes.bytes) }
    }

    /// Copies the bytes to where there is room for at least as many, and for `fewMax`.
    @inlinable @inline(__always)
    func write(into target: UnsafeMutableRawBufferPointer) {
        precondition(target.count >= count && target.count >= Self.fewMax)
        if many == nil, fewCount == Self.fewMax {
            unsafe target.storeBytes(of: few, as: Few.self)
        } else if count > 0 {
            // Other memory than the target.
            withSpan { bytes in unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) } }
        }
    }
}
