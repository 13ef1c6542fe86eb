import MasixWire
import Testing

@testable import MasixKernel

/// Tasks, their numbers, their quotas, and what the first of them may do.
@Suite struct TaskTests {
    var scene = Scene.withoutLinks

    @Test("architecture rule 19: requests are numbered without gaps; a repeated or skipped number is ignored")
    mutating func numbering() {
        let task = scene.attach()
        #expect(!scene.handle(.request(task, number: 1, .portBlock)).isEmpty)
        let before = scene.kernel
        #expect(scene.handle(.request(task, number: 1, .portBlock)) == [])
        #expect(scene.handle(.request(task, number: 3, .portBlock)) == [])
        #expect(scene.handle(.request(task, number: 0, .portBlock)) == [])
        #expect(scene.kernel == before)
        // A refused request has used its number.
        #expect(scene.handle(.request(task, number: 2, .drop(.null))) == [.reply(task, number: 2, .refused(.invalidName))])
        #expect(!scene.handle(.request(task, number: 3, .portBlock)).isEmpty)
    }

    @Test("what the shell has rejected uses its number up and changes nothing else")
    mutating func rejected() {
        let task = scene.attach()
        var before = scene.kernel
        #expect(scene.ask(task, .rejected(.invalidMemory)) == .refused(.invalidMemory))
        before.own()
        before.tasks[task]?.lastRequest = 1
        #expect(scene.kernel == before)
    }

    @Test("architecture rule 2: port ids come in blocks, used in any order, each once")
    mutating func portBlocks() {
        let one = scene.attach()
        let other = scene.attach()
        guard case .portBlock(let first, let count) = scene.ask(one, .portBlock),
            case .portBlock(let second, _) = scene.ask(other, .portBlock)
        else { return _ = Issue.record("no block") }
        #expect(count == Kernel.portBlockSize && second.counter == first.counter + count)
        func port(_ counter: UInt64) -> PortID { PortID(node: Scene.node, counter: counter) }
        #expect(scene.ask(one, .allocate(port(first.counter + 3), queueLimit: 5)) == .allocated(index: 0))
        #expect(scene.ask(one, .allocate(port(first.counter + 3), queueLimit: 5)) == .refused(.nameExists))
        #expect(scene.ask(one, .allocate(port(first.counter + 2), queueLimit: 5)) == .allocated(index: 1))
        scene.ask(one, .drop(.receive(port(first.counter + 2))))
        #expect(scene.ask(one, .allocate(port(first.counter + 2), queueLimit: 5)) == .refused(.nameExists))
        #expect(scene.ask(one, .allocate(second, queueLimit: 5)) == .refused(.invalidName))
        #expect(scene.ask(one, .allocate(port(0), queueLimit: 5)) == .refused(.invalidName))
        let elsewhere = PortID(node: NodeID(number: 8, incarnation: 1), counter: first.counter + 4)
        #expect(scene.ask(one, .allocate(elsewhere, queueLimit: 5)) == .refused(.invalidName))
        #expect(scene.ask(one, .allocate(port(first.counter + 4), queueLimit: 1025)) == .refused(.invalidValue))
        scene.ask(one, .drop(.receive(port(first.counter + 3))))
        #expect(scene.ask(one, .allocate(port(first.counter + 3), queueLimit: 5)) == .refused(.nameExists))
        #expect(scene.ask(one, .allocate(port(first.counter + count - 1), queueLimit: 1024)) == .allocated(index: 0))
    }

    @Test("architecture rule 2, N4: a port brings the makings that only its library knew")
    mutating func earlierMakings() {
        let task = scene.attach()
        guard case .portBlock(let first, _) = scene.ask(task, .portBlock) else { return _ = Issue.record("no block") }
        #expect(scene.ask(task, .allocate(first, queueLimit: 5, makeSendCount: .max)) == .allocated(index: 0))
        scene.ask(task, .make(.makeSend(first)))
        scene.ask(task, .make(.makeSend(first)))
        guard case .status(let status) = scene.ask(task, .status(first)) else { return _ = Issue.record("no status") }
        #expect(status.makeSendCount == 1 && status.sendRights == 1)
    }

