import Masix
import MasixKernel
import MasixNetwork
import MasixTestKit
import Testing

/// Between nodes of different byte orders a program sees its own (spec/mach.md 4): what types describe is right for it, and what they do
/// not describe it is told of.
@Suite(.serialized) struct ByteOrderTests {
    private static let orders: [(a: ByteOrder, b: ByteOrder)] = [
        (.host, .host), (.host, ByteOrder.host.other), (ByteOrder.host.other, .host), (ByteOrder.host.other, ByteOrder.host.other),
    ]

    private static func little(_ number: some FixedWidthInteger) -> [UInt8] {
        (0..<(number.bitWidth / 8)).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    /// Items of Mach 3: a number of 64 bits, a string, two numbers of 32, and numbers of 64 and bytes in memory.
    private static let typed: [UInt8] =
        little(UInt32(11 | 64 << 8 | 1 << 16 | 1 << 28)) + little(UInt64(0x0102_0304_0506_0708))
        + little(UInt32(12 | 8 << 8 | 4 << 16 | 1 << 28)) + Array("abcd".utf8)
        + little(UInt32(2 | 32 << 8 | 2 << 16 | 1 << 28)) + little(UInt32(0xA0B0_C0D0)) + little(UInt32(1))
        + little(UInt32(11 | 64 << 8 | 3 << 16)) + little(UInt64(8)) + little(UInt32(9 | 8 << 8 | 8 << 16)) + little(UInt64(0))

    private static let memory: [UInt8] =
        Array("untyped!".utf8) + little(UInt64(5)) + little(UInt64(0x1122_3344_5566_7788)) + little(UInt64.max - 7)

    @Test(arguments: 0..<4) func typedNumbersAreRightOnBothSides(_ number: Int) async throws {
        try await NodePair.play(orders: Self.orders[number]) { pair in
            let (server, client) = (try pair.b.attach(), try pair.a.attach())
            let door = try server.names.register("typed")
            let answering = try Background {
                var message = try door.receive(timeout: .seconds(20))
                #expect(message.bytes == Self.typed && message.format == .typedComplex && !message.isOfOtherByteOrder)
                let memory = message.takeMemory(at: 0)
                #expect(try memory?.bytes() == Self.memory)
                var answer = Message(code: 2, bytes: Self.typed)
                answer.format = .typedComplex
                if let memory { answer.attach(memory) }
                try message.takeReply()?.send(answer)
            }
            let right = try client.names.lookUp("typed", wait: true, timeout: .seconds(10))
            var question = Message(code: 1, bytes: Self.typed)
            question.format = .typedComplex
            question.attach(try MemoryObject(bytes: Self.memory))
            var answer = try right.call(question, timeout: .seconds(20))
            #expect(answer.bytes == Self.typed && !answer.isOfOtherByteOrder)
            #expect(try answer.takeMemory(at: 0)?.bytes() == Self.memory)
            try answering.wait(seconds: 20)
        }
    }

    @Test(arguments: 0..<4) func plainBytesAreUntouchedAndSayTheirOrder(_ number: Int) async throws {
        let orders = Self.orders[number]
        for leases in [TestNode.Leases.on, .off] {
            try await NodePair.play(leases: leases, orders: orders) { pair in
                let (server, client) = (try pair.b.attach(), try pair.a.attach())
                let door = try server.names.register("plain")
                let bytes: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9]
                let answering = try Background {
                    for _ in 0..<3 {
                        var message = try door.receive(timeout: .seconds(20))
                        #expect(message.bytes == bytes && message.isOfOtherByteOrder == (orders.a != orders.b))
                        try message.takeReply()?.send(Message(code: 2, bytes: bytes))
                    }
                }
                let right = try client.names.lookUp("plain", wait: true, timeout: .seconds(10))
                for _ in 0..<3 {
                    let answer = try right.call(Message(code: 1, bytes: bytes), timeout: .seconds(20))
                    #expect(answer.bytes == bytes && answer.isOfOtherByteOrder == (orders.a != orders.b))
                }
                try answering.wait(seconds: 20)
                // On one node it is never so.
                let near = try server.names.lookUp("plain")
                try near.send(Message(code: 3, bytes: bytes))
                let message = try door.receive(timeout: .seconds(10))
                let isForeign = message.isOfOtherByteOrder
                #expect(!isForeign)
            }
        }
    }
}
