import MasixMach

// Mach's calls on names, for C (spec/mach.md 1.2). Addresses are the program's, and never followed here.

@_cdecl("mach_reply_port")
public func machReplyPort() -> UInt32 {
    (try? MachProcess.shared().task.allocate(RightKind.receive.rawValue)) ?? PortName.null
}

@_cdecl("mach_port_allocate")
public func machPortAllocate(_ task: UInt32, _ right: UInt32, _ name: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        let made = try task.allocate(right)
        do throws(MachReturn) { try Outputs.put(made, at: name) } catch {
            try? task.destroy(made)
            throw error
        }
    } other: { (other) throws(MachReturn) in
        try Outputs.put(try other.ask(3204, [.number(right)]).number(0), at: name)
    }
}

@_cdecl("syscall_mach_port_allocate")
public func syscallMachPortAllocate(_ task: UInt32, _ right: UInt32, _ name: UInt) -> Int32 { machPortAllocate(task, right, name) }

@_cdecl("mach_port_allocate_name")
public func machPortAllocateName(_ task: UInt32, _ right: UInt32, _ name: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        _ = try task.allocate(right, name: name)
    } other: { (other) throws(MachReturn) in
        _ = try other.ask(3203, [.number(right), .name(name)])
    }
}

@_cdecl("mach_port_deallocate")
public func mach3PortDeallocate(_ task: UInt32, _ name: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try task.deallocate(name, .mach3)
    } other: { (other) throws(MachReturn) in
        _ = try other.ask(3206, [.name(name)])
    }
}

@_cdecl("masix_xnu_mach_port_deallocate")
public func xnuPortDeallocate(_ task: UInt32, _ name: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try task.deallocate(name, .xnu)
    } other: { (other) throws(MachReturn) in
        _ = try other.ask(3206, [.name(name)])
    }
}

@_cdecl("mach_port_destroy")
public func machPortDestroy(_ task: UInt32, _ name: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try task.destroy(name)
    } other: { (other) throws(MachReturn) in
        _ = try other.ask(3205, [.name(name)])
    }
}

@_cdecl("mach_port_rename")
public func machPortRename(_ task: UInt32, _ old: UInt32, _ new: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try task.rename(old, to: new)
    } other: { (other) throws(MachReturn) in
        _ = try other.ask(3202, [.name(old), .name(new)])
    }
}

@_cdecl("mach_port_names")
public func machPortNames(_ task: UInt32, _ names: UInt, _ namesCount: UInt, _ types: UInt, _ typesCount: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        let list = try task.names()
        try Outputs.putArray(list.map(\.name), at: names, count: namesCount)
        try Outputs.putArray(list.map(\.type), at: types, count: typesCount)
    } other: { (other) throws(MachReturn) in
        let list = try other.ask(3200, [])
        try Outputs.putArray(try list.numbers(0), at: names, count: namesCount)
        try Outputs.putArray(try list.numbers(1), at: types, count: typesCount)
    }
}

@_cdecl("mach_port_type")
public func machPortType(_ task: UInt32, _ name: UInt32, _ type: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try Outputs.put(try task.type(of: name), at: type)
    } other: { (other) throws(MachReturn) in
        try Outputs.put(try other.ask(3201, [.name(name)]).number(0), at: type)
    }
}

@_cdecl("mach_port_get_refs")
public func machPortGetRefs(_ task: UInt32, _ name: UInt32, _ right: UInt32, _ references: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try Outputs.put(try task.references(of: name, right), at: references)
    } other: { (other) throws(MachReturn) in
        try Outputs.put(try other.ask(3207, [.name(name), .number(right)]).number(0), at: references)
    }
}

@_cdecl("mach_port_mod_refs")
public func machPortModRefs(_ task: UInt32, _ name: UInt32, _ right: UInt32, _ delta: Int32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try task.modifyReferences(of: name, right, by: delta)
    } other: { (other) throws(MachReturn) in
        _ = try other.ask(3208, [.name(name), .number(right), .number(UInt32(bitPattern: delta))])
    }
}

@_cdecl("mach_port_insert_right")
public func machPortInsertRight(_ task: UInt32, _ name: UInt32, _ right: UInt32, _ disposition: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try task.insertRight(as: name, right, disposition)
    } other: { (other) throws(MachReturn) in
        guard let disposition = Disposition(rawValue: disposition) else { throw .invalidValue }
        _ = try other.ask(3215, [.name(name), .right(right, disposition)])
    }
}

