import MasixNetwork
import NIOCore

/// What the switchboard knows of a node of the roster, for people.
struct ChannelReport {
    var entry: NodeRosterEntry
    var peer: ChannelPeer?
    var milliseconds: UInt64
    /// The kind of the last refusal or failure, the words, and how long ago.
    var trouble: (kind: String, words: String, ago: UInt64)?
}

/// What happened last with each node, and with strangers.
struct PeerHistory {
    private struct Trouble {
        let kind: String
        let words: String
        let at: NIODeadline
    }

    private var changed: [UInt32: NIODeadline] = [:]
    private var troubles: [UInt32: Trouble] = [:]
    /// Callers whom nobody knows, the latest last.
    private(set) var strangers: [String] = []
    private let start = NIODeadline.now()

    static let strangersMax = 8

    /// It has come up, or gone down.
    mutating func change(of peer: UInt32) { changed[peer] = .now() }

    mutating func trouble(with peer: UInt32, _ kind: String, _ words: String) {
        troubles[peer] = Trouble(kind: kind, words: words, at: .now())
    }

    mutating func add(stranger words: String) {
        strangers.removeAll { $0 == words }
        if strangers.count >= Self.strangersMax { strangers.removeFirst() }
        strangers.append(words)
    }

    mutating func forget(_ peer: UInt32) {
        changed[peer] = nil
        troubles[peer] = nil
    }

    func report(_ entry: NodeRosterEntry, up peer: ChannelPeer?) -> ChannelReport {
        let now = NIODeadline.now()
        func since(_ past: NIODeadline) -> UInt64 { UInt64(max(0, (now - past).nanoseconds / 1_000_000)) }
        return ChannelReport(
            entry: entry, peer: peer, milliseconds: since(changed[entry.number] ?? start),
            trouble: troubles[entry.number].map { ($0.kind, $0.words, since($0.at)) })
    }
}

extension ChannelEnd {
    /// A word for it that is the same every time.
    var kind: String {
        switch self {
        case .goodbye: "goodbye"
        case .stopped: "stopped"
        case .lost: "lost"
        case .silent: "silent"
        case .refused(let refusal): "\(refusal.kind)"
        case .refusedByPeer(let kind): "\(kind)"
        case .superseded: "superseded"
        }
    }
}
