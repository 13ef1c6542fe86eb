/// Makes a random program: a few tasks that mostly do what can succeed, and often enough what cannot.
///
/// It plays the model along, to know what there is; where a choice is open it goes on with the first.
public struct ProgramMaker {
    private var chance: Chance
    private var model: Model
    private var program: [Step] = []
    private let tasksMax: Int
    private let form: Form

    /// The program of a seed.
    public static func program(seed: UInt64, steps: Int, form: Form) -> [Step] {
        var maker = ProgramMaker(seed: seed, form: form)
        maker.make(steps)
        return maker.program
    }

    private init(seed: UInt64, form: Form) {
        chance = Chance(seed: seed)
        self.form = form
        model = Model(form, isOrdered: true)
        tasksMax = 2 + chance.below(3)
    }

    private mutating func make(_ steps: Int) {
        for task in 0..<tasksMax { begin(task) }
        while program.count < steps {
            let alive = model.tasks.keys.sorted()
            if alive.count < tasksMax, chance.once(in: 20) || alive.isEmpty {
                begin((0..<tasksMax).first { model.tasks[$0] == nil } ?? 0)
            } else if let task = alive.randomElement(using: &chance) {
                one(task)
            }
        }
    }

    private mutating func add(_ task: Int, _ call: Call) {
        let step = Step(id: program.count + 1, task: task, call)
        program.append(step)
        _ = model.apply(step)
    }

    /// A newcomer has two ports, and there are rights between it and everybody else.
    private mutating func begin(_ task: Int) {
        add(task, .begin)
        for _ in 0..<2 { add(task, .allocate(1, name: nil)) }
        for other in model.tasks.keys.sorted() where other != task {
            add(task, .give(own(task) ?? 0, Move.makeSend, to: other))
            if let port = own(other) { add(other, .give(port, Move.makeSend, to: task)) }
        }
    }

    // MARK: names

    private func names(_ task: Int, _ fits: (Model.Entry) -> Bool) -> [Name] {
        (model.tasks[task] ?? [:]).filter { fits($0.value) }.keys.sorted()
    }

    private mutating func some(_ task: Int, _ fits: (Model.Entry) -> Bool) -> Name? {
        let names = names(task, fits)
        return names.randomElement(using: &chance)
    }

    private mutating func own(_ task: Int) -> Name? { some(task) { $0.receive != nil } }
    private mutating func set(_ task: Int) -> Name? { some(task) { $0.set != nil } }

    /// Any name, or what is none.
    private mutating func any(_ task: Int) -> Name {
        switch chance.below(12) {
        case 0: nullName
        case 1: deadName
        case 2: unused()
        default: some(task) { _ in true } ?? unused()
        }
    }

    /// The wanted one, and once in a while another.
    private mutating func mostly(_ name: Name?, _ task: Int) -> Name { chance.once(in: 14) ? any(task) : name ?? any(task) }

    /// A name that a program chooses; no step brings one like it.
    private mutating func unused() -> Name { Name(program.count + 1) << 8 | 0x80 | Name(chance.below(8)) }

    /// A name and how it can go into a message.
    private mutating func source(_ task: Int, receives: Bool = false) -> (Name, UInt32) {
        if chance.once(in: 16) { return (any(task), 16 + UInt32(chance.below(6))) }
        switch chance.below(receives ? 20 : 17) {
        case 0..<5: return (some(task) { $0.send != nil } ?? any(task), chance.once(in: 4) ? Move.send : Move.copySend)
        case 5..<9: return (own(task) ?? any(task), Move.makeSend)
        case 9..<12: return (own(task) ?? any(task), Move.makeSendOnce)
        case 12..<15: return (some(task) { $0.once != nil } ?? any(task), Move.sendOnce)
        case 15:
            return (some(task) { $0.isDead } ?? any(task), [Move.send, Move.copySend, Move.sendOnce].randomElement(using: &chance) ?? 17)
        case 16: return (chance.once(in: 2) ? nullName : deadName, 16 + UInt32(chance.below(6)))
        default: return (own(task) ?? any(task), Move.receive)
        }
    }

    // MARK: steps

