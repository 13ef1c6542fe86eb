public import Masix

/// Which names there are, whose they are, and who waits for one: what is told, and what is to be done about it.
///
/// Pure: it holds no right and sends nothing. Rights are kept by its shell under the same names; whoever asks and may have to wait
/// is known by a number that the shell gives. Times are milliseconds of any steady clock.
public struct NameTable: Sendable {
    /// What one user may have, and all together.
    public struct Limits: Sendable {
        public var names = 65_536
        public var namesPerUser = 1024
        public var waitersPerUser = 256
        /// Names of other nodes that were announced and not asked for.
        public var learnt = 16_384

        public init() {}
    }

    /// Who asks, and how to answer.
    public typealias Asker = UInt64

    public enum Event: Sendable {
        case register(NameRecord, replace: Bool, by: Asker)
        /// `wait` is what `until` was made of, in milliseconds; with `here` only the names of this node are asked for.
        case lookUp(String, uid: UInt32, until: UInt64?, wait: UInt32 = 0, here: Bool = false, by: Asker)
        /// Whoever asks has found this port under the name before.
        case confirm(String, PortID, by: Asker)
        case remove(String, uid: UInt32, by: Asker)
        case list(after: String, by: Asker)
        /// The port has died: so have its names.
        case died(PortID)
        /// A name that was registered with a name server before this one.
        case restore(NameRecord)
        /// There are other nodes to be asked, or there are none any more.
        case connected(Bool)
        /// Another node knows the name that this asker wants: a port of that node (figure 2, step 7).
        case foundElsewhere(Asker, PortID, at: UInt64)
        /// No other node knows it; these gave no answer.
        case notElsewhere(Asker, silent: [String])
        /// What was asked for is a name of this node, with the node's name behind it.
        case isOwnNode(Asker)
        /// It was asked for on a node that there is not.
        case noNode(Asker, String, known: [String])
        /// Another node knew it, and the port has died since.
        case diedElsewhere(Asker)
        case namesOf(TaskID, by: Asker)
        /// Another node has announced this name; the right came under the asker's number.
        case learn(String, PortID, from: Asker)
        /// These names of other nodes are not this port's any more.
        case unlearn([String], PortID)
        /// It is so late now.
        case time(UInt64)
    }

    public enum Action: Hashable, Sendable {
        /// The right that came with this asker's question is the name's from now on; the one before is let go.
        case keep(String, from: Asker)
        /// Ask to be told of the death of the port behind this name.
        case watch(String)
        /// Let the right of this name go.
        case forget(String)
        /// Tell the keeper.
        case deposit(NameRecord)
        case withdraw(String)
        case answer(Asker, NameAnswer)
        /// Answer `found`, with a copy of the right of this name.
        case give(Asker, String)
        /// Ask the other nodes (figure 2, step 2).
        case askElsewhere(Asker, String, wait: UInt32)
        /// The right to a port of another node that came for this asker is to be remembered for this name, and its death to be told.
        case remember(String, from: Asker)
        /// Answer `found`, with a copy of that right.
        case giveRemembered(Asker, String)
        /// Answer `found`, with the right that came for this asker, which is not remembered.
        case giveArrived(Asker)
        /// Let it go.
        case forgetRemembered(String)
        /// Tell the network server that a name which it was given is its port's no more.
        case tellElsewhere(String)
    }

    /// How long a name of another node is remembered after its last use, in milliseconds: for so long a look-up sends nothing between
    /// nodes, and for so long the port is held.
    public static let rememberedMilliseconds: UInt64 = 5_000
    /// The same for a name that another node has announced.
    public static let learntMilliseconds: UInt64 = 60_000

    private struct Waiter: Sendable {
        let name: String
        let uid: UInt32
        /// Nil for one who waits for the other nodes alone.
        let until: UInt64?
        /// Other nodes are not asked for it.
        let here: Bool
        /// What is found is not to be remembered: it has been withdrawn since it was asked for.
        var isWithdrawn = false
        /// It was found once, and had died.
        var isAskedAgain = false
    }

    private struct Remembered: Sendable {
        let port: PortID
        let isLearnt: Bool
        var until: UInt64

        init(_ port: PortID, isLearnt: Bool, at now: UInt64) {
            self.port = port
            self.isLearnt = isLearnt
            until = 0
            use(at: now)
        }

        mutating func use(at now: UInt64) {
            until = now + (isLearnt ? NameTable.learntMilliseconds : NameTable.rememberedMilliseconds)
        }
    }

