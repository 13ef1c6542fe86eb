import MasixKernel
import MasixSimulator
import MasixWire
import Testing

@testable import MasixNetwork

/// A peer that says whatever it likes, in the middle of the traffic of an honest one: the core refuses it and keeps the books of the
/// other right.
@Suite struct HostilePeerTests {
    private typealias Sample = NetworkFaultTests

    /// A port of ours that the traitor was not given, and the honest peer's.
    private static let secret = PortID(node: Sample.here, counter: 11)
    private static let honest = NodeID(number: 3, incarnation: 1)
    private static let honestPort = PortUID(birth: honest, counter: 20)

    /// As in a frame, with numbers that often mean something.
    private static func frame(_ chance: inout Chance) -> NetworkFrame {
        func number(_ chance: inout Chance) -> UInt64 {
            switch chance.below(8) {
            case 0: .max
            case 1: chance.next()
            default: UInt64(chance.below(6))
            }
        }
        func port(_ chance: inout Chance) -> PortUID {
            switch chance.below(8) {
            case 0: PortUID(birth: NodeID(number: UInt32(chance.below(4)), incarnation: UInt32(chance.below(9))), counter: number(&chance))
            case 1: honestPort
            case 2: PortUID(secret)
            case 3..<5: PortUID(birth: Sample.peer, counter: 18 + UInt64(chance.below(6)))
            default: Sample.ownUID
            }
        }
        // It may be told the keys of all ports but the secret one's and the honest peer's.
        func key(_ chance: inout Chance) -> UInt64 { number(&chance) }
        func right(_ chance: inout Chance) -> NetworkRight {
            switch chance.below(6) {
            case 0: .null
            case 1: .dead
            case 2: .once(chance.oneIn(3) ? number(&chance) : chance.next())
            case 3: .back(port(&chance))
            case 4:
                .third(
                    port(&chance), owner: NodeID(number: UInt32(chance.below(5)), incarnation: 1), limit: 5, key: key(&chance),
                    pin: number(&chance))
            default:
                .send(
                    port(&chance), limit: UInt32(truncatingIfNeeded: number(&chance)), sequence: number(&chance), key: key(&chance))
            }
        }
        switch chance.below(26) {
        case 0: return .lookUp(request: number(&chance), name: "x", waitMilliseconds: UInt32(truncatingIfNeeded: number(&chance)))
        case 1: return .found(request: number(&chance), right(&chance))
        case 2: return .unknown(request: number(&chance))
        case 3: return .chunk(transfer: number(&chance), memory: UInt16(chance.below(3)), ArraySlice(repeating: 1, count: chance.below(4)))
        case 4: return .abandoned(transfer: number(&chance))
        case 5: return .accepted(port(&chance), count: UInt32(truncatingIfNeeded: number(&chance)))
        case 6: return .clean(port(&chance), sequence: number(&chance))
        case 7: return .onceUnused(number(&chance))
        case 8: return .portDied(port(&chance))
        case 9: return .notYet(request: number(&chance))
        case 10:
            return .announced(
                name: "x", port(&chance), limit: UInt32(truncatingIfNeeded: number(&chance)), sequence: number(&chance),
                key: key(&chance))
        case 11: return .withdrawn(name: "x", port(&chance), key: key(&chance))
        case 12: return .claim(port(&chance), key: key(&chance))
        case 13: return .granted(port(&chance), key: key(&chance), limit: 3, sequence: number(&chance))
        case 14: return .refused(port(&chance), key: key(&chance))
        case 15: return .settled(pin: number(&chance))
        case 16: return .drain(number(&chance), NodeID(number: UInt32(chance.below(5)), incarnation: 1))
        case 17: return .drained(number(&chance))
        default:
            let sender = chance.oneIn(8) ? Speaker(TaskID(raw: number(&chance)), Sample.identity) : Sample.speaker
            var rights: [NetworkRight] = []
            for _ in 0..<chance.below(4) { rights.append(right(&chance)) }
            let memory: [UInt64] = chance.oneIn(3) ? [UInt64(chance.below(4)), number(&chance)] : []
            return .message(
                NetworkMessage(
                    to: chance.oneIn(4) ? .once(number(&chance)) : .port(chance.oneIn(8) ? port(&chance) : Sample.ownUID), from: sender,
                    code: 1,
                    reply: right(&chance), rights: rights, memory: memory, transfer: memory.isEmpty ? 0 : number(&chance)))
        }
    }

    /// What the honest peer and its tasks have, said again at the end.
    private static func books(_ core: NetworkCore) -> String {
        guard let peer = core.peers[3] else { return "none" }
        let exports = core.exports.filter { $0.value.holders[3] != nil }.keys.sorted().map {
            "\($0) \(core.exports[$0]?.holders[3]?.sequence ?? 0) \(core.exports[$0]?.underWay[3] ?? 0)"
        }
        // What is only claimed, because the hostile one says so, costs it its pins and the honest one an answer.
        let proxies = peer.granted.values.sorted().map { "\($0) \(core.proxies[$0]?.sequence ?? 0) \(core.proxies[$0]?.unaccepted ?? 0)" }
        return "\(exports) \(proxies) \(peer.given.sorted()) \(peer.taken.sorted()) \(peer.incoming.keys.sorted())"
    }

    private static func honestStart() -> NetworkCore {
        var core = Sample.core()
        core.announcements = .both
        _ = core.handle(.up(honest))
        _ = core.handle(.find(asker: 2, name: "y", waitMilliseconds: 0, until: 100, among: [3]))
        let asked = core.peers[3]?.requests.keys.first ?? 0
        _ = core.handle(.frame(peer: 3, .found(request: asked, .send(honestPort, limit: 8, sequence: 1))))
        let proxy = core.peers[3]?.proxies.first ?? ProxyID(raw: 0)
        let message = LocalMessage(
            from: Sample.speaker, code: 1, reply: .once(8), rights: [.send(secret, limit: 4), .send(Sample.own, limit: 4)])
        _ = core.handle(.sent(to: proxy, message, transfer: 0))
        return core
    }

