import DequeModule
import Masix
import MasixKernel
import Synchronization

/// What a task's names denote (N1 to N3). Changed under the lock of its task alone.
struct NameTable: ~Copyable {
    private(set) var entries: [PortName: NameEntry] = [:]
    /// The one name of each port that send or receive rights are held to.
    private var ports: [PortID: PortName] = [:]
    private var freed: Deque<PortName> = []
    private var nextIndex: UInt32 = 1
    /// Entries without a name, for the next rights to answer: a server has one for each call.
    private var spares: [NameEntry] = []
    private let indexMax: UInt32

    /// At most so many names at a time.
    init(namesMax: Int) { indexMax = UInt32(namesMax) }

    subscript(name: PortName) -> NameEntry? { entries[name] }

    func name(of port: PortID) -> PortName? { ports[port] }

    /// A name that nothing has, and that nothing had a short while ago: index and generation in one word.
    private mutating func unusedName() throws(MachReturn) -> PortName {
        if freed.count > Self.resting || nextIndex > indexMax {
            while let old = freed.popFirst() {
                let name = old & ~0xFF | (old &+ 4) & 0xFF
                if name.isValid, entries[name] == nil { return name }
            }
        }
        while nextIndex <= indexMax {
            defer { nextIndex += 1 }
            let name = nextIndex << 8 | 3
            if entries[name] == nil { return name }
        }
        throw .noSpace
    }

    private static let resting = 64
    /// Index and generation share 32 bits, and two values of these denote no right.
    static let namesMax = 0xFF_FFFE

    /// Files an entry under a name: one that the caller wants and that is free, or a new one.
    mutating func add(_ entry: NameEntry, as wanted: PortName? = nil) throws(MachReturn) -> PortName {
        let name: PortName
        if let wanted {
            guard entries[wanted] == nil else { throw .nameExists }
            name = wanted
        } else {
            name = try unusedName()
        }
        entry.name = name
        entries[name] = entry
        if let port = entry.port { ports[port] = name }
        return name
    }

    /// Files the right to answer a call that came by a link; the entry is one that such a right had before, if there is one.
    mutating func add(_ linked: inout LinkedReply?) throws(MachReturn) -> PortName {
        let entry = spares.popLast() ?? NameEntry()
        entry.hold(&linked)
        return try add(entry)
    }

    /// Takes a right to answer out that still lives in its link, and frees its name; nil if this is none.
    mutating func takeLinked(_ name: PortName) -> LinkedReply? {
        guard let entry = entries[name], let linked = entry.takeLinked() else { return nil }
        remove(entry)
        if spares.count < Self.resting { spares.append(entry) }
        return linked
    }

    /// The port is known by this name from now on.
    mutating func know(_ port: PortID, as entry: NameEntry) {
        entry.port = port
        ports[port] = entry.name
    }

    /// The name is free.
    mutating func remove(_ entry: NameEntry) {
        entries[entry.name] = nil
        forgetPort(of: entry)
        if entry.name & 0xFF != 0, entry.name >> 8 < nextIndex { freed.append(entry.name) }
    }

    /// The name no longer stands for its port: that has died, or the task has lost both rights.
    mutating func forgetPort(of entry: NameEntry) {
        guard let port = entry.port else { return }
        if ports[port] == entry.name { ports[port] = nil }
        entry.port = nil
    }

    mutating func rename(_ entry: NameEntry, to name: PortName) {
        entries[entry.name] = nil
        if entry.name >> 8 < nextIndex { freed.append(entry.name) }
        entry.name = name
        entries[name] = entry
        if let port = entry.port { ports[port] = name }
    }
}

/// What one name denotes: of the rights below those that are there, in the combinations of N2. Changed under the lock of its task alone,
/// hence unchecked.
final class NameEntry: @unchecked Sendable {
    fileprivate(set) var name: PortName = .null {
        didSet { set?.name.store(name, ordering: .relaxed) }
    }
    /// Of the send or receive right.
    fileprivate(set) var port: PortID?
    var send: SendReference?
    var receive: ReceiveSide?
    /// As the object that messages carry. A right that lives in a link becomes one when it is asked for so.
    var once: SendOnceState? {
        get {
            if let linked = linked.take() { kept = linked.kept() }
            return kept
        }
        set {
            linked = nil
            kept = newValue
        }
    }
    private var kept: SendOnceState?
    private var linked: LinkedReply?
    var hasOnce: Bool { linked != nil || kept != nil }
    /// A send-once right that can be answered with where it is.
    var isAnswerable: Bool { linked?.isArmed ?? false }
    var set: SetSide?
    var isDead = false
    /// User references of the send right or the dead name.
    var references: UInt32 = 0
    /// A dead-name request is armed; or a send-possible request, which tells of death too.
    var isRequested = false
    var isRoomRequested = false
    /// A send has met the full queue since.
    var isRoomAwaited = false

