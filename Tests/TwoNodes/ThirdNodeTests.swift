import Masix
import MasixKernel
import MasixProtocols
import MasixTestKit
import Testing

/// A right to a port of one node, given by a second to a third (Documentation/Decisions/0020).
@Suite(.serialized) struct ThirdNodeTests {
    /// Sends a right to whoever has registered the name, who takes it.
    private static func give(_ right: consuming SendRight, by giver: Space, to taker: Space, as name: String) throws -> SendRight {
        let hand = try taker.names.register(name)
        var message = Message(code: 1)
        message.attach(right)
        try giver.names.lookUp(name, wait: true, timeout: .seconds(10)).send(message)
        var received = try hand.receive(timeout: .seconds(10))
        guard let right = received.takeSendRight() else { throw MasixError.deadName }
        return right
    }

    /// The first gives a right to its port to the second, and the second gives it to the third.
    private static func pass(_ door: borrowing ReceiveRight, _ owner: Space, _ giver: Space, _ taker: Space) throws -> SendRight {
        let given = try give(try door.makeSendRight(), by: owner, to: giver, as: "giver")
        return try give(given, by: giver, to: taker, as: "taker")
    }

    @Test(arguments: TestNode.Leases.allCases) func aRightOfAThirdNodeIsTheOwners(_ leases: TestNode.Leases) async throws {
        try await NodeGroup.play(3, leases: leases) { group in
            let (owner, giver, taker) = (try group.nodes[0].attach(), try group.nodes[1].attach(), try group.nodes[2].attach())
            let notify = try owner.makePort()
            let door = try owner.makePort()
            let right = try Self.pass(door, owner, giver, taker)
            // It is the port of node 1 for node 3, and the sender is who he is.
            let network = try NetworkClient(taker)
            #expect(try network.sharedPorts().contains { $0.uid == door.port && $0.here == right.port })
            for number in UInt32(0)..<50 { try right.send(Message(code: number), timeout: .seconds(10)) }
            for number in UInt32(0)..<50 {
                let message = try door.receive(timeout: .seconds(10))
                #expect(message.code == number && message.sender == TaskID(node: 3, task: taker.task))
            }
            // The giver's node dies; the right does not.
            group.end(2)
            try right.send(Message(code: 7), timeout: .seconds(10))
            #expect(try door.receive(timeout: .seconds(10)).code == 7)
            try door.requestNoSenders(to: notify)
            right.close()
            guard case .noSenders? = try notify.receive(timeout: .seconds(15)).notification else { throw MasixError.timedOut }
            try NodePair.eventually { try group.isClean([1, 3]) }
        }
    }

    @Test func aRightComesHomeByWayOfAThirdNode() async throws {
        try await NodeGroup.play(3) { group in
            let (owner, giver, taker) = (try group.nodes[0].attach(), try group.nodes[1].attach(), try group.nodes[2].attach())
            let door = try owner.makePort()
            let right = try Self.pass(door, owner, giver, taker)
            let own = try Self.give(right, by: taker, to: owner, as: "home")
            #expect(own.port == door.port)
            own.close()
            door.close()
            try NodePair.eventually { try group.isClean([1, 2, 3]) }
        }
    }
}
