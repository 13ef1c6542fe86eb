import MasixLinux
import SystemPackage
import Testing

/// Addresses that somebody names, who may be wrong.
@Suite struct OwnMemoryTests {
    /// Fresh pages of so many bytes, freed afterwards.
    private func withPages(_ count: Int, _ body: (UInt64) throws -> Void) throws {
        let address = try #require(OwnMemory.allocate(count))
        defer { OwnMemory.deallocate(address, count) }
        try body(address)
    }

    @Test(arguments: [1, 4096, 2 << 20])
    func whatIsThereIsCopied(count: Int) throws {
        try withPages(count) { address in
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            #expect(OwnMemory.write(bytes, to: address))
            #expect(OwnMemory.read(address, count) == bytes)
        }
    }

    @Test(arguments: [0, 8, 1 << 40, UInt64.max - 3])
    func nothingIsAnErrorAndNoFault(address: UInt64) throws {
        #expect(OwnMemory.read(address, 64) == nil)
        #expect(!OwnMemory.write([1, 2, 3], to: address))
        #expect(OwnMemory.read(address, 1 << 40) == nil)
        let file = try MemoryFile.create(name: "own-memory-test", size: 64)
        #expect(throws: Errno.self) { try OwnMemory.write(address, 64, toFile: file.raw) }
        #expect(OwnMemory.read(address, 0) == [] && OwnMemory.write([], to: address))
    }

    @Test func theEndOfAMappingIsSeen() throws {
        try withPages(8192) { address in
            OwnMemory.deallocate(address + 4096, 4096)
            #expect(OwnMemory.read(address + 4000, 96) != nil)
            #expect(OwnMemory.read(address + 4000, 97) == nil)
            #expect(!OwnMemory.write([UInt8](repeating: 1, count: 97), to: address + 4000))
        }
    }

    @Test func aPlaceIsTakenOnce() throws {
        try withPages(4096) { address in #expect(OwnMemory.allocate(4096, at: address) == nil) }
        #expect(OwnMemory.allocate(0) == nil && OwnMemory.allocate(.max) == nil)
    }
}
