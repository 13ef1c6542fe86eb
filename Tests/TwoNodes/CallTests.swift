import Masix
import MasixKernel
import MasixTestKit
import Testing

/// A client on the one node, a server on the other: what a program sees of it is what it sees on one node.
@Suite(.serialized) struct CallTests {
    @Test func aCallCrosses() async throws {
        try await NodePair.play { pair in
            let (server, client) = (try pair.b.attach(), try pair.a.attach())
            let door = try server.names.register("echo")
            let thread = try Background {
                for _ in 0..<3 {
                    var message = try door.receive(timeout: .seconds(10))
                    #expect(message.sender == TaskID(node: 1, task: client.task))
                    #expect(try message.senderIdentity() == client.identity)
                    let answer = Message(code: message.code + 1, text: "heard " + (message.text ?? ""))
                    try message.takeReply()?.send(answer)
                }
            }
            let right = try client.names.lookUp("echo")
            for number in 0..<3 {
                let answer = try right.call(Message(code: UInt32(number), text: "hello"), timeout: .seconds(10))
                #expect(answer.code == UInt32(number) + 1 && answer.text == "heard hello")
                #expect(answer.sender == TaskID(node: 2, task: server.task))
            }
            try thread.wait(seconds: 20)
        }
    }
}
