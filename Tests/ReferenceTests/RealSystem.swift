import MasixKernel
import MasixLinux
import MasixReferenceModel
import MasixTestKit
import MasixTransport
import Synchronization

@testable import Masix
@testable import MasixMach
@testable import MasixNucleus

/// Of a program; the nucleus has steps too.
typealias Step = MasixReferenceModel.Step

/// Tasks of Mach on a node of their own, which do what a program says.
final class RealSystem {
    let form: Form
    private let node: TestNode
    /// A task beside the program's: it gives rights from one to another, and asks the nucleus what only it knows.
    private let porter: Space
    private let porterPort: ReceiveHolder
    private var tasks: [Int: RealTask] = [:]
    /// Steps that wait, on threads of their own.
    private(set) var waiting: [Int: Waiting] = [:]

    struct Stuck: Error {}

    init(_ form: Form, leases: TestNode.Leases, seed: UInt64, defect: KernelDefect?) throws {
        self.form = form
        node = try TestNode(leases: leases, seed: seed) { configuration in
            // At instants that the seed says, not the clock.
            if leases == .revokedAtRandom {
                configuration.revocation = RevocationPlan(seed: seed, probability: 0.3, pauseMillisecondsMax: 0)
            }
            configuration.distortion = defect.map { PlantedDefect($0) }
            // What a kernel with a defect meets is no witness of anything.
            configuration.situationsPath = defect == nil ? SituationsFile.judged : nil
        }
        porter = try node.attach()
        porterPort = try porter.makeHolder(queueLimit: 64)
    }

    deinit {
        for task in tasks.values { task.end() }
        node.stop()
    }

    private var dialect: Dialect { form == .xnu ? .xnu : .mach3 }

    func isAlive(_ task: Int) -> Bool { tasks[task] != nil }

    /// How many names the task has.
    func nameCount(of task: Int) throws -> Int { try tasks[task].map { try $0.mach.names().count } ?? 0 }

    /// Does one step, its names translated; nil if it waits now. With `mustEnd` it is given time to end.
    func perform(_ step: Step, mustEnd: Bool) throws -> Outcome? {
        switch step.call {
        case .begin:
            tasks[step.task] = try RealTask(node, porter, porterPort)
            return Outcome(.success)
        case .kill:
            try kill(step.task)
            return Outcome(.success)
        default: break
        }
        guard let task = tasks[step.task] else { throw Stuck() }
        switch step.call {
        case .sendWaiting(let parcel):
            let form = form
            return try wait(step, mustEnd) { [dialect] in Self.send(parcel, by: task, form, dialect, waits: true, awaitsRoom: false) }
        case .receiveWaiting(let name):
            let form = form
            return try wait(step, mustEnd) { [dialect] in
                Self.receive(name, by: task, form, dialect, room: 1 << 20, keepsLarge: false, waits: true)
            }
        case .send(let parcel, let awaitsRoom):
            return Self.send(parcel, by: task, form, dialect, waits: false, awaitsRoom: awaitsRoom)
        case .receive(let name, let room, let keepsLarge):
            return Self.receive(name, by: task, form, dialect, room: room, keepsLarge: keepsLarge, waits: false)
        case .give(let name, let move, let other):
            guard let taker = tasks[other] else { throw Stuck() }
            return try give(name, move, from: task, to: taker, other)
        default: return outcome { () throws(MachReturn) -> [Value] in try self.call(step.call, by: task.mach) }
        }
    }

    private func outcome(_ body: () throws(MachReturn) -> [Value]) -> Outcome {
        do throws(MachReturn) { return Outcome(.success, try body()) } catch { return Outcome(Code(rawValue: error.rawValue)) }
    }

