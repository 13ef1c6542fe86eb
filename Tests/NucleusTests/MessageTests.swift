import MasixKernel
import MasixLinux
import MasixNucleus
import MasixTransport
import MasixWire
import SystemPackage
import Testing

@Suite("Messages by the nucleus")
struct MessageTests {
    /// A receiver with a port, and a sender with a send right to it from the bootstrap.
    private func pair() throws -> (TestNode, RawTask, PortID, UInt32, RawTask) {
        let sockets = try MessageSocket.pair()
        var handedOver: Descriptor? = try sockets.second.duplicate()
        let node = try TestNode { $0.firstTask = handedOver.take() }
        let receiver = try RawTask(socket: sockets.first.duplicate())
        receiver.host = node
        let (port, index) = try receiver.port(limit: 4)
        #expect(try receiver.say(.setBootstrap(port)) == .done)
        let sender = try node.task()
        guard case .send(port, _) = sender.welcome.bootstrap else { throw RawTask.Failure.noDescriptor }
        return (node, receiver, port, index, sender)
    }

    @Test(arguments: [0, 1, 63, 64, 65, 4_096, 65_535, 65_536])
    func bytesArriveAsTheyWere(count: Int) throws {
        let (_, receiver, port, index, sender) = try pair()
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(try sender.send(bytes, to: .copySend(port), code: 42) == .sent)
        #expect(try receiver.awaitBell())
        #expect(receiver.control.homeCount(index).acquired == 1)
        let (message, arrived) = try #require(try receiver.receive(port))
        #expect(arrived == bytes)
        #expect(message.sender == sender.id && message.code == 42 && message.payload.length == UInt32(count))
        #expect(receiver.control.homeCount(index).acquired == 0)
        #expect(try receiver.receive(port) == nil)
    }

    @Test func awakeTasksAreNotRung() throws {
        let (_, receiver, port, _, sender) = try pair()
        _ = try receiver.awaitBell(milliseconds: 20)
        receiver.status.asleep.release(0)
        let before = receiver.control.bell.acquired
        #expect(try sender.send([1], to: .copySend(port)) == .sent)
        #expect(try !receiver.awaitBell(milliseconds: 50))
        #expect(receiver.control.bell.acquired > before)
    }

    @Test func rightsTravel() throws {
        let (_, receiver, port, _, sender) = try pair()
        let (replyPort, replyIndex) = try sender.port()
        #expect(try sender.send([9], to: .copySend(port), reply: .makeSendOnce(replyPort), rights: [.makeSend(replyPort)]) == .sent)
        let (message, _) = try #require(try receiver.receive(port))
        guard case .sendOnce(let once, replyPort) = message.reply, case .send(replyPort, let sendIndex)? = message.rights.first else {
            throw RawTask.Failure.noDescriptor
        }
        #expect(try receiver.send([10], to: .moveSendOnce(once)) == .sent)
        #expect(try receiver.send([11], to: .copySend(replyPort)) == .sent)
        #expect(try sender.receive(replyPort)?.1 == [10])
        #expect(try sender.receive(replyPort)?.1 == [11])
        #expect(!receiver.control.send(sendIndex).isDead)
        // The port dies: marked before anybody is told.
        #expect(try sender.say(.drop(.receive(replyPort))) == .done)
        #expect(receiver.control.send(sendIndex).isDead)
        #expect(try receiver.send(to: .copySend(replyPort)) == .refused(.invalidDestination))
        // A new port's index says nothing of the old one.
        let (_, again) = try sender.port()
        #expect(again == replyIndex)
        #expect(sender.control.homeCount(again).acquired == 0)
    }

