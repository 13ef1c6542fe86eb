import Masix
import MasixTestKit
import Testing

/// Rights are held or not: copies, the last one that goes, what a port leaves when it dies, and who sends.
@Suite struct RightTests {
    @Test(arguments: TestNode.Leases.allCases)
    func theLastOfTheCopiesIsTheLastSender(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let news = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let second = right.copy()
            let third = right.copy()
            try port.requestNoSenders(sync: 1, to: news)
            right.close()
            second.close()
            #expect(throws: MasixError.timedOut) { _ = try news.receive(timeout: .milliseconds(20)) }
            try third.send(Message(code: 3), timeout: .seconds(10))
            #expect(try port.receive(timeout: .seconds(10)).code == 3)
            third.close()
            #expect(try news.receive(timeout: .seconds(10)).notification == .noSenders(makeSendCount: 1))
            #expect(try port.status().sendRights == 0)
        }
    }

    @Test(arguments: TestNode.Leases.allCases)
    func allCopiesDieAtOnceAndTheNameStaysDead(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let copy = right.copy()
            try right.send(Message(), timeout: .seconds(10))
            #expect(right.isDead == false)
            port.close()
            let (isDead, isCopyDead) = (right.isDead, copy.isDead)
            #expect(isDead && isCopyDead)
            #expect(throws: MasixError.deadName) { try right.send(Message(), timeout: .zero) }
            #expect(throws: MasixError.deadName) { _ = try copy.call(Message(), timeout: .zero) }
            // D3: a dead right travels as a dead right.
            let own = try client.makePort()
            var message = Message()
            message.attach(copy)
            try own.makeSendRight().send(message, timeout: .zero)
            var received = try own.receive(timeout: .seconds(10))
            #expect(received.rightCount == 1)
            #expect(received.isDead(at: 0) == true)
            let isNothing = received.takeSendRight() == nil
            #expect(isNothing)
            let another = try server.makePort()
            #expect(another.port != right.port)
        }
    }

    /// A right is taken by its position and its kind, once.
    @Test func rightsAreTakenOnce() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let port = try space.makePort()
            let other = try space.makePort()
            let moved = try space.makePort()
            let movedPort = moved.port
            var message = Message()
            message.attachNothing()
            message.attach(try other.makeSendRight())
            message.attach(try other.makeSendOnceRight())
            message.attach(moved)
            #expect(message.rightCount == 4)
            try port.makeSendRight().send(message, timeout: .zero)
            var received = try port.receive(timeout: .seconds(10))
            let wrong = [
                received.takeSendRight(at: 0) == nil, received.takeSendRight(at: 2) == nil, received.takeSendOnceRight(at: 1) == nil,
                received.takeReceiveRight(at: 1) == nil, received.takeSendRight(at: 4) == nil, received.takeSendRight(at: -1) == nil,
                received.takeReply() == nil,
            ]
            #expect(wrong.allSatisfy { $0 })
            guard let once = received.takeSendOnceRight(at: 2), let came = received.takeReceiveRight(at: 3),
                let send = received.takeSendRight(at: 1)
            else { throw MasixError.invalidRight }
            let isTaken = received.takeSendRight(at: 1) == nil
            #expect(isTaken)
            #expect(came.port == movedPort)
            try once.send(Message(code: 1))
            try send.send(Message(code: 2), timeout: .zero)
            #expect(try other.receive(timeout: .seconds(10)).code == 1)
            #expect(try other.receive(timeout: .seconds(10)).code == 2)
        }
    }

    /// T4, S4: a send-once right yields one message, and one to a dead port vanishes.
    @Test func aSendOnceRightYieldsOneMessage() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let port = try space.makePort()
            try port.makeSendOnceRight().close()
            #expect(try port.receive(timeout: .seconds(10)).notification == .sendOnce)
            let late = try port.makeSendOnceRight()
            port.close()
            try late.send(Message())
        }
    }

    @Test func theSenderIsWhoTheNodeSays() throws {
        try TestNode.run { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            try right.send(Message(text: "I am root"), timeout: .seconds(10))
            let message = try port.receive(timeout: .seconds(10))
            #expect(message.sender == client.task)
            #expect(message.sender != server.task)
            let identity = try message.senderIdentity()
            #expect(identity == client.identity)
            #expect(identity.pid == client.identity.pid && identity.executable.hasPrefix("/") && !identity.launched)
            #expect(try server.identity(of: client.task) == identity)
        }
    }

    /// Who has gone and was never asked about is not known; who was asked about is remembered.
    @Test func aSenderThatHasGoneIsRemembered() throws {
        try TestNode.run { node in
            let server = try node.attach()
            let port = try server.makePort()
            try sendAndGo(node, port, server, isKnown: true)
            let known = try port.receive(timeout: .seconds(10))
            #expect(try known.senderIdentity().pid == server.identity.pid)
        }
    }

    private func sendAndGo(_ node: TestNode, _ port: borrowing ReceiveRight, _ server: Space, isKnown: Bool) throws {
        let client = try node.attach()
        let right = try node.pass(try port.makeSendRight(), from: server, to: client)
        if isKnown { _ = try server.identity(of: client.task) }
        try right.send(Message(), timeout: .seconds(10))
    }
}