    private mutating func one(_ task: Int) {
        if (model.tasks[task]?.count ?? 0) > 26, chance.once(in: 2) { return drop(task) }
        if names(task, { $0.send != nil }).count < 3, chance.once(in: 4) { supply(task) }
        switch chance.below(236) {
        case 200..<205: end(task)
        case 205..<213, 232..<236: waitToReceive(task)
        case 213..<218: waitToSend(task)
        case 218..<227: tell(task)
        case 227..<229: fill(task)
        case 229..<232: ask(task)
        case 0..<62: send(task)
        case 62..<112: receive(task)
        case 112..<130: request(task)
        case 130..<136: allocate(task)
        case 136..<150: drop(task)
        case 150..<153: rename(task)
        case 153..<160: insert(task)
        case 160..<167:
            let (name, move) = source(task, receives: chance.once(in: 3))
            add(task, .extract(name, chance.once(in: 20) ? 7 : move))
        case 167..<172: add(task, .status(mostly(own(task), task)))
        case 172..<180: assign(task)
        case 180..<189: sets(task)
        case 189..<191: give(task)
        case 191..<193: ask(task)
        case 193..<197: ask(task)
        case 197: if chance.once(in: 3) { add(task, .kill) }
        default: ofXNU(task)
        }
    }

    /// Somebody lets the task send to him.
    private mutating func supply(_ task: Int) {
        guard let other = model.tasks.keys.sorted().filter({ $0 != task }).randomElement(using: &chance), let port = own(other) else {
            return
        }
        add(other, .give(port, Move.makeSend, to: task))
    }

    /// A port dies, rather one that somebody wants to be told of.
    private mutating func end(_ task: Int) {
        let watched = names(task) { entry in
            entry.receive.flatMap { model.ports[$0] }.map { $0.backup != nil || $0.noSenders != nil || !$0.queue.isEmpty } ?? false
        }
        let name = watched.randomElement(using: &chance) ?? own(task) ?? any(task)
        add(task, chance.once(in: 2) ? .modify(name, 1, by: -1) : .destroy(name))
        add(task, .allocate(1, name: nil))
    }

    private mutating func allocate(_ task: Int) {
        let kind: UInt32 = [1, 1, 1, 3, 3, 4, 0, 7].randomElement(using: &chance) ?? 1
        add(task, .allocate(kind, name: chance.once(in: 3) ? (chance.once(in: 2) ? any(task) : unused()) : nil))
    }

    private mutating func drop(_ task: Int) {
        let watched = names(task) { $0.request != nil }
        let name = (chance.once(in: 3) ? watched.randomElement(using: &chance) : nil) ?? any(task)
        switch chance.below(6) {
        case 0, 1: add(task, .deallocate(name))
        case 2: add(task, .destroy(chance.once(in: 3) ? own(task) ?? name : name))
        default: modify(task, name)
        }
    }

    private mutating func modify(_ task: Int, _ name: Name) {
        guard let entry = model.tasks[task]?[name], !chance.once(in: 8) else {
            return add(task, .modify(name, UInt32(chance.below(7)), by: chance.once(in: 2) ? -1 : 1))
        }
        let kind: UInt32 =
            entry.send != nil && !chance.once(in: 3) ? 0 : entry.receive != nil ? 1 : entry.once != nil ? 2 : entry.set != nil ? 3 : 4
        let references = Int32(entry.references)
        let delta: Int32 =
            switch chance.below(10) {
            case 0: 1
            case 1: 2
            case 2: 0
            case 3: -references
            case 4: -references - 1
            case 5: (kind == 4 ? 65_535 : 65_534) - references
            case 7: 65_536
            default: -1
            }
        add(task, .modify(name, kind, by: delta))
    }

    /// As many references as there can be, and one more.
    private mutating func fill(_ task: Int) {
        guard let name = some(task, { $0.send != nil }), let references = model.tasks[task]?[name]?.references else { return drop(task) }
        add(task, .modify(name, 0, by: 65_534 - Int32(references)))
        add(task, .extract(name, Move.copySend))
        add(task, .insert(name, name, Move.copySend))
        add(task, .modify(name, 0, by: chance.once(in: 4) ? 1 : -65_500))
    }

    private mutating func rename(_ task: Int) {
        add(task, .rename(any(task), chance.once(in: 5) ? any(task) : unused()))
    }

    private mutating func insert(_ task: Int) {
        let (right, move) = source(task, receives: chance.once(in: 3))
        let name = chance.once(in: 3) ? unused() : chance.once(in: 5) ? any(task) : right
        add(task, .insert(name, right, chance.once(in: 25) ? 9 : move))
    }

    private mutating func give(_ task: Int) {
        guard let other = model.tasks.keys.sorted().filter({ $0 != task }).randomElement(using: &chance) else { return }
        let (name, move) = source(task, receives: true)
        add(task, .give(name, move, to: other))
    }

