import Masix

// Rights that are counted, copied and moved.

extension Story {
    static let rights = [
        // N2, N3.
        Story(
            "rights to one port coalesce",
            Role("server") { stage in
                let door = try stage.open("once", "twice")
                let notify = try stage.space.makePort()
                try door.requestNoSenders(to: notify)
                // However many values name it: one holder.
                try stage.eventually { try door.status().sendRights == 1 }
                try stage.meet("counted")
                try stage.equal(try door.receive(timeout: Stage.patience).text, "by the second")
                try stage.silence(notify)
                try stage.meet("received")
                try stage.equal(try notify.receive(timeout: Stage.patience).notification, .noSenders(makeSendCount: 2))
            },
            Role("client") { stage in
                let first = try stage.fetch("once")
                let second = try stage.fetch("twice")
                try stage.equal(first.port, second.port)
                try stage.meet("counted")
                first.close()
                try second.send(Message(text: "by the second"), timeout: Stage.patience)
                try stage.meet("received")
                second.close()
            }),
        Story(
            "copies live on their own", plainMessages: 200,
            Role("server") { stage in
                let door = try stage.open("door")
                for number in 0...stage.many(200) { try stage.equal(try door.receive(timeout: Stage.patience).code, UInt32(number)) }
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                for number in 0..<stage.many(200) {
                    let copy = door.copy()
                    try copy.send(Message(code: UInt32(number)), timeout: Stage.patience)
                }
                let last = door.copy()
                door.close()
                try last.send(Message(code: UInt32(stage.many(200))), timeout: Stage.patience)
            }),
        // A right that goes away and comes back, again and again, is always the same one.
        Story(
            "a right travels there and back",
            Role("server") { stage in
                let door = try stage.open("door")
                for _ in 0..<stage.many(200) {
                    var request = try door.receive(timeout: Stage.patience)
                    let reply = request.takeReply()
                    let right = request.takeSendRight()
                    var answer = Message(code: request.code)
                    if let right { answer.attach(right) }
                    try reply?.send(answer)
                }
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                let own = try stage.space.makePort()
                for number in 0..<stage.many(200) {
                    var question = Message(code: UInt32(number))
                    question.attach(try own.makeSendRight())
                    var answer = try door.call(question, timeout: Stage.patience)
                    let right = answer.takeSendRight()
                    try right?.send(Message(code: UInt32(number)), timeout: Stage.patience)
                    try stage.equal(try own.receive(timeout: Stage.patience).code, UInt32(number))
                }
            }),
        // R1, architecture rule 8.
        Story(
            "a receive right moves with its queue", plainMessages: 0,
            Role("server") { stage in
                let door = try stage.open("door")
                let heir = try stage.fetch("heir")
                try stage.meet("sent")
                for number in 0..<5 { try stage.equal(try door.receive(timeout: Stage.patience).code, UInt32(number)) }
                var message = Message()
                message.attach(door)
                try heir.send(message, timeout: Stage.patience)
            },
            Role("heir") { stage in
                let own = try stage.open("heir")
                try stage.meet("sent")
                var message = try own.receive(timeout: Stage.patience)
                let taken = message.takeReceiveRight()
                guard let door = taken else { throw Stage.Failure(description: "no receive right") }
                for number in 5..<20 + stage.many(480) { try stage.equal(try door.receive(timeout: Stage.patience).code, UInt32(number)) }
                try stage.silence(door)
            },
            Role("sender") { stage in
                let door = try stage.fetch("door")
                for number in 0..<20 { try door.send(Message(code: UInt32(number)), timeout: Stage.patience) }
                try stage.meet("sent")
                // While it is under way, and where it has gone to.
                for number in 20..<20 + stage.many(480) { try door.send(Message(code: UInt32(number)), timeout: Stage.patience) }
            }),
        // 70, T2.
        Story(
            "no-senders counts what has been made",
            Role("server") { stage in
                let notify = try stage.space.makePort()
                let door = try stage.space.makePort()
                try door.requestNoSenders(sync: 1, to: notify)
                try stage.silence(notify)
                try stage.leave(try door.makeSendRight(), as: "door")
                try stage.equal(try door.receive(timeout: Stage.patience).text, "here")
                try stage.equal(try notify.receive(timeout: Stage.patience).notification, .noSenders(makeSendCount: 1))
                // Nobody is left: answered at once.
                try door.requestNoSenders(sync: 1, to: notify)
                try stage.equal(try notify.receive(timeout: Stage.patience).notification, .noSenders(makeSendCount: 1))
                // A right that has not been made yet is waited for.
                try door.requestNoSenders(sync: 2, to: notify)
                try stage.silence(notify)
                try stage.leave(try door.makeSendRight(), as: "again")
                try stage.equal(try door.receive(timeout: Stage.patience).text, "here")
                try stage.equal(try notify.receive(timeout: Stage.patience).notification, .noSenders(makeSendCount: 2))
                // A request that dies with its port is told too (T4).
                try door.requestNoSenders(sync: 9, to: notify)
                door.close()
                try stage.equal(try notify.receive(timeout: Stage.patience).notification, .sendOnce)
            },
            Role("client") { stage in
                for name in ["door", "again"] {
                    let door = try stage.fetch(name)
                    try door.send(Message(text: "here"), timeout: Stage.patience)
                }
            }),
        // V5: a queued message counts as a sender.
        Story(
            "a message in the queue is a sender",
            Role("server") { stage in
                let notify = try stage.space.makePort()
                let door = try stage.open("door")
                try door.requestNoSenders(to: notify)
                try stage.meet("sent and closed")
                try stage.silence(notify)
                try stage.equal(try door.receive(timeout: Stage.patience).text, "last words")
                try stage.equal(try notify.receive(timeout: Stage.patience).notification, .noSenders(makeSendCount: 1))
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                try door.send(Message(text: "last words"), timeout: Stage.patience)
                door.close()
                try stage.meet("sent and closed")
            }),
    ]
}
