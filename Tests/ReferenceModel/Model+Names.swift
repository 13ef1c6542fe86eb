// The calls on names (spec/mach.md 1.2).

extension Model {
    mutating func performOnNames(_ call: Call, by task: Int) throws(Code) -> [Value] {
        rule("1.2")
        switch call {
        case .allocate(let kind, let name): return [.name(try allocate(kind, name, by: task))]
        case .type(let name):
            rule("N5")
            return [number(try entry(name, of: task).type)]
        case .references(let name, let kind):
            rule("N3")
            guard kind <= 4 else { throw .invalidValue }
            return [number(count(try entry(name, of: task), kind))]
        case .deallocate(let name): try deallocate(name, by: task)
        case .modify(let name, let kind, let delta): try modify(name, kind, Int(delta), by: task)
        case .destroy(let name):
            _ = try entry(name, of: task)
            destroyName(name, of: task)
        case .rename(let old, let new): try rename(old, new, by: task)
        case .insert(let name, let right, let move): try insert(name, right, move, by: task)
        case .extract(let name, let move): return try extract(name, move, by: task)
        case .status(let name): return try status(name, of: task)
        case .setQueueLimit(let name, let limit):
            guard limit <= (form == .xnu ? 1024 : 16) else { throw .invalidValue }
            let port = try receivePort(name, of: task)
            ports[port]?.limit = Int(limit)
        case .setMakeSendCount(let name, let count):
            let port = try receivePort(name, of: task)
            ports[port]?.makeSendCount = count
        case .setSequence(let name, let number):
            let port = try receivePort(name, of: task)
            ports[port]?.sequence = number
        case .context(let name): return [number(ports[try receivePort(name, of: task)]?.context ?? 0)]
        case .setContext(let name, let context):
            let port = try receivePort(name, of: task)
            ports[port]?.context = context
        case .moveMember, .insertMember, .extractMember, .members: return try performOnSets(call, by: task)
        case .peek(let name): return try peek(name, by: task)
        case .construct(let options, let limit, let context): return [.name(try construct(options, limit, context, by: task))]
        case .destruct(let name, let delta, let context): try destruct(name, Int(delta), context, by: task)
        case .request(let name, let id, let sync, let notify, let move):
            return [.name(try request(name, id, sync, notify, move, by: task))]
        case .begin, .kill, .give, .send, .sendWaiting, .receive, .receiveWaiting: break
        }
        return []
    }

    // MARK: what a name denotes

    func entry(_ name: Name, of task: Int) throws(Code) -> Entry {
        guard let entry = tasks[task]?[name] else { throw .invalidName }
        return entry
    }

    private func receivePort(_ name: Name, of task: Int) throws(Code) -> Int {
        guard let port = try entry(name, of: task).receive else { throw .invalidRight }
        return port
    }

    private func setNumber(_ name: Name, of task: Int) throws(Code) -> Int {
        guard let set = try entry(name, of: task).set else { throw .invalidRight }
        return set
    }

    /// N3.
    func count(_ entry: Entry, _ kind: UInt32) -> Int {
        switch kind {
        case 0: entry.send == nil ? 0 : entry.references
        case 1: entry.receive == nil ? 0 : 1
        case 2: entry.once == nil ? 0 : 1
        case 3: entry.set == nil ? 0 : 1
        default: entry.isDead ? entry.references : 0
        }
    }

    // MARK: making and dropping

    private mutating func allocate(_ kind: UInt32, _ wanted: Name?, by task: Int) throws(Code) -> Name {
        if let wanted, wanted == nullName || wanted == deadName { throw .invalidValue }
        guard [1, 3, 4].contains(kind) else { throw .invalidValue }
        if let wanted, tasks[task]?[wanted] != nil { throw .nameExists }
        var entry = Entry()
        switch kind {
        case 1:
            let port = newNumber()
            ports[port] = Port(receiver: task)
            entry.receive = port
        case 3: entry.set = newNumber()
        default:
            entry.isDead = true
            entry.references = 1
        }
        guard let wanted else { return enter(entry, in: task) }
        tasks[task]?[wanted] = entry
        return wanted
    }

