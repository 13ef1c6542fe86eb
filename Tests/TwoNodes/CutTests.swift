import Masix
import MasixKernel
import MasixLinux
import MasixNetworkServer
import MasixTestKit
import MasixWireRelay
import Testing

/// The wire between two nodes is cut again and again, and no program notices (decision 0021).
@Suite(.serialized) struct CutTests {
    private static func expectNothing(at port: borrowing ReceiveRight) throws { _ = try port.receive(timeout: .milliseconds(200)) }

    /// 64 KiB, none like its neighbours.
    private static func piece(_ number: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: number &* 37 &+ number >> 8), count: 1 << 16)
    }

    @Test func callsAndALargeMessageCrossCuts() async throws {
        try await NodePair.play(isRelayed: true) { pair in
            let relay = try #require(pair.relay)
            let (server, client) = (try pair.b.attach(), try pair.a.attach())
            let echo = try server.names.register("echo")
            let sink = try server.names.register("sink")
            let calls = 1_500
            let answering = try Background {
                for number in 0..<calls {
                    var message = try echo.receive(timeout: .seconds(30))
                    // Once, and in order.
                    #expect(message.code == UInt32(number))
                    try message.takeReply()?.send(Message(code: message.code, text: "\(number)"))
                }
            }
            let bytes = 64 << 20
            let collecting = try Background {
                var message = try sink.receive(timeout: .seconds(60))
                guard let memory = message.takeMemory(at: 0) else { throw MasixError.malformedMessage }
                #expect(memory.count == bytes)
                for number in 0..<(bytes >> 16) {
                    var piece: [UInt8] = Self.piece(0)
                    try memory.read((number << 16)..<((number + 1) << 16), into: &piece, at: 0)
                    #expect(piece == Self.piece(number), "piece \(number)")
                }
                // Nothing comes twice.
                #expect(throws: MasixError.timedOut) { try Self.expectNothing(at: sink) }
            }
            let toEcho = try client.names.lookUp("echo")
            let toSink = try client.names.lookUp("sink")
            let sending = try Background {
                var content: [UInt8] = []
                content.reserveCapacity(bytes)
                for number in 0..<(bytes >> 16) { content += Self.piece(number) }
                var message = Message(code: 7)
                message.attach(try MemoryObject(bytes: content))
                try toSink.send(message)
            }
            let cutting = try Background {
                for round in 0..<20 {
                    relay.cut(after: 100_000 + round * 1_234_567)
                    let seen = relay.cuts
                    let deadline = Clock.monotonicNanoseconds() + 3_000_000_000
                    while relay.cuts == seen, Clock.monotonicNanoseconds() < deadline {
                        _ = try? FutexWord().wait(while: 0, timeoutNanoseconds: 2_000_000)
                    }
                }
            }
            for number in 0..<calls {
                let answer = try toEcho.call(Message(code: UInt32(number)), timeout: .seconds(30))
                #expect(answer.code == UInt32(number) && answer.text == "\(number)")
            }
            try sending.wait(seconds: 60)
            try collecting.wait(seconds: 60)
            try answering.wait(seconds: 30)
            try cutting.wait(seconds: 80)
            let traffic = try #require(pair.serverA.counters.peers[2])
            #expect(relay.cuts >= 5 && traffic.resumptions >= 5 && traffic.ups == 1, "\(relay.cuts) cuts, \(traffic)")
        }
    }
}
