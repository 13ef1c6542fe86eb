import MasixKernel
import MasixLinux
import MasixNetwork
import MasixWire
import NIOSSL
import Testing

@testable import MasixNetworkServer

/// Callers that are not who they should be, or do not behave.
@Suite(.serialized) struct HostileCallerTests {
    /// A node that knows the caller's key as node 2's, and hears nothing of it by itself.
    private static func station(
        _ caller: NodeKey, versions: ChannelVersions = .current, limits: (inout NodeChannelsLimits) -> Void = { _ in }
    ) throws -> Station {
        let entry = try NodeRosterEntry(number: 2, name: "caller", fingerprint: caller.fingerprint, host: "127.0.0.3", port: 1)
        return try Station(1, roster: [entry], versions: versions, limits: limits)
    }

    private static func hello(_ number: UInt32 = 2, versions: ChannelVersions = .current) -> ChannelControl {
        .hello(ChannelHello(versions: versions, node: NodeID(number: number, incarnation: 1), name: "caller", software: "raw"))
    }

    private static func expect(
        _ kind: ChannelRefusal.Kind, at station: Station, _ caller: RawCaller, _ location: SourceLocation = #_sourceLocation
    ) throws {
        try eventually("\(kind) is counted", at: location) { station.refusals(kind) > 0 }
        try eventually("the caller is cut off", at: location) { caller.isClosed }
        #expect(station.frames.isEmpty, sourceLocation: location)
        try eventually("nothing is left of it", at: location) { station.channels.counters.halfOpen == 0 }
    }

    @Test func aCallerThatBehavesIsHeard() throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let caller = try RawCaller(try #require(station.channels.port), key: key)
        caller.say(Self.hello())
        try station.awaitUp()
        try eventually("hello and acceptance") { caller.heard.count == 2 }
        guard case .hello(let hello) = caller.heard[0], case .acceptance(let acceptance) = caller.heard[1] else {
            Issue.record("\(caller.heard)")
            return
        }
        #expect(hello.node == NodeID(number: 1, incarnation: 1) && acceptance.serial > 0 && acceptance.session == acceptance.serial)
        caller.send(RawCaller.frame([1, 2, 3]))
        try eventually("a frame") { station.frames == [[1, 2, 3]] }
        caller.say(.goodbye)
        try eventually("an end") { station.ends == [.goodbye] }
    }

    @Test func anUnknownKeyIsToldNothing() throws {
        let station = try Self.station(.make())
        let caller = try RawCaller(try #require(station.channels.port), key: .make())
        caller.say(Self.hello())
        caller.send(RawCaller.frame([1]))
        try Self.expect(.unknownKey, at: station, caller)
        #expect(caller.received.isEmpty)
        #expect(station.ups.isEmpty)
    }

    @Test func ourOwnKeyIsNoPeer() throws {
        let key = NodeKey.make()
        let station = try Station(1, key: key)
        let caller = try RawCaller(try #require(station.channels.port), key: key)
        try Self.expect(.ownKey, at: station, caller)
    }

    @Test func noCertificateIsRefused() throws {
        let station = try Self.station(.make())
        let caller = try RawCaller(try #require(station.channels.port), key: .make()) {
            $0.certificateChain = []; $0.privateKey = nil
        }
        try Self.expect(.handshake, at: station, caller)
        #expect(caller.received.isEmpty)
    }

    @Test func twoCertificatesAreRefused() throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let certificate = try key.certificate()
        let caller = try RawCaller(try #require(station.channels.port), key: key) {
            $0.certificateChain = [.certificate(certificate), .certificate(certificate)]
        }
        try Self.expect(.certificateCount, at: station, caller)
    }

    @Test(arguments: [[NIOTLSCurve.x25519], [.secp256r1, .secp384r1]])
    func otherGroupsAreRefused(_ curves: [NIOTLSCurve]) throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let caller = try RawCaller(try #require(station.channels.port), key: key) { $0.curves = curves }
        try Self.expect(.handshake, at: station, caller)
    }

    @Test func olderTLSIsRefused() throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let caller = try RawCaller(try #require(station.channels.port), key: key) {
            $0.minimumTLSVersion = .tlsv12
            $0.maximumTLSVersion = .tlsv12
        }
        try Self.expect(.handshake, at: station, caller)
    }

