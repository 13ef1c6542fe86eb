public import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import Synchronization
import SystemPackage

/// This program as a task of its node: the space that its rights live in, and its way to the nucleus.
///
/// ```swift
/// let space = try Space.attach()
/// let server = try space.names.lookUp("echo")
/// let answer = try server.call(Message(text: "hello"), timeout: .seconds(1))
/// ```
/// A program may attach more than once; the rights of two spaces do not mix.
public final class Space: Sendable {
    /// This task's number on its node.
    public var task: TaskID { connection.task }
    /// The node, in this life of it.
    public var node: NodeID { connection.node }
    /// What the node knows about this task.
    public let identity: TaskIdentity

    let connection: Connection
    let control: ControlMemory
    let reception: Reception
    let links: Links
    let locals = Locals()
    let waiters = RoomWaiters()
    let foundNames = FoundNames()
    let reactor = Reactor()
    private let callKits = Mutex<[CallKit]>([])
    private let identities = Mutex<[TaskID: TaskIdentity]>([:])
    private let initialRights: Mutex<[OwnedRight]>
    private let bootstrapEntry: Mutex<SendEntry?>
    let fork: ForkWord
    private let memory: [MappedRegion]

    /// Attaches to the node whose directory is `directory`: by default the one that `MASIX_NODE` names, else the user's own, else
    /// the system's. A program that was started by the node's supervisor attaches over the socket that it was started with.
    public static func attach(directory: String? = nil) throws(MasixError) -> Space {
        if directory == nil, let inherited = NodeDirectory.takeInheritedSocket() {
            return try Space(socket: inherited, path: "the supervisor")
        }
        let path = NodeDirectory.socketPath(in: directory)
        let socket: Descriptor
        do throws(Errno) {
            socket = try MessageSocket.connect(path: path)
        } catch {
            throw .noNode(path: path)
        }
        return try Space(socket: socket, path: path)
    }

    /// Attaches over a connected socket to a nucleus.
    package static func attach(rawSocket: Int32) throws(MasixError) -> Space {
        try Space(socket: Descriptor(owning: rawSocket), path: "a socket")
    }

    private init(socket: consuming Descriptor, path: String) throws(MasixError) {
        do throws(Errno) {
            try MessageSocket.send(on: socket.raw, Hello().wireBytes, wait: true)
            var datagram = try Datagram.receive(on: socket.raw, max: Envelope<Response>.bytesMax)
            let welcome = try Self.decode(datagram.bytes)
            guard let control = datagram.descriptors.take(0), let status = datagram.descriptors.take(1),
                let bell = datagram.descriptors.take(2),
                let ownBell = datagram.descriptors.take(3)
            else { throw Errno.protocolError }
            let controlRegion = try MappedRegion(of: control.raw, length: ControlMemory.length, writable: true)
            let statusRegion = try MappedRegion(of: status.raw, length: StatusPage.length, writable: true)
            let controlMemory = ControlMemory(controlRegion.region)
            self.control = controlMemory
            memory = [controlRegion, statusRegion]
            identity = welcome.identity
            let raw = socket.raw
            connection = Connection(socket: socket, node: welcome.node, task: welcome.task)
            // A sleep is a read that waits.
            try bell.setNonBlocking(false)
            reception = Reception(
                control: controlMemory, status: StatusPage(statusRegion.region), in: memory, pipe: bell, ownBell: ownBell,
                kernelSocket: raw)
            links = Links()
            fork = try ForkWord()
            initialRights = Mutex([])
            bootstrapEntry = Mutex(nil)
            try adopt(welcome)
        } catch {
            switch error {
            case .protocolNotSupported: throw .versionMismatch(node: 0, library: Hello.version)
            // The node is there: this process has no room for what it was given.
            case .noMemory, .tooManyOpenFiles, .tooManyOpenFilesInSystem, .tooManyReferences: throw .memory(errno: error.rawValue)
            default: throw .noNode(path: path)
            }
        }
    }

