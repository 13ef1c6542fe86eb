import Logging
import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import SystemPackage

// The journal, and a nucleus that begins where another was killed (architecture rule 19, Documentation/Decisions/0004).

extension Nucleus {
    // MARK: writing

    func beginJournal() throws(Errno) {
        let welcomes = tables.tasks.values.compactMap(\.welcome).sorted { $0.task < $1.task }
        let state = NodeState(kernel: kernel, lastObject: lastObject, lastStranger: lastStranger, welcomes: welcomes)
        let journal = try Journal(state: state.wireBytes, features: features)
        keeper?.keep(KeptKey(.journal), journal.file.raw)
        self.journal = journal
    }

    /// Between events: a journal that has grown too long gives way to a new one.
    func renewJournal() {
        guard let journal, journal.tail - journal.stateBytes > journalBytesMax else { return }
        do {
            try beginJournal()
            counters.journals += 1
        } catch {
            logger.error("no new journal; the old one grows on", metadata: ["error": "\(error)"])
        }
    }

    func record(_ record: JournalRecord) {
        guard let journal else { return }
        do {
            try journal.append(record.wireBytes)
        } catch {
            // An effect without its record could not be repeated: without memory there is no right way on.
            fatalError("no memory for the journal: \(error)")
        }
    }

    func underWay(_ event: Event) -> Journal.UnderWay {
        if case .request(let task, let number, _) = event { return Journal.UnderWay(task: task.raw, number: number) }
        return Journal.UnderWay(task: 0, number: UInt64(journal?.tail ?? 0))
    }

    // MARK: reading

    /// Takes everything over: what the kernel was told, what the tasks hold, what was under way.
    func recover(_ inherited: [KeptKey: HeldDescriptor]) throws {
        var kept = Inheritance(inherited)
        guard let file = kept.take(.journal) else { throw NucleusError.journal("missing") }
        let journal = try Journal(adopting: MemoryFile(try file.duplicate()))
        let culprit = journal.underWay
        let crashes = journal.countCrash()
        let last = try replay(journal)
        onStep?(.recovering)
        self.journal = journal
        if let found = kept.take(.listener) { listener = found }

        var segment: UInt64 = 0
        while let found = kept.take(.segment, segment) {
            try tables.store.adopt(MemoryFile(try found.duplicate()))
            segment += 1
        }
        let lost = try recoverTasks(&kept)
        let failed = try recoverLinks(&kept)
        for (id, object) in kept.takeAll(.object) {
            tables.objects[id] = object
            lastObject = max(lastObject, id)
        }
        try recoverStrangers(&kept)

        let isDeadly = crashes >= 2
        logger.notice(
            "the node goes on", metadata: ["tasks": "\(tables.tasks.count)", "records": "\(last.records)", "crashes": "\(crashes)"])
        if isDeadly {
            logger.critical(
                "the same thing has ended the nucleus twice", metadata: ["task": "\(culprit.task)", "request": "\(culprit.number)"])
        } else if let record = last.record {
            repeatActions(last.actions, of: record)
        }
        onStep?(.recovering)
        // Only now may places be used again: the repeated answer was read from one.
        tables.store.rebuild(live: kernel.livePayloads)
        let live = Set(kernel.liveMemory.map(\.place))
        for id in tables.objects.keys where !live.contains(id) {
            tables.objects[id] = nil
            keeper?.forget(KeptKey(.object, id))
        }
        for key in kept.rest { keeper?.forget(key) }

        onStep?(.recovering)
        for record in tables.tasks.values {
            try poller.add(record.socket.raw, token: Token(.task, record.id.raw).bits, interest: .readable)
            if let process = record.process?.raw {
                try poller.add(process, token: Token(.process, record.id.raw).bits, interest: .readable)
            }
        }
        journal.underWay = .nothing
        if isDeadly && culprit.task != 0 { endTask(TaskID(raw: culprit.task), .deadly) }
        for id in lost { submit(.end(id)) }
        for id in failed where !tables.links.keys.contains(id) { submit(.linkFailed(id)) }
        for id in kernel.taskIDs {
            // Who looked on must say so again.
            if kernel.isTraced(id) { submit(.trace(id, false)) }
            ring(id)
        }
    }

    private struct LastRecord {
        var record: JournalRecord?
        var actions: [Action] = []
        var records = 0
    }

    /// The kernel as it was, and what it last said.
    private func replay(_ journal: Journal) throws -> LastRecord {
        let contents = try journal.contents()
        let state = try NodeState(wireBytes: contents.state)
        guard state.kernel.node == node else { throw NucleusError.journal("of another node") }
        kernel = state.kernel
        lastObject = state.lastObject
        lastStranger = state.lastStranger
        var welcomes = Dictionary(state.welcomes.map { ($0.task, $0) }) { $1 }
        var last = LastRecord()
        for bytes in contents.records {
            let record = try JournalRecord(wireBytes: bytes)
            last.actions = try kernel.replay(record, number: last.records)
            last.record = record
            last.records += 1
            for case .attached(let id, let bootstrap, let initial) in last.actions {
                guard let identity = kernel.identity(ofTask: id) else { continue }
                welcomes[id] = Welcome(task: id, node: node, identity: identity, bootstrap: bootstrap, initial: initial)
            }
        }
        recoveredWelcomes = welcomes
        return last
    }

