// How rights move: out of names, into names, or nowhere (spec/mach.md 1.3, 1.5, 1.6, 1.11).

extension Model {
    // MARK: counts, by looking (N4)

    /// Every message there is, and the port that it lies or waits at.
    private var messages: [(port: Int, message: Message)] {
        ports.flatMap { id, port in (port.queue + port.blocked.map(\.message)).map { (id, $0) } }
    }

    func sendRights(to port: Int) -> Int {
        let held = tasks.values.reduce(0) { $0 + $1.values.count { $0.send == port && !$0.isDead } }
        return messages.reduce(held) { sum, place in
            sum + (place.port == port && place.message.once == nil ? 1 : 0) + place.message.rights.count { $0 == .send(port) }
        }
    }

    func sendOnceRights(to port: Int) -> Int { onces.values.count { $0 == port } }

    func isAlive(_ once: Int) -> Bool { onces[once].map { ports[$0] != nil } ?? false }

    /// The name by which a task knows a port.
    func name(of port: Int, in task: Int) -> Name? { tasks[task]?.first { $0.value.port == port && !$0.value.isDead }?.key }

    // MARK: out of names

    enum Lack: Error { case name, right }

    /// Takes a right for a message.
    mutating func take(_ name: Name, _ move: UInt32, from task: Int) throws(Lack) -> Right {
        if name == nullName || name == deadName {
            rule("D1")
            return name == nullName ? .null : .dead
        }
        guard let entry = tasks[task]?[name] else { throw .name }
        if entry.isDead {
            guard [Move.send, Move.sendOnce, Move.copySend].contains(move) else { throw .right }
            rule("D1")
            if move != Move.copySend { dropReference(name, of: task) }
            return .dead
        }
        let right: Right
        switch move {
        case Move.receive:
            guard let port = entry.receive else { throw .right }
            loseReceive(name, of: task)
            right = .receive(port)
        case Move.send:
            guard let port = entry.send else { throw .right }
            dropReference(name, of: task)
            right = .send(port)
        case Move.copySend:
            guard let port = entry.send else { throw .right }
            right = .send(port)
        case Move.sendOnce:
            guard let once = entry.once else { throw .right }
            free(name, of: task)
            right = .once(once)
        case Move.makeSend:
            guard let port = entry.receive else { throw .right }
            ports[port]?.makeSendCount &+= 1
            rule("N4")
            right = .send(port)
        default:
            guard let port = entry.receive else { throw .right }
            let once = newNumber()
            onces[once] = port
            right = .once(once)
        }
        rule("1.3")
        coverage.moves[move, default: 0] += 1
        return right
    }

    /// One reference to a send right or a dead name less.
    mutating func dropReference(_ name: Name, of task: Int, count: Int = 1) {
        guard let entry = tasks[task]?[name] else { return }
        tasks[task]?[name]?.references -= count
        guard entry.references == count else { return }
        if entry.isDead {
            tasks[task]?[name] = nil
            rule("1.6")
        } else {
            loseSend(name, of: task)
        }
    }

    /// The send right of a name goes, whatever its references; the name stays if it receives.
    mutating func loseSend(_ name: Name, of task: Int) {
        guard let port = tasks[task]?[name]?.send else { return }
        lessSenders.insert(port)
        tasks[task]?[name]?.references = 0
        if tasks[task]?[name]?.receive != nil {
            tasks[task]?[name]?.send = nil
            // A request for room is one of the send right; the name keeps it with the name (N2).
            rule("N2")
        } else {
            free(name, of: task)
        }
    }

    /// The receive right leaves its name and its sets (R1).
    mutating func loseReceive(_ name: Name, of task: Int) {
        guard let port = tasks[task]?[name]?.receive else { return }
        tasks[task]?[name]?.receive = nil
        leaveReceiver(port)
        if tasks[task]?[name]?.send == nil {
            if tasks[task]?[name]?.request != nil { rule("R3") }
            free(name, of: task)
        }
    }

    /// What ends with the receiver's life of a port (R1). Requests, queue and senders stay (R2).
    private mutating func leaveReceiver(_ port: Int) {
        rule("R1")
        if ports[port]?.noSenders != nil { rule("R2") }
        if ports[port]?.sets.isEmpty == false { rule("1.7") }
        ports[port]?.receiver = nil
        ports[port]?.sets = []
        ports[port]?.makeSendCount = 0
        ports[port]?.sequence = 0
        ports[port]?.context = 0
        ports[port]?.isGuarded = false
        for (task, receiver) in receivers where receiver.port == port { endReceiver(task, .receivePortDied) }
    }