    private func call(_ call: Call, by task: MachTask) throws(MachReturn) -> [Value] {
        switch call {
        case .allocate(let kind, let name): return [.name(try task.allocate(kind, name: name))]
        case .type(let name): return [.number(UInt64(try task.type(of: name)))]
        case .references(let name, let kind): return [.number(UInt64(try task.references(of: name, kind)))]
        case .deallocate(let name): try task.deallocate(name, dialect)
        case .modify(let name, let kind, let delta): try task.modifyReferences(of: name, kind, by: delta)
        case .destroy(let name): try task.destroy(name)
        case .rename(let old, let new): try task.rename(old, to: new)
        case .insert(let name, let right, let move): try task.insertRight(as: name, right, move)
        case .extract(let name, let move):
            let extracted = try task.extractRight(name, move)
            return [.name(extracted.name), .number(UInt64(extracted.type))]
        case .status(let name):
            let words = try task.receiveStatus(of: name).words(.xnu)
            return [.name(words[0])] + words[1...8].map { .number(UInt64($0)) } + [.number(words[9] & 2 == 0 ? 0 : 1)]
        case .setQueueLimit(let name, let limit): try task.setQueueLimit(limit, of: name, dialect)
        case .setMakeSendCount(let name, let count): try task.setMakeSendCount(count, of: name)
        case .setSequence(let name, let number): try task.setSequence(number, of: name)
        case .moveMember(let member, let set): try task.moveMember(member, to: set)
        case .insertMember(let member, let set): try task.insertMember(member, into: set)
        case .extractMember(let member, let set): try task.extractMember(member, from: set)
        case .members(let name): return [.names(try task.members(of: name))]
        case .peek(let name):
            let next = try task.peek(at: name)
            return [.number(UInt64(next.sequence)), .number(UInt64(next.size)), .number(UInt64(next.id))]
        case .construct(let options, let limit, let context):
            return [.name(try task.construct(options, queueLimit: limit, context: context))]
        case .destruct(let name, let delta, let context): try task.destruct(name, by: delta, guardedBy: context)
        case .context(let name): return [.number(try task.context(of: name))]
        case .setContext(let name, let context): try task.setContext(context, of: name)
        case .request(let name, let id, let sync, let notify, let move):
            return [.name(try task.requestNotification(of: name, id: id, sync: sync, notify: notify, move, dialect))]
        case .begin, .kill, .give, .send, .sendWaiting, .receive, .receiveWaiting: break
        }
        return []
    }

    // MARK: messages

    private static func send(
        _ parcel: Parcel, by task: RealTask, _ form: Form, _ dialect: Dialect, waits: Bool, awaitsRoom: Bool
    ) -> Outcome {
        let bodies = BodyForm(form: form, pieces: task.memory)
        let (body, regions) = bodies.bytes(parcel.items)
        let bits = parcel.remoteMove | parcel.localMove << 8 | parcel.extraBits | (parcel.isComplex ? MachHeader.complexBit : 0)
        let header = MachHeader(bits: bits, remote: parcel.remote, local: parcel.local, id: parcel.id)
        let patience = MachPatience(timeout: waits ? nil : 0, awaitsRoom: awaitsRoom)
        let sent = OwnMemory.lend(body) { task.mach.send(header, $0, patience, dialect) }
        // M1: moved memory is the sender's no more.
        var kept: [Bool] = []
        for region in regions { kept.append(task.memory.remove(region.address) != nil) }
        switch sent {
        case .sent:
            let isRight = zip(regions, kept).allSatisfy { $0.isFreed != $1 }
            return Outcome(.success, isRight ? [] : [.text("memory kept or lost")])
        case .refused(let code): return Outcome(Code(rawValue: code.rawValue))
        case .returned(let code, let header, let body):
            let isComplex = header.bits & MachHeader.complexBit != 0
            return Outcome(
                Code(rawValue: code.rawValue),
                [.text("back"), .name(header.remote), .name(header.local), .number(UInt64(header.bits))]
                    + bodies.values(body, isComplex: isComplex, notification: nil))
        }
    }

