package import MasixTransport

// What people ask of a node: tables, counters, traces. Tasks see nothing of each other by it that they may not see.

extension Space {
    /// Asks the nucleus and waits for its answer, which it gives at once.
    package func query(_ query: Query) throws(MasixError) -> MasixTransport.Answer {
        try checkFork()
        return try connection.withCore { core throws(MasixError) in try core.ask(query) }
    }
}
