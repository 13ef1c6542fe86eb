import Logging
import Masix
import MasixKernel
import MasixLinux
import MasixNetwork
import MasixProtocols
import MasixWire
import NIOCore
import SystemPackage

/// Carries messages between the tasks of this node and its channels: figure 3 of the paper, with `NetworkCore` deciding.
///
/// It lives on one event loop. An event goes in, actions come out, and what these lead to goes in again, until nothing is left.
final class Translator {
    let space: Space
    let channels: any NodeConnections
    let logger: Logger
    let loop: any EventLoop
    private let ended: @Sendable () -> Void
    private var isOver = false

    var core: NetworkCore
    private(set) var roster: NodeRoster
    var channelOf: [UInt32: ChannelID] = [:]
    private var peerOf: [ChannelID: UInt32] = [:]
    private var congested: Set<UInt32> = []
    private var isPumping = false

    let set: PortSet
    /// Where the name server asks, and deaths are told: before anything that was sent after them.
    let control: ReceiveRight
    /// Our ports that others know.
    var exported: [PortID: ExportedRight] = [:]
    /// Rights of the message that is being handled, to ports that no other node knows yet.
    private var stash: [PortID: ExportedRight] = [:]
    private var proxies: [ProxyID: ProxyPort] = [:]
    private var proxyAt: [PortID: ProxyID] = [:]
    /// Send-once rights of our tasks that other nodes hold.
    private var onces: [UInt64: Held<SendOnceRight>] = [:]
    private var lastOnce: UInt64 = 0
    let single: SingleUsePorts
    private let linked: LinkedDeliveries
    private var receptionsTimer: Scheduled<Void>?
    var outgoing: [UInt64: [MemoryObject]] = [:]
    private var lastTransfer: UInt64 = 0
    private var incoming: [TransferKey: [IncomingMemory]] = [:]
    /// Numbers in memory that comes, which are in the other byte order.
    var foreignRuns: [TransferKey: [MemoryRun]] = [:]
    /// The byte order of each peer's bodies.
    private var orders: [UInt32: ByteOrder] = [:]
    var askers: [UInt64: Asker] = [:]
    var lastAsker: UInt64 = 0
    /// Which nodes may know a name.
    var directory: any Directory = BroadcastDirectory()
    /// What the name server is to let go of and had no room for.
    var unlearnt: [(names: [String], port: PortID)] = []
    var unlearning: Scheduled<Void>?
    /// Round trips that somebody measures.
    var measures: [UInt64: Measure] = [:]
    /// Until then nobody is told of frames: a moment ago nobody looked on.
    var unwatchedUntil: UInt64 = 0
    private var timer: Scheduled<Void>?
    var events: [NetworkEvent] = []
    private let start = Clock.monotonicNanoseconds()

    /// What each proxy is called here.
    var proxyPorts: [(ProxyID, PortID)] { proxies.map { ($0.key, $0.value.local) } }

    func localPort(of proxy: ProxyID) -> PortID? { proxies[proxy]?.local }

    private struct ProxyPort {
        let local: PortID
        /// While it is paused it is not in the set.
        var right: Held<ReceiveRight>?
        var made: UInt32 = 0
    }

    struct Asker {
        let number: UInt64
        let reply: Held<SendOnceRight>
    }

    init(space: Space, channels: any NodeConnections, ended: @escaping @Sendable () -> Void) throws(MasixError) {
        self.space = space
        self.channels = channels
        self.ended = ended
        logger = channels.configuration.logger
        loop = channels.eventLoop
        roster = channels.configuration.roster
        core = NetworkCore(node: channels.configuration.node)
        linked = LinkedDeliveries(space: space)
        set = space.makePortSet()
        single = SingleUsePorts(space: space, set: set, loop: loop)
        control = try space.makePort(queueLimit: 256)
        expect(roster)
    }

    /// Whom a look-up waits for: every node of the roster but this one.
    func expect(_ roster: NodeRoster) {
        self.roster = roster
        perform(core.expect(Set(roster.entries.map(\.number)).subtracting([core.node.number])))
        runEvents()
    }

