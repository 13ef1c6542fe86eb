import MasixReferenceModel
import MasixTestKit

/// One program on the model and on the real system, step by step.
struct Play {
    /// Where they differ first, for people; nil if they never do.
    private(set) var failure: String?
    /// The call at which they differ, and its step; looks have steps behind the program's.
    private(set) var failedCall = ""
    private(set) var failedStep = 0
    private(set) var coverage = Coverage()
    /// Of the step under way: how the first choice differed.
    private var complaint: String?

    private let form: Form
    private let leases: TestNode.Leases
    private var model: Model
    private var bindings = Bindings()
    private let real: RealSystem
    private var lastID: Int

    /// Steps between two looks at everything.
    private static let stepsBetweenLooks = 25
    /// Choices that are tried for one step.
    private static let choicesMax = 400

    init(_ program: [Step], form: Form, leases: TestNode.Leases, seed: UInt64, defect: KernelDefect? = nil) throws {
        self.form = form
        self.leases = leases
        model = Model(form, isOrdered: leases == .off)
        real = try RealSystem(form, leases: leases, seed: seed, defect: defect)
        lastID = program.map(\.id).max() ?? 0
        for (place, step) in program.enumerated() where failure == nil {
            try take(step)
            if place % Self.stepsBetweenLooks == 0 { try lookAtAll() }
        }
        try finish()
        coverage = model.coverage
    }

    // MARK: steps

    private mutating func take(_ step: Step) throws {
        guard failure == nil, isPossible(step) else { return }
        (failedCall, failedStep) = (step.call.name, step.id)
        if case .begin = step.call { bindings.forget(step.task) }
        let ends = foreseen(step)
        var found: Outcome?
        do {
            found = try real.perform(translated(step), mustEnd: ends.certain.contains(step.id))
        } catch {
            failure = "step \(step.id) \(step.call): the node is stuck (\(error))"
            return
        }
        if step.call == .kill { real.forgetWaiting(of: step.task) }
        if try agree(step, found, ends, hasTime: false) || failure != nil { return }
        let complaint = complaint
        // Where it depends on the choice what ends, a thread may be on its way still.
        if ends.possible != ends.certain {
            if found == nil { found = real.endOfWait(step.id, seconds: 1) }
            if try agree(step, found, ends, hasTime: true) || failure != nil { return }
        }
        failure = "step \(step.id) task \(step.task) \(step.call): \(complaint ?? "too many choices")"
    }

    /// Looks for a choice with which the model says what has been found, and goes on with it.
    private mutating func agree(_ step: Step, _ found: Outcome?, _ ends: Ends, hasTime: Bool) throws -> Bool {
        let ended = try collect(step, ends, hasTime: hasTime)
        guard failure == nil else { return false }
        complaint = nil
        var script: [Int]? = []
        for _ in 0..<Self.choicesMax {
            guard let choice = script else { break }
            var next = model
            var names = bindings
            let (expected, following) = next.apply(step, script: choice)
            if let difference = Self.difference(step, expected, found, next.ended, ended, &names, next) {
                complaint = complaint ?? difference
                script = following
                continue
            }
            (model, bindings) = (next, names)
            for step in ended.keys { real.forgetWaiting(step) }
            return true
        }
        return false
    }

    /// What a program that has been shrunk may ask and no system can do.
    private func isPossible(_ step: Step) -> Bool {
        switch step.call {
        case .begin: model.tasks[step.task] == nil
        case .give(_, _, let other): model.tasks[step.task] != nil && model.tasks[other] != nil && other != step.task
        case .receiveWaiting: model.tasks[step.task] != nil && model.receivers[step.task] == nil
        default: model.tasks[step.task] != nil
        }
    }

    /// What waited and is over now. Of which the model says so whatever is chosen, those are waited for; where it depends on the choice,
    /// until they are over or all sleep.
    private mutating func collect(_ step: Step, _ ends: Ends, hasTime: Bool) throws -> [Int: Outcome] {
        if ends.possible != ends.certain { try real.settle() }
        var ended: [Int: Outcome] = [:]
        for (number, waiting) in real.waiting where number != step.id {
            if !ends.certain.contains(number) {
                if hasTime, ends.possible.contains(number) { _ = waiting.result(seconds: 1) }
                guard waiting.isDone else { continue }
            }
            guard let outcome = waiting.result() else {
                failure = "step \(step.id) task \(step.task) \(step.call): step \(number) waits still"
                return [:]
            }
            ended[number] = outcome
        }
        return ended
    }

