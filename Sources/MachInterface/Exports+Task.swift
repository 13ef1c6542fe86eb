import Masix
import MasixLinux
import MasixMach

// The task, its memory and its special ports, for C.

@_cdecl("mach_task_self")
public func machTaskSelf() -> UInt32 { (try? MachProcess.shared().taskPort.name) ?? PortName.null }

@_cdecl("mach_host_self")
public func machHostSelf() -> UInt32 {
    guard let process = try? MachProcess.shared() else { return PortName.null }
    return (try? process.reference(to: process.hostPort)) ?? PortName.null
}

@_cdecl("mach_thread_self")
public func machThreadSelf() -> UInt32 { (try? MachProcess.shared().threadName()) ?? PortName.null }

// MARK: memory

private func allocate(_ task: UInt32, _ address: UInt, _ count: UInt64, anywhere: Bool) -> Int32 {
    onTask(task) { (_) throws(MachReturn) in
        guard count > 0 else { return try Outputs.put(UInt64(0), at: address) }
        guard let count = Int(exactly: count) else { throw .noSpace }
        if anywhere {
            guard let made = OwnMemory.allocate(count) else { throw .noSpace }
            return try Outputs.put(made, at: address)
        }
        let wanted = try Outputs.long(at: address) & ~4095
        guard OwnMemory.allocate(count, at: wanted) != nil else { throw .noSpace }
        try Outputs.put(wanted, at: address)
    }
}

private func deallocate(_ task: UInt32, _ address: UInt64, _ count: UInt64) -> Int32 {
    onTask(task) { (_) throws(MachReturn) in
        guard count > 0 else { return }
        // No program has more.
        guard count < 1 << 48, let count = Int(exactly: count), address < 1 << 48 else { throw .invalidArgument }
        OwnMemory.deallocate(address, count)
    }
}

@_cdecl("vm_allocate")
public func vmAllocate(_ task: UInt32, _ address: UInt, _ count: UInt64, _ flags: Int32) -> Int32 {
    // In both dialects the lowest bit says that any place will do.
    allocate(task, address, count, anywhere: flags & 1 != 0)
}

@_cdecl("vm_deallocate")
public func vmDeallocate(_ task: UInt32, _ address: UInt64, _ count: UInt64) -> Int32 { deallocate(task, address, count) }

@_cdecl("mach_vm_allocate")
public func machVMAllocate(_ task: UInt32, _ address: UInt, _ count: UInt64, _ flags: Int32) -> Int32 {
    allocate(task, address, count, anywhere: flags & 1 != 0)
}

@_cdecl("mach_vm_deallocate")
public func machVMDeallocate(_ task: UInt32, _ address: UInt64, _ count: UInt64) -> Int32 { deallocate(task, address, count) }

@_cdecl("syscall_vm_allocate")
public func syscallVMAllocate(_ task: UInt32, _ address: UInt, _ count: UInt64, _ flags: Int32) -> Int32 {
    allocate(task, address, count, anywhere: flags & 1 != 0)
}

@_cdecl("syscall_vm_deallocate")
public func syscallVMDeallocate(_ task: UInt32, _ address: UInt64, _ count: UInt64) -> Int32 { deallocate(task, address, count) }

// MARK: special ports

/// The numbers of `task_get_special_port` that both dialects have.
private enum TaskPort: Int32 {
    case kernel = 1
    case host = 2
    case bootstrap = 4
}

@_cdecl("task_get_special_port")
public func taskGetSpecialPort(_ task: UInt32, _ which: Int32, _ port: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        let process = try MachProcess.shared()
        let name: PortName =
            switch TaskPort(rawValue: which) {
            case .kernel: process.taskPort.name
            case .host: process.hostPort.name
            case .bootstrap: process.bootstrapName
            case nil: throw .invalidArgument
            }
        // The caller's own reference (spec/mach.md 1.3, COPY_SEND).
        if name != .null { _ = try task.extractRight(name, Disposition.copySend.rawValue) }
        try Outputs.put(name, at: port)
    }
}

@_cdecl("task_get_bootstrap_port")
public func taskGetBootstrapPort(_ task: UInt32, _ port: UInt) -> Int32 { taskGetSpecialPort(task, TaskPort.bootstrap.rawValue, port) }

/// The flavours of `task_info` that name who the task is.
private enum TaskInfo: Int32 {
    case securityToken = 13
    case auditToken = 15
}

@_cdecl("task_info")
public func taskInfo(_ task: UInt32, _ flavour: Int32, _ info: UInt, _ count: UInt) -> Int32 {
    onTask(task) { (task) throws(MachReturn) in
        let who = task.space.identity
        let words: [UInt32] =
            switch TaskInfo(rawValue: flavour) {
            case .securityToken: [who.uid, who.gid]
            case .auditToken: [who.uid, who.uid, who.gid, who.uid, who.gid, UInt32(bitPattern: who.pid), 0, 0]
            case nil: throw .invalidArgument
            }
        guard try Outputs.word(at: count) >= words.count else { throw .invalidArgument }
        try Outputs.put(words, at: info)
        try Outputs.put(UInt32(words.count), at: count)
    }
}
