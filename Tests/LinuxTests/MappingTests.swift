import MasixLinux
import SystemPackage
import Testing

extension Door {
    @Test func privateMappingKeepsItsChanges() throws {
        let file = try MemoryFile.create(name: "test", size: 8192)
        _ = try File.write(file.raw, [5], at: 4096)
        let copy = try Mapping(of: file.raw, length: 4096, offset: 4096, access: .readWrite, sharing: .private)
        #expect(unsafe copy.base.load(as: UInt8.self) == 5)
        unsafe copy.base.storeBytes(of: 6, as: UInt8.self)
        #expect(try File.readBytes(file.raw, count: 1, at: 4096) == [5])
        #expect(unsafe copy.buffer.count == 4096)
    }

    @Test func adviceIsTaken() throws {
        let memory = try Mapping(anonymous: 1 << 20)
        try memory.populate()
        try memory.excludeFromCoreDump()
        try FaultPlan(.advise, fails: .invalidArgument, .nth(1)).armed { try memory.populate() }
        #expect(throws: Errno.invalidArgument) { _ = try Mapping(anonymous: 0).count }
        #expect(throws: Errno.noMemory) { try FaultPlan(.map, fails: .noMemory).armed { _ = try Mapping(anonymous: 4096).count } }
    }

    @Test func forkedChildLosesExcludedMemory() throws {
        let kept = try Mapping(anonymous: 4096)
        let excluded = try Mapping(anonymous: 4096)
        unsafe kept.base.storeBytes(of: 1, as: UInt8.self)
        try excluded.excludeFromFork()
        let status = try inForkedChild { Int32(unsafe kept.base.load(as: UInt8.self)) }
        #expect(status == .exited(code: 1))
        let touching = try inForkedChild {
            try? Hardening.limitCoreDumps()
            return Int32(unsafe excluded.base.load(as: UInt8.self))
        }
        #expect(touching != .exited(code: 0))
    }

    @Test func forkWordTellsParentFromChild() throws {
        let word = try ForkWord()
        #expect(word.isAlive == true)
        let status = try inForkedChild { word.isAlive ? 1 : 42 }
        #expect(status == .exited(code: 42))
        #expect(word.isAlive == true)
    }
}
