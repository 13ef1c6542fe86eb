import Masix
import MasixMach

// The names of the node, as Mach's bootstrap server has them, for C. What it answers is `BOOTSTRAP_*`, from 1100.

private let nameBytesMax = 128

private enum Bootstrap {
    static let notPrivileged = MachReturn(rawValue: 1100)
    static let nameInUse = MachReturn(rawValue: 1101)
    static let unknownService = MachReturn(rawValue: 1102)
    static let serviceActive = MachReturn(rawValue: 1103)
    static let noMemory = MachReturn(rawValue: 1105)

    static func failure(_ error: NameError) -> MachReturn {
        switch error {
        case .unknown, .unanswered, .unknownNode, .timedOut: unknownService
        case .taken: nameInUse
        case .notOwner: notPrivileged
        case .invalidName: .invalidArgument
        case .tooMany: noMemory
        case .deadRight: .invalidRight
        case .noNameServer, .node: .failure
        }
    }
}

private func named(_ bootstrap: UInt32, _ text: UInt, _ body: (MachTask, Names, String) throws(MachReturn) -> Void) -> Int32 {
    answer { () throws(MachReturn) in
        let process = try MachProcess.shared()
        guard bootstrap == process.bootstrapName || bootstrap == .null else { throw .invalidArgument }
        try body(process.task, process.task.space.names, try Outputs.text(at: text, max: nameBytesMax))
    }
}

@_cdecl("bootstrap_look_up")
public func bootstrapLookUp(_ bootstrap: UInt32, _ name: UInt, _ port: UInt) -> Int32 {
    named(bootstrap, name) { (task, names, name) throws(MachReturn) in
        let found: OwnedRight
        do throws(NameError) { found = .send(try names.lookUp(name).share()) } catch { throw Bootstrap.failure(error) }
        try Outputs.put(try task.arrive(found), at: port)
    }
}

@_cdecl("bootstrap_register")
public func bootstrapRegister(_ bootstrap: UInt32, _ name: UInt, _ port: UInt32) -> Int32 {
    named(bootstrap, name) { (task, names, name) throws(MachReturn) in
        if port == .null {
            do throws(NameError) { return try names.remove(name) } catch { throw Bootstrap.failure(error) }
        }
        guard let right = SendRight(try task.copySend(port)) else { throw .invalidRight }
        do throws(NameError) { try names.register(name, right) } catch { throw Bootstrap.failure(error) }
    }
}

@_cdecl("bootstrap_check_in")
public func bootstrapCheckIn(_ bootstrap: UInt32, _ name: UInt, _ port: UInt) -> Int32 {
    named(bootstrap, name) { (task, names, name) throws(MachReturn) in
        let made = try task.allocate(RightKind.receive.rawValue)
        do throws(MachReturn) {
            guard let right = SendRight(try task.makeSend(made)) else { throw .failure }
            do throws(NameError) { try names.register(name, right) } catch {
                if case .taken = error { throw Bootstrap.serviceActive }
                throw Bootstrap.failure(error)
            }
            try Outputs.put(made, at: port)
        } catch {
            try? task.destroy(made)
            throw error
        }
    }
}
