import MasixLinux
import SystemPackage
import Testing

extension Door {
    static let launchFeatures = [
        Features.assumed, Features.assumed.without(.cloneProcessDescriptor), Features.assumed.without(.closeRange),
    ]

    /// Runs a shell script with its output on a pipe; answers the output and the end.
    private func run(_ script: String, features: Features = .assumed, _ prepare: (inout Launch) -> Void = { _ in }) throws -> (
        String, MasixLinux.ExitStatus?
    ) {
        var ends = try Pipe.make()
        var launch = Launch("/bin/sh", arguments: ["sh", "-c", script], environment: ["PATH=/bin:/usr/bin"])
        launch.placements = [.init(ends.writer.raw, at: 1), .init(ends.writer.raw, at: 2)]
        prepare(&launch)
        let child = try launch.start(features: features)
        ends.writer = try File.open("/dev/null", .write)
        let output = try ends.reader.readAll(max: 1 << 20)
        return (String(decoding: output, as: UTF8.self), try child.process.wait())
    }

    @Test(arguments: launchFeatures)
    func onlyPlacedDescriptorsArrive(features: Features) throws {
        // Sources that are targets too: the two change places.
        let first = try MemoryFile.create(name: "first", size: 0)
        let second = try MemoryFile.create(name: "second", size: 0)
        let leaked = try File.open("/dev/null", .read)
        try leaked.setCloseOnExec(false)
        let (a, b) = (first.raw, second.raw)
        let output = try run("exec ls -l /proc/self/fd", features: features) { $0.placements += [.init(b, at: a), .init(a, at: b)] }
        let lines = output.0.split(separator: "\n")
        #expect(lines.contains { $0.hasSuffix(" \(a) -> /memfd:second (deleted)") }, "\(output.0)")
        #expect(lines.contains { $0.hasSuffix(" \(b) -> /memfd:first (deleted)") })
        #expect(lines.contains { $0.hasSuffix(" 0 -> /dev/null") })
        #expect(!lines.contains { $0.contains(" \(leaked.raw) -> /dev/null") })
        // Three standard ones and two placed, besides the one by which ls reads the directory.
        #expect(lines.filter { $0.contains(" -> ") && !$0.contains(" -> /proc/") }.count == 5, "\(output.0)")
        #expect(output.1 == .exited(code: 0))
    }

    @Test(arguments: launchFeatures)
    func failureToExecuteIsReported(features: Features) throws {
        #expect(throws: Errno.noSuchFileOrDirectory) {
            _ = try Launch("/nonexistent/program", arguments: ["program"]).start(features: features).pid
        }
        #expect(throws: Errno.permissionDenied) { _ = try Launch("/etc/passwd", arguments: ["passwd"]).start(features: features).pid }
        var nowhere = Launch("/bin/true", arguments: ["true"])
        nowhere.workingDirectory = "/nonexistent"
        #expect(throws: Errno.noSuchFileOrDirectory) { _ = try nowhere.start(features: features).pid }
        nowhere.workingDirectory = nil
        nowhere.placements = [.init(closedNumber, at: 3)]
        #expect(throws: Errno.badFileDescriptor) { _ = try nowhere.start(features: features).pid }
    }

    @Test func childIsAsOrdered() throws {
        let status = try run("cat /proc/self/status; ulimit -c; pwd; echo $MARK; cat /proc/self/stat | cut -d' ' -f 6,1") {
            $0.noCoreDump = true
            $0.workingDirectory = "/usr"
            $0.environment.append("MARK=here")
            $0.newSession = true
        }
        #expect(status.0.contains("NoNewPrivs:\t1"))
        #expect(status.0.contains("SigBlk:\t0000000000000000"))
        #expect(status.0.contains("SigIgn:\t0000000000000000"))
        #expect(status.0.contains("\n0\n/usr\nhere\n"))
    }

    @Test(.enabled(if: CurrentProcess.uid == 0, "only root changes identity"), arguments: launchFeatures)
    func childBecomesAnotherUser(features: Features) throws {
        let output = try run("id -u; id -g; id -G", features: features) { $0.identity = .init(uid: 12_345, gid: 12_346) }
        #expect(output.0 == "12345\n12346\n12346\n")
    }

    @Test func childGetsAControllingTerminal() throws {
        let terminal = try PseudoTerminal.open()
        let slave = try File.open(terminal.slavePath, [.readWrite, .noControllingTerminal])
        #expect(Terminal.isTerminal(slave.raw))
        try Terminal.setSize(slave.raw, columns: 91, rows: 30)
        #expect(Terminal.columns(slave.raw) == 91)
        let (script, slaveRaw) = ("echo ok > /dev/tty && echo done", slave.raw)
        let output = try run(script) {
            $0.placements.append(.init(slaveRaw, at: 0))
            $0.newSession = true
            $0.controllingTerminal = 0
        }
        #expect(output.0 == "done\n")
        #expect(String(decoding: try terminal.master.readBytes(max: 10), as: UTF8.self).hasPrefix("ok"))
    }

    @Test func processDescriptorFollowsItsProcess() throws {
        let child = try Launch("/bin/sleep", arguments: ["sleep", "30"]).start()
        #expect(try !child.process.hasExited())
        #expect(try child.process.wait(block: false) == nil)
        #expect(try commandName(ofPID: child.pid) == "sleep")
        #expect(try executablePath(ofPID: child.pid).hasPrefix("/"))
        let statistics = try ProcessStatistics.of(pid: child.pid)
        #expect(try #require(statistics.privateBytes) > 0)
        try child.process.sendSignal(Signal.kill)
        #expect(try Ready.poll(child.process.raw, for: .readable, timeoutNanoseconds: 5_000_000_000))
        #expect(try child.process.hasExited())
        #expect(try child.process.wait() == .signalled(Signal.kill, coreDumped: false))
        #expect(throws: Errno.noChildProcess) { try child.process.wait() }
        #expect(throws: Errno.noSuchProcess) { try child.process.sendSignal(0) }
        #expect(throws: Errno.noSuchProcess) { _ = try ProcessStatistics.of(pid: child.pid) }
        #expect(throws: Errno.noSuchProcess) { _ = try ProcessDescriptor.open(pid: child.pid).raw }
    }

    @Test func withoutProcessDescriptorsNothingStarts() throws {
        let features = Features.assumed.without(.processDescriptor)
        #expect(throws: Errno.noFunction) { _ = try Launch("/bin/true", arguments: ["true"]).start(features: features).pid }
        #expect(throws: Errno.noFunction) { _ = try ProcessDescriptor.open(pid: CurrentProcess.pid, features: features).raw }
    }

    @Test func usageGrowsWithWork() throws {
        let before = try ResourceUsage.current()
        let end = Clock.monotonicNanoseconds() + 30_000_000
        while Clock.monotonicNanoseconds() < end { Processor.relax() }
        let after = try ResourceUsage.current()
        #expect(after.processorNanoseconds > before.processorNanoseconds)
        #expect(after.peakResidentBytes > 1 << 20)
    }
}
