import Glibc
import Masix
import MasixLinux
import MasixTestKit
import Testing

/// Memory: filled once, sealed, then only read; what does not fit is refused.
@Suite struct MemoryObjectTests {
    private func filled() throws -> MemoryObject {
        try MemoryObject(count: 10_000) { (draft) throws(MasixError) in
            try draft.write([1, 2, 3], at: 0)
            try draft.write([9], at: 9_999)
        }
    }

    @Test func whatIsNotWrittenIsZero() throws {
        let memory = try filled()
        #expect(memory.count == 10_000)
        #expect(try memory.bytes(in: 0..<5) == [1, 2, 3, 0, 0])
        #expect(try memory.bytes(in: 9_998..<10_000) == [0, 9])
        #expect(try memory.bytes(in: 5_000..<5_000) == [])
        #expect(try memory.bytes().count == 10_000)
        let mapped = try memory.withMapped { span in
            (span.byteCount, unsafe span.unsafeLoad(fromByteOffset: 2, as: UInt8.self))
        }
        #expect(mapped == (10_000, 3))
    }

    @Test func nothingIsReadOrWrittenOutside() throws {
        let memory = try filled()
        for range in [0..<10_001, 10_000..<10_001, -1..<1] {
            #expect(throws: MasixError.invalidValue) { _ = try memory.bytes(in: range) }
        }
        for (bytes, place) in [([1], 4), ([1, 2, 3], 2), ([1], -1), ([], 5)] as [([UInt8], Int)] {
            #expect(throws: MasixError.invalidValue) {
                _ = try MemoryObject(count: 4) { (draft) throws(MasixError) in try draft.write(bytes, at: place) }
            }
        }
        #expect(throws: MasixError.invalidValue) { _ = try MemoryObject(count: -1) { (_) throws(MasixError) in } }
        #expect(throws: MasixError.invalidValue) { _ = try memory.copy(to: -1, at: 0, from: 10_001) }
        #expect(throws: MasixError.invalidValue) { _ = try memory.copy(to: -1, at: 0, from: 1, count: 10_000) }
        #expect(throws: MasixError.invalidValue) { _ = try memory.copy(to: -1, at: 0, from: 0, count: -1) }
    }

    /// The error of whoever fills is his own, and no other.
    @Test func whatTheFillerThrowsIsThrown() throws {
        #expect(throws: MasixError.refusedByServer("no")) {
            _ = try MemoryObject(count: 4) { (_) throws(MasixError) in throw .refusedByServer("no") }
        }
        #expect(throws: MasixError.memory(errno: EBADF)) {
            _ = try MemoryObject(count: 4) { (draft) throws(MasixError) in _ = try draft.copy(from: -1, at: 0, count: 4) }
        }
    }

    @Test func itIsFilledFromAFileAndEmptiedIntoOne() throws {
        let owner = try MemoryFile.create(name: "masix-test-file", size: 0)
        let file = owner.raw
        let written = try MemoryObject(bytes: Array("0123456789".utf8)).copy(to: file, at: 5)
        #expect(written == 10)
        let read = try MemoryObject(count: 20) { (draft) throws(MasixError) in
            // The file ends before.
            let count = try draft.copy(from: file, at: 7, count: 18, to: 2)
            #expect(count == 8)
        }
        #expect(try read.bytes(in: 0..<11) == [0, 0] + Array("23456789".utf8) + [0])
        #expect(throws: MasixError.invalidValue) {
            _ = try MemoryObject(count: 4) { (draft) throws(MasixError) in _ = try draft.copy(from: file, at: 0, count: 4, to: 1) }
        }
        #expect(try read.copy(to: file, at: 0, from: 2, count: 3) == 3)
        #expect(throws: MasixError.memory(errno: EBADF)) { _ = try read.copy(to: -1, at: 0) }
    }

    @Test func emptyMemoryIsMemory() throws {
        let memory = try MemoryObject(bytes: [])
        #expect(memory.count == 0)
        #expect(try memory.bytes() == [])
        #expect(try memory.withMapped { $0.byteCount } == 0)
    }

    /// M1: one object to many, who hold it as long as they want; each has its own reading.
    @Test func itOutlivesItsMakerAndIsSharedWithoutACopy() throws {
        try TestNode.run { node in
            let taker = try node.attach()
            let port = try taker.makePort()
            try sendAndGo(node, to: port, in: taker)
            var first = try port.receive(timeout: .seconds(10))
            var second = try port.receive(timeout: .seconds(10))
            let held = [first.takeMemory(), second.takeMemory()]
            #expect(first.memoryCount == 1)
            #expect(first.takeMemory() == nil)
            #expect(first.takeMemory(at: 1) == nil)
            for memory in held { #expect(try memory?.bytes() == [4, 2]) }
        }
    }

    private func sendAndGo(_ node: TestNode, to port: borrowing ReceiveRight, in taker: Space) throws {
        let giver = try node.attach()
        let right = try node.pass(try port.makeSendRight(), from: taker, to: giver)
        let memory = try MemoryObject(bytes: [4, 2])
        for _ in 0..<2 {
            var message = Message()
            message.attach(memory)
            try right.send(message, timeout: .seconds(10))
        }
    }
}
