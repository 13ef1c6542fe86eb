import Masix
import MasixMach
import Synchronization

/// The memory of a task: regions, each at an address of its own, so that what is freed is seen to be.
final class Pieces: TaskMemory {
    private struct Store {
        var regions: [UInt64: [UInt8]] = [:]
        var last: UInt64 = 0
    }

    private let store = Mutex(Store())

    func read(_ address: UInt64, _ count: Int) -> [UInt8]? {
        store.withLock { store in store.regions[address].flatMap { $0.count >= count ? Array($0.prefix(count)) : nil } }
    }

    func capture(_ address: UInt64, _ count: Int) -> MemoryObject? { read(address, count).flatMap { try? MemoryObject(bytes: $0) } }

    func place(_ bytes: [UInt8]) -> UInt64? {
        store.withLock { store in
            store.last += 1
            store.regions[store.last << 20] = bytes
            return store.last << 20
        }
    }

    func map(_ object: MemoryObject) -> UInt64? { (try? object.bytes()).flatMap { place($0) } }
    func read(_ object: MemoryObject, at offset: Int, _ count: Int) -> [UInt8]? { try? object.bytes(in: offset..<(offset + count)) }
    func deallocate(_ address: UInt64, _ count: Int) { store.withLock { $0.regions[address] = nil } }

    /// Takes a region out; nil if nothing is there.
    func remove(_ address: UInt64) -> [UInt8]? { store.withLock { $0.regions.removeValue(forKey: address) } }
}
