import Masix
import MasixKernel
import Synchronization

/// What a port's receiver may know of it (spec/mach.md 1.2).
package struct ReceiveStatus: Sendable {
    package var set: PortName
    package var sequence: UInt32
    package var makeSendCount: UInt32
    package var queueLimit: UInt32
    package var messages: UInt32
    package var sendOnceRights: UInt32
    package var hasSendRights: Bool
    package var isPortDestroyedRequested: Bool
    package var isNoSendersRequested: Bool
    package var hasGuard: Bool
}

extension ReceiveStatus {
    /// As `mach_port_status_t` has it; XNU's has flags at the end.
    package func words(_ dialect: Dialect) -> [UInt32] {
        let common: [UInt32] = [
            set, sequence, makeSendCount, queueLimit, messages, sendOnceRights, hasSendRights ? 1 : 0, isPortDestroyedRequested ? 1 : 0,
            isNoSendersRequested ? 1 : 0,
        ]
        return dialect == .xnu ? common + [hasGuard ? 0x02 : 0] : common
    }
}

extension MachTask {
    /// The receive right under a name.
    func receiveSide(_ name: PortName) throws(MachReturn) -> ReceiveSide {
        try withNames { names throws(MachReturn) in try self.receiveSide(name, &names) }
    }

    private func receiveSide(_ name: PortName, _ names: inout NameTable) throws(MachReturn) -> ReceiveSide {
        guard let side = try entry(name, &names).receive else { throw .invalidRight }
        return side
    }

    private func setSide(_ name: PortName, _ names: inout NameTable) throws(MachReturn) -> SetSide {
        guard let side = try entry(name, &names).set else { throw .invalidRight }
        return side
    }

    private func library<Result>(_ body: () throws(MasixError) -> Result) throws(MachReturn) -> Result {
        do throws(MasixError) { return try body() } catch { throw Self.failure(error) }
    }

    package func receiveStatus(of name: PortName) throws(MachReturn) -> ReceiveStatus {
        let side = try receiveSide(name)
        let status = try library { () throws(MasixError) in try self.space.status(of: side.holder) }
        let set = side.sets.withLock { $0.first }
        return ReceiveStatus(
            set: set?.name.load(ordering: .relaxed) ?? .null, sequence: side.sequence.load(ordering: .relaxed),
            makeSendCount: status.makeSendCount, queueLimit: status.queueLimit,
            messages: status.messages, sendOnceRights: status.sendOnceRights, hasSendRights: status.sendRights > 0,
            isPortDestroyedRequested: status.portDestroyedRequested, isNoSendersRequested: status.noSendersRequested,
            hasGuard: side.hasGuard.load(ordering: .relaxed))
    }

    package func setQueueLimit(_ limit: UInt32, of name: PortName, _ dialect: Dialect) throws(MachReturn) {
        guard limit <= dialect.queueLimitMax else { throw .invalidValue }
        let side = try receiveSide(name)
        try library { () throws(MasixError) in try self.space.setQueueLimit(limit, of: side.holder) }
    }

    package func setMakeSendCount(_ count: UInt32, of name: PortName) throws(MachReturn) {
        let side = try receiveSide(name)
        try library { () throws(MasixError) in try self.space.setMakeSendCount(count, of: side.holder) }
    }

    package func setSequence(_ number: UInt32, of name: PortName) throws(MachReturn) {
        try receiveSide(name).sequence.store(number, ordering: .relaxed)
    }

    package func context(of name: PortName) throws(MachReturn) -> UInt64 { try receiveSide(name).context.load(ordering: .relaxed) }

    package func setContext(_ context: UInt64, of name: PortName) throws(MachReturn) {
        try receiveSide(name).context.store(context, ordering: .relaxed)
    }

    /// What messages of the port show in the place of its name; nil: the name.
    package func setPayload(_ payload: UInt64?, of name: PortName) throws(MachReturn) {
        try receiveSide(name).payload.withLock { $0 = payload }
    }

