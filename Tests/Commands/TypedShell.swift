import MasixLinux
import Synchronization
import SystemPackage
import Testing

/// A script on a terminal of its own, and somebody who types.
final class TypedShell: Sendable {
    let pid: Int32
    private let process: ProcessDescriptor
    private let master: Descriptor
    private let text = Mutex("")

    /// With `masix` in the path and the node's directory, as a user at a terminal has it.
    init(_ script: String, on node: NodeProcess, columns: Int = 80, rows: Int = 24) throws {
        let terminal = try PseudoTerminal.open()
        try Terminal.setSize(terminal.master.raw, columns: columns, rows: rows)
        let slave = try File.open(terminal.slavePath, [.readWrite, .noControllingTerminal])
        var launch = Launch(
            "/bin/bash", arguments: ["bash", "-c", script],
            environment: ["PATH=\(NodeProcess.programs):/usr/bin:/bin", "MASIX_NODE=\(node.directory)", "LC_ALL=C.UTF-8", "TERM=vt100"])
        launch.placements = (0...2).map { .init(slave.raw, at: $0) }
        launch.newSession = true
        launch.controllingTerminal = 0
        let child = try launch.start()
        pid = child.pid
        process = child.takeProcess()
        master = terminal.takeMaster()
        try DetachedThread.start("typed") { [self] in
            while let bytes = try? Descriptor.readBytes(from: master.raw, max: 65_536), !bytes.isEmpty {
                text.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
            }
        }
    }

    var output: String { text.withLock { $0 } }

    func type(_ words: String) throws { try master.writeAll(Array(words.utf8)) }

    func resize(columns: Int, rows: Int) throws { try Terminal.setSize(master.raw, columns: columns, rows: rows) }

    /// Waits until this has been printed.
    func expect(_ words: String, seconds: Int = 20, line: Int = #line) throws {
        guard eventually(seconds: seconds, { output.contains(words) }) else {
            throw NodeProcess.Failure(words: "line \(line): no '\(words)' in <\(output)>")
        }
    }

    /// The exit code of the script.
    func wait(seconds: UInt64 = 20) throws -> Int32 {
        guard try Ready.poll(process.raw, for: .readable, timeoutNanoseconds: seconds * 1_000_000_000) else {
            try process.sendSignal(Signal.kill)
            throw NodeProcess.Failure(words: "still runs: <\(output)>")
        }
        switch try process.wait() {
        case .exited(let code): return code
        case .signalled(let number, _): return 128 + number
        case nil: return -1
        }
    }
}

extension PseudoTerminal {
    fileprivate consuming func takeMaster() -> Descriptor { master }
}