    private mutating func deallocate(_ name: Name, by task: Int) throws(Code) {
        let entry = try entry(name, of: task)
        if entry.set != nil {
            guard form == .xnu else { throw .invalidRight }
            destroyName(name, of: task)
        } else if let once = entry.once {
            free(name, of: task)
            release(.once(once))
        } else if entry.send != nil || entry.isDead {
            dropReference(name, of: task)
        } else {
            throw .invalidRight
        }
    }

    private mutating func modify(_ name: Name, _ kind: UInt32, _ delta: Int, by task: Int) throws(Code) {
        guard kind <= 4 else { throw .invalidValue }
        let entry = try entry(name, of: task)
        let now = count(entry, kind)
        guard now > 0 else { throw .invalidRight }
        rule("N3")
        if kind == 0 || kind == 4 {
            guard now + delta >= 0 else { throw .invalidValue }
            guard now + delta <= (kind == 0 ? Self.sendReferencesMax : Self.deadReferencesMax) else { throw .referencesOverflow }
            if delta < 0 { dropReference(name, of: task, count: -delta) } else { tasks[task]?[name]?.references += delta }
            if kind == 0, now + delta == Self.sendReferencesMax { rule("1.14") }
            return
        }
        guard delta == 0 || delta == -1 else { throw .invalidValue }
        guard delta == -1 else { return }
        if kind == 1 { destroyReceive(name, of: task) } else { destroyName(name, of: task) }
    }

    /// The receive right goes: what sends by the same name is a dead name from then on (1.6).
    private mutating func destroyReceive(_ name: Name, of task: Int) {
        guard let port = tasks[task]?[name]?.receive else { return }
        loseReceive(name, of: task)
        destroy(port)
    }

    /// All that the name denotes goes, the send right before the receive right (1.14).
    private mutating func destroyName(_ name: Name, of task: Int) {
        guard let entry = tasks[task]?[name] else { return }
        if let set = entry.set { endSet(set) }
        if entry.send != nil, entry.receive != nil {
            rule("1.14")
            loseSend(name, of: task)
            settle()
        }
        if entry.receive != nil {
            destroyReceive(name, of: task)
        } else if entry.isDead {
            tasks[task]?[name] = nil
        } else if entry.send != nil {
            loseSend(name, of: task)
        } else {
            free(name, of: task)
        }
        if let once = entry.once { release(.once(once)) }
    }

    private mutating func rename(_ old: Name, _ new: Name, by task: Int) throws(Code) {
        guard new != nullName, new != deadName else { throw .invalidValue }
        guard tasks[task]?[new] == nil else { throw .nameExists }
        let entry = try entry(old, of: task)
        tasks[task]?[old] = nil
        tasks[task]?[new] = entry
    }

    // MARK: rights in and out

    private mutating func insert(_ name: Name, _ right: Name, _ move: UInt32, by task: Int) throws(Code) {
        guard name != nullName, name != deadName, Move.all.contains(move) else { throw .invalidValue }
        guard right != nullName, right != deadName else { throw .invalidCapability }
        let taken: Right
        do throws(Lack) { taken = try take(right, move, from: task) } catch { throw .invalidRight }
        do throws(Code) { try put(taken, as: name, in: task) } catch {
            release(taken)
            throw error
        }
    }

    /// Under this name, as if it had been received.
    private mutating func put(_ right: Right, as name: Name, in task: Int) throws(Code) {
        var fresh = Entry()
        switch right {
        case .null, .dead: throw .invalidCapability
        case .once(let once):
            guard tasks[task]?[name] == nil else { throw .nameExists }
            fresh.once = once
            tasks[task]?[name] = fresh
        case .send(let port), .receive(let port):
            if let known = self.name(of: port, in: task) {
                guard known == name else { throw .rightExists }
                rule("N2")
                if case .send = right, let entry = tasks[task]?[name], entry.send != nil, entry.references >= Self.sendReferencesMax {
                    rule("N6")
                    throw .referencesOverflow
                }
                _ = arrive(right, in: task)
                return
            }
            guard tasks[task]?[name] == nil else { throw .nameExists }
            if case .send = right {
                fresh.send = port
                fresh.references = 1
            } else {
                fresh.receive = port
                ports[port]?.receiver = task
            }
            tasks[task]?[name] = fresh
        }
    }

