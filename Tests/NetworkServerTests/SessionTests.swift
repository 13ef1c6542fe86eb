import MasixKernel
import MasixLinux
import MasixNetwork
import MasixWire
import MasixWireRelay
import NIOCore
import Testing

@testable import MasixNetworkServer

/// Sessions over real connections that are cut, and what nobody can do to them (decision 0021).
@Suite(.serialized) struct SessionTests {
    /// A processor that is busy with other things for long must not be the death of a session here.
    private static func patient(_ limits: inout NodeChannelsLimits) {
        (limits.silenceMilliseconds, limits.stallMilliseconds, limits.unattendedMilliseconds) = (30_000, 20_000, 30_000)
    }

    /// Node 1 reaches node 2 through the relay; node 2 cannot dial.
    private static func relayed() throws -> (a: Station, b: Station, relay: Relay) {
        let a = try Station(1, limits: patient)
        let b = try Station(2, host: "127.0.0.2", limits: patient)
        let relay = try Relay(to: "127.0.0.2", port: try #require(b.channels.port))
        try b.know(a.entry(port: 1))
        let entry = try b.entry()
        try a.know(NodeRosterEntry(number: 2, name: entry.name, fingerprint: entry.fingerprint, host: "127.0.0.1", port: relay.port))
        try a.awaitUp()
        try b.awaitUp()
        return (a, b, relay)
    }

    @Test func cutsInTheMiddleCostNothing() throws {
        let (a, b, relay) = try Self.relayed()
        let (atA, atB) = (try #require(a.open.first), try #require(b.open.first))
        var sent: [[UInt8]] = []
        for round in 0..<25 {
            relay.cut(after: 300 + round * 7_919 % 40_000)
            for number in 0..<40 {
                let frame = [UInt8](repeating: UInt8(truncatingIfNeeded: round &+ number), count: 1 + (round * 40 + number) * 37 % 4_000)
                sent.append(frame)
                a.channels.send(frame, on: atA)
                b.channels.send(frame, on: atB)
            }
            try eventually("the cut of round \(round)") { relay.cuts == round + 1 }
        }
        try eventually("every frame", seconds: 30) { a.frames.count >= sent.count && b.frames.count >= sent.count }
        #expect(a.frames == sent && b.frames == sent)
        #expect(a.ends.isEmpty && b.ends.isEmpty && a.ups.count == 1 && b.ups.count == 1)
        let (trafficA, trafficB) = (try #require(a.channels.counters.peers[2]), try #require(b.channels.counters.peers[1]))
        #expect(trafficA.resumptions >= 10 && trafficB.resumptions >= 10 && trafficA.ups == 1)
        #expect(trafficA.framesReceived == UInt64(sent.count) && trafficB.framesReceived == UInt64(sent.count))
    }

    @Test func aPausedReaderMissesNothing() throws {
        let (a, b, relay) = try Self.relayed()
        let (atA, atB) = (try #require(a.open.first), try #require(b.open.first))
        b.channels.pauseReading(atB)
        try b.channels.eventLoop.submit {}.wait()
        for number in 0..<10 { a.channels.send([UInt8(number)], on: atA) }
        pause(milliseconds: 100)
        relay.cut()
        try eventually("it goes on") { a.channels.counters.peers[2]?.resumptions ?? 0 >= 1 }
        pause(milliseconds: 100)
        #expect(b.frames.isEmpty)
        b.channels.resumeReading(atB)
        try eventually("all of them") { b.frames.count == 10 }
        #expect(b.frames == (0..<10).map { [UInt8($0)] })
    }

    @Test func whatWaitsForAConnectionIsBounded() throws {
        let a = try Station(1) {
            Self.patient(&$0)
            $0.highWaterBytes = 64 << 10
        }
        let b = try Station(2, host: "127.0.0.2", limits: Self.patient)
        let relay = try Relay(to: "127.0.0.2", port: try #require(b.channels.port))
        try b.know(a.entry(port: 1))
        let entry = try b.entry()
        try a.know(NodeRosterEntry(number: 2, name: entry.name, fingerprint: entry.fingerprint, host: "127.0.0.1", port: relay.port))
        let atA = try a.awaitUp()
        try b.awaitUp()
        relay.stop()
        var sent = 0
        while sent < 1_000, a.channels.send([UInt8](repeating: 1, count: 8 << 10), on: atA) { sent += 1 }
        #expect(sent == 8)
        #expect(a.drained == 0 && a.ends.isEmpty)
    }

    @Test func aStuckConnectionIsReplaced() throws {
        // Node 2 hears nothing, and calls on another way; node 1 would wait for ever.
        let a = try Station(1) { ($0.pingMilliseconds, $0.silenceMilliseconds, $0.stallMilliseconds) = (50, 3_600_000, 3_600_000) }
        let b = try Station(2, host: "127.0.0.2") {
            ($0.pingMilliseconds, $0.silenceMilliseconds, $0.stallMilliseconds) = (50, 30_000, 300)
        }
        let relay = try Relay(to: "127.0.0.2", port: try #require(b.channels.port))
        try b.know(a.entry(port: 1))
        let entry = try b.entry()
        try a.know(NodeRosterEntry(number: 2, name: entry.name, fingerprint: entry.fingerprint, host: "127.0.0.1", port: relay.port))
        let (atA, atB) = (try a.awaitUp(), try b.awaitUp())
        try b.know(a.entry(epoch: 2))
        relay.fallSilent()
        a.channels.send([1], on: atA)
        b.channels.send([2], on: atB)
        try eventually("both arrive") { a.frames == [[2]] && b.frames == [[1]] }
        #expect(a.ends.isEmpty && b.ends.isEmpty)
        #expect(a.channels.counters.peers[2]?.resumptions ?? 0 >= 1)
    }

    @Test func theOtherSideHearsThatASessionIsDead() throws {
        let (a, b, relay) = try Self.relayed()
        defer { relay.stop() }
        a.channels.close(try #require(a.open.first), .protocolViolation("a test"))
        try eventually("both end") { a.ends.count == 1 && b.ends.count == 1 }
        #expect(b.ends == [.refusedByPeer(.deadSession)])
        try a.awaitUp()
        try b.awaitUp()
    }

    @Test func whatWasRecordedIsOfNoUse() throws {
        let (a, b, relay) = try Self.relayed()
        let (atA, atB) = (try #require(a.open.first), try #require(b.open.first))
        for number in 0..<20 { a.channels.send([UInt8(number), 7], on: atA) }
        try eventually("frames") { b.frames.count == 20 }
        // The same bytes again, on a connection of their own.
        let thief = try RawCaller(try #require(b.channels.port), key: nil, host: "127.0.0.2")
        thief.send(relay.toTarget)
        try eventually("it is cut off") { thief.isClosed }
        a.channels.send([99], on: atA)
        try eventually("the session goes on") { b.frames.count == 21 }
        #expect(b.open == [atB] && b.ends.isEmpty && b.frames.last == [99])
        #expect(b.refusals(.handshake) + b.refusals(.timedOut) >= 1)
    }

    // MARK: callers with a key who say what is not so

    private static func station(_ callers: NodeKey...) throws -> Station {
        try Station(
            1,
            roster: try callers.enumerated().map {
                try NodeRosterEntry(number: UInt32($0 + 2), name: "caller-\($0)", fingerprint: $1.fingerprint, host: "127.0.0.3", port: 1)
            }, limits: patient)
    }

    private static func hello(_ number: UInt32 = 2, start: UInt64 = 5, remembering memory: ChannelMemory = ChannelMemory())
        -> ChannelControl
    {
        .hello(ChannelHello(node: NodeID(number: number, incarnation: 1), name: "caller", software: "raw", start: start, memory: memory))
    }

    /// A caller that has come up, with what it heard.
    private static func greeted(
        _ station: Station, _ key: NodeKey, _ hello: ChannelControl
    ) throws -> (caller: RawCaller, life: ServerLife, acceptance: ChannelAcceptance) {
        let caller = try RawCaller(try #require(station.channels.port), key: key)
        caller.say(hello)
        try eventually("hello and acceptance") { caller.heard.count >= 2 }
        guard case .hello(let hello) = caller.heard[0], case .acceptance(let acceptance) = caller.heard[1] else {
            throw ChannelRefusal.malformedControl
        }
        return (caller, hello.life, acceptance)
    }

    @Test func aSessionGoesOnForWhoHasItsKeyAndRemembersIt() throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let (first, life, acceptance) = try Self.greeted(station, key, Self.hello())
        first.send(RawCaller.frame([1]) + RawCaller.frame([2]))
        try eventually("two frames") { station.frames.count == 2 }
        station.channels.send([8], on: try #require(station.open.first))
        first.close()
        let memory = ChannelMemory(life: life, session: acceptance.session, received: 0, ended: acceptance.serial)
        let (second, _, next) = try Self.greeted(station, key, Self.hello(remembering: memory))
        #expect(next == ChannelAcceptance(serial: next.serial, session: acceptance.session, received: 2, skipped: 0))
        #expect(next.serial > acceptance.serial)
        // It has not had the frame, and gets it again.
        try eventually("the frame") { second.received.suffix(5) == RawCaller.frame([8])[...] }
        second.send(RawCaller.frame([3]))
        try eventually("the third") { station.frames == [[1], [2], [3]] }
        #expect(station.ups.count == 1 && station.ends.isEmpty)
    }

    @Test func anotherNodesSessionIsNobodys() throws {
        let (key, other) = (NodeKey.make(), NodeKey.make())
        let station = try Self.station(key, other)
        let (first, life, acceptance) = try Self.greeted(station, key, Self.hello())
        let memory = ChannelMemory(life: life, session: acceptance.session, received: 0, ended: acceptance.serial)
        let (_, _, theirs) = try Self.greeted(station, other, Self.hello(3, remembering: memory))
        #expect(theirs.session == theirs.serial && theirs.session != acceptance.session)
        first.send(RawCaller.frame([1]))
        try eventually("the first goes on") { station.frames == [[1]] }
        #expect(station.open.count == 2)
    }

    @Test func framesThatWereNeverSentEndIt() throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let (first, life, acceptance) = try Self.greeted(station, key, Self.hello())
        first.say(.acknowledgement(1))
        try eventually("it ends") { station.ends == [.refused(.miscountedFrames)] }
        #expect(station.refusals(.miscountedFrames) == 1)
        let (second, _, again) = try Self.greeted(
            station, key,
            Self.hello(remembering: ChannelMemory(life: life, session: acceptance.session, received: 0, ended: acceptance.serial)))
        #expect(again.session == again.serial, "a dead session is refused for ever")
        second.close()
        pause(milliseconds: 50)
        let liar = try RawCaller(try #require(station.channels.port), key: key)
        liar.say(Self.hello(remembering: ChannelMemory(life: life, session: again.session, received: 5, ended: again.serial)))
        try eventually("it is counted") { station.refusals(.impossibleResumption) == 1 }
        try eventually("it ends too") { station.ends.count == 2 }
    }

    @Test func anEarlierLifeOfANetworkServerIsRefused() throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let (old, _, _) = try Self.greeted(station, key, Self.hello(start: 5))
        let (_, _, _) = try Self.greeted(station, key, Self.hello(start: 6))
        #expect(station.ends == [.superseded] && station.ups.count == 2)
        try eventually("the old one is cut off") { old.isClosed }
        let late = try RawCaller(try #require(station.channels.port), key: key)
        late.say(Self.hello(start: 5))
        try eventually("it is counted") { station.refusals(.staleLife) == 1 }
        #expect(station.open.count == 1)
    }
}
