import MasixLinux
import SystemPackage
import Testing

extension Door {
    @Test func fileIsWrittenReadAndDescribed() throws {
        let scratch = try ScratchDirectory()
        let path = scratch.path + "/file"
        let file = try File.open(path, [.readWrite, .create, .exclusive], mode: 0o640)
        #expect(try File.write(file.raw, Array("hello".utf8), at: 3) == 5)
        #expect(try File.readBytes(file.raw, count: 100, at: 4) == Array("ello".utf8))
        try File.synchronize(file.raw)
        try File.changeMode(path, to: 0o600)
        try File.setTimes(path, accessed: nil, modified: FileTime(seconds: 1000, nanoseconds: 5))
        let status = try File.status(path)
        #expect(status.kind == .regular && status.size == 8 && status.mode == 0o600)
        #expect(status.modified == FileTime(seconds: 1000, nanoseconds: 5))
        #expect(status.accessed.seconds > 1000)
        #expect(try File.status(of: file.raw).inode == status.inode)
        #expect(throws: Errno.fileExists) { _ = try File.open(path, [.write, .create, .exclusive]).raw }
        #expect(throws: Errno.invalidArgument) { _ = try File.open("/dev/null\0x", .read).raw }
        #expect(throws: Errno.fileTooLarge) { _ = try File.contents(of: path, max: 7) }
    }

    @Test func directoryListsInOrder() throws {
        let scratch = try ScratchDirectory()
        try Directory.makeAll(scratch.path + "/b/c/d")
        _ = try File.open(scratch.path + "/a", [.write, .create]).raw
        try Link.make(scratch.path + "/z", to: "a")
        try Link.makeHard(scratch.path + "/h", to: scratch.path + "/a")
        let root = try File.open(scratch.path, .directory)
        for _ in 0..<2 {
            let entries = try Directory.entries(at: root.raw)
            #expect(entries.map(\.name) == ["a", "b", "h", "z"])
            #expect(entries.map(\.kind) == [.regular, .directory, .regular, .link])
        }
        #expect(try Link.target(of: "z", at: root.raw) == "a")
        #expect(try File.status("z", at: root.raw, followingLinks: false).kind == .link)
        #expect(throws: Errno.directoryNotEmpty) { try Directory.remove("b", at: root.raw) }
        try File.rename("a", to: "b/a", from: root.raw, into: root.raw)
        try File.unlink("z", at: root.raw)
        #expect(try Directory.entries(of: scratch.path).map(\.name) == ["b", "h"])
    }

    @Test(arguments: [Features.assumed, Features.assumed.without(.openat2)])
    func nothingLeavesItsRoot(features: Features) throws {
        let scratch = try ScratchDirectory()
        try Directory.makeAll(scratch.path + "/root/inner")
        _ = try File.open(scratch.path + "/secret", [.write, .create]).raw
        try Link.make(scratch.path + "/root/out", to: "../secret")
        try Link.make(scratch.path + "/root/up", to: "..")
        let root = try File.open(scratch.path + "/root", .directory)
        _ = try File.open("inner/file", [.write, .create], beneath: root.raw, features: features).raw
        #expect(try File.status(scratch.path + "/root/inner/file").kind == .regular)
        _ = try File.open(".", .directory, beneath: root.raw, features: features).raw
        for path in ["../secret", "/etc/passwd", "out", "up/secret", "inner/../../secret"] {
            #expect(throws: Errno.self, "\(path)") { _ = try File.open(path, .read, beneath: root.raw, features: features).raw }
        }
        #expect(throws: Errno.noSuchFileOrDirectory) { _ = try File.open("nothing", .read, beneath: root.raw, features: features).raw }
    }

    @Test(arguments: [nil, FaultPoint.copyRange, .sendFile])
    func copyCopiesByEveryWay(broken: FaultPoint?) throws {
        let scratch = try ScratchDirectory()
        let source = try File.open(scratch.path + "/source", [.readWrite, .create])
        let target = try File.open(scratch.path + "/target", [.readWrite, .create])
        let bytes = try RandomBytes.bytes(200_000)
        try source.writeAll(bytes)
        var plan = FaultPlan()
        if broken != nil { plan.add(.copyRange, fails: .noFunction) }
        if broken == .sendFile { plan.add(.sendFile, fails: .invalidArgument) }
        let copied = try plan.armed {
            try Copy.range(from: source.raw, offset: 1000, to: target.raw, offset: 10, count: 1 << 30)
        }
        #expect(copied == 199_000)
        #expect(try File.readBytes(target.raw, count: 300_000, at: 0) == [UInt8](repeating: 0, count: 10) + bytes[1000...])
    }

    @Test func copyReadsWhatHasNoSize() throws {
        let scratch = try ScratchDirectory()
        let source = try File.open("/proc/self/status", .read)
        let target = try File.open(scratch.path + "/target", [.readWrite, .create])
        #expect(try Copy.range(from: source.raw, offset: 0, to: target.raw, offset: 0, count: 1 << 20) > 100)
    }

    @Test func fileSystemsAreTold() throws {
        let proc = try File.open("/proc", .directory)
        #expect(try FileSystem.of(proc.raw).kind == .proc)
        let memory = try MemoryFile.create(name: "test", size: 1)
        #expect(try FileSystem.of(memory.raw).kind == .shared)
    }

    @Test func pipeIsNoTerminal() throws {
        let pipe = try Pipe.make()
        #expect(!Terminal.isTerminal(pipe.reader.raw))
        #expect(Terminal.columns(pipe.reader.raw) == nil)
    }
}
