// Sending and receiving (spec/mach.md 1.4).

extension Model {
    // MARK: sending

    mutating func send(_ parcel: Parcel, by task: Int, waits: Bool, awaitsRoom: Bool) throws(Code) -> Outcome? {
        let size = bodySize(parcel.items)
        guard size <= 65_536 else { throw form == .xnu ? .sendTooLarge : .sendNoBuffer }
        try checkHeader(parcel, by: task)
        rule("D4")
        let header = takeHeader(parcel, from: task)
        var message = Message(number: newNumber(), sender: task, id: parcel.id)
        let port: Int
        switch header.destination {
        case .send(let to): port = to
        case .once(let once):
            message.once = once
            port = onces[once] ?? 0
        case .null, .dead, .receive: throw .sendInvalidDestination
        }
        message.reply = header.reply
        message.replyType = header.reply == .null && parcel.localMove == 0 ? 0 : Move.arrived(parcel.localMove)
        message.isComplex = parcel.isComplex
        message.size = size
        do throws(Code) { try load(parcel.items, into: &message, from: task) } catch {
            // S3: what has been taken is destroyed, the header's rights too.
            rule("S3")
            destroy(message, at: port)
            throw error
        }
        if message.content.contains(where: { if case .memory = $0 { true } else { false } }) { rule("M1") }
        let cargo = message.rights.compactMap { right -> Int? in if case .receive(let port) = right { port } else { nil } }
        if isCircular(cargo, to: port) {
            rule("R4")
            rule("S5")
            destroy(message, at: port)
            return Outcome(.success)
        }
        guard let record = ports[port] else {
            destroy(message, at: port)
            return Outcome(.success)
        }
        rule("S6")
        if message.once != nil || record.blocked.isEmpty && record.queue.count < record.limit {
            enqueue(message, at: port)
            return Outcome(.success)
        }
        if waits {
            ports[port]?.blocked.append(Blocked(step: step, task: task, message: message))
            return nil
        }
        return takeBack(message, parcel, port, by: task, awaitsRoom: awaitsRoom)
    }

    /// S2, D5: nothing is taken yet.
    private mutating func checkHeader(_ parcel: Parcel, by task: Int) throws(Code) {
        rule("S2")
        let bad: UInt32 = form == .mach3 ? 0x07FF_0000 : ~0x801F_1F1F
        guard parcel.extraBits & bad == 0 else { throw .sendInvalidHeader }
        let isReplyGiven = Move.all.contains(parcel.localMove) && parcel.localMove != Move.receive
        guard Move.all.contains(parcel.remoteMove), parcel.remoteMove != Move.receive,
            parcel.localMove == 0 ? parcel.local == nullName : isReplyGiven
        else { throw .sendInvalidHeader }
        guard parcel.remote != nullName, parcel.remote != deadName, let toward = tasks[task]?[parcel.remote], !toward.isDead,
            holds(toward, parcel.remoteMove)
        else { throw .sendInvalidDestination }
        guard parcel.localMove != 0, parcel.local != nullName, parcel.local != deadName else { return }
        guard let back = tasks[task]?[parcel.local] else { throw .sendInvalidReply }
        if back.isDead {
            guard [Move.send, Move.sendOnce, Move.copySend].contains(parcel.localMove) else { throw .sendInvalidReply }
        } else {
            guard holds(back, parcel.localMove) else { throw .sendInvalidReply }
        }
        guard parcel.local == parcel.remote else { return }
        rule("D5")
        let moves = [parcel.remoteMove, parcel.localMove]
        if moves.contains(Move.sendOnce) { throw .sendInvalidReply }
        if moves == [Move.send, Move.send], back.references < 2 { throw .sendInvalidReply }
    }

    private func holds(_ entry: Entry, _ move: UInt32) -> Bool {
        switch move {
        case Move.send, Move.copySend: entry.send != nil
        case Move.sendOnce: entry.once != nil
        default: entry.receive != nil
        }
    }

    /// Checked; where one reference is both moved and copied, it is copied first (D5).
    private mutating func takeHeader(_ parcel: Parcel, from task: Int) -> (destination: Right, reply: Right) {
        func taken(_ name: Name, _ move: UInt32, _ model: inout Model) -> Right {
            move == 0 ? .null : (try? model.take(name, move, from: task)) ?? .null
        }
        if parcel.local == parcel.remote, parcel.remoteMove == Move.send {
            let reply = taken(parcel.local, parcel.localMove, &self)
            return (taken(parcel.remote, parcel.remoteMove, &self), reply)
        }
        let destination = taken(parcel.remote, parcel.remoteMove, &self)
        return (destination, taken(parcel.local, parcel.localMove, &self))
    }

