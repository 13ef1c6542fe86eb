import Masix
import MasixKernel

/// The header of a message, in either dialect: what `mach_msg_header_t` says.
package struct MachHeader: Sendable, Equatable {
    package var bits: UInt32
    /// Destination of a message that is sent; reply right of one that was received.
    package var remote: PortName
    /// Reply right of a message that is sent; the port of one that was received.
    package var local: PortName
    package var id: UInt32

    package init(bits: UInt32, remote: PortName, local: PortName, id: UInt32) {
        self.bits = bits
        self.remote = remote
        self.local = local
        self.id = id
    }

    package static let complexBit: UInt32 = 0x8000_0000
    var isComplex: Bool { bits & Self.complexBit != 0 }

    static func bits(remote: UInt32, local: UInt32, isComplex: Bool) -> UInt32 {
        remote | local << 8 | (isComplex ? complexBit : 0)
    }
}

/// How long a half of a call waits, and whether a signal ends it.
package struct MachPatience: Sendable {
    /// Milliseconds; nil waits for ever.
    package var timeout: UInt32?
    package var isInterruptible: Bool
    /// A send that finds no room is to be told of it (S8).
    package var awaitsRoom: Bool

    package init(timeout: UInt32? = nil, isInterruptible: Bool = false, awaitsRoom: Bool = false) {
        self.timeout = timeout
        self.isInterruptible = isInterruptible
        self.awaitsRoom = awaitsRoom
    }

    var deadline: (Deadline, Interruption?) {
        var deadline = Deadline(timeout.map { .milliseconds(Int64($0)) })
        if isInterruptible { deadline.interruption = Interruption() }
        return (deadline, deadline.interruption)
    }
}

/// What became of a message that was handed over.
package enum MachSent: Sendable {
    case sent
    case refused(MachReturn)
    /// The message is the caller's again, by a pseudo-receive (S7): this header and body take the place of what he had.
    case returned(MachReturn, MachHeader, [UInt8])
}

extension MachTask {
    /// Where a message goes, the right taken.
    private enum Destination {
        case send(SendReference)
        case once(SendOnceState)
    }

    /// Sends: S2 to S7. `body` is what follows the header.
    package func send(_ header: MachHeader, _ body: RawSpan, _ patience: MachPatience, _ dialect: Dialect) -> MachSent {
        do throws(MachReturn) {
            guard body.byteCount <= Limits.inlineBytesMax else {
                throw dialect == .xnu ? MachReturn.Send.tooLarge : MachReturn.Send.noBuffer
            }
            if let linked = takeLinked(header, dialect) { return try answer(header, body, by: linked, dialect) }
            if let (reference, reply) = takeUsual(header, dialect) {
                return try send(header, body, to: .send(reference), reply, patience, dialect)
            }
            let (destination, reply) = try takeHeader(header, dialect)
            return try send(header, body, to: destination, reply, patience, dialect)
        } catch {
            return .refused(error)
        }
    }

    /// The right of an answer that is nothing but bytes, where the right still lives in a link. Anything else, and every error, is for
    /// `takeHeader`.
    private func takeLinked(_ header: MachHeader, _ dialect: Dialect) -> LinkedReply? {
        guard header.bits == Disposition.moveSendOnce.rawValue, header.local == .null else { return nil }
        return try? withNames { names throws(MachReturn) -> LinkedReply? in names.takeLinked(header.remote) }
    }

    private func answer(
        _ header: MachHeader, _ body: RawSpan, by linked: consuming LinkedReply, _ dialect: Dialect
    ) throws(MachReturn) -> MachSent {
        var message = Message(code: header.id, copying: body)
        message.format = dialect == .xnu ? .plain : .typed
        do throws(MasixError) { try linked.answer(&message) } catch {
            switch error {
            // S4.
            case .deadName, .noReply, .portDied: return .sent
            case .noSpace, .resourceShortage, .tooManyRights, .tooLarge, .memory: throw MachReturn.Send.noBuffer
            default: throw MachReturn.Send.invalidDestination
            }
        }
        return .sent
    }

    /// The rights of what is sent most often, by one look at the names: a copied send right, and for a call a send-once right that the
    /// sending makes. The name keeps its reference, which is lent. Anything else, and every error, is for `takeHeader`.
    private func takeUsual(_ header: MachHeader, _ dialect: Dialect) -> (SendReference, OwnedRight)? {
        let kinds = header.bits & ~MachHeader.complexBit
        let isCall = kinds == Disposition.copySend.rawValue | Disposition.makeSendOnce.rawValue << 8
        guard isCall || kinds == Disposition.copySend.rawValue && header.local == .null else { return nil }
        return try? withNames { names throws(MachReturn) -> (SendReference, OwnedRight)? in
            guard let send = names[header.remote]?.send, !send.isDead else { return nil }
            var reply = OwnedRight.null
            if isCall {
                guard let side = names[header.local]?.receive else { return nil }
                reply = .makeOnce(side.holder.making)
            }
            self.noteUse(of: send)
            return (send, reply)
        }
    }

