public import Masix

/// The answer to a typed call that has, or may have, rights and memory beside its value.
public struct CallAnswer<C: Call>: ~Copyable, Sendable {
    /// What the server answered.
    public let value: C.Response
    /// The message that it came in: who answered, and the rights and memory to take from it.
    public var message: ReceivedMessage

    /// Reads an answer; a refusal is thrown.
    init(_ received: consuming ReceivedMessage, bytesMax: Int) throws(CallError<C.Failure>) {
        var message = received
        switch AnswerCode(rawValue: message.code) {
        case .response:
            value = try Self.take(C.Response.self, &message, bytesMax)
            self.message = message
        case .failure: throw .failed(try Self.take(C.Failure.self, &message, bytesMax))
        case .unknownCall: throw .unknownCall(code: try Self.take(UInt32.self, &message, bytesMax))
        case .undecodable: throw .undecodableRequest(Payload.cut(try Self.take(String.self, &message, bytesMax)))
        case .tooLarge: throw .requestTooLarge(bytesMax: try Self.take(Int.self, &message, bytesMax))
        case .busy: throw .busy
        case .serverFailed: throw .serverFailed(Payload.cut(try Self.take(String.self, &message, bytesMax)))
        case nil: throw .undecodableAnswer("its code, \(message.code), is no answer's to a typed call")
        }
    }

    private static func take<Value: Decodable>(
        _ type: Value.Type, _ message: inout ReceivedMessage, _ bytesMax: Int
    ) throws(CallError<C.Failure>) -> Value {
        do throws(PayloadError) {
            return try message.takeValue(type, bytesMax: bytesMax)
        } catch {
            switch error {
            case .unreadable(let words): throw .undecodableAnswer(words)
            case .tooLarge(let bytes): throw .undecodableAnswer("it has \(bytes) bytes; \(bytesMax) are read")
            }
        }
    }
}
