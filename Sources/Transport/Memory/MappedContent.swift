import MasixLinux
public import SystemPackage

/// The content of a sealed memory object, mapped privately and read-only for as long as this lives.
public final class MappedContent: Sendable {
    private let mapping: Mapping

    /// The nucleus has checked that the object is sealed against shrinking, so that a read inside it cannot fault.
    public init(of raw: Int32, count: Int) throws(Errno) {
        mapping = try Mapping(of: raw, length: count, access: .read, sharing: .private)
    }

    public func read<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        // The mapping outlives the call.
        try unsafe body(UnsafeRawBufferPointer(mapping.buffer).bytes)
    }
}
