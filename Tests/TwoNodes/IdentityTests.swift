import Masix
import MasixKernel
import MasixProtocols
import MasixTestKit
import Testing

/// What a port is called between nodes, as people are told it.
@Suite(.serialized) struct IdentityTests {
    @Test func aPortKeepsItsIdentityWhenTheNodesMeetAgain() async throws {
        try await NodePair.play { pair in
            let (server, client) = (try pair.b.attach(), try pair.a.attach())
            let door = try server.names.register("door")
            let networkA = try NetworkClient(client)
            let networkB = try NetworkClient(server)
            let first = try client.names.lookUp("door")
            #expect(first.port.node.number == 1)
            // The proxy says whose it is, and the home node who holds it.
            #expect(try networkA.sharedPorts() == [SharedPort(uid: door.port, here: first.port)])
            #expect(try networkB.sharedPorts() == [SharedPort(uid: door.port, here: door.port, holders: [1])])
            try pair.reconnect()
            try NodePair.eventually { (try? first.send(Message(code: 1))) == nil }
            let second = try client.names.lookUp("door", wait: true, timeout: .seconds(10))
            #expect(second.port != first.port)
            #expect(try networkA.sharedPorts() == [SharedPort(uid: door.port, here: second.port)])
            #expect(try networkB.sharedPorts() == [SharedPort(uid: door.port, here: door.port, holders: [1])])
            // At home it is the port itself.
            try second.send(Message(code: 2, text: "back"))
            #expect(try door.receive(timeout: .seconds(10)).text == "back")
            second.close()
            first.close()
            try NodePair.eventually { try networkA.sharedPorts().isEmpty && networkB.sharedPorts().isEmpty }
            try NodePair.eventually { try pair.isClean() }
        }
    }
}
