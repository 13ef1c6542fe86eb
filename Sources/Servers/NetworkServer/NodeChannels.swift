import Logging
import MasixKernel
public import MasixNetwork
public import NIOCore
import NIOPosix
import Synchronization

/// The channels of this node with the other nodes of its roster: at most one with each, made by whoever comes first, over TLS 1.3 with both
/// sides known by their keys.
///
/// One thread, an event loop, does all the work and tells all the events; whoever takes them must not keep it waiting: a loop that
/// stands still for longer than `silenceMilliseconds` looks dead to the peers. All methods can be called from any thread.
public final class NodeChannels: Sendable {
    public typealias Event = NodeChannelsEvent
    public typealias Configuration = NodeChannelsConfiguration

    public let configuration: Configuration
    private let group: MultiThreadedEventLoopGroup
    /// Where the events are told.
    public let eventLoop: any EventLoop

    /// Nothing is listened to and nobody is dialled before `start`.
    public init(configuration: Configuration, deliver: @escaping @Sendable (Event) -> Void) {
        self.configuration = configuration
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        eventLoop = group.next()
    }

    /// Listens and begins to dial. Throws what keeps it from that: the address, the key.
    public func start() throws {}

    /// The port that is listened to; nil before `start`.
    public var port: UInt16? { nil }

    /// Queues a frame, which is sent with all others of the same turn of the event loop.
    ///
    /// False asks for patience: the frame has been taken all the same, but send no more before `.drained`. A sender that does not listen is
    /// stopped at `overrunBytes`, where the channel is closed. A frame for a channel that is no more is dropped: `.down` tells it, and
    /// false is returned.
    @discardableResult
    public func send(_ frame: [UInt8], on channel: ChannelID) -> Bool { false }

    /// No frames are told from now on, except those that have been on their way to `deliver`; the peer is soon asked for patience.
    public func pauseReading(_ channel: ChannelID) {}

    public func resumeReading(_ channel: ChannelID) {}

    /// Ends a channel after what has been sent on it; the reason is counted and logged, and `.down` tells it.
    public func close(_ channel: ChannelID, _ refusal: ChannelRefusal) {}

    /// From now on this roster counts: channels of entries that are gone or have another key end at once.
    public func replace(_ roster: NodeRoster) {}

    /// Dials at once instead of after the pause, unless a channel is up or a dial under way.
    public func dialNow(_ peer: UInt32) {}

    /// Says goodbye on all channels, closes, and ends the thread. Not to be called on the event loop.
    public func stop() {}

    public var counters: NodeChannelsCounters { NodeChannelsCounters() }
}
