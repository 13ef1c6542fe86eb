import Masix
import MasixKernel
import MasixMach
import MasixTestKit
import Synchronization
import Testing

/// Memory that is a number of pieces, each at an address of its own.
private final class Pieces: TaskMemory {
    private let pieces = Mutex<[UInt64: [UInt8]]>([:])

    func read(_ address: UInt64, _ count: Int) -> [UInt8]? {
        pieces.withLock { pieces in pieces[address].flatMap { $0.count >= count ? Array($0.prefix(count)) : nil } }
    }

    func capture(_ address: UInt64, _ count: Int) -> MemoryObject? { read(address, count).flatMap { try? MemoryObject(bytes: $0) } }

    func place(_ bytes: [UInt8]) -> UInt64? {
        pieces.withLock { pieces in
            let address = UInt64(pieces.count + 1) << 20
            pieces[address] = bytes
            return address
        }
    }

    func map(_ object: MemoryObject) -> UInt64? { (try? object.bytes()).flatMap { place($0) } }
    func read(_ object: MemoryObject, at offset: Int, _ count: Int) -> [UInt8]? { try? object.bytes(in: offset..<(offset + count)) }
    func deallocate(_ address: UInt64, _ count: Int) {}

    /// The first bytes at an address; nil for what was never placed.
    func content(_ address: UInt64) -> [UInt8]? { pieces.withLock { $0[address] } }
}

/// Bodies between a program that lies and one that is written for Mach (spec/mach.md 4): what a sender says of its body is not believed.
@Suite struct BodyTests {
    private let node: TestNode
    private let task: MachTask
    private let memory = Pieces()
    private let name: PortName
    private let right: SendReference

    init() throws {
        node = try TestNode()
        task = MachTask(space: try node.attach(), memory: memory)
        name = try task.allocate(RightKind.receive.rawValue)
        guard case .send(let made) = try task.makeSend(name) else { throw MasixError.invalidRight }
        right = made
    }

    private func send(_ bytes: [UInt8], _ format: BodyFormat, rights: Int = 0, memory: [MemoryObject] = []) throws {
        var message = Message(code: 5, bytes: bytes)
        message.format = format
        for _ in 0..<rights { message.attachNothing() }
        for object in memory { message.attach(object) }
        try task.space.send(&message, to: right, deadline: Deadline(.seconds(2)))
    }

    private func receive(_ dialect: Dialect) throws -> MachReceived {
        guard
            case .message(let received) = task.receive(
                from: name, room: 65_536, keepsLarge: false, MachPatience(timeout: 2000), dialect)
        else {
            Issue.record("no message has come")
            throw MasixError.timedOut
        }
        return received
    }

    private func word(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * UInt32($0))) } }

    @Test("a body of descriptors that is what came is given names and addresses", arguments: [false, true])
    func honest(isTyped: Bool) throws {
        let content: [UInt8] = Array("out of line".utf8)
        let object = try MemoryObject(bytes: content)
        let place = word(0) + word(0)
        let body =
            isTyped
            ? word(16 | 32 << 8 | 1 << 16 | 1 << 28) + word(0) + word(1 << 29) + word(9 | 8 << 16) + word(UInt32(content.count)) + place
            : word(2) + word(0) + word(0) + [0, 0, 17, 0] + place + [0, 1, 0, 1] + word(UInt32(content.count)) + word(77)
        try send(body, isTyped ? .typedComplex : .complex, rights: 1, memory: [object])
        let received = try receive(isTyped ? .mach3 : .xnu)
        #expect(received.header.bits & MachHeader.complexBit != 0 && received.body.count == body.count)
        let address = received.body.long(at: isTyped ? 20 : 16)
        #expect(memory.content(address) == content)
    }

    @Test("a body that is not one, or not of what came with it, is bytes, and what came is let go")
    func lies() throws {
        var chance = SystemRandomNumberGenerator()
        for round in 0..<600 {
            let dialect: Dialect = round.isMultiple(of: 2) ? .xnu : .mach3
            var body = (0..<Int.random(in: 0...30, using: &chance)).flatMap { _ in
                word(
                    Bool.random(using: &chance)
                        ? UInt32.random(in: 0...3, using: &chance) : UInt32.random(in: 0...UInt32.max, using: &chance))
            }
            if Bool.random(using: &chance), body.count >= 16 { body.replaceSubrange(4..<16, with: word(0) + word(0) + [0, 0, 17, 0]) }
            let rights = Int.random(in: 0...2, using: &chance)
            let objects = Bool.random(using: &chance) ? [try MemoryObject(bytes: [1, 2, 3])] : []
            try send(body, dialect == .xnu ? .complex : .typedComplex, rights: rights, memory: objects)
            let received = try receive(dialect)
            #expect(received.body.count == body.count && received.header.id == 5)
        }
        #expect(try task.receiveStatus(of: name).messages == 0)
    }

    @Test("what one dialect sent, or Swift, the other can receive")
    func mixed() throws {
        try send(Array("words".utf8), .plain, rights: 2, memory: [try MemoryObject(bytes: [9])])
        let complex = try receive(.xnu)
        #expect(complex.body.word(at: 0) == 3 && complex.header.bits & MachHeader.complexBit != 0)
        #expect(Array(complex.body[44..<49]) == Array("words".utf8) && complex.body.count == 52)
        try send(Array("words".utf8), .plain)
        #expect(try receive(.xnu).body == Array("words".utf8) + [0, 0, 0])
        try send(Array("words".utf8), .plain)
        let typed = try receive(.mach3).body
        #expect(typed.word(at: 4) == 9 | 8 << 16 && typed.word(at: 8) == 5 && Array(typed[12..<17]) == Array("words".utf8))
        for format in BodyFormat.allCases {
            for dialect in [Dialect.xnu, .mach3] {
                try send([], format)
                #expect(try receive(dialect).header.id == 5)
            }
        }
    }
}