    /// The items one by one; XNU looks at the form of all first (S3).
    private mutating func load(_ items: [Item], into message: inout Message, from task: Int) throws(Code) {
        if form == .xnu {
            for item in items {
                switch item {
                case .unknown: throw .sendInvalidType
                case .overrun: throw .sendTooSmall
                default: break
                }
            }
        }
        var count = 0
        for item in items {
            switch item {
            case .right(let name, let move):
                message.content.append(.right(try takeForBody(name, move, from: task), Move.arrived(move)))
                count += 1
            case .rights(let names, let move, _):
                guard names.count <= 256 else { throw .sendNoBuffer }
                message.content.append(.rights([], Move.arrived(move)))
                let place = message.content.count - 1
                for name in names {
                    let right = try takeForBody(name, move, from: task)
                    if case .rights(let rights, let type) = message.content[place] {
                        message.content[place] = .rights(rights + [right], type)
                    }
                }
                count += names.count
            case .memory(let byte, let count, _): message.content.append(.memory(byte, count))
            case .words(let words): message.content.append(.words(words))
            case .padding(let words): message.content.append(.padding(words))
            case .unknown: throw .sendInvalidType
            case .overrun: throw .sendTooSmall
            case .unreadable: throw .sendInvalidMemory
            case .unreadableNames(let move):
                guard Move.all.contains(move) else { throw .sendInvalidType }
                throw .sendInvalidMemory
            }
        }
        if count > 256 { throw .sendNoBuffer }
    }

    private mutating func takeForBody(_ name: Name, _ move: UInt32, from task: Int) throws(Code) -> Right {
        guard Move.all.contains(move) else { throw .sendInvalidType }
        do throws(Lack) { return try take(name, move, from: task) } catch { throw .sendInvalidRight }
    }

    /// S7: the sender receives its own message.
    private mutating func takeBack(_ message: Message, _ parcel: Parcel, _ port: Int, by task: Int, awaitsRoom: Bool) -> Outcome {
        rule("S7")
        if form == .xnu, awaitsRoom, let name = name(of: port, in: task), tasks[task]?[name]?.request?.isOfRoom == true {
            rule("S8")
            tasks[task]?[name]?.request?.awaitsRoom = true
        }
        lessSenders.insert(port)
        let remote = arrive(.send(port), in: task)
        let local = arrive(message.reply, in: task)
        let type = message.replyType
        return Outcome(
            .sendTimedOut,
            [.text("back"), .name(remote), .name(local), number(17 | type << 8 | (message.isComplex ? 1 << 31 : 0))]
                + contents(of: message, to: task))
    }

    // MARK: sizes (spec/mach.md 4)

    func bodySize(_ items: [Item]) -> Int {
        var size = 0
        if form == .xnu, items.contains(where: \.isComplex) { size = 4 }
        for item in items {
            switch (item, form) {
            case (.right, .xnu), (.unknown, .xnu): size += 12
            case (.right, .mach3), (.unknown, .mach3): size += 8
            case (.words(let words), .xnu): size += 4 * words.count
            case (.words(let words), .mach3): size += 4 + 4 * words.count
            case (.padding(let words), .xnu): size += 4 * words
            case (.padding(let words), .mach3): size += 12 + 4 * words
            case (.overrun, .xnu): size += 4
            case (.overrun, .mach3): size += 8
            case (.memory(_, let count, _), .mach3): size += count < 4096 ? 12 : 20
            case (.rights, .mach3), (.unreadable, .mach3), (.unreadableNames, .mach3): size += 12
            case (_, .xnu): size += 16
            }
        }
        return size
    }

    // MARK: receiving

    mutating func receive(_ name: Name, by task: Int, room: Int, keepsLarge: Bool) throws(Code) -> Outcome {
        rule("V1")
        let source = try source(name, of: task)
        rule("V2")
        guard let port = nextPort(of: source, in: task), let message = next(of: port) else { throw .receiveTimedOut }
        if message.size > room {
            rule("V4")
            if keepsLarge {
                return Outcome(
                    .receiveTooLarge,
                    [.text("stays"), number(message.size + (form == .xnu ? 24 : 32)), .name(self.name(of: port, in: task) ?? nullName)])
            }
        }
        return deliver(message, from: port, to: task, room: room)
    }