    init() {}

    convenience init(send: SendReference) {
        self.init()
        self.send = send
        references = 1
        port = send.port
    }

    convenience init(receive: ReceiveSide) {
        self.init()
        self.receive = receive
        port = receive.holder.port
    }

    convenience init(once: SendOnceState) {
        self.init()
        kept = once
    }

    convenience init(set: SetSide) {
        self.init()
        self.set = set
    }

    convenience init(deadWith references: UInt32) {
        self.init()
        isDead = true
        self.references = references
    }

    func hold(_ right: inout LinkedReply?) { linked = right.take() }

    /// The right, if it can be answered with where it is: nobody has asked for more.
    func takeLinked() -> LinkedReply? { isAnswerable ? linked.take() : nil }

    /// N3.
    static let sendReferencesMax: UInt32 = 65_534
    static let deadReferencesMax: UInt32 = 65_535

    /// N5.
    var type: UInt32 {
        var bits: UInt32 = 0
        if send != nil { bits |= RightKind.send.typeBit }
        if receive != nil { bits |= RightKind.receive.typeBit }
        if hasOnce { bits |= RightKind.sendOnce.typeBit }
        if set != nil { bits |= RightKind.portSet.typeBit }
        if isDead { bits |= RightKind.deadName.typeBit }
        if isRoomRequested { bits |= sendPossibleRequestBit } else if isRequested { bits |= deadNameRequestBit }
        return bits
    }

    func references(of kind: RightKind) -> UInt32 {
        switch kind {
        case .send: send == nil ? 0 : references
        case .receive: receive == nil ? 0 : 1
        case .sendOnce: hasOnce ? 1 : 0
        case .portSet: set == nil ? 0 : 1
        case .deadName: isDead ? references : 0
        }
    }

    /// One more reference to a send right; at the maximum the count stays (N6).
    func addSendReference() { if references < Self.sendReferencesMax { references += 1 } }

    /// The port of the name has died (1.6).
    func die(references count: UInt32) {
        let fired: UInt32 = isRequested ? 1 : 0
        references = min(count + fired, Self.deadReferencesMax)
        isRequested = false
        isRoomRequested = false
        isRoomAwaited = false
        isDead = true
        send = nil
        once = nil
    }
}

/// A receive right with what the port's receiver knows of it.
final class ReceiveSide: Sendable {
    let holder: ReceiveHolder
    /// Of the next message (V3): raised in the step that takes one.
    let sequence = Atomic<UInt32>(0)
    let context = Atomic<UInt64>(0)
    let hasGuard = Atomic<Bool>(false)
    /// A protected payload, in the place of the port's name in its messages.
    let payload = Mutex<UInt64?>(nil)
    /// The sets that it is in; changed under the lock of the task.
    let sets = Mutex<[SetSide]>([])
    let isInSet = Atomic<Bool>(false)
    /// It has left its name, into a message or by death: nobody receives here any more.
    let isLost = Atomic<Bool>(false)

    init(_ holder: ReceiveHolder) { self.holder = holder }

    /// A message is taken here: its number, and what it shows of the port.
    func mark() -> MachReceived.Marks {
        MachReceived.Marks(
            sequence: sequence.add(1, ordering: .relaxed).oldValue, payload: payload.withLock { $0 },
            context: context.load(ordering: .relaxed))
    }

    func enter(_ set: SetSide) {
        sets.withLock { $0.append(set) }
        // Before anybody who waits at the set can take a message of it: he counts it here (V3).
        set.members.withLock { $0[holder.port] = self }
        set.set.insert(sharing: holder)
        isInSet.store(true, ordering: .sequentiallyConsistent)
    }

    /// False if it was not in.
    func leave(_ set: SetSide) -> Bool {
        guard
            sets.withLock({ sets in
                guard let place = sets.firstIndex(where: { $0 === set }) else { return false }
                sets.remove(at: place)
                return true
            })
        else { return false }
        set.set.removeShared(holder)
        set.members.withLock { $0[holder.port] = nil }
        isInSet.store(sets.withLock { !$0.isEmpty }, ordering: .sequentiallyConsistent)
        return true
    }

    func leaveAll() { for set in sets.withLock({ $0 }) { _ = leave(set) } }
}

/// A port set (1.7).
final class SetSide: Sendable {
    let set: PortSet
    let members = Mutex<[PortID: ReceiveSide]>([:])
    /// As its entry has it.
    let name = Atomic<PortName>(.null)
    private let gone = Atomic<Bool>(false)

    init(_ set: PortSet) { self.set = set }

    var isGone: Bool { gone.load(ordering: .acquiring) }

    /// Frees its members and tells who waits.
    func end() {
        gone.store(true, ordering: .releasing)
        for member in members.withLock({ Array($0.values) }) { _ = member.leave(self) }
    }
}
