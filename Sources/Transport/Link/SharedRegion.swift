/// A stretch of shared memory with a fixed layout inside: the base of control memory, link halves and status pages.
///
/// Every access goes through an offset that is checked against the length, so a number that a peer wrote cannot reach beyond it.
/// The owner of the mapping keeps it alive for as long as the region is used.
@safe
public struct SharedRegion: @unchecked Sendable {
    @usableFromInline let base: UnsafeMutableRawPointer
    public let length: Int

    /// `base` must be page-aligned and mapped for `length` bytes for as long as this value or any word of it is used.
    @unsafe
    @inlinable public init(base: UnsafeMutableRawPointer, length: Int) {
        unsafe self.base = base
        self.length = length
    }

    @inlinable @inline(__always)
    func word64(_ offset: Int) -> SharedWord64 {
        precondition(offset >= 0 && offset &+ 8 <= length && offset & 7 == 0)
        return unsafe SharedWord64(at: base + offset)
    }

    @inlinable @inline(__always)
    func word32(_ offset: Int) -> SharedWord32 {
        precondition(offset >= 0 && offset &+ 4 <= length && offset & 3 == 0)
        return unsafe SharedWord32(at: base + offset)
    }

    /// Plain memory, for the contents of slots: ordered by the words around it.
    @inlinable @inline(__always)
    func bytes(_ offset: Int, _ count: Int) -> UnsafeMutableRawBufferPointer {
        precondition(offset >= 0 && count >= 0 && offset &+ count <= length)
        return unsafe UnsafeMutableRawBufferPointer(start: base + offset, count: count)
    }
}
