/// What a network server asks where a name may be, before it asks a node for the right.
///
/// A directory says which nodes are worth a question, and no more: the right comes from the node that has the name, by the same question
/// whoever said so. It can save messages, and is believed about nothing (Documentation/Decisions/0022).
protocol Directory: Sendable {
    /// Calls `found` on the caller's event loop, at once or later, with the numbers of the nodes that may have the name; with nil if all may.
    func locate(_ name: String, found: @escaping (Set<UInt32>?) -> Void)
}

/// Nobody knows beforehand: all are asked.
struct BroadcastDirectory: Directory {
    func locate(_ name: String, found: @escaping (Set<UInt32>?) -> Void) { found(nil) }
}
