/// Mach's semantics as one value: direct, slow, and written from spec/mach.md alone.
///
/// Rights are numbers of ports and of send-once rights; a right whose port is not in `ports` is dead. Counts are found by looking through
/// everything, each time. What the rules leave open is asked of `choose`.
public struct Model: Sendable {
    public let form: Form
    /// Messages of different senders, and by send-once rights, come in the order of the steps that sent them. Else O1 alone holds.
    public let isOrdered: Bool

    public internal(set) var tasks: [Int: [Name: Entry]] = [:]
    public internal(set) var ports: [Int: Port] = [:]
    /// The port of each send-once right that has not been used.
    var onces: [Int: Int] = [:]
    /// Who waits for a message: one for each task at most.
    public internal(set) var receivers: [Int: Receiver] = [:]
    private var lastNumber = 0

    // Of the step under way.
    var step = 0
    private var namesBrought: UInt32 = 0
    /// Ports that have lost a send right in this step.
    var lessSenders: Set<Int> = []
    /// Steps that had waited and are over now.
    var finished: [(step: Int, task: Int, outcome: Outcome)] = []
    private var script: [Int] = []
    private var branches: [Branch] = []
    public internal(set) var coverage = Coverage()

    struct Branch {
        var taken: Int
        var of: Int
    }

    public init(_ form: Form, isOrdered: Bool) {
        self.form = form
        self.isOrdered = isOrdered
    }

    // MARK: what there is

    /// What a name denotes (N2).
    public struct Entry: Sendable {
        /// A send right to this port, and its references or those of the dead name.
        public var send: Int?
        public var receive: Int?
        public var once: Int?
        /// A port set, with a number of its own.
        public var set: Int?
        public var isDead = false
        public var references = 0
        var request: Request?

        /// N5. Bits beyond the kinds say that a request is armed.
        var type: UInt32 {
            var bits: UInt32 = 0
            if send != nil { bits |= 1 << 16 }
            if receive != nil { bits |= 1 << 17 }
            if once != nil { bits |= 1 << 18 }
            if set != nil { bits |= 1 << 19 }
            if isDead { bits |= 1 << 20 }
            if let request { bits |= request.isOfRoom ? 1 << 30 : 1 << 31 }
            return bits
        }

        var port: Int? { receive ?? send }
    }

    /// Of a name: to be told when it dies or is freed.
    struct Request: Sendable {
        var notify: Int
        /// A send-possible request.
        var isOfRoom = false
        /// A send has met the full queue since.
        var awaitsRoom = false
    }

    public struct Port: Sendable {
        /// The task that receives; nil while the right is in a message.
        public var receiver: Int?
        public var queue: [Message] = []
        /// Senders that wait.
        public var blocked: [Blocked] = []
        public var limit = 5
        var makeSendCount: UInt32 = 0
        var sequence: UInt32 = 0
        var context: UInt64 = 0
        var isGuarded = false
        /// Numbers of the sets that it is in.
        var sets: [Int] = []
        var noSenders: Int?
        var backup: Int?
    }

    public struct Blocked: Sendable {
        var step: Int
        public var task: Int
        var message: Message
    }

    public struct Receiver: Sendable {
        var step: Int
        var port: Int?
        var set: Int?
    }

    /// A right outside a name.
    enum Right: Sendable, Hashable {
        case null, dead
        case send(Int), once(Int), receive(Int)
    }

    public struct Message: Sendable {
        var number: Int
        /// In which step it came into the queue.
        var stamp = 0
        /// Nil for the kernel.
        var sender: Int?
        /// The send-once right that it was sent with; nil for a send right.
        var once: Int?
        var id: UInt32
        var reply: Right = .null
        var replyType: UInt32 = 0
        var isComplex = false
        var content: [Content] = []
        /// Bytes behind the header.
        var size = 0

        /// All rights that it carries beside its destination.
        var rights: [Right] {
            [reply]
                + content.flatMap { content -> [Right] in
                    switch content {
                    case .right(let right, _): [right]
                    case .rights(let rights, _): rights
                    default: []
                    }
                }
        }
    }

