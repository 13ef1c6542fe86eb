import MasixNetwork
import Synchronization

/// What threads and the event loop share: the frames on their way to the loop, how much of each channel the
/// other side does not have yet, and the counters.
final class ChannelQueues: Sendable {
    private struct Kept {
        var bytes = 0
        /// Somebody has been asked for patience.
        var isFull = false
    }

    private struct State {
        var frames: [(channel: ChannelID, frame: [UInt8])] = []
        var isFlushDue = false
        var kept: [ChannelID: Kept] = [:]
        var counters = NodeChannelsCounters()
        var port: UInt16?
        var isStopped = false
    }

    private let state = Mutex(State())
    private let limits: NodeChannelsLimits

    init(_ limits: NodeChannelsLimits) { self.limits = limits }

    func open(_ channel: ChannelID) { state.withLock { $0.kept[channel] = Kept() } }

    func close(_ channel: ChannelID) { state.withLock { _ = $0.kept.removeValue(forKey: channel) } }

    enum Admission { case taken, full, overrun, gone }

    /// The second value says that the loop must be told to flush.
    func add(_ frame: [UInt8], to channel: ChannelID) -> (Admission, flush: Bool) {
        state.withLock { state in
            guard !state.isStopped, var kept = state.kept[channel] else { return (.gone, false) }
            guard kept.bytes + frame.count <= limits.overrunBytes else { return (.overrun, false) }
            kept.bytes += frame.count
            if kept.bytes > limits.highWaterBytes { kept.isFull = true }
            state.kept[channel] = kept
            state.frames.append((channel, frame))
            defer { state.isFlushDue = true }
            return (kept.isFull ? .full : .taken, !state.isFlushDue)
        }
    }

    func take() -> [(channel: ChannelID, frame: [UInt8])] {
        state.withLock { state in
            state.isFlushDue = false
            defer { state.frames = [] }
            return state.frames
        }
    }

    /// The other side has so many bytes more; true if more may be sent again.
    func freed(_ bytes: Int, of channel: ChannelID) -> Bool {
        state.withLock { state in
            guard var kept = state.kept[channel] else { return false }
            kept.bytes -= bytes
            let isDrained = kept.isFull && kept.bytes <= limits.highWaterBytes / 2
            if isDrained { kept.isFull = false }
            state.kept[channel] = kept
            return isDrained
        }
    }

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
