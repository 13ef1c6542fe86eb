import Masix
import MasixTestKit
import Testing

/// A set receives for its members, who come and go.
@Suite struct PortSetTests {
    @Test func eachMessageSaysWhichMemberItIsFor() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let set = space.makePortSet()
            let hasNone = try set.tryReceive() == nil
            #expect(hasNone)
            #expect(throws: MasixError.timedOut) { _ = try set.receive(timeout: .milliseconds(5)) }
            let ports = try (0..<3).map { _ in set.insert(try space.makePort()) }
            #expect(set.ports == ports)
            for port in ports { try set.makeSendRight(to: port).send(Message(code: UInt32(port.counter % 1_000)), timeout: .zero) }
            var heard: Set<PortID> = []
            for _ in ports {
                let message = try set.receive(timeout: .seconds(10))
                #expect(message.code == UInt32(message.port.counter % 1_000))
                heard.insert(message.port)
            }
            #expect(heard == Set(ports))
            let hasNoMore = try set.tryReceive() == nil
            #expect(hasNoMore)
        }
    }

    /// V5: what lies in its queue goes with a member, and comes back with it.
    @Test func aMemberThatIsTakenOutKeepsItsQueue() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let set = space.makePortSet()
            let port = set.insert(try space.makePort())
            let right = try set.makeSendRight(to: port)
            try right.send(Message(code: 1), timeout: .zero)
            guard let alone = set.remove(port) else { throw MasixError.invalidRight }
            #expect(set.ports.isEmpty)
            let isGone = set.remove(port) == nil
            #expect(isGone)
            #expect(throws: MasixError.invalidRight) { _ = try set.makeSendRight(to: port) }
            #expect(throws: MasixError.timedOut) { _ = try set.receive(timeout: .milliseconds(5)) }
            #expect(try alone.receive(timeout: .seconds(10)).code == 1)
            try right.send(Message(code: 2), timeout: .zero)
            set.insert(alone)
            #expect(try set.receive(timeout: .seconds(10)).code == 2)
        }
    }

    @Test func aWaitingSetTakesNewMembers() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let set = space.makePortSet()
            let waiting = try Background { try set.receive(timeout: .seconds(20)).code }
            let port = try space.makePort()
            let right = try port.makeSendRight()
            try right.send(Message(code: 5), timeout: .zero)
            #expect(!waiting.isDone)
            set.insert(port)
            #expect(try waiting.wait() == 5)
        }
    }

    /// Three who always have something: each gets its turn.
    @Test(arguments: TestNode.Leases.allCases)
    func membersTakeTurns(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let set = server.makePortSet()
            for count in [100, 10, 1] {
                let port = set.insert(try server.makePort(queueLimit: 128))
                let right = try node.pass(try set.makeSendRight(to: port), from: server, to: client)
                for _ in 0..<count { try right.send(Message(), timeout: .seconds(10)) }
            }
            var heard: Set<PortID> = []
            for _ in 0..<6 { heard.insert(try set.receive(timeout: .seconds(10)).port) }
            #expect(heard.count == 3)
        }
    }

    @Test func withTheSetItsPortsDie() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let right = try rightIntoALostSet(space)
            #expect(throws: MasixError.deadName) { try right.send(Message(), timeout: .zero) }
        }
    }

    private func rightIntoALostSet(_ space: Space) throws -> SendRight {
        let set = space.makePortSet()
        return try set.makeSendRight(to: set.insert(try space.makePort()))
    }

    /// 70, 72: a server of sessions asks about its members through the set.
    @Test func notificationsComeToMembers() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let set = space.makePortSet()
            let news = set.insert(try space.makePort())
            let session = set.insert(try space.makePort())
            try set.requestNoSenders(of: session, sync: 1, to: news)
            try set.makeSendRight(to: session).close()
            let first = try set.receive(timeout: .seconds(10))
            #expect(first.port == news)
            #expect(first.notification == .noSenders(makeSendCount: 1))
            let other = try space.makePort()
            let right = try other.makeSendRight()
            try set.requestDeadName(of: right, to: news)
            other.close()
            #expect(try set.receive(timeout: .seconds(10)).notification == .deadName(right.port, name: 0))
        }
    }

    /// Members take turns, also one that has been taken out and put back while it had messages.
    @Test func whoComesBackHasOnePlaceInLine() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let set = space.makePortSet()
            let ports = try (0..<2).map { _ in set.insert(try space.makePort(queueLimit: 64)) }
            for port in ports {
                let right = try set.makeSendRight(to: port)
                for _ in 0..<40 { try right.send(Message(), timeout: .zero) }
            }
            for _ in 0..<10 {
                guard let first = set.remove(ports[0]) else { throw MasixError.invalidRight }
                set.insert(first)
            }
            var heard: [PortID] = []
            for _ in 0..<20 { heard.append(try set.receive(timeout: .seconds(10)).port) }
            #expect(heard.count { $0 == ports[0] } == 10, "\(heard)")
        }
    }
}
