import Masix
import MasixTyped

// What the page about typed calls shows.

/// A call whose answer brings memory.
struct Picture: Call {
    static let code: UInt32 = 3
    var name: String
    typealias Response = Nothing
}

func typed(_ space: Space) async throws {
    let server = try CallServer(in: space)
    server.onAsync(Picture.self) { request in
        guard let progress = request.message.takeSendRight() else { return Nothing() }
        try await progress.send(Message(text: "half of it"))
        request.reply.attach(try MemoryObject(bytes: Array(request.value.name.utf8)))
        return Nothing()
    }
    let right = try server.makeSendRight(to: server.makePort())
    let serving = Task { try await server.run() }

    let progress = try space.makePort()
    var cargo = Cargo()
    cargo.attach(try progress.makeSendRight())
    var answer = try await right.call(Picture(name: "a harbour"), with: cargo, timeout: .seconds(5))
    let picture = answer.message.takeMemory()
    print("\(picture?.count ?? 0) bytes, after \(try await progress.next().text ?? "?")")
    server.stop()
    try await serving.value
}
