import Masix
import MasixKernel
import MasixNetworkServer
import MasixTestKit
import MasixTransport
import Testing

/// A name of the other node, step by step (figure 2 of the paper).
@Suite(.serialized) struct ResolutionTests {
    /// What a trace shows of it: messages of name servers by their codes, and frames by their steps.
    private static func seen(by tracer: Space) throws -> [String] {
        guard case .trace(let events, dropped: 0) = try tracer.query(.readTrace) else { throw MasixError.malformedMessage }
        return events.filter { $0.task != tracer.task && $0.peer != tracer.task }.compactMap { event in
            switch (event.kind, event.code) {
            case (.frameSent, let step): "sent \(step)"
            case (.frameReceived, let step): "came \(step)"
            case (.received, NameRequest.code): "name"
            case (.received, ResolverQuestion.code): "resolver"
            default: nil
            }
        }
    }

    @Test func aTraceShowsEveryStep() throws {
        // Without leases every message passes the nucleus, and is seen.
        try NodePair.run(leases: .off) { pair in
            let (server, client) = (try pair.b.attach(), try pair.a.attach())
            let door = try server.names.register("door")
            let (tracerA, tracerB) = (try pair.a.attach(), try pair.b.attach())
            for tracer in [tracerA, tracerB] { #expect(try tracer.query(.subscribeTrace(TraceFilter())) == .done) }
            let right = try client.names.lookUp("door")
            #expect(right.port.node.number == 1)
            #expect(try Self.seen(by: tracerA) == ["name", "resolver", "sent 3", "came 6", "resolver", "name"])
            #expect(try Self.seen(by: tracerB) == ["came 3", "name", "name", "sent 6"])
            _ = try client.names.lookUp("door")
            #expect(try Self.seen(by: tracerA) == ["name", "name"])
            #expect(try Self.seen(by: tracerB).isEmpty)
            door.close()
        }
    }

    @Test func theSecondLookUpSendsNothingBetweenNodes() throws {
        try NodePair.run { pair in
            let (server, client) = (try pair.b.attach(), try pair.a.attach())
            let door = try server.names.register("door")
            let before = pair.serverA.counters.peers[2]
            let first = try client.names.lookUp("door").port
            let after = try #require(pair.serverA.counters.peers[2])
            #expect(after.framesSent == (before?.framesSent ?? 0) + 1 && after.framesReceived == (before?.framesReceived ?? 0) + 1)
            for _ in 0..<20 { #expect(try client.names.lookUp("door").port == first) }
            #expect(pair.serverA.counters.peers[2] == after)
            door.close()
        }
    }
}
