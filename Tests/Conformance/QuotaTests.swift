import Masix
import MasixKernel
import MasixLinux
import MasixNucleus
import MasixTestKit
import Testing

extension Conformance {
    /// Whoever goes over a bound pays; the neighbours feel nothing (architecture, "bounded everything").
    @Suite(.serialized) struct QuotaTests {
        @Test("a task over its quota of ports is refused, its neighbour not", arguments: TestNode.Leases.allCases)
        func ports(leases: TestNode.Leases) throws {
            try TestNode.run(leases: leases, configure: { $0.limits.portsPerTaskMax = 20 }) { node in
                let (greedy, neighbour) = (try node.attach(), try node.attach())
                let set = greedy.makePortSet()
                // A port counts once the nucleus is asked about it.
                func make() throws -> ReceiveRight {
                    let port = try greedy.makePort()
                    _ = try port.status()
                    return port
                }
                for _ in 0..<20 { set.insert(try make()) }
                for _ in 0..<3 { #expect(throws: MasixError.noSpace) { _ = try make() } }
                let port = try neighbour.makePort()
                try port.makeSendRight().send(Message(text: "mine"))
                #expect(try port.receive(timeout: .seconds(5)).text == "mine")
                // One given up is one to be had.
                let first = try #require(set.ports.first)
                set.remove(first)?.close()
                _ = try make()
            }
        }

        @Test("a task with too many bytes under way is refused, its neighbour not", arguments: TestNode.Leases.allCases)
        func queuedBytes(leases: TestNode.Leases) throws {
            try TestNode.run(leases: leases, configure: { $0.limits.queuedBytesPerTaskMax = 200_000 }) { node in
                let (greedy, neighbour, server) = (try node.attach(), try node.attach(), try node.attach())
                let door = try server.makePort(queueLimit: 1_000)
                let mine = try node.pass(try door.makeSendRight(), from: server, to: greedy)
                let theirs = try node.pass(try door.makeSendRight(), from: server, to: neighbour)
                let big = [UInt8](repeating: 1, count: 50_000)
                var sent = 0
                #expect(throws: MasixError.resourceShortage) {
                    while sent < 100 {
                        try mine.send(Message(bytes: big), timeout: .zero)
                        sent += 1
                    }
                }
                #expect(sent == 4)
                // A neighbour, and the same port: nothing is felt.
                for _ in 0..<3 { try theirs.send(Message(bytes: big), timeout: .zero) }
                for _ in 0..<7 { _ = try door.receive(timeout: .seconds(5)) }
                // What has been received weighs no more.
                try mine.send(Message(bytes: big), timeout: .zero)
            }
        }

        @Test("a task with too many memory objects under way is refused, its neighbour not")
        func memory() throws {
            try TestNode.run(configure: { $0.limits.memoryInFlightPerTaskMax = 8 }) { node in
                let (greedy, neighbour, server) = (try node.attach(), try node.attach(), try node.attach())
                let door = try server.makePort(queueLimit: 100)
                let mine = try node.pass(try door.makeSendRight(), from: server, to: greedy)
                let theirs = try node.pass(try door.makeSendRight(), from: server, to: neighbour)
                let object = try MemoryObject(bytes: [1])
                func send(_ right: borrowing SendRight) throws {
                    var message = Message()
                    message.attach(object)
                    try right.send(message, timeout: .zero)
                }
                for _ in 0..<8 { try send(mine) }
                #expect(throws: MasixError.resourceShortage) { try send(mine) }
                try send(theirs)
                for _ in 0..<9 { #expect(try door.receive(timeout: .seconds(5)).memoryCount == 1) }
                try send(mine)
            }
        }

        @Test("beyond its quota of links a task sends by the nucleus, and nobody can tell")
        func links() throws {
            try TestNode.run(configure: { $0.limits.linksPerTaskMax = 2 }) { node in
                let server = try node.attach()
                let set = server.makePortSet()
                let clients = try (0..<5).map { _ in try node.attach() }
                for client in clients {
                    let door = try server.makePort()
                    let right = try node.pass(try door.makeSendRight(), from: server, to: client)
                    set.insert(door)
                    for number in 0..<50 {
                        try right.send(Message(code: UInt32(number)), timeout: .seconds(5))
                        #expect(try set.receive(timeout: .seconds(5)).code == UInt32(number))
                    }
                }
            }
        }
    }
}
