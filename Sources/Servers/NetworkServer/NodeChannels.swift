import Logging
import MasixKernel
public import MasixNetwork
public import NIOCore
import NIOPosix

/// The channels of this node with the other nodes of its roster: at most one with each, over TLS 1.3 with both sides known by their keys.
///
/// A channel is a session: it goes on over another connection when one is cut, and nothing of it is lost or comes twice. It is down when
/// it has died, for both sides (decision 0021).
///
/// One thread, an event loop, does all the work and tells all the events; whoever takes them must not keep it waiting: a loop that
/// stands still for longer than `silenceMilliseconds` looks dead to the peers. All methods can be called from any thread, within
/// `deliver` too; what they lead to is told after the event that is being told.
public final class NodeChannels: Sendable {
    public typealias Event = NodeChannelsEvent
    public typealias Peer = ChannelPeer
    public typealias Configuration = NodeChannelsConfiguration

    public let configuration: Configuration
    private let group: MultiThreadedEventLoopGroup
    /// Where the events are told.
    public let eventLoop: any EventLoop
    private let queues: ChannelQueues
    private let board: NIOLoopBoundBox<Switchboard?>
    private let deliver: @Sendable (Event) -> Void

    /// Nothing is listened to and nobody is dialled before `start`. Whoever makes one must `stop` it, started or not.
    public init(configuration: Configuration, deliver: @escaping @Sendable (Event) -> Void) {
        self.configuration = configuration
        self.deliver = deliver
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        eventLoop = group.next()
        queues = ChannelQueues(configuration.limits)
        board = NIOLoopBoundBox.makeEmptyBox(valueType: Switchboard.self, eventLoop: eventLoop)
    }

    /// Listens and begins to dial; once. Throws what keeps it from that: the address, the key. Not to be called on the event loop.
    public func start() throws {
        let (loop, queues, board) = (eventLoop, self.queues, self.board)
        try loop.submit { [configuration, deliver] in
            board.value = try Switchboard(configuration: configuration, queues: queues, loop: loop, deliver: deliver)
        }.wait()
        let listener = try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try board.value?.admit(channel) }
            }
            .bind(host: configuration.listenHost, port: Int(configuration.listenPort)).wait()
        queues.port = (listener.localAddress?.port).flatMap { UInt16(exactly: $0) }
        loop.execute { board.value?.begin(listener) }
    }

    /// The port that is listened to; nil before `start`.
    public var port: UInt16? { queues.port }

    /// Queues a frame, which is sent with all others of the same turn of the event loop.
    ///
    /// False asks for patience: the frame has been taken all the same, but send no more before `.drained`. A sender that does not listen is
    /// stopped at `overrunBytes`, where the channel is closed. A frame for a channel that is no more is dropped: `.down` tells it, and
    /// false is returned. A frame has at least one byte and at most `frameBytesMax`; the channel is closed for any other.
    @discardableResult
    public func send(_ frame: [UInt8], on channel: ChannelID) -> Bool {
        guard !frame.isEmpty else {
            close(channel, .emptyFrame)
            return false
        }
        guard frame.count <= configuration.limits.frameBytesMax else {
            close(channel, .tooLarge(length: UInt32(clamping: frame.count), limit: UInt32(configuration.limits.frameBytesMax)))
            return false
        }
        let (admission, flush) = queues.add(frame, to: channel)
        if flush { ask { $0.flush() } }
        if admission == .overrun { close(channel, .overrun) }
        return admission == .taken
    }

    /// No more frames are told, except those that have been on their way to `deliver`; the peer is soon asked for patience. What can have
    /// been read meanwhile is bounded by the buffers of the kernel.
    public func pauseReading(_ channel: ChannelID) {
        // Within `deliver` the next frame of the same reading is kept back already.
        if eventLoop.inEventLoop { board.value?.pause(channel) } else { ask { $0.pause(channel) } }
    }

    public func resumeReading(_ channel: ChannelID) { ask { $0.resume(channel) } }

    /// Ends a channel after what has been sent on it; the reason is counted and logged, and `.down` tells it.
    public func close(_ channel: ChannelID, _ refusal: ChannelRefusal) {
        ask { $0.close(channel, refusal) }
    }

    /// From now on this roster counts: channels of entries that are gone, have expired or have another key end at once, new entries are
    /// dialled. A channel whose entry has only a new address, name or epoch goes on.
    public func replace(_ roster: NodeRoster) { ask { $0.replace(roster) } }

    /// Dials at once instead of after the pause, unless a channel is up or a dial under way.
    public func dialNow(_ peer: UInt32) { ask { $0.dialNow(peer) } }

    /// Says goodbye on all channels, tells their `.down`, closes, and ends the thread. Peers that do not answer hold it up for one second at
    /// most. Not to be called on the event loop. Afterwards every method does nothing.
    public func stop() {
        guard queues.stop() else { return }
        do {
            try eventLoop.submit { [board] in
                board.value?.stop()
                board.value = nil
            }.wait()
            try group.syncShutdownGracefully()
        } catch {
            configuration.logger.error("the event loop has not ended in order: \(error)")
        }
    }

    /// What is known of every other node of the roster, and of strangers. On the event loop alone.
    func reports() -> (peers: [ChannelReport], strangers: [String]) {
        guard let board = board.value else { return ([], []) }
        return (board.reports(), board.strangers)
    }

    /// On the event loop, after what is happening there now.
    private func ask(_ body: @escaping @Sendable (Switchboard) -> Void) {
        // The thread of a stopped loop takes nothing more.
        guard !queues.isStopped else { return }
        eventLoop.execute { [board] in if let board = board.value { body(board) } }
    }

    public var counters: NodeChannelsCounters { queues.counters }
}
