import Masix

// A question and its one answer.

extension Story {
    static let calls = [
        Story(
            "calls are answered", plainMessages: 1_500,
            Role("server") { stage in
                let door = try stage.open("door")
                for _ in 0..<stage.many(1_500) {
                    var request = try door.receive(timeout: Stage.patience)
                    let reply = request.takeReply()
                    try reply?.send(Message(code: request.code + 1, bytes: request.bytes.reversed()))
                }
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                for number in 0..<stage.many(1_500) {
                    let answer = try door.call(Message(code: UInt32(number), bytes: [1, 2, UInt8(number % 256)]), timeout: Stage.patience)
                    try stage.equal(answer.code, UInt32(number) + 1)
                    try stage.equal(answer.bytes, [UInt8(number % 256), 2, 1])
                }
            }),
        Story(
            "questions and answers of any size",
            Role("server") { stage in
                let door = try stage.open("door")
                for _ in 0..<stage.many(100) {
                    var request = try door.receive(timeout: Stage.patience)
                    let reply = request.takeReply()
                    try reply?.send(Message(bytes: [UInt8](repeating: 7, count: Int(request.code))))
                }
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                let sizes = [0, 1, 447, 448, 449, 4_096, 65_536]
                for number in 0..<stage.many(100) {
                    let (question, answer) = (sizes[number % sizes.count], sizes[number / sizes.count % sizes.count])
                    let message = try door.call(
                        Message(code: UInt32(answer), bytes: [UInt8](repeating: 1, count: question)), timeout: Stage.patience)
                    try stage.equal(message.bytes, [UInt8](repeating: 7, count: answer))
                }
            }),
        // T4.
        Story(
            "a reply right that is dropped tells the caller", plainMessages: 300,
            Role("server") { stage in
                let door = try stage.open("door")
                for _ in 0..<stage.many(300) {
                    var request = try door.receive(timeout: Stage.patience)
                    // Let go as a right, or with its message.
                    if request.code % 2 == 0 { request.takeReply()?.close() }
                }
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                for number in 0..<stage.many(300) {
                    try stage.expect(.noReply) { _ = try door.call(Message(code: UInt32(number)), timeout: Stage.patience) }
                }
            }),
        // T4, architecture rule 10: whoever has the reply right answers.
        Story(
            "a reply right is passed on and used by a third task",
            Role("server") { stage in
                let door = try stage.open("door")
                let third = try stage.fetch("third")
                for _ in 0..<stage.many(60) {
                    var request = try door.receive(timeout: Stage.patience)
                    var passed = Message(code: request.code)
                    if let reply = request.takeReply() { passed.attach(reply) }
                    try third.send(passed, timeout: Stage.patience)
                }
            },
            Role("third") { stage in
                let door = try stage.open("third")
                for _ in 0..<stage.many(60) {
                    var message = try door.receive(timeout: Stage.patience)
                    let reply = message.takeSendOnceRight()
                    // Some are let go here: the caller is told just the same.
                    guard message.code % 3 != 0 else { continue }
                    try reply?.send(Message(code: message.code, text: "\(stage.space.task.raw)"))
                }
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                for number in 0..<stage.many(60) {
                    let question = Message(code: UInt32(number))
                    guard number % 3 != 0 else {
                        try stage.expect(.noReply) { _ = try door.call(Message(code: UInt32(number)), timeout: Stage.patience) }
                        continue
                    }
                    let answer = try door.call(question, timeout: Stage.patience)
                    try stage.equal(answer.code, UInt32(number))
                    try stage.equal(answer.text, "\(answer.sender.onItsNode.raw)")
                }
            }),
        // T4, S6: every send-once right yields one message, whatever the limit.
        Story(
            "a send-once right yields exactly one message",
            Role("owner") { stage in
                let door = try stage.space.makePort(queueLimit: 0)
                let user = try stage.fetch("user")
                for number in 0..<30 {
                    var message = Message(code: UInt32(number))
                    message.attach(try door.makeSendOnceRight())
                    try user.send(message, timeout: Stage.patience)
                }
                var (answers, notifications) = (0, 0)
                for _ in 0..<30 {
                    let message = try door.receive(timeout: Stage.patience)
                    if message.notification == .sendOnce { notifications += 1 } else { answers += 1 }
                }
                try stage.equal([answers, notifications], [15, 15])
                try stage.silence(door)
            },
            Role("user") { stage in
                let own = try stage.open("user")
                for _ in 0..<30 {
                    var message = try own.receive(timeout: Stage.patience)
                    let right = message.takeSendOnceRight()
                    if message.code % 2 == 0 { try right?.send(Message(text: "used")) }
                }
            }),
        // A late answer belongs to the call that nobody waits for any more.
        Story(
            "a late answer does not meet the next call",
            Role("server") { stage in
                let door = try stage.open("door")
                for _ in 0..<10 {
                    var first = try door.receive(timeout: Stage.patience)
                    var second = try door.receive(timeout: Stage.patience)
                    let late = first.takeReply()
                    let now = second.takeReply()
                    try late?.send(Message(code: first.code))
                    try now?.send(Message(code: second.code))
                }
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                for number in 0..<10 {
                    try stage.expect(.timedOut) { _ = try door.call(Message(code: UInt32(2 * number)), timeout: .milliseconds(10)) }
                    try stage.equal(
                        try door.call(Message(code: UInt32(2 * number + 1)), timeout: Stage.patience).code, UInt32(2 * number + 1))
                }
            }),
    ]
}