    /// Tells the name server that there are other nodes.
    func begin() throws(MasixError) {
        var message = Message(code: NameRequest.code, bytes: NameRequest.connectNodes.wireBytes)
        message.attach(try control.makeSendRight())
        let answer = try space.bootstrap().call(message, timeout: .seconds(10))
        guard case .done? = try? NameAnswer(wireBytes: answer.bytes) else { throw .notPermitted }
    }

    func end() {
        isOver = true
        timer?.cancel()
        unlearning?.cancel()
        single.end()
        receptionsTimer?.cancel()
        linked.expect(false)
        space.endLoop()
    }

    func summary() -> NetworkSummary {
        var summary = NetworkSummary()
        summary.peers = core.upPeers.map { roster[number: $0.number]?.name ?? "\($0)" }
        summary.proxies = proxies.count
        summary.exports = exported.count
        summary.isEmpty =
            core.isEmpty && onces.isEmpty && single.isEmpty && outgoing.isEmpty && incoming.isEmpty && askers.isEmpty
            && linked.isEmpty && foreignRuns.isEmpty
        return summary
    }

    var now: UInt64 { (Clock.monotonicNanoseconds() - start) / 1_000_000 }

    // MARK: the channels

    func take(_ event: NodeChannelsEvent) {
        guard !isOver else { return }
        if core.isSearching { core.advance(to: now) }
        switch event {
        case .up(let channel, let peer):
            channelOf[peer.number] = channel
            peerOf[channel] = peer.number
            orders[peer.number] = peer.order
            congested.remove(peer.number)
            handle(.up(peer.node))
        case .frame(let channel, let bytes):
            guard let peer = peerOf[channel] else { return }
            do throws(WireError) {
                var frame = try NetworkFrame(wireBytes: bytes)
                if ended(frame, from: peer) { return }
                show(frame, count: bytes.count, peer, isSent: false)
                if case .message(let message) = frame { frame = .message(makeRight(message, from: peer, in: orders[peer] ?? .host)) }
                handle(.frame(peer: peer, frame))
            } catch {
                refuse(peer, .malformed, "\(error)")
                handle(.down(peer: peer))
            }
        case .drained(let channel):
            guard let peer = peerOf[channel] else { return }
            congested.remove(peer)
            handle(.drained(peer: peer))
        case .down(let channel, let peer, _):
            guard peerOf.removeValue(forKey: channel) != nil else { return }
            channelOf[peer] = nil
            congested.remove(peer)
            giveUpMeasures(of: peer)
            // Of messages that the core has refused nobody else says that they are over.
            foreignRuns = foreignRuns.filter { $0.key.peer != peer }
            handle(.down(peer: peer))
        case .unreachable(let peer): handle(.unreachable(peer: peer))
        }
        pump()
    }

    private func refuse(_ peer: UInt32, _ fault: NetworkFault, _ detail: String = "") {
        guard let channel = channelOf.removeValue(forKey: peer) else { return }
        peerOf[channel] = nil
        giveUpMeasures(of: peer)
        logger.warning(
            "a node has broken the protocol", metadata: ["node": "\(peer)", "reason": "\(fault.words)", "detail": "\(detail)"])
        channels.close(channel, .protocolViolation(fault.words))
    }

    func send(_ frame: NetworkFrame, to peer: UInt32) {
        guard channelOf[peer] != nil else { return }
        var frame = frame
        if case .message(let message) = frame { frame = .message(pretend(message)) }
        let bytes = frame.wireBytes(capacity: frame.bytesExpected)
        show(frame, count: bytes.count, peer, isSent: true)
        send(bytes, to: peer)
    }

    private func send(_ bytes: [UInt8], to peer: UInt32) {
        guard let channel = channelOf[peer] else { return }
        if !channels.send(bytes, on: channel), congested.insert(peer).inserted { events.append(.congested(peer: peer)) }
    }

