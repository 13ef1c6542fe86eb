import Masix
package import MasixKernel
import MasixLinux
import Synchronization

/// A message as a program gets it.
package struct MachReceived: ~Copyable, Sendable {
    package var header: MachHeader
    private let message: ReceivedMessage
    /// What follows the header, made for the receiver; nil: it is as it came, with zeros behind it up to a multiple of 4 (S1).
    private let made: [UInt8]?
    /// V3.
    package let sequence: UInt32
    /// A protected payload in the place of the local port.
    package let payload: UInt64?
    /// The port's context.
    package let context: UInt64
    /// `success`, or what could not be had (V7).
    package let outcome: MachReturn

    init(
        _ header: MachHeader, _ message: consuming ReceivedMessage, body: [UInt8]?, _ marks: Marks, _ outcome: MachReturn = .success
    ) {
        self.header = header
        self.message = message
        made = body
        (sequence, payload, context) = (marks.sequence, marks.payload, marks.context)
        self.outcome = outcome
    }

    /// What was read in the step that took the message.
    struct Marks: Sendable {
        var sequence: UInt32 = 0
        var payload: UInt64?
        var context: UInt64 = 0
    }

    /// Lends what follows the header; `zeros` more bytes belong to it.
    package func withBody<Result: ~Copyable>(_ use: (RawSpan) -> Result) -> Result {
        if let made { return OwnMemory.lend(made, use) }
        return message.withRawBytes(use)
    }
    package var zeros: Int { made == nil ? message.byteCount.rounded - message.byteCount : 0 }
    package var bodyCount: Int { made?.count ?? message.byteCount.rounded }

    /// The same as an array.
    package var body: [UInt8] { made ?? message.bytes + Array(repeating: 0, count: zeros) }

    /// Who sent it; nil for the kernel.
    package var sender: TaskIdentity? { message.notification == nil ? try? message.senderIdentity() : nil }
}

/// What a reception came to.
package enum MachReception: ~Copyable, Sendable {
    case message(MachReceived)
    case refused(MachReturn)
    /// V4: it stays in the queue, and needs so many bytes without its trailer; the port that it lies at.
    case tooLarge(bytes: Int, at: PortName)
    /// V4 without `MACH_RCV_LARGE`: it is gone, but for its header.
    case destroyed(MachReceived)
}

extension MachTask {
    /// Receives: V1 to V8. `room` is for what follows the header, the trailer not counted. With `keepsLarge` what does not fit stays. `notify`
    /// names the receive right to which the death of a newly named reply right is to be told (V8).
    package func receive(
        from name: PortName, room: Int, keepsLarge: Bool, notify: PortName? = nil, _ patience: MachPatience, _ dialect: Dialect
    ) -> MachReception {
        do throws(MachReturn) {
            let source = try source(name, dialect)
            return try receive(from: source, room: room, keepsLarge: keepsLarge, notify: notify, patience, dialect)
        } catch {
            return .refused(error)
        }
    }

    private enum Source {
        case port(ReceiveSide)
        case set(SetSide)
    }

    private func source(_ name: PortName, _ dialect: Dialect) throws(MachReturn) -> Source {
        try withNames { names throws(MachReturn) -> Source in
            guard let entry = names[name] else { throw MachReturn.Receive.invalidName }
            if let side = entry.receive {
                if dialect == .mach3, side.isInSet.load(ordering: .sequentiallyConsistent) { throw MachReturn.Receive.inSet }
                return .port(side)
            }
            guard let set = entry.set else { throw MachReturn.Receive.invalidName }
            return .set(set)
        }
    }

