import Logging
import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import SystemPackage

// What the kernel says is to be done. Each can be done twice without harm.

extension Nucleus {
    /// An answer that is to be given.
    struct PendingAnswer {
        let task: TaskID
        let number: UInt64
        let response: Response
    }

    /// In their order, but the answer is left for last: who asks sees everything that its request has done (architecture rule 11).
    func carryOut(_ actions: [Action]) -> PendingAnswer? {
        var answer: PendingAnswer?
        for action in actions {
            if case .reply(let id, let number, let response) = action {
                prepareEntries(of: id, for: response)
                answer = PendingAnswer(task: id, number: number, response: response)
            } else {
                carryOut(action)
            }
        }
        return answer
    }

    func give(_ answer: PendingAnswer, to request: Request?) {
        countRefusals(in: answer.response)
        if let record = tables.tasks[answer.task] { reply(to: record, number: answer.number, answer.response, request) }
    }

    private func countRefusals(in response: Response) {
        switch response {
        case .refused(let refusal): counters.refusals[refusal, default: 0] += 1
        case .several(let parts): for part in parts { countRefusals(in: part) }
        default: break
        }
    }

    /// What an answer has carried away, or a refused request has left behind, is no longer here.
    func release(_ answer: PendingAnswer, _ request: Request?) {
        switch (answer.response, request) {
        case (.message(let delivered), _):
            counters.received += 1
            tables.store.release(delivered.payload)
            for token in delivered.memory { forget(token) }
        case (.refused, .send(let outgoing)):
            tables.store.release(outgoing.payload)
            for token in outgoing.memory { forget(token) }
        case (.refused, _): arrival = nil
        case (.several(let parts), _): for case .message in parts { counters.received += 1 }
        default: break
        }
    }

    func forget(_ token: MemoryToken) {
        guard tables.objects.removeValue(forKey: token.place) != nil else { return }
        keeper?.forget(KeptKey(.object, token.place))
    }

    private func carryOut(_ action: Action) {
        switch action {
        case .attached(let id, let bootstrap, let initial): attached(id, bootstrap: bootstrap, initial: initial)
        case .reply: break
        case .entries(let id, let response): prepareEntries(of: id, for: response)
        case .markDead(let id, let index):
            guard let mark = tables.tasks[id]?.memory.control.send(index).mark else { return }
            mark.release(mark.relaxed | SendEntryMemory.dead)
        case .homeCount(let id, let index, let count, let received):
            guard let control = tables.tasks[id]?.memory.control else { return }
            control.homeReceived(index).release(received)
            control.homeCount(index).release(count)
        case .complete(let id, let completion, let ticket):
            tables.tasks[id]?.memory.control.completion(completion).release(ticket.raw)
        case .ring(let id): ring(id)
        case .openLink(let link): open(link)
        case .sealLink(let id): seal(id)
        case .closeLink(let id, let fault): close(id, fault)
        case .retire(let link, let caller, let place, let index, let generation):
            tables.tasks[caller]?.memory.control.caller(place: place, index: index)?.retire(link: link, generation: generation)
        case .grant(let lease): grant(lease)
        case .reshape(let lease): tables.tasks[lease.sender]?.memory.control.send(lease.sendIndex).reshape(lease)
        case .release(let payload): tables.store.release(payload)
        case .releaseMemory(let token): forget(token)
        case .shortage(let id):
            counters.shortages += 1
            logger.notice("a right was destroyed: its receiver is over its quota", metadata: ["task": "\(id.raw)"])
        case .gone(let id): gone(id)
        case .receipts(let id, let ports): tables.tasks[id]?.memory.control.receipts.release(ports)
        }
    }

    func ring(_ id: TaskID) {
        guard let memory = tables.tasks[id]?.memory else { return }
        do {
            try memory.ring()
        } catch {
            logger.error("a task cannot be rung", metadata: ["task": "\(id.raw)", "error": "\(error)"])
        }
    }

    // MARK: entries

