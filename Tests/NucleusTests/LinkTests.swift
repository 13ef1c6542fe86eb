import MasixKernel
import MasixLinux
import MasixNucleus
import MasixTransport
import MasixWire
import SystemPackage
import Testing

@Suite("Links")
struct LinkTests {
    final class Scene {
        let node: TestNode
        let receiver: RawTask
        let sender: RawTask
        let port: PortID
        let entry: SendEntryMemory

        init(limit: UInt32 = 8, _ configure: (inout NucleusConfiguration) throws -> Void = { _ in }) throws {
            let sockets = try MessageSocket.pair()
            var handedOver: Descriptor? = try sockets.second.duplicate()
            node = try TestNode {
                $0.firstTask = handedOver.take()
                try configure(&$0)
            }
            receiver = try RawTask(socket: sockets.first.duplicate())
            port = try receiver.port(limit: limit).0
            _ = try receiver.say(.setBootstrap(port))
            sender = try node.task()
            guard case .send(_, let index) = sender.welcome.bootstrap else { throw RawTask.Failure.noDescriptor }
            entry = sender.control.send(index)
        }

        /// One message by the nucleus, so that a link is offered to both.
        func offer() throws {
            #expect(try sender.send([0], to: .copySend(port)) == .sent)
            #expect(try receiver.receive(port)?.1 == [0])
            #expect(sender.control.offers.acquired > 0)
            #expect(receiver.control.offers.acquired > 0)
        }

        func join() throws -> (RawLink, RawLink) {
            try offer()
            return try RawLink.join(sender, receiver)
        }
    }