    private func receive(
        from source: Source, room: Int, keepsLarge: Bool, notify: PortName?, _ patience: MachPatience, _ dialect: Dialect
    ) throws(MachReturn) -> MachReception {
        let (deadline, interruption) = patience.deadline
        let limit = keepsLarge ? room : Int.max
        var marks = MachReceived.Marks()
        do throws(MasixError) {
            let message: ReceivedMessage?
            switch source {
            case .port(let side):
                message = try space.receive(
                    from: side.holder, room: limit, deadline: deadline,
                    isOver: { () throws(MasixError) in
                        if side.isLost.load(ordering: .sequentiallyConsistent) { throw .portDied }
                        if dialect == .mach3, side.isInSet.load(ordering: .sequentiallyConsistent) { throw .cancelled }
                    },
                    taken: { marks = side.mark() })
            case .set(let set):
                message = try space.receive(
                    from: set.set, room: limit, deadline: deadline,
                    isOver: { () throws(MasixError) in if set.isGone { throw .portDied } },
                    taken: { port in
                        if let side = set.members.withLock({ $0[port] }) { marks = side.mark() }
                    })
            }
            guard let message else {
                return .refused(interruption?.hasHappened == true ? MachReturn.Receive.interrupted : MachReturn.Receive.timedOut)
            }
            let isBare =
                message.notification == nil && message.rightCount + message.memoryCount == 0 && message.isReplyInLink && notify == nil
                && message.format == (dialect == .xnu ? .plain : .typed) && message.byteCount.rounded <= room
                && (dialect == .xnu || message.byteCount.rounded == message.byteCount)
            return isBare ? showBare(message, marks) : show(message, marks, room: room, notify: notify, dialect)
        } catch {
            switch error {
            case .portDied, .nodeGone, .forked: return .refused(MachReturn.Receive.portDied)
            case .cancelled: return .refused(MachReturn.Receive.portChanged)
            case .tooLarge(let bytes): return .tooLarge(bytes: bytes + dialect.headerBytes, at: large(source))
            default: return .refused(MachReturn.Receive.invalidData)
            }
        }
    }

    /// The name of the port whose message is too large: the one that has the next turn.
    private func large(_ source: Source) -> PortName {
        let port: PortID?
        switch source {
        case .port(let side): port = side.holder.port
        case .set(let set): port = set.set.nextPort
        }
        guard let port else { return .null }
        return (try? withNames { names throws(MachReturn) in names.name(of: port) ?? .null }) ?? .null
    }

    /// The same as `show` for what is nothing but bytes, with or without a right to answer that lives in a link.
    private func showBare(_ message: consuming ReceivedMessage, _ marks: MachReceived.Marks) -> MachReception {
        var header = MachHeader(
            bits: MachHeader.bits(remote: 0, local: message.isOnce ? 18 : 17, isComplex: false), remote: .null, local: .null,
            id: message.code)
        let port = message.port
        var linked = message.takeLinkedReply()
        if linked != nil { header.bits |= 18 }
        var outcome = MachReturn.success
        _ = try? withNames { names throws(MachReturn) in
            header.local = names.name(of: port) ?? .null
            guard linked != nil else { return }
            do throws(MachReturn) { header.remote = try names.add(&linked) } catch {
                // As for any other right that there is no name for (V7).
                header.bits &= ~0xFF
                outcome = MachReturn(rawValue: MachReturn.Receive.headerError.rawValue | Freight.noNames)
            }
        }
        return .message(MachReceived(header, message, body: outcome == .success ? nil : [], marks, outcome))
    }

