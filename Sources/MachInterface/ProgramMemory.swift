import Masix
import MasixLinux
import MasixMach
import SystemPackage

/// The memory of the program that calls, for messages.
struct ProgramMemory: TaskMemory {
    func read(_ address: UInt64, _ count: Int) -> [UInt8]? { OwnMemory.read(address, count) }

    func capture(_ address: UInt64, _ count: Int) -> MemoryObject? {
        guard let draft = try? MemoryObject.Draft(count: count) else { return nil }
        do throws(Errno) { try OwnMemory.write(address, count, toFile: draft.rawDescriptor) } catch { return nil }
        return try? MemoryObject(draft)
    }

    func place(_ bytes: [UInt8]) -> UInt64? {
        guard let address = OwnMemory.allocate(bytes.count) else { return nil }
        return OwnMemory.write(bytes, to: address) ? address : nil
    }

    func map(_ object: MemoryObject) -> UInt64? { OwnMemory.allocate(object.count, of: object.rawDescriptor) }

    func read(_ object: MemoryObject, at offset: Int, _ count: Int) -> [UInt8]? { try? object.bytes(in: offset..<(offset + count)) }

    func deallocate(_ address: UInt64, _ count: Int) { OwnMemory.deallocate(address, count) }
}
