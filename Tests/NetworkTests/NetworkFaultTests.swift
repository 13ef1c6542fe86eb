import MasixKernel
import MasixWire
import Testing

@testable import MasixNetwork

/// What a peer may not say: each fault by the least that raises it, and the same a little less without.
@Suite struct NetworkFaultTests {
    static let here = NodeID(number: 1, incarnation: 4)
    static let peer = NodeID(number: 2, incarnation: 7)
    static let own = PortID(node: here, counter: 10)
    static let ownUID = PortUID(own)
    static let theirs = PortUID(birth: peer, counter: 20)
    /// Of an earlier life of ours: it had the same number as `own`.
    static let stale = PortUID(birth: NodeID(number: 1, incarnation: 3), counter: 10)
    static let identity = TaskIdentity(uid: 1, gid: 1, pid: 1, executable: "", name: "t", launched: false)
    static let speaker = Speaker(TaskID(raw: 5), identity)

    /// A core whose peer 2 has been given a right to `own` and the send-once right 3, and has given us one to `theirs`.
    static func core() -> NetworkCore {
        var core = NetworkCore(node: here, expecting: [2], chance: FixedKeys())
        welcome(&core)
        return core
    }

    static func welcome(_ core: inout NetworkCore) {
        _ = core.handle(.up(peer))
        _ = core.handle(.find(asker: 1, name: "x", waitMilliseconds: 0, until: 100))
        guard let request = core.peers[2]?.requests.keys.first else { return }
        _ = core.handle(.frame(peer: 2, .found(request: request, .send(theirs, limit: 64, sequence: 1))))
        guard let proxy = core.peers[2]?.proxies.first else { return }
        let message = LocalMessage(from: speaker, code: 1, reply: .once(3), rights: [.send(own, limit: UInt32(Limits.queueMessagesMax))])
        _ = core.handle(.sent(to: proxy, message, transfer: 0))
    }

    /// What has been delivered is received.
    static func receiveAll(_ core: inout NetworkCore) {
        for number in core.deliveries.keys.sorted() { _ = core.handle(.delivered(number)) }
        for port in core.exports.keys.sorted() {
            guard let count = core.exports[port]?.queued.count, count > 0 else { continue }
            _ = core.handle(.received(port, count: UInt32(count)))
        }
    }

    static func message(
        to port: PortUID = ownUID, from sender: Speaker? = speaker, rights: [NetworkRight] = [], memory: [UInt64] = [], transfer: UInt64 = 0
    ) -> NetworkFrame {
        .message(NetworkMessage(to: .port(port), from: sender, code: 1, rights: rights, memory: memory, transfer: transfer))
    }

    static func port(_ counter: UInt64) -> PortUID { PortUID(birth: peer, counter: counter) }

    /// A gift of the peer: the first of its port unless said otherwise.
    static func gift(_ counter: UInt64, sequence: UInt64 = 1) -> NetworkRight { .send(port(counter), limit: 1, sequence: sequence) }

    /// What leads to the fault: all but the last frame are taken.
    static func frames(to fault: NetworkFault) -> [NetworkFrame] {
        let accepted = message()
        switch fault {
        case .foreignPort: return [accepted, .portDied(PortUID(birth: NodeID(number: 3, incarnation: 1), counter: 20))]
        case .stalePort: return [accepted, message(to: stale)]
        case .notGiven: return [.clean(ownUID, sequence: 1), accepted]
        case .unknownOnce: return [.onceUnused(3), .onceUnused(3)]
        case .repeatedOnce: return [message(rights: [.once(9)]), message(rights: [.once(9)])]
        case .unknownTransfer:
            return [
                message(memory: [2], transfer: 1), .chunk(transfer: 1, memory: 0, [1, 1]), .chunk(transfer: 1, memory: 0, [1]),
            ]
        case .repeatedTransfer: return [message(memory: [2], transfer: 1), message(memory: [2], transfer: 1)]
        case .tooManyTransfers:
            let others = (1...NetworkLimits.transfersMax).map { UInt64($0) }
            // More ports than one: the window is smaller.
            return others.map { message(to: PortUID(birth: here, counter: 100 + $0 % 8), memory: [1], transfer: $0) }
                + [message(memory: [1], transfer: 1_000)]
        case .tooMuchMemory: return [message(memory: [2], transfer: 1), .chunk(transfer: 1, memory: 0, [1, 1, 1])]
        case .tooManyLookUps:
            return (0...NetworkLimits.lookUpsMax).map { .lookUp(request: UInt64($0), name: "n", waitMilliseconds: 0) }
        case .tooManyPorts, .tooManyOnces:
            let size = Limits.rightsPerMessageMax
            let count = (fault == .tooManyPorts ? NetworkLimits.portsMax : NetworkLimits.oncesMax) / size
            return (0..<count).map { number in
                // The right of `theirs` is there already.
                message(
                    rights: (0..<size).map { place in
                        let counter = UInt64(number * size + place)
                        return fault == .tooManyPorts ? gift(counter == 0 ? 20 : 1_000 + counter, sequence: 2) : .once(counter)
                    })
            } + [message(rights: [fault == .tooManyPorts ? gift(21) : .once(1 << 40)])]
        case .unknownRequest: return [accepted, .unknown(request: 1)]
        case .unknownPin: return [accepted, .settled(pin: 1)]
        case .tooManyDrains:
            return (0...NetworkLimits.drainsMax).map { .drain(UInt64($0), NodeID(number: 3, incarnation: 1)) }
        case .miscounted: return [.accepted(theirs, count: 9), .accepted(theirs, count: 1)]
        case .windowExceeded: return Array(repeating: accepted, count: Limits.queueMessagesMax + 1)
        case .strangeSender: return [message(from: nil), message(from: Speaker(.kernel, identity))]
        case .malformed: return []
        }
    }

