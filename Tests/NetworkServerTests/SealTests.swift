import Logging
import Masix
import MasixKernel
import MasixNetwork
import MasixTestKit
import MasixWire
import MasixWireRelay
import Testing

@testable import MasixNetworkServer

/// What a network server hands to its channels, and what of it can be read on the wire: looked for by one and the same search, which
/// finds everything below the seal and nothing above.
@Suite(.serialized) struct SealTests {
    private static let name = "a-name-that-nobody-may-read"
    private static let text = "words that nobody may read"
    private static let memory = [UInt8]("a page that nobody may read, ".utf8) + [UInt8](repeating: 7, count: 100_000)

    @Test func whatIsFoundBelowTheSealIsNotFoundOnTheWire() throws {
        let node = try TestNode(names: true)
        defer { node.stop() }
        let b = try Station(2, host: "127.0.0.2")
        let relay = try Relay(to: "127.0.0.2", port: try #require(b.channels.port))
        let key = NodeKey.make()
        let entry = try b.entry()
        let relayed = try NodeRosterEntry(
            number: 2, name: entry.name, fingerprint: entry.fingerprint, host: "127.0.0.1", port: relay.port)
        let server = NetworkServer(space: try node.attachChief(), configuration: try .ofNodeOne(key, knowing: relayed))
        try server.start {}
        defer { server.stop() }
        // Node 2 is bare channels: it writes down every frame, and finds every name.
        b.react { event in
            guard case .frame(let channel, let bytes) = event, case .lookUp(let request, _, _)? = try? NetworkFrame(wireBytes: bytes)
            else { return }
            let port = PortUID(birth: NodeID(number: 2, incarnation: 1), counter: 77)
            b.channels.send(
                NetworkFrame.found(request: request, .send(port, limit: 8, sequence: 1, key: 1)).wireBytes, on: channel)
        }
        // It cannot dial: the only way is through the relay.
        try b.know(NodeRosterEntry(number: 1, name: "node-1", fingerprint: key.fingerprint, host: "127.0.0.1", port: 1))
        try b.awaitUp()

        let client = try node.attach()
        let right = try client.names.lookUp(Self.name, timeout: .seconds(10))
        var message = Message(code: 5, text: Self.text)
        message.attach(try MemoryObject(bytes: Self.memory))
        try right.send(message, timeout: .seconds(10))
        let needles = [Self.name, Self.text, "a page that nobody may read"].map { Array($0.utf8) }
        func found(in bytes: [UInt8]) -> [Bool] { needles.map { WireTests.contains(bytes, $0) } }
        try eventually("all frames") { b.frames.reduce(0) { $0 + $1.count } > Self.memory.count }
        #expect(found(in: b.frames.flatMap { $0 }) == [true, true, true])
        #expect(relay.toTarget.count > Self.memory.count)
        #expect(found(in: relay.toTarget) == [false, false, false])
        #expect(found(in: relay.toCaller) == [false, false, false])
    }
}
