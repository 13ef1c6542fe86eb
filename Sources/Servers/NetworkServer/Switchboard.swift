import Logging
import MasixKernel
import MasixNetwork
import NIOCore
import NIOPosix
import NIOSSL
import SystemPackage

/// All links of a node: who is up, who is being dialled, who is kept out. Lives on the event loop.
///
/// Both nodes of a pair dial, and of each pair the one with the lower number decides which connection becomes the channel: the first that
/// gets as far as the hellos. So both have the same one, whatever crosses on the way. The other node's hello says which connection has
/// ended for it last: one that still looks alive here is then given up for the new one. What those above see as a channel is the session,
/// which goes on over the next connection (decision 0021).
final class Switchboard {
    let configuration: NodeChannelsConfiguration
    let queues: ChannelQueues
    private let loop: any EventLoop
    private let tls: NodeTLS
    private let deliver: @Sendable (NodeChannelsEvent) -> Void
    private let logger: Logger
    private var refusals: RefusalLog
    private var addresses: AddressGauge

    private var roster: NodeRoster
    private let fingerprint: [UInt8]
    private var links: [ChannelID: NodeLink] = [:]
    /// By the number of the peer.
    private var pairings: [UInt32: Pairing] = [:]
    /// Those with a session, as those above call it.
    private var sessions: [ChannelID: Pairing] = [:]
    private var dials: [UInt32: Dial] = [:]
    private var history = PeerHistory()
    private var lastID: UInt64 = 0
    private var lastSerial: UInt64 = 0
    private var halfOpen = 0
    private var listener: (any Channel)?
    private var isStopped = false

    /// What is being done to reach a node.
    private struct Dial {
        var attempts = 0
        var pause: Scheduled<Void>?
        var link: ChannelID?
        /// What was said about the last failure: the same is not said again.
        var lastWords = ""
    }

    init(
        configuration: NodeChannelsConfiguration, queues: ChannelQueues, loop: any EventLoop,
        deliver: @escaping @Sendable (NodeChannelsEvent) -> Void
    ) throws {
        self.configuration = configuration
        self.queues = queues
        self.loop = loop
        self.deliver = deliver
        logger = configuration.logger
        tls = try NodeTLS(configuration.key)
        fingerprint = configuration.key.fingerprint
        roster = configuration.roster
        refusals = RefusalLog(configuration.logger)
        addresses = AddressGauge(burst: configuration.limits.addressBurst, perSecond: configuration.limits.addressPerSecond)
    }

    // MARK: - What links ask

    func decides(over peer: UInt32) -> Bool { configuration.node.number < peer }

    func hello(for entry: NodeRosterEntry) -> ChannelHello {
        ChannelHello(
            versions: configuration.versions, node: configuration.node, name: configuration.name, software: configuration.software,
            start: configuration.start, memory: pairing(of: entry).ledger.memory, order: configuration.order)
    }

    private func pairing(of entry: NodeRosterEntry) -> Pairing {
        if let known = pairings[entry.number], known.fingerprint == entry.fingerprint { return known }
        let own = ServerLife(incarnation: configuration.node.incarnation, start: configuration.start)
        let new = Pairing(entry.number, entry.fingerprint, SessionLedger(own: own, decides: decides(over: entry.number)))
        pairings[entry.number] = new
        return new
    }

    func entry(of key: [UInt8], dialled: UInt32?) throws(ChannelRefusal) -> NodeRosterEntry {
        guard key != fingerprint else { throw .ownKey }
        let words = NodeRosterEntry.text(ofFingerprint: key)
        guard let entry = roster[fingerprint: key] else {
            if let dialled { throw .wrongKey(expected: dialled, fingerprint: words) }
            throw .unknownKey(fingerprint: words)
        }
        if let dialled, dialled != entry.number { throw .wrongKey(expected: dialled, fingerprint: words) }
        guard entry.isLive(at: configuration.now()) else { throw .expired(number: entry.number) }
        return entry
    }

    /// The other side has said in which life it is.
    func meet(_ life: ServerLife, by entry: NodeRosterEntry) throws(ChannelRefusal) {
        let pairing = pairing(of: entry)
        perform(try pairing.ledger.meet(life), pairing, why: .superseded)
    }

