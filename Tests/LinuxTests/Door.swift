import Glibc
import MasixLinux
import SystemPackage
import Testing

/// The door to Linux, its tests one at a time: descriptors, signals and forks belong to the whole process.
@Suite(.serialized) struct Door {}

/// Runs `body` in a forked copy of this process, which ends with its answer; answers how the copy ended.
///
/// The copy has one thread of many: `body` makes system calls and little else. An alarm ends it if it hangs.
func inForkedChild(_ body: () -> Int32) throws -> MasixLinux.ExitStatus {
    // Swift hides `fork` since most uses are wrong; this one ends in _exit.
    let symbol = unsafe try #require(dlsym(nil, "fork"))
    let fork = unsafe unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)
    let pid = fork()
    if pid == 0 {
        _ = alarm(5)
        _exit(body())
    }
    let process = try ProcessDescriptor.open(pid: pid)
    let status = try process.wait()
    return try #require(status)
}

/// A directory that is removed at the end.
struct ScratchDirectory: ~Copyable {
    let path: String

    init() throws {
        let path = "/tmp/linux-tests-\(CurrentProcess.pid)-\(try RandomBytes.uint64())"
        try Directory.make(path)
        self.path = path
    }

    deinit {
        do { try Directory.removeAll(path) } catch { Issue.record(error) }
    }
}

/// A number that no descriptor of this process has.
let closedNumber: Int32 = 1_000_000
