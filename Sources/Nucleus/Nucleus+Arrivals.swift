import Logging
import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import SystemPackage

// How programs come to the node: by its listening socket, or over a socket that the first task has made for them.

extension Nucleus {
    func listen() throws(Errno) {
        guard let raw = listener?.raw, !isListening else { return }
        try poller.add(raw, token: Token.listener.bits, interest: .readable)
        isListening = true
    }

    /// Out of descriptors: the backlog waits until some are free again.
    private func pauseListening() {
        guard let raw = listener?.raw, isListening else { return }
        isListening = false
        do { try poller.remove(raw) } catch { logger.error("cannot stop listening", metadata: ["error": "\(error)"]) }
    }

    func resumeListening() {
        do { try listen() } catch { logger.error("cannot listen again", metadata: ["error": "\(error)"]) }
    }

    func acceptStrangers() {
        guard let raw = listener?.raw else { return }
        do {
            while let socket = try MessageSocket.accept(raw) {
                try admit(HeldDescriptor(socket), isFirst: false)
                if strangers.count > strangersMax { dismissOne() }
            }
        } catch {
            counters.strangersRefused += 1
            logger.warning("a connection was not accepted", metadata: ["error": "\(error)"])
            pauseListening()
        }
    }

    /// Waits for the hello of whoever is at the other end.
    func admit(_ socket: HeldDescriptor, isFirst: Bool) throws(Errno) {
        let uid = try PeerCredentials.of(socket.raw).uid
        lastStranger += 1
        try poller.add(socket.raw, token: Token(.stranger, lastStranger).bits, interest: .readable)
        let stranger = Stranger(socket: socket, isFirst: isFirst, uid: uid)
        strangers[lastStranger] = stranger
        keeper?.keep(stranger.key(lastStranger), socket.raw)
    }

    /// Whoever has the most connections that say nothing loses the oldest of them.
    private func dismissOne() {
        let all = strangers.filter { !$0.value.isFirst }
        let counts = Dictionary(all.values.map { ($0.uid, 1) }, uniquingKeysWith: +)
        guard let uid = counts.max(by: { ($0.value, $0.key) < ($1.value, $1.key) })?.key,
            let oldest = all.filter({ $0.value.uid == uid }).keys.min()
        else { return }
        dismiss(oldest, because: "too many connections without a hello")
    }

    private func dismiss(_ number: UInt64, because reason: String) {
        guard let stranger = strangers.removeValue(forKey: number) else { return }
        keeper?.forget(stranger.key(number))
        counters.strangersRefused += 1
        logger.info("a connection ended before it became a task", metadata: ["reason": "\(reason)"])
        do { try poller.remove(stranger.socket.raw) } catch { logger.error("cannot stop watching", metadata: ["error": "\(error)"]) }
        resumeListening()
    }

    /// The first datagram of a connection.
    func greet(_ number: UInt64) {
        guard let stranger = strangers[number] else { return }
        let hello: Hello
        do {
            guard let bytes = try firstDatagram(stranger.socket.raw) else { return dismiss(number, because: "closed") }
            hello = try Hello(wireBytes: bytes)
        } catch {
            if let error = error as? Errno, error == .wouldBlock || error == .resourceTemporarilyUnavailable { return }
            return dismiss(number, because: "\(error)")
        }
        guard hello.version == Hello.version else {
            refuseVersion(stranger.socket.raw)
            return dismiss(number, because: "version \(hello.version)")
        }
        guard stranger.isFirst || tables.tasks.values.count(where: { $0.isVisitor && $0.identity.uid == stranger.uid }) < tasksPerUserMax
        else {
            return dismiss(number, because: "too many tasks of user \(stranger.uid)")
        }
        do {
            let (identity, process) = try whoIs(stranger.socket.raw)
            let memory = try TaskMemory(features: features)
            strangers[number] = nil
            arrival = Arrival(
                identity: identity, isFirst: stranger.isFirst, isStranger: true, socket: stranger.socket, process: process, memory: memory)
            submit(.attach(identity, first: stranger.isFirst), of: nil) {
                consume(stranger.socket)
                keeper?.forget(stranger.key(number))
            }
            resumeListening()
        } catch {
            dismiss(number, because: "\(error)")
        }
    }

    /// Nil at the end.
    func firstDatagram(_ raw: Int32) throws(Errno) -> [UInt8]? {
        let received = try unsafe MessageSocket.receive(on: raw, into: buffer, peek: peeks, wait: false, takingDescriptors: false)
        guard !received.isEnd else { return nil }
        return unsafe [UInt8](buffer[..<received.byteCount])
    }

    private func refuseVersion(_ raw: Int32) {
        let nobody = TaskIdentity(uid: 0, gid: 0, pid: 0, executable: "", name: "", launched: false)
        let welcome = Welcome(task: .kernel, node: node, identity: nobody, bootstrap: .null, initial: [])
        do {
            try MessageSocket.send(on: raw, welcome.wireBytes, wait: false)
        } catch {
            logger.debug("the refusal of a version was not read", metadata: ["error": "\(error)"])
        }
    }

