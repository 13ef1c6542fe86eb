import MasixKernel
import MasixWire
import Testing

@testable import MasixNetwork

/// A port has one identity among all nodes for its whole life, and one entry in the books of its own, whoever holds rights to it.
@Suite struct PortUIDTests {
    private typealias Sample = NetworkFaultTests

    private static let third = NodeID(number: 3, incarnation: 1)

    /// Tells a node our port, as the answer to a look-up.
    private static func tell(_ peer: UInt32, _ request: UInt64, _ core: inout NetworkCore) -> NetworkFrame? {
        _ = core.handle(.frame(peer: peer, .lookUp(request: request, name: "x", waitMilliseconds: 0)))
        let actions = core.handle(.resolved(peer: peer, request: request, .send(Sample.own, limit: 64)))
        for case .send(peer, let frame) in actions { return frame }
        return nil
    }

    private static func empty() -> NetworkCore {
        var core = NetworkCore(node: Sample.here, expecting: [2, 3], chance: FixedKeys())
        for peer in [Sample.peer, third] { _ = core.handle(.up(peer)) }
        return core
    }

    private static func found(_ sequence: UInt64, _ request: UInt64 = 1) -> NetworkFrame {
        .found(request: request, .send(Sample.ownUID, limit: 64, sequence: sequence))
    }

    @Test("two nodes are told the same, share one entry, and each gives back what is its own")
    func oneEntry() throws {
        var core = Self.empty()
        #expect(Self.tell(2, 1, &core) == Self.found(1))
        #expect(Self.tell(3, 1, &core) == Self.found(2))
        #expect(core.exports.count == 1)
        #expect(core.exports[Sample.own]?.holders.mapValues(\.sequence) == [2: 1, 3: 2])
        #expect(core.handle(.frame(peer: 2, .clean(Sample.ownUID, sequence: 1))).isEmpty)
        #expect(core.exports[Sample.own]?.holders.mapValues(\.sequence) == [3: 2])
        // What is no longer held is not to be named, and the other node has nothing to do with it.
        #expect(core.handle(.frame(peer: 2, Sample.message())) == [.refuse(peer: 2, .notGiven)])
        #expect(core.handle(.frame(peer: 3, .clean(Sample.ownUID, sequence: 2))) == [.release(Sample.own)])
        #expect(core.isEmpty)
    }

    @Test("a clean that a later gift has crossed is not one")
    func crossing() {
        var core = Self.empty()
        #expect(Self.tell(2, 1, &core) == Self.found(1))
        #expect(Self.tell(2, 2, &core) == Self.found(2, 2))
        #expect(core.handle(.frame(peer: 2, .clean(Sample.ownUID, sequence: 1))).isEmpty)
        #expect(core.exports[Sample.own]?.holders[2]?.sequence == 2)
        #expect(core.handle(.frame(peer: 2, .clean(Sample.ownUID, sequence: 2))) == [.release(Sample.own)])
        #expect(core.isEmpty)
    }

    @Test("after a reconnection the port is told by the same identity, and nobody holds it until then")
    func reconnection() {
        var core = Self.empty()
        #expect(Self.tell(2, 1, &core) == Self.found(1))
        #expect(core.handle(.down(peer: 2)) == [.send(peer: 3, .drain(1, Sample.peer))])
        #expect(core.handle(.frame(peer: 3, .drained(1))) == [.release(Sample.own)])
        _ = core.handle(.up(Sample.peer))
        #expect(core.handle(.frame(peer: 2, Sample.message())) == [.refuse(peer: 2, .notGiven)])
        _ = core.handle(.up(Sample.peer))
        #expect(Self.tell(2, 1, &core) == Self.found(1))
        #expect(core.handle(.down(peer: 2)) == [.send(peer: 3, .drain(2, Sample.peer))])
        #expect(core.handle(.down(peer: 3)) == [.release(Sample.own)])
        #expect(core.isEmpty)
    }

    @Test("the same identity on a new channel has a new proxy; the same number of another life is another port")
    func proxies() {
        var core = NetworkCore(node: Sample.here, expecting: [2], chance: FixedKeys())
        _ = core.handle(.up(Sample.peer))
        func look(_ request: UInt64, _ core: inout NetworkCore, _ port: PortUID) -> [NetworkAction] {
            _ = core.handle(.find(asker: request, name: "x", waitMilliseconds: 0, until: 100))
            guard let asked = core.peers[2]?.requests.keys.first else { return [] }
            return core.handle(.frame(peer: 2, .found(request: asked, .send(port, limit: 8, sequence: 5))))
        }
        #expect(look(1, &core, Sample.theirs).contains(.makeProxy(ProxyID(raw: 1), port: Sample.theirs, limit: 8)))
        #expect(core.handle(.down(peer: 2)).contains(.destroyProxy(ProxyID(raw: 1))))
        _ = core.handle(.up(Sample.peer))
        #expect(look(2, &core, Sample.theirs).contains(.makeProxy(ProxyID(raw: 2), port: Sample.theirs, limit: 8)))
        // The node has begun anew: what it says of its life before is refused.
        let next = NodeID(number: 2, incarnation: Sample.peer.incarnation + 1)
        _ = core.handle(.up(next))
        #expect(look(3, &core, Sample.theirs).first == .refuse(peer: 2, .stalePort))
        _ = core.handle(.up(next))
        let reborn = PortUID(birth: next, counter: Sample.theirs.counter)
        #expect(look(4, &core, reborn).contains(.makeProxy(ProxyID(raw: 3), port: reborn, limit: 8)))
        _ = core.handle(.down(peer: 2))
        #expect(core.isEmpty)
    }

    @Test("16 bytes, and as text what people see of ports")
    func form() throws {
        #expect(Sample.ownUID.wireBytes.count == 16)
        #expect(try PortUID(wireBytes: Sample.ownUID.wireBytes) == Sample.ownUID)
        #expect(Sample.ownUID.description == "1.4:10")
        #expect(Sample.ownUID.port == Sample.own)
        #expect(Sample.stale != Sample.ownUID)
        // A right that comes home has neither limit nor number.
        #expect(NetworkRight.back(Sample.ownUID).wireBytes.count == 17)
    }
}
