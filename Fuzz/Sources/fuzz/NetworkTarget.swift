import MasixKernel
import MasixNetwork
import MasixWire

extension Target {
    /// What another node says: over the channel, and frame after frame to a core in the middle of things.
    static let network = Target.decoders(
        "network", share: 90,
        [
            .exact(frames) { converse([$0]) },
            .exact([
                ChannelControl.hello(ChannelHello(node: peer, name: "east", software: "1", start: 5)),
                .acceptance(ChannelAcceptance(serial: 9, session: 8, received: 7, skipped: 6)), .acknowledgement(5), .ping,
                .goodbye, .refusal(3),
            ]),
            Decoder(
                seeds: [conversation(frames), conversation(Array(frames.reversed()))],
                feed: { bytes in
                    var reader = WireReader(bytes)
                    var read: [NetworkFrame] = []
                    while reader.remaining > 0, let frame = try? reader.read(NetworkFrame.self) { read.append(frame) }
                    converse(read)
                }),
        ])

    private static let here = NodeID(number: 1, incarnation: 4)
    private static let peer = NodeID(number: 2, incarnation: 7)
    private static let own = PortID(node: here, counter: 10)
    private static let ownUID = PortUID(own)
    private static let theirs = PortUID(birth: peer, counter: 20)
    private static let speaker = Speaker(Story.second, Story.identity("program"))

    private static let frames: [NetworkFrame] = [
        .lookUp(request: 1, name: "name", waitMilliseconds: 5), .unknown(request: 2),
        .found(request: 3, .send(theirs, limit: 3, sequence: 2, key: 7)), .found(request: 2, .back(ownUID)),
        .message(
            NetworkMessage(
                to: .port(ownUID), from: speaker, code: 7, reply: .once(4),
                rights: [.null, .dead, .send(theirs, limit: 2, sequence: 3, key: 7), .back(ownUID), .once(9)], bytes: [1, 2, 3],
                memory: [5, 0],
                transfer: 8)), .chunk(transfer: 8, memory: 0, [1, 2, 3, 4, 5]), .message(NetworkMessage(to: .once(3), from: nil, code: 0)),
        .message(NetworkMessage(to: .port(ownUID), from: nil, code: 0, memory: [1], transfer: 9)), .abandoned(transfer: 9),
        .claim(ownUID, key: 7), .granted(theirs, key: 7, limit: 4, sequence: 5), .refused(theirs, key: 7), .settled(pin: 1),
        .drain(1, NodeID(number: 3, incarnation: 1)), .drained(1),
        .accepted(theirs, count: 1), .onceUnused(5), .clean(ownUID, sequence: 1), .portDied(theirs),
        .announced(name: "name", theirs, limit: 3, sequence: 4, key: 7), .withdrawn(name: "name", theirs, key: 7), .notYet(request: 2),
    ]

    private static func conversation(_ frames: [NetworkFrame]) -> [UInt8] {
        var writer = WireWriter()
        for frame in frames { writer.write(frame) }
        return writer.bytes
    }

    /// To a core that has given the peer a port and two send-once rights. Whatever was said, nothing is left when the channel has ended and
    /// what it brought has been received.
    private static func converse(_ frames: [NetworkFrame]) {
        var core = NetworkCore(node: here, expecting: [2])
        _ = core.handle(.up(peer))
        for asker in UInt64(1)...3 { _ = core.handle(.find(asker: asker, name: "x", waitMilliseconds: 0, until: 100)) }
        _ = core.handle(.frame(peer: 2, .found(request: 1, .send(theirs, limit: 64, sequence: 1, key: 7))))
        let gift = LocalMessage(from: speaker, code: 1, reply: .once(3), rights: [.send(own, limit: 64), .once(5)])
        _ = core.handle(.sent(to: ProxyID(raw: 1), gift, transfer: 0))
        var late: [UInt64] = []
        var count: UInt32 = 0
        for frame in frames {
            for case .deliver(let number, let delivery) in core.handle(.frame(peer: 2, frame)) {
                if case .held(own) = delivery.destination { count += 1 }
                if number % 2 == 0 { _ = core.handle(.delivered(number)) } else { late.append(number) }
            }
            _ = core.nextChunk(for: 2)
        }
        _ = core.handle(.down(peer: 2))
        for number in late { _ = core.handle(.delivered(number)) }
        _ = core.handle(.received(own, count: count))
        require(core.isEmpty, "something is left of a channel that has ended")
    }
}
