public import MasixNetwork
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Calls a node as its peer would, with this node's key, listens to its hello, and hangs up without one of its own: nothing comes of it
/// there but a line in its log.
public enum NodeProbe {
    public enum Outcome: Hashable, Sendable {
        /// It has judged our key and greets us.
        case greeted(ChannelHello)
        /// Nothing listens there, or there is no way, in Linux's words.
        case unreachable(String)
        /// No connection in time: what we send is dropped on its way, or nobody takes it.
        case timedOut
        /// There is a connection, and nobody says anything on it.
        case silent
        /// The key of whoever answers is not that of the entry.
        case wrongKey(fingerprint: String)
        /// It has seen our key and does not believe it.
        case refusedOurKey
        /// It has the right key, and ended the connection without a word.
        case cut(String)
        /// TLS came to no agreement, or something else speaks there.
        case noAgreement(String)
    }

    /// Waits at most so long for a connection, and as long again for words. Not to be called on an event loop.
    public static func call(_ entry: NodeRosterEntry, key: NodeKey, milliseconds: Int64 = 3_000) throws -> Outcome {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let tls = try NodeTLS(key)
        let loop = group.next()
        let outcome = loop.makePromise(of: Outcome.self)
        let expected = entry.fingerprint
        ClientBootstrap(group: loop)
            .connectTimeout(.milliseconds(milliseconds))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let listener = ProbeListener(outcome, expected: expected)
                    let handler = try tls.handler(dialling: true) { listener.judge($0) }
                    try channel.pipeline.syncOperations.addHandlers([handler, listener])
                }
            }
            .connect(host: entry.host, port: Int(entry.port))
            .whenComplete { result in
                switch result {
                case .success: loop.scheduleTask(in: .milliseconds(milliseconds)) { outcome.succeed(.silent) }
                case .failure(let error): outcome.succeed(isTimeout(error) ? .timedOut : .unreachable(words(of: error)))
                }
            }
        return try outcome.futureResult.wait()
    }

    private static func isTimeout(_ error: any Error) -> Bool {
        if case ChannelError.connectTimeout = error { return true }
        guard let failure = error as? NIOConnectionError, !failure.connectionErrors.isEmpty else { return false }
        return failure.connectionErrors.allSatisfy { isTimeout($0.error) }
    }

    private static func words(of error: any Error) -> String {
        guard let failure = error as? NIOConnectionError else { return NodeLink.words(error) }
        if failure.connectionErrors.isEmpty { return "the name '\(failure.host)' has no address" }
        return failure.connectionErrors.map { NodeLink.words($0.error) }.joined(separator: "; ")
    }
}

/// Listens until the first control frame, or the end. On the event loop.
private final class ProbeListener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let outcome: EventLoopPromise<NodeProbe.Outcome>
    private let expected: [UInt8]
    private var inbound = ByteBuffer()
    /// Whose key it has shown, once that was the right one.
    private var isTheRightKey = false
    private var isSaid = false

    init(_ outcome: EventLoopPromise<NodeProbe.Outcome>, expected: [UInt8]) {
        self.outcome = outcome
        self.expected = expected
    }

    func judge(_ certificates: [NIOSSLCertificate]) -> Bool {
        guard let certificate = certificates.first, let fingerprint = try? NodeKey.fingerprint(of: certificate) else { return false }
        guard fingerprint == expected else {
            say(.wrongKey(fingerprint: NodeRosterEntry.text(ofFingerprint: fingerprint)))
            return false
        }
        isTheRightKey = true
        return true
    }

    private func say(_ words: NodeProbe.Outcome) {
        guard !isSaid else { return }
        isSaid = true
        outcome.succeed(words)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        inbound.writeBuffer(&buffer)
        guard let word = inbound.getInteger(at: inbound.readerIndex, endianness: .little, as: UInt32.self) else { return }
        let length = Int(word & ~ChannelControl.lengthBit)
        guard length <= ChannelControl.bytesMax else {
            say(.noAgreement("what comes is no hello"))
            return context.close(promise: nil)
        }
        guard let bytes = inbound.getBytes(at: inbound.readerIndex + 4, length: length) else { return }
        if case .hello(let hello)? = try? ChannelControl.read(bytes) {
            say(.greeted(hello))
        } else {
            say(.noAgreement("what comes is no hello"))
        }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The judgement on our key comes after TLS has come to its end here.
        let words = NodeLink.words(error)
        say(!isTheRightKey ? .noAgreement(words) : words == NodeLink.refusedOurKey ? .refusedOurKey : .cut(words))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        say(isTheRightKey ? .cut("it was closed") : .noAgreement("it was closed"))
        context.fireChannelInactive()
    }
}
