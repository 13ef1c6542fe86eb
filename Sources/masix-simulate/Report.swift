import MasixSimulator

/// The figures of a run, for people.
struct Report {
    let text: String

    init(_ tally: Tally, first: UInt64, elapsed: Duration) {
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        var lines = [
            "\(tally.seeds) seeds from \(first), \(tally.steps) steps, \(tally.events) events in \(Int(seconds * 1000)) ms: "
                + "\(Int(Double(tally.seeds) / max(seconds, 0.001))) seeds/s",
            "messages: \(tally.messagesByLink) by link, \(tally.messagesByNucleus) by nucleus; calls \(tally.calls), "
                + "answers \(tally.answersByLink) by link, \(tally.answersByNucleus) by nucleus; notifications \(tally.notifications)",
            "sleeps \(tally.sleeps), kills \(tally.kills), stops \(tally.stops), deaths of the nucleus \(tally.nucleusKills), "
                + "replays \(tally.replays), links given up \(tally.linkFaults)",
            "revocations \(tally.revocations), frames harvested \(tally.harvested); leases revoked under a thread that stood at",
        ]
        for step in ProtocolStep.allCases {
            let count = String(tally.revocationsAtStep[step, default: 0])
            lines.append("  " + String(repeating: " ", count: max(0, 8 - count.count)) + count + "  " + step.rawValue)
        }
        text = lines.joined(separator: "\n")
    }
}
