import Masix
import MasixKernel

// Notification requests (spec/mach.md 1.5, T1 to T3).

extension MachTask {
    /// Registers, replaces or cancels; the name of the right that was registered before, or the null name.
    package func requestNotification(
        of name: PortName, id: Int32, sync: UInt32, notify: PortName, _ disposition: UInt32, _ dialect: Dialect
    ) throws(MachReturn) -> PortName {
        var right = OwnedRight.null
        if notify != .null {
            guard let disposition = Disposition(rawValue: disposition), disposition == .makeSendOnce || disposition == .moveSendOnce else {
                throw .invalidCapability
            }
            right = try withNames { names throws(MachReturn) -> OwnedRight in
                do throws(MachReturn) { return try self.take(notify, disposition, &names) } catch { throw .invalidCapability }
            }
        }
        return try arrive(try requestNotification(of: name, id: id, sync: sync, notify: right, dialect))
    }

    /// The same with the right itself, which is consumed: let go with an error, and so told (T1).
    func requestNotification(
        of name: PortName, id: Int32, sync: UInt32, notify right: OwnedRight, _ dialect: Dialect
    ) throws(MachReturn) -> OwnedRight {
        var notify: SendOnceState?
        switch right {
        case .null: break
        case .sendOnce(let state): notify = state
        case .dead, .send, .receive, .make, .makeOnce: throw .invalidCapability
        }
        guard let kind = UInt8(exactly: id).flatMap({ NotificationRequest.Kind(rawValue: $0) }) else { throw .invalidValue }
        if kind == .sendPossible, dialect == .mach3 { throw .invalidValue }
        if kind == .deadName || kind == .sendPossible { return try requestDeadName(of: name, kind, sync: sync, notify: notify, dialect) }
        if kind == .portDestroyed, sync != 0 { throw .invalidValue }
        if let notify, space.isDead(notify) { throw .invalidCapability }
        let side = try receiveSide(name)
        do throws(MasixError) {
            if kind == .portDestroyed, dialect == .xnu, notify != nil, try space.status(of: side.holder).portDestroyedRequested {
                throw MasixError.cancelled
            }
            return try space.request(kind, of: .receive(side.holder), sync: sync, notify: notify)
        } catch {
            throw error == .cancelled ? .failure : error == .deadName ? .invalidCapability : Self.failure(error)
        }
    }

    private func requestDeadName(
        of name: PortName, _ kind: NotificationRequest.Kind, sync: UInt32, notify: SendOnceState?, _ dialect: Dialect
    ) throws(MachReturn) -> OwnedRight {
        if let notify, space.isDead(notify) { throw .invalidCapability }
        return try withNames { names throws(MachReturn) -> OwnedRight in
            let entry = try self.entry(name, &names)
            guard entry.set == nil else { throw .invalidRight }
            if entry.isDead {
                // T3.
                guard dialect == .mach3, sync != 0, let notify else { throw .invalidArgument }
                guard entry.references < NameEntry.deadReferencesMax else { throw .urefsOverflow }
                var news = Message(code: 72, bytes: TypedBody.name(name))
                news.format = .typed
                if let told = try? self.space.use(notify, for: &news), told { entry.references += 1 }
                return .null
            }
            let watched: Space.Watched
            if kind == .sendPossible {
                guard let send = entry.send else { throw .invalidRight }
                watched = .send(send)
            } else if let once = entry.once {
                watched = .sendOnce(once)
            } else if let send = entry.send {
                watched = .send(send)
            } else if let side = entry.receive {
                watched = .receive(side.holder)
            } else {
                throw .invalidRight
            }
            do throws(MasixError) {
                let previous = try self.space.request(
                    kind, of: watched, name: name, sync: kind == .sendPossible ? sync : 0, notify: notify)
                entry.isRequested = notify != nil
                entry.isRoomRequested = notify != nil && kind == .sendPossible
                entry.isRoomAwaited = entry.isRoomRequested && sync != 0
                return previous
            } catch {
                // It has died since it was looked at.
                self.refresh(entry, &names)
                throw entry.isDead ? .invalidArgument : Self.failure(error)
            }
        }
    }

    /// The request of a name that has got another one.
    func renameRequest(of entry: NameEntry) {
        let watched: Space.Watched
        if let once = entry.once {
            watched = .sendOnce(once)
        } else if let send = entry.send {
            watched = .send(send)
        } else if let side = entry.receive {
            watched = .receive(side.holder)
        } else {
            return
        }
        let kind = entry.isRoomRequested ? NotificationRequest.Kind.sendPossible : .deadName
        guard case .sendOnce(let notify)? = try? space.request(kind, of: watched, notify: nil) else { return }
        _ = try? space.request(kind, of: watched, name: entry.name, sync: entry.isRoomAwaited ? 1 : 0, notify: notify)
    }
}
