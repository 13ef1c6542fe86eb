import Masix

// What the pages of Documentation/Guides show, line for line (a test compares), so that it compiles and runs: here and in the file beside.

func orders(_ server: borrowing SendRight, _ door: borrowing ReceiveRight, _ port: borrowing ReceiveRight) throws {
    var order = Message(code: 7, text: "two, please")
    order.attach(try door.makeSendRight())  // consumed: it travels with the message
    try server.send(order, timeout: .seconds(1))

    var message = try port.receive()
    let right = message.takeSendRight(at: 0)  // nil: something else is there, or it has been taken
    let answer = message.withBytes { Message(code: 1, copying: $0) }
    try message.takeReply()?.send(answer)
    print("\(message.text ?? "?"), with a right to the \(right?.port == door.port ? "door" : "?")")
}

func news(_ news: borrowing ReceiveRight) throws {
    switch try news.receive().notification {
    case .noSenders(let made): print("nobody holds a send right to the port any more; \(made) had been made")
    case .deadName(let port, _): print("the port \(port) behind your right has died")
    case .sendOnce: print("a send-once right to this very port was dropped")
    case .portDestroyed: print("a receive right of yours comes back instead of dying: take it from the message")
    case .portDeleted(let port, _): print("you gave the right to \(port) up before its port died")
    case .sendPossible(let port, _): print("the port \(port), which was full, has room")
    case nil: print("a message of a program")
    }
}

func dead(_ server: borrowing SendRight) throws {
    do throws(MasixError) {
        try server.send(Message())
    } catch {
        guard error == .deadName else { throw error }
    }
}

func memory(_ server: borrowing SendRight, _ port: borrowing ReceiveRight, _ file: Int32) throws {
    let text = try MemoryObject(bytes: Array("a long text".utf8))

    let table = try MemoryObject(count: 1 << 20) { (draft) throws(MasixError) in
        try draft.write([1, 2, 3], at: 0)  // what is not written is zero
    }

    var message = Message(code: 1)
    message.attach(text)
    message.attach(table)
    try server.send(message)

    var received = try port.receive()
    guard let memory = received.takeMemory(at: 0) else { return }
    let start = try memory.bytes(in: 0..<min(memory.count, 16))
    let sum = try memory.withMapped { span in span.byteCount }
    _ = try memory.copy(to: file, at: 0)
    print("\(start.count) bytes copied, \(sum) mapped")
}

func set(_ space: Space) throws {
    let set = space.makePortSet()
    let door = set.insert(try space.makePort())  // the set owns the receive right now; `door` is the port's id
    try set.makeSendRight(to: door).send(Message(text: "for the set"))
    let message = try set.receive()
    if message.port == door { print(message.text ?? "") }
}

func waiting(_ server: borrowing SendRight, _ port: borrowing ReceiveRight) async throws {
    try await server.send(Message(text: "hello"), timeout: .seconds(1))
    let message = try await port.next()
    print(message.text ?? "")
}

func loop(_ port: borrowing ReceiveRight) async throws {
    for try await arrival in port.arrivals {
        var message = arrival.take()
        let reply = message.takeReply()
        try reply?.send(Message(text: "seen"))
    }
}

do {
    let space = try Space.attach()
    let port = try space.makePort()
    let server = try port.makeSendRight()
    let door = try space.makePort()
    try orders(server, door, port)
    try dead(server)
    _ = try port.receive()
    try memory(server, port, CommandLine.arguments.count > 1 ? Int32(CommandLine.arguments[1]) ?? 3 : 3)
    try set(space)
    try door.requestNoSenders(to: port)
    try news(port)
    try await waiting(server, port)
    try await typed(space)
} catch {
    print("guides: \(error)")
}
