import MasixKernel
import MasixTransport
import Synchronization

// Calls whose answers come to a port of the program's own, by the link if they can (Documentation/Decisions/0017).

extension Space {
    /// Sends a plain message by a lease, with a send-once right to a port of ours that lives in the link. False: it has to go by the
    /// nucleus, and is left as it was.
    func sendCall(
        _ message: borrowing Message, to entry: SendEntry, answeredAt port: ReceiveEntry, deadline: Deadline
    ) throws(MasixError) -> Bool {
        try checkFork()
        guard message.rights.isEmpty, message.memory.isEmpty, message.body.count <= LinkHalf.bodyMax, !entry.isLocal,
            let lease = entry.memory.lease(), let link = try link(of: entry, lease)
        else { return false }
        // What the nucleus takes over comes by the home queue.
        try leave(port)
        guard !port.isLocal, !port.isGone else { return false }
        let word = try port.withAnswers { answers throws(MasixError) -> PreparedReply? in
            guard !port.isRecalling.load(ordering: .relaxed) else { return nil }
            return answers.begin(over: link, control: control, at: port)
        }
        guard let word else { return false }
        // Sets ask it for answers from now on.
        port.noteInSets()
        var hasWaited = false
        do throws(MasixError) {
            let used = try sendByLease(
                code: message.code, body: message.body, flags: FrameHeader.flags(message.format), to: entry, reply: word,
                deadline: deadline, hasWaited: &hasWaited)
            if used == nil { try unmake(word, at: port) }
            return used != nil
        } catch {
            try unmake(word, at: port)
            throw error
        }
    }

    /// The call did not go by the link.
    private func unmake(_ word: PreparedReply, at port: ReceiveEntry) throws(MasixError) {
        _ = word.entry.abandon(link: word.link.id, generation: word.token.generation)
        try port.withAnswers { answers throws(MasixError) in answers.end(word) }
    }

    /// An answer that lies in a link, if there is one. `.tooLarge` if it needs more than `room` bytes behind its header: it stays (V4).
    func takeOutstanding(from entry: ReceiveEntry, room: Int, into incoming: inout Incoming?) throws(MasixError) -> Bool {
        while true {
            let taken = try entry.withAnswers { answers throws(MasixError) -> TakenAnswer in
                guard let place = answers.answered else { return .none }
                let reply = answers.words[place]
                if room < .max, let size = self.size(of: reply)?.size, size > room { throw .tooLarge(bytes: size) }
                guard reply.entry.take(link: reply.link.id, generation: reply.token.generation) else { return .elsewhere }
                let isWhole = self.read(reply, into: &incoming)
                answers.end(at: place)
                return isWhole ? .message : .broken(reply)
            }
            switch taken {
            case .none: return false
            case .elsewhere: continue
            // Reported when no lock is held.
            case .broken(let reply):
                incoming = .some(broken(reply))
                return true
            case .message:
                incoming?.isOnce = true
                return true
            }
        }
    }

    private enum TakenAnswer: Sendable {
        case none
        case message
        /// The nucleus was faster.
        case elsewhere
        case broken(PreparedReply)
    }

    /// Size behind the header, and code, of an answer that lies in a link; the notification in its place has none.
    private func size(of reply: PreparedReply) -> (size: Int, code: UInt32)? {
        guard let header = reply.link.news.lookReply(reply.token) else { return nil }
        if header.flags & FrameHeader.dropped != 0 { return (0, Notification.sendOnce.code) }
        guard header.flags & FrameHeader.spoken != 0 else { return (Int(header.length), header.code) }
        return header.body(of: reply.link.news.replyBody(reply.token, count: Int(header.length))).map { ($0.bytes.count, header.code) }
    }

    /// The same of the one that would be received next; it stays.
    func nextOutstanding(at entry: ReceiveEntry) throws(MasixError) -> (size: Int, code: UInt32)? {
        guard entry.isAsking else { return nil }
        return try entry.withAnswers { answers throws(MasixError) in answers.answered.flatMap { size(of: answers.words[$0]) } }
    }

    // MARK: recalling

    /// From here on the answers due at the port come by the nucleus, and so do those of later calls, until `mayAskAgain`: the receive right
    /// is about to move or to go, or its counts are asked for.
    func recallAnswers(at entry: ReceiveEntry, _ core: inout Connection.Core) throws(MasixError) {
        entry.isRecalling.store(true, ordering: .sequentiallyConsistent)
        let links = try entry.withAnswers { answers throws(MasixError) in
            answers.words.reduce(into: [LinkEnd]()) { links, word in
                if !links.contains(where: { $0 === word.link }) { links.append(word.link) }
            }
        }
        for link in links {
            // Whoever has not seen that we recall has committed when we have had the lock.
            link.sender.withLock { _ in }
            _ = try core.ask(.recallReplies(link.id, entry.port))
        }
        if !links.isEmpty { try entry.withAnswers { answers throws(MasixError) in answers.prune() } }
    }

    func recallAnswers(with rights: [OwnedRight], _ core: inout Connection.Core) throws(MasixError) {
        for case .receive(let holder) in rights { try recallAnswers(at: holder.entry, &core) }
    }

    /// The receive right has stayed.
    func mayAskAgain(_ rights: [OwnedRight]) {
        for case .receive(let holder) in rights { holder.entry.mayAskAgain() }
    }
}

extension ReceiveEntry {
    func mayAskAgain() { isRecalling.store(false, ordering: .sequentiallyConsistent) }
}