    private func send(
        _ header: MachHeader, _ body: RawSpan, to destination: Destination, _ reply: OwnedRight, _ patience: MachPatience,
        _ dialect: Dialect
    ) throws(MachReturn) -> MachSent {
        var message = Message(code: header.id, copying: body)
        message.reply = reply
        message.format = dialect == .xnu ? (header.isComplex ? .complex : .plain) : header.isComplex ? .typedComplex : .typed
        if header.isComplex {
            var cargo = Cargo()
            do throws(MachReturn) {
                switch dialect {
                case .mach3: try TypedBody.load(&message.bytes, into: &cargo, of: self)
                case .xnu: try ComplexBody.load(&message.bytes, into: &cargo, of: self)
                }
                message.memory = try cargo.objects()
                if cargo.rights.count > Limits.rightsPerMessageMax { throw MachReturn.Send.noBuffer }
            } catch {
                // S3: what has been taken is destroyed.
                Self.discard(cargo.rights)
                // The reply right too: made, and let go unused.
                _ = try? space.made(reply)
                throw error
            }
            message.rights = cargo.rights
            for (address, count) in cargo.moved { memory.deallocate(address, count) }
        }
        let (deadline, interruption) = patience.deadline
        do throws(MasixError) {
            switch destination {
            case .once(let state):
                // Dead since it was looked at: sent, and destroyed (S4).
                if try !space.use(state, for: &message) { Self.discard(message.rights) }
            case .send(let reference): try space.send(&message, to: reference, deadline: deadline)
            }
            return .sent
        } catch {
            switch error {
            case .deadName, .noReply, .portDied:
                // S4; and T4 for a right that was to be made for the answer.
                Self.discard(message.rights)
                _ = try? space.made(message.reply)
                return .sent
            case .timedOut:
                guard case .send(let reference) = destination else { return .refused(MachReturn.Send.timedOut) }
                if patience.awaitsRoom { awaitRoom(reference) }
                let code = interruption?.hasHappened == true ? MachReturn.Send.interrupted : MachReturn.Send.timedOut
                return takeBack(message, header, reference, code, dialect)
            case .noSpace, .resourceShortage, .tooManyRights, .tooLarge, .memory:
                Self.discard(message.rights)
                return .refused(MachReturn.Send.noBuffer)
            case .invalidRight, .staysOnNode:
                Self.discard(message.rights)
                return .refused(MachReturn.Send.invalidRight)
            default:
                Self.discard(message.rights)
                return .refused(MachReturn.Send.invalidDestination)
            }
        }
    }

    /// S8: the request that was made before is answered when there is room.
    private func awaitRoom(_ reference: SendReference) {
        let isAsked = try? withNames { names throws(MachReturn) -> Bool in
            guard let entry = names.name(of: reference.port).flatMap({ names[$0] }), entry.isRoomRequested else { return false }
            entry.isRoomAwaited = true
            return true
        }
        if isAsked == true { space.awaitRoom(of: reference) }
    }

    /// Rights that go nowhere: a receive right dies now, whoever may still look at it.
    private static func discard(_ rights: [OwnedRight]) {
        for right in rights { if case .receive(let holder) = right { holder.destroy() } }
    }

    /// S7.
    private func takeBack(
        _ message: borrowing Message, _ header: MachHeader, _ destination: SendReference, _ code: MachReturn, _ dialect: Dialect
    ) -> MachSent {
        var back = header
        for right in message.rights { beginAnew(right) }
        var freight = Freight(rights: message.rights, memory: message.memory.map { $0 })
        back.remote = name(for: .send(destination.copy()), &freight)
        let replyType: UInt32
        switch message.reply {
        case .null, .dead, .make, .makeOnce: replyType = Disposition(rawValue: header.bits >> 8 & 0x1F)?.arrived ?? 0
        case .send, .receive: replyType = 17
        case .sendOnce: replyType = 18
        }
        back.local = name(for: message.reply, &freight)
        back.bits = MachHeader.bits(remote: 17, local: replyType, isComplex: header.isComplex)
        var body = message.bytes
        if header.isComplex {
            switch dialect {
            case .mach3: _ = TypedBody.unload(&body, &freight, to: self)
            case .xnu: _ = ComplexBody.unload(&body, &freight, to: self)
            }
        }
        return .returned(MachReturn(rawValue: code.rawValue | freight.shortage), back, body)
    }

    func name(for right: OwnedRight, _ freight: inout Freight) -> PortName {
        do throws(MachReturn) { return try arrive(right) } catch {
            freight.shortage |= Freight.noNames
            return .null
        }
    }

    // MARK: the header