@_cdecl("mach_port_extract_right")
public func machPortExtractRight(_ task: UInt32, _ name: UInt32, _ disposition: UInt32, _ right: UInt, _ type: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        let extracted = try task.extractRight(name, disposition)
        try Outputs.put(extracted.name, at: right)
        try Outputs.put(extracted.type, at: type)
    } other: { (other) throws(MachReturn) in
        guard let disposition = Disposition(rawValue: disposition) else { throw .invalidValue }
        try Outputs.put(try other.ask(3216, [.name(name), .number(disposition.rawValue)]).right(0), at: right)
        try Outputs.put(disposition.arrived, at: type)
    }
}

private func request(
    _ task: UInt32, _ name: UInt32, _ id: Int32, _ sync: UInt32, _ notify: UInt32, _ disposition: UInt32, _ previous: UInt,
    _ dialect: Dialect
) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        let old = try task.requestNotification(of: name, id: id, sync: sync, notify: notify, disposition, dialect)
        try Outputs.put(old, at: previous)
    } other: { (other) throws(MachReturn) in
        var right = OtherTask.Item.noRight
        if notify != .null {
            guard let disposition = Disposition(rawValue: disposition) else { throw .invalidCapability }
            right = .right(notify, disposition)
        }
        let results = try other.ask(3214, [.name(name), .number(UInt32(bitPattern: id)), .number(sync), right])
        try Outputs.put(try results.right(0), at: previous)
    }
}

@_cdecl("mach_port_request_notification")
public func mach3PortRequestNotification(
    _ task: UInt32, _ name: UInt32, _ id: Int32, _ sync: UInt32, _ notify: UInt32, _ disposition: UInt32, _ previous: UInt
) -> Int32 { request(task, name, id, sync, notify, disposition, previous, .mach3) }

@_cdecl("masix_xnu_mach_port_request_notification")
public func xnuPortRequestNotification(
    _ task: UInt32, _ name: UInt32, _ id: Int32, _ sync: UInt32, _ notify: UInt32, _ disposition: UInt32, _ previous: UInt
) -> Int32 { request(task, name, id, sync, notify, disposition, previous, .xnu) }

@_cdecl("mach_port_get_receive_status")
public func mach3PortGetReceiveStatus(_ task: UInt32, _ name: UInt32, _ status: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try Outputs.put(try task.receiveStatus(of: name).words(.mach3), at: status)
    } other: { (other) throws(MachReturn) in
        try Outputs.put(try other.ask(3217, [.name(name)]).numbers(0), at: status)
    }
}

@_cdecl("masix_xnu_mach_port_get_receive_status")
public func xnuPortGetReceiveStatus(_ task: UInt32, _ name: UInt32, _ status: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try Outputs.put(try task.receiveStatus(of: name).words(.xnu), at: status)
    } other: { (other) throws(MachReturn) in
        try Outputs.put(try other.ask(3217, [.name(name)]).numbers(0) + [0], at: status)
    }
}

@_cdecl("mach_port_set_qlimit")
public func mach3PortSetQlimit(_ task: UInt32, _ name: UInt32, _ limit: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try task.setQueueLimit(limit, of: name, .mach3)
    } other: { (other) throws(MachReturn) in
        _ = try other.ask(3210, [.name(name), .number(limit)])
    }
}

@_cdecl("masix_xnu_mach_port_set_qlimit")
public func xnuPortSetQlimit(_ task: UInt32, _ name: UInt32, _ limit: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try task.setQueueLimit(limit, of: name, .xnu)
    } other: { (other) throws(MachReturn) in
        _ = try other.ask(3210, [.name(name), .number(limit)])
    }
}

@_cdecl("mach_port_set_mscount")
public func machPortSetMscount(_ task: UInt32, _ name: UInt32, _ count: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try task.setMakeSendCount(count, of: name)
    } other: { (other) throws(MachReturn) in
        _ = try other.ask(3211, [.name(name), .number(count)])
    }
}

@_cdecl("mach_port_set_seqno")
public func machPortSetSeqno(_ task: UInt32, _ name: UInt32, _ number: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try task.setSequence(number, of: name)
    } other: { (other) throws(MachReturn) in
        _ = try other.ask(3218, [.name(name), .number(number)])
    }
}

@_cdecl("mach_port_move_member")
public func machPortMoveMember(_ task: UInt32, _ member: UInt32, _ set: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try task.moveMember(member, to: set)
    } other: { (other) throws(MachReturn) in
        _ = try other.ask(3213, [.name(member), .name(set)])
    }
}

