import Logging
import Masix
import MasixKernel
import MasixNetwork
import MasixTestKit
import MasixWire
import Testing

@testable import MasixNetworkServer

/// A node that names ports which are not its to name, over a real channel: it loses that, and what it did is counted.
@Suite(.serialized) struct NamingTests {
    private static let node = NodeID(number: 1, incarnation: 1)

    @Test(
        arguments: [
            (PortUID(birth: node, counter: 1), NetworkFault.notGiven),
            (PortUID(birth: NodeID(number: 1, incarnation: 0), counter: 1), .stalePort),
            (PortUID(birth: NodeID(number: 3, incarnation: 1), counter: 1), .foreignPort),
        ])
    func whatWasNotGivenIsRefusedAndCounted(_ port: PortUID, _ fault: NetworkFault) throws {
        let node = try TestNode(names: true)
        defer { node.stop() }
        let b = try Station(2, host: "127.0.0.2")
        let key = NodeKey.make()
        let server = NetworkServer(space: try node.attachChief(), configuration: try .ofNodeOne(key, knowing: try b.entry()))
        try server.start {}
        defer { server.stop() }
        try b.know(
            NodeRosterEntry(number: 1, name: "node-1", fingerprint: key.fingerprint, host: "127.0.0.1", port: try #require(server.port)))
        let channel = try b.awaitUp()
        let message = NetworkMessage(to: .port(port), from: nil, code: 1)
        b.channels.send(NetworkFrame.message(message).wireBytes, on: channel)
        try eventually("it is counted") { server.counters.violations["\(fault.words)"] == 1 }
        #expect(server.counters.refusals[.protocolViolation] == 1)
        // And the node is heard again, with nothing left of before.
        try eventually("it comes up again") { b.ups.count > 1 }
        #expect(try server.summary().isEmpty)
    }
}
