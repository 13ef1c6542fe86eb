import MasixLinux
import Synchronization
import SystemPackage
import Testing

/// A schedule that lets nobody else run, and notes what it is asked.
private final class Solitary: Schedule {
    let time = Atomic<UInt64>(5_000)
    let awaited = Mutex<[(String, UInt64?)]>([])
    let started = Mutex<[String]>([])

    func nanoseconds() -> UInt64 { time.load(ordering: .relaxed) }

    func wait(for what: Awaited, until deadline: UInt64?) {
        let name =
            switch what {
            case .change(_, let value): "change from \(value)"
            case .readiness(let requests): "\(requests.count) descriptors"
            case .answer: "answer"
            }
        awaited.withLock { $0.append((name, deadline)) }
        // Nothing comes before its time is over.
        if let deadline { time.store(deadline, ordering: .relaxed) }
    }

    func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) { started.withLock { $0.append(name) } }
}

@Suite struct ScheduleTests {
    @Test("a scheduled thread waits, looks at the clock and starts threads where its schedule says, and nobody else does")
    func asked() throws {
        let solitary = Solitary()
        #expect(ScheduledThread.current == nil)
        let pair = try MessageSocket.pair()
        let raw = pair.first.raw
        try MessageSocket.send(on: pair.second.raw, [1, 2, 3], wait: true)
        let failure = Mutex<Errno?>(nil)
        ScheduledThread.run(by: solitary) {
            #expect(ScheduledThread.current === solitary && Clock.monotonicNanoseconds() == 5_000)
            do throws(Errno) {
                #expect(try !FutexWord(7).wait(while: 7, timeoutNanoseconds: 1_000))
                #expect(Clock.monotonicNanoseconds() == 6_000)
                let pipe = try Pipe.make()
                #expect(try !Ready.poll(pipe.reader.raw, for: .readable, timeoutNanoseconds: 500))
                // A look is no wait.
                #expect(try !Ready.poll(pipe.reader.raw, for: .readable, timeoutNanoseconds: 0))
                Bell.ring(pipe.writer.raw)
                try Bell.listen(pipe.reader.raw)
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
                defer { unsafe buffer.deallocate() }
                // The buffer lives over the call.
                let received = try unsafe MessageSocket.receive(on: raw, into: buffer, wait: true)
                #expect(received.byteCount == 3)
                try DetachedThread.start("never") { Issue.record("a thread was started by Linux") }
            } catch {
                failure.withLock { $0 = error }
            }
        }
        #expect(failure.withLock { $0 } == nil && ScheduledThread.current == nil)
        #expect(solitary.started.withLock { $0 } == ["never"])
        let awaited = solitary.awaited.withLock { $0 }
        #expect(awaited.map(\.0) == ["change from 7", "1 descriptors", "1 descriptors", "answer"])
        #expect(awaited.map(\.1) == [6_000, 6_500, nil, nil])
        #expect(Clock.monotonicNanoseconds() > 6_500)
    }
}