    /// Memory flows while the channels take it, a piece of each message in turn, and no more than a little at a time.
    private func pump() {
        guard !isOver else { return }
        var left = 16
        for peer in channelOf.keys.sorted() {
            while left > 0, !congested.contains(peer) {
                let (order, actions) = core.nextChunk(for: peer)
                perform(actions)
                guard let order else { break }
                left -= 1
                guard let memory = outgoing[order.transfer]?[order.memory] else { continue }
                do throws(MasixError) {
                    let place = Int(order.offset)
                    var bytes = NetworkFrame.emptyChunk(transfer: order.transfer, memory: UInt16(order.memory), count: order.count)
                    try memory.read(place..<(place + order.count), into: &bytes, at: bytes.count - order.count)
                    send(bytes, to: peer)
                } catch {
                    logger.error("memory cannot be read", metadata: ["error": "\(error)"])
                    handle(.unreadable(peer: peer, transfer: order.transfer))
                }
                runEvents()
            }
        }
        guard left == 0, !isPumping else { return }
        isPumping = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.execute {
            bound.value.isPumping = false
            bound.value.pump()
        }
    }

    // MARK: the loop of events

    func handle(_ event: NetworkEvent) {
        events.append(event)
        runEvents()
    }

    private func runEvents() {
        while !events.isEmpty {
            let batch = events
            events = []
            for event in batch { perform(core.handle(event)) }
        }
        schedule()
    }

    private func schedule() {
        timer?.cancel()
        timer = nil
        guard let deadline = core.nextDeadline else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        timer = loop.scheduleTask(in: .milliseconds(Int64(deadline - min(deadline, now)) + 1)) {
            bound.value.handle(.time(bound.value.now))
        }
    }

    private func perform(_ actions: [NetworkAction]) {
        for action in actions {
            do throws(MasixError) {
                try perform(action)
            } catch {
                // Whatever it was about is gone, or cannot be had: the books of the core stay right, and the partner sees a dead name or
                // no answer.
                if error == .nodeGone { return nodeGone() }
                logger.error("an action failed", metadata: ["action": "\(Self.name(of: action))", "error": "\(error)"])
            }
        }
    }

    private static func name(of action: NetworkAction) -> String { String("\(action)".prefix { $0 != "(" }) }

    private func nodeGone() {
        guard !isOver else { return }
        end()
        ended()
    }

    private func perform(_ action: NetworkAction) throws(MasixError) {
        switch action {
        case .send(let peer, let frame): send(frame, to: peer)
        case .refuse(let peer, let fault): refuse(peer, fault)
        case .hold(let port): try hold(port)
        case .release(let port):
            exported[port] = nil
            linked.forget(port)
        case .makeProxy(let id, let port, let limit):
            let right = try space.makePort(queueLimit: Int(limit))
            try right.keepRoom()
            let local = set.insert(right)
            proxies[id] = ProxyPort(local: local)
            proxyAt[local] = id
            logger.debug("a proxy", metadata: ["port": "\(port)", "here": "\(local)"])
        case .destroyProxy(let id):
            guard let proxy = proxies.removeValue(forKey: id) else { return }
            proxyAt[proxy.local] = nil
            _ = set.remove(proxy.local)
        case .watch(let id):
            guard let proxy = proxies[id] else { return }
            try set.requestNoSenders(of: proxy.local, sync: proxy.made, to: proxy.local)
        case .giveRoom(let id, let count):
            if let proxy = proxies[id] { try space.giveRoom(count, in: proxy.local) }
        case .setLimit(let id, let limit): try setLimit(limit, of: id)
        case .pause(let id):
            guard let proxy = proxies[id], let right = set.remove(proxy.local) else { return }
            proxies[id]?.right = Held(right)
        case .resume(let id):
            guard let right = proxies[id]?.right?.take() else { return }
            proxies[id]?.right = nil
            set.insert(right)
        case .destroyOnce(let key):
            if !linked.giveUp(key) { single.destroy(key) }
        case .drop(let once): onces[once] = nil
        case .deliver(let number, let delivery): try deliver(number, delivery)
        case .collect(let key, let lengths):
            var memory: [IncomingMemory] = []
            for length in lengths { memory.append(try IncomingMemory(count: Int(length))) }
            incoming[key] = memory
        case .append(let key, let index, let bytes):
            guard let memory = incoming[key]?[index] else { return }
            try memory.append(bytes)
        case .discard(let key):
            incoming[key] = nil
            foreignRuns[key] = nil
        case .forget(let transfer): outgoing[transfer] = nil
        case .resolve(let peer, let request, let name, let wait): try resolve(peer, request, name, wait)
        case .answer(let asker, let right, let silent): try answer(asker, right, silent)
        case .nameTask(let task): try askNames(of: task)
        case .learn(let name, let proxy): try learn(name, proxy)
        case .unlearn(let name, let peer, let right): unlearn(name, peer, right)
        case .reach(let peer): channels.dialNow(peer)
        }
    }