    private mutating func assign(_ task: Int) {
        let name = mostly(own(task), task)
        switch chance.below(6) {
        case 0: add(task, .setMakeSendCount(name, UInt32(chance.below(5))))
        case 1: add(task, .setSequence(name, UInt32(chance.below(9))))
        case 2: add(task, .setQueueLimit(name, chance.once(in: 2) ? UInt32(chance.below(20)) : 1025))
        default: add(task, .setQueueLimit(name, UInt32(chance.below(4))))
        }
    }

    private mutating func ask(_ task: Int) {
        switch chance.below(3) {
        case 0: add(task, .type(any(task)))
        case 1: add(task, .references(any(task), UInt32(chance.below(7))))
        default: if form == .xnu { add(task, .peek(mostly(own(task), task))) }
        }
    }

    private mutating func sets(_ task: Int) {
        guard let set = set(task) else { return add(task, .allocate(3, name: nil)) }
        var member = mostly(own(task), task)
        if form == .xnu, chance.once(in: 4), let number = model.tasks[task]?[set]?.set {
            let inside = names(task) { entry in entry.receive.flatMap { port in model.ports[port] }?.sets.contains(number) == true }
            member = inside.randomElement(using: &chance) ?? member
        }
        let wanted = mostly(set, task)
        switch chance.below(form == .xnu ? 8 : 4) {
        case 0: add(task, .members(wanted))
        case 1: add(task, .moveMember(member, nullName))
        case 2, 3: add(task, .moveMember(member, wanted))
        case 4, 5, 6:
            add(task, .insertMember(member, wanted))
            if !chance.once(in: 3) { add(task, .insertMember(member, wanted)) }
        default: add(task, .extractMember(member, wanted))
        }
    }

    private mutating func ofXNU(_ task: Int) {
        guard form == .xnu else { return assign(task) }
        switch chance.below(4) {
        case 0:
            let options: UInt32 = [0, 1, 2, 16, 17, 18, 19].randomElement(using: &chance) ?? 0
            add(
                task,
                .construct(
                    options: options, queueLimit: chance.once(in: 9) ? 2000 : UInt32(chance.below(6)), context: UInt64(chance.below(3))))
        case 1:
            let name = mostly(own(task), task)
            let delta = [0, 0, -1, -2, 1].randomElement(using: &chance) ?? 0
            add(task, .destruct(name, by: Int32(delta), context: UInt64(chance.below(3))))
        case 2: add(task, .context(mostly(own(task), task)))
        default: add(task, .setContext(mostly(own(task), task), UInt64(chance.below(3))))
        }
    }

    private mutating func request(_ task: Int) {
        let id: Int32 = [72, 72, 72, 70, 70, 69, 69, 66, 66, 65].randomElement(using: &chance) ?? 72
        let name: Name
        switch id {
        case 72: name = mostly(some(task) { $0.set == nil }, task)
        case 66: name = mostly(crowded(task) ?? some(task) { $0.send != nil }, task)
        default: name = mostly(own(task), task)
        }
        var sync: UInt32 = chance.once(in: 3) ? UInt32(1 + chance.below(4)) : 0
        if id == 69, !chance.once(in: 12) { sync = 0 }
        switch chance.below(20) {
        case 0, 1: add(task, .request(name, id, sync: sync, notify: nullName, Move.makeSendOnce))
        case 2..<6 where id != 66:
            add(task, .request(name, id, sync: sync, notify: mostly(some(task) { $0.once != nil }, task), Move.sendOnce))
        case 6: add(task, .request(name, id, sync: sync, notify: any(task), 16 + UInt32(chance.below(6))))
        default: add(task, .request(name, id, sync: sync, notify: own(task) ?? any(task), Move.makeSendOnce))
        }
    }

