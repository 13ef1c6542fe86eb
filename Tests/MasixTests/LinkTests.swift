import Masix
import MasixKernel
import MasixTestKit
import Testing

/// Links come and go with the tasks at their other ends.
@Suite struct LinkTests {
    @Test("a task lets go of the ends of links whose peers have gone, and has places for new ones")
    func endsAreLetGo() throws {
        try TestNode.run { node in
            let server = try node.attach()
            let port = try server.makePort()
            let clients = 80
            let serving = try Background {
                var served = 0
                while served < clients * 20 {
                    var message = try port.receive(timeout: .seconds(60))
                    let reply = message.takeReply()
                    try reply?.send(Message(code: message.code))
                    served += 1
                }
                // Looked at by whoever waits: the links of the last are gone soon.
                while server.linkCount > 2 { _ = try? port.receive(timeout: .milliseconds(1)) }
                return server.linkCount
            }
            for _ in 0..<clients {
                let client = try node.attach()
                let right = try node.pass(try port.makeSendRight(), from: server, to: client)
                for number in UInt32(0)..<20 {
                    #expect(try right.call(Message(code: number), timeout: .seconds(60)).code == number)
                }
                #expect(client.linkCount <= 2)
            }
            #expect(try serving.wait(seconds: 100) <= 2)
            let counters = try node.counters()
            // More than a task may have at a time.
            #expect((counters["links opened"] ?? 0) >= UInt64(clients), "\(counters)")
        }
    }

    @Test("who is not the node's chief speaks by a link in nobody's name but its own", arguments: [false, true])
    func nobodySpeaksForAnother(isHarvested: Bool) throws {
        try TestNode.run { node in
            let (server, client) = (try node.attach(), try node.attach())
            let port = try server.makePort(queueLimit: 8)
            let right = try node.pass(try port.makeSendRight(), from: server, to: client)
            let other = Speaker(
                TaskID(raw: 9 << 32 | 3), TaskIdentity(uid: 0, gid: 0, pid: 1, executable: "/sbin/init", name: "root", launched: true))
            // Until it goes by a link.
            var isSpoken = false
            for _ in 0..<1_000 where !isSpoken {
                try right.send(Message(code: 1), timeout: .seconds(10))
                _ = try port.receive(timeout: .seconds(10))
                var message = Message(code: 2, bytes: [7, 8])
                isSpoken = try client.speakByLease(&message, to: right, as: other, isCall: false) != nil
            }
            #expect(isSpoken)
            // What a closed lease leaves comes by the kernel.
            if isHarvested { try port.setQueueLimit(9) }
            let message = try port.receive(timeout: .seconds(10))
            #expect(message.code == 2 && message.bytes == [7, 8] && message.sender == client.task)
            #expect(try message.senderIdentity() == client.identity)
        }
    }
}
