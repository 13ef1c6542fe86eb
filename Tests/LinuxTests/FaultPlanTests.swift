import MasixLinux
import Synchronization
import SystemPackage
import Testing

extension Door {
    @Test func onlyTheNthCallFails() throws {
        try FaultPlan(.pipe, fails: .tooManyOpenFiles, .nth(2)).armed {
            _ = try Pipe.make().reader.raw
            #expect(throws: Errno.tooManyOpenFiles) { _ = try Pipe.make().reader.raw }
            _ = try Pipe.make().reader.raw
        }
        _ = try Pipe.make().reader.raw
    }

    @Test func interruptionsAreRepeated() throws {
        let pipe = try Pipe.make()
        try pipe.writer.writeAll([4])
        let bytes = try FaultPlan(.read, fails: .interrupted, .nth(1)).armed { try pipe.reader.readBytes(max: 1) }
        #expect(bytes == [4])
    }

    @Test func threadPlanLeavesOtherThreadsAlone() throws {
        func opensElsewhere() -> Bool { onThreadAndWait { (try? Pipe.make().reader.raw) != nil } }
        FaultPlan(.pipe, fails: .noMemory).armed(.thread) { #expect(opensElsewhere()) }
        FaultPlan(.pipe, fails: .noMemory).armed(.process) { #expect(!opensElsewhere()) }
        #expect(opensElsewhere())
    }
}

private final class Answer: Sendable {
    let value = Atomic<Int>(-1)
}

/// Runs `body` on another thread; answers what it said.
private func onThreadAndWait(_ body: @escaping @Sendable () -> Bool) -> Bool {
    let answer = Answer()
    onThread { answer.value.store(body() ? 1 : 0, ordering: .releasing) }
    while answer.value.load(ordering: .acquiring) == -1 { Processor.relax() }
    return answer.value.load(ordering: .acquiring) == 1
}