    /// The steps that end with this one: whatever is chosen, and at all. Nobody needs to know while nothing waits.
    private func foreseen(_ step: Step) -> Ends {
        guard step.call.mayWait || !real.waiting.isEmpty else { return Ends() }
        var certain: Set<Int>?
        var possible: Set<Int> = []
        var script: [Int]? = []
        for _ in 0..<Self.choicesMax {
            guard let choice = script else { break }
            var next = model
            let (outcome, following) = next.apply(step, script: choice)
            script = following
            var ended = Set(next.ended.map(\.step))
            if outcome != nil { ended.insert(step.id) }
            certain = certain?.intersection(ended) ?? ended
            possible.formUnion(ended)
        }
        return Ends(certain: certain ?? [], possible: possible)
    }

    private struct Ends {
        var certain: Set<Int> = []
        var possible: Set<Int> = []
    }

    private static func difference(
        _ step: Step, _ expected: Outcome?, _ found: Outcome?, _ expectedEnds: [(step: Int, task: Int, outcome: Outcome)],
        _ ends: [Int: Outcome], _ names: inout Bindings, _ model: Model
    ) -> String? {
        var ends = ends
        var immediate: Outcome? = expected
        for end in expectedEnds {
            if end.step == step.id {
                // It had nothing to wait for.
                immediate = end.outcome
                continue
            }
            // A wait of a task that was killed is nobody's.
            guard let found = ends.removeValue(forKey: end.step) else { return "step \(end.step) should be over: \(end.outcome)" }
            if let difference = names.difference(end.outcome, found, of: end.task, model) {
                return "step \(end.step), waiting: \(difference)"
            }
        }
        if let other = ends.first { return "step \(other.key) should wait still, and came to \(other.value)" }
        switch (immediate, found) {
        case (nil, nil): return nil
        case (let expected?, nil): return "waits, and should come to \(expected)"
        case (nil, let found?): return "should wait, and came to \(found)"
        case (let expected?, let found?):
            return names.difference(expected, found, of: step.task, model)
        }
    }

    // MARK: names

    private func translated(_ step: Step) -> Step {
        let names = bindings
        let task = step.task
        func real(_ name: Name) -> Name { names.real(name, of: task) }
        func real(_ item: Item) -> Item {
            switch item {
            case .right(let name, let move): .right(real(name), move)
            case .rights(let names, let move, let isFreed): .rights(names.map { real($0) }, move, deallocates: isFreed)
            default: item
            }
        }
        func real(_ parcel: Parcel) -> Parcel {
            var parcel = parcel
            parcel.remote = real(parcel.remote)
            parcel.local = real(parcel.local)
            parcel.items = parcel.items.map { real($0) }
            return parcel
        }
        var step = step
        switch step.call {
        case .begin, .kill, .construct: break
        case .give(let name, let move, let other): step.call = .give(real(name), move, to: other)
        case .allocate(let kind, let name): step.call = .allocate(kind, name: name.map { real($0) })
        case .type(let name): step.call = .type(real(name))
        case .references(let name, let kind): step.call = .references(real(name), kind)
        case .deallocate(let name): step.call = .deallocate(real(name))
        case .modify(let name, let kind, let delta): step.call = .modify(real(name), kind, by: delta)
        case .destroy(let name): step.call = .destroy(real(name))
        case .rename(let old, let new): step.call = .rename(real(old), real(new))
        case .insert(let name, let right, let move): step.call = .insert(real(name), real(right), move)
        case .extract(let name, let move): step.call = .extract(real(name), move)
        case .status(let name): step.call = .status(real(name))
        case .setQueueLimit(let name, let limit): step.call = .setQueueLimit(real(name), limit)
        case .setMakeSendCount(let name, let count): step.call = .setMakeSendCount(real(name), count)
        case .setSequence(let name, let number): step.call = .setSequence(real(name), number)
        case .moveMember(let member, let set): step.call = .moveMember(real(member), real(set))
        case .insertMember(let member, let set): step.call = .insertMember(real(member), real(set))
        case .extractMember(let member, let set): step.call = .extractMember(real(member), real(set))
        case .members(let name): step.call = .members(real(name))
        case .peek(let name): step.call = .peek(real(name))
        case .destruct(let name, let delta, let context): step.call = .destruct(real(name), by: delta, context: context)
        case .context(let name): step.call = .context(real(name))
        case .setContext(let name, let context): step.call = .setContext(real(name), context)
        case .request(let name, let id, let sync, let notify, let move):
            step.call = .request(real(name), id, sync: sync, notify: real(notify), move)
        case .send(let parcel, let awaitsRoom): step.call = .send(real(parcel), awaitsRoom: awaitsRoom)
        case .sendWaiting(let parcel): step.call = .sendWaiting(real(parcel))
        case .receive(let name, let room, let keepsLarge): step.call = .receive(real(name), room: room, keepsLarge: keepsLarge)
        case .receiveWaiting(let name): step.call = .receiveWaiting(real(name))
        }
        return step
    }

