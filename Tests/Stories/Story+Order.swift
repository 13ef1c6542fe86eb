import Masix

// Order, and what a received message says of its sender.

extension Story {
    static let order = [
        // O1.
        Story(
            "messages of one sender arrive in order", plainMessages: 3_000,
            Role("receiver") { stage in
                let door = try stage.open("door")
                for number in 0..<stage.many(3_000) {
                    let message = try door.receive(timeout: Stage.patience)
                    try stage.equal(message.code, UInt32(number))
                    try stage.equal(message.text, "\(message.sender.onItsNode.raw)/\(number)")
                }
                try stage.silence(door)
            },
            Role("sender") { stage in
                let door = try stage.fetch("door")
                for number in 0..<stage.many(3_000) {
                    try door.send(Message(code: UInt32(number), text: "\(stage.space.task.raw)/\(number)"), timeout: Stage.patience)
                }
            }),
        // O1: small and large, with and without rights, by whatever way each goes.
        Story(
            "messages of every kind keep one order",
            Role("receiver") { stage in
                let door = try stage.open("door", queueLimit: 8)
                for number in 0..<stage.many(400) {
                    var message = try door.receive(timeout: Stage.patience)
                    try stage.equal(message.code, UInt32(number))
                    try stage.equal(message.bytes, mixedBytes(number))
                    if number % 5 == 0 {
                        let right = message.takeSendRight()
                        try right?.send(Message(code: message.code), timeout: Stage.patience)
                    }
                    if number % 7 == 0 { try stage.equal(try message.takeMemory()?.bytes(), mixedBytes(number)) }
                }
            },
            Role("sender") { stage in
                let door = try stage.fetch("door")
                let own = try stage.space.makePort(queueLimit: 100)
                for number in 0..<stage.many(400) {
                    var message = Message(code: UInt32(number), bytes: mixedBytes(number))
                    if number % 5 == 0 { message.attach(try own.makeSendRight()) }
                    if number % 7 == 0 { message.attach(try MemoryObject(bytes: mixedBytes(number))) }
                    try door.send(message, timeout: Stage.patience)
                }
                for number in stride(from: 0, to: stage.many(400), by: 5) {
                    try stage.equal(try own.receive(timeout: Stage.patience).code, UInt32(number))
                }
            }),
        // O1, O2: each sender's order, and nobody starves.
        Story(
            "two senders keep an order each",
            Role("receiver") { stage in
                let door = try stage.open("door for one", "door for two", queueLimit: 5)
                var next: [String: UInt32] = [:]
                for _ in 0..<2 * stage.many(1_500) {
                    let message = try door.receive(timeout: Stage.patience)
                    let sender = message.text ?? ""
                    try stage.equal(message.code, next[sender, default: 0])
                    next[sender, default: 0] += 1
                }
                let each = UInt32(stage.many(1_500))
                try stage.equal(next, ["one": each, "two": each])
            },
            Role("one") { try sendInOrder($0, "one") },
            Role("two") { try sendInOrder($0, "two") }),
        // Architecture, "What is trusted": stated by the kernel.
        Story(
            "a message tells its sender",
            Role("receiver") { stage in
                let door = try stage.open("door")
                for _ in 0..<20 {
                    let message = try door.receive(timeout: Stage.patience)
                    let sender = try message.senderIdentity()
                    try stage.equal(message.text, "\(message.sender.onItsNode.raw) \(sender.pid) \(sender.uid) \(sender.gid)")
                    try stage.check(sender.executable.hasPrefix("/") && !sender.launched, "\(sender)")
                }
            },
            Role("sender") { stage in
                let door = try stage.fetch("door")
                let own = stage.space.identity
                for _ in 0..<20 {
                    try door.send(Message(text: "\(stage.space.task.raw) \(own.pid) \(own.uid) \(own.gid)"), timeout: Stage.patience)
                }
            }),
    ]

    private static func sendInOrder(_ stage: Stage, _ name: String) throws {
        let door = try stage.fetch("door for \(name)")
        for number in 0..<stage.many(1_500) { try door.send(Message(code: UInt32(number), text: name), timeout: Stage.patience) }
    }

    /// Lengths on both sides of every limit.
    private static func mixedBytes(_ number: Int) -> [UInt8] {
        let lengths = [0, 1, 447, 448, 449, 4_096, 65_536]
        return [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: lengths[number % lengths.count])
    }
}