    @Test("architecture, bounded everything: a task has so many blocks of ports and no more")
    mutating func portBlockQuota() {
        let task = scene.attach()
        scene.recounts = false
        for _ in 0..<Kernel.portBlocksPerTaskMax {
            guard case .portBlock = scene.ask(task, .portBlock) else { return _ = Issue.record("too few") }
        }
        #expect(scene.ask(task, .portBlock) == .refused(.noSpace))
    }

    @Test("a new task gets a send right to the bootstrap port, made by its receiver")
    mutating func bootstrap() {
        let first = scene.attach(first: true)
        #expect(scene.actions == [.attached(first, bootstrap: .null, initial: [])])
        let port = scene.port(of: first)
        #expect(scene.ask(first, .setBootstrap(port)) == .done)
        let second = scene.attach()
        #expect(scene.actions == [.attached(second, bootstrap: .send(port, index: 0), initial: [])])
        #expect(scene.status(port)?.makeSendCount == 1)
        #expect(scene.ask(second, .setBootstrap(port)) == .refused(.notPermitted))
        scene.ask(first, .drop(.receive(port)))
        let third = scene.attach()
        #expect(scene.actions == [.attached(third, bootstrap: .null, initial: [])])
        #expect(scene.ask(first, .setBootstrap(port)) == .refused(.invalidName))
    }

    @Test("the bootstrap port is one that its setter holds a right to")
    mutating func bootstrapHeld() {
        let first = scene.attach(first: true)
        let other = scene.attach()
        let port = scene.port(of: other)
        #expect(scene.ask(first, .setBootstrap(port)) == .refused(.invalidName))
        scene.give(.makeSend(port), of: other, to: first)
        #expect(scene.ask(first, .setBootstrap(port)) == .done)
    }

    @Test("an introduced task exists before the shell hears what lies in the queues that it was given")
    mutating func introduceWithQueue() {
        let first = scene.attach(first: true)
        let port = scene.port(of: first)
        scene.give(.makeSend(port), of: first, to: first)
        #expect(scene.send(to: .copySend(port), from: first) == .sent)
        guard case .introduced(let task) = scene.ask(first, .introduce(Scene.identity("heir"), rights: [.moveReceive(port)])) else {
            Issue.record("not introduced")
            return
        }
        let attached = scene.actions.firstIndex { if case .attached(task, _, _) = $0 { true } else { false } }
        let told = scene.actions.firstIndex { if case .homeCount(task, _, 1, _) = $0 { true } else { false } }
        #expect(attached != nil && told != nil && attached ?? 0 < told ?? 0)
    }

