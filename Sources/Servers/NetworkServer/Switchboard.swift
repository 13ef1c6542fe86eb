import Logging
import MasixKernel
import MasixNetwork
import NIOCore
import NIOPosix
import NIOSSL

/// All links of a node: who is up, who is being dialled, who is kept out. Lives on the event loop.
///
/// Both nodes of a pair dial, and of each pair the one with the lower number decides which connection becomes the channel: the first that
/// gets as far as the hellos. So both have the same one, whatever crosses on the way. The other node's hello says which channel has ended
/// for it last: one that still looks alive here is then given up for the new connection.
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
    /// The channels, by the number of the peer.
    private var up: [UInt32: NodeLink] = [:]
    private var dials: [UInt32: Dial] = [:]
    /// The latest life of each node that has been heard.
    private var lives: [UInt32: UInt32] = [:]
    /// The serial of the latest channel that has ended, for hellos.
    private var endings: [UInt32: UInt64] = [:]
    private var history = PeerHistory()
    private var lastID: UInt64 = 0
    private var lastSerial: UInt64
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
        lastSerial = UInt64(configuration.node.incarnation) << 32
    }

    // MARK: - What links ask

    func decides(over peer: UInt32) -> Bool { configuration.node.number < peer }

    func hello(for peer: UInt32) -> ChannelHello {
        ChannelHello(
            versions: configuration.versions, node: configuration.node, name: configuration.name, software: configuration.software,
            ended: endings[peer] ?? 0)
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

    func checkLife(of peer: ChannelPeer) throws(ChannelRefusal) {
        if let latest = lives[peer.number], peer.incarnation < latest { throw .staleIncarnation(peer.incarnation, latest: latest) }
        lives[peer.number] = peer.incarnation
    }

    /// This node's number is the lower one: it says whether the link becomes the channel.
    func decide(_ link: NodeLink, _ peer: ChannelPeer, ended: UInt64) throws(ChannelRefusal) {
        if let current = up[peer.number], case .up(let known) = current.stage {
            guard peer.incarnation > known.incarnation || ended >= current.serial else { throw .duplicate }
            current.end(.superseded)
        }
        lastSerial += 1
        link.say(.acceptance(serial: lastSerial))
        comeUp(link, peer, serial: lastSerial)
    }

    /// The other node has decided.
    func accepted(_ link: NodeLink, _ peer: ChannelPeer, serial: UInt64) {
        up[peer.number]?.end(.superseded)
        comeUp(link, peer, serial: serial)
    }

    private func comeUp(_ link: NodeLink, _ peer: ChannelPeer, serial: UInt64) {
        if link.dialled == nil { leaveHalfOpen() }
        up[peer.number] = link
        queues.open(link.id)
        queues.count { $0.peers[peer.number, default: .init()].ups += 1 }
        dials[peer.number]?.pause?.cancel()
        dials[peer.number]?.pause = nil
        dials[peer.number]?.lastWords = ""
        history.change(of: peer.number)
        link.goUp(peer, serial: serial)
        logger.info("node \(peer.number) '\(peer.name)' is up, in its life \(peer.incarnation), at \(link.place)")
        deliver(.up(link.id, peer))
    }

    func received(_ frame: [UInt8], on link: NodeLink) {
        guard case .up(let peer) = link.stage else { return }
        queues.count { counters in
            counters.peers[peer.number, default: .init()].framesReceived += 1
            counters.peers[peer.number, default: .init()].bytesReceived += UInt64(frame.count)
        }
        deliver(.frame(link.id, frame))
    }

    func written(_ bytes: Int, by link: NodeLink) {
        if queues.written(bytes, to: link.id), link.isUp { deliver(.drained(link.id)) }
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
        if case .up(let peer) = stage {
            queues.close(link.id)
            if up[peer.number] === link { up[peer.number] = nil }
            endings[peer.number] = max(endings[peer.number] ?? 0, link.serial)
            history.change(of: peer.number)
            logger.info("node \(peer.number) '\(peer.name)' is down: \(reason)")
            deliver(.down(link.id, peer: peer.number, reason))
            if dials[peer.number]?.link == link.id { dials[peer.number]?.link = nil }
            // A node that comes up only to end at once is dialled ever more rarely.
            if NIODeadline.now() - link.upSince >= .seconds(1) { dials[peer.number]?.attempts = 0 }
            dialLater(peer.number)
        } else if let number = link.dialled {
            dialFailed(number, link, reason)
        } else {
            // It counts until the connection is closed: a stranger may let that last.
            link.channel.closeFuture.assumeIsolated().whenComplete { _ in self.leaveHalfOpen() }
        }
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
            if let link = up[entry.number], case .up(let peer) = link.stage { return history.report(entry, up: peer) }
            return history.report(entry, up: nil)
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
        for number in dials.keys where new[number: number] == nil {
            dials[number]?.pause?.cancel()
            if let link = dials[number]?.link { links[link]?.end(.refused(.notInRoster)) }
            dials[number] = nil
            lives[number] = nil
            endings[number] = nil
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
        var batches: [ChannelID: [[UInt8]]] = [:]
        for (channel, frame) in queues.take() { batches[channel, default: []].append(frame) }
        for (channel, frames) in batches {
            guard let link = links[channel], case .up(let peer) = link.stage else { continue }
            queues.count { counters in
                counters.peers[peer.number, default: .init()].framesSent += UInt64(frames.count)
                counters.peers[peer.number, default: .init()].bytesSent += frames.reduce(0) { $0 + UInt64($1.count) }
            }
            link.write(frames)
        }
    }

    func pause(_ channel: ChannelID) { links[channel]?.pause() }

    func resume(_ channel: ChannelID) { links[channel]?.resume() }

    func close(_ channel: ChannelID, _ refusal: ChannelRefusal) { links[channel]?.end(.refused(refusal)) }

    func stop() {
        isStopped = true
        for dial in dials.values { dial.pause?.cancel() }
        dials = [:]
        listener?.close(promise: nil)
        for link in links.values { link.end(.stopped) }
    }

    // MARK: - Dialling

    private func isDialled(_ entry: NodeRosterEntry) -> Bool {
        entry.fingerprint != fingerprint && entry.number != configuration.node.number
    }

    /// After a pause that grows with every failure.
    private func dialLater(_ number: UInt32) {
        guard !isStopped, let entry = roster[number: number], isDialled(entry), up[number] == nil else { return }
        let dial = dials[number, default: Dial()]
        guard dial.pause == nil, dial.link == nil else { return }
        let limits = configuration.limits
        let whole = min(limits.dialLastMilliseconds, limits.dialFirstMilliseconds << Int64(min(dial.attempts, 20)))
        let half = UInt64(max(1, whole) * 1_000_000) / 2
        let pause = TimeAmount.nanoseconds(Int64(half + configuration.random() % (half + 1)))
        dials[number] = dial
        dials[number]?.pause = loop.assumeIsolated().scheduleTask(in: pause) {
            self.dials[number]?.pause = nil
            self.dial(number)
        }
    }

    func dialNow(_ number: UInt32) {
        guard !isStopped, up[number] == nil, dials[number]?.link == nil else { return }
        dials[number]?.pause?.cancel()
        dials[number]?.pause = nil
        dial(number)
    }

    private func dial(_ number: UInt32) {
        guard !isStopped, up[number] == nil, let entry = roster[number: number], isDialled(entry) else { return }
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
            .whenFailure { error in board.value.unreached(id, number, NodeLink.words(error)) }
    }

    /// The connection was not made.
    private func unreached(_ id: ChannelID, _ number: UInt32, _ words: String) {
        defer { history.trouble(with: number, "unreachable", words) }
        if let link = links[id] { return link.end(.lost(words)) }
        guard dials[number]?.link == id else { return }
        failed(number, words)
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
        if up[number] == nil {
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
