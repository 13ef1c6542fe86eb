import Masix
import MasixTestKit

// What the others see when a port dies.

extension Story {
    static let deaths = [
        // 72, 65, 1.6.
        Story(
            "a dead port leaves a dead name",
            Role("server") { stage in
                let door = try stage.open("door")
                let other = try stage.open("other")
                try stage.meet("registered")
                door.close()
                try stage.meet("given up")
                // The other port lives on.
                try stage.silence(other)
            },
            Role("client") { stage in
                let notify = try stage.space.makePort()
                let door = try stage.fetch("door")
                let other = try stage.fetch("other")
                try door.requestDeadName(to: notify)
                try other.requestDeadName(to: notify)
                try stage.check(!door.isDead, "dead too early")
                try stage.meet("registered")
                try stage.equal(try notify.receive(timeout: Stage.patience).notification, .deadName(door.port, name: 0))
                try stage.check(door.isDead, "not dead")
                try stage.expect(.deadName) { try door.send(Message(), timeout: Stage.patience) }
                try stage.expect(.deadName) { _ = try door.call(Message(), timeout: Stage.patience) }
                let otherPort = other.port
                other.close()
                try stage.equal(try notify.receive(timeout: Stage.patience).notification, .portDeleted(otherPort, name: 0))
                try stage.silence(notify)
                try stage.meet("given up")
            }),
        // T4, 1.11: what waits in the queue of a dying port is told.
        Story(
            "a call in a dying port is told",
            Role("server") { stage in
                for number in 0..<stage.many(20) {
                    let door = try stage.open("door \(number)")
                    let first = try door.receive(timeout: Stage.patience)
                    try stage.equal(first.text, "taken and never answered")
                    if number % 2 == 0 { stage.pause(milliseconds: 2) }
                    door.close()
                }
            },
            Role("client") { stage in
                for number in 0..<stage.many(20) {
                    let door = try stage.fetch("door \(number)")
                    try stage.expect(.noReply) { _ = try door.call(Message(text: "taken and never answered"), timeout: Stage.patience) }
                }
            }),
        // S4: a sender that waits for room has sent when the port dies; its next message is refused.
        Story(
            "a blocked sender succeeds when the port dies",
            Role("server") { stage in
                for number in 0..<4 {
                    let door = try stage.open("door \(number)", queueLimit: 2)
                    try stage.meet("full \(number)")
                    stage.pause(milliseconds: 100)
                    door.close()
                }
            },
            Role("client") { stage in
                for number in 0..<4 {
                    let door = try stage.fetch("door \(number)")
                    // Of four sends two find room, the third fills the patience of the port.
                    for _ in 0..<2 { try door.send(Message(), timeout: .zero) }
                    try stage.meet("full \(number)")
                    if number % 2 == 0 {
                        try door.send(Message(), timeout: Stage.patience)
                    } else {
                        try stage.expect(.noReply) { _ = try door.call(Message(), timeout: Stage.patience) }
                    }
                    try stage.expect(.deadName) { try door.send(Message(), timeout: Stage.patience) }
                }
            }),
        // D3, 1.11.
        Story(
            "rights inside messages die and are released",
            Role("server") { stage in
                let door = try stage.open("door", "doomed door")
                try stage.meet("died under way")
                var message = try door.receive(timeout: Stage.patience)
                try stage.check(message.isDead(at: 0), "alive")
                try stage.check(message.takeSendRight() == nil, "a right to a dead port")
                try stage.meet("sent")
                // Never received: the rights in it are let go.
                door.close()
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                let again = try stage.fetch("doomed door")
                let short = try stage.space.makePort()
                var message = Message()
                message.attach(try short.makeSendRight())
                try door.send(message, timeout: Stage.patience)
                short.close()
                try stage.meet("died under way")
                let own = try stage.space.makePort()
                let notify = try stage.space.makePort()
                var lost = Message()
                lost.attach(try own.makeSendRight())
                lost.attach(try own.makeSendOnceRight())
                let inner = try stage.space.makePort()
                let innerRight = try inner.makeSendRight()
                try innerRight.requestDeadName(to: notify)
                lost.attach(inner)
                try own.requestNoSenders(to: notify)
                try again.send(lost, timeout: Stage.patience)
                try stage.meet("sent")
                try stage.equal(try own.receive(timeout: Stage.patience).notification, .sendOnce)
                var told: [UInt32] = []
                for _ in 0..<2 { told.append(try notify.receive(timeout: Stage.patience).code) }
                try stage.equal(told.sorted(), [70, 72])
                try stage.check(innerRight.isDead, "not dead")
            }),
        // R4.
        Story(
            "a circular message is destroyed, and sent",
            Role("server") { stage in
                let door = try stage.open("door", "own copy")
                let right = try stage.fetch("own copy")
                try stage.meet("fetched")
                var message = Message()
                message.attach(door)
                try right.send(message, timeout: Stage.patience)
                try stage.eventually { right.isDead }
                try stage.meet("dead")
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                try stage.meet("fetched")
                try stage.meet("dead")
                try stage.expect(.deadName) { try door.send(Message(), timeout: Stage.patience) }
            }),
        // 69.
        Story(
            "a backup gets the port instead of its death",
            Role("server") { stage in
                let backup = try stage.space.makePort()
                let door = try stage.open("door")
                try door.requestPortDestroyed(to: backup)
                try stage.meet("sent")
                try stage.equal(try door.receive(timeout: Stage.patience).code, 0)
                door.close()
                var message = try backup.receive(timeout: Stage.patience)
                try stage.equal(message.notification, .portDestroyed)
                let taken = message.takeReceiveRight()
                guard let again = taken else { throw Stage.Failure(description: "no receive right") }
                for number in 1..<20 { try stage.equal(try again.receive(timeout: Stage.patience).code, UInt32(number)) }
                again.close()
                try stage.silence(backup)
            },
            Role("client") { stage in
                let notify = try stage.space.makePort()
                let door = try stage.fetch("door")
                try door.requestDeadName(to: notify)
                for number in 0..<10 { try door.send(Message(code: UInt32(number)), timeout: Stage.patience) }
                try stage.meet("sent")
                for number in 10..<20 { try door.send(Message(code: UInt32(number)), timeout: Stage.patience) }
                // Without a backup now, it dies.
                try stage.equal(try notify.receive(timeout: Stage.patience).notification, .deadName(door.port, name: 0))
            }),
    ]
}