    /// V1.
    private func source(_ name: Name, of task: Int) throws(Code) -> Receiver {
        guard let entry = tasks[task]?[name] else { throw .receiveInvalidName }
        if let port = entry.receive {
            if form == .mach3, ports[port]?.sets.isEmpty == false { throw .receiveInSet }
            return Receiver(step: step, port: port)
        }
        guard let set = entry.set else { throw .receiveInvalidName }
        return Receiver(step: step, set: set)
    }

    mutating func receiveWaiting(_ name: Name, by task: Int) throws(Code) -> Outcome? {
        rule("V1")
        receivers[task] = try source(name, of: task)
        return nil
    }

    mutating func endReceiver(_ task: Int, _ code: Code) {
        guard let receiver = receivers.removeValue(forKey: task) else { return }
        rule("V2")
        finished.append((receiver.step, task, Outcome(code)))
    }

    /// Those who wait take what has come.
    mutating func deliverToWaiting() {
        var isChanged = true
        while isChanged {
            isChanged = false
            for (task, receiver) in receivers.sorted(by: { $0.key < $1.key }) {
                guard let port = nextPort(of: receiver, in: task), let message = next(of: port) else { continue }
                receivers[task] = nil
                rule("V2")
                let outcome = asStep(receiver.step) { $0.deliver(message, from: port, to: task, room: .max) }
                finished.append((receiver.step, task, outcome))
                settle()
                isChanged = true
            }
        }
    }

    /// Any member of a set that has something (1.7).
    private mutating func nextPort(of source: Receiver, in task: Int) -> Int? {
        if let port = source.port { return port }
        guard let set = source.set else { return nil }
        rule("1.7")
        let members = ports.filter { $0.value.sets.contains(set) && !$0.value.queue.isEmpty }.keys.sorted()
        guard !members.isEmpty else { return nil }
        return members[choose(members.count)]
    }

    /// The next message of a port: where the order is open, one of those that may be (O1).
    mutating func next(of port: Int) -> Message? {
        guard let queue = ports[port]?.queue, let first = queue.first else { return nil }
        rule("O1")
        var candidates: [Message] = []
        var senders: Set<Int> = []
        for message in queue {
            if isOrdered {
                // Of one step the order is open.
                guard message.stamp == first.stamp else { break }
                candidates.append(message)
            } else if let sender = message.sender, message.once == nil {
                if senders.insert(sender).inserted { candidates.append(message) }
            } else {
                candidates.append(message)
            }
        }
        return candidates[choose(candidates.count)]
    }

    /// V3, V5: off the queue and into names; or destroyed but for its header (V4).
    private mutating func deliver(_ message: Message, from port: Int, to task: Int, room: Int) -> Outcome {
        rule("V3")
        let sequence = ports[port]?.sequence ?? 0
        ports[port]?.sequence &+= 1
        ports[port]?.queue.removeAll { $0.number == message.number }
        if let once = message.once { onces[once] = nil } else { lessSenders.insert(port) }
        // In the same step, before what the message carries can be destroyed and tell of it here.
        admit(to: port)
        rule("V5")
        let local = name(of: port, in: task) ?? nullName
        let localType: UInt32 = message.once == nil ? 17 : 18
        var values: [Value] = [number(message.id), number(localType), number(message.isComplex ? 1 : 0), .name(local), number(sequence)]
        guard message.size <= room else {
            for right in message.rights { if case .receive = right { continue } else { release(right) } }
            for right in message.rights { if case .receive = right { release(right) } }
            return Outcome(.receiveTooLarge, [.text("gone")] + values + [number(message.size)])
        }
        let reply = arrive(message.reply, in: task)
        // What kind of right a null or dead name stands for is nobody's business.
        values += [.name(reply), number(reply == nullName || reply == deadName ? 0 : message.replyType)]
        if message.content.contains(where: { if case .memory = $0 { true } else { false } }) { rule("M2") }
        return Outcome(.success, [.text("message")] + values + contents(of: message, to: task))
    }

    private mutating func contents(of message: Message, to task: Int) -> [Value] {
        var values: [Value] = []
        for content in message.content {
            switch content {
            case .right(let right, let type): values += [.text("right"), .name(arrive(right, in: task)), number(type)]
            case .rights(let rights, let type):
                rule("M2")
                values += [.text("rights"), number(type)] + rights.map { .name(arrive($0, in: task)) }
            case .memory(let byte, let count): values.append(.text("memory \(count) of \(count == 0 ? 0 : byte)"))
            case .words(let words): values.append(.text("words \(words)"))
            case .padding(let words): values.append(.text("words \(words) of 0"))
            case .told(let other, let name): values.append(.told(task: other, name))
            case .count(let count): values.append(number(count))
            }
        }
        return values
    }
}
