import Masix
import MasixKernel
import MasixLinux
import MasixSimulator
import NIOCore
import Synchronization

@testable import MasixNetworkServer

/// A network server of a simulated node, from its attaching to its death: the real one, on a thread that the machine schedules.
///
/// What `NetworkServer` has NIO do is done here: it waits for messages, for what the channels tell, and for its timers.
final class NetworkLife: Sendable {
    enum Stage: UInt32 { case new, attached, chief, serving, over }

    private struct State {
        var socket: Int32?
        var task: TaskID?
        var loop: ScheduledLoop?
        var translator: NIOLoopBound<Translator>?
    }

    private let number: UInt32
    private let network: SimulatedNetwork
    private let state = Mutex(State())
    private let stage = FutexWord()
    private let ended = Flag()

    private final class Flag: Sendable { let isSet = Atomic<Bool>(false) }

    init(_ number: UInt32, _ network: SimulatedNetwork) {
        self.number = number
        self.network = network
    }

    var task: TaskID? { state.withLock { $0.task } }

    func reach(_ new: Stage) {
        guard new.rawValue > stage.value else { return }
        stage.set(new.rawValue)
        stage.wake(count: .max)
    }

    /// False if it is over instead.
    @discardableResult
    func wait(for wanted: Stage) throws -> Bool {
        while case let now = stage.value, now < wanted.rawValue { _ = try stage.wait(while: now, timeoutNanoseconds: nil) }
        return wanted == .over || stage.value != Stage.over.rawValue
    }

    func run(_ machine: SimulatedMachine) {
        defer {
            network.leave(number, state.withLock { $0.loop })
            reach(.over)
        }
        do {
            try serve(machine)
        } catch {
            // It was killed before it served, or the name server still has the last one: who starts it tries again.
            machine.tell("the network server of node \(number) does not begin: \(error)")
        }
        state.withLock { $0.translator = nil }
    }

    private func serve(_ machine: SimulatedMachine) throws {
        let socket = try machine.connect(to: number)
        state.withLock { $0.socket = socket }
        let space = try Space.attach(rawSocket: socket)
        state.withLock { $0.task = space.task }
        reach(.attached)
        guard try wait(for: .chief) else { return }
        let loop = try ScheduledLoop()
        loop.adopt()
        let connections = try SimulatedConnections(number, loop: loop, network: network, machine: machine)
        let translator = try Translator(space: space, channels: connections) { [ended] in ended.isSet.store(true, ordering: .releasing) }
        try translator.begin()
        let news = try Descriptor.duplicate(of: try space.pollableDescriptor())
        state.withLock { state in
            state.loop = loop
            state.translator = NIOLoopBound(translator, eventLoop: loop)
        }
        network.listen(number, by: loop)
        reach(.serving)
        while !ended.isSet.load(ordering: .acquiring) {
            if let event = network.next(for: number) { translator.take(event) }
            loop.runDue()
            if try Ready.poll(news.raw, for: .readable, timeoutNanoseconds: 0) {
                // Another thread of the task may have taken it.
                _ = try? news.readBytes(max: 8)
                translator.drain()
            }
            if !ended.isSet.load(ordering: .acquiring) { try sleep(loop, news) }
        }
        translator.end()
    }

    private func sleep(_ loop: ScheduledLoop, _ news: borrowing Descriptor) throws {
        let due = [loop.nextDue, network.nextDue(for: number)].compactMap { $0 }.min()
        let now = Clock.monotonicNanoseconds()
        if let due, due <= now { return }
        _ = try Ready.pollTwo(
            news.raw, for: .readable, loop.wakeUps.counter.raw, for: .readable, timeoutNanoseconds: due.map { $0 - now })
        _ = try loop.wakeUps.counter.take()
    }

    /// It dies at this moment, as by kill -9.
    func kill(_ machine: SimulatedMachine) {
        guard let (socket, loop) = state.withLock({ state in state.socket.map { ($0, state.loop) } }) else { return }
        machine.kill(taskWith: socket)
        network.leave(number, loop)
    }

    private final class Answer: Sendable {
        let summary = Mutex<NetworkSummary?>(nil)
        let done = FutexWord()
    }

    /// What stands between the nodes; nil if it is over.
    func summary() throws -> NetworkSummary? {
        let found = state.withLock { state in state.translator.flatMap { one in state.loop.map { ($0, one) } } }
        guard let (loop, translator) = found else { return nil }
        let answer = Answer()
        loop.execute {
            answer.summary.withLock { $0 = translator.value.summary() }
            answer.done.set(1)
            answer.done.wake()
        }
        while answer.done.value == 0, stage.value < Stage.over.rawValue {
            _ = try answer.done.wait(while: 0, timeoutNanoseconds: 10_000_000)
        }
        return answer.summary.withLock { $0 }
    }
}
