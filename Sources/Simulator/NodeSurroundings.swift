import MasixKernel

/// What a simulated node stands in: who decides what happens when, and hears of what the node has done.
protocol NodeSurroundings: AnyObject {
    var chance: Chance { get set }
    var tally: Tally { get set }
    /// Whether tasks run on inside events, and the nucleus may die.
    var crashes: Bool { get }
    /// Of so many events one finds the nucleus dying before it is journaled, and one after.
    var eventsPerDeath: Int { get }

    /// Between two accesses of the nucleus to memory that it shares, anybody may run.
    func interrupt()
    /// The nucleus loses its processor now and then, between any two things that it does.
    func restNucleus(oneIn rate: Int)
    /// A line for people.
    func log(_ line: @autoclosure () -> String)

    /// The kernel is about to handle an event in this situation.
    func met(_ situation: Situation)
    /// Once per journaled event, before any of its actions is carried out.
    func handled(_ event: Event, _ actions: [Action])
    /// The nucleus has made a task.
    func joined(_ id: TaskID, _ rights: [Arrived])
    /// An answer lies ready for the task.
    func answered(_ id: TaskID)
    /// The kernel has let a task go.
    func gone(_ id: TaskID)
    func closed(_ lease: Lease, _ closing: Closing, byRevocation: Bool)
}

extension NodeSurroundings {
    func answered(_ id: TaskID) {}
    func gone(_ id: TaskID) {}
}
