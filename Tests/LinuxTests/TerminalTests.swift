import MasixLinux
import SystemPackage
import Testing

/// What is done to a terminal, and undone.
@Suite struct Terminals {
    @Test func aRawTerminalPassesEveryByteUntilItIsRestored() throws {
        let terminal = try PseudoTerminal.open()
        let slave = try File.open(terminal.slavePath, [.readWrite, .noControllingTerminal])
        #expect(Terminal.isTerminal(slave.raw))
        // Cooked: a line is there when it has ended, and what is typed is shown.
        try terminal.master.writeAll([3, 97])
        #expect(try !Ready.poll(slave.raw, for: .readable, timeoutNanoseconds: 20_000_000))
        #expect(try terminal.master.readBytes(max: 16).last == 97)
        try terminal.master.writeAll([10])
        #expect(try slave.readBytes(max: 16) == [97, 10])
        _ = try terminal.master.readBytes(max: 16)

        let raw = try RawTerminal(slave.raw)
        try terminal.master.writeAll([3, 13, 4])
        #expect(try slave.readBytes(max: 16) == [3, 13, 4])
        #expect(try !Ready.poll(terminal.master.raw, for: .readable, timeoutNanoseconds: 20_000_000))
        try slave.writeAll([10])
        #expect(try terminal.master.readBytes(max: 16) == [10])

        // Twice is as good as once.
        for _ in 0..<2 { raw.restore() }
        try terminal.master.writeAll([98, 13])
        #expect(try slave.readBytes(max: 16) == [98, 10])
        #expect(try terminal.master.readBytes(max: 16) == [98, 13, 10])
    }

    @Test func whatIsNoTerminalIsNotMadeRaw() throws {
        let pipe = try Pipe.make()
        #expect(throws: Errno.self) { _ = try RawTerminal(pipe.reader.raw) }
    }
}