    /// The next message of a port: its number, size and id. It stays. `.failure` if there is none.
    package func peek(at name: PortName) throws(MachReturn) -> (sequence: UInt32, size: Int, id: UInt32) {
        let side = try receiveSide(name)
        let next = try library { () throws(MasixError) in try self.space.next(at: side.holder) }
        guard let next else { throw .failure }
        return (side.sequence.load(ordering: .relaxed), next.size + Dialect.xnu.headerBytes, next.code)
    }

    // MARK: sets

    /// Moves a port into a set and out of every other, or with the null name out of all (1.2).
    package func moveMember(_ member: PortName, to set: PortName) throws(MachReturn) {
        try withNames { names throws(MachReturn) in
            let side = try self.receiveSide(member, &names)
            guard set != .null else {
                guard side.isInSet.load(ordering: .sequentiallyConsistent) else { throw .notInSet }
                side.leaveAll()
                return
            }
            let target = try self.setSide(set, &names)
            let others = side.sets.withLock { $0 }.filter { $0 !== target }
            if !side.sets.withLock({ $0.contains { $0 === target } }) { side.enter(target) }
            for other in others { _ = side.leave(other) }
        }
        space.interruptWaits()
    }

    package func insertMember(_ member: PortName, into set: PortName) throws(MachReturn) {
        try withNames { names throws(MachReturn) in
            let side = try self.receiveSide(member, &names)
            let target = try self.setSide(set, &names)
            guard !side.sets.withLock({ $0.contains { $0 === target } }) else { throw .alreadyInSet }
            side.enter(target)
        }
    }

    package func extractMember(_ member: PortName, from set: PortName) throws(MachReturn) {
        try withNames { names throws(MachReturn) in
            let side = try self.receiveSide(member, &names)
            let target = try self.setSide(set, &names)
            guard side.leave(target) else { throw .notInSet }
        }
    }

    package func members(of set: PortName) throws(MachReturn) -> [PortName] {
        try withNames { names throws(MachReturn) in
            let ports = try self.setSide(set, &names).members.withLock { Array($0.keys) }
            return ports.compactMap { names.name(of: $0) }.sorted()
        }
    }

    // MARK: XNU's construct and destruct

    package struct Construction: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let contextAsGuard = Construction(rawValue: 0x01)
        package static let queueLimit = Construction(rawValue: 0x02)
        package static let insertSendRight = Construction(rawValue: 0x10)
    }

    package func construct(_ options: UInt32, queueLimit: UInt32, context: UInt64) throws(MachReturn) -> PortName {
        let options = Construction(rawValue: options)
        if options.contains(.queueLimit), queueLimit > Dialect.xnu.queueLimitMax { throw .invalidValue }
        let name = try allocate(RightKind.receive.rawValue)
        do throws(MachReturn) {
            if options.contains(.queueLimit) { try setQueueLimit(queueLimit, of: name, .xnu) }
            let side = try receiveSide(name)
            side.context.store(context, ordering: .relaxed)
            side.hasGuard.store(options.contains(.contextAsGuard), ordering: .relaxed)
            if options.contains(.insertSendRight) { try insertRight(as: name, name, Disposition.makeSend.rawValue) }
        } catch {
            try? destroy(name)
            throw error
        }
        return name
    }

    /// Drops the receive right and so many references of the send right.
    package func destruct(_ name: PortName, by delta: Int32, guardedBy context: UInt64) throws(MachReturn) {
        let side = try receiveSide(name)
        if side.hasGuard.load(ordering: .relaxed), side.context.load(ordering: .relaxed) != context { throw .invalidArgument }
        guard delta <= 0 else { throw .invalidValue }
        if delta < 0 { try modifyReferences(of: name, RightKind.send.rawValue, by: delta) }
        try modifyReferences(of: name, RightKind.receive.rawValue, by: -1)
    }
}