    // MARK: looks

    private mutating func ask(_ task: Int, _ call: Call) throws {
        lastID += 1
        try take(Step(id: lastID, task: task, call))
    }

    /// Every name of every task: what it is, how many references, and what its receiver or its members are.
    private mutating func lookAtAll() throws {
        let counted = model.coverage
        for task in model.tasks.keys.sorted() {
            let names = model.tasks[task] ?? [:]
            let count = (try? real.nameCount(of: task)) ?? -1
            if failure == nil, count != names.count { failure = "task \(task) has \(count) names instead of \(names.count)" }
            for (name, entry) in names.sorted(by: { $0.key < $1.key }) where failure == nil {
                try ask(task, .type(name))
                if entry.send != nil { try ask(task, .references(name, 0)) }
                if entry.isDead { try ask(task, .references(name, 4)) }
                if entry.receive != nil { try ask(task, .status(name)) }
                if entry.set != nil { try ask(task, .members(name)) }
            }
        }
        model.restore(counted)
    }

    /// All queues are emptied, and the tasks end one after the other while the others look.
    private mutating func finish() throws {
        try lookAtAll()
        while let task = model.tasks.keys.min(), failure == nil {
            try drain()
            try ask(task, .kill)
            try lookAtAll()
        }
    }

    private mutating func drain() throws {
        for task in model.tasks.keys.sorted() {
            for (name, entry) in (model.tasks[task] ?? [:]).sorted(by: { $0.key < $1.key }) {
                guard let port = entry.receive else { continue }
                if form == .mach3, failure == nil { try? ask(task, .moveMember(name, nullName)) }
                // What is received may be a right to receive: its queue is emptied with the next drain.
                while failure == nil, model.ports[port]?.queue.isEmpty == false, model.ports[port]?.receiver == task {
                    try ask(task, .receive(name, room: 1 << 20, keepsLarge: false))
                }
            }
        }
    }
}

/// Which name of the real system is which of the model's.
struct Bindings {
    private var real: [Int: [Name: Name]] = [:]
    /// The same for all names that there ever were: notifications speak of those that are free.
    private var told: [Int: [Name: Name]] = [:]

    /// What a program makes of a name of its own choice, which no system would pick.
    private static func chosen(_ name: Name) -> Name { 0xE000_0000 | name }

    func real(_ name: Name, of task: Int) -> Name {
        if name == nullName || name == deadName { return name }
        return real[task]?[name] ?? Self.chosen(name)
    }

    mutating func forget(_ task: Int) { real[task] = nil }

    private mutating func match(_ name: Name, _ found: Name, of task: Int, _ model: Model) -> Bool {
        if name == nullName || name == deadName || found == nullName || found == deadName { return name == found }
        if let known = real[task]?[name] { return known == found }
        if name & 0x80 != 0 { return found == Self.chosen(name) }
        // A new one: it may have been another's that is free by now.
        if let other = real[task]?.first(where: { $0.value == found })?.key {
            if model.tasks[task]?[other] != nil { return false }
            real[task]?[other] = nil
        }
        real[task, default: [:]][name] = found
        told[task, default: [:]][name] = found
        return true
    }

    /// How what was found differs from what was expected; names that both bring are bound.
    mutating func difference(_ expected: Outcome, _ found: Outcome, of task: Int, _ model: Model) -> String? {
        let complaint = "should be \(expected), and is \(found)"
        guard expected.code == found.code, expected.values.count == found.values.count else { return complaint }
        for (wanted, got) in zip(expected.values, found.values) {
            let fits: Bool
            switch (wanted, got) {
            case (.name(let name), .name(let other)): fits = match(name, other, of: task, model)
            case (.told(let teller, let name), .told(_, let other)): fits = match(name, other, of: teller, model)
            case (.told(let teller, let name), .number(let number)):
                fits = number == UInt64(told[teller]?[name] ?? Self.chosen(name))
            case (.names(let names), .name(let other)):
                fits = names.isEmpty ? other == nullName : names.contains { real($0, of: task) == other }
            case (.names(let names), .names(let others)): fits = names.map { real($0, of: task) }.sorted() == others.sorted()
            default: fits = wanted == got
            }
            guard fits else { return complaint }
        }
        return nil
    }
}
