import CFloors
import Foundation
import Glibc
import Measure
import Testing

@testable import Floors

@Suite(.serialized) struct FloorTests {
    private static func setting(of kind: Floor.Kind) -> Setting {
        switch kind {
        case .ring: Setting(.oneWay, size: 64, mode: .spin, depth: 5)
        case .sharedMemory: Setting(.nullCall, size: 64, mode: .spin)
        case .memory: Setting(.outOfLine, size: 1 << 20, mode: .untuned)
        case .descriptor: Setting(.rightTransfer, size: 64, mode: .pinned)
        case .eventfd, .seqpacket, .pipe, .tcp, .tcpRelays: Setting(.nullCall, size: 64, mode: .pinned)
        }
    }

    @Test(arguments: Floor.Kind.allCases)
    func everyFloorBringsWhatItIsAskedFor(kind: Floor.Kind) throws {
        let processors = try Processors()
        let setting = FloorTests.setting(of: kind)
        guard setting.mode != .spin || processors.allowed.count >= 2 else { return }
        let round = try Floor(kind, for: setting, on: processors).run(samples: 30)
        #expect(round.nanoseconds.count == 30)
        #expect(round.nanoseconds.allSatisfy { $0 > 0 })
        #expect(round.processorNanoseconds > 0)
        #expect(Set(round.stages.keys) == (kind == .memory ? ["create", "fill", "seal", "unmap", "release"] : []))
        #expect(round.stages.values.allSatisfy { $0.count == 30 && $0.allSatisfy { $0 > 0 } })
    }

    @Test func messagesLongerThanAPipeAreCarriedWhole() throws {
        let round = try Floor(.pipe, for: Setting(.nullCall, size: 1 << 18, mode: .untuned), on: Processors()).run(samples: 10)
        #expect(round.nanoseconds.count == 10)
    }

    /// A megabyte's buffer is gone through more than once, and the last piece is not a whole one.
    @Test(arguments: [Floor.Kind.tcp, .tcpRelays])
    func messagesLongerThanTheBufferAreCarriedWhole(kind: Floor.Kind) throws {
        let setting = Setting(.outOfLine, size: (3 << 20) + 64, place: .remoteRelayed, mode: .untuned)
        #expect(try Floor(kind, for: setting, on: Processors()).run(samples: 10).nanoseconds.count == 10)
    }

    @Test func thinkingIsNoPartOfTheSample() throws {
        let setting = Setting(.nullCall, size: 64, mode: .pinned, thinkMicroseconds: 20_000)
        let round = try Floor(.eventfd, for: setting, on: Processors()).run(samples: 10)
        #expect(percentile(50, of: round.nanoseconds.sorted()) < 20_000_000)
    }

    /// A processor that does not exist: the side that fails says so, and the other one, waiting for it, is ended.
    @Test(arguments: [true, false])
    func aSideThatFailsIsNamedAndTheOtherEnded(callerFails: Bool) throws {
        var setup = floors_setup()
        setup.kind = FLOORS_EVENTFD
        setup.size = 64
        setup.caller_cpu = callerFails ? 1023 : -1
        setup.peer_cpu = callerFails ? -1 : 1023
        setup.samples = 10
        setup.deadline_ms = 10_000
        var samples = [UInt64](repeating: 0, count: 10)
        var outcome = floors_outcome()
        // The array has room for the one column; all three outlive the call.
        #expect(unsafe !floors_run(&setup, &samples, &outcome))
        #expect(outcome.error == EINVAL)
        #expect(outcome.failedStep == (callerFails ? "caller: sched_setaffinity" : "peer: sched_setaffinity"))
        #expect(try children().isEmpty)
    }

    @Test func theDeadlineEndsBothSides() throws {
        var setup = floors_setup()
        setup.kind = FLOORS_EVENTFD
        setup.size = 64
        setup.caller_cpu = -1
        setup.peer_cpu = -1
        setup.think_ns = 10_000_000_000
        setup.samples = 10
        setup.deadline_ms = 50
        var samples = [UInt64](repeating: 0, count: 10)
        var outcome = floors_outcome()
        // As above.
        #expect(unsafe !floors_run(&setup, &samples, &outcome))
        #expect(outcome.error == ETIMEDOUT)
        #expect(try children().isEmpty)
    }

    @Test(arguments: [UInt32(0), 4, 63, 1 << 21])
    func sizesOutOfBoundsAreRefused(size: UInt32) throws {
        #expect(throws: LinuxFault.self) {
            try Floor(.eventfd, for: Setting(.nullCall, size: Int(size), mode: .pinned), on: Processors()).run(samples: 10)
        }
    }

    @Test func theLoadEndsWithItsValue() throws {
        do {
            let load = try Load(on: Processors())
            #expect(try children().count == Processors().allowed.count)
            _ = consume load
        }
        #expect(try children().isEmpty)
    }

    /// Of this thread alone: other suites run beside this one, on other threads, and have children too.
    private func children() throws -> [Substring] {
        try String(contentsOfFile: "/proc/thread-self/children", encoding: .utf8).split(separator: " ")
    }
}
