import Glibc
import Masix
import MasixTestKit
import Testing

/// The descriptor for foreign event loops: it says "look" whenever something may have come, and is silent otherwise.
@Suite struct PollableTests {
    private func isReadable(_ descriptor: Int32, within milliseconds: Int32) -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        // One record, for the time of the call.
        return unsafe poll(&watched, 1, milliseconds) > 0
    }

    /// Whoever has looked is left alone, or his loop would spin. It may say "look" for nothing, when a lease goes: a node that takes
    /// leases away all the time is never silent.
    private func becomesSilent(_ descriptor: Int32, _ port: borrowing ReceiveRight) throws -> Bool {
        for _ in 0..<20 {
            while try port.tryReceive() != nil {}
            if !isReadable(descriptor, within: 20) { return true }
        }
        return false
    }

    @Test(arguments: TestNode.Leases.allCases)
    func itSaysLookWhenAMessageComes(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let news = try server.pollableDescriptor()
            if leases != .revokedAtRandom { #expect(try becomesSilent(news, port)) }
            let sender = try Background {
                for number in 0..<300 { try right.send(Message(code: UInt32(number)), timeout: .seconds(10)) }
            }
            // Never asked again without having been told: what is lost here would be waited for in vain.
            var next: UInt32 = 0
            while next < 300 {
                guard isReadable(news, within: 10_000) else {
                    Issue.record("nothing was told after \(next) messages")
                    break
                }
                while let message = try port.tryReceive() {
                    #expect(message.code == next)
                    next += 1
                }
            }
            try sender.wait()
            if leases != .revokedAtRandom { #expect(try becomesSilent(news, port)) }
        }
    }

    /// Formal/leader.pml, TELL_POLLER: a thread that blocks in the library may read the ring that was meant for the loop.
    @Test(arguments: TestNode.Leases.allCases)
    func aBlockedThreadTakesNoRingFromTheLoop(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let looped = try server.makePort()
            let blocked = try server.makePort()
            let toLoop = try node.pass(try looped.makeSendRight(), from: server, to: client)
            let toBlocked = try node.pass(try blocked.makeSendRight(), from: server, to: client)
            let own = try client.makePort()
            let seen = try node.pass(try own.makeSendRight(), from: client, to: server)
            let news = try server.pollableDescriptor()
            let rounds = 300
            let blocking = try Background {
                for _ in 0..<rounds { _ = try blocked.receive(timeout: .seconds(60)) }
            }
            let sending = try Background {
                for round in 0..<rounds {
                    // Both at once, then nothing more until the loop has seen its own: no later ring makes good for a lost one.
                    try toLoop.send(Message(code: UInt32(round)), timeout: .seconds(10))
                    try toBlocked.send(Message(), timeout: .seconds(10))
                    _ = try own.receive(timeout: .seconds(60))
                }
            }
            var next = 0
            while next < rounds {
                guard isReadable(news, within: 10_000) else {
                    Issue.record("nothing was told after \(next) messages")
                    break
                }
                while let message = try looped.tryReceive() {
                    #expect(message.code == UInt32(next))
                    next += 1
                    try seen.send(Message(), timeout: .seconds(10))
                }
            }
            if next == rounds {
                try sending.wait()
                try blocking.wait()
            }
        }
    }

    /// What comes for one port while the loop looks at another is told: the vain look at that other does not take the news away.
    @Test(arguments: TestNode.Leases.allCases)
    func oneLoopHasManyPorts(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let first = try server.makePort()
            let second = try server.makePort()
            let toFirst = try node.pass(try first.makeSendRight(), from: server, to: client)
            let news = try server.pollableDescriptor()
            for round in 0..<100 {
                // The loop comes to its end: nothing is left, and the descriptor says so.
                while isReadable(news, within: 0) {
                    #expect(try first.tryReceive() == nil)
                    #expect(try second.tryReceive() == nil)
                }
                // It is between its looks at the two when a message comes for the one that it has looked at.
                #expect(try first.tryReceive() == nil)
                try toFirst.send(Message(code: UInt32(round)))
                #expect(isReadable(news, within: 10_000))
                #expect(try second.tryReceive() == nil)
                guard isReadable(news, within: 0) else {
                    Issue.record("round \(round): the look at the second port took the news of the first")
                    return
                }
                #expect(try first.receive().code == UInt32(round))
            }
        }
    }

    /// Calls are made meanwhile, whose answers come the same way.
    @Test(arguments: TestNode.Leases.allCases)
    func callsAndLooksGoTogether(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let own = try client.makePort()
            let home = try node.pass(try own.makeSendRight(), from: client, to: server)
            let serving = try Background {
                for _ in 0..<100 {
                    var request = try port.receive(timeout: .seconds(10))
                    try home.send(Message(code: request.code), timeout: .seconds(10))
                    let reply = request.takeReply()
                    try reply?.send(Message(code: request.code + 1))
                }
            }
            let news = try client.pollableDescriptor()
            for number in 0..<100 as Range<UInt32> {
                #expect(try right.call(Message(code: number), timeout: .seconds(10)).code == number + 1)
                // It came before the answer did, and may have been read from the pipe with it: look first, then poll.
                var came = try own.tryReceive()?.code
                while came == nil, isReadable(news, within: 10_000) { came = try own.tryReceive()?.code }
                #expect(came == number)
            }
            try serving.wait()
        }
    }

    @Test func deathsAreTold() throws {
        try TestNode.run { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let own = try client.makePort()
            try right.requestDeadName(to: own)
            let news = try client.pollableDescriptor()
            while try own.tryReceive() != nil {}
            let dead = port.port
            port.close()
            var told: Notification?
            while told == nil, isReadable(news, within: 10_000) { told = try own.tryReceive()?.notification }
            #expect(told == .deadName(dead, name: 0))
        }
    }
}