    /// This node's number is the lower one: it says whether the link becomes the channel.
    func decide(_ link: NodeLink, _ entry: NodeRosterEntry, _ memory: ChannelMemory) {
        lastSerial += 1
        let pairing = pairing(of: entry)
        perform(pairing.ledger.decide(link.id.raw, memory, next: lastSerial), pairing, why: .superseded)
    }

    /// The other node has decided.
    func follow(_ acceptance: ChannelAcceptance, on link: NodeLink, _ entry: NodeRosterEntry, in life: ServerLife) {
        let pairing = pairing(of: entry)
        perform(pairing.ledger.follow(acceptance, on: link.id.raw, in: life), pairing, why: .superseded)
    }

    // MARK: - Sessions

    private func perform(_ steps: [SessionLedger.Step], _ pairing: Pairing, why: ChannelEnd) {
        for step in steps {
            switch step {
            case .release(let id): links[ChannelID(raw: id)]?.end(.superseded)
            case .died: died(pairing, why)
            case .accept(let id, let acceptance): links[ChannelID(raw: id)]?.say(.acceptance(acceptance))
            case .freed(let bytes): freed(bytes, pairing)
            case .begun(let id): carry(pairing, by: ChannelID(raw: id), isNew: true)
            case .resumed(let id): carry(pairing, by: ChannelID(raw: id), isNew: false)
            case .refuse(let id, let refusal): links[ChannelID(raw: id)]?.end(.refused(refusal))
            }
        }
    }

    private func carry(_ pairing: Pairing, by id: ChannelID, isNew: Bool) {
        guard let link = links[id], case .agreed(let peer) = link.stage else { return }
        if link.dialled == nil { leaveHalfOpen() }
        pairing.death?.cancel()
        pairing.death = nil
        pairing.link = link
        pairing.peer = peer
        dials[peer.number]?.pause?.cancel()
        dials[peer.number]?.pause = nil
        dials[peer.number]?.lastWords = ""
        link.goUp(peer, pairing)
        guard isNew else {
            queues.count { $0.peers[peer.number, default: .init()].resumptions += 1 }
            logger.info("the session with node \(peer.number) '\(peer.name)' goes on, at \(link.place)")
            if pairing.isPaused { link.pause() }
            return write(pairing)
        }
        let channel = nextID()
        pairing.channel = channel
        sessions[channel] = pairing
        queues.open(channel)
        queues.count { $0.peers[peer.number, default: .init()].ups += 1 }
        history.change(of: peer.number)
        logger.info("node \(peer.number) '\(peer.name)' is up, in its life \(peer.incarnation), at \(link.place)")
        deliver(.up(channel, peer))
    }

    private func died(_ pairing: Pairing, _ reason: ChannelEnd) {
        pairing.cancelTimers()
        pairing.isPaused = false
        guard let channel = pairing.channel else { return }
        pairing.channel = nil
        sessions[channel] = nil
        queues.close(channel)
        history.change(of: pairing.number)
        logger.info("node \(pairing.number) '\(pairing.peer?.name ?? "")' is down: \(reason)")
        deliver(.down(channel, peer: pairing.number, reason))
    }

    private func freed(_ bytes: Int, _ pairing: Pairing) {
        guard bytes > 0, let channel = pairing.channel else { return }
        if queues.freed(bytes, of: channel) { deliver(.drained(channel)) }
    }

