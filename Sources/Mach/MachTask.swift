package import Masix
import MasixKernel
import Synchronization

/// A task of Mach: names for the rights that a space holds (spec/mach.md 1.1), and Mach's calls on them.
///
/// Names, user references, sets and dead names are kept here (Documentation/Decisions/0002); ports, queues and what others see of them
/// are the library's and the kernel's.
package final class MachTask: Sendable {
    package let space: Space
    let memory: any TaskMemory
    private let table: Mutex<NameTable>
    let taskPort = Mutex<TaskPort?>(nil)

    /// `namesMax`: names at a time; fewer than there can be for a test of what happens then.
    package init(space: Space, memory: any TaskMemory, namesMax: Int = 0xFF_FFFE) {
        self.space = space
        table = Mutex(NameTable(namesMax: min(namesMax, NameTable.namesMax)))
        self.memory = memory
    }

    /// Runs with the names, and with nobody else changing them. Never waits for another task.
    func withNames<Result: ~Copyable & Sendable>(_ body: (inout NameTable) throws(MachReturn) -> sending Result) throws(MachReturn)
        -> sending Result
    {
        try table.withLock { names throws(MachReturn) in try body(&names) }
    }

    /// What the name denotes now: a right whose port has died is a dead name (1.6).
    func entry(_ name: PortName, _ names: inout NameTable) throws(MachReturn) -> NameEntry {
        guard let entry = names[name] else { throw .invalidName }
        refresh(entry, &names)
        return entry
    }

    func refresh(_ entry: NameEntry, _ names: inout NameTable) {
        if let send = entry.send, entry.receive == nil {
            guard send.isDead else { return }
            refreshRequest(of: entry)
            entry.die(references: entry.references)
            names.forgetPort(of: entry)
        } else if entry.isAnswerable {
            return
        } else if let once = entry.once, space.isDead(once) {
            entry.die(references: 1)
        }
    }

    /// A send-possible request serves once, and its answer may go to anybody: only the kernel knows whether it is armed still (N5, S8).
    func refreshRequest(of entry: NameEntry) {
        guard entry.isRoomRequested, let port = entry.port, !space.hasRequest(port) else { return }
        entry.isRequested = false
        entry.isRoomRequested = false
        entry.isRoomAwaited = false
    }

    /// The error of a call on rights for what the library says.
    static func failure(_ error: MasixError) -> MachReturn {
        switch error {
        case .noSpace, .tooManyRights: .noSpace
        case .resourceShortage: .resourceShortage
        case .invalidRight, .portDied, .deadName: .invalidRight
        case .invalidValue: .invalidValue
        case .nodeGone, .forked, .noNode: .invalidTask
        default: .failure
        }
    }
}

/// The memory of the task's process, as messages need it. What lies where nothing is, is an error and no fault.
package protocol TaskMemory: Sendable {
    /// A copy of these bytes; nil if they cannot be read.
    func read(_ address: UInt64, _ count: Int) -> [UInt8]?
    /// The same as an object for a message.
    func capture(_ address: UInt64, _ count: Int) -> MemoryObject?
    /// Fresh pages with these bytes; nil if there is no room.
    func place(_ bytes: [UInt8]) -> UInt64?
    /// The content of an object at fresh pages.
    func map(_ object: MemoryObject) -> UInt64?
    /// A part of the content of an object, copied.
    func read(_ object: MemoryObject, at offset: Int, _ count: Int) -> [UInt8]?
    /// Frees the pages that the range touches (M1).
    func deallocate(_ address: UInt64, _ count: Int)
}
