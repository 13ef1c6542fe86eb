import DequeModule
import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import SystemPackage

/// The nucleus's end of the socket of a program that is not simulated.
final class KernelSocket {
    let socket: Descriptor
    /// The number of the program's end; somebody else's when that has been closed.
    let programEnd: Int32
    let isFirst: Bool
    unowned let node: MachineNode
    /// Who it has become, when the kernel has made it a task.
    var task: TaskID?
    /// It has said hello.
    var isArriving = false
    var identity = TaskIdentity(uid: 0, gid: 0, pid: 0, executable: "", name: "", launched: false)
    var hasEnded = false

    init(_ socket: consuming Descriptor, programEnd: Int32, isFirst: Bool, on node: MachineNode) {
        self.node = node
        self.socket = socket
        self.programEnd = programEnd
        self.isFirst = isFirst
    }
}

// The shell of the simulated nucleus, for programs that are not simulated: datagrams and descriptors in the place of tables.

extension MachineNode {
    /// A socket for a program to attach over; the program closes it.
    func connect() throws(Errno) -> KernelSocket {
        let pair = try MessageSocket.pair()
        let program = pair.first.relinquish()
        let socket = KernelSocket(pair.second, programEnd: program, isFirst: sockets.isEmpty, on: self)
        sockets.append(socket)
        return socket
    }

    /// Tasks that have gone are noticed.
    func collectEnds() {
        for socket in sockets where !socket.hasEnded { collect(socket) }
    }

    /// What this task has sent arrives.
    func collect(_ socket: KernelSocket) {
        while !socket.hasEnded {
            do throws(Errno) {
                guard try Ready.poll(socket.socket.raw, for: .readable, timeoutNanoseconds: 0) else { return }
                try accept(try Datagram.receive(on: socket.socket.raw, max: Envelope<Response>.bytesMax), from: socket)
            } catch {
                end(socket)
            }
        }
    }

    private func accept(_ datagram: consuming Datagram, from socket: KernelSocket) throws(Errno) {
        guard let task = socket.task else {
            guard !socket.isArriving, (try? Hello(wireBytes: datagram.bytes)) != nil else { throw .protocolError }
            socket.isArriving = true
            // One process for each; who it is shows in every message.
            let number = UInt32(sockets.firstIndex { $0 === socket } ?? 0)
            socket.identity = TaskIdentity(
                uid: 1_000 + number, gid: 2_000 + number, pid: Int32(3_000 + number), executable: "/simulated", name: "simulated",
                launched: false)
            node.pending.append(.attach(socket.identity, first: socket.isFirst))
            return
        }
        if let query = try? Envelope<Query>(wireBytes: datagram.bytes), query.number & Query.numberBit != 0 {
            return try answer(query, of: socket)
        }
        guard let envelope = try? Envelope<Request>(wireBytes: datagram.bytes) else { throw .protocolError }
        var request = envelope.content
        if case .send(var outgoing) = request {
            var memory: [MemoryToken] = []
            for token in outgoing.memory {
                guard let descriptor = datagram.descriptors.take(Int(token.place)) else { throw .protocolError }
                memory.append(MemoryToken(place: node.memory.keep(descriptor), length: token.length))
            }
            outgoing.memory = memory
            request = .send(outgoing)
        }
        node.send(.init(number: envelope.number, request: request, bytes: envelope.payload, booked: BookedDetails()), from: task)
    }

    /// Nobody looks on here, and nobody is told anything.
    private func answer(_ query: Envelope<Query>, of socket: KernelSocket) throws(Errno) {
        let answer: MasixTransport.Answer = if case .frame = query.content { .notFound } else { .notPermitted }
        try MessageSocket.send(on: socket.socket.raw, Envelope(number: query.number, content: answer).wireBytes, wait: false)
    }

    /// The program has gone, or the node goes.
    func end(_ socket: KernelSocket) {
        guard !socket.hasEnded else { return }
        socket.hasEnded = true
        if let task = socket.task { node.pending.append(.end(task)) }
        hangUp(socket)
    }

    private func hangUp(_ socket: KernelSocket) {
        do throws(Errno) {
            try MessageSocket.end(socket.socket.raw)
        } catch {
            // Its other end was closed before.
        }
    }

    func gone(_ id: TaskID) {
        guard let socket = sockets.first(where: { $0.task == id }) else { return }
        socket.hasEnded = true
        hangUp(socket)
    }

    // MARK: welcome and answers

    func joined(_ id: TaskID, _ rights: [Arrived]) {
        // Said again by a restarted nucleus, and the program has been told.
        guard !sockets.contains(where: { $0.task == id }) else { return }
        guard let socket = sockets.first(where: { $0.isArriving && $0.task == nil }), let pages = node.memory.tasks[id],
            let files = pages.files, let bootstrap = rights.first
        else { return book.fail("a task has come from nowhere") }
        socket.task = id
        if socket.hasEnded { return node.pending.append(.end(id)) }
        let welcome = Welcome(
            task: id, node: node.id, identity: socket.identity, bootstrap: bootstrap, initial: Array(rights.dropFirst()))
        machine.attempt { () throws(Errno) in
            let ownBell = try Pipe.reopenWriter(files.bellReader.raw)
            try MessageSocket.send(
                on: socket.socket.raw, welcome.wireBytes,
                descriptors: [files.control.raw, files.status.raw, files.bellReader.raw, ownBell.raw], wait: false)
        }
    }

    func answered(_ id: TaskID) {
        while let answer = node.answers[id]?.popFirst() {
            guard let socket = sockets.first(where: { $0.task == id }), !socket.hasEnded else { continue }
            let (response, descriptors) = shown(answer.response, to: id)
            do throws(Errno) {
                try MessageSocket.send(
                    on: socket.socket.raw, Envelope(number: answer.number, content: response, payload: answer.bytes).wireBytes,
                    descriptors: descriptors, wait: false)
            } catch {
                end(socket)
            }
        }
    }

    /// An answer as it travels, and what travels beside it.
    private func shown(_ response: Response, to id: TaskID) -> (Response, [Int32]) {
        switch response {
        case .message(let message):
            var memory: [MemoryToken] = []
            var descriptors: [Int32] = []
            for token in message.memory {
                guard let object = node.memory.objects[token.place] else {
                    book.fail("a memory object is gone before it was received")
                    continue
                }
                memory.append(MemoryToken(place: UInt64(descriptors.count), length: token.length))
                descriptors.append(object.descriptor.raw)
            }
            let travelling = Delivered(
                sender: message.sender, port: message.port, code: message.code, reply: message.reply, rights: message.rights,
                payload: Payload(place: 0, length: message.payload.length, format: message.payload.format), memory: memory,
                notification: message.notification,
                isOnce: message.isOnce)
            return (.message(travelling), descriptors)
        case .links(let links):
            var offered: [LinkID] = []
            var descriptors: [Int32] = []
            for link in links.prefix(16) {
                guard let pages = node.memory.links[link], let files = pages.files else { continue }
                offered.append(link)
                descriptors.append(files.halves[pages.link.half(of: id)].descriptor.raw)
            }
            return (.links(offered), descriptors)
        case .linkPeer(let peer, _, _, _):
            guard case .linkPeer(let link)? = node.sockets[id]?.first?.request, let pages = node.memory.links[link],
                let files = pages.files, let other = node.memory.tasks[peer]?.files
            else { return (.refused(.linkGone), []) }
            return (response, [files.halves[pages.link.half(of: peer)].descriptor.raw, other.status.raw, other.bellWriter.raw])
        default: return (response, [])
        }
    }
}