    /// Who is at the other end, by what Linux says.
    private func whoIs(_ raw: Int32) throws(Errno) -> (TaskIdentity, HeldDescriptor) {
        let credentials = try PeerCredentials.of(raw)
        let process = try PeerCredentials.processDescriptor(raw, features: features).relinquish()
        var executable = ""
        var name = ""
        do {
            executable = try MasixLinux.Link.target(of: "/proc/\(credentials.pid)/exe")
        } catch {
            // A process of another user that we may not look at: unknown is an answer.
            logger.debug("executable unknown", metadata: ["pid": "\(credentials.pid)", "error": "\(error)"])
        }
        do {
            let comm = try File.contents(of: "/proc/\(credentials.pid)/comm", max: 64)
            name = String(decoding: comm.prefix { $0 != 10 }, as: UTF8.self)
        } catch {
            logger.debug("name unknown", metadata: ["pid": "\(credentials.pid)", "error": "\(error)"])
        }
        // If it has ended meanwhile, its number may have been given to another: then what we read is not about it.
        guard try !process.hasExited() else { throw .noSuchProcess }
        if executable.utf8.count > Limits.identityTextMax { executable = "" }
        let identity = TaskIdentity(
            uid: credentials.uid, gid: credentials.gid, pid: credentials.pid, executable: executable, name: name, launched: false)
        return (identity, HeldDescriptor(process.relinquish()))
    }

    // MARK: in and out of the tables

    /// The kernel has made the task that is arriving.
    func attached(_ id: TaskID, bootstrap: Arrived, initial: [Arrived]) {
        if let record = tables.tasks[id], arrival == nil {
            // Repeated by the next nucleus, which has taken the task over.
            record.welcome = Welcome(task: id, node: node, identity: record.identity, bootstrap: bootstrap, initial: initial)
            prepareWelcomed(record)
            return
        }
        guard let arrival else {
            logger.critical("a task without a program", metadata: ["task": "\(id.raw)"])
            return
        }
        self.arrival = nil
        let record = TaskRecord(id, arrival)
        tables.tasks[id] = record
        record.welcome = Welcome(task: id, node: node, identity: record.identity, bootstrap: bootstrap, initial: initial)
        prepareWelcomed(record)
        do {
            if arrival.isStranger {
                try poller.modify(record.socket.raw, token: Token(.task, id.raw).bits, interest: .readable)
            } else {
                try poller.add(record.socket.raw, token: Token(.task, id.raw).bits, interest: .readable)
            }
            if let process = record.process?.raw { try poller.add(process, token: Token(.process, id.raw).bits, interest: .readable) }
        } catch {
            logger.error("a task cannot be watched", metadata: ["task": "\(id.raw)", "error": "\(error)"])
            endTask(id, .endOfFile)
            return
        }
        logger.debug("task attached", metadata: ["task": "\(id.raw)", "name": "\(record.identity.name)"])
        if arrival.isStranger { sayWelcome(to: record) }
        traceNewcomer(id)
    }

    private func prepareWelcomed(_ record: TaskRecord) {
        guard let welcome = record.welcome else { return }
        for right in [welcome.bootstrap] + welcome.initial { prepare(right, record.memory.control) }
    }

    /// Tells the program of a task what it has come to.
    func sayWelcome(to record: TaskRecord) {
        guard let welcome = record.welcome else { return }
        let memory = record.memory
        do {
            // A description of its own: what the task does to it, it does to nobody else (pitfalls 8).
            let ownBell = try Pipe.reopenWriter(memory.bellWriter.raw)
            try MessageSocket.send(
                on: record.socket.raw, welcome.wireBytes,
                descriptors: [memory.controlFile.raw, memory.statusFile.raw, memory.bellReader.raw, ownBell.raw], wait: false)
            record.welcome = nil
        } catch {
            logger.debug("a welcome was not read", metadata: ["task": "\(record.id.raw)", "error": "\(error)"])
            endTask(record.id, .endOfFile)
        }
    }

    static let taskKinds: [KeptKey.Kind] = [.taskSocket, .taskProcess, .taskControl, .taskStatus, .taskBell]

    /// What a new task consists of is safe before the journal says that there is one.
    func keepArrival(_ actions: [Action]) {
        guard let keeper, let arrival else { return }
        for case .attached(let id, _, _) in actions {
            keeper.keep(KeptKey(.taskControl, id.raw), arrival.memory.controlFile.raw)
            keeper.keep(KeptKey(.taskStatus, id.raw), arrival.memory.statusFile.raw)
            keeper.keep(KeptKey(.taskBell, id.raw), arrival.memory.bellReader.raw)
            if let process = arrival.process { keeper.keep(KeptKey(.taskProcess, id.raw), process.raw) }
            keeper.keep(KeptKey(.taskSocket, id.raw), arrival.socket.raw)
        }
    }

    /// The kernel has let the task go.
    func gone(_ id: TaskID) {
        guard let record = tables.tasks.removeValue(forKey: id) else { return }
        for kind in Self.taskKinds { keeper?.forget(KeptKey(kind, id.raw)) }
        unsubscribe(record)
        for subscription in subscribers.values { subscription.traced.remove(id) }
        do {
            // Others hold duplicates; its program is to see the end now.
            try MessageSocket.end(record.socket.raw)
        } catch {
            logger.debug("a socket was gone before its task", metadata: ["task": "\(id.raw)", "error": "\(error)"])
        }
        do {
            try poller.remove(record.socket.raw)
            if let process = record.process?.raw { try poller.remove(process) }
        } catch {
            logger.error("cannot stop watching", metadata: ["task": "\(id.raw)", "error": "\(error)"])
        }
        resumeListening()
    }
}
