import Masix

/// A memory object on its way to us.
final class IncomingMemory {
    private var draft: MemoryObject.Draft?
    private var offset = 0

    init(count: Int) throws(MasixError) { draft = try MemoryObject.Draft(count: count) }

    func append(_ bytes: ArraySlice<UInt8>) throws(MasixError) {
        try draft?.write(bytes, at: offset)
        offset += bytes.count
    }

    func finish() throws(MasixError) -> MemoryObject {
        guard let draft = draft.take() else { throw .invalidValue }
        return try MemoryObject(draft)
    }
}
