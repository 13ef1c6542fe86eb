import MasixKernel
import MasixLinux
import MasixNucleus
import MasixTransport
import MasixWire
import SystemPackage
import Testing

@Suite("Coming and going")
struct AttachTests {
    @Test func attachSaysWhoOneIs() throws {
        let node = try TestNode()
        let task = try node.task()
        #expect(task.welcome.task.raw == 1)
        #expect(task.welcome.identity.pid == CurrentProcess.pid)
        #expect(task.welcome.identity.uid == CurrentProcess.uid)
        #expect(!task.welcome.identity.executable.isEmpty)
        #expect(!task.welcome.identity.launched)
        let other = try node.task()
        #expect(try other.say(.identity(task.id)) == .identity(task.welcome.identity))
    }

    @Test func anotherVersionIsToldOursAndNothingElse() throws {
        let node = try TestNode()
        let socket = try MessageSocket.connect(path: node.path)
        try MessageSocket.send(on: socket.raw, Hello(version: 99).wireBytes, wait: true)
        let answer = try RawTask.datagram(socket.raw)
        let welcome = try Welcome(wireBytes: answer.bytes)
        #expect(welcome.version == Hello.version)
        #expect(welcome.task == .kernel)
        let count = answer.descriptors.count
        #expect(count == 0)
        #expect(throws: RawTask.Failure.self) { _ = try RawTask.datagram(socket.raw) }
    }

    @Test func aStrangerThatTalksNonsenseIsDismissed() throws {
        let node = try TestNode()
        let socket = try MessageSocket.connect(path: node.path)
        try MessageSocket.send(on: socket.raw, [1, 2, 3], wait: true)
        #expect(throws: RawTask.Failure.self) { _ = try RawTask.datagram(socket.raw) }
        _ = try node.task()
    }

    @Test func malformedDatagramsEndOnlyTheirTask() throws {
        let node = try TestNode()
        let witness = try node.task()
        let datagrams: [[UInt8]] = [
            [], [0xFF], Array(repeating: 0xAA, count: 200), Envelope(number: 7, content: Request.portBlock).wireBytes,
            Envelope(number: 1, content: Request.portBlock, payload: [1]).wireBytes,
            Envelope(number: 1, content: Request.rejected(.full)).wireBytes,
            Envelope(number: 1, content: Request.send(Outgoing(to: .null, payload: Payload(place: 9, length: 0)))).wireBytes,
            Envelope(number: 1, content: Request.send(Outgoing(to: .null, payload: Payload(place: 0, length: 4)))).wireBytes,
            Envelope(number: 1, content: Request.portBlock).wireBytes + [0],
        ]
        for datagram in datagrams {
            let bad = try node.task()
            try MessageSocket.send(on: bad.socket.raw, datagram, wait: true)
            #expect(throws: (any Error).self) { _ = try RawTask.datagram(bad.socket.raw) }
            #expect(try witness.sees(bad.id) == false)
        }
        #expect(try witness.say(.identity(witness.id)) == .identity(witness.welcome.identity))
    }

    @Test func whoDoesNotReadItsAnswersIsEnded() throws {
        let node = try TestNode()
        let witness = try node.task()
        let deaf = try node.task()
        var number: UInt64 = 0
        while true {
            number += 1
            do {
                try MessageSocket.send(
                    on: deaf.socket.raw, Envelope(number: number, content: Request.identity(witness.id)).wireBytes, wait: true)
            } catch { break }
            guard number < 100_000 else { break }
        }
        #expect(number < 100_000)
        #expect(try witness.sees(deaf.id) == false)
    }

    @Test func closingTheSocketIsDeath() throws {
        let node = try TestNode()
        let witness = try node.task()
        var other: RawTask? = try node.task()
        let id = try #require(other?.id)
        #expect(try witness.sees(id) == true)
        other = nil
        #expect(try eventually { try witness.sees(id) == false })
    }

    @Test func onlyTheFirstTaskIntroducesOthersAndTheyDieWithTheirProcess() throws {
        let pair = try MessageSocket.pair()
        var handedOver: Descriptor? = try pair.second.duplicate()
        let node = try TestNode { $0.firstTask = handedOver.take() }
        let first = try RawTask(socket: pair.first.duplicate())
        let (port, _) = try first.port()
        #expect(try first.say(.setBootstrap(port)) == .done)

        let child = try Launch("/bin/sleep", arguments: ["sleep", "60"]).start()
        let kernelSocket = try MessageSocket.pair()
        let identity = TaskIdentity(uid: 7, gid: 8, pid: child.pid, executable: "/bin/sleep", name: "sleeper", launched: true)
        let request = Request.introduce(identity, rights: [.makeSend(port)])
        #expect(try first.say(request) == .refused(.invalidValue))
        let response = try first.say(request, descriptors: [kernelSocket.second.raw, child.process.raw])
        guard case .introduced(let id) = response else { throw RawTask.Failure.unexpected(response) }
        let introduced = try RawTask(socket: kernelSocket.first.duplicate())
        #expect(introduced.id == id)
        #expect(introduced.welcome.identity == identity)
        guard case .send(port, _) = introduced.welcome.bootstrap, case .send(port, _)? = introduced.welcome.initial.first else {
            throw RawTask.Failure.noDescriptor
        }

        let stranger = try node.task()
        #expect(try stranger.say(request) == .refused(.notPermitted))
        #expect(try stranger.say(.identity(id)) == .identity(identity))
        try child.process.sendSignal(Signal.kill)
        #expect(try eventually { try stranger.sees(id) == false })
        _ = try child.process.wait()
    }

    @Test func silentConnectionsDoNotKeepOthersOut() throws {
        let node = try TestNode { $0.strangersMax = 4 }
        var silent = DescriptorBundle()
        for _ in 0..<20 { silent.append(try MessageSocket.connect(path: node.path)) }
        let task = try node.task()
        guard case .counters(let counters) = try task.query(.counters) else { throw RawTask.Failure.noDescriptor }
        #expect(counters["connections refused"] >= 16 && counters["connections without hello"] <= 4)
        _ = silent.count
    }

    @Test func aUserHasOnlySoManyTasks() throws {
        let node = try TestNode { $0.tasksPerUserMax = 3 }
        var tasks = try (0..<3).map { _ in try node.task() }
        #expect(throws: (any Error).self) { _ = try node.task() }
        tasks.removeLast()
        #expect(eventually { (try? node.task()) != nil })
    }

    @Test func stopEndsTheRun() throws {
        let node = try TestNode()
        _ = try node.task()
        #expect(node.stop() == .stopped)
    }
}
