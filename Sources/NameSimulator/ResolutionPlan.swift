public import MasixNetwork

/// What a run of simulated name resolution is made from: the nodes, the network between them, and what is asked.
public struct ResolutionPlan: Sendable {
    /// Who uses a name.
    public enum Sharing: String, Sendable, CaseIterable {
        /// One node beside its own.
        case one
        /// Five, or as many as there are.
        case few
        /// All.
        case all

        func users(among nodes: Int) -> Int {
            switch self {
            case .one: 1
            case .few: min(5, nodes - 1)
            case .all: nodes - 1
            }
        }
    }

    public var seed: UInt64 = 1
    public var nodes = 3
    public var announcements: NameAnnouncements = []
    public var sharing = Sharing.few
    /// Look-ups of names of other nodes, at least; each user of a name looks it up `again` times more.
    public var lookUps = 400
    public var again = 2
    /// Microseconds over which they are spread.
    public var duration: UInt64 = 10_000_000
    /// How often a name's port dies and the name is registered anew, on the average, meanwhile.
    public var deaths = 0.0
    /// Of 100 messages to what was found, after so many the server looks up who sent it.
    public var callBacks = 0
    /// A name of each hundred is registered on two nodes.
    public var hasDuplicates = false

    /// Microseconds from node to node, one way, and what chance adds to them at the most.
    public var latency: UInt64 = 50
    public var jitter: UInt64 = 10
    /// Microseconds of a node's processor for a frame that it sends, and for one that it takes.
    public var cost: UInt64 = 10
    /// Microseconds from task to task of one node.
    public var hop: UInt64 = 10
    /// Bytes of a frame on the wire beside itself: its length, the TLS record, TCP, IP and Ethernet.
    public static let overhead = 4 + 22 + 32 + 20 + 18

    public init() {}
}

/// What a run has cost and found.
public struct ResolutionTally: Sendable {
    public var lookUps = 0
    /// Answered without a frame.
    public var local = 0
    /// Microseconds, of each look-up that found its name.
    public var latencies: [UInt64] = []
    /// Frames for names and for the rights that come with them, and their bytes on the wire.
    public var frames = 0
    public var bytes = 0
    /// The same frames by kind.
    public var kinds: [String: Int] = [:]
    /// What they would be where a word to all nodes is one message.
    public var broadcasts = 0
    /// Microseconds of all processors together.
    public var processor: UInt64 = 0
    /// Rights to ports of other nodes, of all nodes together, at the most.
    public var proxies = 0
    public var notFound = 0
    public var deaths = 0
    /// Look-ups answered with a port that had died, or lost its name, before they were asked, and by how many microseconds at the most.
    public var stale = 0
    public var stalest: UInt64 = 0
    /// Look-ups that found another port than the rule says.
    public var wrong = 0
    public var faults: [String] = []

    public init() {}

    /// The latency that so many of a hundred look-ups did not exceed.
    public func latency(percent: Int) -> UInt64 {
        let sorted = latencies.sorted()
        return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * percent / 100)]
    }

    public var meanLatency: Double {
        latencies.isEmpty ? 0 : Double(latencies.reduce(0, +)) / Double(latencies.count)
    }

    /// Adds what another run has cost and found.
    public mutating func add(_ other: ResolutionTally) {
        lookUps += other.lookUps
        local += other.local
        latencies += other.latencies
        frames += other.frames
        bytes += other.bytes
        kinds.merge(other.kinds, uniquingKeysWith: +)
        broadcasts += other.broadcasts
        processor += other.processor
        proxies = max(proxies, other.proxies)
        notFound += other.notFound
        deaths += other.deaths
        stale += other.stale
        stalest = max(stalest, other.stalest)
        wrong += other.wrong
        faults += other.faults
    }
}