    /// The owner of the port has said how much its queue takes.
    private func setLimit(_ limit: UInt32, of id: ProxyID) throws(MasixError) {
        guard let proxy = proxies[id] else { return }
        if let right = proxy.right?.take() {
            do throws(MasixError) { try right.setQueueLimit(Int(limit)) } catch { if error == .nodeGone { throw error } }
            proxies[id]?.right = Held(right)
        } else if let right = set.remove(proxy.local) {
            do throws(MasixError) { try right.setQueueLimit(Int(limit)) } catch { if error == .nodeGone { throw error } }
            set.insert(right)
        }
    }

    private func hold(_ port: PortID) throws(MasixError) {
        guard let export = stash.removeValue(forKey: port) else { throw .invalidRight }
        exported[port] = export
        do throws(MasixError) {
            try export.right.requestDeadName(to: control)
        } catch {
            if error == .nodeGone { throw error }
            events.append(.died(port))
        }
    }

    // MARK: in

    private func deliver(_ number: UInt64, _ delivery: Delivery) throws(MasixError) {
        var message = Message(code: delivery.code, bytes: delivery.bytes)
        message.format = delivery.format
        do throws(MasixError) {
            if let key = delivery.transfer {
                guard let memory = incoming.removeValue(forKey: key), memory.count == delivery.memoryCount else {
                    throw .memory(errno: Errno.noMemory.rawValue)
                }
                let runs = foreignRuns.removeValue(forKey: key) ?? []
                for (place, part) in memory.enumerated() { message.attach(try Self.turned(try part.finish(), place, runs)) }
            }
            for right in delivery.rights {
                switch right {
                case .null: message.attachNothing()
                case .dead: message.attachDead()
                case .held(let port):
                    if let export = exported[port] { message.attach(export.right.copy()) } else { message.attachDead() }
                case .proxy(let id): message.attach(try makeSendRight(to: id))
                case .once(let key): message.attach(try set.makeSendOnceRight(to: try single.port(for: .once(key))))
                case .kept(let number):
                    if let once = onces.removeValue(forKey: number)?.take() { message.attach(once) } else { message.attachDead() }
                }
            }
            if try deliverByLink(number, &message, delivery) { return }
            let reply = try replyRight(delivery.reply)
            switch delivery.destination {
            case .held(let port):
                guard let export = exported[port] else { return events.append(.undelivered(number)) }
                let bound = NIOLoopBound(self, eventLoop: loop)
                let loop = loop
                try export.deliver(
                    PreparedMessage(
                        number: number, message: message, reply: reply, keptForReply: held(for: reply), speaker: delivery.speaker),
                    in: space
                ) { event in
                    if loop.inEventLoop { bound.value.events.append(event) } else { loop.execute { bound.value.handle(event) } }
                }
            case .once(let once):
                guard let right = onces.removeValue(forKey: once)?.take() else { return }
                try space.speak(&message, to: right, reply: reply, as: delivery.speaker)
            }
        } catch {
            events.append(.undelivered(number))
            if case .once(let once) = delivery.destination { onces[once] = nil }
            // Send-once rights for which no port was made yet go unused, which their owners are to be told.
            for case .once(let key) in [delivery.reply] + delivery.rights where !single.contains(key) { events.append(.unused(key)) }
            throw error
        }
    }

    /// The way of plain messages to ports that have a lease; false if this is none.
    private func deliverByLink(_ number: UInt64, _ message: inout Message, _ delivery: Delivery) throws(MasixError) -> Bool {
        guard case .held(let port) = delivery.destination, let export = exported[port], !export.isBusy else { return false }
        let key: OnceKey?
        switch delivery.reply {
        case .null: key = nil
        case .once(let once): key = once
        case .dead, .held, .proxy, .kept: return false
        }
        guard try linked.deliver(&message, to: export.right, as: delivery.speaker, answering: key) else { return false }
        events.append(.delivered(number))
        expectReceptions()
        return true
    }