    /// A place of control memory that is given out anew says nothing of whoever had it before.
    private func prepareEntries(of id: TaskID, for response: Response) {
        guard let control = tables.tasks[id]?.memory.control else { return }
        switch response {
        case .allocated(let index):
            control.homeReceived(index).release(0)
            control.homeCount(index).release(0)
        case .arrived(let right): prepare(right, control)
        case .message(let delivered), .returned(let delivered):
            prepare(delivered.reply, control)
            for right in delivered.rights { prepare(right, control) }
        default: break
        }
    }

    func prepare(_ right: Arrived, _ control: ControlMemory) {
        if case .send(_, let index) = right { control.send(index).mark.release(0) }
    }

    // MARK: links

    private func open(_ link: MasixKernel.Link) {
        if tables.links[link.id] == nil {
            do {
                let memory = try LinkMemory(link, features: features)
                tables.links[link.id] = memory
                keeper?.keep(KeptKey(.linkFirst, link.id.raw), memory.raw(ofHalf: 0))
                keeper?.keep(KeptKey(.linkSecond, link.id.raw), memory.raw(ofHalf: 1))
                counters.linksOpened += 1
            } catch {
                logger.warning("a link cannot be opened", metadata: ["link": "\(link.id.raw)", "error": "\(error)"])
                submit(.linkFailed(link.id))
                return
            }
        }
        announceOffers(of: link)
    }

    private func announceOffers(of link: MasixKernel.Link) {
        for end in [link.first, link.second] {
            guard let offers = tables.tasks[end]?.memory.control.offers else { continue }
            offers.release(offers.relaxed &+ 1)
        }
    }

    private func seal(_ id: LinkID) {
        guard let memory = tables.links[id] else { return }
        do {
            try memory.seal()
            for end in [memory.link.first, memory.link.second] { try tables.tasks[end]?.memory.sealStatus() }
        } catch {
            logger.warning("a link cannot be sealed", metadata: ["link": "\(id.raw)", "error": "\(error)"])
            submit(.linkFailed(id))
            return
        }
        for end in [memory.link.first, memory.link.second] {
            tables.tasks[end]?.memory.control.link(at: memory.link.place(of: end)).release(id.raw)
        }
        announceOffers(of: memory.link)
        ring(memory.link.first)
        ring(memory.link.second)
    }

    private func close(_ id: LinkID, _ fault: LinkFault?) {
        if let memory = tables.links.removeValue(forKey: id) {
            for end in [memory.link.first, memory.link.second] {
                // Unless the place has another link by now: a restarted nucleus does its last actions again.
                _ = tables.tasks[end]?.memory.control.link(at: memory.link.place(of: end)).exchange(id.raw, for: 0)
            }
            announceOffers(of: memory.link)
            keeper?.forget(KeptKey(.linkFirst, id.raw))
            keeper?.forget(KeptKey(.linkSecond, id.raw))
        }
        guard let fault else { return }
        counters.linkFaults[fault, default: 0] += 1
        logger.warning("a link was closed for a fault", metadata: ["link": "\(id.raw)", "fault": "\(fault)"])
    }

    /// The receiver's side first: nothing is sent that it could not recognise.
    private func grant(_ lease: Lease) {
        guard let take = tables.tasks[lease.receiver]?.memory.control.take(lease.takeIndex),
            let send = tables.tasks[lease.sender]?.memory.control.send(lease.sendIndex)
        else { return }
        take.open(lease)
        send.open(lease)
        counters.leasesGranted += 1
    }

    // MARK: answers

    func reply(to record: TaskRecord, number: UInt64, _ response: Response, _ request: Request?) {
        do {
            switch response {
            case .message(let delivered): try deliver(delivered, to: record, number: number)
            case .links(let links): try offer(links, to: record, number: number)
            case .linkPeer(let peer, _, _, _): try showPeer(peer, response, request, to: record, number: number)
            case .several(let parts):
                for case .message in parts { record.received += 1 }
                try send(response, to: record, number: number)
            default: try send(response, to: record, number: number)
            }
        } catch {
            endTask(record.id, error == .wouldBlock || error == .resourceTemporarilyUnavailable ? .unreadAnswers : .endOfFile)
        }
    }

