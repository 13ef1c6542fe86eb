import MasixLinux
import Synchronization
import SystemPackage
import Testing

extension Door {
    @Test func readyTellsWhoIsReady() throws {
        let one = try Pipe.make()
        let two = try Pipe.make()
        #expect(try !Ready.poll(one.reader.raw, for: .readable, timeoutNanoseconds: 0))
        #expect(try Ready.poll(one.writer.raw, for: .writable, timeoutNanoseconds: nil))
        let start = Clock.monotonicNanoseconds()
        #expect(try !Ready.poll(one.reader.raw, for: .readable, timeoutNanoseconds: 20_000_000))
        #expect(Clock.monotonicNanoseconds() - start >= 20_000_000)
        try two.writer.writeAll([1])
        let both = try Ready.pollTwo(one.reader.raw, for: .readable, two.reader.raw, for: .readable, timeoutNanoseconds: 1_000_000_000)
        #expect(!both.first && both.second)
        let several = [Ready.Request(one.reader.raw, for: .readable), Ready.Request(two.reader.raw, for: .readable)]
        #expect(try Ready.poll(several, timeoutNanoseconds: nil) == [1])
        #expect(throws: Errno.badFileDescriptor) { try Ready.poll(closedNumber, for: .readable, timeoutNanoseconds: 0) }
    }

    @Test func interruptedPollKeepsItsTime() throws {
        let pipe = try Pipe.make()
        let start = Clock.monotonicNanoseconds()
        let plan = FaultPlan(.poll, fails: .interrupted, .nth(1))
        #expect(try !plan.armed { try Ready.poll(pipe.reader.raw, for: .readable, timeoutNanoseconds: 20_000_000) })
        #expect(Clock.monotonicNanoseconds() - start >= 20_000_000)
    }

    @Test func pollerReportsTokens() throws {
        var poller = try Poller(eventsMax: 8)
        let one = try Pipe.make()
        let two = try Pipe.make()
        try poller.add(one.reader.raw, token: .max - 1, interest: .readable)
        try poller.add(two.reader.raw, token: 2, interest: .readable)
        #expect(throws: Errno.fileExists) { try poller.add(one.reader.raw, token: 1, interest: .readable) }
        #expect(try poller.wait(timeoutMilliseconds: 0) { _, _ in Issue.record("nothing is ready") } == 0)
        try one.writer.writeAll([1])
        try two.writer.writeAll([1])
        var seen: [UInt64: Readiness] = [:]
        #expect(try poller.wait(timeoutMilliseconds: nil) { seen[$0] = $1 } == 2)
        #expect(seen == [UInt64.max - 1: Readiness.readable, 2: .readable])
        try poller.remove(one.reader.raw)
        try poller.modify(two.reader.raw, token: 3, interest: .writable)
        #expect(try poller.wait(timeoutMilliseconds: 5) { _, _ in } == 0)
        #expect(throws: Errno.noSuchFileOrDirectory) { try poller.remove(one.reader.raw) }
    }

    @Test func futexSleepsAndWakes() throws {
        let memory = try Mapping(anonymous: 4096)
        let word = unsafe memory.base.bindMemory(to: UInt32.self, capacity: 1)
        let start = Clock.monotonicNanoseconds()
        #expect(try unsafe Futex.wait(on: word, expected: 0, timeoutNanoseconds: 20_000_000, shared: true) == .timedOut)
        #expect(Clock.monotonicNanoseconds() - start >= 20_000_000)
        #expect(try unsafe Futex.wait(on: word, expected: 1, timeoutNanoseconds: nil, shared: true) == .changed)
        #expect(unsafe Futex.wake(word, shared: true) == 0)

        let address = Int(bitPattern: word)
        onThread {
            // The test waits below until this thread has woken it: the memory lives.
            guard let word = unsafe UnsafeMutablePointer<UInt32>(bitPattern: address) else { return }
            while unsafe Futex.wake(word, count: 1, shared: false) == 0 { Processor.relax() }
        }
        #expect(try unsafe Futex.wait(on: word, expected: 0, timeoutNanoseconds: 5_000_000_000, shared: false) == .woken)
    }

    @Test func processorsAreCountedAndPinned() throws {
        let allowed = try Processor.allowed()
        #expect(!allowed.isEmpty && allowed.count <= 1024 && Processor.count >= 1)
        let pinned = Atomic<Int>(-2)
        let target = try #require(allowed.last)
        onThread {
            do { try Processor.pin(to: target) } catch { Issue.record(error) }
            pinned.store(Processor.current, ordering: .releasing)
        }
        let end = Clock.monotonicNanoseconds() + 5_000_000_000
        while pinned.load(ordering: .acquiring) == -2 && Clock.monotonicNanoseconds() < end { Processor.relax() }
        #expect(pinned.load(ordering: .acquiring) == target)
        #expect(throws: Errno.invalidArgument) { try Processor.pin(to: 5000) }
    }

    @Test func signalsAreRead() throws {
        let signals = try SignalDescriptor([Signal.user1, Signal.user2])
        #expect(try signals.next() == nil)
        try Signals.raise(Signal.user2)
        #expect(try Ready.poll(signals.raw, for: .readable, timeoutNanoseconds: 1_000_000_000))
        #expect(try signals.next() == Signal.user2)
        #expect(try signals.next() == nil)
        try Signals.unblock([Signal.user1, Signal.user2])
    }

    @Test func ignoredPipeSignalIsAnError() throws {
        try Signals.ignorePipe()
        var ends = try Pipe.make()
        ends.reader = try File.open("/dev/null", .read)
        #expect(throws: Errno.brokenPipe) { try ends.writer.write([1]) }
    }

    @Test func eventCounterSums() throws {
        let counter = try EventCounter()
        #expect(try counter.take() == 0)
        try counter.add()
        try counter.add(300)
        #expect(try Ready.poll(counter.raw, for: .readable, timeoutNanoseconds: 0))
        #expect(try counter.take() == 301)
        try counter.add(.max - 1)
        try counter.add()
        #expect(try counter.take() == .max - 1)
    }
}
