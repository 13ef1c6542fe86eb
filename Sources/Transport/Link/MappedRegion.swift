import MasixLinux
public import SystemPackage

/// Shared memory that is mapped for as long as somebody holds this: what regions, halves and pages of a link rest on.
public final class MappedRegion: Sendable {
    private let mapping: Mapping
    public let region: SharedRegion

    /// Maps `length` bytes of the descriptor; it may be closed afterwards. A forked child does not get the mapping
    /// (architecture rule 20).
    public init(of raw: Int32, length: Int, writable: Bool) throws(Errno) {
        mapping = try Mapping(of: raw, length: length, access: writable ? .readWrite : .read)
        try mapping.excludeFromFork()
        // The region lives in this object beside the mapping, and words of it are used only by those who hold the object.
        region = unsafe SharedRegion(base: mapping.base, length: mapping.count)
    }

    /// Memory of this process alone: for simulations and tests, where both ends are at home.
    public init(anonymous length: Int) throws(Errno) {
        mapping = try Mapping(anonymous: length)
        region = unsafe SharedRegion(base: mapping.base, length: mapping.count)
    }
}