    /// The name is free; whoever wanted to be told of its death is told so (65, D2).
    mutating func free(_ name: Name, of task: Int) {
        guard let entry = tasks[task]?.removeValue(forKey: name) else { return }
        if let request = entry.request {
            rule("D2")
            notify(request.notify, id: 65, .told(task, name))
        }
    }

    // MARK: into names

    /// Gives a right a name (N2, N6, D3).
    mutating func arrive(_ right: Right, in task: Int) -> Name {
        switch right {
        case .null: return nullName
        case .dead: return deadName
        case .send(let port):
            guard ports[port] != nil else {
                rule("D3")
                return deadName
            }
            guard let known = name(of: port, in: task) else { return enter(Entry(send: port, references: 1), in: task) }
            rule("N2")
            if tasks[task]?[known]?.send == nil {
                tasks[task]?[known]?.send = port
                tasks[task]?[known]?.references = 1
            } else if let references = tasks[task]?[known]?.references {
                if references >= Self.sendReferencesMax { rule("N6") }
                tasks[task]?[known]?.references = min(references + 1, Self.sendReferencesMax)
            }
            // The reference that came is one more of the same right.
            lessSenders.insert(port)
            return known
        case .once(let once):
            guard isAlive(once) else {
                onces[once] = nil
                rule("D3")
                return deadName
            }
            return enter(Entry(once: once), in: task)
        case .receive(let port):
            guard ports[port] != nil else { return deadName }
            ports[port]?.receiver = task
            guard let known = name(of: port, in: task) else { return enter(Entry(receive: port), in: task) }
            rule("N2")
            tasks[task]?[known]?.receive = port
            return known
        }
    }

    mutating func enter(_ entry: Entry, in task: Int) -> Name {
        let name = newName()
        tasks[task]?[name] = entry
        return name
    }

    /// N3.
    static let sendReferencesMax = 65_534
    static let deadReferencesMax = 65_535

    // MARK: nowhere

    /// A right that nobody has any more (1.11).
    mutating func release(_ right: Right) {
        switch right {
        case .null, .dead: break
        case .send(let port): lessSenders.insert(port)
        case .once(let once):
            rule("T4")
            guard isAlive(once) else {
                onces[once] = nil
                return
            }
            notify(once, id: 71, nil)
        case .receive(let port): destroy(port)
        }
    }

    /// Sends a notification by a send-once right; what it carries is destroyed if nobody is there.
    mutating func notify(_ once: Int, id: UInt32, _ content: Content?) {
        guard let port = onces[once], ports[port] != nil else {
            onces[once] = nil
            if case .right(let right, _)? = content { release(right) }
            return
        }
        var message = Message(number: newNumber(), sender: nil, once: once, id: id)
        message.content = content.map { [$0] } ?? []
        if case .right? = content { message.isComplex = true }
        switch (id, form) {
        case (71, _): message.size = 0
        case (69, .xnu): message.size = 16
        case (_, .xnu): message.size = 12
        case (_, .mach3): message.size = 8
        }
        rule("1.5")
        coverage.notifications[id, default: 0] += 1
        enqueue(message, at: port)
    }

    mutating func enqueue(_ message: Message, at port: Int) {
        var message = message
        message.stamp = step
        ports[port]?.queue.append(message)
    }

