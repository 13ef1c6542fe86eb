import Masix

// Out-of-line memory.

extension Story {
    static let memory = [
        // M1, M2.
        Story(
            "memory of every size arrives",
            Role("receiver") { stage in
                let door = try stage.open("door")
                for size in sizes {
                    var message = try door.receive(timeout: Stage.patience)
                    let taken = message.takeMemory()
                    guard let memory = taken else { throw Stage.Failure(description: "no memory of \(size) bytes") }
                    try stage.equal(memory.count, size)
                    for place in Set([0, size / 3, size - 1]) where place >= 0 && place < size {
                        try stage.equal(try memory.bytes(in: place..<place + 1), [pattern(place)])
                    }
                    let (first, last) = try memory.withMapped { span -> (UInt8?, UInt8?) in
                        guard span.byteCount > 0 else { return (nil, nil) }
                        // Both places are inside.
                        return unsafe (
                            span.unsafeLoad(fromByteOffset: 0, as: UInt8.self),
                            span.unsafeLoad(fromByteOffset: span.byteCount - 1, as: UInt8.self)
                        )
                    }
                    try stage.equal(first, size > 0 ? pattern(0) : nil)
                    try stage.equal(last, size > 0 ? pattern(size - 1) : nil)
                }
            },
            Role("sender") { stage in
                let door = try stage.fetch("door")
                for size in sizes {
                    let memory = try MemoryObject(count: size) { (draft) throws(MasixError) in
                        for place in Set([0, size / 3, size - 1]) where place >= 0 && place < size {
                            try draft.write([pattern(place)], at: place)
                        }
                    }
                    var message = Message()
                    message.attach(memory)
                    try door.send(message, timeout: Stage.patience)
                }
            }),
        Story(
            "many memory objects in one message, and one object in many",
            Role("receiver") { stage in
                let door = try stage.open("door")
                for _ in 0..<stage.many(30) {
                    var message = try door.receive(timeout: Stage.patience)
                    try stage.equal(message.memoryCount, Limits.memoryPerMessageMax)
                    for index in 0..<message.memoryCount {
                        let memory = message.takeMemory(at: index)
                        try stage.equal(try memory?.bytes(), index % 2 == 0 ? [7, 7, 7] : [UInt8(index)])
                    }
                    let reply = message.takeReply()
                    try reply?.send(Message())
                }
            },
            Role("sender") { stage in
                let door = try stage.fetch("door")
                let shared = try MemoryObject(bytes: [7, 7, 7])
                for _ in 0..<stage.many(30) {
                    var message = Message()
                    for index in 0..<Limits.memoryPerMessageMax {
                        message.attach(index % 2 == 0 ? shared : try MemoryObject(bytes: [UInt8(index)]))
                    }
                    _ = try door.call(message, timeout: Stage.patience)
                }
                var tooMuch = Message()
                for _ in 0...Limits.memoryPerMessageMax { tooMuch.attach(shared) }
                do { try door.trySend(&tooMuch) } catch MasixError.tooManyRights { return }
                throw Stage.Failure(description: "too many objects were accepted")
            }),
    ]

    private static let sizes = [0, 1, 4_095, 4_096, 65_537, 64 << 20]
    private static func pattern(_ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: place &* 31 &+ 5) }
}