    private static func honestFrames(_ core: NetworkCore) -> [NetworkFrame] {
        [
            .message(
                NetworkMessage(
                    to: .port(PortUID(secret)), from: Sample.speaker, code: 2, reply: .once(4),
                    rights: [.back(Sample.ownUID), .send(honestPort, limit: 8, sequence: 2)],
                    memory: [2, 1], transfer: 6)), .chunk(transfer: 6, memory: 0, [1]), .accepted(honestPort, count: 1),
            .chunk(transfer: 6, memory: 0, [2]), .message(NetworkMessage(to: .once(8), from: nil, code: 3)),
            .chunk(transfer: 6, memory: 1, [3]),
            .message(NetworkMessage(to: .port(Sample.ownUID), from: nil, code: 3)), .clean(Sample.ownUID, sequence: 2),
        ]
    }

    @Test("random frames and frames with a byte changed, between those of an honest peer")
    func isKeptApart() {
        var refusals: Set<NetworkFault> = []
        var taken = 0
        for seed in UInt64(1)...400 {
            var chance = Chance(seed: seed)
            var core = Self.honestStart()
            var alone = core
            _ = alone.handle(.down(peer: 2))
            for frame in Self.honestFrames(core) {
                for _ in 0..<6 {
                    var hostile = Self.frame(&chance)
                    if chance.oneIn(3), let sample = chance.pick(NetworkFrameSamples.all) {
                        var bytes = sample.wireBytes
                        bytes[chance.below(bytes.count)] = UInt8(chance.below(256))
                        guard let read = try? NetworkFrame(wireBytes: bytes) else { continue }
                        hostile = read
                    }
                    if core.peers[2] == nil { Sample.welcome(&core) }
                    let actions = core.handle(.frame(peer: 2, hostile))
                    taken += 1
                    for action in actions {
                        switch action {
                        case .refuse(let peer, let fault):
                            #expect(peer == 2)
                            refusals.insert(fault)
                        case .deliver(let number, let delivery):
                            #expect(delivery.destination != .held(Self.secret))
                            for right in delivery.rights + [delivery.reply] { #expect(right != .held(Self.secret)) }
                            #expect(delivery.speaker?.task.node ?? 2 == 2)
                            if chance.oneIn(2) { _ = core.handle(.delivered(number)) }
                        case .release(let port): #expect(core.exports[port] == nil)
                        default: break
                        }
                    }
                }
                let actions = core.handle(.frame(peer: 3, frame))
                let expected = alone.handle(.frame(peer: 3, frame))
                #expect(!actions.contains { if case .refuse = $0 { true } else { false } })
                for case .deliver(let number, _) in actions { _ = core.handle(.delivered(number)) }
                for case .deliver(let number, _) in expected { _ = alone.handle(.delivered(number)) }
            }
            #expect(Self.books(core).replacing("proxy", with: "") == Self.books(alone).replacing("proxy", with: ""))
            _ = core.handle(.down(peer: 2))
            #expect(core.exports.values.allSatisfy { $0.holders.keys.allSatisfy { $0 == 3 } && $0.pins >= 0 })
            _ = core.handle(.down(peer: 3))
            Sample.receiveAll(&core)
            #expect(core.isEmpty)
        }
        #expect(taken > 2_000)
        #expect(refusals.count > 7)
    }

    @Test("at a bound this node takes less, and the peer has nothing to refuse")
    func honestBounds() {
        var core = Sample.core()
        core.bounds.onces = 2
        core.bounds.ports = 2
        core.bounds.memoryBytes = 10
        core.bounds.lookUps = 1
        let many = LocalMessage(
            from: nil, code: 1,
            rights: [
                .once(11), .once(12), .send(Self.secret, limit: 1), .send(PortID(node: Sample.here, counter: 12), limit: 1),
                .send(Sample.own, limit: 1),
            ])
        let actions = core.handle(.sent(to: ProxyID(raw: 1), many, transfer: 0))
        #expect(actions.contains(.drop(once: 12)))
        let frames = actions.compactMap { action -> NetworkMessage? in
            guard case .send(_, .message(let message)) = action else { return nil }
            return message
        }
        #expect(
            frames.first?.rights == [
                .once(11), .dead, .send(PortUID(Self.secret), limit: 1, sequence: 1), .dead,
                .send(Sample.ownUID, limit: UInt32(Limits.queueMessagesMax), sequence: 2),
            ])
        let large = LocalMessage(from: nil, code: 1, reply: .once(13), memory: [11])
        // And its room is free again: nobody else will give it.
        #expect(
            core.handle(.sent(to: ProxyID(raw: 1), large, transfer: 5)) == [
                .giveRoom(ProxyID(raw: 1), count: 1), .drop(once: 13), .forget(transfer: 5),
            ])
        _ = core.handle(.frame(peer: 2, Sample.message(rights: [.once(1)])))
        #expect(
            core.handle(.answered(OnceKey(peer: 2, number: 1), large, transfer: 6)) == [
                .send(peer: 2, .onceUnused(1)), .drop(once: 13), .forget(transfer: 6),
            ])
        _ = core.handle(.find(asker: 7, name: "a", waitMilliseconds: 0, until: 100))
        #expect(core.handle(.find(asker: 8, name: "b", waitMilliseconds: 0, until: 100)) == [.answer(asker: 8, nil, silent: [2])])
    }
}
