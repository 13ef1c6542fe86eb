import DequeModule
import MasixKernel
import MasixTransport
import Synchronization

/// The members of a port set, and which of them may have a message: looking for one takes as long with many members as with few.
///
/// What comes by a link is noted by whoever files it. What comes by the nucleus is not told port by port, but not without a ring: after
/// one the counts of all home queues are looked at, which lie together. Ports that never left the library are asked each time.
struct SetMembers {
    private struct Member {
        let holder: ReceiveHolder
        /// Its place in `homes`; nil while it is local.
        var place: Int?
        /// It stands in the line of the ready ones.
        var isLinedUp = false
    }

    private var members: [PortID: Member] = [:]
    /// Control-memory places of members that the nucleus knows, and which member each is.
    private var indexes: [UInt32] = []
    private var homes: [PortID] = []
    private var locals: [PortID] = []
    /// Members that may have something, in their turn; each once.
    private var ready: Deque<ReceiveEntry> = []
    /// Members with nothing, and with calls that are to be answered at them by links: nobody notes an answer for its port.
    private var asking: [ReceiveEntry] = []
    private var seenBell: UInt32?

    let notes = ReadyNotes()

    var count: Int { members.count }
    /// In the order of their ids.
    var entries: [ReceiveEntry] { members.keys.sorted().compactMap { members[$0]?.holder.entry } }

    subscript(port: PortID) -> ReceiveHolder? { members[port]?.holder }

    mutating func insert(_ holder: ReceiveHolder) {
        let entry = holder.entry
        members[entry.port] = Member(holder: holder, place: nil)
        if entry.isLocal { locals.append(entry.port) } else { settle(entry) }
        entry.tell(notes)
        line(up: entry)
    }

    mutating func remove(_ port: PortID) -> ReceiveHolder? {
        guard let member = members.removeValue(forKey: port) else { return nil }
        if let place = member.place {
            // The last one takes its place.
            indexes.swapAt(place, indexes.count - 1)
            homes.swapAt(place, homes.count - 1)
            indexes.removeLast()
            homes.removeLast()
            if place < homes.count { members[homes[place]]?.place = place }
        } else {
            locals.removeAll { $0 == port }
        }
        let entry = member.holder.entry
        entry.tellNoMore(notes)
        // Else it would have two places in line, should it come back.
        if member.isLinedUp { ready.removeAll { $0 === entry } }
        return member.holder
    }

    /// The member that may have something and whose turn it is.
    var first: PortID? { ready.first { $0.isReady }?.shownPort }

    /// The member whose turn it is, of those that may have something; it goes to the end of the line.
    mutating func next(_ bell: UInt32, _ control: ControlMemory) -> ReceiveEntry? {
        gather(bell, control)
        guard let entry = takeFirst() else { return nil }
        line(up: entry)
        return entry
    }

    /// It was its turn in vain, and is again.
    mutating func keepTurn(of entry: ReceiveEntry) {
        guard members[entry.port]?.holder.entry === entry else { return }
        if members[entry.port]?.isLinedUp == true { ready.removeAll { $0 === entry } }
        members[entry.port]?.isLinedUp = true
        ready.prepend(entry)
    }

    /// At most so many of them that suit, the others keep their turn.
    mutating func several(_ count: Int, _ bell: UInt32, _ control: ControlMemory, where suits: (ReceiveEntry) -> Bool) -> [ReceiveEntry] {
        gather(bell, control)
        var found: [ReceiveEntry] = []
        var others: [ReceiveEntry] = []
        while found.count < count, let entry = takeFirst() {
            if suits(entry) { found.append(entry) } else { others.append(entry) }
        }
        for entry in others.reversed() {
            members[entry.port]?.isLinedUp = true
            ready.prepend(entry)
        }
        for entry in found { line(up: entry) }
        return found
    }

    /// The first in line, if it has something still.
    private mutating func takeFirst() -> ReceiveEntry? {
        while let entry = ready.popFirst() {
            members[entry.port]?.isLinedUp = false
            if entry.isReady { return entry }
            if entry.isAsking { asking.append(entry) }
        }
        return nil
    }

    /// Whoever may have something is in line afterwards.
    private mutating func gather(_ bell: UInt32, _ control: ControlMemory) {
        for entry in notes.take() where members[entry.port]?.holder.entry === entry { line(up: entry) }
        if !asking.isEmpty {
            for entry in asking where members[entry.port]?.holder.entry === entry { line(up: entry) }
            asking.removeAll(keepingCapacity: true)
        }
        if !locals.isEmpty { gatherLocals() }
        guard seenBell != bell else { return }
        seenBell = bell
        for place in indexes.indices where control.homeCount(indexes[place]).acquired > 0 {
            if let entry = members[homes[place]]?.holder.entry { line(up: entry) }
        }
    }

    private mutating func gatherLocals() {
        var hasLeft = false
        for port in locals {
            guard let entry = members[port]?.holder.entry else { continue }
            if !entry.isLocal {
                hasLeft = true
                settle(entry)
            }
            if entry.isReady { line(up: entry) }
        }
        if hasLeft { locals.removeAll { members[$0]?.place != nil } }
    }

    /// The nucleus knows it from here on.
    private mutating func settle(_ entry: ReceiveEntry) {
        members[entry.port]?.place = homes.count
        homes.append(entry.port)
        indexes.append(entry.index)
    }

    private mutating func line(up entry: ReceiveEntry) {
        guard members[entry.port]?.isLinedUp == false else { return }
        members[entry.port]?.isLinedUp = true
        ready.append(entry)
    }
}

/// Ports of a set for which something has been filed since the set was last looked at.
final class ReadyNotes: Sendable {
    private let isAny = Atomic<Bool>(false)
    private let entries = Mutex<[ReceiveEntry]>([])

    func note(_ entry: ReceiveEntry) {
        entries.withLock { entries in
            if entries.last !== entry { entries.append(entry) }
            isAny.store(true, ordering: .releasing)
        }
    }

    func take() -> [ReceiveEntry] {
        guard isAny.load(ordering: .acquiring) else { return [] }
        return entries.withLock { entries in
            isAny.store(false, ordering: .relaxed)
            defer { entries = [] }
            return entries
        }
    }
}