    @Test("the first task introduces others, with rights in their space from the start")
    mutating func introduce() {
        let first = scene.attach(first: true)
        let port = scene.port(of: first)
        let gift = scene.port(of: first)
        let identity = Scene.identity("introduced")
        guard case .introduced(let task) = scene.ask(first, .introduce(identity, rights: [.makeSend(port), .moveReceive(gift), .null]))
        else {
            return _ = Issue.record("not introduced")
        }
        #expect(
            scene.actions.contains(.attached(task, bootstrap: .null, initial: [.send(port, index: 0), .receive(gift, index: 0), .null])))
        // What waits in a port that it was given is said to a task that is there already.
        let order = scene.actions.compactMap { action -> String? in
            switch action {
            case .attached(task, _, _): "attached"
            case .homeCount(task, _, _, _): "home count"
            default: nil
            }
        }
        #expect(order == ["attached", "home count"])
        #expect(scene.ask(first, .identity(task)) == .identity(identity))
        #expect(scene.kernel.tasks[first]?.receives[gift] == nil)
        #expect(scene.ask(task, .introduce(identity, rights: [])) == .refused(.notPermitted))
        #expect(scene.ask(first, .introduce(identity, rights: [.makeSend(gift)])) == .refused(.invalidRight))
        #expect(scene.ask(first, .identity(TaskID(raw: 77))) == .refused(.invalidName))
    }

    @Test("spec/mach.md V7: a right over the receiver's quota is destroyed and the task told; the rest is delivered")
    mutating func arrivalOverQuota() {
        var limits = Limits()
        limits.portsPerTaskMax = 2
        limits.sendRightsPerTaskMax = 2
        limits.sendOncesPerTaskMax = 1
        scene = Scene(limits: limits)
        let server = scene.attach()
        let client = scene.attach()
        let inbox = scene.port(of: server)
        _ = scene.port(of: server)
        let ports = [scene.port(of: client), scene.port(of: client)]
        scene.give(.makeSend(inbox), of: server, to: client)
        scene.give(.makeSend(inbox), of: server, to: server)
        scene.send(
            to: .copySend(inbox), from: client,
            rights: [
                .makeSend(ports[0]), .makeSend(ports[1]), .makeSendOnce(ports[1]), .makeSendOnce(ports[1]), .moveReceive(ports[0]),
                .copySend(inbox),
            ])
        let rights = scene.receive(inbox, by: server)?.rights ?? []
        #expect(rights.count == 6)
        guard rights.count == 6, case .send = rights[0], rights[1] == .null, case .sendOnce = rights[2], rights[3] == .null,
            rights[4] == .null,
            case .send(inbox, _) = rights[5]
        else { return _ = Issue.record("\(rights)") }
        #expect(scene.actions.filter { $0 == .shortage(server) }.count == 3)
        #expect(scene.drain(ports[1], by: client) == [71])
        #expect(scene.kernel.ports[ports[0]] == nil)
    }

    @Test("architecture, bounded everything: whoever asks over its quota is refused, with nothing changed")
    mutating func quotas() {
        var limits = Limits()
        limits.portsPerTaskMax = 1
        limits.sendRightsPerTaskMax = 1
        limits.sendOncesPerTaskMax = 1
        limits.queuedBytesPerTaskMax = 100
        limits.queuedMessagesPerTaskMax = 3
        limits.memoryInFlightPerTaskMax = 1
        limits.blockedSendsPerTaskMax = 1
        scene = Scene(limits: limits)
        let task = scene.attach()
        let other = scene.attach()
        let port = scene.port(of: task, limit: 1)
        let target = scene.port(of: other, limit: 1)
        #expect(scene.ask(task, .allocate(PortID(node: Scene.node, counter: port.counter + 1), queueLimit: 1)) == .refused(.noSpace))
        scene.give(.makeSend(target), of: other, to: task)
        #expect(scene.ask(task, .make(.makeSend(port))) == .refused(.noSpace))
        guard case .arrived(.sendOnce) = scene.ask(task, .make(.makeSendOnce(port))) else { return _ = Issue.record("refused") }
        #expect(scene.ask(task, .make(.makeSendOnce(port))) == .refused(.noSpace))
        // Bytes, memory objects, messages, blocked sends.
        let large = Payload(place: 1, length: 101)
        #expect(scene.send(to: .copySend(target), from: task, payload: large) == .refused(.resourceShortage))
        let memory = [MemoryToken(place: 1, length: 1), MemoryToken(place: 2, length: 1)]
        #expect(scene.ask(task, .send(Outgoing(to: .copySend(target), memory: memory))) == .refused(.resourceShortage))
        #expect(scene.send(to: .copySend(target), from: task) == .sent)
        guard case .blocked = scene.send(to: .copySend(target), from: task, blocks: true) else { return _ = Issue.record("refused") }
        #expect(scene.send(to: .copySend(target), from: task, blocks: true) == .refused(.resourceShortage))
        #expect(scene.send(to: .makeSendOnce(port), from: task) == .sent)
        #expect(scene.send(to: .makeSendOnce(port), from: task) == .refused(.resourceShortage))
        _ = scene.receive(target, by: other)
        #expect(scene.send(to: .makeSendOnce(port), from: task) == .sent)
    }

    @Test("spec/mach.md 1.2: what get_receive_status shows")
    mutating func status() {
        let task = scene.attach()
        let port = scene.port(of: task, limit: 3)
        scene.ask(task, .make(.makeSend(port)))
        scene.send(to: .copySend(port), from: task, reply: .makeSendOnce(port))
        let shown = PortStatus(
            messages: 1, queueLimit: 3, makeSendCount: 1, sendRights: 2, sendOnceRights: 1, blockedSenders: 0, leases: 0,
            noSendersRequested: false, portDestroyedRequested: false)
        #expect(scene.ask(task, .status(port)) == .status(shown))
    }
}

