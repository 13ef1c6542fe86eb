import Logging
import Masix
import MasixKernel
import MasixNetwork
import MasixTestKit
import MasixWire
import Testing

@testable import MasixNetworkServer

/// A node that declares the other byte order really uses it: what is on the wire.
@Suite(.serialized) struct ByteOrderWireTests {
    private static func word(_ number: some FixedWidthInteger, _ order: ByteOrder) -> [UInt8] {
        let little = (0..<(number.bitWidth / 8)).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        return order == .little ? little : little.reversed()
    }

    /// An integer of 64 bits and a string.
    private static func body(_ order: ByteOrder) -> [UInt8] {
        word(UInt32(11 | 64 << 8 | 1 << 16 | 1 << 28), order) + word(UInt64(0x0102_0304_0506_0708), order)
            + word(UInt32(12 | 8 << 8 | 4 << 16 | 1 << 28), order) + Array("abcd".utf8)
    }

    @Test(arguments: [ByteOrder.little, .big]) func bodiesLeaveInTheDeclaredOrder(_ order: ByteOrder) throws {
        let node = try TestNode(names: true)
        defer { node.stop() }
        let b = try Station(2, host: "127.0.0.2")
        let key = NodeKey.make()
        var configuration = try NodeChannelsConfiguration.ofNodeOne(key, knowing: try b.entry())
        configuration.order = order
        let server = NetworkServer(space: try node.attachChief(), configuration: configuration)
        try server.start {}
        defer { server.stop() }
        let space = try node.attach()
        let door = try space.names.register("door")
        try b.know(
            NodeRosterEntry(number: 1, name: "node-1", fingerprint: key.fingerprint, host: "127.0.0.1", port: try #require(server.port)))
        let channel = try b.awaitUp()
        #expect(b.ups.last?.peer.order == order)

        func frames() -> [NetworkFrame] { b.frames.compactMap { try? NetworkFrame(wireBytes: $0) } }
        b.channels.send(NetworkFrame.lookUp(request: 1, name: "door", waitMilliseconds: 1_000).wireBytes, on: channel)
        try eventually("the port is found") { !frames().isEmpty }
        guard case .found(1, .send(let port, _, _, _))? = frames().first else {
            Issue.record("\(frames())")
            return
        }
        // The peer is of this machine's order, so are its bodies.
        let message = NetworkMessage(
            to: .port(port), from: nil, code: 7, reply: .once(1), bytes: Self.body(.host), format: .typed)
        b.channels.send(NetworkFrame.message(message).wireBytes, on: channel)
        var received = try door.receive(timeout: .seconds(10))
        #expect(received.bytes == Self.body(.host) && received.format == .typed)
        var answer = Message(code: 8, bytes: Self.body(.host))
        answer.format = .typed
        try received.takeReply()?.send(answer)
        func answered() -> NetworkMessage? {
            for case .message(let message) in frames() where message.code == 8 { return message }
            return nil
        }
        try eventually("the answer") { answered() != nil }
        #expect(answered()?.bytes == Self.body(order))
    }
}