    enum Content: Sendable {
        case right(Right, UInt32)
        case rights([Right], UInt32)
        case memory(UInt8, Int)
        case words([UInt32])
        case padding(Int)
        /// What a notification says: a name of this task, or a count.
        case told(Int, Name)
        case count(UInt32)
    }

    // MARK: steps

    /// Carries out one step. `script` says what is chosen where there is a choice; `next` is the script after it, nil after the last.
    public mutating func apply(_ step: Step, script: [Int] = []) -> (outcome: Outcome?, next: [Int]?) {
        self.script = script
        self.step = step.id
        branches = []
        namesBrought = 0
        lessSenders = []
        finished = []
        let outcome: Outcome?
        do throws(Code) { outcome = try perform(step.call, by: step.task) } catch { outcome = Outcome(error) }
        settle()
        deliverToWaiting()
        note(step, outcome)
        return (outcome, nextScript())
    }

    /// The steps that had waited and are over now, with what they came to.
    public var ended: [(step: Int, task: Int, outcome: Outcome)] { finished }

    private func nextScript() -> [Int]? {
        var next = branches
        while let last = next.popLast() {
            if last.taken + 1 < last.of { return next.map(\.taken) + [last.taken + 1] }
        }
        return nil
    }

    /// One of so many, as the script says.
    mutating func choose(_ count: Int) -> Int {
        guard count > 1 else { return 0 }
        let taken = min(branches.count < script.count ? script[branches.count] : 0, count - 1)
        branches.append(Branch(taken: taken, of: count))
        return taken
    }

    mutating func newNumber() -> Int {
        lastNumber += 1
        return lastNumber
    }

    /// The next name that the step brings (N1).
    mutating func newName() -> Name {
        defer { namesBrought += 1 }
        rule("N1")
        return Name(step) << 8 | namesBrought
    }

    /// Runs as if it were a part of an earlier step.
    mutating func asStep<Result>(_ earlier: Int, _ body: (inout Model) -> Result) -> Result {
        let (now, brought) = (step, namesBrought)
        (step, namesBrought) = (earlier, 0)
        defer { (step, namesBrought) = (now, brought) }
        return body(&self)
    }

    mutating func rule(_ letter: String) { coverage.rules[letter, default: 0] += 1 }

    private mutating func note(_ step: Step, _ outcome: Outcome?) {
        for (code, call) in [(outcome?.code, step.call.name)] + finished.map({ ($0.outcome.code, "waiting") }) {
            guard let code else { continue }
            coverage.codes[Coverage.Answer(call: call, code: code), default: 0] += 1
        }
    }

    private mutating func perform(_ call: Call, by task: Int) throws(Code) -> Outcome? {
        if case .begin = call {
            if tasks[task] == nil { tasks[task] = [:] }
            return Outcome(.success)
        }
        guard tasks[task] != nil else { return nil }
        switch call {
        case .begin: return nil
        case .kill:
            kill(task)
            return Outcome(.success)
        case .give(let name, let move, let other):
            guard tasks[other] != nil, other != task else { return nil }
            return try give(name, move, from: task, to: other)
        case .send(let parcel, let awaitsRoom): return try send(parcel, by: task, waits: false, awaitsRoom: awaitsRoom)
        case .sendWaiting(let parcel): return try send(parcel, by: task, waits: true, awaitsRoom: false)
        case .receive(let name, let room, let keepsLarge):
            return try receive(name, by: task, room: room, keepsLarge: keepsLarge)
        case .receiveWaiting(let name):
            guard receivers[task] == nil else { return nil }
            return try receiveWaiting(name, by: task)
        default: return Outcome(.success, try performOnNames(call, by: task))
        }
    }
}

extension Model {
    /// What was only looked at does not count.
    public mutating func restore(_ coverage: Coverage) { self.coverage = coverage }
}