    private static func receive(
        _ name: Name, by task: RealTask, _ form: Form, _ dialect: Dialect, room: Int, keepsLarge: Bool, waits: Bool
    ) -> Outcome {
        let bodies = BodyForm(form: form, pieces: task.memory)
        let reception = task.mach.receive(from: name, room: room, keepsLarge: keepsLarge, MachPatience(timeout: waits ? nil : 0), dialect)
        switch consume reception {
        case .refused(let code): return Outcome(Code(rawValue: code.rawValue))
        case .tooLarge(let bytes, let port):
            return Outcome(Code(rawValue: MachReturn.Receive.tooLarge.rawValue), [.text("stays"), .number(UInt64(bytes)), .name(port)])
        case .destroyed(let received):
            guard received.header.remote == .null else { return Outcome(.success, [.text("a reply right of what is gone")]) }
            return Outcome(
                Code(rawValue: MachReturn.Receive.tooLarge.rawValue),
                [.text("gone")] + head(received) + [.number(UInt64(received.body.count))])
        case .message(let received):
            let (remote, bits) = (received.header.remote, received.header.bits)
            let isNotification = bits >> 8 & 0x1F == 18 && (65...72).contains(received.header.id)
            let type = remote.isValid ? UInt64(bits & 0x1F) : 0
            return Outcome(
                Code(rawValue: received.outcome.rawValue),
                [.text("message")] + head(received) + [.name(remote), .number(type)]
                    + bodies.values(
                        received.body, isComplex: bits & MachHeader.complexBit != 0, notification: isNotification ? received.header.id : nil
                    ))
        }
    }

    private static func head(_ received: borrowing MachReceived) -> [Value] {
        let bits = received.header.bits
        return [
            .number(UInt64(received.header.id)), .number(UInt64(bits >> 8 & 0x1F)), .number(bits & MachHeader.complexBit == 0 ? 0 : 1),
            .name(received.header.local), .number(UInt64(received.sequence)),
        ]
    }

    /// By way of the porter, who keeps nothing.
    private func give(_ name: Name, _ move: UInt32, from giver: RealTask, to taker: RealTask, _ task: Int) throws -> Outcome {
        let right: OwnedRight
        do throws(MachReturn) { right = try giver.mach.extract(name, move).right } catch {
            return Outcome(Code(rawValue: error.rawValue))
        }
        var message = Message(code: 1)
        message.rights = [right]
        try giver.mach.space.send(&message, to: giver.toPorter, deadline: .now)
        guard let received = try porter.receive(from: porterPort, room: .max, deadline: .now, isOver: {}, taken: {}) else { throw Stuck() }
        var onward = Message(code: 1)
        onward.rights = Self.rights(of: received)
        try porter.send(&onward, to: taker.fromPorter, deadline: .now)
        guard let last = try taker.mach.space.receive(from: taker.door, room: .max, deadline: .now, isOver: {}, taken: {}) else {
            throw Stuck()
        }
        guard let arrived = Self.rights(of: last).first else { throw Stuck() }
        return Outcome(.success, [.told(task: task, try taker.mach.arrive(arrived))])
    }

    private static func rights(of message: consuming ReceivedMessage) -> [OwnedRight] {
        let rights = message.rights
        message.rights = []
        return rights
    }

    // MARK: death

    /// The nucleus loses the task as if its process were gone: its library has let go of nothing.
    private func kill(_ number: Int) throws {
        guard let task = tasks.removeValue(forKey: number) else { return }
        task.end()
        let id = task.mach.space.task
        for _ in 0..<100_000 {
            guard case .tasks(let rows) = try porter.query(.tasks(after: TaskID(raw: id.raw - 1))) else { throw Stuck() }
            if rows.first?.id != id { return }
        }
        throw Stuck()
    }

    // MARK: waiting

    /// A call on a thread of its own.
    final class Waiting: Sendable {
        fileprivate let thread = Mutex<String?>(nil)
        fileprivate let outcome = Mutex<Outcome?>(nil)
        fileprivate let done = FutexWord()
        let task: Int

        fileprivate init(task: Int) { self.task = task }

        var isDone: Bool { done.value != 0 }

