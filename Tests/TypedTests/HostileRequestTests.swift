import Masix
import MasixTestKit
import MasixTyped
import Testing

/// Whatever bytes come: an error to the one who sent them, and the server serves on.
@Suite struct HostileRequestTests {
    /// A value that can be as deep as its text.
    struct Tree: Call {
        static let code: UInt32 = 20
        var children: [Tree]
        typealias Response = Int
        var depth: Int { 1 + (children.map(\.depth).max() ?? 0) }
    }

    private func raw(_ right: borrowing SendRight, _ message: consuming Message) throws -> ReceivedMessage {
        try right.call(message, timeout: .seconds(10))
    }

    private func nested(_ depth: Int) -> String {
        String(repeating: "{\"children\":[", count: depth) + String(repeating: "]}", count: depth)
    }

    @Test func depthIsBounded() throws {
        let library = try Library { server in server.on(Tree.self) { $0.value.depth } }
        #expect(try raw(library.right, Message(code: Tree.code, text: nested(250))).text == "250")
        // A megabyte of brackets in memory is no larger a thing than a few.
        for depth in [600, 3_000, 80_000] {
            let text = nested(depth)
            var message = Message(code: Tree.code)
            if text.utf8.count <= Limits.inlineBytesMax {
                message.bytes = Array(text.utf8)
            } else {
                message.attach(try MemoryObject(bytes: Array(text.utf8)))
            }
            #expect(try raw(library.right, message).code == Self.undecodable)
        }
        #expect(try raw(library.right, Message(code: Tree.code, text: String(repeating: "[", count: 65_536))).code == Self.undecodable)
        try library.close()
    }

    /// `AnswerCode`'s, as any program would write it.
    private static let undecodable: UInt32 = 0x6D74_7903

    @Test(arguments: [
        "null", "7", "[]", "{}", "{", "}", "{\"name\":", "{\"name\":1}", "{\"name\":null}", "{\"name\":\"\\ud800\"}", "{\"name\":\"a\"} x",
        "\u{0}", "{\"name\":1e999999999}", "{\"name\":\"a", "\u{FEFF}{\"nam\":\"a\"}", "NaN", "\"\\u\"",
    ])
    func whatIsNoRequestIsAnError(text: String) throws {
        let library = try Library()
        let answer = try raw(library.right, Message(code: LookUp.code, text: text))
        #expect(answer.code == Self.undecodable)
        #expect((answer.text ?? "").utf8.count < 2_000)
        try library.close()
    }

    @Test func noBytesAndNoMemoryIsAnError() throws {
        let library = try Library()
        #expect(try raw(library.right, Message(code: LookUp.code)).code == Self.undecodable)
        #expect(try raw(library.right, Message(code: LookUp.code, bytes: [0xFF, 0xFE, 0xC0])).code == Self.undecodable)
        var empty = Message(code: LookUp.code)
        empty.attach(try MemoryObject(bytes: []))
        #expect(try raw(library.right, empty).code == Self.undecodable)
        try library.close()
    }

    /// Requests with bytes changed, cut and doubled, from one seed: each is answered.
    @Test func mutatedRequestsAreAnswered() throws {
        let library = try Library()
        var chance = Chance(state: 42)
        let good = Array("{\"name\":\"Ada \\u00e9 \\\"x\\\" \\\\ 1e5\",\"more\":[1,-2.5e3,true,null,{\"a\":[]}]}".utf8)
        var answered = 0
        for _ in 0..<2_000 {
            var bytes = good
            for _ in 0..<(1 + chance.below(4)) where !bytes.isEmpty {
                let place = chance.below(bytes.count)
                switch chance.below(4) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: chance.next())
                case 1: bytes.removeSubrange(place...)
                case 2: bytes.insert(contentsOf: bytes[place...], at: place)
                default: bytes.remove(at: place)
                }
            }
            let answer = try raw(library.right, Message(code: LookUp.code, bytes: bytes))
            #expect([0x6D74_7900, 0x6D74_7901, Self.undecodable].contains(answer.code), "\(bytes)")
            answered += answer.code == 0x6D74_7900 ? 1 : 0
        }
        // The changes were not all fatal, and not all harmless: both ways were gone.
        #expect((1..<1_999).contains(answered))
        try library.close()
    }

    /// An answer is not trusted either.
    @Test(arguments: [UInt32(0x6D74_7900), 0x6D74_7901, 0x6D74_7902, 0x6D74_7903, 0x6D74_7904, 0x6D74_7905, 0x6D74_7906, 0x6D74_7907, 0])
    func hostileAnswersAreErrors(code: UInt32) throws {
        let node = try TestNode()
        let space = try node.attach()
        let port = try space.makePort()
        let right = try port.makeSendRight()
        let answers = ["", "{", "null", "{\"number\":7}", String(repeating: "[", count: 5_000), String(repeating: "\"x", count: 20_000)]
        let serving = try Background { [port = Once(port)] in
            guard let port = port.take() else { return }
            for answer in answers {
                var request = try port.receive(timeout: .seconds(10))
                let reply = request.takeReply()
                try reply?.send(Message(code: code, text: answer))
            }
        }
        for _ in answers {
            #expect(throws: CallError<LookUp.Failure>.self) {
                _ = try right.call(LookUp(name: "x"), timeout: .seconds(10)) as LookUp.Response
            }
        }
        try serving.wait()
        node.stop()
    }
}

/// Numbers from a seed.
struct Chance {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
