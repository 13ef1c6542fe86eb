import Masix
import MasixKernel
import MasixLinux
import MasixNetwork
import MasixNetworkServer
import MasixTestKit
import Testing

/// Names of another node: which one is found, and for how long (Documentation/Decisions/0022).
@Suite(.serialized) struct NamesOfTwoNodes {
    private static func isFound(_ name: String, _ space: Space) -> Bool { (try? space.names.lookUp(name, timeout: .seconds(10))) != nil }

    /// Whether a message to what is found under this name arrives there.
    private static func leads(_ name: String, _ space: Space, to port: borrowing ReceiveRight) throws -> Bool {
        try space.names.lookUp(name, timeout: .seconds(10)).send(Message(text: name), timeout: .seconds(10))
        do throws(MasixError) { return try port.receive(timeout: .seconds(2)).text == name } catch { return false }
    }

    @Test("NAME@NODE is that node's, and NAME one's own first") func exactNames() async throws {
        try await NodePair.play { pair in
            let (onA, onB) = (try pair.a.attach(), try pair.b.attach())
            let doorA = try onA.names.register("door")
            let doorB = try onB.names.register("door")
            let gate = try onB.names.register("gate")
            for space in [onA, onB] {
                #expect(try Self.leads("door@a", space, to: doorA))
                #expect(try Self.leads("door@b", space, to: doorB))
            }
            #expect(try Self.leads("door", onA, to: doorA))
            #expect(try Self.leads("door", onB, to: doorB))
            #expect(try Self.leads("gate", onA, to: gate))
            // Not anywhere else, and not on a node that there is not.
            #expect(throws: NameError.unknown("gate@a", known: ["door", "network"], count: 2)) { _ = try onA.names.lookUp("gate@a") }
            #expect(throws: NameError.unknownNode("door@c", node: "c", known: ["b"])) { _ = try onA.names.lookUp("door@c") }
            #expect(throws: NameError.unknownNode("door@c", node: "c", known: ["b"])) {
                _ = try onA.names.lookUp("door@c", wait: true, timeout: .seconds(10))
            }
            for odd in ["@b", "door@", "door@b@a", "@"] {
                #expect(throws: NameError.invalidName(odd)) { _ = try onA.names.lookUp(odd) }
            }
            #expect(throws: NameError.invalidName("door@a")) { _ = try onA.names.register("door@a") }
            doorA.close()
            doorB.close()
            gate.close()
        }
    }

    @Test("a name that is waited for on one node alone is found when it comes") func exactWait() async throws {
        try await NodePair.play { pair in
            let (onA, onB) = (try pair.a.attach(), try pair.b.attach())
            let own = try onA.names.register("door")
            let found = try Background { try onA.names.lookUp("door@b", wait: true, timeout: .seconds(20)).port }
            let door = try onB.names.register("door")
            let port = try found.wait()
            #expect(port != own.port)
            own.close()
            door.close()
        }
    }

    @Test("a removed, replaced or dead name is forgotten at once, and not after its time", arguments: [[], .both] as [NameAnnouncements])
    func nothingStale(announcements: NameAnnouncements) async throws {
        try await NodePair.play(announcements: announcements) { pair in
            let (onA, onB) = (try pair.a.attach(), try pair.b.attach())
            let door = try onB.names.register("door")
            #expect(try Self.leads("door", onA, to: door))
            #expect(try Self.leads("door@b", onA, to: door))
            // The port lives: only the name goes. It would be remembered for five seconds, and longer at each use.
            try onB.names.remove("door")
            try NodePair.eventually(seconds: 3) { !Self.isFound("door", onA) && !Self.isFound("door@b", onA) }
            try onB.names.register("door", try door.makeSendRight())
            #expect(try Self.leads("door", onA, to: door))
            // Another port has it.
            let next = try onB.names.register("door", replace: true)
            try NodePair.eventually(seconds: 3) { try Self.leads("door", onA, to: next) }
            // Its port dies.
            next.close()
            try NodePair.eventually(seconds: 3) { !Self.isFound("door", onA) }
            door.close()
        }
    }

    @Test("who has asked once is answered without a frame when the other announces, and the tables are empty in the end")
    func announcedNames() async throws {
        try await NodePair.play(announcements: .both) { pair in
            let (onA, onB) = (try pair.a.attach(), try pair.b.attach())
            let door = try onB.names.register("door")
            let bell = try onA.names.register("bell")
            // The caller's own name is announced with the first message that it sends.
            try onA.names.lookUp("door", timeout: .seconds(10)).send(Message(text: "hello"), timeout: .seconds(10))
            #expect(try door.receive(timeout: .seconds(10)).text == "hello")
            try NodePair.eventually { try pair.serverB.summary().proxies > 0 }
            let before = try #require(pair.serverB.counters.peers[1])
            try NodePair.eventually { Self.isFound("bell", onB) }
            // Nobody was asked: the look-up was answered here.
            #expect(try Self.leads("bell", onB, to: bell))
            let after = try #require(pair.serverB.counters.peers[1])
            #expect(after.framesSent - before.framesSent <= 3, "the message, and what was under way")
            door.close()
            bell.close()
            try NodePair.eventually(seconds: 15) { try pair.isClean() }
        }
    }
}
