import Masix
import MasixTestKit
import MasixTransport
import Testing

/// Names, on a node of a test: what a program's own test of its server sees of them.
@Suite struct NameTests {
    @Test func aNameLeadsToItsPort() throws {
        try TestNode.run(names: true) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.names.register("desk", queueLimit: 2)
            #expect(try port.status().queueLimit == 2)
            try client.names.lookUp("desk").send(Message(text: "by its name"), timeout: .seconds(10))
            #expect(try port.receive(timeout: .seconds(10)).text == "by its name")
            let record = try #require(try client.names.list().first)
            #expect(record.name == "desk" && record.port == port.port && record.owner.task == server.task)
        }
    }

    @Test func eachNoHasItsReason() throws {
        try TestNode.run(names: true) { node in
            let (server, client) = (try node.attach(), try node.attach())
            #expect(throws: NameError.unknown("desk", known: [], count: 0)) { _ = try client.names.lookUp("desk") }
            #expect(throws: NameError.unknown("desk", known: [], count: 0)) { try client.names.remove("desk") }
            #expect(throws: NameError.invalidName("a desk")) { _ = try client.names.register("a desk") }
            #expect(throws: NameError.invalidName("")) { _ = try client.names.lookUp("") }
            #expect(throws: NameError.timedOut("desk")) {
                _ = try client.names.lookUp("desk", wait: true, timeout: .milliseconds(20))
            }
            let port = try server.names.register("desk")
            let owner = NameOwner(server.task, server.identity)
            #expect(throws: NameError.taken("desk", by: owner)) { _ = try client.names.register("desk") }
            // One user's: it may be replaced. The port that had the name lives on.
            let second = try client.names.register("desk", replace: true)
            #expect(try server.names.lookUp("desk").port == second.port)
            #expect(try port.makeSendRight().isDead == false)
            let dead = try second.makeSendRight()
            second.close()
            #expect(throws: NameError.deadRight("chair")) { try client.names.register("chair", dead.copy()) }
        }
    }

    @Test func aNameIsFreeWithItsPortOrWhenItIsRemoved() throws {
        try TestNode.run(names: true) { node in
            let space = try node.attach()
            let first = try space.names.register("one")
            let second = try space.names.register("two")
            try space.names.remove("one")
            #expect(try space.names.list().map(\.name) == ["two"])
            #expect(try first.makeSendRight().isDead == false)
            second.close()
            // Told to the name server, and so before it reads the next question.
            let again = try space.names.register("two")
            #expect(try space.names.lookUp("two").port == again.port)
        }
    }

    @Test func whoeverWaitsForANameGetsIt() throws {
        try TestNode.run(names: true) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let waiting = try Background { try client.names.lookUp("late", wait: true, timeout: .seconds(20)).port }
            let port = try server.names.register("late")
            #expect(try waiting.wait() == port.port)
        }
    }

    @Test func rightsPassOnANodeWithNamesToo() throws {
        try TestNode.run(names: true) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            #expect(right.port == port.port)
            #expect(try client.names.list().isEmpty)
        }
    }

    /// A program that holds the right is told by a plain call whether it is still the name's; nothing else may differ.
    @Test func aSecondLookUpFindsWhatALaterOneMust() throws {
        try TestNode.run(names: true) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let first = try server.names.register("desk")
            let found = try client.names.lookUp("desk")
            for _ in 0..<3 { #expect(try client.names.lookUp("desk").port == first.port) }
            // Another port, the same name.
            let second = try server.names.register("desk", replace: true)
            #expect(try client.names.lookUp("desk").port == second.port)
            try server.names.remove("desk")
            #expect(throws: NameError.unknown("desk", known: [], count: 0)) { _ = try client.names.lookUp("desk") }
            #expect(found.port == first.port && !found.isDead)
            // What is let go is not kept for the name.
            let third = try server.names.register("desk")
            _ = try client.names.lookUp("desk")
            #expect(try client.names.lookUp("desk").port == third.port)
        }
    }

    @Test func aSecondLookUpSendsNoRight() throws {
        try TestNode.run(names: true) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.names.register("desk")
            let found = try client.names.lookUp("desk")
            for _ in 0..<10 { _ = try client.names.lookUp("desk") }
            let before = try received(client)
            for _ in 0..<100 { _ = try client.names.lookUp("desk") }
            #expect(try received(client) - before < 10, "they go by a link")
            #expect(found.port == port.port)
        }
    }

    private func received(_ space: Space) throws -> UInt64 {
        guard case .counters(let counters) = try space.query(.counters) else { throw MasixError.notPermitted }
        return counters["messages received by the nucleus"]
    }
}