    /// Answers tell soon enough of what has been received. What is not answered within a moment is rung for.
    private func expectReceptions() {
        guard receptionsTimer == nil else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        receptionsTimer = loop.scheduleTask(in: .milliseconds(1)) {
            let translator = bound.value
            translator.receptionsTimer = nil
            guard !translator.isOver else { return }
            translator.tellReceptions()
            translator.linked.expect(translator.linked.isOutstanding)
            // Once more: what was received before the ring was asked for is told here. What is received later rings.
            translator.tellReceptions()
            translator.pump()
        }
    }

    private func takeReceptions() {
        tellReceptions()
        if linked.isOutstanding { expectReceptions() } else { linked.expect(false) }
    }

    private func tellReceptions() {
        for (port, count) in linked.receptions() { handle(.received(port, count: count)) }
    }

    /// The right that a reply right is a copy of: while the message waits, the core may let go of it.
    private func held(for reply: Space.ReplyRight) -> Held<SendRight>? {
        guard case .copied(let port) = reply, let export = exported[port] else { return nil }
        return Held(export.right.copy())
    }

    private func replyRight(_ right: RightForTask) throws(MasixError) -> Space.ReplyRight {
        switch right {
        case .null: return .none
        case .dead: return .dead
        case .held(let port): return exported[port] == nil ? .dead : .copied(port)
        case .proxy(let id):
            guard let proxy = proxies[id] else { return .dead }
            proxies[id]?.made += 1
            return .made(proxy.local)
        case .once(let key): return .once(try single.port(for: .once(key)))
        case .kept(let number):
            guard let once = onces.removeValue(forKey: number)?.take() else { return .dead }
            return try space.replyRight(once)
        }
    }

    func makeSendRight(to id: ProxyID) throws(MasixError) -> SendRight {
        guard let proxy = proxies[id] else { throw .portDied }
        let right: SendRight
        if let held = proxy.right, let own = held.take() {
            right = try own.makeSendRight()
            proxies[id]?.right = Held(own)
        } else {
            right = try set.makeSendRight(to: proxy.local)
        }
        proxies[id]?.made += 1
        return right
    }

    // MARK: out

    /// Takes all messages that are there; after a few the channels have their turn.
    func drain() {
        guard !isOver else { return }
        do throws(MasixError) {
            try space.wakeLoop()
            for _ in 0..<64 {
                let before = space.loopStanding
                let message = try set.tryReceive()
                let answers = try linked.takeAnswers()
                // What happened before that message was sent is told before it.
                while let first = try control.tryReceive() { take(first) }
                try takeReceipts()
                takeReceptions()
                for (key, answer) in answers { if let answer = answer.take() { take(answer, to: key) } }
                if let message {
                    take(message)
                } else if space.sleepLoop(since: before) {
                    // Whoever sends from here on rings for the loop, also while it has other things to do.
                    return pump()
                }
            }
        } catch {
            if error == .nodeGone { return nodeGone() }
            logger.error("messages cannot be received", metadata: ["error": "\(error)"])
        }
        pump()
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.execute { bound.value.drain() }
    }

    private func takeReceipts() throws(MasixError) {
        while space.hasReceipts {
            let receipts = try space.takeReceipts()
            for receipt in receipts {
                let count = linked.news(in: receipt)
                if count > 0 { handle(.received(receipt.place.port, count: count)) }
            }
            guard receipts.count == Receipt.listMax else { return }
        }
    }

    private func take(_ answer: consuming Space.LinkedAnswer, to key: OnceKey) {
        switch consume answer {
        case .unused: handle(.unused(key))
        case .message(var message):
            let (local, transfer) = translate(&message, for: key.peer)
            handle(.answered(key, local, transfer: transfer))
            stash = [:]
        }
    }