    @Test("each fault, and nothing before it", arguments: NetworkFault.allCases.filter { $0 != .malformed })
    func isRaised(_ fault: NetworkFault) throws {
        var core = Self.core()
        for counter in UInt64(100)..<108 {
            let message = LocalMessage(
                from: nil, code: 1, rights: [.send(PortID(node: Self.here, counter: counter), limit: UInt32(Limits.queueMessagesMax))])
            _ = core.handle(.sent(to: ProxyID(raw: 1), message, transfer: 0))
        }
        _ = core.handle(.up(NodeID(number: 3, incarnation: 1)))
        let frames = Self.frames(to: fault)
        let last = try #require(frames.last)
        for frame in frames.dropLast() {
            let actions = core.handle(.frame(peer: 2, frame))
            for case .refuse(_, let raised) in actions { Issue.record("\(raised) by \(frame)") }
            guard fault != .windowExceeded, fault != .tooManyTransfers else { continue }
            for case .deliver(let number, _) in actions { _ = core.handle(.delivered(number)) }
        }
        let actions = core.handle(.frame(peer: 2, last))
        #expect(actions.first == .refuse(peer: 2, fault))
        // Everything of the peer is gone, nothing of the other one.
        #expect(core.upPeers == [NodeID(number: 3, incarnation: 1)])
        Self.receiveAll(&core)
        for barrier in core.barriers.keys { _ = core.handle(.frame(peer: 3, .drained(barrier))) }
        #expect(core.isEmpty)
        #expect(core.handle(.frame(peer: 2, last)).isEmpty)
    }

    @Test("a sender, a clean and ports that cannot be")
    func variants() {
        let refused: [(NetworkFrame, NetworkFault)] = [
            (Self.message(from: Speaker(TaskID(raw: 1 << 32), Self.identity)), .strangeSender),
            (Self.message(from: Speaker(TaskID(raw: .max), Self.identity)), .strangeSender),
            (.clean(Self.ownUID, sequence: 0), .miscounted), (.clean(Self.ownUID, sequence: 2), .miscounted),
            (.clean(Self.ownUID, sequence: .max), .miscounted), (.accepted(Self.theirs, count: .max), .miscounted),
            (.clean(Self.theirs, sequence: 1), .foreignPort), (.accepted(Self.ownUID, count: 1), .foreignPort),
            (.portDied(Self.ownUID), .foreignPort), (.found(request: 9, Self.gift(21)), .unknownRequest),
            (.found(request: 9, .back(Self.ownUID)), .unknownRequest), (Self.message(to: Self.theirs), .foreignPort),
            (Self.message(to: PortUID(birth: Self.here, counter: 11)), .notGiven),
            (Self.message(rights: [.back(PortUID(birth: Self.here, counter: 11))]), .notGiven),
            (Self.message(rights: [.back(Self.theirs)]), .foreignPort),
            (Self.message(rights: [.send(Self.ownUID, limit: 1, sequence: 1)]), .foreignPort),
            (
                Self.message(rights: [.send(PortUID(birth: NodeID(number: 3, incarnation: 1), counter: 11), limit: 1, sequence: 1)]),
                .foreignPort
            ),
            // Of a life that is over, of ours or of its own.
            (.clean(Self.stale, sequence: 1), .stalePort), (Self.message(to: Self.stale), .stalePort),
            (Self.message(rights: [.back(Self.stale)]), .stalePort),
            (.portDied(PortUID(birth: NodeID(number: 2, incarnation: 6), counter: 20)), .stalePort),
            (.accepted(PortUID(birth: NodeID(number: 2, incarnation: 8), counter: 20), count: 1), .stalePort),
            // Gifts whose numbers do not rise.
            (Self.message(rights: [Self.gift(20)]), .miscounted), (Self.message(rights: [Self.gift(21, sequence: 0)]), .miscounted),
            (Self.message(rights: [Self.gift(21, sequence: 2), Self.gift(21, sequence: 2)]), .miscounted),
            (Self.message(rights: [.once(1), .once(1)]), .repeatedOnce),
            (.message(NetworkMessage(to: .once(4), from: nil, code: 1)), .unknownOnce), (.abandoned(transfer: 1), .unknownTransfer),
            (Self.message(memory: [NetworkLimits.memoryUnderWayMax + 1], transfer: 1), .tooMuchMemory),
            (Self.message(memory: [.max, .max], transfer: 1), .tooMuchMemory),
        ]
        for (frame, fault) in refused {
            var core = Self.core()
            #expect(core.handle(.frame(peer: 2, frame)).first == .refuse(peer: 2, fault), "\(frame)")
            #expect(core.isEmpty)
        }
    }

