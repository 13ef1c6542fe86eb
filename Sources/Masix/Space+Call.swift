import MasixKernel
import MasixLinux
import MasixTransport
import Synchronization
import SystemPackage

/// The reply word of a call that is about to be made over a link.
struct PreparedReply: Sendable {
    let link: LinkEnd
    let token: ReplyToken
    let entry: CallerEntryMemory
    let port: PortID
    /// The record of that port, if it is the program's: its right may be about to move.
    var asker: ReceiveEntry?

    /// Whether the callee says so, by the slot or by an announcement.
    var isAnswered: Bool { link.news.isGiven(token) || link.answers.isAnnounced(token) }

    /// Whether the answer was there to be taken.
    func takeAnswer(for space: Space, into incoming: inout Incoming?) -> Bool {
        guard isAnswered, entry.take(link: link.id, generation: token.generation) else { return false }
        if !space.read(self, into: &incoming) { incoming = .some(space.broken(self)) }
        return true
    }

    /// False if the answer has to come by the nucleus. Under the sender's lock, which whoever recalls waits for.
    func arm(number: UInt64, epoch: UInt32) -> Bool {
        if let asker, asker.isRecalling.load(ordering: .sequentiallyConsistent) { return false }
        entry.arm(link: link.id, generation: token.generation, port: port.counter, number: number, epoch: epoch)
        return true
    }
}

/// What a call needs besides its message, kept for the next one: a reply port, and the reply word that the last call used.
struct CallKit: Sendable {
    let port: ReceiveEntry
    var word: (link: LinkEnd, token: ReplyToken)?

    /// The reply word is free for others.
    mutating func giveWordBack() {
        guard let word else { return }
        word.link.calls.withLock { $0.end(word.token) }
        self.word = nil
    }
}

/// A call that has been sent and not been answered yet.
struct PendingCall: Sendable {
    /// Where the answer comes unless it comes by the link.
    var kit: CallKit
    /// The reply word, for a call that went by a link.
    let reply: PreparedReply?
}

extension Space {
    /// A message and its one answer.
    func call(_ message: inout Message, to entry: SendEntry, deadline: Deadline) throws(MasixError) -> ReceivedMessage {
        try checkFork()
        let call = try begin(&message, to: entry, deadline: deadline)
        var answer: Incoming?
        do throws(MasixError) {
            // Given, but if the nucleus has taken it over since, not here yet: nobody spins until it is.
            try wait(until: deadline, partner: call.reply?.link, hint: { _ in call.reply?.isHere ?? false }) {
                () throws(MasixError) -> Bool in
                if call.reply?.takeAnswer(for: self, into: &answer) == true { return true }
                return call.kit.port.isReady ? try self.take(from: call.kit.port, into: &answer) : false
            }
        } catch {
            giveUp(call)
            throw error
        }
        guard let answer else {
            giveUp(call)
            throw .timedOut
        }
        return try finish(call, answer)
    }

    /// Sends the message of a call.
    func begin(_ message: inout Message, to entry: SendEntry, deadline: Deadline) throws(MasixError) -> PendingCall {
        try message.check()
        var hasWaited = false
        if entry.isLocal, let port = entry.local,
            let call = try beginLocally(&message, to: port, deadline: deadline, hasWaited: &hasWaited)
        {
            return call
        }
        var kit = try takeCallKit()
        do throws(MasixError) {
            if message.isPlain,
                let (reply, _) = try callByLease(
                    code: message.code, body: message.body, flags: FrameHeader.flags(message.format), to: entry, &kit, deadline: deadline,
                    hasWaited: &hasWaited)
            {
                return PendingCall(kit: kit, reply: reply)
            }
        } catch {
            giveBack(kit)
            throw error
        }
        do throws(MasixError) {
            try sendByNucleus(&message, destination: .send(entry), reply: .makeSendOnce(kit.port.port), deadline: deadline)
        } catch {
            // Nothing was sent, or it was taken back: but then the reply right was dropped, and its notification lies in the port.
            kit.giveWordBack()
            destroy(kit.port)
            // S4, as for a send: the call was made, and destroyed with the port.
            if hasWaited, error == .deadName { throw .noReply }
            throw error
        }
        return PendingCall(kit: kit, reply: nil)
    }

    /// The answer, if it is there: by the link, or, if the nucleus has closed it meanwhile, through the home queue of the reply
    /// port; one of the two, decided by the word.
    func poll(_ call: PendingCall) throws(MasixError) -> Incoming? {
        var incoming: Incoming?
        if call.reply?.takeAnswer(for: self, into: &incoming) == true { return incoming }
        return call.kit.port.isReady ? try take(from: call.kit.port) : nil
    }

    /// The answer is here: the reply port and the reply word are free again.
    func finish(_ call: borrowing PendingCall, _ answer: consuming Incoming) throws(MasixError) -> ReceivedMessage {
        giveBack(call.kit)
        if case .sendOnce? = answer.notification { throw .noReply }
        return received(answer)
    }

