package import MasixTransport

// What people ask of a node: tables, counters, traces. Tasks see nothing of each other by it that they may not see.

extension Space {
    /// Asks the nucleus and waits for its answer, which it gives at once.
    package func query(_ query: Query) throws(MasixError) -> MasixTransport.Answer {
        try checkFork()
        return try connection.withCore { core throws(MasixError) in try core.ask(query) }
    }
}

extension Space {
    /// Tells whoever traces of a frame between nodes, which passes the network server and not the nucleus. For the network server alone.
    /// `step` is that of the paper's figure 2; `note` is for people, at most 256 bytes. False if nobody looks on.
    package func show(frameOf count: Int, isSent: Bool, step: UInt32, note: String) throws(MasixError) -> Bool {
        try query(.frame(isSent: isSent, step: step, count: UInt64(count), note: note)) == .done
    }
}