    private static func decode(_ bytes: [UInt8]) throws(Errno) -> Welcome {
        let welcome: Welcome
        do throws(WireError) { welcome = try Welcome(wireBytes: bytes) } catch { throw .protocolError }
        guard welcome.version == Hello.version else { throw .protocolNotSupported }
        return welcome
    }

    private func adopt(_ welcome: Welcome) throws(Errno) {
        do throws(MasixError) {
            try connection.withCore { core throws(MasixError) in
                if case .send(let entry) = self.arrive(welcome.bootstrap, &core) {
                    self.bootstrapEntry.withLock {
                        $0 = entry.entry; entry.give()
                    }
                }
                let rights = welcome.initial.map { self.arrive($0, &core) }
                self.initialRights.withLock { $0 = rights }
            }
        } catch {
            throw .protocolError
        }
    }

    // MARK: ports

    /// A new port with its receive right. It is this library's alone, and costs the node nothing, until a right to it or a request about it
    /// leaves the program (architecture rule 2); then `.noSpace` says that the task has too many.
    ///
    /// `queueLimit`: messages that may wait, 0 to `Limits.queueMessagesMax`. The default suits many clients; Mach's is 5.
    public func makePort(queueLimit: Int = 64) throws(MasixError) -> ReceiveRight {
        guard (0...Limits.queueMessagesMax).contains(queueLimit) else { throw .invalidValue }
        return ReceiveRight(ReceiveHolder(space: self, entry: try makeEntry(queueLimit: UInt32(queueLimit))))
    }

    /// As many ports that the nucleus knows, with one word to it; or as many of them as the quota allows.
    func makeEntries(_ count: Int, queueLimit: UInt32) throws(MasixError) -> [ReceiveEntry] {
        try checkFork()
        var ports: [PortID] = []
        for _ in 0..<count { ports.append(PortID(node: node, counter: try takeID())) }
        let wanted = ports
        return try connection.withCore { core throws(MasixError) -> [ReceiveEntry] in
            let answers = try core.ask(several: wanted.map { .allocate($0, queueLimit: queueLimit) })
            var entries: [ReceiveEntry] = []
            for (port, answer) in zip(wanted, answers) {
                guard case .allocated(let index) = answer else { continue }
                let entry = ReceiveEntry(port: port, index: index, control: self.control)
                core.receives[port] = entry
                self.reception.add(entry)
                entries.append(entry)
            }
            if entries.isEmpty, case .refused(let refusal)? = answers.first { throw MasixError(refusal) }
            return entries
        }
    }

    func makeSendRight(to entry: ReceiveEntry) throws(MasixError) -> SendRight {
        if let reference = try makeLocalSendRight(to: entry) { return SendRight(reference) }
        let reference = try connection.withCore { core throws(MasixError) -> SendReference in
            guard case .arrived(let right) = try core.demand(.make(.makeSend(entry.port))).response,
                case .send(let reference) = self.arrive(right, &core)
            else { throw .portDied }
            return reference
        }
        return SendRight(reference)
    }

    func makeSendOnceRight(to entry: ReceiveEntry) throws(MasixError) -> SendOnceRight {
        if let state = try makeLocalSendOnceRight(to: entry) { return SendOnceRight(state) }
        let state = try connection.withCore { core throws(MasixError) -> SendOnceState in
            guard case .arrived(let right) = try core.demand(.make(.makeSendOnce(entry.port))).response,
                case .sendOnce(let state) = self.arrive(right, &core)
            else { throw .portDied }
            return state
        }
        return SendOnceRight(state)
    }

    func setQueueLimit(_ limit: UInt32, of entry: ReceiveEntry) throws(MasixError) {
        if try setLocalQueueLimit(limit, of: entry) { return }
        try connection.withCore { core throws(MasixError) in _ = try core.demand(.setQueueLimit(entry.port, limit)) }
    }