    /// S2 and D4: both rights or none.
    private func takeHeader(_ header: MachHeader, _ dialect: Dialect) throws(MachReturn) -> (Destination, OwnedRight) {
        guard header.bits & dialect.badBits == 0 else { throw MachReturn.Send.invalidHeader }
        let mask: UInt32 = dialect == .xnu ? 0x1F : 0xFF
        guard let toward = Disposition(rawValue: header.bits & mask), toward.isSendType else { throw MachReturn.Send.invalidHeader }
        let replyBits = header.bits >> 8 & mask
        let back = Disposition(rawValue: replyBits)
        guard replyBits == 0 ? header.local == .null : back?.isSendType == true else { throw MachReturn.Send.invalidHeader }
        return try withNames { names throws(MachReturn) -> (Destination, OwnedRight) in
            try self.check(header.remote, toward, isReply: false, &names)
            if let back { try self.check(header.local, back, isReply: true, &names) }
            try self.checkTogether(header, toward, back, names)
            // The reply first where both are one reference, moved and copied (D5).
            let reply: OwnedRight
            if toward == .moveSend, header.local == header.remote {
                reply = try self.takeReply(header.local, back, &names)
                return (try self.takeDestination(header.remote, toward, &names), reply)
            }
            let destination = try self.takeDestination(header.remote, toward, &names)
            return (destination, try self.takeReply(header.local, back, &names))
        }
    }

    private func check(_ name: PortName, _ disposition: Disposition, isReply: Bool, _ names: inout NameTable) throws(MachReturn) {
        let failure = isReply ? MachReturn.Send.invalidReply : MachReturn.Send.invalidDestination
        guard name.isValid else {
            if isReply { return }
            throw failure
        }
        guard let entry = names[name] else { throw failure }
        refresh(entry, &names)
        let isHeld: Bool
        if entry.isDead {
            isHeld = isReply && disposition.names
        } else {
            switch disposition {
            case .moveSend, .copySend: isHeld = entry.send != nil && entry.send?.isDead == false
            case .makeSend, .makeSendOnce, .moveReceive: isHeld = entry.receive != nil
            case .moveSendOnce: isHeld = entry.hasOnce
            }
        }
        guard isHeld else { throw failure }
    }

    /// D5.
    private func checkTogether(
        _ header: MachHeader, _ toward: Disposition, _ back: Disposition?, _ names: borrowing NameTable
    ) throws(MachReturn) {
        guard header.local == header.remote, header.local.isValid, let back else { return }
        if toward == .moveSendOnce || back == .moveSendOnce { throw MachReturn.Send.invalidReply }
        if toward == .moveSend, back == .moveSend, let entry = names[header.local], entry.references < 2 {
            throw MachReturn.Send.invalidReply
        }
    }

    private func takeDestination(_ name: PortName, _ disposition: Disposition, _ names: inout NameTable) throws(MachReturn) -> Destination {
        do throws(MachReturn) {
            switch try take(name, disposition, &names) {
            case .send(let reference): return .send(reference)
            case .sendOnce(let state): return .once(state)
            case .null, .dead, .receive, .make, .makeOnce: throw MachReturn.Send.invalidDestination
            }
        } catch {
            throw MachReturn.Send.invalidDestination
        }
    }

    private func takeReply(_ name: PortName, _ disposition: Disposition?, _ names: inout NameTable) throws(MachReturn) -> OwnedRight {
        guard let disposition else { return .null }
        // The commonest one is made by the sending.
        if disposition == .makeSendOnce, let side = names[name]?.receive { return .makeOnce(side.holder.making) }
        do throws(MachReturn) { return try take(name, disposition, &names) } catch { throw MachReturn.Send.invalidReply }
    }

    // MARK: the body

    func takeForBody(_ name: PortName, _ disposition: Disposition) throws(MachReturn) -> OwnedRight {
        try withNames { names throws(MachReturn) -> OwnedRight in
            do throws(MachReturn) { return try self.take(name, disposition, &names) } catch { throw MachReturn.Send.invalidRight }
        }
    }

    /// An array of names out of line (M2).
    func takeArray(
        _ address: UInt64, _ count: Int, _ disposition: Disposition, moving: Bool, into cargo: inout Cargo
    ) throws(MachReturn) {
        guard count > 0 else { return }
        guard count <= Limits.rightsPerMessageMax else { throw MachReturn.Send.noBuffer }
        guard let bytes = memory.read(address, 4 * count) else { throw MachReturn.Send.invalidMemory }
        for place in 0..<count { cargo.rights.append(try takeForBody(bytes.word(at: 4 * place), disposition)) }
        if moving { memory.deallocate(address, 4 * count) }
    }

    /// An array of names for rights that have come, at an address of ours; nil if there are not so many.
    func placeArray(_ count: Int, _ freight: inout Freight) -> UInt64? {
        guard count > 0 else { return 0 }
        guard count <= Limits.rightsPerMessageMax else { return nil }
        var bytes: [UInt8] = []
        for _ in 0..<count {
            guard let (name, _) = freight.name(in: self) else { return nil }
            bytes.append(name)
        }
        if let address = memory.place(bytes) { return address }
        freight.shortage |= Freight.noMemory
        return 0
    }
}
