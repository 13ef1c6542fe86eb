import Masix
import MasixLinux

// The queue limit, and time.

extension Story {
    static let limits = [
        // S6, architecture rule 3: however the credits are shared out.
        Story(
            "the queue limit is exact over two senders",
            Role("receiver") { stage in
                let door = try stage.open("door for one", "door for two", queueLimit: 10)
                let reports = try stage.open("reports of one", "reports of two")
                var unread = 0
                for round in 0..<stage.many(20) {
                    // Full, to the message, when both have been refused.
                    var accepted = 0
                    for _ in 0..<2 { accepted += Int(try reports.receive(timeout: Stage.patience).code) }
                    unread += accepted
                    try stage.equal(unread, 10)
                    let wanted = round % 10 + 1
                    for _ in 0..<wanted { _ = try door.receive(timeout: Stage.patience) }
                    unread -= wanted
                    try stage.meet("round \(round)")
                }
                for _ in 0..<unread { _ = try door.receive(timeout: Stage.patience) }
                try stage.silence(door)
            },
            Role("one") { try fill($0, "one") },
            Role("two") { try fill($0, "two") }),
        Story(
            "a full queue holds its sender up to its timeout",
            Role("receiver") { stage in
                let door = try stage.open("door", queueLimit: 3)
                try stage.meet("full")
                try stage.meet("has waited")
                stage.pause(milliseconds: 20)
                for number in 0..<4 { try stage.equal(try door.receive(timeout: Stage.patience).code, UInt32(number)) }
                try stage.silence(door)
            },
            Role("sender") { stage in
                let door = try stage.fetch("door")
                for number in 0..<3 { try door.send(Message(code: UInt32(number)), timeout: .zero) }
                try stage.expect(.timedOut) { try door.send(Message(code: 9), timeout: .zero) }
                let waited = try stage.milliseconds {
                    try stage.expect(.timedOut) { try door.send(Message(code: 9), timeout: .milliseconds(40)) }
                }
                try stage.check(waited >= 40 && waited < 2_000, "\(waited) ms")
                // What a message carried is still there after a zero timeout (S7).
                var kept = Message(code: 9)
                kept.attach(try MemoryObject(bytes: [1]))
                do { try door.trySend(&kept, timeout: .zero) } catch MasixError.timedOut {}
                try stage.equal(kept.memoryCount, 1)
                try stage.meet("full")
                try stage.meet("has waited")
                try door.send(Message(code: 3), timeout: Stage.patience)
            }),
        // S6, S7: a call's time covers both ways.
        Story(
            "times are kept",
            Role("server") { stage in
                let door = try stage.open("door")
                try stage.meet("end")
                _ = door.port
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                let own = try stage.space.makePort()
                for milliseconds in [0, 1, 30] {
                    let received = try stage.milliseconds {
                        try stage.expect(.timedOut) { _ = try own.receive(timeout: .milliseconds(milliseconds)) }
                    }
                    try stage.check(received >= Double(milliseconds) && received < 2_000, "\(received) ms instead of \(milliseconds)")
                    let called = try stage.milliseconds {
                        try stage.expect(.timedOut) { _ = try door.call(Message(), timeout: .milliseconds(milliseconds)) }
                    }
                    try stage.check(called >= Double(milliseconds) && called < 2_000, "\(called) ms instead of \(milliseconds)")
                }
                try stage.meet("end")
            }),
        Story(
            "a lowered limit drops nothing and holds later senders",
            Role("receiver") { stage in
                let door = try stage.open("door", queueLimit: 8)
                try stage.meet("eight")
                try door.setQueueLimit(2)
                try stage.meet("lowered")
                try stage.meet("refused")
                for number in 0..<7 { try stage.equal(try door.receive(timeout: Stage.patience).code, UInt32(number)) }
                try stage.meet("one left")
                try stage.equal(try door.receive(timeout: Stage.patience).code, 7)
                try stage.equal(try door.receive(timeout: Stage.patience).code, 8)
                try stage.silence(door)
            },
            Role("sender") { stage in
                let door = try stage.fetch("door")
                for number in 0..<8 { try door.send(Message(code: UInt32(number)), timeout: .zero) }
                try stage.meet("eight")
                try stage.meet("lowered")
                try stage.expect(.timedOut) { try door.send(Message(), timeout: .zero) }
                try stage.meet("refused")
                try stage.meet("one left")
                try door.send(Message(code: 8), timeout: .zero)
            }),
    ]

    private static func fill(_ stage: Stage, _ name: String) throws {
        let door = try stage.fetch("door for \(name)")
        let reports = try stage.fetch("reports of \(name)")
        for round in 0..<stage.many(20) {
            var accepted: UInt32 = 0
            do {
                while true {
                    try door.send(Message(), timeout: .zero)
                    accepted += 1
                }
            } catch MasixError.timedOut {
                try reports.send(Message(code: accepted), timeout: Stage.patience)
            }
            try stage.meet("round \(round)")
        }
    }
}
