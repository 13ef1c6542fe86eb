package import Masix
import MasixKernel
import Synchronization

// Mach's calls on rights (spec/mach.md 1.2), for the task's own names. What a call lets go, it lets go under the lock of the names: the
// nucleus waits for nobody.

extension MachTask {
    package func allocate(_ kind: UInt32, name: PortName? = nil) throws(MachReturn) -> PortName {
        if let name, !name.isValid { throw .invalidValue }
        guard let kind = RightKind(rawValue: kind) else { throw .invalidValue }
        let entry: NameEntry
        switch kind {
        case .receive: entry = NameEntry(receive: try makeReceive())
        case .portSet: entry = NameEntry(set: SetSide(space.makePortSet()))
        case .deadName: entry = NameEntry(deadWith: 1)
        case .send, .sendOnce: throw .invalidValue
        }
        return try withNames { names throws(MachReturn) in try names.add(entry, as: name) }
    }

    private func makeReceive() throws(MachReturn) -> ReceiveSide {
        do throws(MasixError) { return ReceiveSide(try space.makeHolder(queueLimit: 5)) } catch { throw Self.failure(error) }
    }

    package func type(of name: PortName) throws(MachReturn) -> UInt32 {
        try withNames { names throws(MachReturn) in
            let entry = try self.entry(name, &names)
            self.refreshRequest(of: entry)
            return entry.type
        }
    }

    /// Every name and its type.
    package func names() throws(MachReturn) -> [(name: PortName, type: UInt32)] {
        try withNames { names throws(MachReturn) in
            var list: [(name: PortName, type: UInt32)] = []
            for entry in Array(names.entries.values) {
                self.refresh(entry, &names)
                self.refreshRequest(of: entry)
                list.append((entry.name, entry.type))
            }
            return list
        }
    }

    package func references(of name: PortName, _ kind: UInt32) throws(MachReturn) -> UInt32 {
        guard let kind = RightKind(rawValue: kind) else { throw .invalidValue }
        return try withNames { names throws(MachReturn) in try self.entry(name, &names).references(of: kind) }
    }

    /// Takes one reference; which kind follows from the name.
    package func deallocate(_ name: PortName, _ dialect: Dialect) throws(MachReturn) {
        try withNames { names throws(MachReturn) in
            let entry = try self.entry(name, &names)
            if entry.set != nil {
                guard dialect == .xnu else { throw .invalidRight }
                self.end(entry, &names)
            } else if entry.hasOnce {
                self.end(entry, &names)
            } else if entry.isDead || entry.send != nil {
                self.change(entry, by: -1, &names)
            } else {
                throw .invalidRight
            }
        }
    }

    package func modifyReferences(of name: PortName, _ kind: UInt32, by delta: Int32) throws(MachReturn) {
        guard let kind = RightKind(rawValue: kind) else { throw .invalidValue }
        try withNames { names throws(MachReturn) in
            let entry = try self.entry(name, &names)
            guard entry.type & kind.typeBit != 0 else { throw .invalidRight }
            switch kind {
            case .receive, .portSet, .sendOnce:
                guard delta == 0 || delta == -1 else { throw .invalidValue }
                if delta == 0 { return }
                if kind == .receive { self.endReceive(entry, &names) } else { self.end(entry, &names) }
            case .send, .deadName:
                let count = Int64(entry.references) + Int64(delta)
                guard count >= 0 else { throw .invalidValue }
                guard count <= (kind == .send ? NameEntry.sendReferencesMax : NameEntry.deadReferencesMax) else { throw .urefsOverflow }
                self.change(entry, by: delta, &names)
            }
        }
    }

    /// Drops all that the name denotes; the name is free at once.
    package func destroy(_ name: PortName) throws(MachReturn) {
        try withNames { names throws(MachReturn) in self.end(try self.entry(name, &names), &names) }
    }

    /// So many references more or less; the range has been checked.
    private func change(_ entry: NameEntry, by delta: Int32, _ names: inout NameTable) {
        entry.references = UInt32(Int64(entry.references) + Int64(delta))
        guard entry.references == 0 else { return }
        if entry.isDead { names.remove(entry) } else { loseSend(entry, &names) }
    }

