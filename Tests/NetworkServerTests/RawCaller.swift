import MasixNetwork
import MasixWire
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

@testable import MasixNetworkServer

/// Somebody who calls a node and says what he likes: plain TCP, or TLS as he likes it.
final class RawCaller: Sendable {
    private let channel: any Channel
    private let log = Log()

    final class Log: Sendable {
        let bytes = Mutex<[UInt8]>([])
        let errors = Mutex<[String]>([])
    }

    private final class Listener: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let log: Log

        init(_ log: Log) { self.log = log }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            log.bytes.withLock { $0 += Array(buffer.readableBytesView) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            log.errors.withLock { $0.append("\(error)") }
            context.close(promise: nil)
        }
    }

    /// `key` nil is TCP alone.
    init(_ port: UInt16, key: NodeKey?, host: String = "127.0.0.1", change: @Sendable (inout TLSConfiguration) -> Void = { _ in }) throws {
        var context: NIOSSLContext?
        if let key {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.certificateChain = [.certificate(try key.certificate())]
            configuration.privateKey = .privateKey(try key.privateKey())
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates([])
            configuration.applicationProtocols = ["masix/1"]
            configuration.signingSignatureAlgorithms = [.ed25519]
            configuration.verifySignatureAlgorithms = [.ed25519]
            change(&configuration)
            context = try NIOSSLContext(configuration: configuration)
        }
        let (log, tls) = (self.log, context)
        channel = try ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: nil) { _, promise in promise.succeed(.certificateVerified) })
                    }
                    try channel.pipeline.syncOperations.addHandler(Listener(log))
                }
            }
            .connect(host: host, port: Int(port)).wait()
    }

    deinit { close() }

    func close() { channel.close(promise: nil) }

    func send(_ bytes: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil) }

    func say(_ control: ChannelControl) { send(Self.control(control.wireBytes)) }

    static func control(_ bytes: [UInt8]) -> [UInt8] { word(UInt32(bytes.count) | ChannelControl.lengthBit) + bytes }

    static func frame(_ bytes: [UInt8]) -> [UInt8] { word(UInt32(bytes.count)) + bytes }

    static func word(_ value: UInt32) -> [UInt8] {
        var writer = WireWriter()
        writer.write(value)
        return writer.bytes
    }

    var isClosed: Bool { !channel.isActive }

    var received: [UInt8] { log.bytes.withLock { $0 } }

    /// Every control frame that has come.
    var heard: [ChannelControl] {
        var reader = WireReader(received)
        var heard: [ChannelControl] = []
        while let word = try? reader.read(UInt32.self), let bytes = try? reader.readRaw(count: Int(word & ~ChannelControl.lengthBit)) {
            if word & ChannelControl.lengthBit != 0, let control = try? ChannelControl(wireBytes: bytes) { heard.append(control) }
        }
        return heard
    }
}
