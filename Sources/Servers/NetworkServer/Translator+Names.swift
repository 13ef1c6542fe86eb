import Logging
import Masix
import MasixKernel
import MasixLinux
import MasixNetwork
import MasixWire
import NIOCore

// Figure 2, this node's side: what name server and network server say to each other.

extension Translator {
    // MARK: the name server asks

    func find(_ message: inout ReceivedMessage) {
        guard message.code == ResolverQuestion.code, let question = try? ResolverQuestion(wireBytes: message.bytes),
            let reply = message.takeSendOnceRight(at: 0)
        else { return }
        lastAsker += 1
        let asker = lastAsker
        askers[asker] = Asker(number: question.number, reply: Held(reply))
        let wait = question.waitMilliseconds
        guard let (name, node) = NameRequest.parts(of: question.name) else {
            return directory.locate(question.name) { [self] nodes in search(question.name, wait, for: asker, among: nodes) }
        }
        if node == channels.configuration.name { return answer(asker, .done) }
        guard let entry = roster.entries.first(where: { $0.name == node }), entry.number != core.node.number else {
            let names = roster.entries.filter { $0.number != core.node.number }.map(\.name)
            return answer(asker, .noNode(node, known: Array(names.prefix(NameAnswer.knownMax))))
        }
        search(name, wait, for: asker, among: [entry.number])
    }

    private func search(_ name: String, _ wait: UInt32, for asker: UInt64, among nodes: Set<UInt32>?) {
        core.advance(to: now)
        handle(
            .find(asker: asker, name: name, waitMilliseconds: wait, until: now + UInt64(wait) + NetworkCore.patience, among: nodes))
    }

    /// Figure 2, step 7.
    func answer(_ number: UInt64, _ right: RightForTask?, _ silent: [UInt32]) throws(MasixError) {
        let names = silent.map { roster[number: $0]?.name ?? "node \($0)" }
        let answer: NameAnswer = right != nil ? .found : names.isEmpty ? .unknown(known: [], count: 0) : .silent(nodes: names)
        switch right {
        case .proxy(let id): try self.answer(number, answer, with: makeSendRight(to: id))
        case .held(let port): try self.answer(number, answer, with: exported[port]?.right.copy())
        default: try self.answer(number, answer, with: nil)
        }
    }

    private func answer(_ number: UInt64, _ answer: NameAnswer) {
        do throws(MasixError) { try self.answer(number, answer, with: nil) } catch {
            // The name server has gone, and its questions with it.
            logger.debug("an answer could not be given", metadata: ["error": "\(error)"])
        }
    }

    private func answer(_ number: UInt64, _ answer: NameAnswer, with right: consuming SendRight?) throws(MasixError) {
        guard let asker = askers.removeValue(forKey: number), let reply = asker.reply.take() else { return }
        var message = Message(code: ResolverQuestion.code, bytes: ResolverAnswer(number: asker.number, answer).wireBytes)
        if let right = right.take() { message.attach(right) }
        try reply.send(message)
    }

    // MARK: the name server is asked

    /// Figure 2, step 4.
    func resolve(_ peer: UInt32, _ request: UInt64, _ name: String, _ wait: UInt32) throws(MasixError) {
        guard NameRequest.isOwnName(name) else { return events.append(.resolved(peer: peer, request: request, .null)) }
        let isAsked = try ask(.lookUpHere(name, waitMilliseconds: wait), for: .question(peer: peer, request: request))
        if !isAsked { events.append(.resolved(peer: peer, request: request, .null)) }
    }

    /// Without an answer nothing is announced.
    func askNames(of task: TaskID) throws(MasixError) { _ = try ask(.namesOf(task), for: .names(of: task)) }

    /// False if the name server has no room for it.
    private func ask(_ request: NameRequest, for use: SingleUsePorts.Use) throws(MasixError) -> Bool {
        var message = Message(code: NameRequest.code, bytes: request.wireBytes)
        let port = try single.port(for: use)
        let isAsked = try space.speak(&message, to: try space.bootstrap(), reply: .once(port), as: nil)
        if !isAsked { single.finish(port) }
        return isAsked
    }

    // MARK: the name server is told

    /// Without room nothing is lost but a look-up that would have been local.
    func learn(_ name: String, _ proxy: ProxyID) throws(MasixError) {
        var message = Message(code: NameRequest.code, bytes: NameRequest.learn(name).wireBytes)
        message.attach(try makeSendRight(to: proxy))
        _ = try space.speak(&message, to: try space.bootstrap(), reply: .none, as: nil)
    }

    func unlearn(_ name: String, _ peer: UInt32, _ right: RightForTask) {
        let port: PortID?
        switch right {
        case .proxy(let id): port = localPort(of: id)
        case .held(let held): port = held
        case .null, .dead, .once, .kept: port = nil
        }
        guard let port else { return }
        unlearnt.append((names: [name] + (roster[number: peer].map { ["\(name)@\($0.name)"] } ?? []), port: port))
        tellUnlearnt()
    }

    /// What the name server has no room for is told a moment later: it must not be lost, or a name that is no more would be found.
    private func tellUnlearnt() {
        guard unlearning == nil else { return }
        while let first = unlearnt.first {
            var message = Message(code: NameRequest.code, bytes: NameRequest.unlearn(first.names, first.port).wireBytes)
            do throws(MasixError) {
                guard try space.speak(&message, to: try space.bootstrap(), reply: .none, as: nil) else { break }
            } catch {
                // Too much under way is no room; and a name server that has gone remembers nothing.
                if error == .resourceShortage { break }
                return unlearnt = []
            }
            unlearnt.removeFirst()
        }
        guard !unlearnt.isEmpty else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        unlearning = loop.scheduleTask(in: .milliseconds(2)) {
            bound.value.unlearning = nil
            bound.value.tellUnlearnt()
        }
    }

    func takeNotice(_ message: borrowing ReceivedMessage) {
        // Whoever else says so on this node has a name asked for once more. No other node says what ours calls its ports.
        guard message.sender.node == 0, let notice = try? ResolverNotice(wireBytes: message.bytes) else { return }
        handle(.withdrawn(notice.name))
    }
}
