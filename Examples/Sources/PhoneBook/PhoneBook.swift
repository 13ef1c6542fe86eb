public import Masix
public import MasixTyped
import Synchronization

// What a phone book is asked, as types: server and clients share them, and nothing else.

/// Whose number is it?
public struct LookUp: Call {
    public static let code: UInt32 = 1
    public var name: String
    public init(name: String) { self.name = name }

    public struct Response: Codable, Sendable { public var number: String }
    public enum Failure: Error, Codable, Equatable { case unknown(name: String) }
}

/// Write this number down.
public struct Enter: Call {
    public static let code: UInt32 = 2
    public var name, number: String
    public init(name: String, number: String) { (self.name, self.number) = (name, number) }

    public typealias Response = Nothing
}

/// A phone book with its handlers; it is put behind a port, and run.
public func phoneBook(in space: Space) throws(MasixError) -> CallServer {
    let server = try CallServer(in: space)
    let book = Shared([String: String]())
    server.on(LookUp.self) { request in
        guard let number = book.pages.withLock({ $0[request.value.name] }) else { throw LookUp.Failure.unknown(name: request.value.name) }
        return LookUp.Response(number: number)
    }
    server.on(Enter.self) { request in
        book.pages.withLock { $0[request.value.name] = request.value.number }
        return Nothing()
    }
    server.onTrouble { print("phone-book: \($0.error)") }
    return server
}

/// A value that handlers share: they may run on several threads.
private final class Shared<Value: Sendable>: Sendable {
    let pages: Mutex<Value>
    init(_ value: Value) { pages = Mutex(value) }
}