    private let limits: Limits
    private var records: [String: NameRecord] = [:]
    /// Names of each port: it is watched as long as it has any.
    private var ports: [PortID: Set<String>] = [:]
    private var namesOfUser: [UInt32: Int] = [:]
    private var waiters: [Asker: Waiter] = [:]
    private var waitersOfUser: [UInt32: Int] = [:]
    /// Whether there are other nodes to be asked.
    private var isConnected = false
    /// What this node is called among them, as soon as somebody has called it so.
    private var ownNode: String?
    /// Names that the network server was given: as many as there are at the most.
    private var handedOut: Set<String> = []
    /// Names of other nodes, for a while.
    private var remembered: [String: Remembered] = [:]
    private var now: UInt64 = 0

    public init(limits: Limits = Limits()) { self.limits = limits }

    public var count: Int { records.count }
    public subscript(name: String) -> NameRecord? { records[name] }
    /// When the next waiting look-up is over.
    public var nextDeadline: UInt64? { (waiters.values.compactMap(\.until) + remembered.values.map(\.until)).min() }

    /// The clock, for what is remembered from now on.
    public mutating func advance(to time: UInt64) { now = max(now, time) }

    public mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .register(let record, let replace, let asker): register(record, replace: replace, by: asker)
        case .lookUp(let name, let uid, let until, let wait, let here, let asker):
            lookUp(name, uid: uid, until: until, wait: wait, here: here, by: asker)
        case .confirm(let name, let port, let asker): [.answer(asker, confirm(name, port))]
        case .remove(let name, let uid, let asker): remove(name, uid: uid, by: asker)
        case .list(let last, let asker): [.answer(asker, list(after: last))]
        case .died(let port): died(port)
        case .restore(let record): restore(record)
        case .connected(let isConnected): connect(isConnected)
        case .isOwnNode(let asker): isOwnNode(asker)
        case .foundElsewhere(let asker, let port, let now): foundElsewhere(asker, port, now)
        case .notElsewhere(let asker, let silent): notElsewhere(asker, silent)
        case .noNode(let asker, let node, let known): noNode(asker, node, known)
        case .diedElsewhere(let asker): diedElsewhere(asker)
        case .namesOf(let task, let asker): [.answer(asker, names(of: task))]
        case .learn(let name, let port, let asker): learn(name, port, asker)
        case .unlearn(let names, let port): unlearn(names, port)
        case .time(let now): expire(now)
        }
    }

    /// Only its owner's user, and root.
    private func may(_ uid: UInt32, change record: NameRecord) -> Bool { uid == record.owner.uid || uid == 0 }

    private mutating func register(_ record: NameRecord, replace: Bool, by asker: Asker) -> [Action] {
        let name = record.name
        guard NameRequest.isOwnName(name) else { return [.answer(asker, .invalidName)] }
        let previous = records[name]
        if let previous {
            guard may(record.owner.uid, change: previous) else {
                return [.answer(asker, replace ? .notOwner(previous.owner) : .taken(previous.owner))]
            }
            // Said again, perhaps because the answer got lost with a name server.
            if previous.port == record.port { return [.answer(asker, .done)] }
            guard replace else { return [.answer(asker, .taken(previous.owner))] }
        }
        let own = namesOfUser[record.owner.uid, default: 0] - (previous?.owner.uid == record.owner.uid ? 1 : 0)
        guard own < limits.namesPerUser else { return [.answer(asker, .tooMany(limit: UInt32(limits.namesPerUser)))] }
        guard previous != nil || records.count < limits.names else { return [.answer(asker, .tooMany(limit: UInt32(limits.names)))] }
        let withdrawn = handOutNoMore(name)
        drop(name)
        let isNew = add(record)
        // The keeper knows before the owner does: what was answered outlives us.
        var actions: [Action] = [.keep(name, from: asker)]
        if isNew { actions.append(.watch(name)) }
        actions += [.deposit(record)] + withdrawn + [.answer(asker, .done)]
        for waiter in waiters.filter({ $0.value.name == name }).keys.sorted() {
            if waiters[waiter]?.here == true { handedOut.insert(name) }
            forget(waiter)
            actions.append(.give(waiter, name))
        }
        return actions
    }

    /// What the network server is to be told of a name that ends, or moves to another port.
    private mutating func handOutNoMore(_ name: String) -> [Action] {
        handedOut.remove(name) == nil || !isConnected ? [] : [.tellElsewhere(name)]
    }

    private mutating func lookUp(
        _ name: String, uid: UInt32, until: UInt64?, wait: UInt32, here: Bool, by asker: Asker
    ) -> [Action] {
        guard NameRequest.isName(name) else { return [.answer(asker, .invalidName)] }
        if name.utf8.contains(UInt8(ascii: "@")) {
            guard let parts = NameRequest.parts(of: name) else { return [.answer(asker, .invalidName)] }
            // On this node itself: nobody else is asked.
            if parts.node == ownNode { return lookUp(parts.name, uid: uid, until: until, wait: wait, here: true, by: asker) }
            guard isConnected else { return [.answer(asker, .noNode(parts.node, known: []))] }
        }
        // A name of this node goes before the same name elsewhere.
        if records[name] != nil {
            if here { handedOut.insert(name) }
            return [.give(asker, name)]
        }
        let asksElsewhere = isConnected && !here
        if asksElsewhere, remembered[name] != nil {
            remembered[name]?.use(at: now)
            return [.giveRemembered(asker, name)]
        }
        guard until != nil || asksElsewhere else { return [.answer(asker, unknown(name))] }
        guard waitersOfUser[uid, default: 0] < limits.waitersPerUser else {
            return [.answer(asker, .tooMany(limit: UInt32(limits.waitersPerUser)))]
        }
        waiters[asker] = Waiter(name: name, uid: uid, until: until, here: here)
        waitersOfUser[uid, default: 0] += 1
        return asksElsewhere ? [.askElsewhere(asker, name, wait: wait)] : []
    }

    private mutating func confirm(_ name: String, _ port: PortID) -> NameAnswer {
        if let record = records[ownPart(of: name)] { return record.port == port ? .done : .notYet }
        guard isConnected, remembered[name]?.port == port else { return .notYet }
        remembered[name]?.use(at: now)
        return .done
    }

    /// The name itself, unless it says that it is one of this node.
    private func ownPart(of name: String) -> String {
        guard let ownNode, name.utf8.contains(UInt8(ascii: "@")), let parts = NameRequest.parts(of: name), parts.node == ownNode else {
            return name
        }
        return parts.name
    }

    // MARK: other nodes

    private mutating func connect(_ isConnected: Bool) -> [Action] {
        self.isConnected = isConnected
        if !isConnected { (ownNode, handedOut) = (nil, []) }
        // Who waits began when nobody was there to be asked, or has lost him.
        if isConnected { return waiters.keys.sorted().flatMap { askAgain($0) } }
        // Nobody is left who would answer.
        let lost = waiters.filter { $0.value.until == nil }.keys.sorted()
        return lost.flatMap { notElsewhere($0, []) } + forgetAll()
    }

    /// For one who waits: as long as he does.
    private func askAgain(_ asker: Asker) -> [Action] {
        guard isConnected, let waiter = waiters[asker], let until = waiter.until, !waiter.here else { return [] }
        return [.askElsewhere(asker, waiter.name, wait: max(1, UInt32(clamping: until - min(until, now))))]
    }

    /// It was found, and has died on its way: so has the channel, or the port, and the other nodes know more than before.
    private mutating func diedElsewhere(_ asker: Asker) -> [Action] {
        guard let waiter = waiters[asker] else { return [] }
        if waiter.until != nil { return askAgain(asker) }
        // Once more: somebody else may have it, or have it now.
        guard isConnected, !waiter.isAskedAgain else { return notElsewhere(asker, []) }
        waiters[asker]?.isAskedAgain = true
        return [.askElsewhere(asker, waiter.name, wait: 0)]
    }

    private mutating func learn(_ name: String, _ port: PortID, _ asker: Asker) -> [Action] {
        guard isConnected, NameRequest.isOwnName(name), remembered[name]?.port != port,
            remembered[name] != nil || remembered.count < limits.learnt
        else { return [] }
        remembered[name] = Remembered(port, isLearnt: true, at: now)
        var actions = [Action.remember(name, from: asker)]
        // Whoever waits for it has it; the network server's answer will find nobody.
        guard records[name] == nil else { return actions }
        for waiter in waiters.filter({ $0.value.name == name && !$0.value.here }).keys.sorted() {
            forget(waiter)
            actions.append(.giveRemembered(waiter, name))
        }
        return actions
    }

    private mutating func unlearn(_ names: [String], _ port: PortID) -> [Action] {
        for (asker, waiter) in waiters where names.contains(waiter.name) { waiters[asker]?.isWithdrawn = true }
        var actions: [Action] = []
        for name in names where remembered[name]?.port == port {
            remembered[name] = nil
            actions.append(.forgetRemembered(name))
        }
        return actions
    }

    private func names(of task: TaskID) -> NameAnswer {
        let names = records.values.filter { $0.owner.task == task }.sorted { $0.name < $1.name }
        return .names(Array(names.prefix(NameAnswer.namesPerAnswerMax)), more: names.count > NameAnswer.namesPerAnswerMax)
    }

    private mutating func forgetAll() -> [Action] {
        defer { remembered = [:] }
        return remembered.keys.sorted().map { .forgetRemembered($0) }
    }

    private mutating func foundElsewhere(_ asker: Asker, _ port: PortID, _ now: UInt64) -> [Action] {
        guard let waiter = waiters[asker] else { return [] }
        let name = waiter.name
        forget(asker)
        self.now = max(self.now, now)
        if waiter.isWithdrawn { return [.giveArrived(asker)] }
        let before = remembered.updateValue(Remembered(port, isLearnt: false, at: self.now), forKey: name)
        let isNew = before?.port != port
        return (isNew ? [.remember(name, from: asker)] : []) + [.giveRemembered(asker, name)]
    }

    private mutating func notElsewhere(_ asker: Asker, _ silent: [String]) -> [Action] {
        // Who waits goes on waiting for somebody here.
        guard let waiter = waiters[asker], waiter.until == nil else { return [] }
        forget(asker)
        return [.answer(asker, silent.isEmpty ? unknown(waiter.name) : .silent(nodes: silent))]
    }

    private mutating func isOwnNode(_ asker: Asker) -> [Action] {
        guard let waiter = waiters[asker], let parts = NameRequest.parts(of: waiter.name) else { return [] }
        ownNode = parts.node
        forget(asker)
        let wait = UInt32(clamping: waiter.until.map { $0 - min($0, now) } ?? 0)
        return lookUp(parts.name, uid: waiter.uid, until: waiter.until, wait: wait, here: true, by: asker)
    }

    /// Also for one who waits: such a node does not come by itself.
    private mutating func noNode(_ asker: Asker, _ node: String, _ known: [String]) -> [Action] {
        guard waiters[asker] != nil else { return [] }
        forget(asker)
        return [.answer(asker, .noNode(node, known: known))]
    }

    private mutating func remove(_ name: String, uid: UInt32, by asker: Asker) -> [Action] {
        guard let record = records[name] else { return [.answer(asker, unknown(name))] }
        guard may(uid, change: record) else { return [.answer(asker, .notOwner(record.owner))] }
        drop(name)
        return [.withdraw(name), .forget(name)] + handOutNoMore(name) + [.answer(asker, .done)]
    }

    private func list(after last: String) -> NameAnswer {
        let after = records.keys.filter { $0 > last }.sorted()
        let names = after.prefix(NameAnswer.namesPerAnswerMax).compactMap { records[$0] }
        return .names(names, more: after.count > names.count)
    }

    /// Names of which one may have been meant first, then the others in order.
    private func unknown(_ name: String) -> NameAnswer {
        let start = name.prefix(2).lowercased()
        let all = records.keys.sorted()
        let near = all.filter { $0.lowercased().hasPrefix(start) }
        let known = (near + all.filter { !near.contains($0) }).prefix(NameAnswer.knownMax)
        return .unknown(known: Array(known), count: UInt32(all.count))
    }

    private mutating func died(_ port: PortID) -> [Action] {
        var actions: [Action] = []
        for name in remembered.filter({ $0.value.port == port }).keys.sorted() {
            remembered[name] = nil
            actions.append(.forgetRemembered(name))
        }
        for name in (ports[port] ?? []).sorted() {
            drop(name)
            actions += [.withdraw(name), .forget(name)] + handOutNoMore(name)
        }
        return actions
    }

    private mutating func restore(_ record: NameRecord) -> [Action] {
        drop(record.name)
        return add(record) ? [.watch(record.name)] : []
    }

    private mutating func expire(_ now: UInt64) -> [Action] {
        self.now = max(self.now, now)
        let over = waiters.filter { $0.value.until.map { $0 <= now } ?? false }.keys.sorted()
        for asker in over { forget(asker) }
        let stale = remembered.filter { $0.value.until <= now }.keys.sorted()
        for name in stale { remembered[name] = nil }
        return over.map { .answer($0, .notYet) } + stale.map { .forgetRemembered($0) }
    }

    // MARK: the books

    /// True if the port had no name before.
    private mutating func add(_ record: NameRecord) -> Bool {
        records[record.name] = record
        namesOfUser[record.owner.uid, default: 0] += 1
        return ports[record.port, default: []].insert(record.name).inserted && ports[record.port]?.count == 1
    }

    private mutating func drop(_ name: String) {
        guard let record = records.removeValue(forKey: name) else { return }
        Self.decrease(&namesOfUser, record.owner.uid)
        ports[record.port]?.remove(name)
        if ports[record.port]?.isEmpty == true { ports[record.port] = nil }
    }

    private mutating func forget(_ asker: Asker) {
        guard let waiter = waiters.removeValue(forKey: asker) else { return }
        Self.decrease(&waitersOfUser, waiter.uid)
    }

    private static func decrease(_ counts: inout [UInt32: Int], _ uid: UInt32) {
        let left = counts[uid, default: 1] - 1
        counts[uid] = left == 0 ? nil : left
    }
}