    /// A request, and what it is for.
    private mutating func tell(_ task: Int) {
        guard let notify = own(task) else { return request(task) }
        let ports = names(task) { $0.receive != nil }.filter { $0 != notify }
        switch chance.below(form == .xnu ? 6 : 4) {
        case 0:
            // No senders, after one.
            guard let name = chance.once(in: 3) ? ports.randomElement(using: &chance) : newPort(task) else { return request(task) }
            if model.tasks[task]?[name]?.send == nil { add(task, .insert(name, name, Move.makeSend)) }
            add(task, .request(name, 70, sync: 0, notify: notify, Move.makeSendOnce))
            if chance.once(in: 3) { return add(task, .destroy(name)) }
            let references = model.tasks[task]?[name]?.references ?? 1
            add(task, .modify(name, 0, by: -Int32(references)))
        case 1:
            // A backup.
            guard let name = ports.randomElement(using: &chance) else { return request(task) }
            add(task, .request(name, 69, sync: 0, notify: notify, Move.makeSendOnce))
            if form == .xnu, chance.once(in: 3) { add(task, .request(name, 69, sync: 0, notify: notify, Move.makeSendOnce)) }
            add(task, chance.once(in: 2) ? .modify(name, 1, by: -1) : .destroy(name))
        case 2, 3:
            // A name that dies, or is freed.
            guard let name = some(task, { $0.send != nil || $0.once != nil }), let entry = model.tasks[task]?[name] else {
                return request(task)
            }
            add(task, .request(name, 72, sync: 0, notify: notify, Move.makeSendOnce))
            if chance.once(in: 3) { return add(task, .destroy(name)) }
            guard let port = entry.send, let receiver = model.ports[port]?.receiver else { return }
            if let theirs = names(receiver, { $0.receive == port }).first { add(receiver, .modify(theirs, 1, by: -1)) }
        default:
            // Room.
            guard let name = crowded(task) ?? crowd(task), let port = model.tasks[task]?[name]?.send else { return waitToSend(task) }
            add(task, .request(name, 66, sync: UInt32(chance.below(2)), notify: notify, Move.makeSendOnce))
            add(task, .send(Parcel(name, Move.copySend, id: 1000 + UInt32(program.count)), awaitsRoom: true))
            guard let receiver = model.ports[port]?.receiver, let theirs = names(receiver, { $0.receive == port }).first else { return }
            add(receiver, chance.once(in: 3) ? .setQueueLimit(theirs, 9) : .receive(theirs, room: 70_000, keepsLarge: false))
        }
    }

    /// A port that nobody else knows yet.
    private mutating func newPort(_ task: Int) -> Name? {
        add(task, .allocate(1, name: nil))
        let name = Name(program.count) << 8
        return model.tasks[task]?[name] == nil ? nil : name
    }

    /// A send right to a port that its receiver lets be full.
    private mutating func crowd(_ task: Int) -> Name? {
        guard let name = some(task, { $0.send != nil }), let port = model.tasks[task]?[name]?.send, let record = model.ports[port],
            let receiver = record.receiver, let theirs = names(receiver, { $0.receive == port }).first
        else { return nil }
        add(receiver, .setQueueLimit(theirs, UInt32(min(record.queue.count, 16))))
        return name
    }

    // MARK: messages

    private mutating func parcel(_ task: Int) -> Parcel {
        let id = 1000 + UInt32(program.count)
        if chance.once(in: 50), let port = own(task) {
            // Into its own queue.
            return Parcel(port, Move.makeSend, id: id, [.right(port, Move.receive)])
        }
        var remote: Name
        var move: UInt32
        switch chance.below(24) {
        case 0..<15:
            // Rather where there is a crowd.
            remote = (chance.once(in: 4) ? crowded(task) : nil) ?? some(task) { $0.send != nil } ?? any(task)
            move = chance.once(in: 8) ? Move.send : Move.copySend
        case 15..<20: (remote, move) = (some(task) { $0.once != nil } ?? own(task) ?? any(task), Move.sendOnce)
        case 20..<22: (remote, move) = (own(task) ?? any(task), chance.once(in: 3) ? Move.makeSendOnce : Move.makeSend)
        case 22: (remote, move) = (any(task), 15 + UInt32(chance.below(8)))
        default: (remote, move) = (some(task) { $0.isDead } ?? any(task), Move.copySend)
        }
        if move == Move.sendOnce, model.tasks[task]?[remote]?.once == nil, !chance.once(in: 6) { move = Move.makeSend }
        var (local, localMove): (Name, UInt32) = (nullName, 0)
        switch chance.below(14) {
        case 0..<4: (local, localMove) = (own(task) ?? any(task), Move.makeSendOnce)
        case 4, 5: (local, localMove) = source(task)
        case 6 where chance.once(in: 2): (local, localMove) = (remote, [17, 17, 19, 18, 20].randomElement(using: &chance) ?? 17)
        case 7 where chance.once(in: 5): (local, localMove) = (any(task), 0)
        default: break
        }
        if local == remote, chance.once(in: 2), model.tasks[task]?[remote]?.send != nil { move = Move.send }
        return Parcel(remote, move, reply: local, localMove, id: id, extraBits: chance.once(in: 70) ? 0x0100_0000 : 0, items(task))
    }

