import Masix
import MasixTestKit
import MasixTyped
import Testing

/// A value goes there, a value or an error comes back, and each fault has an error of its own.
@Suite struct CallTests {
    @Test(arguments: TestNode.Leases.allCases)
    func valuesGoThereAndBack(leases: TestNode.Leases) throws {
        let library = try Library(leases: leases)
        for number in 0..<500 {
            let found = try library.right.call(LookUp(name: "reader \(number)"), timeout: .seconds(10))
            #expect(found == .init(number: String("reader \(number)".reversed()), pages: [1, 2, 3]))
        }
        try library.close()
    }

    /// Around every border: of a link's frame, of a message, of what the reader takes.
    @Test(arguments: [0, 400, 446, 447, 448, 1_000, 65_533, 65_534, 65_535, 1_000_000])
    func valuesOfAnySizeTravel(count: Int) throws {
        let library = try Library()
        let text = String(repeating: "x", count: count)
        #expect(try library.right.call(Echo(text: text), timeout: .seconds(10)) == text)
        try library.close()
    }

    @Test(arguments: TestNode.Leases.allCases)
    func whatTheHandlerThrowsReachesItsCaller(leases: TestNode.Leases) throws {
        let library = try Library(leases: leases)
        #expect(throws: CallError<LookUp.Failure>.failed(.unknown("nobody"))) {
            _ = try library.right.call(LookUp(name: "nobody"), timeout: .seconds(10)) as LookUp.Response
        }
        try library.close()
    }

    @Test func eachFaultHasItsError() throws {
        let troubles = Notes<(UInt32, TaskID, String)>()
        let library = try Library(requestBytesMax: 100_000) { server in
            server.onTrouble { troubles.add(($0.code, $0.caller, "\(type(of: $0.error))")) }
        }
        let right = library.right.copy()
        #expect(throws: CallError<Never>.unknownCall(code: 99)) { try Self.call(right, Unheard()) }
        #expect(throws: CallError<Never>.requestTooLarge(bytesMax: 100_000)) {
            try Self.call(right, Echo(text: String(repeating: "x", count: 100_001)))
        }
        #expect(throws: CallError<Never>.serverFailed("Accident")) { try Self.call(right, Stumble(throwing: true)) }
        #expect(throws: CallError<Never>.serverFailed("Unwritable")) { try Self.call(right, Stumble(throwing: false)) }
        #expect(troubles.all.map(\.0) == [Stumble.code, Stumble.code])
        #expect(troubles.all.map(\.1) == [library.client.task, library.client.task])
        #expect(troubles.all.first?.2 == "Accident")

        if case .undecodableRequest(let words)? = Self.error(of: LookUpOfAnotherAge(key: 1), right) {
            #expect(words.contains("name"))
        } else {
            Issue.record("a request of another form was read")
        }
        if case .undecodableAnswer? = Self.error(of: LookUpWithAnotherAnswer(name: "x"), right) {
        } else {
            Issue.record("an answer of another form was read")
        }
        try library.close()
    }

    @Test func whatGoesWrongOnTheWayIsTold() throws {
        let node = try TestNode()
        let space = try node.attach()
        let port = try space.makePort(queueLimit: 1)
        let right = try port.makeSendRight()
        #expect(throws: CallError<Never>.node(.timedOut)) { try Self.call(right, Echo(text: ""), timeout: .milliseconds(5)) }
        _ = try port.receive(timeout: .seconds(5))
        // A server of bytes, which is not asked in its language.
        let serving = try Background { [port = Once(port)] in
            guard let port = port.take() else { return }
            var first = try port.receive(timeout: .seconds(10))
            let reply = first.takeReply()
            try reply?.send(Message(code: 0, text: "\"what?\""))
            _ = try port.receive(timeout: .seconds(10))
        }
        if case .undecodableAnswer? = Self.error(of: Echo(text: ""), right) {
        } else {
            Issue.record("bytes were taken for an answer")
        }
        // It has gone without an answer.
        #expect(throws: CallError<Never>.node(.noReply)) { try Self.call(right, Echo(text: "")) }
        try serving.wait()
        #expect(throws: CallError<Never>.node(.deadName)) { try Self.call(right, Echo(text: "")) }
        node.stop()
    }

    @Test func aValueThatCannotBeWrittenIsNotSent() throws {
        struct Measure: Call {
            static let code: UInt32 = 1
            var value: Double
            typealias Response = Nothing
        }
        let library = try Library()
        if case .unencodableRequest? = Self.error(of: Measure(value: .nan), library.right) {
        } else {
            Issue.record("JSON has no word for it")
        }
        try library.close()
    }

    /// To the byte, in the message and in memory: the text has its quotes, and the request what stands around it.
    @Test(arguments: [100, 100_000])
    func whatIsTooLargeIsNotRead(count: Int) throws {
        let echo = Echo(text: String(repeating: "x", count: count))
        let around = "{\"text\":\"\"}".utf8.count
        let library = try Library(requestBytesMax: count + around)
        let right = library.right.copy()
        #expect(try right.call(echo, with: Cargo(), timeout: .seconds(10), answerBytesMax: count + 2).value == echo.text)
        #expect(throws: CallError<Never>.undecodableAnswer("it has \(count + 2) bytes; \(count + 1) are read")) {
            _ = try right.call(echo, with: Cargo(), timeout: .seconds(10), answerBytesMax: count + 1).value
        }
        #expect(throws: CallError<Never>.requestTooLarge(bytesMax: count + around)) {
            try Self.call(right, Echo(text: echo.text + "x"))
        }
        try library.close()
    }

    @Test func errorsSayWhatToDo() {
        #expect("\(CallError<LookUp.Failure>.failed(.tooLong(by: 3)))" == "tooLong(by: 3)")
        #expect("\(CallError<Never>.unknownCall(code: 5))".contains("code 5"))
        #expect("\(CallError<Never>.node(.deadName))" == "\(MasixError.deadName)")
    }

    private static func call<C: Call>(_ right: borrowing SendRight, _ call: C, timeout: Duration = .seconds(10)) throws {
        _ = try right.call(call, timeout: timeout) as C.Response
    }

    private static func error<C: Call>(of call: C, _ right: borrowing SendRight) -> CallError<C.Failure>? {
        do throws(CallError<C.Failure>) {
            let _: C.Response = try right.call(call, timeout: .seconds(10))
            return nil
        } catch {
            return error
        }
    }
}