    func status(of entry: ReceiveEntry) throws(MasixError) -> PortStatus {
        try leave(entry)
        return try connection.withCore { core throws(MasixError) -> PortStatus in
            try self.recallAnswers(at: entry, &core)
            defer { entry.mayAskAgain() }
            guard case .status(let status) = try core.demand(.status(entry.port)).response else { throw .portDied }
            return status
        }
    }

    func register(_ request: NotificationRequest) throws(MasixError) {
        // A request that is replaced gives its right back; letting it go tells its port (T4), and asks the kernel to: outside the lock.
        _ = try connection.withCore { core throws(MasixError) -> OwnedRight in
            guard case .arrived(let previous) = try core.demand(.notify(request)).response else { throw .nodeGone }
            return self.arrive(previous, &core)
        }
    }

    /// The same for several, with one word to the nucleus. The first refusal is thrown; the others have been registered all the same.
    func register(_ requests: [NotificationRequest]) throws(MasixError) {
        let previous = try connection.withCore { core throws(MasixError) -> [OwnedRight] in
            var previous: [OwnedRight] = []
            var refusal: Refusal?
            for answer in try core.ask(several: requests.map { .notify($0) }) {
                switch answer {
                case .arrived(let right): previous.append(self.arrive(right, &core))
                case .refused(let reason): refusal = refusal ?? reason
                default: throw .nodeGone
                }
            }
            if let refusal { throw MasixError(refusal) }
            return previous
        }
        // Let go outside the lock, as above.
        _ = previous
    }

    // MARK: rights that come and go

    /// Follows the kernel's answer: a right has come into this space. Under the core lock.
    func arrive(_ right: Arrived, _ core: inout Connection.Core) -> OwnedRight {
        switch right {
        case .null: return .null
        case .dead: return .dead
        case .send(let port, let index):
            if let entry = core.sends[port] {
                entry.references.add(1, ordering: .relaxed)
                return .send(SendReference(space: self, entry: entry))
            }
            let entry = SendEntry(port: port, index: index, control: control)
            core.sends[port] = entry
            return .send(SendReference(space: self, entry: entry))
        case .sendOnce(let id, let port):
            return .sendOnce(SendOnceState(space: self, place: .kernel(id), port: port))
        case .receive(let port, let index):
            let entry = ReceiveEntry(port: port, index: index, control: control)
            core.receives[port] = entry
            reception.add(entry)
            return .receive(ReceiveHolder(space: self, entry: entry))
        }
    }

    /// One more value of a send right that this program holds; nil if it holds none.
    func heldRight(to port: PortID) throws(MasixError) -> SendRight? {
        let entry = try connection.withCore { core throws(MasixError) -> SendEntry? in
            guard let entry = core.sends[port] else { return nil }
            entry.references.add(1, ordering: .relaxed)
            return entry
        }
        return entry.map { SendRight(SendReference(space: self, entry: $0)) }
    }

    /// One user reference is let go. The last one gives the kernel's entry up.
    func drop(_ entry: SendEntry) {
        guard entry.references.subtract(1, ordering: .acquiringAndReleasing).newValue == 0, fork.isAlive else { return }
        if dropLocally(entry) { return }
        whatever { core throws(MasixError) in
            // It may have arrived once more meanwhile.
            guard entry.references.load(ordering: .acquiring) == 0, core.sends[entry.port] === entry else { return }
            core.sends[entry.port] = nil
            _ = try core.ask(.drop(.send(entry.port)))
        }
    }

    func destroy(_ entry: ReceiveEntry) {
        guard fork.isAlive else { return }
        if destroyLocally(entry) { return }
        reception.remove(entry)
        whatever { core throws(MasixError) in
            try self.recallAnswers(at: entry, &core)
            core.receives[entry.port] = nil
            _ = try core.ask(.drop(.receive(entry.port)))
        }
    }

