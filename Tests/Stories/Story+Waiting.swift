import Masix
import MasixTestKit

// Waiting for several, and waiting without a thread.

extension Story {
    static let waiting = [
        // 1.7.
        Story(
            "no member of a set starves",
            Role("server") { stage in
                let set = stage.space.makePortSet()
                let loud = set.insert(try stage.open("loud"))
                let quiet = set.insert(try stage.open("quiet"))
                // Or the flood may begin when all is over.
                try stage.meet("begin")
                var served = 0
                while served < stage.many(30) {
                    var message = try set.receive(timeout: Stage.patience)
                    guard message.port == quiet else {
                        try stage.equal(message.port, loud)
                        continue
                    }
                    let reply = message.takeReply()
                    try reply?.send(Message(code: message.code))
                    served += 1
                }
                // That ends the flood.
                set.remove(loud)?.close()
                try stage.equal(set.ports, [quiet])
            },
            Role("flood") { stage in
                let door = try stage.fetch("loud")
                try stage.meet("begin")
                try stage.expect(.deadName) {
                    while true { try door.send(Message(text: "flood"), timeout: Stage.patience) }
                }
            },
            Role("quiet") { stage in
                let door = try stage.fetch("quiet")
                try stage.meet("begin")
                for number in 0..<stage.many(30) {
                    try stage.equal(try door.call(Message(code: UInt32(number)), timeout: Stage.patience).code, UInt32(number))
                }
            }),
        Story(
            "members come and go while somebody waits",
            Role("server") { stage in
                let set = stage.space.makePortSet()
                let full = try stage.open("door")
                try stage.meet("sent")
                try stage.expect(.timedOut) { _ = try set.receive(timeout: .milliseconds(5)) }
                let boxed = Boxed(full)
                let inserting = try Background {
                    stage.pause(milliseconds: 20)
                    if let full = boxed.take() { set.insert(full) }
                }
                let message = try set.receive(timeout: Stage.patience)
                try stage.equal(message.text, "was there before")
                try inserting.wait()
                guard let out = set.remove(message.port) else { throw Stage.Failure(description: "no member") }
                try stage.meet("out")
                try stage.equal(try out.receive(timeout: Stage.patience).text, "for the port alone")
                try stage.expect(.timedOut) { _ = try set.receive(timeout: .milliseconds(5)) }
            },
            Role("client") { stage in
                let door = try stage.fetch("door")
                try door.send(Message(text: "was there before"), timeout: Stage.patience)
                try stage.meet("sent")
                try stage.meet("out")
                try door.send(Message(text: "for the port alone"), timeout: Stage.patience)
            }),
        Story(
            "async code waits without a thread", plainMessages: 400,
            Role("server") { stage in
                let boxed = Boxed(try stage.open("door"))
                try stage.waiting {
                    guard let door = boxed.take() else { return }
                    for _ in 0..<stage.many(400) {
                        var request = try await door.next(timeout: Stage.patience)
                        let reply = request.takeReply()
                        try reply?.send(Message(code: request.code * 2))
                    }
                    // Nothing comes: the time is kept here too.
                    do { _ = try await door.next(timeout: .milliseconds(10)) } catch MasixError.timedOut { return }
                    throw Stage.Failure(description: "a message too many")
                }
            },
            Role("client") { stage in
                let boxed = Boxed(try stage.fetch("door"))
                try stage.waiting {
                    guard let door = boxed.take() else { return }
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for first in 0..<4 {
                            let own = Boxed(door.copy())
                            group.addTask {
                                guard let door = own.take() else { return }
                                for number in stride(from: first, to: stage.many(400), by: 4) {
                                    let answer = try await door.call(Message(code: UInt32(number)), timeout: Stage.patience)
                                    try stage.equal(answer.code, UInt32(number) * 2)
                                }
                            }
                        }
                        try await group.waitForAll()
                    }
                }
            }),
        Story(
            // No number: an async sender that finds no room asks the nucleus, which tells it when there is.
            "an async sender waits for room",
            Role("server") { stage in
                let door = try stage.open("door", queueLimit: 2)
                for number in 0..<stage.many(300) {
                    if number % 50 == 0 { stage.pause(milliseconds: 2) }
                    try stage.equal(try door.receive(timeout: Stage.patience).code, UInt32(number))
                }
            },
            Role("client") { stage in
                let boxed = Boxed(try stage.fetch("door"))
                try stage.waiting {
                    guard let door = boxed.take() else { return }
                    for number in 0..<stage.many(300) { try await door.send(Message(code: UInt32(number)), timeout: Stage.patience) }
                }
            }),
        // Architecture rule 14: the threads of one task share one reception.
        Story(
            "threads of one task wait side by side", plainMessages: 1_200,
            Role("server") { stage in
                var threads: [Background<Void>] = []
                for number in 0..<3 {
                    let boxed = Boxed(try stage.open("door \(number)"))
                    threads.append(
                        try Background {
                            guard let door = boxed.take() else { return }
                            for _ in 0..<stage.many(200) {
                                var request = try door.receive(timeout: Stage.patience)
                                let reply = request.takeReply()
                                try reply?.send(Message(code: request.code))
                            }
                        })
                }
                for thread in threads { try thread.wait(seconds: 40) }
            },
            Role("client") { stage in
                var threads: [Background<Void>] = []
                for number in 0..<3 {
                    let boxed = Boxed(try stage.fetch("door \(number)"))
                    threads.append(
                        try Background {
                            guard let door = boxed.take() else { return }
                            for number in 0..<stage.many(200) {
                                try stage.equal(try door.call(Message(code: UInt32(number)), timeout: Stage.patience).code, UInt32(number))
                            }
                        })
                }
                for thread in threads { try thread.wait(seconds: 40) }
            }),
    ]
}
