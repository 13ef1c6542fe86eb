import MasixKernel
import MasixLinux
import MasixNetwork
import MasixWireRelay
import NIOCore
import NIOSSL
import Testing

@testable import MasixNetworkServer

/// What passes over the wire, and what happens when nothing does.
@Suite(.serialized) struct WireTests {
    /// Node 1 reaches node 2 through the relay; node 2 cannot dial.
    private static func relayed(
        limits: (inout NodeChannelsLimits) -> Void = { _ in }
    ) throws -> (a: Station, b: Station, relay: Relay) {
        let a = try Station(1, limits: limits)
        let b = try Station(2, host: "127.0.0.2", limits: limits)
        let relay = try Relay(to: "127.0.0.2", port: try #require(b.channels.port))
        try b.know(a.entry(port: 1))
        let entry = try b.entry()
        try a.know(
            NodeRosterEntry(number: 2, name: entry.name, fingerprint: entry.fingerprint, host: "127.0.0.1", port: relay.port))
        try a.awaitUp()
        try b.awaitUp()
        return (a, b, relay)
    }

    static func contains(_ bytes: [UInt8], _ needle: [UInt8]) -> Bool {
        guard bytes.count >= needle.count else { return false }
        return (0...(bytes.count - needle.count)).contains {
            bytes[$0] == needle[0] && bytes[$0..<($0 + needle.count)].elementsEqual(needle)
        }
    }

    @Test func nothingOfAFrameIsReadableOnTheWire() throws {
        let (a, b, relay) = try Self.relayed()
        let secret = Array("the word that nobody on the wire may read".utf8)
        a.channels.send(secret, on: try #require(a.open.first))
        b.channels.send(secret.reversed(), on: try #require(b.open.first))
        try eventually("both frames") { b.frames == [secret] && a.frames == [secret.reversed()] }
        for bytes in [relay.toTarget, relay.toCaller] {
            #expect(bytes.count > 1_000)
            #expect(!Self.contains(bytes, Array(secret[..<8])) && !Self.contains(bytes, Array(secret.reversed()[..<8])))
            // Nor who the two are: certificates and hellos are inside.
            #expect(!Self.contains(bytes, Array("node-1".utf8)) && !Self.contains(bytes, Array("node-2".utf8)))
            #expect(!Self.contains(bytes, Array("MSXCHAN".utf8)))
        }
        // The check can fail: a plain relay of the same words is found.
        #expect(Self.contains(relay.toTarget + secret, Array(secret[..<8])))
    }

    @Test func theGroupIsX25519WithMLKEM768() throws {
        let (a, b, relay) = try Self.relayed()
        defer { _ = (a, b) }
        // ServerHello, in clear: its key_share extension (0x0033) says the group, and a share of 1,120 bytes.
        let share: [UInt8] = [0x00, 0x33, 0x04, 0x64, 0x11, 0xEC, 0x04, 0x60]
        #expect(Self.contains(relay.toCaller, share))
        // And supported_versions (0x002b): TLS 1.3.
        #expect(Self.contains(relay.toCaller, [0x00, 0x2B, 0x00, 0x02, 0x03, 0x04]))
    }

    @Test func aSilentWireIsNoticedWithinTwoSeconds() throws {
        let (a, b, relay) = try Self.relayed()
        pause(milliseconds: 700)
        relay.fallSilent()
        let start = Clock.monotonicNanoseconds()
        try eventually("both notice") { a.ends == [.silent] && b.ends == [.silent] }
        #expect(Clock.monotonicNanoseconds() - start < 3_000_000_000)
    }

    @Test func aChannelThatIsDeadForOneSideIsGivenUpByTheOther() throws {
        // Node 1, which decides, would not notice for an hour; node 2 notices soon and calls on another way.
        let a = try Station(1) { ($0.pingMilliseconds, $0.silenceMilliseconds) = (50, 3_600_000) }
        let b = try Station(2, host: "127.0.0.2") { ($0.pingMilliseconds, $0.silenceMilliseconds) = (50, 400) }
        let relay = try Relay(to: "127.0.0.2", port: try #require(b.channels.port))
        try b.know(a.entry(port: 1))
        let entry = try b.entry()
        try a.know(NodeRosterEntry(number: 2, name: entry.name, fingerprint: entry.fingerprint, host: "127.0.0.1", port: relay.port))
        let (first, atB) = (try a.awaitUp(), try b.awaitUp())
        try b.know(a.entry(epoch: 2))
        #expect(b.open == [atB])
        relay.fallSilent()
        try eventually("the new channel") { a.ends == [.superseded] && b.ends == [.silent] && a.open.count == 1 && b.open.count == 1 }
        #expect(a.open != [first])
        a.channels.send([3], on: try #require(a.open.first))
        try eventually("it carries") { b.frames == [[3]] }
    }

    @Test func aNetworkServerThatHasEndedIsNoticedSoon() throws {
        let (a, b, relay) = try Self.relayed()
        let start = Clock.monotonicNanoseconds()
        // Nobody listens any more.
        relay.stop()
        try eventually("both notice") { a.ends.count == 1 && b.ends.count == 1 }
        #expect(Clock.monotonicNanoseconds() - start < 1_500_000_000)
        guard case .lost = a.ends[0], case .lost = b.ends[0] else {
            Issue.record("\(a.ends) \(b.ends)")
            return
        }
    }

    @Test func framesBeforeAnEndAreTold() throws {
        let (a, b, relay) = try Self.relayed()
        let id = try #require(a.open.first)
        for number in 0..<100 { a.channels.send([UInt8(number)], on: id) }
        try eventually("frames") { b.frames.count == 100 }
        relay.stop()
        try eventually("the end comes last") { b.ends.count == 1 }
        let firstEnd = try #require(b.events.firstIndex { if case .down = $0 { true } else { false } })
        #expect(b.events[..<firstEnd].count { if case .frame = $0 { true } else { false } } == 100)
    }

    @Test func theFingerprintIsThatOfTheCertificate() throws {
        let key = NodeKey.make()
        #expect(key.fingerprint.count == 32)
        #expect(try NodeKey.fingerprint(of: key.certificate()) == key.fingerprint)
        let again = try NodeKey(pem: key.pem)
        #expect(again.fingerprint == key.fingerprint)
        #expect(again.pem == key.pem)
        #expect(NodeKey.make().fingerprint != key.fingerprint)
        #expect(key.pem.hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
    }

    @Test func whatIsNoKeyFileIsRefused() throws {
        let pem = NodeKey.make().pem
        for text in ["", "x", String(pem.dropLast(40)), pem.replacing("PRIVATE", with: "PUBLIC")] {
            #expect(throws: NodeKeyError.notKey) { try NodeKey(pem: text) }
        }
    }

    @Test func anAddressGaugeIsBounded() {
        var gauge = AddressGauge(burst: 2, perSecond: 1)
        let start = NIODeadline.now()
        let first = (0..<3).map { _ in gauge.admit("a", now: start) }
        #expect(first == [true, true, false])
        let later = (0..<2).map { _ in gauge.admit("a", now: start + .seconds(1)) }
        #expect(later == [true, false])
        for number in 0..<AddressGauge.addressesMax { _ = gauge.admit("\(number)", now: start + .seconds(1)) }
        let tooMany = gauge.admit("one too many", now: start + .seconds(1))
        #expect(!tooMany)
        // Whoever has been quiet is forgotten.
        let afterQuiet = gauge.admit("one too many", now: start + .seconds(10))
        #expect(afterQuiet)
    }
}
