import Masix
import MasixTestKit
import MasixTyped
import Testing

/// Rights that know what their port serves; that another service's calls do not compile is the compiler's test.
@Suite struct TypedSendRightTests {
    enum Counting {}

    struct Add: Call {
        typealias Service = Counting
        static let code: UInt32 = 50
        var number: Int
        typealias Response = Int
    }

    /// Hands on a right to a counter.
    struct Introduce: Call {
        static let code: UInt32 = 51
        typealias Response = Bool
    }

    @Test(arguments: TestNode.Leases.allCases)
    func aTypedRightCallsAndTravels(leases: TestNode.Leases) throws {
        let library = try Library(leases: leases) { server in
            server.on(Add.self) { $0.value.number + 1 }
            server.on(Introduce.self) { request in
                guard let counter = request.message.takeSendRight(as: Counting.self) else { return false }
                request.reply.attach(counter.copy())
                return true
            }
        }
        let counter = TypedSendRight<Counting>(library.right.copy())
        let first = try counter.call(Add(number: 1), timeout: .seconds(10))
        #expect(first == 2)
        var cargo = Cargo()
        cargo.attach(counter.copy())
        var answer = try library.right.call(Introduce(), with: cargo, timeout: .seconds(10))
        let isHandedOn = answer.value
        #expect(isHandedOn)
        guard let same = answer.message.takeSendRight(as: Counting.self) else {
            Issue.record("no right has come back")
            return
        }
        let port = same.untyped.port
        #expect(port == library.port)
        let sum = try same.call(Add(number: 2), timeout: .seconds(10))
        #expect(sum == 3)
        let isThereMore = answer.message.takeSendRight(as: Counting.self) != nil
        #expect(!isThereMore)
        try library.close()
    }

    @Test func namesGiveTypedRights() async throws {
        let library = try Library { $0.on(Add.self) { $0.value.number * 2 } }
        let right = try library.server.makeSendRight(to: library.port, as: Counting.self)
        let port = right.untyped.port
        #expect(port == library.port)
        let counter = TypedSendRight<Counting>(library.right.copy())
        let product: Int = try await counter.call(Add(number: 21), timeout: .seconds(120))
        #expect(product == 42)
        try library.close()
    }
}
