import MasixLinux
import SystemPackage
import Testing

extension Door {
    @Test(arguments: [Features.assumed, Features.assumed.without(.memfdNoExecSeal)])
    func memoryFileIsPrivateToItsUser(features: Features) throws {
        let file = try MemoryFile.create(name: "test", size: 8192, features: features)
        #expect(try file.size() == 8192)
        #expect(try File.status(of: file.raw).mode == 0o600)
        #expect(try file.seals().contains(.execute) == (features.memfdNoExecSeal && Features.detect(environment: [:]).memfdNoExecSeal))
    }

    @Test func oldLinuxWithoutNoExecSealIsServed() throws {
        let file = try FaultPlan(.memfdCreate, fails: .invalidArgument, .nth(1)).armed { try MemoryFile.create(name: "test", size: 1) }
        #expect(try !file.seals().contains(.execute))
        #expect(try file.size() == 1)
    }

    @Test func frozenMemoryRefusesEveryChange() throws {
        let file = try MemoryFile.create(name: "test", size: 4096)
        _ = try File.write(file.raw, [1, 2, 3], at: 0)
        #expect(try !MemoryFile.isSealedMemory(raw: file.raw, atLeast: 1))
        do {
            let writable = try Mapping(of: file.raw, length: 4096, access: .readWrite)
            #expect(throws: Errno.resourceBusy) { try file.addSeals(.frozen) }
            _ = writable.count
        }
        try file.addSeals(.frozen)
        #expect(try MemoryFile.isSealedMemory(raw: file.raw, atLeast: 4096))
        #expect(try !MemoryFile.isSealedMemory(raw: file.raw, atLeast: 4097))
        #expect(throws: Errno.notPermitted) { try File.write(file.raw, [9], at: 0) }
        #expect(throws: Errno.notPermitted) { try file.truncate(to: 1) }
        #expect(throws: Errno.notPermitted) { _ = try Mapping(of: file.raw, length: 4096, access: .readWrite).count }
        #expect(throws: Errno.notPermitted) { try file.addSeals(.futureWrite) }
        #expect(try File.readBytes(file.raw, count: 3, at: 0) == [1, 2, 3])
    }

    @Test func futureWriteSealLeavesOldWriters() throws {
        let file = try MemoryFile.create(name: "test", size: 4096)
        let writer = try Mapping(of: file.raw, length: 4096, access: .readWrite)
        try file.addSeals([.futureWrite, .shrink, .grow, .seal])
        #expect(throws: Errno.notPermitted) { _ = try Mapping(of: file.raw, length: 4096, access: .readWrite).count }
        let reader = try Mapping(of: file.raw, length: 4096, access: .read)
        unsafe writer.base.storeBytes(of: 77, toByteOffset: 100, as: UInt8.self)
        #expect(unsafe reader.base.load(fromByteOffset: 100, as: UInt8.self) == 77)
    }

    @Test func ordinaryFilesAreNotSealedMemory() throws {
        let scratch = try ScratchDirectory()
        let file = try File.open(scratch.path + "/file", [.readWrite, .create])
        #expect(try !MemoryFile.isSealedMemory(raw: file.raw, atLeast: 0))
        let pipe = try Pipe.make()
        #expect(try !MemoryFile.isSealedMemory(raw: pipe.reader.raw, atLeast: 0))
    }
}