    /// Descriptors that a task does not fetch are on our account: more than two answers' worth, and it is ended (architecture rule 22).
    private func admit(_ descriptors: [Int32], to record: TaskRecord) throws(Errno) {
        guard !descriptors.isEmpty else { return }
        if try MessageSocket.unread(record.socket.raw) == 0 { record.descriptorsUnderWay = 0 }
        record.descriptorsUnderWay += descriptors.count
        if record.descriptorsUnderWay > 2 * Self.descriptorsPerAnswerMax { throw .wouldBlock }
    }

    private func send(_ response: Response, to record: TaskRecord, number: UInt64, descriptors: [Int32] = []) throws(Errno) {
        try admit(descriptors, to: record)
        try MessageSocket.send(
            on: record.socket.raw, Envelope(number: number, content: response).wireBytes, descriptors: descriptors, wait: false)
    }

    /// A message with its bytes behind it and its memory beside it.
    private func deliver(_ delivered: Delivered, to record: TaskRecord, number: UInt64) throws(Errno) {
        var memory: [MemoryToken] = []
        var descriptors: [Int32] = []
        for token in delivered.memory {
            guard let object = tables.objects[token.place] else { continue }
            memory.append(MemoryToken(place: UInt64(descriptors.count), length: token.length))
            descriptors.append(object.raw)
        }
        guard let bytes = unsafe tables.store.bytes(delivered.payload) else {
            logger.critical("the bytes of a message are gone", metadata: ["task": "\(record.id.raw)"])
            return endTask(record.id, .endOfFile)
        }
        let rewritten = Delivered(
            sender: delivered.sender, port: delivered.port, code: delivered.code, reply: delivered.reply, rights: delivered.rights,
            payload: Payload(place: 0, length: delivered.payload.length, format: delivered.payload.format), memory: memory,
            notification: delivered.notification,
            isOnce: delivered.isOnce)
        try admit(descriptors, to: record)
        // The envelope, its payload not copied: number, content, count, bytes.
        var writer = WireWriter(capacity: 256)
        writer.write(number)
        writer.write(Response.message(rewritten))
        writer.write(delivered.payload.length)
        // The header lives over the call, the bytes lie in a mapping of the store.
        let header = writer.bytes.span
        try unsafe header.bytes.withUnsafeBytes { header throws(Errno) in
            try unsafe MessageSocket.send(on: record.socket.raw, header: header, body: bytes, descriptors: descriptors, wait: false)
        }
        record.received += 1
    }

    /// The task's own half of each link that waits for it.
    private func offer(_ links: [LinkID], to record: TaskRecord, number: UInt64) throws(Errno) {
        var offered: [LinkID] = []
        var descriptors: [Int32] = []
        for id in links where offered.count < Self.descriptorsPerAnswerMax {
            guard let memory = tables.links[id] else { continue }
            offered.append(id)
            descriptors.append(memory.raw(ofHalf: memory.link.half(of: record.id)))
        }
        try send(.links(offered), to: record, number: number, descriptors: descriptors)
    }

    /// Architecture rule 22.
    private static let descriptorsPerAnswerMax = 16

    /// The other end of a link, to read: its half, its status; and its bell, to ring.
    private func showPeer(
        _ peer: TaskID, _ response: Response, _ request: Request?, to record: TaskRecord, number: UInt64
    ) throws(Errno) {
        guard case .linkPeer(let id) = request, let link = tables.links[id], link.isSealed, let other = tables.tasks[peer]?.memory,
            other.isStatusSealed
        else { return try send(.refused(.linkGone), to: record, number: number) }
        let shown: [HeldDescriptor]
        do {
            shown = [
                HeldDescriptor(try Self.reopenReader(link.raw(ofHalf: link.link.half(of: peer)))),
                HeldDescriptor(try Self.reopenReader(other.statusFile.raw)), HeldDescriptor(try Pipe.reopenWriter(other.bellReader.raw)),
            ]
        } catch {
            logger.warning("the peer of a link cannot be shown", metadata: ["link": "\(id.raw)", "error": "\(error)"])
            return try send(.refused(.resourceShortage), to: record, number: number)
        }
        try send(response, to: record, number: number, descriptors: shown.map(\.raw))
    }

    private static func reopenReader(_ raw: Int32) throws(Errno) -> Descriptor { try File.open("/proc/self/fd/\(raw)", .read) }
}
