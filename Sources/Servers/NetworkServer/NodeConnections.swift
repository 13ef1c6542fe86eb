import MasixNetwork
import NIOCore

/// What carries frames between this node and others, and tells `NodeChannelsEvent`s on its event loop: `NodeChannels`, or a simulation
/// of it (Documentation/Decisions/0014).
///
/// One call for a frame: what it costs to be asked by way of a protocol is nothing beside the frame.
protocol NodeConnections: AnyObject, Sendable {
    var configuration: NodeChannelsConfiguration { get }
    /// Where the events are told, and where everything else of a network server runs.
    var eventLoop: any EventLoop { get }
    var counters: NodeChannelsCounters { get }

    /// False asks for patience until `.drained`; the frame has been taken.
    @discardableResult
    func send(_ frame: [UInt8], on channel: ChannelID) -> Bool
    func close(_ channel: ChannelID, _ refusal: ChannelRefusal)
    /// Dials at once, unless a channel is up.
    func dialNow(_ peer: UInt32)
    /// On the event loop alone.
    func reports() -> (peers: [ChannelReport], strangers: [String])
}

extension NodeChannels: NodeConnections {}