    private mutating func items(_ task: Int) -> [Item] {
        var items: [Item] = []
        if chance.once(in: 55) { return [.padding(16_400)] }
        if chance.once(in: 120) { return [.rights(Array(repeating: 0, count: 257), Move.copySend, deallocates: false)] }
        while chance.once(in: 2), items.count < 4 {
            switch chance.below(25) {
            case 0..<16:
                let (name, move) = source(task, receives: true)
                items.append(.right(name, move))
            case 16..<19:
                let (name, move) = source(task)
                let names = (0..<chance.below(4)).map { _ in chance.once(in: 6) ? any(task) : name }
                items.append(.rights(names, move, deallocates: chance.once(in: 2)))
            case 19..<22:
                let count = chance.once(in: 30) ? 70_000 : chance.once(in: 9) ? 5000 : chance.below(40)
                items.append(.memory(UInt8(1 + chance.below(200)), count: count, deallocates: chance.once(in: 2)))
            case 22, 23:
                items.append([.unknown, .unknown, .unreadable, .unreadableNames(Move.copySend)].randomElement(using: &chance) ?? .unknown)
            default: return items + [.overrun]
            }
        }
        if chance.once(in: 2) { items.append(.words((0..<(1 + chance.below(4))).map { _ in UInt32(chance.below(1 << 20)) })) }
        return items
    }

    private mutating func send(_ task: Int) { add(task, .send(parcel(task), awaitsRoom: chance.once(in: 3))) }

    private mutating func receive(_ task: Int) {
        let full = names(task) { entry in entry.receive.flatMap { model.ports[$0] }.map { !$0.queue.isEmpty } ?? false }
        let source = (chance.once(in: 5) ? set(task) : nil) ?? full.randomElement(using: &chance) ?? own(task)
        let room = chance.once(in: 5) ? 4 * chance.below(6) : 70_000
        // Twice as often as once: queues must empty too.
        add(task, .receive(mostly(source, task), room: room, keepsLarge: (form == .xnu || room >= 16) && chance.once(in: 2)))
    }

    private mutating func waitToReceive(_ task: Int) {
        if let waiting = model.receivers[task] { return endWait(task, waiting) }
        let empty = names(task) { entry in
            entry.receive.flatMap { model.ports[$0] }.map { $0.queue.isEmpty && (form == .xnu || $0.isFree) } ?? (entry.set != nil)
        }
        guard let name = empty.randomElement(using: &chance) else { return receive(task) }
        if form == .mach3, set(task) == nil { add(task, .allocate(3, name: nil)) }
        add(task, .receiveWaiting(name))
        // What ends a wait besides a message.
        switch chance.below(6) {
        case 0: add(task, .destroy(name))
        case 1, 3, 4:
            if let set = set(task) { add(task, .moveMember(name, set)) }
        case 2: give(task)
        default: break
        }
    }

    /// A wait that has gone on for a while.
    private mutating func endWait(_ task: Int, _ waiting: Model.Receiver) {
        if let name = names(task, { $0.receive != nil && $0.receive == waiting.port }).first {
            if let set = set(task), !chance.once(in: 3) { return add(task, .moveMember(name, set)) }
            return add(task, .send(Parcel(name, Move.makeSend, id: 1000 + UInt32(program.count)), awaitsRoom: false))
        }
        guard let name = names(task, { $0.set != nil && $0.set == waiting.set }).first else { return receive(task) }
        if chance.once(in: 2) { return add(task, .destroy(name)) }
        if let port = own(task) { add(task, .moveMember(port, name)) }
    }

    private mutating func waitToSend(_ task: Int) {
        guard let name = crowded(task), let port = model.tasks[task]?[name]?.send else { return send(task) }
        add(task, .sendWaiting(Parcel(name, Move.copySend, id: 1000 + UInt32(program.count), items(task))))
        // What ends a wait.
        guard let receiver = model.ports[port]?.receiver, let theirs = some(receiver, { $0.receive == port }) else { return }
        switch chance.below(5) {
        case 0: add(receiver, .modify(theirs, 1, by: -1))
        case 1, 2: add(receiver, .receive(theirs, room: 70_000, keepsLarge: false))
        case 3: add(receiver, .setQueueLimit(theirs, 9))
        default: break
        }
    }

    /// A send right to a port that is full.
    private mutating func crowded(_ task: Int) -> Name? {
        let full = names(task) { entry in entry.send.flatMap { model.ports[$0] }.map { $0.queue.count >= $0.limit } ?? false }
        return full.randomElement(using: &chance)
    }
}

extension Model.Port {
    /// In no set.
    var isFree: Bool { sets.isEmpty }
}