    /// The last reference to the send right is gone: the reference of the library's, for a message or to be let go.
    @discardableResult
    func loseSend(_ entry: NameEntry, _ names: inout NameTable) -> SendReference? {
        let send = entry.send
        entry.send = nil
        entry.references = 0
        // The name stays, and its request with it (N2).
        guard entry.receive == nil else { return send }
        // 65, though the value may live on inside a message of ours.
        if entry.isRequested, let send { space.nameFreed(send) }
        names.remove(entry)
        return send
    }

    /// The receive right leaves the name, by death or in a message.
    func loseReceive(_ entry: NameEntry, _ names: inout NameTable) -> ReceiveHolder? {
        guard let side = entry.receive else { return nil }
        side.leaveAll()
        // Who is about to take a message has taken it, or will not.
        side.holder.betweenTakes { side.isLost.store(true, ordering: .sequentiallyConsistent) }
        entry.receive = nil
        if entry.send == nil { names.remove(entry) }
        return side.holder
    }

    /// The port dies, unless it has a backup: a send right is a dead name from here on.
    private func endReceive(_ entry: NameEntry, _ names: inout NameTable) {
        loseReceive(entry, &names)?.destroy()
        refresh(entry, &names)
        space.interruptWaits()
    }

    /// All that the name denotes; the send right before the receive right (spec/mach.md 1.14).
    private func end(_ entry: NameEntry, _ names: inout NameTable) {
        entry.set?.end()
        entry.set = nil
        if entry.send != nil { loseSend(entry, &names) }
        if entry.receive != nil {
            loseReceive(entry, &names)?.destroy()
        } else if names[entry.name] === entry {
            names.remove(entry)
        }
        entry.once = nil
        space.interruptWaits()
    }

    package func rename(_ old: PortName, to new: PortName) throws(MachReturn) {
        guard new.isValid else { throw .invalidValue }
        try withNames { names throws(MachReturn) in
            guard names[new] == nil else { throw .nameExists }
            let entry = try self.entry(old, &names)
            names.rename(entry, to: new)
            if entry.isRequested { self.renameRequest(of: entry) }
        }
    }

    // MARK: rights of another's making

    /// Puts a right that the task names into its names under this name, as if it had been received.
    package func insertRight(as name: PortName, _ right: PortName, _ disposition: UInt32) throws(MachReturn) {
        guard name.isValid, let disposition = Disposition(rawValue: disposition) else { throw .invalidValue }
        guard right.isValid else { throw .invalidCapability }
        let taken = try withNames { names throws(MachReturn) -> OwnedRight in
            do throws(MachReturn) { return try self.take(right, disposition, &names) } catch {
                throw .invalidRight
            }
        }
        beginAnew(taken)
        try insert(taken, as: name)
    }

    /// R1 for a receive right that comes back without having been in a message that was sent: its makings count from 0.
    func beginAnew(_ right: OwnedRight) {
        if case .receive(let holder) = right { try? space.setMakeSendCount(0, of: holder) }
    }

    /// The right is the caller's, and let go with an error.
    package func insert(_ right: OwnedRight, as name: PortName) throws(MachReturn) {
        guard name.isValid else { throw .invalidValue }
        try withNames { names throws(MachReturn) in
            switch right {
            case .null, .dead, .make, .makeOnce: throw .invalidCapability
            case .send(let reference):
                if reference.isDead { throw .invalidCapability }
                guard let entry = try self.known(reference.port, as: name, &names) else {
                    _ = try names.add(NameEntry(send: reference), as: name)
                    return
                }
                if entry.send == nil {
                    entry.send = reference
                    entry.references = 1
                } else {
                    guard entry.references < NameEntry.sendReferencesMax else { throw .urefsOverflow }
                    entry.references += 1
                }
            case .receive(let holder):
                let side = ReceiveSide(holder)
                guard let entry = try self.known(holder.port, as: name, &names) else {
                    _ = try names.add(NameEntry(receive: side), as: name)
                    return
                }
                entry.receive = side
            case .sendOnce(let state):
                if self.space.isDead(state) { throw .invalidCapability }
                _ = try names.add(NameEntry(once: state), as: name)
            }
        }
    }

