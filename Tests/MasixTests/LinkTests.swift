import Masix
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
}