    /// Nobody waits for the answer any more; a late one must not meet the next call.
    func giveUp(_ call: PendingCall) {
        guard let reply = call.reply else {
            var kit = call.kit
            kit.giveWordBack()
            destroy(kit.port)
            return
        }
        if reply.entry.abandon(link: reply.link.id, generation: reply.token.generation) {
            giveBack(call.kit)
        } else {
            // The nucleus has taken the reply over: its message would come here.
            var kit = call.kit
            kit.giveWordBack()
            destroy(kit.port)
        }
    }

    /// A call by a lease, and the lease that it went by; nil if there is none, or no reply word on its link. The kit stays the caller's.
    func callByLease(
        code: UInt32, body: borrowing MessageBytes, flags: UInt16 = 0, to entry: SendEntry, _ kit: inout CallKit, deadline: Deadline,
        hasWaited: inout Bool
    ) throws(MasixError) -> (PreparedReply, UsedLease)? {
        guard let reply = try prepareReply(for: entry, &kit) else { return nil }
        let lease: UsedLease?
        do throws(MasixError) {
            lease = try sendByLease(
                code: code, body: body, flags: flags, to: entry, reply: reply, deadline: deadline, hasWaited: &hasWaited)
        } catch {
            unprepare(reply)
            throw error
        }
        guard let lease else {
            unprepare(reply)
            return nil
        }
        return (reply, lease)
    }

    /// A reply word on the link of the lease, if there is one: the kit's, if it is of that link, in its next use.
    private func prepareReply(for entry: SendEntry, _ kit: inout CallKit) throws(MasixError) -> PreparedReply? {
        guard let lease = entry.memory.lease(), let link = try link(of: entry, lease) else { return nil }
        if let word = kit.word, word.link === link {
            kit.word = (link, word.token.next)
        } else {
            kit.giveWordBack()
            guard let token = link.calls.withLock({ $0.begin() }) else { return nil }
            kit.word = (link, token)
        }
        guard let token = kit.word?.token, let word = control.caller(place: link.place, index: token.index) else {
            kit.giveWordBack()
            return nil
        }
        return PreparedReply(link: link, token: token, entry: word, port: kit.port.port)
    }

    /// The call did not go by the link: nobody can have seen the word.
    private func unprepare(_ reply: PreparedReply) {
        _ = reply.entry.abandon(link: reply.link.id, generation: reply.token.generation)
    }

    /// The answer that has just been taken; false if the slot carries none.
    func read(_ reply: PreparedReply, into incoming: inout Incoming?) -> Bool {
        guard let header = reply.link.news.lookReply(reply.token) else { return false }
        let isSpoken = header.flags & FrameHeader.spoken != 0
        if isSpoken {
            guard let body = header.body(of: reply.link.news.replyBody(reply.token, count: Int(header.length))) else { return false }
            incoming = Incoming(port: reply.port, code: header.code, body: MessageBytes(body.bytes), sender: reply.link.peer)
            if let words = reply.link.believe(body.speaker) { incoming?.say(words) }
        } else {
            incoming = Incoming(
                port: reply.port, code: header.code, body: reply.link.news.replyBytes(reply.token, count: Int(header.length)),
                sender: reply.link.peer)
        }
        incoming?.format = header.format
        if header.flags & FrameHeader.dropped != 0 { incoming?.notification = .sendOnce }
        return true
    }

    /// Announced and not there: the callee has broken its own answer, which is as good as dropping it.
    func broken(_ reply: PreparedReply) -> Incoming {
        report(.unexpectedReply, of: reply.link.id)
        return Incoming(
            port: reply.port, code: Notification.sendOnce.code, body: MessageBytes(), sender: reply.link.peer, notification: .sendOnce)
    }

    // MARK: the other side

    /// Answers by the link that the call came by, if it can be so.
    static func reply(_ message: inout Message, with linked: consuming LinkedReply) throws(MasixError) {
        let space = linked.space
        try space.checkFork()
        try message.check()
        if message.isPlain {
            switch space.answer(
                code: message.code, body: message.body, flags: FrameHeader.flags(message.format), linked.token, on: linked.link)
            {
            case .given, .unknown: return linked.close()
            case .elsewhere: break
            }
        }
        try space.reply(&message, with: linked.kept())
    }