    /// The entry of a port that the task knows by just this name; nil if it knows neither the port nor the name.
    private func known(_ port: PortID, as name: PortName, _ names: inout NameTable) throws(MachReturn) -> NameEntry? {
        if let other = names.name(of: port) {
            guard other == name else { throw .rightExists }
            return names[other]
        }
        guard names[name] == nil else { throw .nameExists }
        return nil
    }

    /// Takes a right out as a message would and gives it to the caller: its name and what it is.
    package func extractRight(_ name: PortName, _ disposition: UInt32) throws(MachReturn) -> (name: PortName, type: UInt32) {
        let extracted = try extract(name, disposition)
        beginAnew(extracted.right)
        return (try arrive(extracted.right), extracted.type)
    }

    /// The same for whoever holds the task's port.
    func extract(_ name: PortName, _ disposition: UInt32) throws(MachReturn) -> (right: OwnedRight, type: UInt32) {
        guard let disposition = Disposition(rawValue: disposition) else { throw .invalidValue }
        let right = try withNames { names throws(MachReturn) -> OwnedRight in
            _ = try self.entry(name, &names)
            return try self.take(name, disposition, &names)
        }
        return (right, disposition.arrived)
    }

    // MARK: rights out of names, and into them

    /// Takes a right out of the names for a message: D1 for what is dead, `.invalidRight` for what is not held in that form.
    func take(_ name: PortName, _ disposition: Disposition, _ names: inout NameTable) throws(MachReturn) -> OwnedRight {
        guard name.isValid else { return name == .null ? .null : .dead }
        guard let entry = names[name] else { throw .invalidName }
        refresh(entry, &names)
        if entry.isDead {
            guard disposition.names else { throw .invalidRight }
            if disposition != .copySend { change(entry, by: -1, &names) }
            return .dead
        }
        switch disposition {
        case .moveReceive:
            let isFreed = entry.isRequested && entry.send == nil
            guard let holder = loseReceive(entry, &names) else { throw .invalidRight }
            // R3, before anything else of the message can end the port; whoever waits here does not get it any more (R1).
            if isFreed { space.nameFreed(holder) }
            space.interruptWaits()
            return .receive(holder)
        case .makeSend, .makeSendOnce:
            guard let side = entry.receive else { throw .invalidRight }
            do throws(MasixError) {
                return disposition == .makeSend
                    ? .send(try space.makeSend(to: side.holder)) : .sendOnce(try space.makeSendOnce(to: side.holder))
            } catch {
                throw Self.failure(error)
            }
        case .copySend:
            guard let send = entry.send else { throw .invalidRight }
            noteUse(of: send)
            return .send(send.copy())
        case .moveSend:
            guard let send = entry.send else { throw .invalidRight }
            noteUse(of: send)
            if entry.references > 1 {
                entry.references -= 1
                return .send(send.copy())
            }
            loseSend(entry, &names)
            return .send(send)
        case .moveSendOnce:
            guard let once = entry.once else { throw .invalidRight }
            // D2: the name is free now, whatever becomes of the right.
            if entry.isRequested { space.nameFreed(once) }
            entry.once = nil
            names.remove(entry)
            return .sendOnce(once)
        }
    }

    /// Gives a right a name (N2, N6). A right that has died under way is the dead value (D3).
    package func arrive(_ right: OwnedRight) throws(MachReturn) -> PortName {
        try withNames { names throws(MachReturn) in try self.arrive(right, &names) }
    }

    func arrive(_ right: OwnedRight, _ names: inout NameTable) throws(MachReturn) -> PortName {
        switch right {
        case .null, .make, .makeOnce: return .null
        case .dead: return .dead
        case .send(let reference):
            guard let known = names.name(of: reference.port), let entry = names[known] else {
                return reference.isDead ? .dead : try names.add(NameEntry(send: reference))
            }
            if entry.send == nil {
                entry.send = reference
                entry.references = 1
            } else {
                if reference.isDead { return .dead }
                entry.addSendReference()
            }
            return known
        case .sendOnce(let state):
            return try names.add(NameEntry(once: state))
        case .receive(let holder):
            let side = ReceiveSide(holder)
            guard let known = names.name(of: holder.port), let entry = names[known] else {
                return try names.add(NameEntry(receive: side))
            }
            entry.receive = side
            return known
        }
    }
}
