import MasixKernel
import MasixLinux
import MasixNetwork
import MasixNetworkServer
import MasixWire
import NIOCore
import Synchronization
import Testing

/// Two nodes that have nothing against each other.
@Suite(.serialized) struct ChannelTests {
    @Test func twoNodesComeUpAndKnowWhoTheOtherIs() throws {
        let a = try Station(1, life: 7)
        let b = try Station(2, life: 3, host: "127.0.0.2")
        try pair(a, b)
        try a.awaitUp()
        try b.awaitUp()
        let (seenByA, seenByB) = (try #require(a.ups.last).peer, try #require(b.ups.last).peer)
        #expect(seenByA.node == NodeID(number: 2, incarnation: 3))
        #expect(seenByB.node == NodeID(number: 1, incarnation: 7))
        #expect(seenByA.name == "node-2" && seenByA.version == ChannelVersions.current.highest && seenByA.software == "test")
        #expect(a.channels.counters.handshakes >= 1)
        try eventually("nobody is half open") { a.channels.counters.halfOpen == 0 && b.channels.counters.halfOpen == 0 }
    }

    @Test func framesComeInOrderBothWays() throws {
        let a = try Station(1)
        let b = try Station(2, host: "127.0.0.2")
        try pair(a, b)
        let (atA, atB) = (try a.awaitUp(), try b.awaitUp())
        // First bytes of every value, and sizes around those of TLS records and buffers.
        let sizes = [1, 2, 3, 255, 256, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 1 << 20]
        var frames: [[UInt8]] = (0..<300).map { number in [UInt8](repeating: UInt8(number % 256), count: 1 + number) }
        frames += sizes.map { size in [UInt8](repeating: UInt8(size % 251), count: size) }
        for frame in frames {
            a.channels.send(frame, on: atA)
            b.channels.send(frame, on: atB)
        }
        try eventually("all frames", seconds: 30) { a.frames.count == frames.count && b.frames.count == frames.count }
        #expect(a.frames == frames && b.frames == frames)
        let sum = frames.reduce(0) { $0 + UInt64($1.count) }
        let traffic = try #require(a.channels.counters.peers[2])
        #expect(traffic.framesSent == UInt64(frames.count) && traffic.framesReceived == UInt64(frames.count))
        #expect(traffic.bytesSent == sum && traffic.bytesReceived == sum && traffic.ups >= 1)
    }

    @Test func aPausedReaderStopsTheSender() throws {
        let a = try Station(1) { $0.highWaterBytes = 256 << 10 }
        let b = try Station(2, host: "127.0.0.2")
        try pair(a, b)
        let (atA, atB) = (try a.awaitUp(), try b.awaitUp())
        b.channels.pauseReading(atB)
        // The pause holds before the first frame leaves.
        try b.channels.eventLoop.submit {}.wait()
        let frame = [UInt8](repeating: 5, count: 64 << 10)
        var sent = 0
        // While kernel buffers have room, patience does not last; then it does.
        var drained = -1
        while sent < 1_000, drained < a.drained {
            drained = a.drained
            while a.channels.send(frame, on: atA) { sent += 1 }
            sent += 1
            pause(milliseconds: 200)
        }
        #expect(sent < 1_000, "\(sent) frames of 64 KiB went to a reader that reads nothing")
        #expect(b.frames.isEmpty)
        let before = a.drained
        b.channels.resumeReading(atB)
        try eventually("everything arrives", seconds: 30) { b.frames.count == sent }
        try eventually("the sender may send again") { a.drained > before }
        #expect(a.open.count == 1 && b.open.count == 1)
    }

    @Test func whoDoesNotListenToPatienceIsClosed() throws {
        let a = try Station(1) {
            $0.highWaterBytes = 64 << 10
            $0.overrunBytes = 1 << 20
        }
        let b = try Station(2, host: "127.0.0.2")
        try pair(a, b)
        let (atA, atB) = (try a.awaitUp(), try b.awaitUp())
        b.channels.pauseReading(atB)
        for _ in 0..<1_000 { a.channels.send([UInt8](repeating: 1, count: 64 << 10), on: atA) }
        try eventually("an end") { a.ends.contains(.refused(.overrun)) }
        #expect(a.refusals(.overrun) >= 1)
    }

    @Test func pausingWithinAnEventHoldsTheNextFrameBack() throws {
        let a = try Station(1)
        let b = try Station(2, host: "127.0.0.2")
        try pair(a, b)
        let atA = try a.awaitUp()
        try b.awaitUp()
        b.react { [weak b] event in if case .frame(let id, _) = event { b?.channels.pauseReading(id) } }
        for number in 1...5 { a.channels.send([UInt8(number)], on: atA) }
        for number in 1...5 {
            try eventually("frame \(number)") { b.frames.count == number }
            pause(milliseconds: 30)
            #expect(b.frames.count == number)
            b.channels.resumeReading(try #require(b.open.first))
        }
    }

    @Test func aPausedReaderIsNotTakenForDead() throws {
        let a = try Station(1) { ($0.pingMilliseconds, $0.silenceMilliseconds) = (50, 200) }
        let b = try Station(2, host: "127.0.0.2") { ($0.pingMilliseconds, $0.silenceMilliseconds) = (50, 200) }
        try pair(a, b)
        let atA = try a.awaitUp()
        let atB = try b.awaitUp()
        b.channels.pauseReading(atB)
        a.channels.send([9], on: atA)
        pause(milliseconds: 600)
        b.channels.resumeReading(atB)
        try eventually("the frame") { b.frames == [[9]] }
        pause(milliseconds: 400)
        #expect(a.ends.isEmpty && b.ends.isEmpty)
    }

    @Test func anIdlePairStaysUp() throws {
        let a = try Station(1) { ($0.pingMilliseconds, $0.silenceMilliseconds) = (40, 160) }
        let b = try Station(2, host: "127.0.0.2") { ($0.pingMilliseconds, $0.silenceMilliseconds) = (40, 160) }
        try pair(a, b)
        try a.awaitUp()
        try b.awaitUp()
        pause(milliseconds: 800)
        #expect(a.ends.isEmpty && b.ends.isEmpty)
    }

    @Test func stoppingSaysGoodbye() throws {
        let a = try Station(1)
        let b = try Station(2, host: "127.0.0.2")
        try pair(a, b)
        let atA = try a.awaitUp()
        try b.awaitUp()
        a.channels.send([4, 4], on: atA)
        a.channels.stop()
        try eventually("an end") { !b.ends.isEmpty }
        #expect(b.ends == [.goodbye])
        #expect(b.frames == [[4, 4]])
        #expect(a.ends == [.stopped])
        try eventually("b cannot reach a") { b.events.contains(.unreachable(peer: 1)) }
        #expect(!a.channels.send([1], on: atA))
        a.channels.stop()
    }

    @Test func closingTellsBoth() throws {
        let a = try Station(1)
        let b = try Station(2, host: "127.0.0.2")
        try pair(a, b)
        let atA = try a.awaitUp()
        try b.awaitUp()
        a.channels.close(atA, .protocolViolation("a test"))
        try eventually("ends") { a.ends.count == 1 && b.ends.count == 1 }
        #expect(a.ends == [.refused(.protocolViolation("a test"))])
        #expect(a.refusals(.protocolViolation) == 1)
        // Both dial again.
        try a.awaitUp()
        try b.awaitUp()
    }

    @Test func crossingDialsLeaveOneChannel() throws {
        for round in 0..<50 {
            let a = try Station(1, life: UInt32(round + 1))
            let b = try Station(2, life: UInt32(round + 1), host: "127.0.0.2")
            try pair(a, b)
            a.channels.dialNow(2)
            b.channels.dialNow(1)
            let (atA, atB) = (try a.awaitUp(), try b.awaitUp())
            // It carries both ways, and goes on doing so when the dials that lost are over.
            try eventually("no connection is undecided") { a.channels.counters.halfOpen == 0 && b.channels.counters.halfOpen == 0 }
            a.channels.send([1], on: atA)
            b.channels.send([2], on: atB)
            try eventually("frames in round \(round)") { a.frames == [[2]] && b.frames == [[1]] }
            #expect(a.ups.count == 1 && b.ups.count == 1, "round \(round): \(a.events) and \(b.events)")
            #expect(a.open == [atA] && b.open == [atB])
        }
    }

    @Test func aNewLifeOfThePeerReplacesTheOld() throws {
        let a = try Station(1)
        var b: Station? = try Station(2, host: "127.0.0.2")
        let key = try #require(b).key
        let entry = try #require(b).entry()
        try a.know(entry)
        try b?.know(a.entry())
        try a.awaitUp()
        // Its old life is still there, and its new one calls from another port.
        let later = try Station(2, life: 2, key: key, host: "127.0.0.2", roster: [a.entry()])
        try eventually("the new life") { a.ups.last?.peer.incarnation == 2 }
        #expect(a.ends == [.superseded])
        try later.awaitUp()
        // The old one calls in vain.
        b?.channels.dialNow(1)
        try eventually("the old life is refused") { a.refusals(.staleIncarnation) > 0 }
        #expect(a.ups.last?.peer.incarnation == 2)
        b = nil
    }

    @Test func takingOutOfTheRosterEndsTheChannel() throws {
        let a = try Station(1)
        let b = try Station(2, host: "127.0.0.2")
        try pair(a, b)
        try a.awaitUp()
        try b.awaitUp()
        let start = Clock.monotonicNanoseconds()
        try a.know()
        try eventually("both ends") { a.ends.count == 1 && b.ends.count == 1 }
        #expect(Clock.monotonicNanoseconds() - start < 1_000_000_000)
        #expect(a.ends == [.refused(.notInRoster)])
        // And it stays so.
        b.channels.dialNow(1)
        try eventually("it is unknown") { a.refusals(.unknownKey) > 0 }
        #expect(a.open.isEmpty && b.open.isEmpty)
    }

    @Test func anotherKeyInTheRosterEndsTheChannel() throws {
        let a = try Station(1)
        let b = try Station(2, host: "127.0.0.2")
        try pair(a, b)
        try a.awaitUp()
        try b.awaitUp()
        try a.know(b.entry(epoch: 2, key: .make()))
        try eventually("an end") { a.ends == [.refused(.notInRoster)] }
        try eventually("the dial finds another key") { a.refusals(.wrongKey) > 0 }
        #expect(a.open.isEmpty)
    }

    @Test func aNewEpochOfTheSameKeyKeepsTheChannel() throws {
        let a = try Station(1)
        let b = try Station(2, host: "127.0.0.2")
        try pair(a, b)
        let id = try a.awaitUp()
        try a.know(b.entry(epoch: 2))
        pause(milliseconds: 200)
        #expect(a.open == [id])
    }

    @Test func anEntryThatExpiresEndsTheChannel() throws {
        let time = SharedTime(1_000)
        let a = try Station(1, time: time) { $0.pingMilliseconds = 50 }
        let b = try Station(2, host: "127.0.0.2")
        try a.know(b.entry(expires: 2_000))
        try b.know(a.entry())
        try a.awaitUp()
        try b.awaitUp()
        time.seconds = 2_000
        try eventually("an end") { a.ends == [.refused(.expired(number: 2))] }
        b.channels.dialNow(1)
        try eventually("it is refused") { a.refusals(.expired) > 1 }
        #expect(a.open.isEmpty)
    }

    @Test func anUnreachableNodeIsSaid() throws {
        let b = try Station(2, host: "127.0.0.2")
        let entry = try b.entry()
        b.channels.stop()
        let a = try Station(1, roster: [entry])
        try eventually("unreachable") { a.events.contains(.unreachable(peer: 2)) }
        let before = a.channels.counters.dials
        a.channels.dialNow(2)
        try eventually("another dial") { a.channels.counters.dials > before }
        try eventually("and its failure") { a.channels.counters.dialsFailed > 1 }
    }
}

final class SharedTime: Sendable {
    private let value: Mutex<UInt64>

    init(_ seconds: UInt64) { value = Mutex(seconds) }

    var seconds: UInt64 {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}
