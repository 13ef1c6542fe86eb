import Logging
import MasixKernel
import MasixLinux
import MasixNetwork
import NIOCore
import Synchronization
import Testing

@testable import MasixNetworkServer

/// A node as far as its channels go: what was told, in order, and a way to wait for it.
final class Station: Sendable {
    let key: NodeKey
    let number: UInt32
    let name: String
    let host: String
    let channels: NodeChannels
    private let told: Told

    private final class Told: Sendable {
        let events = Mutex<[NodeChannelsEvent]>([])
        let reaction = Mutex<(@Sendable (NodeChannelsEvent) -> Void)?>(nil)
    }

    init(
        _ number: UInt32, life: UInt32 = 1, key: NodeKey = .make(), host: String = "127.0.0.1", roster: [NodeRosterEntry] = [],
        versions: ChannelVersions = .current, says: UInt32? = nil, time: SharedTime? = nil,
        limits change: (inout NodeChannelsLimits) -> Void = { _ in }
    ) throws {
        self.key = key
        self.number = number
        self.host = host
        name = "node-\(number)"
        var logger = Logger(label: "node-\(number)")
        logger.logLevel = .critical
        var configuration = NodeChannelsConfiguration(
            node: NodeID(number: says ?? number, incarnation: life), name: name, key: key, roster: try NodeRoster(roster), listenHost: host,
            listenPort: 0, software: "test", logger: logger)
        if let time { configuration.now = { time.seconds } }
        configuration.versions = versions
        change(&configuration.limits)
        let told = Told()
        self.told = told
        channels = NodeChannels(configuration: configuration) { event in
            told.events.withLock { $0.append(event) }
            told.reaction.withLock { $0 }?(event)
        }
        try channels.start()
    }

    deinit { channels.stop() }

    /// As other nodes write it down.
    func entry(port: UInt16? = nil, epoch: UInt64 = 1, expires: UInt64? = nil, key: NodeKey? = nil) throws -> NodeRosterEntry {
        try NodeRosterEntry(
            number: number, name: name, fingerprint: (key ?? self.key).fingerprint, host: host, port: try #require(port ?? channels.port),
            epoch: epoch, expires: expires)
    }

    func know(_ entries: NodeRosterEntry...) throws { channels.replace(try NodeRoster(entries)) }

    func react(_ body: @escaping @Sendable (NodeChannelsEvent) -> Void) { told.reaction.withLock { $0 = body } }

    var events: [NodeChannelsEvent] { told.events.withLock { $0 } }

    var frames: [[UInt8]] { events.compactMap { if case .frame(_, let frame) = $0 { frame } else { nil } } }

    var ups: [(id: ChannelID, peer: ChannelPeer)] {
        events.compactMap { if case .up(let id, let peer) = $0 { (id: id, peer: peer) } else { nil } }
    }

    var ends: [ChannelEnd] { events.compactMap { if case .down(_, _, let end) = $0 { end } else { nil } } }

    /// The channels that are up, from what was told.
    var open: [ChannelID] {
        var open: [ChannelID] = []
        for event in events {
            switch event {
            case .up(let id, _): open.append(id)
            case .down(let id, _, _): open.removeAll { $0 == id }
            default: break
            }
        }
        return open
    }

    /// How often sending was allowed again.
    var drained: Int { events.count { if case .drained = $0 { true } else { false } } }

    func refusals(_ kind: ChannelRefusal.Kind) -> UInt64 { channels.counters.refusals[kind] ?? 0 }

    @discardableResult
    func awaitUp(_ location: SourceLocation = #_sourceLocation) throws -> ChannelID {
        try eventually("node \(number) up", at: location) { self.open.count == 1 }
        return try #require(open.first, sourceLocation: location)
    }
}

/// Waits until something holds; false after so many seconds is a failure.
func eventually(
    _ what: String, seconds: Double = 10, at location: SourceLocation = #_sourceLocation, _ condition: () -> Bool
) throws {
    let end = Clock.monotonicNanoseconds() + UInt64(seconds * 1e9)
    let word = FutexWord()
    while !condition() {
        try #require(Clock.monotonicNanoseconds() < end, "\(what): not within \(seconds) s", sourceLocation: location)
        _ = try? word.wait(while: 0, timeoutNanoseconds: 2_000_000)
    }
}

func pause(milliseconds: UInt64) { _ = try? FutexWord().wait(while: 0, timeoutNanoseconds: milliseconds * 1_000_000) }

/// Two nodes that know each other.
func pair(_ first: Station, _ second: Station) throws {
    try first.know(second.entry())
    try second.know(first.entry())
}

extension NodeChannelsConfiguration {
    /// Node 1, whose network server is tested beside a station.
    static func ofNodeOne(_ key: NodeKey, knowing entries: NodeRosterEntry...) throws -> NodeChannelsConfiguration {
        var logger = Logger(label: "a")
        logger.logLevel = .critical
        return NodeChannelsConfiguration(
            node: NodeID(number: 1, incarnation: 1), name: "node-1", key: key, roster: try NodeRoster(entries), listenHost: "127.0.0.1",
            listenPort: 0, software: "test", logger: logger)
    }
}