    /// Answers. By the link if the right lives there and the message is plain; the first use wins.
    ///
    /// With a `speaker` in its name, which is the chief's to do.
    func reply(_ message: inout Message, with state: SendOnceState, as speaker: Speaker? = nil) throws(MasixError) {
        try checkFork()
        try message.check()
        let place = state.place.withLock { $0 }
        switch place {
        case .gone: throw .deadName
        case .link(let link, let token):
            let spoken = speaker.map { FrameBody(speaker: $0, bytes: message.bytes).slotBytes }
            if message.isPlain, (spoken?.count ?? 0) <= LinkHalf.bodyMax {
                let answered: Answered
                if let spoken {
                    answered = answer(
                        code: message.code, body: MessageBytes(spoken), flags: FrameHeader.flags(message.format) | FrameHeader.spoken,
                        token, on: link)
                } else {
                    answered = answer(code: message.code, body: message.body, flags: FrameHeader.flags(message.format), token, on: link)
                }
                switch answered {
                case .given:
                    _ = state.take()
                    return
                case .unknown:
                    // The link is gone, and the caller with it: the message vanishes, with success (S4).
                    _ = state.take()
                    return
                case .elsewhere: break
                }
            }
            guard let id = try kernelRight(of: state) else {
                _ = state.take()
                return
            }
            try use(id, &message, state, as: speaker)
        case .kernel(let id):
            try use(id, &message, state, as: speaker)
        case .local(let port):
            if try replyLocally(&message, to: port, with: state) { return }
            guard let id = try kernelRight(of: state) else {
                _ = state.take()
                return
            }
            try use(id, &message, state, as: speaker)
        }
    }

    private func use(
        _ id: SendOnceID, _ message: inout Message, _ state: SendOnceState, as speaker: Speaker?
    ) throws(MasixError) {
        do throws(MasixError) {
            try sendByNucleus(&message, destination: .sendOnce(id), reply: .null, deadline: .never, speaker: speaker)
            _ = state.take()
        } catch .deadName {
            // S4 for a right whose port has died: sent, and destroyed. The dead right itself is let go with its state.
        }
    }

    private enum Answered {
        case given
        /// The right has become the kernel's, or must.
        case elsewhere
        case unknown
    }

    private func answer(code: UInt32, body: borrowing MessageBytes, flags: UInt16, _ token: ReplyToken, on link: LinkEnd) -> Answered {
        guard let entry = control.callee(place: link.place, index: token.index) else { return .unknown }
        let (answered, mustRing) = link.sender.withLock { sender -> (Answered, Bool) in
            guard entry.state(link: link.id, generation: token.generation) == .armed, sender.canAnnounce() else {
                return (.elsewhere, false)
            }
            sender.writeReply(token, code: code, body: body, flags: flags)
            Interlude.at(.answerWritten)
            guard entry.use(link: link.id, generation: token.generation) else { return (.elsewhere, false) }
            Interlude.at(.answerUsed)
            sender.give(token)
            sender.announce(.reply(index: token.index, generation: token.generation))
            Interlude.at(.answerAnnounced)
            return (.given, sender.peerMustBeRung())
        }
        if mustRing { link.ring() }
        return answered
    }

    /// The kernel's right in the place of a link-local one, claimed now. Nil if it is dead.
    func kernelRight(of state: SendOnceState) throws(MasixError) -> SendOnceID? {
        let place = state.place.withLock { $0 }
        switch place {
        case .kernel(let id): return id
        case .gone: throw .invalidRight
        case .link(let link, let token):
            let found = try connection.withCore { core throws(MasixError) in try self.claim(token, on: link, &core) }
            if let found { state.place.withLock { $0 = .kernel(found) } }
            return found
        case .local(let port):
            if let id = locals.withKey({ port.exchangeOnce(&$0) }) {
                state.place.withLock { $0 = .kernel(id) }
                return id
            }
            guard !port.isDead else { return nil }
            try leave([port])
            guard let id = locals.withKey({ port.exchangeOnce(&$0) }) else { return nil }
            state.place.withLock { $0 = .kernel(id) }
            return id
        }
    }

    func claim(_ token: ReplyToken, on link: LinkEnd, _ core: inout Connection.Core) throws(MasixError) -> SendOnceID? {
        let answer = try core.ask(.claimReply(link.id, index: token.index, generation: token.generation))
        if case .arrived(.sendOnce(let id, _)) = answer.response { return id }
        return nil
    }

    /// A send-once right is let go unused: its receiver gets the notification that it stands for (T4).
    func abandon(_ place: SendOnceState.Place) {
        guard (try? checkFork()) != nil else { return }
        switch place {
        case .gone: break
        case .local(let port):
            if abandonLocally(port) { return }
            if let id = locals.withKey({ port.exchangeOnce(&$0) }) { abandon(.kernel(id)) }
        case .kernel(let id):
            whatever { core throws(MasixError) in _ = try core.ask(.drop(.sendOnce(id))) }
        case .link(let link, let token):
            if case .elsewhere = answer(code: Notification.sendOnce.code, body: MessageBytes(), flags: FrameHeader.dropped, token, on: link)
            {
                let state = SendOnceState(space: self, place: place)
                // Promoted or claimed, then dropped as a kernel right when `state` goes; what cannot be claimed is already over.
                if (try? kernelRight(of: state)) == nil { _ = state.take() }
            }
        }
    }
}