    @Test func deathOfATaskIsDeathOfItsPorts() throws {
        let (node, receiver, port, _, sender) = try pair()
        var third: RawTask? = try node.task()
        let (theirs, _) = try #require(try third?.port())
        #expect(try third?.send(to: .copySend(port), rights: [.makeSend(theirs)]) == .sent)
        guard case .send(theirs, let index)? = try receiver.receive(port)?.0.rights.first else { throw RawTask.Failure.noDescriptor }
        let notify = try receiver.port().0
        #expect(
            try receiver.say(.notify(NotificationRequest(.deadName, port: theirs, notify: .makeSendOnce(notify)))) == .arrived(.null))
        third = nil
        #expect(eventually { receiver.control.send(index).isDead })
        let (message, _) = try #require(try receiver.receive(notify))
        #expect(message.notification == .deadName(theirs, name: 0))
        _ = sender
    }

    @Test func memoryObjectsTravelAsDescriptors() throws {
        let (_, receiver, port, _, sender) = try pair()
        let first = try sealed([1, 2, 3])
        let second = try sealed(Array(repeating: 7, count: 10_000))
        let outgoing = Outgoing(
            to: .copySend(port), memory: [MemoryToken(place: 1, length: 10_000), MemoryToken(place: 0, length: 3)])
        #expect(try sender.say(.send(outgoing), descriptors: [first.raw, second.raw]) == .sent)
        var reply = try receiver.ask(.receive(port))
        guard case .message(let message) = reply.response else { throw RawTask.Failure.unexpected(reply.response) }
        #expect(message.memory == [MemoryToken(place: 0, length: 10_000), MemoryToken(place: 1, length: 3)])
        guard let memory = reply.descriptors.take(1) else { throw RawTask.Failure.noDescriptor }
        #expect(try File.readBytes(memory.raw, count: 8, at: 0) == [1, 2, 3])
        #expect(throws: Errno.self) { _ = try Mapping(of: memory.raw, length: 3, access: .readWrite) }
    }

    private func sealed(_ bytes: [UInt8]) throws -> MemoryFile {
        let file = try MemoryFile.create(name: "test", size: bytes.count)
        _ = try File.write(file.raw, bytes, at: 0)
        try file.addSeals(.frozen)
        return file
    }

    @Test func memoryThatIsNotFinalIsRefusedAndTheNumberIsUsed() throws {
        let (_, receiver, port, _, sender) = try pair()
        let open = try MemoryFile.create(name: "open", size: 4_096)
        let file = try File.open("/proc/self/exe", .read)
        let good = try sealed([1])
        let cases: [([MemoryToken], [Int32])] = [
            ([MemoryToken(place: 0, length: 4_096)], [open.raw]), ([MemoryToken(place: 0, length: 10)], [file.raw]),
            ([MemoryToken(place: 0, length: 2)], [good.raw]), ([MemoryToken(place: 1, length: 1)], [good.raw]),
            ([MemoryToken(place: .max, length: .max)], [good.raw]), ([MemoryToken(place: 0, length: 1)], []),
            ([MemoryToken(place: 0, length: 1), MemoryToken(place: 0, length: 1)], [good.raw]),
        ]
        for (memory, descriptors) in cases {
            #expect(
                try sender.say(.send(Outgoing(to: .copySend(port), memory: memory)), descriptors: descriptors) == .refused(.invalidMemory))
        }
        #expect(try receiver.receive(port) == nil)
        #expect(try sender.send([1], to: .copySend(port)) == .sent)
    }

    @Test func refusalsChangeNothing() throws {
        let (_, receiver, port, _, sender) = try pair()
        #expect(try sender.send([1], to: .makeSend(port)) == .refused(.invalidDestination))
        #expect(try sender.send([1], to: .copySend(port), rights: [.moveReceive(port)]) == .refused(.invalidRight))
        for _ in 0..<4 { #expect(try sender.send([1], to: .copySend(port)) == .sent) }
        #expect(try sender.send([1], to: .copySend(port)) == .refused(.full))
        for _ in 0..<4 { #expect(try receiver.receive(port)?.1 == [1]) }
        #expect(try receiver.receive(port) == nil)
    }

    @Test func aBlockedSendCompletes() throws {
        let (_, receiver, port, _, sender) = try pair()
        for _ in 0..<4 { #expect(try sender.send([1], to: .copySend(port)) == .sent) }
        let outgoing = Outgoing(to: .copySend(port), payload: Payload(place: 0, length: 2), blocks: true, completion: 5)
        guard case .blocked(let ticket) = try sender.say(.send(outgoing), payload: [8, 8]) else { throw RawTask.Failure.noDescriptor }
        #expect(sender.control.completion(5).acquired != ticket.raw)
        _ = try receiver.receive(port)
        #expect(try sender.awaitBell())
        #expect(sender.control.completion(5).acquired == ticket.raw)
        for _ in 0..<3 { _ = try receiver.receive(port) }
        #expect(try receiver.receive(port)?.1 == [8, 8])
    }

    @Test func whoLetsDescriptorsLieIsEnded() throws {
        let (_, receiver, _, _, _) = try pair()
        let hoarder = try #require(receiver.host as? TestNode).task()
        let (port, _) = try hoarder.port(limit: 64)
        let memory = try sealed([1])
        let tokens = (0..<16).map { MemoryToken(place: UInt64($0), length: 1) }
        for _ in 0..<3 {
            let sent = try hoarder.say(
                .send(Outgoing(to: .makeSend(port), memory: tokens)), descriptors: Array(repeating: memory.raw, count: 16))
            #expect(sent == .sent)
        }
        // Asks for all of it and reads nothing.
        for index in 1...3 {
            let envelope = Envelope(number: hoarder.number + UInt64(index), content: Request.receive(port))
            try MessageSocket.send(on: hoarder.socket.raw, envelope.wireBytes, wait: true)
        }
        let witness = try (hoarder.host as? TestNode)?.task()
        #expect(try eventually { try witness?.sees(hoarder.id) == false })
    }

    @Test func quotasAreRefusals() throws {
        let sockets = try MessageSocket.pair()
        var handedOver: Descriptor? = try sockets.second.duplicate()
        let node = try TestNode {
            $0.firstTask = handedOver.take()
            $0.limits.portsPerTaskMax = 3
            $0.limits.queuedBytesPerTaskMax = 100_000
            $0.storeBytesMax = 150_000
        }
        let receiver = try RawTask(socket: sockets.first.duplicate())
        let (port, _) = try receiver.port(limit: 1_024)
        #expect(try receiver.say(.setBootstrap(port)) == .done)
        _ = try receiver.port()
        _ = try receiver.port()
        #expect(throws: RawTask.Failure.self) { _ = try receiver.port() }
        let bytes = [UInt8](repeating: 1, count: 60_000)
        let senders = try (0..<3).map { _ in try node.task() }
        #expect(try senders[0].send(bytes, to: .copySend(port)) == .sent)
        // Over the task's quota, then over the node's store.
        #expect(try senders[0].send(bytes, to: .copySend(port)) == .refused(.resourceShortage))
        #expect(try senders[1].send(bytes, to: .copySend(port)) == .sent)
        #expect(try senders[2].send(bytes, to: .copySend(port)) == .refused(.resourceShortage))
        _ = try receiver.receive(port)
        #expect(try senders[2].send(bytes, to: .copySend(port)) == .sent)
    }

    @Test func controlMemoryCannotBeTakenAway() throws {
        let (_, receiver, _, _, _) = try pair()
        #expect(throws: Errno.self) { try File.truncate(receiver.controlFile.raw, to: 0) }
        #expect(throws: Errno.self) { try File.truncate(receiver.statusFile.raw, to: 0) }
    }
}
