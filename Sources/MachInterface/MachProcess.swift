import CMach
import Masix
import MasixLinux
import MasixMach
import Synchronization

/// This process as a task of Mach: attached to its node by the first call that needs it, and in a forked child anew.
final class MachProcess: Sendable {
    let task: MachTask
    /// The task's own port: who holds it may change the task's names (spec/mach.md 1.2).
    let taskPort: SpecialPort
    let hostPort: SpecialPort
    let threadPorts = Mutex<[Int32: SpecialPort]>([:])
    let bootstrapName: PortName

    /// A port whose receive right no name denotes: the library's own.
    struct SpecialPort: Sendable {
        let holder: ReceiveHolder
        let name: PortName
    }

    private init() throws(MachReturn) {
        let task: MachTask
        do throws(MasixError) { task = MachTask(space: try Space.attach(), memory: ProgramMemory()) } catch {
            if !Self.hasComplained.exchange(true, ordering: .relaxed) { StandardError.say("masix: \(error)") }
            throw .invalidTask
        }
        self.task = task
        taskPort = try Self.special(task)
        hostPort = try Self.special(task)
        let bootstrap = try? task.space.bootstrapReference()
        if let bootstrap { bootstrapName = try task.arrive(.send(bootstrap)) } else { bootstrapName = .null }
        task.serve(taskPort.holder)
        masix_mach_set_bootstrap_port(bootstrapName)
    }

    private static func special(_ task: MachTask) throws(MachReturn) -> SpecialPort {
        do throws(MasixError) {
            let holder = try task.space.makeHolder(queueLimit: 64)
            let right = try task.space.makeSend(to: holder)
            do throws(MachReturn) { return SpecialPort(holder: holder, name: try task.arrive(.send(right))) } catch {
                throw .noSpace
            }
        } catch {
            throw .resourceShortage
        }
    }

    /// One more reference to a special port, which is the caller's to let go.
    func reference(to port: SpecialPort) throws(MachReturn) -> PortName {
        let right: SendReference
        do throws(MasixError) { right = try task.space.makeSend(to: port.holder) } catch { throw .resourceShortage }
        return try task.arrive(.send(right))
    }

    /// The port of the calling thread: one more reference to it.
    func threadName() throws(MachReturn) -> PortName {
        let thread = CurrentThread.number
        if let port = threadPorts.withLock({ $0[thread] }) { return try reference(to: port) }
        let port = try Self.special(task)
        threadPorts.withLock { $0[thread] = port }
        return port.name
    }

    // MARK: the one of this process

    private static let hasComplained = Atomic<Bool>(false)

    private static let current = ProcessState<MachProcess>()
    /// What a forked child has of its parents: never let go, for its memory is not mapped there, and its addresses are others' by now.
    private static let inherited = ProcessState<[MachProcess]>()

    /// The task of this process. `.invalidTask` if there is no node, which is said on the standard error once.
    static func shared() throws(MachReturn) -> MachProcess {
        while true {
            let (found, forked) = current.withLock { current -> (MachProcess?, MachProcess?) in
                guard let process = current, process.task.space.isForked else { return (current, nil) }
                // A forked child has the names of its parent no more (architecture rule 20).
                current = nil
                return (nil, process)
            }
            if let found { return found }
            if let forked { inherited.withLock { $0 = ($0 ?? []) + [forked] } }
            let made = try MachProcess()
            // Another thread may have been faster.
            let first = current.withLock { current -> MachProcess in
                if let process = current { return process }
                current = made
                return made
            }
            return first
        }
    }
}

/// A call's number for C.
@inline(__always)
func answer(_ body: () throws(MachReturn) -> Void) -> Int32 {
    do throws(MachReturn) {
        try body()
        return 0
    } catch {
        return Int32(bitPattern: error.rawValue)
    }
}

/// Runs with the names of a task: this one's, or, by requests, with those of the task whose port the name denotes.
func onTask(
    _ name: PortName, _ body: (MachTask) throws(MachReturn) -> Void, other: ((OtherTask) throws(MachReturn) -> Void)? = nil
) -> Int32 {
    answer { () throws(MachReturn) in
        guard name != .null, name != .dead else { throw .invalidTask }
        let process = try MachProcess.shared()
        if name == process.taskPort.name { return try body(process.task) }
        guard let other else { throw .invalidTask }
        try other(try OtherTask(name, of: process.task))
    }
}