    private mutating func extract(_ name: Name, _ move: UInt32, by task: Int) throws(Code) -> [Value] {
        guard Move.all.contains(move) else { throw .invalidValue }
        _ = try entry(name, of: task)
        let right: Right
        do throws(Lack) { right = try take(name, move, from: task) } catch { throw .invalidRight }
        return [.name(arrive(right, in: task)), number(Move.arrived(move))]
    }

    /// Not a call of Mach's: by the way of a third task.
    mutating func give(_ name: Name, _ move: UInt32, from task: Int, to other: Int) throws(Code) -> Outcome {
        guard Move.all.contains(move) else { throw .invalidValue }
        _ = try entry(name, of: task)
        let right: Right
        do throws(Lack) { right = try take(name, move, from: task) } catch { throw .invalidRight }
        return Outcome(.success, [.told(task: other, arrive(right, in: other))])
    }

    // MARK: what a receiver knows

    private func status(_ name: Name, of task: Int) throws(Code) -> [Value] {
        let port = try receivePort(name, of: task)
        guard let record = ports[port] else { throw .invalidRight }
        let sets = tasks[task]?.filter { entry in entry.value.set.map { record.sets.contains($0) } ?? false }.keys.sorted() ?? []
        return [
            .names(sets), number(record.sequence), number(record.makeSendCount), number(record.limit), number(record.queue.count),
            number(sendOnceRights(to: port)), number(sendRights(to: port) > 0 ? 1 : 0), number(record.backup == nil ? 0 : 1),
            number(record.noSenders == nil ? 0 : 1), number(record.isGuarded ? 1 : 0),
        ]
    }

    private mutating func peek(_ name: Name, by task: Int) throws(Code) -> [Value] {
        let port = try receivePort(name, of: task)
        guard let message = next(of: port), let record = ports[port] else { throw .failure }
        return [number(record.sequence), number(message.size + 24), number(message.id)]
    }

    private mutating func construct(_ options: UInt32, _ limit: UInt32, _ context: UInt64, by task: Int) throws(Code) -> Name {
        if options & 2 != 0, limit > 1024 { throw .invalidValue }
        let name = try allocate(1, nil, by: task)
        let port = try receivePort(name, of: task)
        if options & 2 != 0 { ports[port]?.limit = Int(limit) }
        ports[port]?.context = context
        ports[port]?.isGuarded = options & 1 != 0
        if options & 16 != 0 { try insert(name, name, Move.makeSend, by: task) }
        return name
    }

    private mutating func destruct(_ name: Name, _ delta: Int, _ context: UInt64, by task: Int) throws(Code) {
        let port = try receivePort(name, of: task)
        if let record = ports[port], record.isGuarded, record.context != context { throw .invalidArgument }
        guard delta <= 0 else { throw .invalidValue }
        if delta < 0 {
            try modify(name, 0, delta, by: task)
            settle()
        }
        destroyReceive(name, of: task)
    }

    // MARK: sets (1.7)

    private mutating func performOnSets(_ call: Call, by task: Int) throws(Code) -> [Value] {
        rule("1.7")
        switch call {
        case .moveMember(let member, let name):
            let port = try receivePort(member, of: task)
            guard name != nullName else {
                guard ports[port]?.sets.isEmpty == false else { throw .notInSet }
                ports[port]?.sets = []
                return []
            }
            let set = try setNumber(name, of: task)
            ports[port]?.sets = [set]
            entered(port)
        case .insertMember(let member, let name):
            let port = try receivePort(member, of: task)
            let set = try setNumber(name, of: task)
            guard ports[port]?.sets.contains(set) == false else { throw .alreadyInSet }
            ports[port]?.sets.append(set)
            entered(port)
        case .extractMember(let member, let name):
            let port = try receivePort(member, of: task)
            let set = try setNumber(name, of: task)
            guard ports[port]?.sets.contains(set) == true else { throw .notInSet }
            ports[port]?.sets.removeAll { $0 == set }
        case .members(let name):
            let set = try setNumber(name, of: task)
            let members = tasks[task]?.filter { entry in entry.value.receive.map { ports[$0]?.sets.contains(set) == true } ?? false }
            return [.names(members?.keys.sorted() ?? [])]
        default: break
        }
        return []
    }