    @Test("empty chunks, chunks of another object, and lengths of nothing")
    func chunks() {
        for chunk in [
            NetworkFrame.chunk(transfer: 1, memory: 0, []), .chunk(transfer: 1, memory: 1, [1]), .chunk(transfer: 1, memory: 9, [1]),
        ] {
            var core = Self.core()
            _ = core.handle(.frame(peer: 2, Self.message(memory: [1, 1], transfer: 1)))
            #expect(core.handle(.frame(peer: 2, chunk)).first == .refuse(peer: 2, .tooMuchMemory))
        }
        var core = Self.core()
        let actions = core.handle(.frame(peer: 2, Self.message(memory: [0, 0], transfer: 1)))
        #expect(actions.contains { if case .deliver = $0 { true } else { false } })
    }

    @Test("bytes that are no frame")
    func malformed() {
        let samples = NetworkFrameSamples.all
        for frame in samples {
            let bytes = frame.wireBytes
            #expect((try? NetworkFrame(wireBytes: bytes)) == frame)
            for count in 0..<min(bytes.count, 200) { #expect((try? NetworkFrame(wireBytes: Array(bytes.prefix(count)))) == nil) }
            #expect((try? NetworkFrame(wireBytes: bytes + [0])) == nil)
        }
        for tag in [UInt8(0), 17, 0x7F, 0x80, 0xFF] {
            #expect((try? NetworkFrame(wireBytes: [tag] + [UInt8](repeating: 0, count: 40))) == nil)
        }
        // More than the bounds: announced, not sent.
        for bytes: [UInt8] in [
            [5] + [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 0xFF, 0xFF], [1] + [UInt8](repeating: 0, count: 8) + [0, 1, 0, 0],
        ] { #expect((try? NetworkFrame(wireBytes: bytes)) == nil) }
        let withoutNumber = NetworkMessage(to: .once(1), from: nil, code: 0, memory: [1], transfer: 0)
        #expect((try? NetworkFrame(wireBytes: NetworkFrame.message(withoutNumber).wireBytes)) == nil)
        let huge = NetworkMessage(to: .once(1), from: nil, code: 0, memory: [NetworkLimits.memoryBytesMax + 1], transfer: 1)
        #expect((try? NetworkFrame(wireBytes: NetworkFrame.message(huge).wireBytes)) == nil)
    }
}

/// One of every frame.
enum NetworkFrameSamples {
    static var all: [NetworkFrame] {
        let port = NetworkFaultTests.theirs
        return [
            .lookUp(request: 1, name: "name", waitMilliseconds: 5), .found(request: 1, .send(port, limit: 3, sequence: 4)),
            .found(request: 1, .back(NetworkFaultTests.ownUID)), .unknown(request: 1),
            .message(
                NetworkMessage(
                    to: .port(NetworkFaultTests.ownUID), from: NetworkFaultTests.speaker, code: 7, reply: .once(4),
                    rights: [.null, .dead, .send(port, limit: 2, sequence: 9), .once(9), .home(2), .back(NetworkFaultTests.ownUID)],
                    bytes: [1, 2, 3], memory: [5, 0], transfer: 8)),
            .message(NetworkMessage(to: .once(3), from: nil, code: 0)), .chunk(transfer: 8, memory: 0, [1, 2, 3, 4, 5]),
            .abandoned(transfer: 8), .accepted(port, count: 1), .clean(NetworkFaultTests.ownUID, sequence: 1), .onceUnused(3),
            .portDied(port), .claim(NetworkFaultTests.ownUID, key: 7), .granted(port, key: 7, limit: 5, sequence: 3),
            .refused(port, key: 9), .settled(pin: 4), .drain(3, NetworkFaultTests.peer), .drained(3),
            .found(request: 2, .third(port, owner: NetworkFaultTests.peer, limit: 4, key: 8, pin: 6)),
            .notYet(request: 1), .announced(name: "name", port, limit: 3, sequence: 9, key: 7), .withdrawn(name: "name", port, key: 7),
        ]
    }
}