    /// Gives names and addresses to what has come (V5).
    private func show(
        _ message: consuming ReceivedMessage, _ marks: MachReceived.Marks, room: Int, notify: PortName?, _ dialect: Dialect
    ) -> MachReception {
        var (rights, bytes) = (message.rights, message.bytes)
        let memory = message.memory
        var isComplex = false
        if let notification = message.notification {
            (bytes, isComplex) = Self.body(of: notification, dialect)
        } else {
            let items = rights.count + memory.count
            switch (dialect, message.format) {
            case (.xnu, .plain) where items == 0, (.xnu, .foreignPlain) where items == 0:
                bytes += Array(repeating: 0, count: bytes.count.rounded - bytes.count)
            case (.xnu, .complex), (.xnu, .foreignComplex), (.mach3, .typedComplex): isComplex = true
            case (.mach3, .typed): break
            case (.xnu, _):
                isComplex = true
                bytes = ComplexBody.around(bytes, rights: rights, memory: memory)
                bytes += Array(repeating: 0, count: bytes.count.rounded - bytes.count)
            case (.mach3, _):
                isComplex = items > 0
                bytes = TypedBody.around(bytes, rights: rights, memory: memory)
            }
        }
        let port = message.port
        var header = MachHeader(
            bits: MachHeader.bits(remote: 0, local: message.isOnce ? 18 : 17, isComplex: isComplex), remote: .null, local: .null,
            id: message.code)
        header.local = (try? withNames { names throws(MachReturn) in names.name(of: port) ?? .null }) ?? .null
        if bytes.count > room {
            // Taken and destroyed: all it carried is let go.
            for right in rights { if case .receive(let holder) = right { holder.destroy() } }
            return .destroyed(MachReceived(header, message, body: Array(repeating: 0, count: bytes.count), marks))
        }
        let reply = message.reply
        message.reply = .null
        message.rights = []
        do throws(MachReturn) {
            header.remote = try nameReply(reply, notify, dialect)
        } catch {
            // All of it is destroyed, and a header is left that says where it came.
            header.bits &= ~MachHeader.complexBit
            for right in rights { if case .receive(let holder) = right { holder.destroy() } }
            return .message(MachReceived(header, message, body: [], marks, error))
        }
        switch reply {
        case .send: header.bits |= 17
        case .sendOnce: header.bits |= 18
        case .dead: header.bits |= 18
        case .null, .receive, .make, .makeOnce: break
        }
        var outcome = MachReturn.success
        if isComplex {
            // What a hostile sender says of its body is not what came: then it is bytes, and the rights are let go.
            var freight = Freight(rights: rights, memory: memory)
            rights = []
            let isWhole =
                switch dialect {
                case .mach3: TypedBody.unload(&bytes, &freight, to: self)
                case .xnu: ComplexBody.unload(&bytes, &freight, to: self)
                }
            if !isWhole { header.bits &= ~MachHeader.complexBit }
            if freight.shortage != 0 { outcome = MachReturn(rawValue: MachReturn.Receive.bodyError.rawValue | freight.shortage) }
        }
        return .message(MachReceived(header, message, body: bytes, marks, outcome))
    }

    /// A name for the reply right (V5, V7); the death of one that had no name until now is to be told to a port of ours, if `notify` names
    /// one (V8).
    private func nameReply(_ reply: OwnedRight, _ notify: PortName?, _ dialect: Dialect) throws(MachReturn) -> PortName {
        let isNew: Bool
        switch reply {
        case .null, .dead, .make, .makeOnce: return try arrive(reply)
        case .sendOnce: isNew = true
        case .send(let reference): isNew = try withNames { names throws(MachReturn) in names.name(of: reference.port) == nil }
        case .receive: isNew = false
        }
        if let notify {
            do throws(MachReturn) { _ = try receiveSide(notify) } catch { throw MachReturn.Receive.invalidNotify }
        }
        let name: PortName
        do throws(MachReturn) { name = try arrive(reply) } catch {
            throw MachReturn(rawValue: MachReturn.Receive.headerError.rawValue | Freight.noNames)
        }
        // One that has died meanwhile is a dead name already, and there is nothing more to be told.
        if isNew, let notify { _ = try? requestNotification(of: name, id: 72, sync: 0, notify: notify, 21, dialect) }
        return name
    }

    // MARK: what the kernel says

    /// Little-endian numbers, ASCII, IEEE (XNU's `NDR_record`).
    private static let representation: [UInt8] = [0, 0, 0, 0, 1, 0, 0, 0]

    private static func body(of notification: Notification, _ dialect: Dialect) -> ([UInt8], isComplex: Bool) {
        switch (notification, dialect) {
        case (.sendOnce, _): return ([], false)
        case (.portDestroyed, .mach3): return (TypedBody.right(16), true)
        case (.portDestroyed, .xnu):
            var body: [UInt8] = []
            body.append(UInt32(1))
            return (body + [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0], true)
        case (.noSenders(let count), .mach3): return (TypedBody.number(count), false)
        case (.portDeleted(_, let name), .mach3), (.sendPossible(_, let name), .mach3), (.deadName(_, let name), .mach3):
            return (TypedBody.name(name), false)
        case (.noSenders(let number), .xnu), (.portDeleted(_, let number), .xnu), (.sendPossible(_, let number), .xnu),
            (.deadName(_, let number), .xnu):
            var body = representation
            body.append(number)
            return (body, false)
        }
    }
}