@_cdecl("mach_port_insert_member")
public func machPortInsertMember(_ task: UInt32, _ member: UInt32, _ set: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in try task.insertMember(member, into: set) }
}

@_cdecl("mach_port_extract_member")
public func machPortExtractMember(_ task: UInt32, _ member: UInt32, _ set: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in try task.extractMember(member, from: set) }
}

@_cdecl("mach_port_get_set_status")
public func machPortGetSetStatus(_ task: UInt32, _ set: UInt32, _ members: UInt, _ count: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        try Outputs.putArray(try task.members(of: set), at: members, count: count)
    } other: { (other) throws(MachReturn) in
        try Outputs.putArray(try other.ask(3212, [.name(set)]).numbers(0), at: members, count: count)
    }
}

// MARK: XNU alone

/// `mach_port_options_t`: flags, then the queue limit, then reserved words.
@_cdecl("mach_port_construct")
public func machPortConstruct(_ task: UInt32, _ options: UInt, _ context: UInt64, _ name: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        let made = try task.construct(try Outputs.word(at: options), queueLimit: try Outputs.word(at: options &+ 4), context: context)
        do throws(MachReturn) { try Outputs.put(made, at: name) } catch {
            try? task.destroy(made)
            throw error
        }
    }
}

@_cdecl("mach_port_destruct")
public func machPortDestruct(_ task: UInt32, _ name: UInt32, _ delta: Int32, _ context: UInt64) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in try task.destruct(name, by: delta, guardedBy: context) }
}

/// The flavours of `mach_port_get_attributes`.
private enum Flavour: Int32 {
    case limits = 1
    case receiveStatus = 2
    case requestTable = 3
}

@_cdecl("mach_port_get_attributes")
public func machPortGetAttributes(_ task: UInt32, _ name: UInt32, _ flavour: Int32, _ info: UInt, _ count: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        guard let flavour = Flavour(rawValue: flavour) else { throw .invalidArgument }
        let status = try task.receiveStatus(of: name)
        let words: [UInt32] =
            switch flavour {
            case .limits: [status.queueLimit]
            case .receiveStatus: status.words(.xnu)
            case .requestTable: [0]
            }
        guard try Outputs.word(at: count) >= words.count else { throw .failure }
        try Outputs.put(words, at: info)
        try Outputs.put(UInt32(words.count), at: count)
    }
}

@_cdecl("mach_port_set_attributes")
public func machPortSetAttributes(_ task: UInt32, _ name: UInt32, _ flavour: Int32, _ info: UInt, _ count: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        guard let flavour = Flavour(rawValue: flavour), flavour == .limits else { throw .invalidArgument }
        guard count >= 1 else { throw .failure }
        try task.setQueueLimit(try Outputs.word(at: info), of: name, .xnu)
    }
}

@_cdecl("mach_port_get_context")
public func machPortGetContext(_ task: UInt32, _ name: UInt32, _ context: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in try Outputs.put(try task.context(of: name), at: context) }
}

@_cdecl("mach_port_set_context")
public func machPortSetContext(_ task: UInt32, _ name: UInt32, _ context: UInt64) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in try task.setContext(context, of: name) }
}

/// The trailer is the smallest one: type and size.
@_cdecl("mach_port_peek")
public func machPortPeek(
    _ task: UInt32, _ name: UInt32, _ trailerType: UInt32, _ sequence: UInt, _ size: UInt, _ id: UInt, _ trailer: UInt, _ trailerCount: UInt
) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        let next = try task.peek(at: name)
        guard try Outputs.word(at: trailerCount) >= 8 else { throw .invalidArgument }
        try Outputs.put(next.sequence, at: sequence)
        try Outputs.put(UInt32(next.size), at: size)
        try Outputs.put(next.id, at: id)
        try Outputs.put([0, 8], at: trailer)
        try Outputs.put(UInt32(8), at: trailerCount)
    }
}

@_cdecl("syscall_mach_port_deallocate")
public func syscallMachPortDeallocate(_ task: UInt32, _ name: UInt32) -> Int32 { mach3PortDeallocate(task, name) }

// MARK: GNU Mach alone

@_cdecl("mach_port_set_protected_payload")
public func machPortSetProtectedPayload(_ task: UInt32, _ name: UInt32, _ payload: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in try task.setPayload(UInt64(payload), of: name) }
}

@_cdecl("mach_port_clear_protected_payload")
public func machPortClearProtectedPayload(_ task: UInt32, _ name: UInt32) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in try task.setPayload(nil, of: name) }
}