    /// The port has lost its receive right: T5.
    mutating func destroy(_ port: Int) {
        guard let record = ports[port] else { return }
        leaveReceiver(port)
        if let backup = record.backup {
            ports[port]?.backup = nil
            if let target = onces[backup], ports[target] != nil, !isCircular([port], to: target) {
                rule("R5")
                notify(backup, id: 69, .right(.receive(port), Move.receive))
                return
            }
            release(.once(backup))
        }
        rule("T5")
        let dead = ports.removeValue(forKey: port) ?? record
        // Every name of it is a dead name from here on.
        var requests: [(Int, Int, Name)] = []
        for (task, names) in tasks {
            for (name, entry) in names where entry.send == port || entry.once.map({ onces[$0] == port }) == true {
                rule("1.6")
                var changed = Entry(isDead: true, references: entry.once == nil ? entry.references : 1)
                if let request = entry.request {
                    changed.references = min(changed.references + 1, Self.deadReferencesMax)
                    requests.append((request.notify, task, name))
                }
                tasks[task]?[name] = changed
            }
        }
        // S4: who waited has succeeded.
        for blocked in dead.blocked {
            rule("S4")
            finished.append((blocked.step, blocked.task, Outcome(.success)))
        }
        if let request = dead.noSenders { release(.once(request)) }
        for message in dead.queue + dead.blocked.map(\.message) {
            rule("O3")
            destroy(message, at: port)
        }
        for (once, task, name) in requests { notify(once, id: 72, .told(task, name)) }
        for (once, target) in onces where target == port { onces[once] = nil }
    }

    /// A message that nobody will receive (1.11).
    mutating func destroy(_ message: Message, at port: Int) {
        rule("1.11")
        if let once = message.once { release(.once(once)) } else { release(.send(port)) }
        for right in message.rights { if case .receive = right { continue } else { release(right) } }
        for right in message.rights { if case .receive = right { release(right) } }
    }

    /// R4: a message with these receive rights would lie, by whatever chain, in the queue of one of them.
    func isCircular(_ cargo: [Int], to port: Int) -> Bool {
        var station = port
        var visited: Set<Int> = []
        while visited.insert(station).inserted {
            if cargo.contains(station) { return true }
            guard let next = messages.first(where: { $0.message.rights.contains(.receive(station)) })?.port else { return false }
            station = next
        }
        return true
    }

    /// A task is killed: its rights go, ports before the news that they have no senders; what it was sending was never sent.
    mutating func kill(_ task: Int) {
        guard let names = tasks[task] else { return }
        receivers[task] = nil
        var abandoned: [(Int, Message)] = []
        for (id, port) in ports {
            for blocked in port.blocked where blocked.task == task { abandoned.append((id, blocked.message)) }
            ports[id]?.blocked.removeAll { $0.task == task }
        }
        let ordered = names.sorted { $0.key < $1.key }
        for (name, entry) in ordered {
            if let send = entry.send { lessSenders.insert(send) }
            free(name, of: task)
        }
        for (_, entry) in ordered { if let once = entry.once { release(.once(once)) } }
        tasks[task] = nil
        for port in ordered.compactMap(\.value.receive).sorted() { destroy(port) }
        for (port, message) in abandoned { destroy(message, at: port) }
    }

    // MARK: what follows

    /// Who waits for room gets in, and who waits for the last sender is told.
    mutating func settle() {
        var isChanged = true
        while isChanged {
            isChanged = false
            for port in ports.keys.sorted() {
                if admit(to: port) { isChanged = true }
                if let record = ports[port], record.queue.count < record.limit, record.blocked.isEmpty {
                    isChanged = tellRoom(port) || isChanged
                }
            }
            while let port = lessSenders.min() {
                lessSenders.remove(port)
                guard let request = ports[port]?.noSenders, sendRights(to: port) == 0 else { continue }
                rule("T2")
                ports[port]?.noSenders = nil
                notify(request, id: 70, .count(ports[port]?.makeSendCount ?? 0))
                isChanged = true
            }
        }
    }

    /// Blocked senders come in, in any order, while there is room. Whether one has.
    @discardableResult
    mutating func admit(to port: Int) -> Bool {
        var hasAdmitted = false
        while let record = ports[port], !record.blocked.isEmpty, record.queue.count < record.limit {
            rule("O2")
            let place = choose(record.blocked.count)
            let next = record.blocked[place]
            ports[port]?.blocked.remove(at: place)
            finished.append((next.step, next.task, Outcome(.success)))
            enqueue(next.message, at: port)
            hasAdmitted = true
        }
        return hasAdmitted
    }

    /// S8.
    private mutating func tellRoom(_ port: Int) -> Bool {
        var told = false
        for task in tasks.keys.sorted() {
            guard let name = name(of: port, in: task), let request = tasks[task]?[name]?.request, request.awaitsRoom else { continue }
            rule("S8")
            tasks[task]?[name]?.request = nil
            notify(request.notify, id: 66, .told(task, name))
            told = true
        }
        return told
    }
}
