import FoundationEssentials
import Masix

// What typed calls look like as messages. Everything is text that people can read, and that a program without this library can write.
//
//   call      code     the call's own
//             payload  the value as JSON; without bytes, it is in the last memory object
//             rights, memory    the caller's cargo, in its order
//   answer    code     an `AnswerCode`
//             payload  the same form: the response, the failure, or a text or number about the refusal
//             rights, memory    the handler's cargo

/// What an answer is. All have codes of their own, so that no answer of another protocol is taken for one.
enum AnswerCode: UInt32 {
    /// The call's response.
    case response = 0x6D74_7900
    /// The call's failure.
    case failure
    /// No handler has this code. The code, a number.
    case unknownCall
    /// The request cannot be read. A text.
    case undecodable
    /// The request is larger than this number of bytes.
    case tooLarge
    /// As many calls are under way as may be. Null.
    case busy
    /// The handler failed in a way that is not the call's. A text: the type of the error.
    case serverFailed
}

/// What is bounded in typed calls, beside what is in any message.
public enum CallLimits {
    /// Bytes of the largest value that either side reads unless it says otherwise. The reader pays: it holds the bytes, and what it makes
    /// of them.
    public static let valueBytesMax = 16 << 20
    /// Bytes of a text about a refusal.
    public static let wordsBytesMax = 512
}

/// Why there is no value in a message.
enum PayloadError: Error {
    case unreadable(String)
    case tooLarge(bytes: Int)
}

/// A value that could not be written down, in words.
struct Unwritable: Error {
    let words: String
}

/// JSON, with the limits of a reader that does not trust the writer: the size is checked before a byte is parsed, and the parser of
/// Foundation gives up below 512 levels.
enum Payload {
    static func encode(_ value: some Encodable) throws(Unwritable) -> [UInt8] {
        do {
            return Array(try JSONEncoder().encode(value))
        } catch {
            throw Unwritable(words: Self.words(error))
        }
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8]) throws(PayloadError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw .unreadable(Self.words(error))
        }
    }

    /// Errors of coding speak of the peer's bytes: so much of it, and no more.
    static func words(_ error: any Error) -> String { cut("\(error)") }

    static func cut(_ text: String) -> String {
        text.utf8.count <= CallLimits.wordsBytesMax
            ? text : String(decoding: text.utf8.prefix(CallLimits.wordsBytesMax), as: UTF8.self) + "..."
    }
}

extension Message {
    /// A message with a value, and with what travels beside it.
    init(code: UInt32, json: [UInt8], cargo: consuming Cargo) throws(MasixError) {
        self = cargo.message
        self.code = code
        guard json.count > Limits.inlineBytesMax else {
            bytes = json
            return
        }
        attach(try MemoryObject(bytes: json))
    }
}

extension ReceivedMessage {
    /// Takes the value out; the positions of the cargo are its own again.
    mutating func takeValue<Value: Decodable>(_ type: Value.Type, bytesMax: Int) throws(PayloadError) -> Value {
        guard bytes.isEmpty else {
            guard bytes.count <= bytesMax else { throw .tooLarge(bytes: bytes.count) }
            return try Payload.decode(type, bytes)
        }
        guard let memory = takeLastMemory() else { throw .unreadable("there is no value in the message") }
        guard memory.count <= bytesMax else { throw .tooLarge(bytes: memory.count) }
        let read: [UInt8]
        do throws(MasixError) { read = try memory.bytes() } catch { throw .unreadable(error.description) }
        return try Payload.decode(type, read)
    }
}
