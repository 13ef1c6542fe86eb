import Glibc
import Masix
import MasixLinux
import MasixTestKit
import Synchronization

// One thing many times, for a tool that counts what a process does (Scripts/counts): masix-hot-path CASE COUNT. What one costs is what a
// longer run has more than a shorter one. Both sides are threads of this process.
//
//   one-way   messages of 64 bytes, 32 sent and then 32 received
//   call      calls of 64 bytes, every byte handed over on both sides, no array made of them
//   right     calls with a send right to a port of a third task
//   port      ports made, and destroyed

private let body = [UInt8](repeating: 7, count: 64)

/// A right that a thread takes with it.
private final class Handed: Sendable {
    private let right: Mutex<ReceiveRight?>
    init(_ right: consuming ReceiveRight) { self.right = Mutex(right) }
    func take() -> ReceiveRight? { right.withLock { $0.take() } }
}

@inline(never)
private func oneWay(_ count: Int, _ right: borrowing SendRight, _ port: borrowing ReceiveRight) throws {
    var sum = 0
    for _ in 0..<(count / 32) {
        for _ in 0..<32 { try right.send(Message(code: 1, copying: body.span)) }
        for _ in 0..<32 { sum &+= try port.receive().byteCount }
    }
    precondition(sum == count / 32 * 32 * body.count)
}

@inline(never)
private func calls(_ count: Int, _ right: borrowing SendRight) throws { try calls(count, right) { _ in } }

@inline(never)
private func calls(_ count: Int, _ right: borrowing SendRight, _ load: (inout Message) -> Void) throws {
    for _ in 0..<count {
        var message = Message(code: 1, copying: body.span)
        load(&message)
        let answer = try right.call(message)
        precondition(answer.byteCount == body.count)
    }
}

private func serve(_ handed: Handed) throws {
    try DetachedThread.start("server") {
        guard let port = handed.take() else { return }
        while var request = try? port.receive() {
            request.takeSendRight()?.close()
            let reply = request.takeReply()
            // Whoever asked is this process.
            try? reply?.send(request.withBytes { Message(code: 1, copying: $0) })
        }
    }
}

private func run(_ what: String, _ count: Int) throws {
    let node = try TestNode()
    let (client, server, third) = (try node.attach(), try node.attach(), try node.attach())
    let port = try server.makePort()
    let right = try node.pass(try port.makeSendRight(), from: server, to: client)
    // Until there is a lease, and everything that is made once has been made.
    for _ in 0..<8 { try oneWay(32, right, port) }
    switch what {
    case "one-way": try oneWay(count, right, port)
    case "call":
        try serve(Handed(port))
        try calls(100 + count, right)
    case "right":
        let home = try third.makePort()
        let gift = try node.pass(try home.makeSendRight(), from: third, to: client)
        try serve(Handed(port))
        try calls(100 + count, right) { $0.attach(gift.copy()) }
    case "port": for _ in 0..<count { try client.makePort().close() }
    default: fatalError("no such case: \(what)")
    }
    // Nothing of the end is part of the count.
    _exit(0)
}

guard CommandLine.arguments.count == 3, let count = Int(CommandLine.arguments[2]) else { fatalError("masix-hot-path CASE COUNT") }
try run(CommandLine.arguments[1], count)
