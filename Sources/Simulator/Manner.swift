/// What the programs of one node are mostly at: a node where everything happens at once gets to the bottom of nothing.
enum Manner: CaseIterable {
    /// Of everything a little.
    case mixed
    /// Many plain messages to few ports, so that leases live and their queues are full and empty by turns.
    case streams
    case calls
    /// Threads of one task wait beside each other, for different ports and for the same, to which messages come by both ways.
    case companions
    /// Rights are made, moved and dropped, ports come and go.
    case rights
    /// Requests that an honest library never makes, and that the kernel must refuse.
    case odd

    enum Deed {
        case receive, send, call, answer, makeRight, dropRight, destroy, notify, together, setLimit, allocate, status, reportLink, oddity,
            pause
    }

    /// How often a thread does what, one thing compared with another.
    var weights: [(Deed, Int)] {
        switch self {
        case .mixed:
            [
                (.receive, 28), (.send, 27), (.call, 13), (.answer, 12), (.makeRight, 4), (.dropRight, 2), (.destroy, 1), (.notify, 4),
                (.together, 4),
                (.setLimit, 2), (.allocate, 2), (.status, 1), (.reportLink, 1), (.oddity, 1), (.pause, 3),
            ]
        case .streams:
            [
                (.receive, 6), (.send, 80), (.call, 4), (.answer, 4), (.setLimit, 1), (.dropRight, 2), (.notify, 4), (.together, 2),
                (.reportLink, 1), (.pause, 4),
            ]
        case .companions: [(.receive, 12), (.send, 80), (.call, 2), (.answer, 4), (.pause, 2)]
        case .calls: [(.receive, 5), (.send, 10), (.call, 60), (.answer, 20), (.dropRight, 2), (.notify, 3), (.reportLink, 1), (.pause, 3)]
        case .rights:
            [
                (.receive, 18), (.send, 24), (.call, 4), (.answer, 10), (.makeRight, 12), (.dropRight, 18), (.destroy, 9), (.notify, 16),
                (.together, 16),
                (.setLimit, 2), (.allocate, 8), (.status, 2), (.reportLink, 1), (.pause, 2),
            ]
        case .odd:
            [
                (.receive, 20), (.send, 18), (.call, 8), (.answer, 10), (.makeRight, 5), (.dropRight, 6), (.destroy, 3), (.notify, 8),
                (.together, 8),
                (.setLimit, 4), (.allocate, 4), (.status, 4), (.oddity, 30),
            ]
        }
    }

    /// Whether leases are to live: few tasks, ports that hold more.
    var isSteady: Bool { self == .streams || self == .calls || self == .companions }

    /// One message in so many carries rights.
    var cargoRate: Int {
        switch self {
        case .mixed, .odd: 8
        case .streams: 25
        case .calls: 20
        case .companions: 4
        case .rights: 2
        }
    }

    /// A thread stays with the right that it used last, but for one time in so many.
    var changeRate: Int {
        switch self {
        case .streams, .calls: 12
        case .companions: 3
        case .mixed, .rights, .odd: 4
        }
    }

    static func choose(_ chance: inout Chance) -> Manner {
        switch chance.below(20) {
        case 0..<5: .streams
        case 5..<9: .calls
        case 9..<13: .companions
        case 13..<15: .mixed
        case 15..<18: .rights
        default: .odd
        }
    }

    func choose(_ chance: inout Chance) -> Deed {
        let weights = weights
        var left = chance.below(weights.reduce(0) { $0 + $1.1 })
        for (deed, weight) in weights {
            if left < weight { return deed }
            left -= weight
        }
        return .pause
    }
}