        /// What it came to; nil if it takes too long.
        func result(seconds: UInt64 = 20) -> Outcome? {
            let deadline = Clock.monotonicNanoseconds() + seconds * 1_000_000_000
            while done.value == 0 {
                let now = Clock.monotonicNanoseconds()
                guard now < deadline else { return nil }
                _ = try? done.wait(while: 0, timeoutNanoseconds: deadline - now)
            }
            return outcome.withLock { $0 }
        }
    }

    /// Starts it, and goes on when it is over or sleeps; nil if it sleeps.
    private func wait(_ step: Step, _ mustEnd: Bool, _ body: @escaping @Sendable () -> Outcome) throws -> Outcome? {
        let waiting = Waiting(task: step.task)
        try DetachedThread.start("waits") {
            waiting.thread.withLock { $0 = try? Link.target(of: "/proc/thread-self") }
            let outcome = body()
            waiting.outcome.withLock { $0 = outcome }
            waiting.done.set(1)
            waiting.done.wake(count: .max)
        }
        if mustEnd, let outcome = waiting.result() { return outcome }
        try settle([waiting])
        guard !waiting.isDone else { return waiting.result() }
        self.waiting[step.id] = waiting
        return nil
    }

    /// Until each is over or waits for others: it sleeps, the nucleus has answered what was asked before, and it sleeps still, never having been
    /// awake. Twice, for the nucleus may have been about to answer both.
    private func settle(_ list: [Waiting]) throws {
        while true {
            let waiting = list.filter { !$0.isDone }
            guard !waiting.isEmpty else { return }
            let before = waiting.map { Self.sleep(of: $0) }
            guard !before.contains(nil) else { continue }
            for _ in 0..<2 { _ = try porter.query(.counters) }
            if waiting.map({ Self.sleep(of: $0) }) == before, waiting.allSatisfy({ !$0.isDone }) { return }
        }
    }

    /// All together, for one may be about to wake another.
    func settle() throws { try settle(Array(waiting.values)) }

    /// What a step came to after all that seemed to wait.
    func endOfWait(_ step: Int, seconds: UInt64) -> Outcome? {
        guard let outcome = waiting[step]?.result(seconds: seconds) else { return nil }
        waiting[step] = nil
        return outcome
    }

    /// How often the thread has gone to sleep, if it sleeps now.
    private static func sleep(of waiting: Waiting) -> String? {
        guard let thread = waiting.thread.withLock({ $0 }),
            let text = try? String(decoding: File.contents(of: "/proc/\(thread)/status", max: 8192), as: UTF8.self)
        else { return nil }
        let lines = text.split(separator: "\n")
        guard lines.contains(where: { $0.hasPrefix("State:\tS") }) else { return nil }
        return lines.first { $0.hasPrefix("voluntary_ctxt_switches") }.map(String.init)
    }

    /// The steps of a task are nobody's business any more.
    func forgetWaiting(of task: Int) { waiting = waiting.filter { $0.value.task != task } }
    func forgetWaiting(_ step: Int) { waiting[step] = nil }
}

/// A task with a door by which the porter reaches it.
private final class RealTask: Sendable {
    let mach: MachTask
    let memory = Pieces()
    let door: ReceiveHolder
    let toPorter: SendReference
    let fromPorter: SendReference
    /// The task's end of its socket once more, to end it behind the library's back.
    private let socket: Descriptor

    init(_ node: TestNode, _ porter: Space, _ porterPort: ReceiveHolder) throws {
        let connected = try MessageSocket.connect(path: node.directory + "/" + NodeDirectory.socketName)
        socket = try connected.duplicate()
        let space = try Space.attach(rawSocket: connected.relinquish())
        mach = MachTask(space: space, memory: memory)
        door = try space.makeHolder(queueLimit: 64)
        toPorter = try node.pass(SendRight(porter.makeSend(to: porterPort)), from: porter, to: space).share()
        fromPorter = try node.pass(SendRight(space.makeSend(to: door)), from: space, to: porter).share()
    }

    func end() { try? MessageSocket.end(socket.raw) }
}