/// Ways between clans (architecture rule 16).
@Suite struct ClanTests {
    @Test("1.12: who a task was is known after its end, for the last few thousand of them")
    func remembered() throws {
        var scene = Scene()
        scene.recounts = false
        let task = scene.attach()
        let others = (0...Remembrance.tasksMax).map { scene.attach(name: "task \($0)") }
        for other in others {
            scene.handle(.end(other))
            #expect(scene.ask(task, .identity(other)) == .identity(Scene.identity("task \(other.raw - others[0].raw)")))
        }
        #expect(scene.ask(task, .identity(others[0])) == .refused(.invalidName))
        #expect(scene.ask(task, .identity(others[1])) == .identity(Scene.identity("task 1")))
        #expect(scene.ask(task, .identity(TaskID(raw: 1 << 40))) == .refused(.invalidName))
        #expect(scene.kernel.violations().isEmpty)
        let again = try Kernel(wireBytes: scene.kernel.wireBytes)
        #expect(again == scene.kernel)
    }

    @Test("1.12: long names make the memory of ended tasks shorter, not larger")
    func rememberedText() {
        var scene = Scene()
        scene.recounts = false
        let task = scene.attach()
        let name = String(repeating: "n", count: Limits.identityTextMax)
        let others = (0...Remembrance.textMax / Limits.identityTextMax).map { _ in scene.attach(name: name) }
        for other in others { scene.handle(.end(other)) }
        #expect(scene.kernel.ended.text <= Remembrance.textMax)
        #expect(scene.ask(task, .identity(others[0])) == .refused(.invalidName))
        #expect(scene.ask(task, .identity(others[1])) == .identity(Scene.identity(name)))
    }

    @Test("L3: nearest is direct within a clan and with its chief, else the chief on the way")
    func nearest() {
        var kernel = Kernel(node: Scene.node)
        var step = Step()
        func task(in chief: TaskID?) -> TaskID {
            kernel.attach(Scene.identity("t"), chief: chief, first: false, initial: [], &step)
        }
        let top = task(in: nil)
        let chief = task(in: nil)
        let inner = task(in: chief)
        let member = task(in: chief)
        let deep = task(in: inner)
        let deeper = task(in: deep)
        for (from, to) in [(top, chief), (chief, top), (inner, member), (chief, inner), (inner, chief), (inner, deep), (deep, inner)] {
            #expect(kernel.nearest(from: from, to: to) == .direct)
        }
        // Inwards: the outermost chief below us. Outwards: our own.
        #expect(kernel.nearest(from: top, to: inner) == .chief(chief))
        #expect(kernel.nearest(from: top, to: deeper) == .chief(chief))
        #expect(kernel.nearest(from: chief, to: deep) == .chief(inner))
        #expect(kernel.nearest(from: chief, to: deeper) == .chief(inner))
        #expect(kernel.nearest(from: member, to: deeper) == .chief(inner))
        #expect(kernel.nearest(from: inner, to: top) == .chief(chief))
        #expect(kernel.nearest(from: deeper, to: top) == .chief(deep))
        #expect(kernel.nearest(from: deep, to: member) == .chief(inner))
    }

    @Test("architecture rule 16: a message that must go by a chief is refused on the direct way")
    func noRoute() {
        var scene = Scene.withoutLinks
        let top = scene.attach()
        var step = Step()
        let inside = scene.kernel.attach(Scene.identity("t"), chief: scene.attach(), first: false, initial: [], &step)
        let port = scene.port(of: inside)
        scene.give(.makeSend(port), of: inside, to: top)
        #expect(scene.send(to: .copySend(port), from: top) == .refused(.noRoute))
    }

    /// Every number that a node can have, and every number that it gives a task, has a place in the name of that task elsewhere.
    @Test func tasksOfOtherNodesHaveNames() throws {
        for node in [1, 1 << 24, UInt32.max] {
            let task = try #require(TaskID(node: node, task: TaskID(raw: 7)))
            #expect(task.node == node && task.onItsNode == TaskID(raw: 7))
            #expect(TaskID(node: 2, task: task) == nil)
        }
        #expect(TaskID(node: 0, task: TaskID(raw: 7)) == nil)
    }
}