    /// Several receive rights of which nobody else has a value.
    func destroy(_ entries: [ReceiveEntry]) {
        guard fork.isAlive else { return }
        let entries = entries.filter { !destroyLocally($0) }
        for entry in entries { reception.remove(entry) }
        whatever { core throws(MasixError) in
            for entry in entries { try self.recallAnswers(at: entry, &core) }
            for entry in entries { core.receives[entry.port] = nil }
            _ = try core.ask(several: entries.map { .drop(.receive($0.port)) })
        }
    }

    /// For what happens when a value is let go: there is nobody to tell an error, and if the node is gone, so is the right.
    func whatever(_ body: (inout Connection.Core) throws(MasixError) -> Void) {
        do throws(MasixError) {
            try connection.withCore { core throws(MasixError) in try body(&core) }
        } catch {
            // The node is gone, and every right with it.
        }
    }

    // MARK: people

    /// Who a task is, from the node. Remembered, since a task never changes its identity.
    public func identity(of task: TaskID) throws(MasixError) -> TaskIdentity {
        if let known = identities.withLock({ $0[task] }) { return known }
        let identity = try connection.withCore { core throws(MasixError) -> TaskIdentity in
            guard case .identity(let identity) = try core.demand(.identity(task)).response else { throw .nodeGone }
            return identity
        }
        identities.withLock { known in
            if known.count >= 1024 { known.removeAll() }
            known[task] = identity
        }
        return identity
    }

    /// The port that every task of the node is given a right to: the name server's.
    public func bootstrap() throws(MasixError) -> SendRight {
        guard let entry = bootstrapEntry.withLock({ $0 }) else { throw .deadName }
        entry.references.add(1, ordering: .relaxed)
        return SendRight(SendReference(space: self, entry: entry))
    }

    /// Rights that this task was started with, by position; each can be taken once.
    public func takeInitialReceiveRight(at index: Int) -> ReceiveRight? {
        let right: OwnedRight? = takeInitial(index) { if case .receive = $0 { true } else { false } }
        guard case .receive(let holder)? = right else { return nil }
        return ReceiveRight(holder)
    }

    /// A send right that this task was started with.
    public func takeInitialSendRight(at index: Int) -> SendRight? {
        let right: OwnedRight? = takeInitial(index) { if case .send = $0 { true } else { false } }
        guard case .send(let reference)? = right else { return nil }
        return SendRight(reference)
    }

    private func takeInitial(_ index: Int, _ fits: (OwnedRight) -> Bool) -> OwnedRight? {
        initialRights.withLock { rights in
            guard rights.indices.contains(index), fits(rights[index]) else { return nil }
            defer { rights[index] = .null }
            return rights[index]
        }
    }

    func checkFork() throws(MasixError) {
        guard fork.isAlive else { throw .forked }
    }

    // MARK: calls

    /// A port for the answer of one call, used again by the next one.
    func takeCallKit() throws(MasixError) -> CallKit {
        if let kit = callKits.withLock({ $0.popLast() }) { return kit }
        let port = try makeEntry(queueLimit: 1)
        // The answer comes from elsewhere.
        try leave(port)
        return CallKit(port: port, word: nil)
    }

    func giveBack(_ kit: CallKit) {
        if kit.port.isLocal {
            locals.callKits.withLock { $0.append(kit) }
        } else {
            callKits.withLock { $0.append(kit) }
        }
    }

    /// No kit keeps the memory of a link that is over.
    func forgetWords(of link: LinkEnd) {
        callKits.withLock { kits in
            for place in kits.indices where kits[place].word?.link === link { kits[place].word = nil }
        }
    }

    /// A descriptor that becomes readable when a message or a notification may have come: for foreign event loops. Then look with
    /// `tryReceive` until nothing is there. Other threads may wait in this library meanwhile.
    ///
    /// It is the space's, and lives as long. `.resourceShortage` if there is no thread or descriptor to be had for it.
    public func pollableDescriptor() throws(MasixError) -> Int32 {
        do throws(Errno) { return try reception.beginPolling() } catch { throw .resourceShortage }
    }
}
