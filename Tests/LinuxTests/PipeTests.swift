import MasixLinux
import SystemPackage
import Testing

extension Door {
    @Test func pipeCarriesBytesAndEnds() throws {
        var ends = try Pipe.make()
        #expect(try File.status(of: ends.reader.raw).mode == 0o600)
        try ends.writer.writeAll(Array("hello".utf8))
        #expect(try ends.reader.readBytes(max: 100) == Array("hello".utf8))
        ends.writer = try File.open("/dev/null", .write)
        #expect(try ends.reader.readBytes(max: 1) == [])
    }

    @Test func reopenedWriterHasItsOwnFlags() throws {
        let ends = try Pipe.make()
        let own = try Pipe.reopenWriter(ends.writer.raw)
        #expect(try own.isNonBlocking())
        #expect(try !ends.writer.isNonBlocking())
        #expect(try own.write([7]) == 1)
        #expect(try ends.reader.readBytes(max: 4) == [7])
    }

    @Test func writeAllWaitsForRoom() throws {
        let ends = try Pipe.make()
        try ends.writer.setNonBlocking(true)
        let big = [UInt8](repeating: 3, count: 300_000)
        let reader = try ends.reader.duplicate().relinquish()
        let done = DetachedRead(reader, count: big.count)
        try ends.writer.writeAll(big)
        #expect(done.wait() == big.count)
    }

    @Test func endsPart() throws {
        let ends = try Pipe.make()
        let reader = ends.reader
        let writer = ends.writer
        try writer.writeAll([1])
        #expect(try reader.readBytes(max: 9) == [1])
        let child = try Launch("/bin/true", arguments: ["true"]).start()
        let process = child.process
        #expect(try process.wait()?.isSuccess == true)
    }
}