    @Test func framesPassWithoutTheNucleus() throws {
        let scene = try Scene()
        let (mine, theirs) = try scene.join()
        #expect(mine.peerTask == scene.receiver.id && theirs.peerTask == scene.sender.id)
        for number in 0..<100 {
            #expect(mine.send([UInt8(number), 1, 2], by: scene.entry))
            #expect(theirs.receive() == [UInt8(number), 1, 2])
        }
        #expect(theirs.receive() == nil)
        // The whole limit, and not one more.
        for number in 0..<8 { #expect(mine.send([UInt8(number)], by: scene.entry)) }
        #expect(!mine.send([99], by: scene.entry))
    }

    @Test func ringReachesThePeer() throws {
        let scene = try Scene()
        let (mine, _) = try scene.join()
        _ = try scene.receiver.awaitBell(milliseconds: 1)
        _ = try mine.peerBell.write([1])
        #expect(try scene.receiver.awaitBell())
        // One who only rings cannot listen.
        #expect(throws: Errno.self) { _ = try mine.peerBell.readBytes(max: 1) }
    }

    @Test func revokingHarvestsWhatWasNotReceived() throws {
        let scene = try Scene()
        let (mine, theirs) = try scene.join()
        for number in 1...5 { #expect(mine.send([UInt8(number)], by: scene.entry, code: 7)) }
        #expect(theirs.receive() == [1])
        #expect(theirs.receive() == [2])
        #expect(try scene.sender.query(.revoke(scene.port)) == .done)
        // A new lease is there at once, but what it carries comes after what the revocation found.
        #expect(mine.send([6], by: scene.entry))
        #expect(theirs.receive() == nil)
        for number in 3...5 {
            let (message, bytes) = try #require(try scene.receiver.receive(scene.port))
            #expect(bytes == [UInt8(number)] && message.code == 7 && message.sender == scene.sender.id)
        }
        #expect(theirs.receive() == [6])
    }

    @Test func aKilledSendersFramesStay() throws {
        let sockets = try MessageSocket.pair()
        var handedOver: Descriptor? = try sockets.second.duplicate()
        let node = try TestNode { $0.firstTask = handedOver.take() }
        let receiver = try RawTask(socket: sockets.first.duplicate())
        let (port, index) = try receiver.port(limit: 8)
        _ = try receiver.say(.setBootstrap(port))
        var sender: RawTask? = try node.task()
        do {
            let task = try #require(sender)
            #expect(try task.send([0], to: .copySend(port)) == .sent)
            #expect(try receiver.receive(port)?.1 == [0])
            let (mine, _) = try RawLink.join(task, receiver)
            guard case .send(_, let place) = task.welcome.bootstrap else { throw RawTask.Failure.noDescriptor }
            for number in 1...3 { #expect(mine.send([UInt8(number)], by: task.control.send(place))) }
        }
        sender = nil
        #expect(eventually { receiver.control.homeCount(index).acquired == 3 })
        for number in 1...3 { #expect(try receiver.receive(port)?.1 == [UInt8(number)]) }
    }

    @Test func theOtherEndCannotWrite() throws {
        let scene = try Scene()
        let (mine, theirs) = try scene.join()
        #expect(throws: Errno.self) { _ = try Mapping(of: mine.peerFile.raw, length: LinkHalf.length, access: .readWrite) }
        #expect(throws: Errno.self) { _ = try Mapping(of: mine.peerStatusFile.raw, length: StatusPage.length, access: .readWrite) }
        // Not by a way round either, and not the owner itself anew.
        for raw in [mine.peerFile.raw, mine.peerStatusFile.raw, mine.ownFile.raw] {
            let again = try File.open("/proc/self/fd/\(raw)", .readWrite)
            #expect(throws: Errno.self) { _ = try Mapping(of: again.raw, length: 4_096, access: .readWrite) }
            #expect(throws: Errno.self) { _ = try File.write(again.raw, [1], at: 0) }
            #expect(throws: Errno.self) { try File.truncate(again.raw, to: 0) }
        }
        _ = theirs
    }

    @Test func halvesCannotBeTakenAwayBeforeTheyAreSealed() throws {
        let scene = try Scene()
        try scene.offer()
        var reply = try scene.sender.ask(.linkOffers)
        guard let half = reply.descriptors.take(0) else { throw RawTask.Failure.noDescriptor }
        #expect(throws: Errno.self) { try File.truncate(half.raw, to: 0) }
        guard case .links(let links) = reply.response, let id = links.first else { throw RawTask.Failure.noDescriptor }
        #expect(try scene.sender.say(.linkPeer(id)) == .refused(.linkGone))
    }

    @Test func nonsenseInALinkClosesThatLinkOnly() throws {
        let scene = try Scene()
        let (mine, _) = try scene.join()
        let witness = try scene.node.task()
        // Two messages are counted that no slot carries.
        let lease = try #require(scene.entry.lease())
        scene.entry.commit.release(lease.word.bits + 2)
        #expect(try scene.sender.query(.revoke(nil)) == .done)
        #expect(try scene.receiver.receive(scene.port) == nil)
        #expect(try scene.sender.say(.linkPeer(mine.id)) == .refused(.linkGone))
        #expect(try witness.send([1], to: .copySend(scene.port)) == .sent)
        #expect(try scene.sender.send([2], to: .copySend(scene.port)) == .sent)
        #expect(try scene.receiver.receive(scene.port)?.1 == [1])
        #expect(try scene.receiver.receive(scene.port)?.1 == [2])
    }

    @Test func noLinksWithoutTheSeal() throws {
        let scene = try Scene { $0.features = Features.detect(environment: [:]).without(.futureWriteSeal) }
        #expect(try scene.sender.send([0], to: .copySend(scene.port)) == .sent)
        #expect(try scene.receiver.receive(scene.port)?.1 == [0])
        #expect(try scene.sender.say(.linkOffers) == .links([]))
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func withRevocationsAtRandomEveryMessageArrivesOnceAndInOrder(seed: UInt64) throws {
        let scene = try Scene(limit: 16) { $0.revocation = RevocationPlan(seed: seed, probability: 0.2, pauseMillisecondsMax: 1) }
        let (mine, theirs) = try scene.join()
        var (sent, received, byLink) = (0, 0, 0)
        func bytes(_ number: Int) -> [UInt8] { [UInt8(number & 0xFF), UInt8(number >> 8)] }
        while received < 3_000 {
            if sent < 3_000 {
                if mine.send(bytes(sent), by: scene.entry) {
                    sent += 1
                    byLink += 1
                } else if try scene.sender.send(bytes(sent), to: .copySend(scene.port)) == .sent {
                    sent += 1
                }
            }
            // What the nucleus has is older than what a new lease carries.
            while let message = try scene.receiver.receive(scene.port) {
                #expect(message.1 == bytes(received))
                received += 1
            }
            if let body = theirs.receive() {
                #expect(body == bytes(received))
                received += 1
            }
        }
        #expect(byLink > 100)
    }
}
