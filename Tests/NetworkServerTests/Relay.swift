import NIOCore
import NIOPosix
import Synchronization

/// Stands between two nodes on the wire: writes down every byte, and can fall silent or cut.
final class Relay: Sendable {
    private struct State {
        var bytes: (toTarget: [UInt8], toCaller: [UInt8]) = ([], [])
        var isSilent = false
        var channels: [any Channel] = []
    }

    private let state = Mutex(State())
    private let listener = Mutex<(any Channel)?>(nil)

    private final class Pipe: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let relay: Relay
        private let isCaller: Bool
        private let other: any Channel

        init(_ relay: Relay, isCaller: Bool, to other: any Channel) {
            self.relay = relay
            self.isCaller = isCaller
            self.other = other
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            let passes = relay.state.withLock { state in
                if isCaller {
                    state.bytes.toTarget += Array(buffer.readableBytesView)
                } else {
                    state.bytes.toCaller += Array(buffer.readableBytesView)
                }
                return !state.isSilent
            }
            if passes { other.writeAndFlush(buffer, promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    init(to host: String, port: UInt16) throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let bound = try ServerBootstrap(group: group)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { [weak self] caller in
                guard let self else { return caller.close() }
                return ClientBootstrap(group: caller.eventLoop)
                    .channelInitializer { target in
                        target.eventLoop.makeCompletedFuture {
                            try target.pipeline.syncOperations.addHandler(Pipe(self, isCaller: false, to: caller))
                        }
                    }
                    .connect(host: host, port: Int(port))
                    .flatMapThrowing { target in
                        self.state.withLock { $0.channels += [caller, target] }
                        try caller.pipeline.syncOperations.addHandler(Pipe(self, isCaller: true, to: target))
                    }
                    .flatMap { caller.setOption(.autoRead, value: true) }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        listener.withLock { $0 = bound }
    }

    deinit { stop() }

    func stop() {
        listener.withLock { $0 }?.close(promise: nil)
        cut()
    }

    var port: UInt16 { listener.withLock { $0 }?.localAddress?.port.flatMap { UInt16(exactly: $0) } ?? 0 }

    /// From now on nothing passes, and nobody is told.
    func fallSilent() { state.withLock { $0.isSilent = true } }

    func cut() { for channel in state.withLock({ $0.channels }) { channel.close(promise: nil) } }

    var toTarget: [UInt8] { state.withLock { $0.bytes.toTarget } }
    var toCaller: [UInt8] { state.withLock { $0.bytes.toCaller } }
}