    private func take(_ received: consuming ReceivedMessage) {
        var message = received
        defer { stash = [:] }
        if let notification = message.notification { return take(notification, at: message.port) }
        if let id = proxyAt[message.port] {
            guard let peer = core.proxy(id)?.peer else { return }
            let (local, transfer) = translate(&message, for: peer)
            handle(.sent(to: id, local, transfer: transfer))
        } else if let use = single[message.port] {
            single.finish(message.port)
            switch use {
            case .once(let key):
                let (local, transfer) = translate(&message, for: key.peer)
                handle(.answered(key, local, transfer: transfer))
            case .question(let peer, let request):
                guard message.code == NameRequest.code, case .found? = try? NameAnswer(wireBytes: message.bytes) else {
                    return handle(.resolved(peer: peer, request: request, .null))
                }
                handle(.resolved(peer: peer, request: request, localRight(at: 0, of: &message, for: peer)))
            case .names(let task):
                guard message.code == NameRequest.code, case .names(let records, _)? = try? NameAnswer(wireBytes: message.bytes) else {
                    return
                }
                handle(.named(task, records.map(\.name)))
            }
        } else if message.port == control.port {
            switch message.code {
            case NetworkRequest.code: tell(&message)
            case ResolverNotice.code: takeNotice(message)
            default: find(&message)
            }
        }
    }

    private func take(_ notification: MasixKernel.Notification, at port: PortID) {
        switch notification {
        case .noSenders(let made):
            guard let id = proxyAt[port], let proxy = proxies[id] else { return }
            // Rights that were made since are not counted in it; when they are gone too, we are told again.
            guard made == proxy.made else { return perform([.watch(id)]) }
            handle(.noSenders(id))
        case .sendOnce:
            guard let use = single[port] else { return }
            single.finish(port)
            switch use {
            case .once(let key): handle(.unused(key))
            case .question(let peer, let request): handle(.resolved(peer: peer, request: request, .null))
            case .names: break
            }
        case .deadName(let dead, _): handle(.died(dead))
        case .portDeleted, .sendPossible, .portDestroyed: break
        }
    }

    private func translate(_ message: inout ReceivedMessage, for peer: UInt32) -> (LocalMessage, transfer: UInt64) {
        var speaker: Speaker?
        // Of a task of this node only: who comes from elsewhere is the word of that node, and we cannot give it as ours.
        if message.sender.node == 0, message.sender != space.task, let identity = try? message.senderIdentity() {
            speaker = Speaker(message.sender, identity)
        }
        var local = LocalMessage(from: speaker, code: message.code, bytes: message.bytes, format: message.format)
        if let once = message.takeReply() {
            local.reply = keep(once, for: peer)
        } else if let right = message.takeReplySendRight() {
            local.reply = stashed(right)
        }
        for index in 0..<message.rightCount { local.rights.append(localRight(at: index, of: &message, for: peer)) }
        guard message.memoryCount > 0 else { return (local, 0) }
        var memory: [MemoryObject] = []
        for index in 0..<message.memoryCount { if let object = message.takeMemory(at: index) { memory.append(object) } }
        local.memory = memory.map { UInt64($0.count) }
        lastTransfer += 1
        outgoing[lastTransfer] = memory
        return (local, lastTransfer)
    }

    private func localRight(at index: Int, of message: inout ReceivedMessage, for peer: UInt32) -> LocalRight {
        if let right = message.takeSendRight(at: index) { return stashed(right) }
        if let once = message.takeSendOnceRight(at: index) { return keep(once, for: peer) }
        return message.isDead(at: index) ? .dead : .null
    }

    private func keep(_ once: consuming SendOnceRight, for peer: UInt32) -> LocalRight {
        if let port = once.port, case .once(let key)? = single[port], key.peer == peer {
            // It stands for one of another node, and goes home. The port goes with it: nothing is to come of this right there.
            single.destroy(port)
            return .onceHome(key)
        }
        if let port = once.port, let key = linked.key(of: port), key.peer == peer {
            _ = linked.giveUp(key)
            return .onceHome(key)
        }
        lastOnce += 1
        onces[lastOnce] = Held(once)
        return .once(lastOnce)
    }

    private func stashed(_ right: consuming SendRight) -> LocalRight {
        let port = right.port
        // To a port of another node: it goes home, or is claimed there.
        if let id = proxyAt[port] { return .proxy(id) }
        if let known = exported[port] { return .send(port, limit: known.limit) }
        guard let limit = try? space.queueLimit(of: right) else { return .dead }
        stash[port] = ExportedRight(right, limit: limit)
        return .send(port, limit: limit)
    }
}