    /// Tasks that were lost, for something of theirs was not kept.
    private func recoverTasks(_ kept: inout Inheritance) throws -> [TaskID] {
        var lost: [TaskID] = []
        for id in kernel.taskIDs {
            guard let identity = kernel.identity(ofTask: id), let socket = kept.take(.taskSocket, id.raw),
                let control = kept.take(.taskControl, id.raw), let status = kept.take(.taskStatus, id.raw),
                let bell = kept.take(.taskBell, id.raw)
            else {
                lost.append(id)
                for kind in Self.taskKinds { keeper?.forget(KeptKey(kind, id.raw)) }
                continue
            }
            let memory = try TaskMemory(
                control: MemoryFile(try control.duplicate()), status: MemoryFile(try status.duplicate()), bell: try bell.duplicate())
            let arrival = Arrival(
                identity: identity, isFirst: kernel.isFirst(id), isStranger: false, socket: socket,
                process: kept.take(.taskProcess, id.raw), memory: memory)
            let record = TaskRecord(id, arrival)
            record.lastRequest = kernel.lastRequest(of: id)
            record.welcome = recoveredWelcomes[id]
            record.mayBeWelcomed = true
            tables.tasks[id] = record
        }
        recoveredWelcomes = [:]
        return lost
    }

    /// Links whose memory was not kept.
    private func recoverLinks(_ kept: inout Inheritance) throws -> [LinkID] {
        var failed: [LinkID] = []
        for link in kernel.allLinks {
            guard let first = kept.take(.linkFirst, link.id.raw), let second = kept.take(.linkSecond, link.id.raw) else {
                failed.append(link.id)
                keeper?.forget(KeptKey(.linkFirst, link.id.raw))
                keeper?.forget(KeptKey(.linkSecond, link.id.raw))
                continue
            }
            let files = LinkFiles(first: MemoryFile(try first.duplicate()), second: MemoryFile(try second.duplicate()))
            tables.links[link.id] = try LinkMemory(link, files)
        }
        return failed
    }

    /// Connections without a hello; but not those that a task has become of already.
    private func recoverStrangers(_ kept: inout Inheritance) throws {
        var sockets: Set<UInt64> = []
        for record in tables.tasks.values { sockets.insert(try File.status(of: record.socket.raw).inode) }
        for kind in [KeptKey.Kind.firstStranger, .stranger] {
            for (id, socket) in kept.takeAll(kind) {
                guard !sockets.contains(try File.status(of: socket.raw).inode) else {
                    keeper?.forget(KeptKey(kind, id))
                    continue
                }
                lastStranger = max(lastStranger, id)
                try poller.add(socket.raw, token: Token(.stranger, id).bits, interest: .readable)
                strangers[id] = Stranger(socket: socket, isFirst: kind == .firstStranger, uid: try PeerCredentials.of(socket.raw).uid)
            }
        }
    }

    /// The last event's actions once more: nobody knows how far the earlier nucleus came. Each may be done twice.
    private func repeatActions(_ actions: [Action], of record: JournalRecord) {
        guard let answer = carryOut(actions), case .request(_, _, let request) = record.event, let task = tables.tasks[answer.task] else {
            return
        }
        // Unless the request has been consumed: then the answer was given before.
        guard let bytes = peekDatagram(task.socket) else { return }
        var reader = WireReader(bytes)
        guard let number = try? reader.read(UInt64.self), number == answer.number else { return }
        give(answer, to: request)
        consume(task)
    }

    private func peekDatagram(_ socket: HeldDescriptor) -> [UInt8]? {
        do {
            return try firstDatagram(socket.raw)
        } catch {
            return nil
        }
    }
}

/// Kept descriptors, taken one by one; what nobody takes belongs to nothing any more.
struct Inheritance {
    private var kept: [KeptKey: HeldDescriptor]

    init(_ kept: [KeptKey: HeldDescriptor]) { self.kept = kept }

    mutating func take(_ kind: KeptKey.Kind, _ id: UInt64 = 0) -> HeldDescriptor? { kept.removeValue(forKey: KeptKey(kind, id)) }

    /// In the order of their numbers.
    mutating func takeAll(_ kind: KeptKey.Kind) -> [(UInt64, HeldDescriptor)] {
        let keys = kept.keys.filter { $0.kind == kind }.sorted { $0.id < $1.id }
        return keys.compactMap { key in kept.removeValue(forKey: key).map { (key.id, $0) } }
    }

    var rest: [KeptKey] { Array(kept.keys) }
}
