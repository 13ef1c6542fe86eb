import Masix
import MasixKernel
import MasixNucleus
import MasixTestKit
import Testing

/// Each thing that cannot be done has its error, and leaves everything as it was.
@Suite struct RefusalTests {
    @Test func whereThereIsNoNode() {
        #expect(throws: MasixError.noNode(path: "/tmp/masix-test-nowhere/node.socket")) {
            _ = try Space.attach(directory: "/tmp/masix-test-nowhere")
        }
    }

    @Test func aQueueLimitIsInItsRange() throws {
        try TestNode.run { node in
            let space = try node.attach()
            for limit in [-1, Limits.queueMessagesMax + 1, .max] {
                #expect(throws: MasixError.invalidValue) { _ = try space.makePort(queueLimit: limit) }
            }
            let port = try space.makePort(queueLimit: 3)
            #expect(throws: MasixError.invalidValue) { try port.setQueueLimit(Limits.queueMessagesMax + 1) }
            #expect(try port.status().queueLimit == 3)
            try port.setQueueLimit(Limits.queueMessagesMax)
            #expect(try port.status().queueLimit == UInt32(Limits.queueMessagesMax))
        }
    }

    @Test(arguments: TestNode.Leases.allCases)
    func aMessageIsNotTooLarge(leases: TestNode.Leases) throws {
        try TestNode.run(leases: leases) { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort()
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let most = [UInt8](repeating: 1, count: Limits.inlineBytesMax)
            try right.send(Message(bytes: most), timeout: .seconds(10))
            #expect(try port.receive(timeout: .seconds(10)).bytes == most)
            let tooLarge = MasixError.tooLarge(bytes: Limits.inlineBytesMax + 1)
            #expect(throws: tooLarge) { try right.send(Message(bytes: most + [1]), timeout: .seconds(10)) }
            #expect(throws: tooLarge) { _ = try right.call(Message(bytes: most + [1]), timeout: .seconds(10)) }
            #expect(throws: MasixError.timedOut) { _ = try port.receive(timeout: .zero) }
        }
    }

    /// What a refused message carried is still in it (S7).
    @Test func aMessageCarriesNotTooMuch() throws {
        try TestNode.run { node in
            let space = try node.attach()
            let port = try space.makePort()
            let right = try port.makeSendRight()
            var message = Message()
            for _ in 0...Limits.rightsPerMessageMax { message.attachNothing() }
            #expect(throws: MasixError.tooManyRights) { try right.trySend(&message, timeout: .zero) }
            #expect(message.rightCount == Limits.rightsPerMessageMax + 1)
            var heavy = Message()
            let memory = try MemoryObject(bytes: [1])
            for _ in 0...Limits.memoryPerMessageMax { heavy.attach(memory) }
            #expect(throws: MasixError.tooManyRights) { try right.trySend(&heavy, timeout: .zero) }
            #expect(heavy.memoryCount == Limits.memoryPerMessageMax + 1)
            let isSilent = try port.tryReceive() == nil
            #expect(isSilent)
        }
    }

    @Test func afterTheNodeNothingIsLeft() throws {
        let node = try TestNode()
        let space = try node.attach()
        let port = try space.makePort()
        let right = try port.makeSendRight()
        node.stop()
        // A port that never leaves asks nobody; one that is to be had by others does.
        #expect(throws: MasixError.nodeGone) { _ = try space.makePort().status() }
        #expect(throws: MasixError.nodeGone) { _ = try port.receive(timeout: .seconds(10)) }
        #expect(throws: MasixError.nodeGone) { _ = try right.call(Message(), timeout: .seconds(10)) }
    }

    @Test func theTasksQuotaIsItsOwn() throws {
        try TestNode.run(configure: { $0.limits.portsPerTaskMax = 8 }) { node in
            let (space, other) = (try node.attach(), try node.attach())
            let set = space.makePortSet()
            // What counts are ports that have left the library: `status` asks the nucleus.
            func make(_ space: Space) throws -> ReceiveRight {
                let port = try space.makePort()
                _ = try port.status()
                return port
            }
            #expect(throws: MasixError.noSpace) { for _ in 0..<9 { set.insert(try make(space)) } }
            _ = try make(other)
            // There is room again when one is given up.
            let first = try #require(set.ports.first)
            set.remove(first)?.close()
            _ = try make(space)
        }
    }

    @Test func errorsSayWhatToDo() {
        #expect("\(MasixError.deadName)".contains("look the name up again"))
        #expect("\(MasixError.tooLarge(bytes: 70_000))".contains("70000"))
        #expect("\(MasixError.noNode(path: "/x"))".contains("masix node run"))
        #expect("\(MasixError.refusedByServer("not today"))" == "not today")
    }
}
