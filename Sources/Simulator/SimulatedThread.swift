import MasixKernel

/// A lock inside a simulated task: held over several steps, so that whoever waits for it really waits.
final class Lock {
    fileprivate(set) var owner: SimulatedThread?
}

/// One thread of a simulated task: a stack of routines, of which the top one takes the next step.
final class SimulatedThread {
    enum Wait {
        case nothing
        case lock(Lock)
        case answer
        /// In the pipe: until it is rung or the time is over.
        case pipe(until: Int?)
        /// A follower: until it is told or the time is over.
        case told(until: Int?)
        case pause(until: Int)
        /// Between two things to do, while the node is let come to rest.
        case calm
        case ever
    }

    unowned let task: SimulatedTask
    let number: Int
    private var stack: [Routine] = []
    var wait = Wait.nothing
    /// A follower has been told to look again.
    var isTold = false
    private(set) var position: ProtocolStep?
    private(set) var positionPort: PortID?
    /// It has lost its processor, and everybody else goes on.
    var stalledUntil = 0

    init(_ task: SimulatedTask, number: Int, base: Routine) {
        self.task = task
        self.number = number
        stack = [base]
    }

    func dismantle() {
        stack = []
        wait = .ever
    }

    var name: String { "\(task.id.raw).\(number)" }
    var trail: String { stack.map { "\($0)" }.joined(separator: " > ") }
    var routines: [Routine] { stack }

    /// Stands at this step of the protocol, on behalf of this port.
    func stand(at step: ProtocolStep?, _ port: PortID? = nil) {
        position = step
        positionPort = step == nil ? nil : port ?? positionPort
        if let step { task.simulation.reached(step, self) }
    }

    func acquire(_ lock: Lock) -> Bool {
        guard lock.owner == nil || lock.owner === self else {
            wait = .lock(lock)
            return false
        }
        lock.owner = self
        return true
    }

    func release(_ lock: Lock) { if lock.owner === self { lock.owner = nil } }

    func isReady(at now: Int) -> Bool {
        switch wait {
        case .nothing: true
        case .lock(let lock): lock.owner == nil
        case .answer: task.hasAnswer
        case .pipe(let until): task.pages.pipe > 0 || until.map { $0 <= now } == true
        case .told(let until): isTold || until.map { $0 <= now } == true
        case .pause(let until): until <= now
        case .calm: !task.simulation.isCalm
        case .ever: false
        }
    }

    /// Whether it waits for something that only another's doing or the time can bring.
    var isAsleep: Bool {
        switch wait {
        case .pipe, .told, .pause, .calm, .ever: true
        case .nothing, .lock, .answer: false
        }
    }

    var wakesAt: Int? {
        switch wait {
        case .pipe(let until), .told(let until): until
        case .pause(let until): until
        case .nothing, .lock, .answer, .calm, .ever: nil
        }
    }

    /// One step: everything up to the next point at which others may come in between.
    func step() {
        wait = .nothing
        while let top = stack.last {
            switch top.step(self) {
            case .next, .wait: return
            case .call(let routine): stack.append(routine)
            case .done: stack.removeLast()
            }
        }
        wait = .ever
    }
}

/// A piece of the library or of a program, as an explicit machine.
class Routine: CustomStringConvertible {
    enum Progress {
        /// The step is done; others may come in between.
        case next
        /// The thread's `wait` says for what; the same stage is entered again.
        case wait
        case call(Routine)
        case done
    }

    /// Which step comes next.
    final var stage = 0

    func step(_ thread: SimulatedThread) -> Progress { .done }

    final func go(to stage: Int) -> Progress {
        self.stage = stage
        return .next
    }

    final func call(_ routine: Routine, then stage: Int) -> Progress {
        self.stage = stage
        return .call(routine)
    }

    final var description: String { "\(Swift.type(of: self)):\(stage)" }
}

/// How long a routine waits.
enum Patience {
    /// Only looks.
    case none
    case until(Int)
    case ever

    func isOver(at now: Int) -> Bool {
        switch self {
        case .none: true
        case .until(let time): time <= now
        case .ever: false
        }
    }

    var isPoll: Bool { if case .none = self { true } else { false } }
    var limit: Int? { if case .until(let time) = self { time } else { nil } }
}