    @Test(arguments: [[], ["http/1.1"]])
    func anotherApplicationProtocolIsRefused(_ protocols: [String]) throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let caller = try RawCaller(try #require(station.channels.port), key: key) { $0.applicationProtocols = protocols }
        try eventually("it is refused") { station.refusals(.applicationProtocol) + station.refusals(.handshake) > 0 }
        try eventually("it is cut off") { caller.isClosed }
        #expect(caller.received.isEmpty)
    }

    @Test func anotherNumberThanThatOfTheKeyIsRefused() throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let caller = try RawCaller(try #require(station.channels.port), key: key)
        caller.say(Self.hello(3))
        try Self.expect(.wrongNumber, at: station, caller)
    }

    @Test func aNodeThatSaysAnotherNumberComesUpNowhere() throws {
        let a = try Station(1)
        let b = try Station(2, host: "127.0.0.2", says: 3)
        try a.know(b.entry())
        try b.know(a.entry())
        try eventually("a refuses") { a.refusals(.wrongNumber) > 0 }
        #expect(a.ups.isEmpty && b.ups.isEmpty)
    }

    @Test func differentVersionsSayWhoMustBeUpgraded() throws {
        let old = try #require(ChannelVersions(lowest: 1, highest: 2))
        let new = try #require(ChannelVersions(lowest: 3, highest: 4))
        let a = try Station(1, versions: old)
        let b = try Station(2, host: "127.0.0.2", versions: new)
        try pair(a, b)
        try eventually("a finds the other too new") { a.refusals(.peerTooNew) > 0 }
        try eventually("b finds the other too old") { b.refusals(.peerTooOld) > 0 }
        #expect(a.ups.isEmpty && b.ups.isEmpty)
    }

