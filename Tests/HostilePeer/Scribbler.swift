import Glibc
import MasixKernel
import MasixLinux
import MasixTransport

/// Writes nonsense over the memory that is ours to write, without end: other values at other places, so that every check is met.
struct Scribbler {
    enum Target: String { case half, control, status, all }

    let task: BareTask
    let link: BareLink
    private var state: UInt64

    init(task: BareTask, link: BareLink, seed: UInt64) {
        self.task = task
        self.link = link
        state = seed | 1
    }

    private mutating func next() -> UInt64 {
        // xorshift: no better is needed.
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }

    func run(_ target: Target, milliseconds: UInt64) {
        var scribbler = self
        scribbler.scribble(target, until: Clock.monotonicNanoseconds() + milliseconds * 1_000_000)
    }

    private mutating func scribble(_ target: Target, until end: UInt64) {
        var rounds = 0
        while Clock.monotonicNanoseconds() < end {
            for _ in 0..<64 {
                switch target {
                case .half: half()
                case .control: control()
                case .status: status()
                case .all:
                    half()
                    control()
                    status()
                }
            }
            rounds += 1
            // The bell may be rung by whoever has it, and the victim looks.
            if rounds % 4 == 0 { _ = try? link.peerBell.write([0]) }
            usleep(50)
        }
    }

    private mutating func half() {
        // Slots, ring, consumed counts, reply slots: anywhere. The ring, which is read most, more often, and with words that look right.
        if next() % 4 == 0 {
            let word = next()
            store(word & (1 << 63 | 1 << 62 | 0x7F_FFFF << 32 | 0xFFF), in: link.ownMapping, at: 0x1000 + Int(next() % 2_048) * 8)
        } else {
            store(next(), in: link.ownMapping, at: Int(next() % UInt64(LinkHalf.length / 8)) * 8)
        }
    }

    private mutating func control() {
        // Where something is: the head of each table; and anywhere.
        let tables: [Int] = [0, 0x1000, 0x2000, 0x102000, 0x502000, 0x542000, 0x5C2000]
        let table = tables[Int(next() % UInt64(tables.count))]
        let offset = next() % 8 == 0 ? Int(next() % UInt64(ControlMemory.length / 8)) * 8 : table + Int(next() % 128) * 8
        store(next() % 3 == 0 ? next() % 4 : next(), in: task.controlMapping, at: offset)
    }

    private mutating func status() {
        store(next() % 2 == 0 ? next() % 2 : next(), in: task.statusMapping, at: Int(next() % UInt64(StatusPage.length / 8)) * 8)
    }

    private func store(_ value: UInt64, in mapping: borrowing Mapping, at offset: Int) {
        precondition(offset + 8 <= mapping.count)
        // Inside the mapping, which is ours to write; that others read it meanwhile is the point.
        unsafe mapping.base.storeBytes(of: value, toByteOffset: offset, as: UInt64.self)
    }
}
