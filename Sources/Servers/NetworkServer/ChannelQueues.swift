import MasixNetwork
import Synchronization

/// What threads and the event loop share: the frames on their way to the loop, how much of each channel is unsent, and the counters.
final class ChannelQueues: Sendable {
    private struct Unsent {
        var bytes = 0
        /// Somebody has been asked for patience.
        var isFull = false
    }

    private struct State {
        var frames: [(channel: ChannelID, frame: [UInt8])] = []
        var isFlushDue = false
        var unsent: [ChannelID: Unsent] = [:]
        var counters = NodeChannelsCounters()
        var port: UInt16?
        var isStopped = false
    }

    private let state = Mutex(State())
    private let limits: NodeChannelsLimits

    init(_ limits: NodeChannelsLimits) { self.limits = limits }

    func open(_ channel: ChannelID) { state.withLock { $0.unsent[channel] = Unsent() } }

    func close(_ channel: ChannelID) { state.withLock { _ = $0.unsent.removeValue(forKey: channel) } }

    enum Admission { case taken, full, overrun, gone }

    /// The second value says that the loop must be told to flush.
    func add(_ frame: [UInt8], to channel: ChannelID) -> (Admission, flush: Bool) {
        state.withLock { state in
            guard !state.isStopped, var unsent = state.unsent[channel] else { return (.gone, false) }
            guard unsent.bytes + frame.count <= limits.overrunBytes else { return (.overrun, false) }
            unsent.bytes += frame.count
            if unsent.bytes > limits.highWaterBytes { unsent.isFull = true }
            state.unsent[channel] = unsent
            state.frames.append((channel, frame))
            defer { state.isFlushDue = true }
            return (unsent.isFull ? .full : .taken, !state.isFlushDue)
        }
    }

    func take() -> [(channel: ChannelID, frame: [UInt8])] {
        state.withLock { state in
            state.isFlushDue = false
            defer { state.frames = [] }
            return state.frames
        }
    }

    /// So many bytes have gone to the network; true if more may be sent again.
    func written(_ bytes: Int, to channel: ChannelID) -> Bool {
        state.withLock { state in
            guard var unsent = state.unsent[channel] else { return false }
            unsent.bytes -= bytes
            let isDrained = unsent.isFull && unsent.bytes <= limits.highWaterBytes / 2
            if isDrained { unsent.isFull = false }
            state.unsent[channel] = unsent
            return isDrained
        }
    }

    func isIdle(_ channel: ChannelID) -> Bool { state.withLock { ($0.unsent[channel]?.bytes ?? 0) == 0 } }

    /// True the first time.
    func stop() -> Bool {
        state.withLock { state in
            defer { state.isStopped = true }
            return !state.isStopped
        }
    }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    var counters: NodeChannelsCounters { state.withLock { $0.counters } }

    func count(_ change: (inout NodeChannelsCounters) -> Void) { state.withLock { change(&$0.counters) } }

    var port: UInt16? {
        get { state.withLock { $0.port } }
        set { state.withLock { $0.port = newValue } }
    }
}
