import Glibc
import MasixKernel
import MasixLinux
import MasixNucleus
import MasixTransport
import MasixWire
import SystemPackage
import Testing

@Suite("Queries")
struct QueryTests {
    @Test func tablesShowWhoHasWhat() throws {
        let scene = try LinkTests.Scene()
        let (mine, _) = try scene.join()
        for number in 1...3 { #expect(mine.send([UInt8(number)], by: scene.entry)) }
        let observer = try scene.node.task()

        guard case .tasks(let tasks) = try observer.query(.tasks(after: nil)) else { throw RawTask.Failure.noDescriptor }
        #expect(tasks.map(\.id) == [scene.receiver.id, scene.sender.id, observer.id])
        let receiver = tasks[0]
        #expect(receiver.isFirst && receiver.receiveRights == 1 && receiver.links == 1 && receiver.received == 1)
        #expect(tasks[1].identity == scene.sender.welcome.identity && tasks[1].requests == scene.sender.number)

        guard case .ports(let ports) = try observer.query(.ports(after: nil)) else { throw RawTask.Failure.noDescriptor }
        let port = try #require(ports.first)
        #expect(ports.count == 1 && port.id == scene.port && port.receiver == scene.receiver.id && port.isBootstrap)
        #expect(port.senders == [scene.sender.id, observer.id] && port.senderCount == 2)
        #expect(port.leases.count == 1 && port.leases.first?.sender == scene.sender.id)

        guard case .links(let links) = try observer.query(.links(after: nil)) else { throw RawTask.Failure.noDescriptor }
        #expect(links.count == 1 && links.first?.id == mine.id && links.first?.isReady == true)
        #expect(try observer.query(.links(after: mine.id)) == .links([]))

        #expect(try observer.query(.revoke(nil)) == .done)
        guard case .counters(let counters) = try observer.query(.counters) else { throw RawTask.Failure.noDescriptor }
        #expect(counters["frames harvested"] == 3 && counters["revocations"] == 1 && counters["tasks"] == 3)
        #expect(counters["link faults, missingFrames"] == 0 && counters.uptimeNanoseconds > 0)
    }

    @Test func pagesLeadThroughAWholeTable() throws {
        let node = try TestNode()
        let task = try node.task()
        var ports: [PortID] = []
        for _ in 0..<100 { ports.append(try task.port().0) }
        var seen: [PortID] = []
        while case .ports(let rows) = try task.query(.ports(after: seen.last)), !rows.isEmpty { seen += rows.map(\.id) }
        #expect(seen == ports)
    }

    @Test(.enabled(if: geteuid() == 0)) func anotherUserSeesOnlyItself() throws {
        let sockets = try MessageSocket.pair()
        var handedOver: Descriptor? = try sockets.second.duplicate()
        let node = try TestNode { $0.firstTask = handedOver.take() }
        let first = try RawTask(socket: sockets.first.duplicate())
        let (port, _) = try first.port()
        _ = try first.say(.setBootstrap(port))
        let child = try Launch("/bin/sleep", arguments: ["sleep", "60"]).start()
        defer { try? child.process.sendSignal(Signal.kill) }
        let pair = try MessageSocket.pair()
        let identity = TaskIdentity(uid: 4_711, gid: 4_711, pid: child.pid, executable: "", name: "other", launched: true)
        _ = try first.say(.introduce(identity, rights: []), descriptors: [pair.second.raw, child.process.raw])
        let other = try RawTask(socket: pair.first.duplicate())
        let third = try node.task()
        guard case .tasks(let tasks) = try other.query(.tasks(after: nil)) else { throw RawTask.Failure.noDescriptor }
        #expect(tasks.map(\.id) == [other.id])
        guard case .ports(let ports) = try other.query(.ports(after: nil)) else { throw RawTask.Failure.noDescriptor }
        #expect(ports.first?.senders == [other.id])
        for query in [Query.counters, .revoke(nil), .revoke(port), .trace(third.id, true), .subscribeTrace(TraceFilter())] {
            #expect(try other.query(query) == .notPermitted)
        }
        #expect(try other.query(.trace(other.id, true)) == .done)
        // Of frames between nodes the network server alone tells.
        for task in [first, other] { #expect(try task.query(.frame(isSent: true, step: 3, count: 1, note: "")) == .notPermitted) }
    }

    @Test func aTracedTaskUsesNoLinks() throws {
        let scene = try LinkTests.Scene()
        let (mine, _) = try scene.join()
        #expect(mine.send([1], by: scene.entry))
        #expect(try scene.receiver.query(.trace(scene.sender.id, true)) == .done)
        #expect(!mine.send([2], by: scene.entry))
        #expect(try scene.sender.send([2], to: .copySend(scene.port)) == .sent)
        #expect(try scene.receiver.receive(scene.port)?.1 == [1])
        #expect(try scene.receiver.receive(scene.port)?.1 == [2])
        #expect(!mine.send([3], by: scene.entry))
        #expect(try scene.receiver.query(.trace(scene.sender.id, false)) == .done)
        #expect(try scene.sender.send([3], to: .copySend(scene.port)) == .sent)
        #expect(try scene.receiver.receive(scene.port)?.1 == [3])
        #expect(mine.send([4], by: scene.entry))
        #expect(try scene.receiver.query(.trace(TaskID(raw: 99), true)) == .notFound)
    }

    @Test func subscribersReadWhatHappens() throws {
        let scene = try LinkTests.Scene()
        let observer = try scene.node.task()
        #expect(try observer.query(.readTrace) == .notFound)
        #expect(try observer.query(.subscribeTrace(TraceFilter(tasks: [scene.sender.id]))) == .done)
        let (replyPort, _) = try scene.sender.port()
        #expect(try scene.sender.send([1, 2, 3], to: .copySend(scene.port), code: 5, reply: .makeSendOnce(replyPort)) == .sent)
        _ = try scene.receiver.receive(scene.port)
        guard case .trace(let events, let dropped) = try observer.query(.readTrace) else { throw RawTask.Failure.noDescriptor }
        #expect(dropped == 0)
        #expect(events.map(\.kind) == [.done, .rightArrived, .sent, .received])
        #expect(events[2].code == 5 && events[2].count == 3 && events[2].port == scene.port && events[2].peer == scene.receiver.id)
        #expect(events[3].task == scene.receiver.id && events[3].peer == scene.sender.id)
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.sequence < $1.sequence && $0.nanoseconds <= $1.nanoseconds })
        #expect(try observer.query(.unsubscribeTrace) == .done)
        #expect(try observer.query(.readTrace) == .notFound)
    }

    @Test func whoReadsTooLateIsToldHowMuchIsLost() throws {
        let scene = try LinkTests.Scene()
        let observer = try scene.node.task()
        #expect(try observer.query(.subscribeTrace(TraceFilter(tasks: [scene.sender.id]))) == .done)
        for _ in 0..<4_200 { _ = try scene.sender.say(.identity(scene.sender.id)) }
        var (read, lost) = (0, UInt64(0))
        while case .trace(let events, let dropped) = try observer.query(.readTrace), !events.isEmpty {
            read += events.count
            lost += dropped
        }
        #expect(read == 4_096 && lost == 104)
    }

    @Test func situationsAreWrittenAtTheEnd() throws {
        let path = "/tmp/masix-situations-\(getpid())-\(try RandomBytes.uint64())"
        defer { try? File.unlink(path) }
        let node = try TestNode { $0.situationsPath = path }
        _ = try node.task().say(.portBlock)
        #expect(node.stop() == .stopped)
        let text = String(decoding: try File.contents(of: path, max: 1 << 20), as: UTF8.self)
        #expect(text.contains("port block"))
    }
}