    /// V1: in Mach 3 nobody receives from a member itself.
    private mutating func entered(_ port: Int) {
        guard form == .mach3 else { return }
        for (task, receiver) in receivers where receiver.port == port { endReceiver(task, .receivePortChanged) }
    }

    private mutating func endSet(_ set: Int) {
        rule("1.7")
        for port in Array(ports.keys) { ports[port]?.sets.removeAll { $0 == set } }
        for (task, receiver) in receivers where receiver.set == set { endReceiver(task, .receivePortDied) }
    }

    // MARK: requests (1.5, T1 to T3)

    private mutating func request(
        _ name: Name, _ id: Int32, _ sync: UInt32, _ notify: Name, _ move: UInt32, by task: Int
    ) throws(Code) -> Name {
        rule("T1")
        var right = Right.null
        if notify != nullName {
            guard move == Move.makeSendOnce || move == Move.sendOnce else { throw .invalidCapability }
            do throws(Lack) { right = try take(notify, move, from: task) } catch { throw .invalidCapability }
        }
        do throws(Code) { return try register(name, id, sync, right, by: task) } catch {
            // 1.14: the right is destroyed, and tells so.
            if right != .null { rule("1.14") }
            release(right)
            throw error
        }
    }

    private mutating func register(_ name: Name, _ id: Int32, _ sync: UInt32, _ right: Right, by task: Int) throws(Code) -> Name {
        var notify: Int?
        switch right {
        case .null: break
        case .once(let once): notify = once
        default: throw .invalidCapability
        }
        guard [69, 70, 72].contains(id) || id == 66 && form == .xnu else { throw .invalidValue }
        if id == 69, sync != 0 { throw .invalidValue }
        if id == 66 || id == 72 { return try requestOfName(name, isOfRoom: id == 66, sync, notify, by: task) }
        let port = try receivePort(name, of: task)
        var previous: Int?
        if id == 69 {
            previous = ports[port]?.backup
            if form == .xnu, notify != nil, previous != nil { throw .failure }
            ports[port]?.backup = notify
        } else {
            rule("T2")
            previous = ports[port]?.noSenders
            ports[port]?.noSenders = nil
            if let notify {
                let made = ports[port]?.makeSendCount ?? 0
                if sendRights(to: port) == 0, sync <= made {
                    self.notify(notify, id: 70, .count(made))
                } else {
                    ports[port]?.noSenders = notify
                }
            }
        }
        return arrive(previous.map { .once($0) } ?? .null, in: task)
    }

    /// T3, S8.
    private mutating func requestOfName(_ name: Name, isOfRoom: Bool, _ sync: UInt32, _ notify: Int?, by task: Int) throws(Code) -> Name {
        let entry = try entry(name, of: task)
        guard entry.set == nil else { throw .invalidRight }
        if entry.isDead {
            rule("T3")
            guard form == .mach3, sync != 0, let notify else { throw .invalidArgument }
            guard entry.references < Self.deadReferencesMax else { throw .referencesOverflow }
            tasks[task]?[name]?.references += 1
            self.notify(notify, id: 72, .told(task, name))
            return nullName
        }
        if isOfRoom {
            guard entry.send != nil else { throw .invalidRight }
            rule("S8")
        }
        tasks[task]?[name]?.request = notify.map { Request(notify: $0, isOfRoom: isOfRoom, awaitsRoom: isOfRoom && sync != 0) }
        return arrive(entry.request.map { .once($0.notify) } ?? .null, in: task)
    }
}
