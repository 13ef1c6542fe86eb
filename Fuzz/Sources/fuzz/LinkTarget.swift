import MasixKernel
import MasixTransport
import MasixWire

extension Target {
    /// Shared memory in which the peer has scribbled, and both control memories as their tasks may have left them.
    ///
    /// Layout: a byte says how many patches there are, then come the patches, 12 bytes each (`LinkPatch`); the rest, over and over,
    /// is what the peer's half is filled with.
    static let link = Target(
        name: "link", share: 80, longest: 2_048, seeds: { LinkPatch.seeds },
        feed: { bytes in
            let scene = LinkScene.only
            scene.reset()
            var reader = WireReader(bytes)
            guard let count = try? reader.read(UInt8.self) else { return }
            var patches: [LinkPatch] = []
            for _ in 0..<count {
                guard let patch = try? reader.read(LinkPatch.self) else { break }
                patches.append(patch)
            }
            scene.fill(reader.readRest())
            for patch in patches { scene.apply(patch) }
            scene.receive()
            for patch in patches { scene.apply(patch) }
            scene.send()
            scene.close()
        })
}

/// One word that somebody has written. Layout: place u8, index u16, task u8, value u64.
struct LinkPatch: WireCodable {
    /// The places that are worth hitting; the index counts within them.
    enum Place: UInt8, CaseIterable {
        case announcement, consumed, frame, reply, anywhere
        case commit, take, caller, callee, control
    }

    let place: Place
    let index: UInt16
    let task: UInt8
    let value: UInt64

    init(_ place: Place, _ index: UInt16, task: UInt8 = 0, _ value: UInt64) {
        self.place = place
        self.index = index
        self.task = task
        self.value = value
    }

    func encode(into writer: inout WireWriter) {
        writer.write(place.rawValue)
        writer.write(index)
        writer.write(task)
        writer.write(value)
    }

    init(from reader: inout WireReader) throws(WireError) {
        place = Place.allCases[Int(try reader.read(UInt8.self)) % Place.allCases.count]
        index = try reader.read()
        task = try reader.read()
        value = try reader.read()
    }

    /// Frames as an honest peer writes them, an answer, and calls in all their states.
    static var seeds: [[UInt8]] {
        let lap: UInt64 = 1 << 62
        let epoch = UInt64(LinkScene.leaseID.epoch)
        func frame(_ number: UInt16, length: UInt64, replyIndex: UInt64) -> [LinkPatch] {
            // The words of the header: number; epoch and length; code, reply index and flags; generation and processor.
            [
                LinkPatch(.frame, (number - 1) * 4, UInt64(number)), LinkPatch(.frame, (number - 1) * 4 + 1, epoch | length << 32),
                LinkPatch(.frame, (number - 1) * 4 + 2, 9 | replyIndex << 32), LinkPatch(.frame, (number - 1) * 4 + 3, 3),
            ]
        }
        let commit = LinkPatch(.commit, 0, LeaseWord(epoch: LinkScene.leaseID.epoch, count: 3).bits)
        let take = LinkPatch(.take, 0, task: 1, LeaseWord(epoch: LinkScene.leaseID.epoch, count: 1).bits)
        let announced = (0..<3).map { LinkPatch(.announcement, UInt16($0), lap | epoch << 32) }
        let frames =
            frame(1, length: 5, replyIndex: 0xFFFF) + frame(2, length: 448, replyIndex: 0) + frame(3, length: 0, replyIndex: 0xFFFF)
        func word(_ state: ReplyWord.State) -> UInt64 { ReplyWord(state, link: Story.link.raw, generation: 3).bits }
        let answer = [
            LinkPatch(.caller, 0, task: 1, word(.armed)), LinkPatch(.announcement, 3, lap | 1 << 63 | 3 << 32),
            LinkPatch(.reply, 0, 3), LinkPatch(.reply, 1, 7 << 32),
        ]
        let states: [ReplyWord.State] = [.free, .armed, .counted, .taken, .used, .promoted, .settled, .closed]
        let calls = states.enumerated().flatMap { number, state in
            [
                LinkPatch(.caller, UInt16(number) * 4, word(state)), LinkPatch(.caller, UInt16(number) * 4 + 1, Story.reply.counter),
                LinkPatch(.caller, UInt16(number) * 4 + 2, 2), LinkPatch(.caller, UInt16(number) * 4 + 3, epoch),
            ]
        }
        let settled = states.enumerated().flatMap { number, state in
            [
                LinkPatch(.caller, UInt16(number) * 4, word(.counted)), LinkPatch(.callee, UInt16(number) * 2, task: 1, word(state)),
                LinkPatch(.reply, UInt16(number) * 4, 3), LinkPatch(.reply, UInt16(number) * 4 + 1, 6 << 32),
            ]
        }
        let all: [[LinkPatch]] = [
            [commit] + announced + frames, [commit, take] + frames + calls, [commit] + announced + frames + answer + settled,
            [commit, LinkPatch(.commit, 4, task: 1, 5), LinkPatch(.consumed, 0, 1), LinkPatch(.control, 9, task: 1, 4)],
        ]
        return all.map { patches in [UInt8(patches.count)] + patches.flatMap(\.wireBytes) + [0xFF, 0x00, 0x41] } + [
            [0, 0xFF], [0, 0x40, 0, 0],
        ]
    }
}