    /// The session waits for another link until its deadline.
    private func awaitLink(_ pairing: Pairing) {
        pairing.death?.cancel()
        pairing.death = nil
        perform(pairing.ledger.expire(at: NIODeadline.now().uptimeNanoseconds), pairing, why: pairing.lastEnd)
        guard let deadline = pairing.ledger.deadline else { return }
        pairing.death = loop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(deadline)) { self.awaitLink(pairing) }
    }

    func received(_ frame: [UInt8], for pairing: Pairing) {
        guard let channel = pairing.channel else { return }
        let isNew = pairing.ledger.receive(bytes: frame.count)
        queues.count { counters in
            if isNew {
                counters.peers[pairing.number, default: .init()].framesReceived += 1
                counters.peers[pairing.number, default: .init()].bytesReceived += UInt64(frame.count)
            } else {
                counters.peers[pairing.number, default: .init()].framesRepeated += 1
            }
        }
        if pairing.ledger.isAcknowledgementDue {
            acknowledge(pairing)
        } else if pairing.acknowledgement == nil {
            let pause = TimeAmount.milliseconds(configuration.limits.acknowledgementMilliseconds)
            pairing.acknowledgement = loop.assumeIsolated().scheduleTask(in: pause) {
                pairing.acknowledgement = nil
                self.acknowledge(pairing)
            }
        }
        if isNew { deliver(.frame(channel, frame)) }
    }

    private func acknowledge(_ pairing: Pairing) {
        guard let link = pairing.link, let count = pairing.ledger.takeAcknowledgement() else { return }
        link.say(.acknowledgement(count))
    }

    func acknowledged(_ count: UInt64, by pairing: Pairing) throws(ChannelRefusal) {
        freed(try pairing.ledger.acknowledge(count), pairing)
    }

    /// A link has ended, for whatever reason; it asks for nothing more.
    func ended(_ link: NodeLink, was stage: NodeLink.Stage, _ reason: ChannelEnd) {
        links[link.id] = nil
        let whom = link.entry.map { "node \($0.number) '\($0.name)' at \(link.place)" } ?? link.place
        if case .refused(let refusal) = reason {
            queues.count { counters in
                counters.refusals[refusal.kind, default: 0] += 1
                if case .protocolViolation(let what) = refusal { counters.violations["\(what)", default: 0] += 1 }
            }
            refusals.say(refusal, of: whom, now: .now())
            if link.entry == nil, link.dialled == nil {
                history.add(stranger: "\(link.channel.remoteAddress?.ipAddress ?? "?"): \(refusal)")
            }
        }
        if let number = link.entry?.number ?? link.dialled, Self.isTrouble(reason) {
            history.trouble(with: number, reason.kind, "\(reason)")
        }
        if case .up(let peer) = stage, let pairing = link.pairing {
            if dials[peer.number]?.link == link.id { dials[peer.number]?.link = nil }
            // A node that comes up only to end at once is dialled ever more rarely.
            if NIODeadline.now() - link.upSince >= .seconds(1) { dials[peer.number]?.attempts = 0 }
            lost(link, pairing, reason)
            dialLater(peer.number)
        } else if let number = link.dialled {
            dialFailed(number, link, reason)
        } else {
            // It counts until the connection is closed: a stranger may let that last.
            link.channel.closeFuture.assumeIsolated().whenComplete { _ in self.leaveHalfOpen() }
        }
    }

    /// The link carries nothing any more; whether it was the one that carried the session, the ledger knows.
    private func lost(_ link: NodeLink, _ pairing: Pairing, _ reason: ChannelEnd) {
        if pairing.link === link { pairing.link = nil }
        guard pairing.ledger.connection == link.id.raw else { return }
        guard !reason.isDeath else { return perform(pairing.ledger.end(releasing: false), pairing, why: reason) }
        let now = NIODeadline.now().uptimeNanoseconds
        let deadline = link.lastHeard + .milliseconds(configuration.limits.silenceMilliseconds)
        pairing.ledger.lost(link.id.raw, at: now, deadline: deadline.uptimeNanoseconds)
        pairing.lastEnd = reason
        awaitLink(pairing)
        if pairing.channel != nil { logger.info("the connection with node \(pairing.number) has ended, its session waits: \(reason)") }
    }

    /// Two connections at once are a matter of course, and so is an end in order.
    private static func isTrouble(_ reason: ChannelEnd) -> Bool {
        switch reason {
        case .refused(.duplicate), .refusedByPeer(.duplicate), .superseded, .stopped, .goodbye: false
        default: true
        }
    }

    /// Every node of the roster but this one, by number.
    func reports() -> [ChannelReport] {
        roster.entries.filter(isDialled).sorted { $0.number < $1.number }.map { entry in
            let pairing = pairings[entry.number]
            return history.report(entry, up: pairing?.channel == nil ? nil : pairing?.peer)
        }
    }

    var strangers: [String] { history.strangers }

    private func leaveHalfOpen() {
        halfOpen -= 1
        queues.count { $0.halfOpen -= 1 }
    }

    // MARK: - What the owner asks

    func begin(_ listener: any Channel) {
        self.listener = listener
        for entry in roster.entries { dialLater(entry.number) }
    }

    func replace(_ new: NodeRoster) {
        let old = roster
        roster = new
        for link in links.values {
            guard let known = link.entry else { continue }
            if let entry = new[number: known.number], entry.fingerprint == known.fingerprint, entry.isLive(at: configuration.now()) {
                link.renew(entry)
            } else {
                link.end(.refused(.notInRoster))
            }
        }
        // Sessions that wait for a link.
        for pairing in sessions.values {
            if let entry = new[number: pairing.number], entry.fingerprint == pairing.fingerprint, entry.isLive(at: configuration.now()) {
                continue
            }
            perform(pairing.ledger.end(releasing: true), pairing, why: .refused(.notInRoster))
        }
        for number in dials.keys where new[number: number] == nil {
            dials[number]?.pause?.cancel()
            if let link = dials[number]?.link { links[link]?.end(.refused(.notInRoster)) }
            dials[number] = nil
            history.forget(number)
            queues.count { $0.peers[number] = nil }
        }
        for entry in new.entries {
            if old[number: entry.number] != entry {
                dials[entry.number]?.attempts = 0
                dials[entry.number]?.pause?.cancel()
                dials[entry.number]?.pause = nil
            }
            dialLater(entry.number)
        }
    }

    func flush() {
        var touched: [UInt32: Pairing] = [:]
        for (channel, frame) in queues.take() {
            guard let pairing = sessions[channel] else { continue }
            pairing.ledger.keep(frame)
            touched[pairing.number] = pairing
        }
        for pairing in touched.values { write(pairing) }
    }

    /// What the session's link has not been given yet, with what is to be acknowledged in front of it.
    private func write(_ pairing: Pairing) {
        guard let link = pairing.link else { return }
        let frames = pairing.ledger.takeUnwritten()
        guard !frames.isEmpty else { return }
        queues.count { counters in
            counters.peers[pairing.number, default: .init()].framesSent += UInt64(frames.count)
            counters.peers[pairing.number, default: .init()].bytesSent += frames.reduce(0) { $0 + UInt64($1.count) }
        }
        link.write(frames, acknowledging: pairing.ledger.takeAcknowledgement())
    }

    func pause(_ channel: ChannelID) {
        sessions[channel]?.isPaused = true
        sessions[channel]?.link?.pause()
    }

    func resume(_ channel: ChannelID) {
        sessions[channel]?.isPaused = false
        sessions[channel]?.link?.resume()
    }

    func close(_ channel: ChannelID, _ refusal: ChannelRefusal) {
        guard let pairing = sessions[channel] else { return }
        if let link = pairing.link { return link.end(.refused(refusal)) }
        queues.count { $0.refusals[refusal.kind, default: 0] += 1 }
        perform(pairing.ledger.end(releasing: false), pairing, why: .refused(refusal))
    }

    func stop() {
        isStopped = true
        for dial in dials.values { dial.pause?.cancel() }
        dials = [:]
        listener?.close(promise: nil)
        for link in links.values { link.end(.stopped) }
        for pairing in sessions.values { perform(pairing.ledger.end(releasing: false), pairing, why: .stopped) }
    }

    // MARK: - Dialling

    private func isDialled(_ entry: NodeRosterEntry) -> Bool {
        entry.fingerprint != fingerprint && entry.number != configuration.node.number
    }

    /// After a pause that grows with every failure.
    private func dialLater(_ number: UInt32) {
        guard !isStopped, let entry = roster[number: number], isDialled(entry), pairings[number]?.link == nil else { return }
        let dial = dials[number, default: Dial()]
        guard dial.pause == nil, dial.link == nil else { return }
        let limits = configuration.limits
        var whole = min(limits.dialLastMilliseconds, limits.dialFirstMilliseconds << Int64(min(dial.attempts, 20)))
        // A session waits for it: at once the first time, and never rarely.
        if pairings[number]?.channel != nil { whole = dial.attempts == 0 ? 1 : min(whole, limits.dialAgainMilliseconds) }
        let half = UInt64(max(1, whole) * 1_000_000) / 2
        let pause = TimeAmount.nanoseconds(Int64(half + configuration.random() % (half + 1)))
        dials[number] = dial
        dials[number]?.pause = loop.assumeIsolated().scheduleTask(in: pause) {
            self.dials[number]?.pause = nil
            self.dial(number)
        }
    }

    func dialNow(_ number: UInt32) {
        guard !isStopped, pairings[number]?.link == nil, dials[number]?.link == nil else { return }
        dials[number]?.pause?.cancel()
        dials[number]?.pause = nil
        dial(number)
    }

    private func dial(_ number: UInt32) {
        guard !isStopped, pairings[number]?.link == nil, let entry = roster[number: number], isDialled(entry) else { return }
        guard entry.isLive(at: configuration.now()) else {
            history.trouble(with: number, "\(ChannelRefusal.Kind.expired)", "\(ChannelRefusal.expired(number: number))")
            dials[number, default: Dial()].attempts += 1
            return dialLater(number)
        }
        dials[number, default: Dial()].attempts += 1
        let id = nextID()
        dials[number]?.link = id
        queues.count { $0.dials += 1 }
        let board = NIOLoopBound(self, eventLoop: loop)
        ClientBootstrap(group: loop)
            .connectTimeout(.milliseconds(configuration.limits.helloMilliseconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try board.value.join(channel, id, dialled: number, place: entry.address) }
            }
            .connect(host: entry.host, port: Int(entry.port))
            .whenFailure { error in board.value.unreached(id, number, error) }
    }

    /// The connection was not made.
    private func unreached(_ id: ChannelID, _ number: UInt32, _ error: any Error) {
        let words = NodeLink.words(error)
        if Self.saysThatNobodyListens(error), let pairing = pairings[number], case .lost = pairing.lastEnd {
            pairing.ledger.hasten(to: UInt64(configuration.limits.unattendedMilliseconds) * 1_000_000)
            awaitLink(pairing)
        }
        defer { history.trouble(with: number, "unreachable", words) }
        if let link = links[id] { return link.end(.lost(words)) }
        guard dials[number]?.link == id else { return }
        failed(number, words)
    }

    /// The machine is there and answers for itself: the process that listened is not.
    private static func saysThatNobodyListens(_ error: any Error) -> Bool {
        switch error {
        case let error as NIOConnectionError:
            !error.connectionErrors.isEmpty && error.connectionErrors.allSatisfy { saysThatNobodyListens($0.error) }
        case let error as IOError: Errno(rawValue: error.errnoCode) == .connectionRefused
        default: false
        }
    }

    private func dialFailed(_ number: UInt32, _ link: NodeLink, _ reason: ChannelEnd) {
        guard dials[number]?.link == link.id else { return }
        if reason == .refusedByPeer(.duplicate) || reason == .refused(.duplicate) {
            // A channel is there, or on its way.
            dials[number]?.link = nil
            return dialLater(number)
        }
        failed(number, "\(reason)")
    }

    private func failed(_ number: UInt32, _ words: String) {
        dials[number]?.link = nil
        guard !isStopped else { return }
        queues.count { $0.dialsFailed += 1 }
        if pairings[number]?.channel == nil {
            if dials[number]?.lastWords != words {
                dials[number]?.lastWords = words
                logger.notice("node \(number) cannot be reached: \(words)")
            }
            deliver(.unreachable(peer: number))
        }
        dialLater(number)
    }

    // MARK: - Being called

    /// Whether somebody who calls from here is listened to at all.
    func admit(_ channel: any Channel) throws {
        queues.count { $0.accepted += 1 }
        let refusal: ChannelRefusal?
        if isStopped || halfOpen >= configuration.limits.halfOpenMax {
            refusal = .tooManyConnections
        } else if !addresses.admit(channel.remoteAddress?.ipAddress ?? "", now: .now()) {
            refusal = .addressTooFast
        } else {
            refusal = nil
        }
        let place = channel.remoteAddress.map { "\($0.ipAddress ?? "?"):\($0.port ?? 0)" } ?? "?"
        if let refusal {
            queues.count { $0.refusals[refusal.kind, default: 0] += 1 }
            refusals.say(refusal, of: place, now: .now())
            throw refusal
        }
        halfOpen += 1
        queues.count { $0.halfOpen += 1 }
        do {
            try join(channel, nextID(), dialled: nil, place: place)
        } catch {
            leaveHalfOpen()
            throw error
        }
    }

    private func nextID() -> ChannelID {
        lastID += 1
        return ChannelID(raw: lastID)
    }

    private func join(_ channel: any Channel, _ id: ChannelID, dialled: UInt32?, place: String) throws {
        let link = NodeLink(id, dialled: dialled, channel: channel, place: place, board: self)
        let handler = try tls.handler(dialling: dialled != nil) { link.judge($0) }
        try channel.pipeline.syncOperations.addHandlers([handler, link])
        links[id] = link
    }
}
