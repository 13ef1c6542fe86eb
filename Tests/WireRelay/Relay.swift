import NIOCore
import NIOPosix
import Synchronization

/// Stands between two nodes on the wire: writes down every byte, and can fall silent or cut.
public final class Relay: Sendable {
    private struct State {
        var bytes: (toTarget: [UInt8], toCaller: [UInt8]) = ([], [])
        var isSilent = false
        var channels: [any Channel] = []
        var carried = 0
        /// Cuts when so many bytes have been carried, in the middle of what comes then.
        var cutAt = Int.max
        var cuts = 0
    }

    private let state = Mutex(State())
    private let records: Bool
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
            var buffer = unwrapInboundIn(data)
            let (passes, isCut) = relay.state.withLock { state in
                if relay.records, isCaller {
                    state.bytes.toTarget += Array(buffer.readableBytesView)
                } else if relay.records {
                    state.bytes.toCaller += Array(buffer.readableBytesView)
                }
                let left = state.cutAt - state.carried
                state.carried += buffer.readableBytes
                guard left <= buffer.readableBytes else { return (!state.isSilent, false) }
                state.cutAt = .max
                state.cuts += 1
                if let start = buffer.readSlice(length: max(0, left)) { buffer = start }
                return (!state.isSilent, true)
            }
            if passes { other.writeAndFlush(buffer, promise: nil) }
            if isCut { relay.cut() }
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    /// From a port of 127.0.0.1, which is free, to that place. `records`: keeps every byte.
    public init(to host: String, port: UInt16, records: Bool = true) throws {
        self.records = records
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

    public func stop() {
        listener.withLock { $0 }?.close(promise: nil)
        cut()
    }

    public var port: UInt16 { listener.withLock { $0 }?.localAddress?.port.flatMap { UInt16(exactly: $0) } ?? 0 }

    /// From now on nothing passes, and nobody is told.
    public func fallSilent() { state.withLock { $0.isSilent = true } }

    /// Ends all connections, without a word of TLS; new ones may be made.
    public func cut() {
        let channels = state.withLock { state in
            defer { state.channels = [] }
            return state.channels
        }
        for channel in channels { channel.close(promise: nil) }
    }

    /// Cuts in the middle of what is carried, when so many bytes more have been.
    public func cut(after bytes: Int) { state.withLock { $0.cutAt = $0.carried + bytes } }

    /// How often that has happened.
    public var cuts: Int { state.withLock { $0.cuts } }

    public var toTarget: [UInt8] { state.withLock { $0.bytes.toTarget } }
    public var toCaller: [UInt8] { state.withLock { $0.bytes.toCaller } }
}
