import Masix
import MasixTestKit
import MasixTyped
import Synchronization

// The calls that the tests make, and a server for them.

struct LookUp: Call {
    static let code: UInt32 = 7
    var name: String

    struct Response: Codable, Equatable {
        var number: String
        var pages: [Int]
    }

    enum Failure: Error, Codable, Equatable { case unknown(String), tooLong(by: Int) }
}

/// Bytes there and back: large ones travel as memory.
struct Echo: Call {
    static let code: UInt32 = 8
    var text: String
    typealias Response = String
}

/// A call that the server never registers.
struct Unheard: Call {
    static let code: UInt32 = 99
    typealias Response = Nothing
}

/// The code of `LookUp`, and not its form.
struct LookUpOfAnotherAge: Call {
    static let code = LookUp.code
    var key: Int
    typealias Response = Nothing
}

/// An answer that is not what the caller thinks.
struct LookUpWithAnotherAnswer: Call {
    static let code = LookUp.code
    var name: String
    typealias Response = Int
}

struct Accident: Error {}

/// Fails in a way that is not the call's; or answers a number that JSON cannot say.
struct Stumble: Call {
    static let code: UInt32 = 9
    var throwing: Bool
    typealias Response = Double
}

/// A node with a server on a thread, and a client's right to it.
final class Library {
    let node: TestNode
    let server: CallServer
    let client: Space
    let right: SendRight
    let serving: Background<Void>
    let port: PortID

    init(
        leases: TestNode.Leases = .on, requestBytesMax: Int = CallLimits.valueBytesMax, callsAtOnceMax: Int = 64,
        _ configure: (CallServer) -> Void = { _ in }
    ) throws {
        node = try TestNode(leases: leases)
        let space = try node.attach()
        let server = try CallServer(in: space, requestBytesMax: requestBytesMax, callsAtOnceMax: callsAtOnceMax)
        server.on(LookUp.self) { request in
            guard request.value.name != "nobody" else { throw LookUp.Failure.unknown(request.value.name) }
            return .init(number: String(request.value.name.reversed()), pages: [1, 2, 3])
        }
        server.on(Echo.self) { $0.value.text }
        server.on(Stumble.self) { request in
            if request.value.throwing { throw Accident() }
            return .infinity
        }
        configure(server)
        port = server.insert(try space.makePort())
        self.server = server
        client = try node.attach()
        right = try node.pass(try server.makeSendRight(to: port), from: space, to: client)
        serving = try Background { try server.run() }
    }

    /// The server still answers, and ends when it is told to.
    func close() throws {
        let answer: LookUp.Response = try right.call(LookUp(name: "ada"), timeout: .seconds(10))
        guard answer == .init(number: "ada", pages: [1, 2, 3]) else { throw Accident() }
        server.stop()
        try serving.wait()
        node.stop()
    }
}

/// What handlers have told the tests.
final class Notes<Note: Sendable>: Sendable {
    private let notes = Mutex<[Note]>([])
    func add(_ note: Note) { notes.withLock { $0.append(note) } }
    var all: [Note] { notes.withLock { $0 } }
}
