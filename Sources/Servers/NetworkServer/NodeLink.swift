import MasixKernel
import MasixNetwork
import MasixWire
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import SystemPackage

/// One connection with somebody, from its first byte: TLS, hello, frames. Lives on the event loop.
final class NodeLink: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Stage {
        /// TLS speaks.
        case handshaking
        /// Our hello is out, the other side's is awaited.
        case greeting
        /// The other side decides.
        case agreed(ChannelPeer)
        case up(ChannelPeer)
        case ended
    }

    let id: ChannelID
    /// The node that we have dialled; nil if somebody called us.
    let dialled: UInt32?
    let channel: any Channel
    /// For people: where the other side is.
    let place: String
    private let board: Switchboard
    private let limits: NodeChannelsLimits

    private(set) var stage = Stage.handshaking
    /// Whose key it is: set by the judgement on the certificate.
    private(set) var entry: NodeRosterEntry?
    /// What the judgement found, for when TLS says that it failed.
    private var verdict: ChannelRefusal?
    /// The other side's, as its hello says.
    private var life: ServerLife?
    /// Whose session it carries, once it is up.
    private(set) var pairing: Pairing?
    /// Given to the channel and not yet taken by the socket.
    private var unwritten = 0

    private(set) var upSince = NIODeadline.now()

    private var inbound = ByteBuffer()
    private var isPaused = false
    private var isParsing = false
    private var lastRead = NIODeadline.now()
    private var lastWrite = NIODeadline.now()
    private var timer: Scheduled<Void>?

    init(_ id: ChannelID, dialled: UInt32?, channel: any Channel, place: String, board: Switchboard) {
        self.id = id
        self.dialled = dialled
        self.channel = channel
        self.place = place
        self.board = board
        limits = board.configuration.limits
        timer = channel.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(limits.helloMilliseconds)) {
            self.end(.refused(.timedOut))
        }
    }

    var isUp: Bool { if case .up = stage { true } else { false } }

    var hasEnded: Bool { if case .ended = stage { true } else { false } }

    // MARK: - TLS

    /// Exactly one certificate, of the node that was dialled, or of any that counts.
    func judge(_ certificates: [NIOSSLCertificate]) -> Bool {
        do throws(ChannelRefusal) {
            guard certificates.count == 1, let certificate = certificates.first else { throw .certificateCount(certificates.count) }
            let fingerprint: [UInt8]
            do { fingerprint = try NodeKey.fingerprint(of: certificate) } catch { throw .unreadableCertificate }
            entry = try board.entry(of: fingerprint, dialled: dialled)
            return true
        } catch {
            verdict = error
            return false
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let agreed)? = event as? TLSUserEvent { greet(agreed) }
        context.fireUserInboundEventTriggered(event)
    }

    private func greet(_ applicationProtocol: String?) {
        guard case .handshaking = stage else { return }
        guard applicationProtocol == NodeTLS.applicationProtocol else { return end(.refused(.applicationProtocol)) }
        // No judgement, no entry: that would be a resumed session, which nobody offers.
        guard let entry else { return end(.refused(.certificateCount(0))) }
        board.queues.count { $0.handshakes += 1 }
        stage = .greeting
        say(.hello(board.hello(for: entry)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let verdict {
            end(.refused(verdict))
        } else if case .handshaking = stage, case NIOSSLError.handshakeFailed(let failure) = error, failure != Self.cut {
            end(.refused(.handshake(Self.words(error))))
        } else {
            finishReading()
            end(.lost(Self.words(error)))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        finishReading()
        end(.lost("it was closed"))
        context.fireChannelInactive()
    }

    /// The connection ended before TLS had come to an end.
    private static let cut = BoringSSLError.sslError([.eofDuringHandshake])

    static let refusedOurKey = "it does not believe this node's key: its roster needs the line that `masix node line` prints here"

    static func words(_ error: any Error) -> String {
        switch error {
        case NIOSSLError.uncleanShutdown, NIOSSLError.handshakeFailed(cut): "it was cut"
        case NIOSSLError.handshakeFailed(.sslError(let stack)), BoringSSLError.sslError(let stack):
            // What TLS 1.3 says of a certificate comes after our side of the handshake.
            "\(stack)".contains("ALERT_CERTIFICATE") ? refusedOurKey : "\(stack)"
        case let error as NIOConnectionError: error.connectionErrors.last.map { words($0.error) } ?? "nobody answers at \(error.host)"
        case let error as IOError: Errno(rawValue: error.errnoCode).description
        case ChannelError.connectTimeout: "no connection in time"
        default: "\(error)"
        }
    }

    // MARK: - Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasEnded else { return }
        lastRead = .now()
        var buffer = unwrapInboundIn(data)
        if inbound.readableBytes == 0 { inbound = buffer } else { inbound.writeBuffer(&buffer) }
        parse()
    }

    func pause() {
        guard isUp, !isPaused else { return }
        isPaused = true
        setAutoRead(false)
    }

    func resume() {
        guard isUp, isPaused else { return }
        isPaused = false
        // What happened meanwhile has not been looked at.
        lastRead = .now()
        arm()
        parse()
        if isUp, !isPaused { setAutoRead(true) }
    }

    private func setAutoRead(_ isOn: Bool) {
        do {
            try channel.syncOptions?.setOption(.autoRead, value: isOn)
        } catch {
            // Only a closed channel refuses, and it reads no more.
            end(.lost(Self.words(error)))
        }
    }

    /// The connection is over: what has come comes before its end. What is held back does not: it was not received, and comes again if the
    /// session goes on.
    private func finishReading() {
        if !isPaused { parse() }
    }

    private func parse() {
        // What is told in here may lead back here.
        guard !isParsing else { return }
        isParsing = true
        defer { isParsing = false }
        while !isPaused, !hasEnded {
            do throws(ChannelRefusal) {
                guard try parseOne() else { break }
            } catch {
                end(.refused(error))
            }
        }
        if inbound.readableBytes == 0 { inbound = ByteBuffer() } else { inbound.discardReadBytes() }
    }

    /// False if the next one is not there as a whole.
    private func parseOne() throws(ChannelRefusal) -> Bool {
        guard let word = inbound.getInteger(at: inbound.readerIndex, endianness: .little, as: UInt32.self) else { return false }
        let isControl = word & ChannelControl.lengthBit != 0
        let length = word & ~ChannelControl.lengthBit
        let limit = UInt32(isControl ? ChannelControl.bytesMax : limits.frameBytesMax)
        guard length <= limit else { throw .tooLarge(length: length, limit: limit) }
        guard length > 0 else { throw .emptyFrame }
        guard isControl || isUp else { throw .frameBeforeHello }
        guard inbound.readableBytes >= 4 + Int(length) else { return false }
        inbound.moveReaderIndex(forwardBy: 4)
        guard let bytes = inbound.readBytes(length: Int(length)) else { return false }
        if isControl {
            take(try ChannelControl.read(bytes))
        } else {
            if let pairing { board.received(bytes, for: pairing) }
        }
        return true
    }

    private func take(_ control: ChannelControl) {
        switch (control, stage) {
        case (.goodbye, .greeting), (.goodbye, .agreed), (.goodbye, .up): end(.goodbye)
        case (.refusal(let raw), _):
            if let kind = ChannelRefusal.Kind(rawValue: raw) { end(.refusedByPeer(kind)) } else { end(.refused(.malformedControl)) }
        case (.hello(let hello), .greeting): welcome(hello)
        case (.hello, _): end(.refused(.secondHello))
        case (.acceptance(let acceptance), .agreed(let peer)) where !board.decides(over: peer.number):
            if let entry, let life { board.follow(acceptance, on: self, entry, in: life) }
        case (.acceptance, _): end(.refused(.unexpectedAcceptance))
        case (.ping, .greeting): end(.refused(.frameBeforeHello))
        case (.ping, _): break
        case (.acknowledgement(let count), .up):
            guard let pairing else { break }
            do throws(ChannelRefusal) { try board.acknowledged(count, by: pairing) } catch { end(.refused(error)) }
        case (.acknowledgement, _): end(.refused(.frameBeforeHello))
        case (.goodbye, _): end(.refused(.frameBeforeHello))
        }
    }

    private func welcome(_ hello: ChannelHello) {
        guard let entry else { return end(.refused(.certificateCount(0))) }
        do throws(ChannelRefusal) {
            let version = try board.hello(for: entry).agree(with: hello, of: entry)
            let peer = ChannelPeer(
                number: entry.number, incarnation: hello.node.incarnation, name: entry.name, version: version, software: hello.software,
                order: hello.order)
            try board.meet(hello.life, by: entry)
            life = hello.life
            stage = .agreed(peer)
            if board.decides(over: entry.number) { board.decide(self, entry, hello.memory) }
        } catch {
            end(.refused(error))
        }
    }

    // MARK: - Writing

    func say(_ control: ChannelControl) {
        let bytes = control.wireBytes
        var buffer = channel.allocator.buffer(capacity: 4 + bytes.count)
        buffer.writeInteger(UInt32(bytes.count) | ChannelControl.lengthBit, endianness: .little)
        buffer.writeBytes(bytes)
        lastWrite = .now()
        channel.writeAndFlush(buffer, promise: nil)
    }

    /// The frames of one turn of the loop, and in front of them how many have come.
    func write(_ frames: [[UInt8]], acknowledging count: UInt64?) {
        guard isUp else { return }
        lastWrite = .now()
        // A batch ends with the frame that makes it one: it never outgrows this.
        let sizes = frames.map { $0.count + 4 }
        let capacity = min(sizes.reduce(0, +), Self.batchBytes + (sizes.max() ?? 0))
        var buffer = channel.allocator.buffer(capacity: capacity + ChannelControl.bytesMax)
        if let count {
            let bytes = ChannelControl.acknowledgement(count).wireBytes
            buffer.writeInteger(UInt32(bytes.count) | ChannelControl.lengthBit, endianness: .little)
            buffer.writeBytes(bytes)
        }
        for frame in frames {
            buffer.writeInteger(UInt32(frame.count), endianness: .little)
            buffer.writeBytes(frame)
            if buffer.readableBytes >= Self.batchBytes {
                write(buffer)
                buffer = channel.allocator.buffer(capacity: capacity)
            }
        }
        if buffer.readableBytes > 0 { write(buffer) }
        channel.flush()
    }

    private static let batchBytes = 64 << 10

    private func write(_ buffer: ByteBuffer) {
        let count = buffer.readableBytes
        unwritten += count
        let promise = channel.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { self.unwritten -= count }
        channel.write(buffer, promise: promise)
    }

    // MARK: - Life

    /// When something has been heard last; while nothing is read, that is not known to be long ago.
    var lastHeard: NIODeadline { isPaused ? .now() : lastRead }

    /// It carries the pairing's session from now on.
    func goUp(_ peer: ChannelPeer, _ pairing: Pairing) {
        stage = .up(peer)
        self.pairing = pairing
        upSince = .now()
        lastRead = upSince
        arm()
    }

    /// A connection that is silent for so long is given up for another one.
    private var stall: TimeAmount { .milliseconds(min(limits.stallMilliseconds, limits.silenceMilliseconds)) }

    /// Sleeps until something must be said, or should have been heard.
    private func arm() {
        timer?.cancel()
        var next = lastWrite + .milliseconds(limits.pingMilliseconds)
        if !isPaused { next = min(next, lastRead + stall) }
        timer = channel.eventLoop.assumeIsolated().scheduleTask(deadline: next) { self.look() }
    }

    private func look() {
        guard isUp else { return }
        let now = NIODeadline.now()
        if !isPaused, now >= lastRead + stall { return end(.silent) }
        if let entry, !entry.isLive(at: board.configuration.now()) { return end(.refused(.expired(number: entry.number))) }
        if now >= lastWrite + .milliseconds(limits.pingMilliseconds) {
            // Unsent bytes say as much as a ping would.
            if unwritten == 0 { say(.ping) } else { lastWrite = now }
        }
        arm()
    }

    /// The roster says something new of the same node with the same key.
    func renew(_ entry: NodeRosterEntry) { self.entry = entry }

    /// Once; whatever comes afterwards is not looked at.
    func end(_ reason: ChannelEnd) {
        let before = stage
        if case .ended = before { return }
        stage = .ended
        timer?.cancel()
        timer = nil
        inbound = ByteBuffer()
        switch reason {
        case .stopped: sayLast(.goodbye, before)
        case .refused(let refusal) where refusal.kind.isTold: sayLast(.refusal(refusal.kind.rawValue), before)
        case .refused:
            // The session dies with it, and is to die on the other side too.
            if case .up = before { sayLast(.refusal(ChannelRefusal.Kind.deadSession.rawValue), before) }
        default: break
        }
        if isPaused {
            // TLS waits for the other side's end.
            isPaused = false
            channel.setOption(.autoRead, value: true).whenFailure { _ in }
        }
        channel.close(promise: nil)
        board.ended(self, was: before, reason)
    }

    /// A stranger is told nothing.
    private func sayLast(_ control: ChannelControl, _ before: Stage) {
        if case .handshaking = before { return }
        say(control)
    }
}
