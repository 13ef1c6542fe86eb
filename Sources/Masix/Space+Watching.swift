import Synchronization

// What tests and measurements look at: how a task waits.

extension Space {
    /// How often a thread of this task has gone to sleep in its pipe.
    package var sleeps: Int { reception.sleepCount }

    /// The state of the reception, for whoever wonders why nothing comes.
    package var receptionState: String { reception.description }

    /// Link ends that this task holds.
    package var linkCount: Int { links.state.withLock { $0.ends.count } }
}