    @Test func theHighestCommonVersionIsSpoken() throws {
        let a = try Station(1, versions: try #require(ChannelVersions(lowest: 1, highest: 5)))
        let b = try Station(2, host: "127.0.0.2", versions: try #require(ChannelVersions(lowest: 3, highest: 9)))
        try pair(a, b)
        try a.awaitUp()
        try b.awaitUp()
        #expect(a.ups.last?.peer.version == 5 && b.ups.last?.peer.version == 5)
    }

    @Test func aVersionThatIsNotSpokenIsToldByItsKind() throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let caller = try RawCaller(try #require(station.channels.port), key: key)
        caller.say(Self.hello(versions: try #require(ChannelVersions(lowest: 7, highest: 8))))
        try Self.expect(.peerTooNew, at: station, caller)
        #expect(caller.heard.last == .refusal(ChannelRefusal.Kind.peerTooNew.rawValue))
    }

    /// What is said instead of a hello, and what it is taken for.
    @Test(arguments: [
        (RawCaller.frame([1]), ChannelRefusal.Kind.frameBeforeHello),
        (RawCaller.word((1 << 20) + 1), .tooLarge), (RawCaller.word(0x7FFF_FFFF), .tooLarge),
        (RawCaller.word(257 | ChannelControl.lengthBit), .tooLarge), (RawCaller.word(.max), .tooLarge),
        (RawCaller.word(0), .emptyFrame), (RawCaller.word(ChannelControl.lengthBit), .emptyFrame),
        (RawCaller.control([99]), .unknownControl), (RawCaller.control([1, 2, 3]), .malformedHello),
        (RawCaller.control([3, 3]), .malformedControl), (RawCaller.control([3]), .frameBeforeHello),
        (RawCaller.control(ChannelControl.acceptance(ChannelAcceptance(serial: 1, session: 1)).wireBytes), .unexpectedAcceptance),
    ])
    func whatComesInsteadOfAHelloIsRefused(_ bytes: [UInt8], _ kind: ChannelRefusal.Kind) throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let caller = try RawCaller(try #require(station.channels.port), key: key)
        caller.send(bytes)
        try Self.expect(kind, at: station, caller)
        #expect(station.ups.isEmpty)
    }

    /// The same behind a hello: the channel has been up, and ends.
    @Test(arguments: [
        (RawCaller.word((1 << 20) + 1), ChannelRefusal.Kind.tooLarge), (RawCaller.word(257 | ChannelControl.lengthBit), .tooLarge),
        (RawCaller.word(0), .emptyFrame), (RawCaller.control([99]), .unknownControl), (RawCaller.control([4, 4]), .malformedControl),
        (RawCaller.control(ChannelControl.acceptance(ChannelAcceptance(serial: 1, session: 1)).wireBytes), .unexpectedAcceptance),
        (RawCaller.control([5, 255]), .malformedControl),
        (RawCaller.control(hello().wireBytes), .secondHello),
    ])
    func whatComesBehindAHelloIsRefused(_ bytes: [UInt8], _ kind: ChannelRefusal.Kind) throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let caller = try RawCaller(try #require(station.channels.port), key: key)
        caller.say(Self.hello())
        try station.awaitUp()
        caller.send(bytes)
        try Self.expect(kind, at: station, caller)
        try eventually("its end") { station.ends.count == 1 }
    }

    @Test func halfAFrameIsNoFrame() throws {
        let key = NodeKey.make()
        let station = try Self.station(key)
        let caller = try RawCaller(try #require(station.channels.port), key: key)
        caller.say(Self.hello())
        try station.awaitUp()
        caller.send(RawCaller.frame([7]) + RawCaller.word(1 << 20) + [1, 2, 3])
        try eventually("the whole one") { station.frames == [[7]] }
        caller.say(.goodbye)
        pause(milliseconds: 100)
        #expect(station.frames == [[7]])
    }

    @Test func whoNeverSpeaksIsForgotten() throws {
        let station = try Self.station(.make()) { $0.helloMilliseconds = 300 }
        let port = try #require(station.channels.port)
        let start = Clock.monotonicNanoseconds()
        let silent = try RawCaller(port, key: nil)
        let key = NodeKey.make()
        let other = try Self.station(key) { $0.helloMilliseconds = 300 }
        let greeter = try RawCaller(try #require(other.channels.port), key: key)
        try Self.expect(.timedOut, at: station, silent)
        try Self.expect(.timedOut, at: other, greeter)
        #expect(Clock.monotonicNanoseconds() - start >= 300_000_000)
        // Whoever speaks no TLS is refused at once.
        let mute = try RawCaller(port, key: nil)
        mute.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        try eventually("it is no handshake") { station.refusals(.handshake) > 0 }
    }

    @Test func manyHalfOpenConnectionsAreBounded() throws {
        let station = try Self.station(.make()) { $0.halfOpenMax = 8 }
        let port = try #require(station.channels.port)
        let callers = try (0..<20).map { _ in try RawCaller(port, key: nil) }
        try eventually("the rest is sent away") { station.refusals(.tooManyConnections) == 12 }
        #expect(station.channels.counters.halfOpen == 8)
        try eventually("those that are in time out") { callers.allSatisfy { $0.isClosed } }
        #expect(station.refusals(.timedOut) == 8)
        try eventually("there is room again") { station.channels.counters.halfOpen == 0 }
    }

    @Test func oneAddressThatCallsTooOftenIsHeldBack() throws {
        let station = try Self.station(.make()) { ($0.addressBurst, $0.addressPerSecond) = (5, 1) }
        let port = try #require(station.channels.port)
        let callers = try (0..<15).map { _ in try RawCaller(port, key: nil) }
        try eventually("some are sent away") { station.refusals(.addressTooFast) >= 9 }
        try eventually("all have called") { station.channels.counters.accepted == UInt64(callers.count) }
    }
}
